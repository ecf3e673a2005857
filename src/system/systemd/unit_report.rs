//! Units as `status` shows them: their state, since when, and the last error of those that do not run as they should.

use super::{journal, systemctl};
use crate::system::command;
use std::path::Path;
use std::time::Duration;

/// A unit as `status` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitReport {
    /// Its name.
    pub id: String,
    /// `active`, `inactive`, `activating`, `failed`, …
    pub active: String,
    /// `running`, `exited`, `auto-restart`, …
    pub sub: String,
    /// Since when, in systemd's form.
    pub since: String,
    /// How often systemd has started it again.
    pub restarts: u32,
    /// Its last log line with an error, if it does not run as it should.
    pub last_error: Option<String>,
}

/// Longest time for one answer of systemd and of the journal. Both take milliseconds, but longer on an overloaded node,
/// which is when people look.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Describes units, each with its last error if it does not run as it should. Empty if systemd does not answer.
pub async fn describe(path: &str, units: &[&str]) -> Vec<UnitReport> {
    let systemctl = Path::new("/usr/bin/systemctl");
    let mut args =
        vec!["show", "--property=Id,ActiveState,SubState,StateChangeTimestamp,NRestarts"];
    args.extend(units);
    let Ok(output) = command::run(systemctl, &args, path, REPORT_TIMEOUT).await else {
        return Vec::new();
    };
    let reports = output.stdout.split("\n\n").filter_map(report_of);
    futures_util::future::join_all(reports.map(async |mut report| {
        let is_well = report.active == "active" || report.active == "inactive";
        if !is_well && report.sub != "start" {
            report.last_error = last_error(&report.id, path).await;
        }
        report
    }))
    .await
}

fn report_of(block: &str) -> Option<UnitReport> {
    let field = |name: &str| systemctl::field(block, name).unwrap_or_default();
    let id = field("Id").to_owned();
    (!id.is_empty()).then(|| UnitReport {
        id,
        active: field("ActiveState").to_owned(),
        sub: field("SubState").to_owned(),
        since: field("StateChangeTimestamp").to_owned(),
        restarts: field("NRestarts").parse().unwrap_or(0),
        last_error: None,
    })
}

async fn last_error(unit: &str, path: &str) -> Option<String> {
    let lines = journal::last(path, unit, 60, REPORT_TIMEOUT).await;
    let line = lines.iter().rev().find(|line| line.to_ascii_lowercase().contains("error"))?;
    Some(line.chars().take(300).collect())
}
