//! Since when restarts are due. A unit that an operator or a boot has started after that has read its new files, so it is
//! not restarted again.

use crate::plan::Plan;
use crate::state::Moment;
use crate::system::environment;
use crate::system::systemd::services::{ServiceError, ServiceManager};
use std::collections::BTreeMap;

/// Unit name → since when its restart is due: from now on if this plan makes it due.
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
