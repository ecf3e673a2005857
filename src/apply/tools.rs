//! Runs the tools of the system: the one of the trust store, and those of systemd that create users, directories and links.

use super::ApplyError;
use super::ended::Ended;
use crate::facts::host::TrustStore;
use crate::state::{Tool, Verb};
use crate::system::System;
use crate::system::command;
use std::path::Path;
use std::time::Duration;

/// Debian's tool leaves this file behind when it is killed. The next run would append to it, and would create no hash links
/// for certificates that it had linked already. The agent empties the file rather than removing it, so that it marks the
/// unfinished update until a run has ended.
pub(super) const UNFINISHED: &str = "/etc/ssl/certs/ca-certificates.crt.new";
/// Longest time for a tool of the system: `update-ca-certificates` takes seconds on a small instance.
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs a tool on the root directory of the system.
pub(super) async fn run(
    system: &System,
    store: Option<TrustStore>,
    tool: Tool,
) -> Result<Ended, ApplyError> {
    match (tool, store) {
        (Tool::CreateUsers, _) => of_systemd(system, "systemd-sysusers", &["cos-agent.conf"]).await,
        (Tool::CreateDirectories, _) => {
            of_systemd(system, "systemd-tmpfiles", &["--create", "cos-agent.conf"]).await
        }
        (Tool::UpdateTrustStore, Some(store)) => update_trust(system, store).await,
        (Tool::UpdateTrustStore, None) => Ok(Ended::Nothing),
    }
}

/// Runs `systemctl enable UNIT` or `disable` on the files of the root directory. It needs no running systemd.
pub(super) async fn link(system: &System, verb: Verb, unit: &str) -> Result<Ended, ApplyError> {
    of_systemd(system, "systemctl", &["--no-reload", verb.name(), unit]).await
}

/// Makes journald write to memory until the next boot (journalctl(1), `--relinquish-var`). It would make a journal that is
/// removed anew with its next line.
pub(super) async fn relinquish_journal(system: &System) -> Result<Ended, ApplyError> {
    call(system, "/usr/bin/journalctl", &["--relinquish-var"]).await
}

/// Runs a tool of systemd, all of which take another root directory as an option.
async fn of_systemd(system: &System, tool: &str, args: &[&str]) -> Result<Ended, ApplyError> {
    let place = system.root.resolve("/")?;
    let root = format!("--root={}", place.display());
    let words: Vec<&str> = [&[root.as_str()], args].concat();
    call(system, tool, &words).await
}

async fn update_trust(system: &System, store: TrustStore) -> Result<Ended, ApplyError> {
    let (program, arg) = match store {
        TrustStore::UpdateCaTrust => ("/usr/bin/update-ca-trust", Some("extract")),
        TrustStore::UpdateCaCertificates if system.root.stat(UNFINISHED)?.is_some() => {
            system.root.write(UNFINISHED, b"", 0o644)?;
            ("/usr/sbin/update-ca-certificates", Some("--fresh"))
        }
        TrustStore::UpdateCaCertificates => ("/usr/sbin/update-ca-certificates", None),
    };
    if system.root.is_host() {
        return call(system, program, arg.as_slice()).await;
    }
    // The tool of another root works in that root alone (chroot(1)).
    let place = system.root.resolve("/")?.display().to_string();
    let words: Vec<&str> = [place.as_str(), program].into_iter().chain(arg).collect();
    call(system, "/usr/sbin/chroot", &words).await
}

async fn call(system: &System, program: &str, args: &[&str]) -> Result<Ended, ApplyError> {
    let output = command::run(Path::new(program), args, &system.environment.path, TOOL_TIMEOUT)
        .await
        .map_err(ApplyError::ToolDidNotRun)?;
    if output.success() {
        return Ok(Ended::Done);
    }
    let command = [&[program], args].concat().join(" ");
    Err(ApplyError::Tool { command, words: output.words() })
}
