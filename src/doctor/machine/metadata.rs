//! READ: the metadata service as it answers now: identity, tags, user data, credentials, events. Nothing is waited for but
//! the answers.

use crate::facts::instance::Instance;
use crate::facts::tags;
use crate::membership::join::discovery;
use crate::system::System;
use crate::system::aws::{self, AwsError, RoleCredentials};
use crate::system::clock::Offset;
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::Deadline;
use futures_util::future;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Longest time for all requests together.
const METADATA: Duration = Duration::from_millis(2500);
/// Largest user data that is read, in bytes: EC2 allows 16 KiB.
const USER_DATA: usize = 64 * 1024;

/// What metadata says. Each part is there or has its own reason.
#[derive(Debug)]
pub struct Metadata {
    /// The identity document as text; `None` if there is none.
    pub document: Result<Option<String>, ImdsError>,
    /// The tags, `None` if tags in metadata are off.
    pub tags: Result<Option<BTreeMap<String, String>>, ImdsError>,
    /// The user data, `None` if there is none.
    pub user_data: Result<Option<Vec<u8>>, ImdsError>,
    /// What the service says of the instance profile (`iam/info`); `None` if there is none.
    pub profile: Result<Option<String>, ImdsError>,
    /// The credentials of the instance role.
    pub credentials: Result<RoleCredentials, AwsError>,
    /// The VPC of the first interface.
    pub vpc: Result<String, ImdsError>,
    /// The maintenance that EC2 has scheduled (`events/maintenance/scheduled`), as JSON; `None` if there is none.
    pub maintenance: Result<Option<String>, ImdsError>,
    /// When EC2 takes this Spot instance back (`spot/instance-action`), as JSON; `None` if it does not.
    pub spot: Result<Option<String>, ImdsError>,
    /// The clock of this host against that of the service; `None` if no answer had a date.
    pub clock: Option<Offset>,
    /// How long the first answer took.
    pub elapsed: Duration,
}

impl Metadata {
    /// The instance, if the document is one.
    pub fn instance(&self) -> Option<Instance> {
        Instance::from_document(self.document.as_ref().ok()?.as_deref()?).ok()
    }
}

/// Asks for everything at once, with one token.
pub(super) async fn ask(system: Rc<System>) -> Metadata {
    let deadline = Deadline::after(METADATA);
    let imds = match Imds::new(&system.environment, deadline) {
        Ok(imds) => imds,
        // A bug, which one check reports; the others need that one.
        Err(error) => {
            return Metadata {
                document: Err(error),
                tags: Ok(None),
                user_data: Ok(None),
                profile: Ok(None),
                credentials: Err(AwsError::NoCredentials(aws::CREDENTIALS)),
                vpc: Ok(String::new()),
                maintenance: Ok(None),
                spot: Ok(None),
                clock: None,
                elapsed: Duration::ZERO,
            };
        }
    };
    let document = imds.text("dynamic/instance-identity/document").await;
    let elapsed = deadline.elapsed();
    let (tags, user_data, profile, credentials, vpc, maintenance, spot) = tokio::join!(
        all_tags(&imds),
        imds.user_data(USER_DATA),
        imds.text("meta-data/iam/info"),
        aws::of_now(&imds),
        discovery::vpc(&imds),
        imds.text("meta-data/events/maintenance/scheduled"),
        imds.text("meta-data/spot/instance-action"),
    );
    let clock = imds.clock();
    Metadata {
        document,
        tags,
        user_data,
        profile,
        credentials,
        vpc,
        maintenance,
        spot,
        clock,
        elapsed,
    }
}

async fn all_tags(imds: &Imds) -> Result<Option<BTreeMap<String, String>>, ImdsError> {
    let Some(list) = tags::list_keys(imds).await? else { return Ok(None) };
    let keys = list.lines().map(str::trim).filter(|key| tags::key_is_askable(key));
    let values = keys.map(async |key| {
        let value = imds.text_or_empty(&tags::path_of(key)).await?;
        Ok::<_, ImdsError>((key.to_owned(), value.unwrap_or_default().trim_end().to_owned()))
    });
    Ok(Some(future::try_join_all(values).await?.into_iter().collect()))
}
