//! The tags of the instance: from metadata, or from EC2 where metadata has none.

use super::GatherError;
use super::instance::Instance;
use crate::system::System;
use crate::system::aws::{self, AwsError, Client, Endpoint};
use crate::system::ec2;
use crate::system::imds::{BodyProblem, Imds, ImdsError};
use crate::system::retry::Backoff;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The list of keys, and the folder of their values.
pub const LIST: &str = "meta-data/tags/instance";

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

/// What the pure side knows of tags: which keys matter, and which are still missing.
pub struct TagContract<'a> {
    /// Whether a key belongs to the contract or looks like one that does.
    pub matters: &'a dyn Fn(&str) -> bool,
    /// The keys that the role needs and that are not there yet.
    pub missing: &'a dyn Fn(&BTreeMap<String, String>) -> Vec<&'static str>,
}

/// Reads tags until the contract misses none, or until the deadline.
pub async fn read(
    system: &System,
    imds: &Imds,
    list: Option<String>,
    instance: &Instance,
    contract: &TagContract<'_>,
) -> Result<Tags, GatherError> {
    let no_tags = |source| GatherError::NoTags { instance: instance.id.clone(), source };
    let mut list = list;
    let mut client = None;
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
    let mut said = String::new();
    loop {
        // Metadata is looked at in every round: its first tag may come late, and then so does the list.
        let found = match &list {
            Some(list) => Some((TagSource::Metadata, from_metadata(imds, list, contract).await?)),
            None if client.is_some() || aws::has_role(imds).await? => {
                let client = match &client {
                    Some(client) => client,
                    None => client.insert(connect(system, imds, instance).await.map_err(no_tags)?),
                };
                let all = described(client, instance).await.map_err(no_tags)?;
                Some((TagSource::DescribeTags, all))
            }
            None => None,
        };
        let (problem, words) = match found {
            Some((source, all)) => {
                let tags = divide(source, all, contract);
                let missing = (contract.missing)(&tags.values);
                if missing.is_empty() {
                    return Ok(tags);
                }
                let (found, words) = (keys(&tags), missing.join(", "));
                let words = format!("for the tags {words}; there are {found}");
                let (instance, waited) = (instance.id.clone(), imds.deadline().elapsed());
                (GatherError::TagsMissing { instance, missing, found, waited }, words)
            }
            None => {
                let words = "for tags in metadata, or for a role to ask EC2 with".to_owned();
                (no_tags(AwsError::NoCredentials(aws::CREDENTIALS)), words)
            }
        };
        let wait = backoff.delay();
        if !imds.deadline().allows(wait) {
            return Err(problem);
        }
        if said != words {
            let left = imds.deadline().left().as_secs_f64();
            tracing::info!("waiting up to {left:.0} s {words}");
            said = words;
        }
        tokio::time::sleep(wait).await;
        list = list_keys(imds).await?;
    }
}

/// The list of keys; `None` where tags in metadata are off. Some services answer that with 200 and nothing
/// (aws/amazon-ec2-metadata-mock 189), so an empty list means the same.
pub async fn list_keys(imds: &Imds) -> Result<Option<String>, ImdsError> {
    match imds.text(LIST).await {
        Err(ImdsError::Body { problem: BodyProblem::Empty, .. }) => Ok(None),
        other => other,
    }
}

/// A client for EC2 in the instance's region, or where the environment redirects it.
pub async fn connect(
    system: &System,
    imds: &Imds,
    instance: &Instance,
) -> Result<Client, AwsError> {
    let region = &instance.region;
    let url = match &system.environment.ec2_endpoint {
        Some(url) => url.clone(),
        None => region.endpoint("ec2", system.environment.use_fips),
    };
    Client::connect(imds, Endpoint { url, region: region.to_string(), service: "ec2" }).await
}

async fn described(
    client: &Client,
    instance: &Instance,
) -> Result<BTreeMap<String, Option<String>>, AwsError> {
    let tags = ec2::describe_tags(client, &instance.id).await?;
    Ok(tags.into_iter().map(|(key, value)| (key, Some(value))).collect())
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
        match imds.text(&format!("{LIST}/{key}")).await {
            Ok(value) => Ok((key.to_owned(), value.map(|value| value.trim().to_owned()))),
            // An empty value is legal in EC2; the contract says whether it is here.
            Err(ImdsError::Body { problem: BodyProblem::Empty, .. }) => {
                Ok((key.to_owned(), Some(String::new())))
            }
            Err(error) => Err(error),
        }
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
