//! Updates the trust store with the tool of the system.

use super::ApplyError;
use super::ended::Ended;
use crate::facts::host::TrustStore;
use crate::node::Node;
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

pub(super) async fn update(system: &System, node: &Node) -> Result<Ended, ApplyError> {
    // Another root has its own trust store, which this host's tool must not touch.
    let Some(store) = node.host.trust_store.filter(|_| system.root.is_host()) else {
        return Ok(Ended::Nothing);
    };
    let (program, args): (&str, &[&str]) = match store {
        TrustStore::UpdateCaTrust => ("/usr/bin/update-ca-trust", &["extract"]),
        TrustStore::UpdateCaCertificates if system.root.stat(UNFINISHED)?.is_some() => {
            system.root.write(UNFINISHED, b"", 0o644)?;
            ("/usr/sbin/update-ca-certificates", &["--fresh"])
        }
        TrustStore::UpdateCaCertificates => ("/usr/sbin/update-ca-certificates", &[]),
    };
    let output = command::run(Path::new(program), args, &system.environment.path, TOOL_TIMEOUT)
        .await
        .map_err(ApplyError::ToolDidNotRun)?;
    if output.success() {
        Ok(Ended::Done)
    } else {
        Err(ApplyError::Tool { command: program.to_owned(), words: output.words() })
    }
}
