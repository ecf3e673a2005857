//! READ: what systemd says of every unit that the agent knows, in one call.

use crate::render::units;
use crate::system::System;
use crate::system::command::CommandError;
use crate::system::systemd::unit_facts::{self, UnitFacts};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Longest time for the answer.
const SYSTEMD: Duration = Duration::from_secs(3);

/// The units by name.
pub type Units = Result<BTreeMap<String, UnitFacts>, CommandError>;

/// Asks systemd.
pub(super) async fn ask(system: Rc<System>) -> Units {
    let names: Vec<&str> = units::names().collect();
    unit_facts::facts(&system.environment.path, &names, SYSTEMD).await
}
