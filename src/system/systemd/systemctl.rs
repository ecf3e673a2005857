//! systemd through `systemctl`: jobs as its verbs, and what `systemctl show` says of units.

use super::services::{Job, ServiceError, ServiceManager};
use crate::state::UnitState;
use crate::system::command;
use futures_util::future::LocalBoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time for a call that only enqueues or asks.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time for a stop, the only job that is waited for, because data is moved right after it.
const STOP_TIMEOUT: Duration = Duration::from_secs(120);

/// systemd through `systemctl`, which also works where the D-Bus socket does not.
pub struct Systemctl {
    program: PathBuf,
    path: String,
}

impl Systemctl {
    /// The `systemctl` of this host; `path` is the `PATH` of its process.
    pub fn new(path: &str) -> Self {
        Self { program: Path::new("/usr/bin/systemctl").to_owned(), path: path.to_owned() }
    }

    /// The output of `systemctl show`: one block for each unit, separated by empty lines.
    async fn show(&self, properties: &str, units: &[&str]) -> Result<String, ServiceError> {
        let properties = format!("--property={properties}");
        let mut args = vec!["show", &properties];
        args.extend(units);
        let output = command::run(&self.program, &args, &self.path, CALL_TIMEOUT).await?;
        if output.success() {
            return Ok(output.stdout);
        }
        let unit = units.join(" ");
        Err(ServiceError::Refused { job: "show", unit, words: output.words() })
    }
}

impl ServiceManager for Systemctl {
    fn states<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeMap<String, UnitState>, ServiceError>> {
        Box::pin(async move {
            let shown = self.show("Id,LoadState,ActiveState,SubState,Job", units).await?;
            Ok(shown.split("\n\n").filter_map(state_of).collect())
        })
    }

    fn sources<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeSet<String>, ServiceError>> {
        Box::pin(
            async move { Ok(sources_of(&self.show("FragmentPath,DropInPaths", units).await?)) },
        )
    }

    fn started<'a>(
        &'a self,
        unit: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<u64>, ServiceError>> {
        Box::pin(async move {
            let shown = self.show("ExecMainStartTimestampMonotonic", &[unit]).await?;
            let at = field(&shown, "ExecMainStartTimestampMonotonic");
            Ok(at.and_then(|at| at.parse().ok()).filter(|at| *at > 0))
        })
    }

    fn run<'a>(&'a self, job: Job, unit: &'a str) -> LocalBoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(async move {
            let (verb, timeout) = match job {
                Job::DaemonReload => ("daemon-reload", CALL_TIMEOUT),
                Job::Start => ("start", CALL_TIMEOUT),
                Job::Restart => ("restart", CALL_TIMEOUT),
                Job::Reload => ("reload", CALL_TIMEOUT),
                Job::Stop => ("stop", STOP_TIMEOUT),
                Job::Enable => ("enable", CALL_TIMEOUT),
                Job::Disable => ("disable", CALL_TIMEOUT),
            };
            let args: &[&str] = match job {
                Job::DaemonReload => &[verb],
                Job::Stop | Job::Enable | Job::Disable => &[verb, unit],
                _ => &["--no-block", verb, unit],
            };
            let output = command::run(&self.program, args, &self.path, timeout).await?;
            if output.success() {
                Ok(())
            } else {
                Err(ServiceError::Refused {
                    job: verb,
                    unit: unit.to_owned(),
                    words: output.words(),
                })
            }
        })
    }
}

/// A property in one block of `systemctl show`.
pub(super) fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// The name and state of a unit, from one block of `systemctl show`.
fn state_of(block: &str) -> Option<(String, UnitState)> {
    let field = |name: &str| field(block, name);
    let state = match (field("LoadState")?, field("ActiveState")?) {
        ("not-found", _) => UnitState::Unknown,
        ("masked", _) => UnitState::Masked,
        // Waiting for its next start after a failure; systemd 254 and later shows `auto-restart-queued` once that start
        // is queued.
        (_, "activating") if field("SubState") == Some("auto-restart") => UnitState::Down,
        (_, "activating") if field("SubState") == Some("auto-restart-queued") => UnitState::Queued,
        (_, "active" | "reloading" | "activating") => UnitState::Up,
        (_, "inactive" | "failed") if field("Job").is_some_and(|job| !["", "0"].contains(&job)) => {
            UnitState::Queued
        }
        _ => UnitState::Down,
    };
    Some((field("Id")?.to_owned(), state))
}

/// The paths in the output of `systemctl show` (org.freedesktop.systemd1(5)).
fn sources_of(shown: &str) -> BTreeSet<String> {
    let values = shown.lines().filter_map(|line| {
        line.strip_prefix("FragmentPath=").or_else(|| line.strip_prefix("DropInPaths="))
    });
    values.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_units_are_read_from_systemctl_show() {
        let shown = "FragmentPath=/etc/systemd/system/a.service\nDropInPaths=/b/1.conf /b/2.conf\n\nFragmentPath=\nDropInPaths=\n";
        let found: Vec<String> = sources_of(shown).into_iter().collect();
        assert_eq!(found, ["/b/1.conf", "/b/2.conf", "/etc/systemd/system/a.service"]);
        assert!(sources_of("").is_empty());
    }

    #[test]
    fn states_are_read_from_systemctl_show() {
        let read = |active: &str| {
            state_of(&format!("Id=consul.service\nLoadState=loaded\nActiveState={active}"))
        };
        assert_eq!(read("active"), Some(("consul.service".to_owned(), UnitState::Up)));
        assert_eq!(read("activating").unwrap().1, UnitState::Up);
        assert_eq!(read("failed").unwrap().1, UnitState::Down);
        assert_eq!(read("activating\nSubState=auto-restart").unwrap().1, UnitState::Down);
        assert_eq!(read("inactive\nSubState=dead\nJob=").unwrap().1, UnitState::Down);
        assert_eq!(read("inactive\nSubState=dead\nJob=0").unwrap().1, UnitState::Down);
        assert_eq!(read("inactive\nSubState=dead\nJob=47").unwrap().1, UnitState::Queued);
        assert_eq!(read("deactivating\nJob=48").unwrap().1, UnitState::Down, "it stops");
        let missing = state_of("Id=x.service\nLoadState=not-found\nActiveState=inactive").unwrap();
        assert_eq!(missing.1, UnitState::Unknown);
        let masked = state_of("Id=x.service\nLoadState=masked\nActiveState=inactive").unwrap();
        assert_eq!(masked.1, UnitState::Masked);
        assert_eq!(state_of("garbage"), None);
    }
}
