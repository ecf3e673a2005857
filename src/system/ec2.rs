//! The two questions that a node ever asks EC2: its own tags, and the servers of its cluster.

use super::aws::{AwsError, Client, xml};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>
const VERSION: &str = "2016-11-15";
/// A cluster has tens of servers; a service that hands out pages for ever is not EC2.
const MAX_PAGES: usize = 100;
/// All pages of one question together, in bytes: a hundred of the largest would be most of a small instance's memory.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A running instance that carries a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The instance id.
    pub instance: String,
    /// Its private address.
    pub address: Ipv4Addr,
    /// Its VPC.
    pub vpc: String,
    /// All of its tags.
    pub tags: BTreeMap<String, String>,
}

/// The tags of an answer to `DescribeTags`, or of an instance.
fn tags(inner: &str) -> Result<BTreeMap<String, String>, String> {
    let tags = xml::list(inner, "tagSet", "item", |tag| {
        Ok((xml::required(tag, "key")?, xml::field(tag, "value")?.unwrap_or_default()))
    })?;
    Ok(tags.into_iter().collect())
}

/// The peers of an answer to `DescribeInstances`.
fn peers(response: &str) -> Result<Vec<Peer>, String> {
    let reservations = xml::list(response, "reservationSet", "item", |reservation| {
        xml::list(reservation, "instancesSet", "item", peer)
    })?;
    Ok(reservations.into_iter().flatten().flatten().collect())
}

/// An instance as a peer; one that is being launched or terminated may have no address.
fn peer(instance: &str) -> Result<Option<Peer>, String> {
    let id = xml::required(instance, "instanceId")?;
    let Some(address) = xml::field(instance, "privateIpAddress")? else { return Ok(None) };
    let address = address
        .parse()
        .map_err(|_| format!("`privateIpAddress` is `{address}`, expected an IPv4 address"))?;
    let vpc = xml::field(instance, "vpcId")?.unwrap_or_default();
    Ok(Some(Peer { instance: id, address, vpc, tags: tags(instance)? }))
}

/// The tags of one instance. Needs `ec2:DescribeTags`.
pub async fn describe_tags(
    client: &Client,
    instance: &str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let filters: [(&str, &[&str]); 1] = [("resource-id", &[instance])];
    let mut all = BTreeMap::new();
    let (mut next, mut read) = (None, 0);
    for _ in 0..MAX_PAGES {
        let found;
        (found, next) =
            page(client, "DescribeTags", &filters, next.as_deref(), &mut read, tags).await?;
        all.extend(found);
        if next.is_none() {
            return Ok(all);
        }
    }
    Err(endless("DescribeTags"))
}

/// The running instances, in every VPC, that pass all of these filters; a filter passes what has one of its values. Needs
/// `ec2:DescribeInstances`.
pub async fn describe_peers(
    client: &Client,
    filters: &[(&str, &[&str])],
) -> Result<Vec<Peer>, AwsError> {
    let running: (&str, &[&str]) = ("instance-state-name", &["running"]);
    let filters = [filters, &[running]].concat();
    let mut all = Vec::new();
    let (mut next, mut read) = (None, 0);
    for _ in 0..MAX_PAGES {
        let found;
        (found, next) =
            page(client, "DescribeInstances", &filters, next.as_deref(), &mut read, peers).await?;
        all.extend(found);
        if next.is_none() {
            all.sort_by_key(|peer| peer.address);
            return Ok(all);
        }
    }
    Err(endless("DescribeInstances"))
}

