//! READ: the certificate authorities of the site, which are read here on their own because a bad file among them ends the
//! survey.

use super::fact::Fact;
use super::stages::Stages;
use crate::facts::GatherError;
use crate::facts::certificates::{self, Found};
use crate::system::aside::aside;
use crate::system::root::Root;

/// What `ca.d` and the settings hold, or why they are refused; `None` if the thread that looked died.
pub type Authorities = Option<Result<Found, GatherError>>;

/// Reads them. The settings are those of now, else those of the last good facts.
pub(super) async fn look(stages: Fact<Stages>) -> Authorities {
    let stages = stages.get().await;
    let now = stages.survey.as_ref().ok().map(|facts| &facts.settings);
    let settings = now.or_else(|| stages.node.as_ref().map(|node| &node.settings));
    let texts = settings.map(|settings| settings.ca.certificates.clone()).unwrap_or_default();
    aside(async move || certificates::gather(&Root::host(), &texts)).await
}
