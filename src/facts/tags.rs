//! The tags of the instance: from metadata, or from EC2 where metadata has none.

use super::GatherError;
use super::instance::Instance;
use crate::system::System;
use crate::system::aws::{self, AwsError, Client, Service, ec2};
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::{Backoff, Retry};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The list of keys, and the folder of their values.
pub const LIST: &str = "meta-data/tags/instance";

/// Where the value of a tag is.
pub fn path_of(key: &str) -> String {
    format!("{LIST}/{key}")
}

/// Where tags were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagSource {
    /// `meta-data/tags/instance`.
    Metadata,
    /// `ec2:DescribeTags`, because metadata has no tags.
    DescribeTags,
}

/// The tags that the contract is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// Where they were read.
    pub source: TagSource,
    /// Key and value, those of the contract and their look-alikes only.
    pub values: BTreeMap<String, String>,
    /// The keys that are there besides; their values were not read.
    pub others: Vec<String>,
}

impl Tags {
    /// A set with these values, for readers that bring their own.
    pub fn from_values(values: BTreeMap<String, String>) -> Self {
        Self { source: TagSource::Metadata, values, others: Vec::new() }
    }
}

/// What the pure side knows of tags: which keys matter, and which are still missing.
pub struct TagContract<'a> {
    /// Whether a key belongs to the contract or looks like one that does.
    pub matters: &'a dyn Fn(&str) -> bool,
    /// The keys that the role needs and that are not there yet.
    pub missing: &'a dyn Fn(&BTreeMap<String, String>) -> Vec<&'static str>,
}

/// How long metadata says that it has no tags before EC2 is asked: the category comes a moment later than the instance,
/// and a fleet that boots at once shares one account's calls. Up to two seconds more, so that it does not ask together.
const GRACE: Duration = Duration::from_secs(5);

/// The pauses between two looks at metadata, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Reads tags until the contract misses none, or until the deadline.
pub async fn read(
    system: &System,
    imds: &Imds,
    list: Option<String>,
    instance: &Instance,
    contract: &TagContract<'_>,
) -> Result<Tags, GatherError> {
    let no_tags = |source| GatherError::NoTags { source };
    let mut list = list;
    let mut retry = Retry::new(FIRST_PAUSE, LONGEST_PAUSE, imds.deadline());
    let mut said = String::new();
    // Never more than half of the time that there is.
    let grace = GRACE.mul_f64(1.0 + 0.4 * fastrand::f64()).min(imds.deadline().left() / 2);
    let ask_ec2 = Instant::now() + grace;
    loop {
        let found = match &list {
            Some(list) => Ok((TagSource::Metadata, from_metadata(imds, list, contract).await?)),
            // Two ways to the same tags: neither ends the other, and whichever has them first is taken.
            None => tokio::select! {
                late = until_listed(imds) => {
                    list = late?;
                    continue;
                }
                asked = described(system, imds, instance, ask_ec2) => {
                    asked.map(|all| (TagSource::DescribeTags, all))
                }
            },
        };
        let (problem, words) = match found {
            Ok((source, all)) => {
                let tags = divide(source, all, contract);
                let missing = (contract.missing)(&tags.values);
                if missing.is_empty() {
                    return Ok(tags);
                }
                let (found, words) = (keys(&tags), missing.join(", "));
                let words = format!("for the tags {words}; found {found}");
                let waited = imds.deadline().elapsed();
                (GatherError::TagsMissing { missing, found, waited }, words)
            }
            // Metadata has no tags, and EC2 has refused to tell them: nobody else knows them.
            Err(refused @ AwsError::Denied { .. }) => return Err(no_tags(refused)),
            Err(error) => {
                let words = format!("for tags in metadata, or for EC2: {}", error.trouble());
                (no_tags(error), words)
            }
        };
        let wait = retry.delay(Duration::ZERO).ok_or(problem)?;
        if said != words {
            let left = imds.deadline().left().as_secs_f64();
            tracing::info!("waiting up to {left:.0} s {words}");
            said = words;
        }
        tokio::time::sleep(wait).await;
        // Metadata is looked at in every round: its first tag may come late, and then so does the list.
        list = list_keys(imds).await?;
    }
}

/// Asks metadata until it has a list of tags. It never ends while metadata says that there is none.
async fn until_listed(imds: &Imds) -> Result<Option<String>, ImdsError> {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        tokio::time::sleep(backoff.delay()).await;
        if let Some(list) = list_keys(imds).await? {
            return Ok(Some(list));
        }
    }
}

/// The tags as EC2 tells them, from a moment on.
async fn described(
    system: &System,
    imds: &Imds,
    instance: &Instance,
    from: Instant,
) -> Result<BTreeMap<String, Option<String>>, AwsError> {
    tokio::time::sleep_until(from).await;
    if !aws::has_role(imds).await? {
        return Err(AwsError::NoCredentials(aws::CREDENTIALS));
    }
    let client = Client::of(Service::Ec2, imds, &system.environment, &instance.region).await?;
    let tags = ec2::describe_tags(&client, &instance.id).await?;
    Ok(tags.into_iter().map(|(key, value)| (key, Some(value))).collect())
}

/// The list of keys; `None` where tags in metadata are off. Some services answer that with 200 and nothing
/// (aws/amazon-ec2-metadata-mock 189), so an empty list means the same.
pub async fn list_keys(imds: &Imds) -> Result<Option<String>, ImdsError> {
    Ok(imds.text_or_empty(LIST).await?.filter(|list| !list.trim().is_empty()))
}

/// A key that is listed without a value is late: it is left out and asked for again.
async fn from_metadata(
    imds: &Imds,
    list: &str,
    contract: &TagContract<'_>,
) -> Result<BTreeMap<String, Option<String>>, ImdsError> {
    let keys = list.lines().map(str::trim).filter(|key| !key.is_empty());
    let values = keys.map(async |key| {
        if !(contract.matters)(key) || !key_is_askable(key) {
            return Ok((key.to_owned(), None));
        }
        // An empty value is legal in EC2, and so are blanks around one; the contract says whether they are here. A line feed
        // is not, so one at the end is not the value's.
        let value = imds.text_or_empty(&path_of(key)).await?;
        Ok((key.to_owned(), value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned())))
    });
    Ok(try_join_all(values).await?.into_iter().collect())
}

/// The characters that EC2 allows in keys once tags are in metadata; anything else would change the path.
fn key_is_askable(key: &str) -> bool {
    (1..=255).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-=.,_:@".contains(&b))
}

fn divide(
    source: TagSource,
    all: BTreeMap<String, Option<String>>,
    contract: &TagContract<'_>,
) -> Tags {
    let mut tags = Tags { source, values: BTreeMap::new(), others: Vec::new() };
    for (key, value) in all {
        match value {
            Some(value) if (contract.matters)(&key) => {
                tags.values.insert(key, value);
            }
            _ => tags.others.push(key),
        }
    }
    tags
}

fn keys(tags: &Tags) -> String {
    let all: Vec<&str> = tags.values.keys().chain(&tags.others).map(String::as_str).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}
