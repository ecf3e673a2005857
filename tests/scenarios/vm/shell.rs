//! The root shell of a virtual machine, on a port of its hypervisor: it needs no network and no keys, and is there early.

use crate::lab::shell::{self, Output};
use crate::lab::wait::until;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The far end of the port. Closing it ends the shell, so there is one for each time that the machine is on.
pub(super) struct Shell {
    port: UnixStream,
    asked: u32,
}

impl Shell {
    /// Connects to the port of the hypervisor that has just been started in this folder.
    pub(super) fn connect(folder: &Path) -> Self {
        let port = until("qemu runs", shell::SOON, || {
            UnixStream::connect(folder.join("shell")).map_err(|error| {
                let log = fs::read_to_string(folder.join("qemu.log")).unwrap_or_default();
                format!("{error}: {log}")
            })
        });
        port.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        Self { port, asked: 0 }
    }

    /// Runs a command; both streams come as one. What comes before the machine listens waits in the port.
    pub(super) fn run(&mut self, limit: Duration, command: &str) -> Result<Output, String> {
        self.asked += 1;
        let mark = format!("@@{}@@", self.asked);
        writeln!(self.port, "( {command} ) </dev/null 2>&1; echo \"{mark}$?@\"")
            .map_err(|error| format!("the shell takes nothing: {error}"))?;
        let (mut said, mut buffer, started) = (Vec::new(), [0; 8192], Instant::now());
        loop {
            match self.port.read(&mut buffer) {
                Ok(0) => return Err("the shell is gone".to_owned()),
                Ok(read) => said.extend_from_slice(&buffer[..read]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(format!("the shell says nothing: {error}")),
            }
            let text = String::from_utf8_lossy(&said).into_owned();
            if let Some((before, after)) = text.split_once(&mark)
                && let Some((code, _)) = after.split_once('@')
            {
                let (stdout, stderr) = (before.to_owned(), String::new());
                return Ok(Output { code: code.parse().ok(), stdout, stderr });
            }
            if started.elapsed() > limit {
                return Ok(Output { code: None, stdout: text, stderr: String::new() });
            }
        }
    }
}
