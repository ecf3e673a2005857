//! Since when restarts are due. A unit that somebody else has started after that, an operator or a boot, has read what it
//! should read, and is not restarted once more.

use crate::plan::Plan;
use crate::state::Moment;
use crate::system::environment;
use crate::system::systemd::services::{ServiceError, ServiceManager};
use std::collections::BTreeMap;

/// The units of a plan that have to restart, and since when: from now on where this plan makes it due.
pub(super) fn stamp(plan: &Plan) -> BTreeMap<String, Moment> {
    let mut since = plan.after.since.clone();
    let new = plan.actions().chain(&plan.held).filter(|planned| planned.is_new);
    let units = new.filter_map(|planned| planned.action.of_unit());
    since.extend(units.map(|unit| (unit.to_owned(), environment::moment())));
    since
}

/// Whether a unit was started after its restart became due.
pub(super) async fn has_started(
    services: &dyn ServiceManager,
    plan: &Plan,
    unit: &str,
) -> Result<bool, ServiceError> {
    let Some(since) = plan.after.since.get(unit) else { return Ok(false) };
    if since.boot != environment::boot_id() {
        return Ok(true);
    }
    Ok(services.started(unit).await?.is_some_and(|started| started > since.micros))
}
