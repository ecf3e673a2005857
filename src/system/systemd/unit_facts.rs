//! Units as the doctor judges them: everything that `systemctl show` says about each, in one call.

use super::systemctl::field;
use crate::system::command::{self, CommandError};
use crate::system::environment;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// The state of a unit, in systemd's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFacts {
    /// `LoadState`: loaded, masked, not-found, bad-setting …
    pub load: String,
    /// `ActiveState`: active, activating, inactive, failed …
    pub active: String,
    /// `SubState`: running, exited, auto-restart …
    pub sub: String,
    /// `Result`: success, exit-code, signal, oom-kill …
    pub result: String,
    /// `ExecMainStatus`: the exit code or signal of the last main process.
    pub status: i32,
    /// `NRestarts`: how often systemd restarted it by itself.
    pub restarts: u32,
    /// `UnitFileState`: enabled, disabled, static, masked …
    pub file_state: String,
    /// `FragmentPath`: the unit file.
    pub fragment: String,
    /// `DropInPaths`: its drop-ins.
    pub drop_ins: Vec<String>,
    /// `NeedDaemonReload`: whether a file has changed since systemd read it.
    pub needs_reload: bool,
    /// `MainPID`; 0 if none runs.
    pub main_pid: u32,
    /// `ExecMainStartTimestampMonotonic`: µs since the boot of the machine; 0 if it never started.
    pub started: u64,
    /// `ExecMainStartTimestamp`: the same by the wall clock of that moment, in seconds since the epoch; `None` if it never
    /// started, or if systemd writes times in another zone than UTC.
    pub started_at: Option<u64>,
    /// `StateChangeTimestampMonotonic`: when it last started, stopped or was reloaded through systemd, in µs since the boot.
    pub changed: u64,
    /// `ConditionResult`: whether the conditions of its last start held.
    pub condition: bool,
}

impl UnitFacts {
    /// For how long its main process has run; `None` if none runs.
    pub fn runs_for(&self) -> Option<Duration> {
        let now = environment::moment().micros;
        (self.main_pid != 0).then(|| Duration::from_micros(now.saturating_sub(self.started)))
    }
}

const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,UnitFileState,\
    FragmentPath,DropInPaths,NeedDaemonReload,MainPID,ExecMainStartTimestampMonotonic,ExecMainStartTimestamp,\
    StateChangeTimestampMonotonic,ConditionResult";

/// Asks systemd for these units. One that systemd does not know is `not-found`.
pub async fn facts(
    path: &str,
    units: &[&str],
    timeout: Duration,
) -> Result<BTreeMap<String, UnitFacts>, CommandError> {
    let systemctl = Path::new("/usr/bin/systemctl");
    let args = [&["show", PROPERTIES][..], units].concat();
    let output = command::run(systemctl, &args, path, timeout).await?;
    if !output.success() && output.stdout.trim().is_empty() {
        // Such as without a bus; a unit that does not exist is an answer.
        let (program, source) = (systemctl.to_owned(), std::io::Error::other(output.words()));
        return Err(CommandError::Spawn { program, source });
    }
    Ok(output.stdout.split("\n\n").filter_map(read).collect())
}

fn read(block: &str) -> Option<(String, UnitFacts)> {
    let text = |name: &str| field(block, name).unwrap_or_default().to_owned();
    let facts = UnitFacts {
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        result: text("Result"),
        status: text("ExecMainStatus").parse().unwrap_or(0),
        restarts: text("NRestarts").parse().unwrap_or(0),
        file_state: text("UnitFileState"),
        fragment: text("FragmentPath"),
        drop_ins: text("DropInPaths").split_whitespace().map(str::to_owned).collect(),
        needs_reload: text("NeedDaemonReload") == "yes",
        main_pid: text("MainPID").parse().unwrap_or(0),
        started: text("ExecMainStartTimestampMonotonic").parse().unwrap_or(0),
        started_at: utc(&text("ExecMainStartTimestamp")),
        changed: text("StateChangeTimestampMonotonic").parse().unwrap_or(0),
        condition: text("ConditionResult") != "no",
    };
    field(block, "Id").map(|id| (id.to_owned(), facts))
}

/// Seconds since the epoch of a moment like `Mon 2026-11-23 10:12:13 UTC` (systemd.time(7)).
fn utc(moment: &str) -> Option<u64> {
    let mut parts = moment.split_whitespace().skip(1);
    let (day, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let moment =
        humantime::parse_rfc3339(&format!("{day}T{time}Z")).ok().filter(|_| zone == "UTC")?;
    Some(moment.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_systemctl_show_is_read() {
        let block = "Id=consul.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\n\
            ExecMainStatus=1\nNRestarts=14\nUnitFileState=disabled\nFragmentPath=/etc/systemd/system/consul.service\n\
            DropInPaths=/a.conf /b.conf\nNeedDaemonReload=yes\nMainPID=0\nExecMainStartTimestampMonotonic=17\nConditionResult=yes\n";
        let (id, unit) = read(block).unwrap();
        assert_eq!((id.as_str(), unit.restarts, unit.status), ("consul.service", 14, 1));
        assert_eq!(unit.drop_ins, ["/a.conf", "/b.conf"]);
        assert!(unit.needs_reload && unit.condition && unit.started == 17);
        assert_eq!((unit.started_at, unit.changed), (None, 0));
        assert_eq!(read(""), None);
        let unknown = read("Id=x.service\nLoadState=not-found\nActiveState=inactive").unwrap().1;
        assert_eq!((unknown.load.as_str(), unknown.main_pid), ("not-found", 0));
        assert_eq!(unknown.runs_for(), None);
        let running = UnitFacts { main_pid: 7, started: u64::MAX, ..UnitFacts::default() };
        assert_eq!(running.runs_for(), Some(Duration::ZERO), "a clock of another namespace");
    }

    #[test]
    fn moments_are_read_in_utc_alone() {
        assert_eq!(utc("Sun 2026-11-22 19:04:05 UTC"), Some(1_795_374_245));
        for other in ["", "n/a", "Sun 2026-11-22 20:04:05 CET"] {
            assert_eq!(utc(other), None, "{other}");
        }
    }
}
