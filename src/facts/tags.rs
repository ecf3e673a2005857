//! The tags of the instance: from metadata, or from EC2 if metadata has none.

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

/// The path of the list of keys; the values are below it.
pub const LIST: &str = "meta-data/tags/instance";

/// The path of the value of a tag.
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

/// The tags of the contract, which [`TagContract`] describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tags {
    /// Where they were read.
    pub source: TagSource,
    /// Keys and values, only of the contract and of keys that look like one of it.
    pub values: BTreeMap<String, String>,
    /// All other keys. Their values were not read.
    pub others: Vec<String>,
}

impl Tags {
    /// A set with these values, for readers that bring their own.
    pub fn from_values(values: BTreeMap<String, String>) -> Self {
        Self { source: TagSource::Metadata, values, others: Vec::new() }
    }
}

/// What the rooms above know about tags: which keys matter, and which are still missing.
pub struct TagContract<'a> {
    /// Whether a key belongs to the contract or looks like one that does.
    pub matters: &'a dyn Fn(&str) -> bool,
    /// The keys that the role needs and that are still missing.
    pub missing: &'a dyn Fn(&BTreeMap<String, String>) -> Vec<&'static str>,
}

/// How long metadata must be without tags before the agent asks EC2, because tags may come a moment later than the instance.
/// All instances of an account share one rate limit, so each waits up to 2 s more, at random: a fleet that boots at once does
/// not call EC2 at once.
const GRACE: Duration = Duration::from_secs(5);

/// The first and the longest pause between two requests to metadata.
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
    // At most half of the time that is left.
    let grace = GRACE.mul_f64(1.0 + 0.4 * fastrand::f64()).min(imds.deadline().left() / 2);
    let ask_ec2 = Instant::now() + grace;
    loop {
        let found = match &list {
            Some(list) => Ok((TagSource::Metadata, from_metadata(imds, list, contract).await?)),
            // Metadata and EC2 are asked at the same time; the first that has tags wins.
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
            // Metadata has no tags and EC2 denies them, so waiting is useless.
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
        // Metadata is asked in every round, because the list itself comes with the first tag.
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

/// Waits until `from`, then asks EC2 for the tags.
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

/// The list of keys; `None` if tags in metadata are off. Some services then answer 200 with an empty body
/// (aws/amazon-ec2-metadata-mock 189), so an empty list is `None` too.
pub async fn list_keys(imds: &Imds) -> Result<Option<String>, ImdsError> {
    Ok(imds.text_or_empty(LIST).await?.filter(|list| !list.trim().is_empty()))
}

/// The values of the keys of a list. A key whose value is not there yet has `None`, and is asked again in the next round.
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
        // EC2 allows empty values and blanks around a value, and the contract decides about them. It does not allow line feeds,
        // so one at the end is not part of the value.
        let value = imds.text_or_empty(&path_of(key)).await?;
        Ok((key.to_owned(), value.map(|value| value.trim_end_matches(['\r', '\n']).to_owned())))
    });
    Ok(try_join_all(values).await?.into_iter().collect())
}

/// Whether a key has only characters that EC2 allows if tags are in metadata. Others would change the path of the request.
pub fn key_is_askable(key: &str) -> bool {
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