/// One page: what `parse` makes of the answer, and the token of the next page.
async fn page<T>(
    client: &Client,
    action: &str,
    filters: &[(&str, &[&str])],
    next: Option<&str>,
    read: &mut usize,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(T, Option<String>), AwsError> {
    let mut parameters = Vec::new();
    for (index, (name, values)) in (1..).zip(filters) {
        parameters.push((format!("Filter.{index}.Name"), (*name).to_owned()));
        for (number, value) in (1..).zip(*values) {
            parameters.push((format!("Filter.{index}.Value.{number}"), (*value).to_owned()));
        }
    }
    // Requests without a page size are the first to be throttled (EC2 API throttling guide).
    parameters.push(("MaxResults".to_owned(), "1000".to_owned()));
    if let Some(token) = next {
        parameters.push(("NextToken".to_owned(), token.to_owned()));
    }
    let text = client.query(action, VERSION, &parameters).await?;
    add(action, read, text.len())?;
    parsed(action, &text, parse)
        .map_err(|problem| AwsError::Malformed { action: format!("ec2:{action}"), problem })
}

fn parsed<T>(
    action: &str,
    text: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(T, Option<String>), String> {
    let name = format!("{action}Response");
    let response = xml::child(text, &name)?.ok_or_else(|| format!("no {name}"))?;
    let next = xml::field(&response, "nextToken")?.filter(|token| !token.is_empty());
    Ok((parse(&response)?, next))
}

/// Counts the bytes of a page.
fn add(action: &str, read: &mut usize, bytes: usize) -> Result<(), AwsError> {
    *read += bytes;
    if *read <= MAX_BYTES {
        return Ok(());
    }
    Err(AwsError::Malformed {
        action: format!("ec2:{action}"),
        problem: format!("more than {MAX_BYTES} bytes in all pages"),
    })
}

fn endless(action: &str) -> AwsError {
    AwsError::Malformed {
        action: format!("ec2:{action}"),
        problem: format!("more than {MAX_PAGES} pages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_whatever_the_namespace() {
        let text = r#"<?xml version="1.0"?><DescribeTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
            <tagSet><item><resourceId>i-1</resourceId><key>cos:role</key><value>nomad-client</value></item>
            <item><key>empty</key><value/></item>
            <item><key>blanks</key><value> held-out </value></item></tagSet></DescribeTagsResponse>"#;
        let (tags, next) = parsed("DescribeTags", text, tags).unwrap();
        assert_eq!(tags.len(), 3);
        assert_eq!(tags["blanks"], " held-out ", "blanks are part of the value");
        assert_eq!((&*tags["cos:role"], &*tags["empty"]), ("nomad-client", ""));
        assert!(next.is_none());
    }

    #[test]
    fn peers_have_an_address_and_their_tags() {
        let text = "<DescribeInstancesResponse><reservationSet><item><instancesSet>\
            <item><instanceId>i-1</instanceId><privateIpAddress>10.0.0.1</privateIpAddress>\
            <tagSet><item><key>Name</key><value>x</value></item>\
            <item><key>cos:servers</key><value>3</value></item></tagSet></item>\
            <item><instanceId>i-2</instanceId></item>\
            <item><instanceId>i-3</instanceId><privateIpAddress>10.0.0.3</privateIpAddress></item>\
            </instancesSet></item></reservationSet>\
            <nextToken>more</nextToken></DescribeInstancesResponse>";
        let (peers, next) = parsed("DescribeInstances", text, peers).unwrap();
        let [first, second] = &peers[..] else { panic!("{peers:?}") };
        assert_eq!(first.address, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!((&*first.tags["Name"], &*first.tags["cos:servers"]), ("x", "3"));
        assert_eq!((&*second.instance, second.tags.is_empty()), ("i-3", true));
        assert_eq!(next.as_deref(), Some("more"));
        for (good, wrong) in [
            ("<instanceId>i-2</instanceId>", ""),
            ("10.0.0.3", "10.0.0"),
            ("<key>Name</key>", ""),
            ("<key>Name</key>", "<key>a</key><key>b</key>"),
            ("</instancesSet>", ""),
            ("DescribeInstancesResponse", "html"),
        ] {
            let text = text.replace(good, wrong);
            assert!(parsed("DescribeInstances", &text, super::peers).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_are_counted_together() {
        let mut read = 0;
        let page = MAX_BYTES / 4;
        let added: Vec<bool> =
            (0..5).map(|_| add("DescribeTags", &mut read, page).is_ok()).collect();
        assert_eq!(added, [true, true, true, true, false]);
    }

    #[test]
    fn an_empty_answer_is_no_tags() {
        for text in
            ["<DescribeTagsResponse><tagSet/></DescribeTagsResponse>", "<DescribeTagsResponse/>"]
        {
            assert_eq!(parsed("DescribeTags", text, tags), Ok((BTreeMap::new(), None)));
        }
        assert!(parsed("DescribeTags", "<html/>", tags).is_err());
    }
}
