//! The calls that a node makes to EC2: for its own tags, for the servers of its cluster, and for what only EC2 knows of the
//! node itself.

use super::pages::{self, Page};
use super::{AwsError, Client, xml};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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

/// What only EC2 knows of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The hop limit of the answers of the metadata service, 1 to 64; `None` if EC2 does not say.
    pub hop_limit: Option<u8>,
}

/// The tags of an answer to `DescribeTags`, or of an instance.
fn tags(inner: &str) -> Result<Vec<(String, String)>, String> {
    xml::list(inner, "tagSet", "item", |tag| {
        Ok((xml::required(tag, "key")?, xml::field(tag, "value")?.unwrap_or_default()))
    })
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
    Ok(Some(Peer { instance: id, address, vpc, tags: tags(instance)?.into_iter().collect() }))
}

/// The tags of one instance. Needs `ec2:DescribeTags`.
pub async fn describe_tags(
    client: &Client,
    instance: &str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let filters: [(&str, &[&str]); 1] = [("resource-id", &[instance])];
    Ok(all(client, "DescribeTags", &filters, tags).await?.into_iter().collect())
}

/// The running instances, in every VPC, that match all of these filters; a filter matches an instance that has one of
/// its values. Needs `ec2:DescribeInstances`.
pub async fn describe_peers(
    client: &Client,
    filters: &[(&str, &[&str])],
) -> Result<Vec<Peer>, AwsError> {
    let running: (&str, &[&str]) = ("instance-state-name", &["running"]);
    let filters = [filters, &[running]].concat();
    let mut found = all(client, "DescribeInstances", &filters, peers).await?;
    found.sort_by_key(|peer| peer.address);
    Ok(found)
}

/// What EC2 says of one instance; `None` if it does not know it. Needs `ec2:DescribeInstances`.
pub async fn describe_instance(
    client: &Client,
    instance: &str,
) -> Result<Option<Description>, AwsError> {
    let filters: [(&str, &[&str]); 1] = [("instance-id", &[instance])];
    Ok(all(client, "DescribeInstances", &filters, descriptions).await?.pop())
}

/// The instances of an answer to `DescribeInstances`
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html>).
fn descriptions(response: &str) -> Result<Vec<Description>, String> {
    let reservations = xml::list(response, "reservationSet", "item", |reservation| {
        xml::list(reservation, "instancesSet", "item", |instance| {
            let options = xml::child(instance, "metadataOptions")?.unwrap_or_default();
            let limit = xml::field(&options, "httpPutResponseHopLimit")?;
            Ok(Description { hop_limit: limit.and_then(|limit| limit.trim().parse().ok()) })
        })
    })?;
    Ok(reservations.into_iter().flatten().collect())
}

/// What `parse` finds in all pages of an answer.
async fn all<T>(
    client: &Client,
    action: &str,
    filters: &[(&str, &[&str])],
    parse: fn(&str) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, AwsError> {
    pages::all(client, action, async |next| {
        let text = client.query(action, &parameters(filters, next)).await?;
        parsed(action, &text, parse).map_err(|problem| client.malformed(action, problem))
    })
    .await
}

/// The parameters of the request for one page.
fn parameters(filters: &[(&str, &[&str])], next: Option<&str>) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    for (index, (name, values)) in (1..).zip(filters) {
        parameters.push((format!("Filter.{index}.Name"), (*name).to_owned()));
        for (number, value) in (1..).zip(*values) {
            parameters.push((format!("Filter.{index}.Value.{number}"), (*value).to_owned()));
        }
    }
    // Requests without a page size are the first to be throttled (EC2 API throttling guide).
    parameters.push(("MaxResults".to_owned(), "1000".to_owned()));
    parameters.extend(next.map(|token| ("NextToken".to_owned(), token.to_owned())));
    parameters
}

/// One page: what `parse` makes of the answer, and the token of the next page.
fn parsed<T>(
    action: &str,
    text: &str,
    parse: fn(&str) -> Result<Vec<T>, String>,
) -> Result<Page<T>, String> {
    let name = format!("{action}Response");
    let response = xml::child(text, &name)?.ok_or_else(|| format!("no {name}"))?;
    let next = xml::field(&response, "nextToken")?.filter(|token| !token.is_empty());
    Ok(Page { items: parse(&response)?, next, bytes: text.len() })
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
        let Page { items, next, .. } = parsed("DescribeTags", text, tags).unwrap();
        let tags: BTreeMap<_, _> = items.into_iter().collect();
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
        let Page { items: peers, next, .. } = parsed("DescribeInstances", text, peers).unwrap();
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
    fn the_hop_limit_of_an_instance_is_read_where_there_is_one() {
        let answer = |options: &str| {
            format!(
                "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>{options}\
                 </item></instancesSet></item></reservationSet></DescribeInstancesResponse>"
            )
        };
        let limit = "<metadataOptions><state>applied</state><httpPutResponseHopLimit>2</httpPutResponseHopLimit></metadataOptions>";
        for (options, expected) in [(limit, Some(2)), ("<metadataOptions/>", None), ("", None)] {
            let page = parsed("DescribeInstances", &answer(options), descriptions).unwrap();
            assert_eq!(page.items, [Description { hop_limit: expected }], "{options}");
        }
    }

    #[test]
    fn an_empty_answer_is_no_tags() {
        for text in
            ["<DescribeTagsResponse><tagSet/></DescribeTagsResponse>", "<DescribeTagsResponse/>"]
        {
            let page = parsed("DescribeTags", text, tags).unwrap();
            assert_eq!((page.items, page.next), (Vec::new(), None));
        }
        assert!(parsed("DescribeTags", "<html/>", tags).is_err());
    }
}
