//! A quick look at a machine whose facts cannot be gathered.

use super::{Facts, identity, instance, tags};
use crate::system::System;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest time for metadata.
const GLIMPSE: Duration = Duration::from_secs(3);

/// What can be learnt quickly about a machine whose facts cannot be gathered: enough to decide whether the daemons that ran
/// before may run again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// Its id, from metadata, else from the firmware tables: Nitro instances have it in the asset tag of the board.
    pub instance: Option<String>,
    /// The asked tags that metadata has, without blanks around the values. `apply` refuses such blanks, but a daemon that
    /// runs with the value keeps running.
    pub tags: BTreeMap<String, String>,
}

impl Glimpse {
    /// The part of gathered facts that a glimpse has.
    pub fn of(facts: &Facts) -> Self {
        let bare = |(key, value): (&String, &String)| (key.clone(), value.trim().to_owned());
        Self {
            instance: Some(facts.instance.id.clone()),
            tags: facts.tags.values.iter().map(bare).collect(),
        }
    }
}

/// Asks metadata for at most 3 s, then the firmware.
pub async fn glimpse(system: &System, tags: &[&str]) -> Glimpse {
    let mut glimpse = Glimpse::default();
    if let Ok(imds) = Imds::new(&system.environment, Deadline::after(GLIMPSE)) {
        let asked = futures_util::future::join_all(
            tags.iter().map(async |tag| imds.text_or_empty(&tags::path_of(tag)).await),
        );
        let (identity, values) = futures_util::future::join(identity(&imds), asked).await;
        glimpse.instance = identity.ok().map(|instance| instance.id);
        let found = tags.iter().zip(values).filter_map(|(tag, value)| Some((tag, value.ok()??)));
        // An empty answer counts as no answer.
        let found = found.filter(|(_, value)| !value.trim().is_empty());
        glimpse.tags =
            found.map(|(tag, value)| ((*tag).to_owned(), value.trim().to_owned())).collect();
    }
    let asset_tag =
        || system.root.read("/sys/devices/virtual/dmi/id/board_asset_tag").ok().flatten();
    glimpse.instance = glimpse.instance.or_else(|| {
        let text = String::from_utf8(asset_tag()?).ok()?.trim().to_owned();
        instance::is_id(&text, "i-").then_some(text)
    });
    glimpse
}
