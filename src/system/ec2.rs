//! The two questions that a node ever asks EC2: its own tags, and the servers of its cluster.

use super::aws::{AwsError, Client};
use serde::Deserialize;
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagsPage {
    #[serde(default)]
    tag_set: Items<Tag>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstancesPage {
    #[serde(default)]
    reservation_set: Items<Reservation>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    #[serde(default)]
    instances_set: Items<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    instance_id: String,
    private_ip_address: Option<Ipv4Addr>,
    vpc_id: Option<String>,
    #[serde(default)]
    tag_set: Items<Tag>,
}

impl Instance {
    /// As a peer; one that is being launched or terminated may have no address.
    fn into_peer(self) -> Option<Peer> {
        Some(Peer {
            address: self.private_ip_address?,
            instance: self.instance_id,
            vpc: self.vpc_id.unwrap_or_default(),
            tags: self.tag_set.items.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        })
    }
}

/// EC2's lists: `<tagSet><item/>…</tagSet>`.
#[derive(Deserialize)]
struct Items<T> {
    #[serde(default = "Vec::new", rename = "item")]
    items: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

/// The tags of one instance. Needs `ec2:DescribeTags`.
pub async fn describe_tags(
    client: &Client,
    instance: &str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let filters: [(&str, &[&str]); 1] = [("resource-id", &[instance])];
    let mut tags = BTreeMap::new();
    let (mut next, mut read) = (None, 0);
    for _ in 0..MAX_PAGES {
        let page: TagsPage =
            page(client, "DescribeTags", &filters, next.as_deref(), &mut read).await?;
        tags.extend(page.tag_set.items.into_iter().map(|tag| (tag.key, tag.value)));
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(tags);
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
    let mut peers = Vec::new();
    let (mut next, mut read) = (None, 0);
    for _ in 0..MAX_PAGES {
        let page: InstancesPage =
            page(client, "DescribeInstances", &filters, next.as_deref(), &mut read).await?;
        let instances = page
            .reservation_set
            .items
            .into_iter()
            .flat_map(|reservation| reservation.instances_set.items);
        peers.extend(instances.filter_map(Instance::into_peer));
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            peers.sort_by_key(|peer| peer.address);
            return Ok(peers);
        }
    }
    Err(endless("DescribeInstances"))
}

async fn page<T: for<'de> Deserialize<'de>>(
    client: &Client,
    action: &str,
    filters: &[(&str, &[&str])],
    next: Option<&str>,
    read: &mut usize,
) -> Result<T, AwsError> {
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
    quick_xml::de::from_str(&text).map_err(|error| AwsError::Malformed {
        action: format!("ec2:{action}"),
        problem: error.to_string(),
    })
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
        let page: TagsPage = quick_xml::de::from_str(text).unwrap();
        assert_eq!(page.tag_set.items.len(), 3);
        assert_eq!(page.tag_set.items[2].value, " held-out ", "blanks are part of the value");
        assert_eq!(page.tag_set.items[0].value, "nomad-client");
        assert!(page.next_token.is_none());
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
        let mut page: InstancesPage = quick_xml::de::from_str(text).unwrap();
        let instances = page.reservation_set.items.remove(0).instances_set.items;
        let peers: Vec<Option<Peer>> = instances.into_iter().map(Instance::into_peer).collect();
        let first = peers[0].as_ref().unwrap();
        assert_eq!(first.address, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!((&*first.tags["Name"], &*first.tags["cos:servers"]), ("x", "3"));
        assert!(peers[1].is_none());
        assert!(peers[2].as_ref().unwrap().tags.is_empty());
        assert_eq!(page.next_token.as_deref(), Some("more"));
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
        let page: TagsPage =
            quick_xml::de::from_str("<DescribeTagsResponse><tagSet/></DescribeTagsResponse>")
                .unwrap();
        assert!(page.tag_set.items.is_empty());
    }
}
