//! The end of a lab: by its owner, by the guardian that outlives a killed owner, or by the next run.

use super::shell::{self, clean};
use super::tools::here;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};

/// Waits for the end of the process that made it, and then takes the lab down.
pub(crate) struct Guardian {
    process: Child,
    /// The other end closes when this process ends, however it does.
    line: ChildStdin,
}

impl Guardian {
    /// Watches over a lab; it is in a session of its own, so that Ctrl-C does not reach it.
    pub(crate) fn watch(prefix: &str, folder: &Path) -> Self {
        super::write_whole(&folder.join("owner"), &owner(std::process::id()));
        let script = r#"read -r word || exec bash "$@""#;
        let mut command = clean("setsid");
        command.args(["bash", "-c", script, "guardian"]).arg(here("lab/down.sh"));
        command.arg(prefix).arg(folder).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let line = process.stdin.take().unwrap();
        Self { process, line }
    }

    /// It need not watch any longer.
    pub(crate) fn dismiss(mut self) {
        let _ = self.line.write_all(b"done\n");
        let _ = self.process.wait();
    }
}

/// A process, told from a later one of the same id by when it started.
fn owner(process: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let started = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(19));
    started.map_or(String::new(), |started| format!("{process} {started}"))
}

/// Takes a lab down, whatever is left of it.
pub(crate) fn down(prefix: &str, folder: &Path) {
    let output = shell::run(
        &[
            "bash",
            &here("lab/down.sh").display().to_string(),
            prefix,
            &folder.display().to_string(),
        ],
        "",
        std::time::Duration::from_mins(2),
    );
    assert!(output.is_ok() && output.stderr.is_empty(), "{}", output.stderr);
}

/// Where the labs of this machine are.
pub(crate) fn base() -> PathBuf {
    match std::env::var("COS_LAB") {
        Ok(path) if !path.is_empty() => PathBuf::from(path),
        _ => PathBuf::from("/var/tmp/cos-lab"),
    }
}

/// The process that a lab belongs to, if it lives.
pub(crate) fn living_owner(folder: &Path) -> Option<u32> {
    let found = fs::read_to_string(folder.join("owner")).ok()?;
    let process = found.split(' ').next()?.parse().ok()?;
    (owner(process) == found).then_some(process)
}

/// Takes down what dead owners left; a lab without an owner was left running on purpose.
pub(crate) fn sweep() {
    for entry in fs::read_dir(base()).into_iter().flatten().flatten() {
        let folder = entry.path();
        if folder.join("owner").exists() && living_owner(&folder).is_none() {
            down(&entry.file_name().to_string_lossy(), &folder);
        }
    }
}
