//! The process environment and the clock, read once and passed on as a value.

use super::aws::Service;
use crate::state::{Daemon, Moment};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The settings in the environment. Names are those of the AWS SDKs, so that one variable redirects the SDKs and the agent.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`: replaces `http://169.254.169.254`.
    pub metadata_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_EC2` and so on, else `AWS_ENDPOINT_URL`: what replaces the regional endpoint of a service.
    pub aws_endpoints: BTreeMap<Service, String>,
    /// `AWS_USE_FIPS_ENDPOINT`: `ec2-fips.<region>` instead of `ec2.<region>`.
    pub use_fips: bool,
    /// Standard error is the journal: priorities instead of colour.
    pub under_systemd: bool,
    /// Standard error is a terminal.
    pub is_terminal: bool,
    /// `NOTIFY_SOCKET`: where systemd is told that a service is ready.
    pub notify_socket: Option<String>,
    /// The `PATH` for child processes.
    pub path: String,
    /// The HTTP API of the local Consul.
    pub consul_api: String,
    /// The HTTP API of the local Nomad.
    pub nomad_api: String,
}

impl Environment {
    /// The HTTP API of a local daemon, for `daemon::endpoint` only.
    pub(super) fn api_of(&self, daemon: Daemon) -> &str {
        match daemon {
            Daemon::Consul => &self.consul_api,
            Daemon::Nomad => &self.nomad_api,
        }
    }

    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        let all = text("AWS_ENDPOINT_URL");
        let endpoint =
            |service: Service| Some((service, text(&service.variable()).or_else(|| all.clone())?));
        let are_ignored = flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let services = Service::ALL.into_iter().filter(|_| !are_ignored);
        Self {
            metadata_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            aws_endpoints: services.filter_map(endpoint).collect(),
            use_fips: flag("AWS_USE_FIPS_ENDPOINT"),
            under_systemd: stderr_is_journal(),
            is_terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
            notify_socket: text("NOTIFY_SOCKET"),
            path: text("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            consul_api: "http://127.0.0.1:8500".to_owned(),
            nomad_api: "http://127.0.0.1:4646".to_owned(),
        }
    }
}

/// The search path if the environment has none, as under some user-data runners.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `JOURNAL_STREAM` is inherited by terminals and scripts, so it counts only if it names our own standard error
/// (systemd.exec(5)).
fn stderr_is_journal() -> bool {
    let stream = nix::sys::stat::fstat(std::io::stderr());
    stream.is_ok_and(|stream| {
        text("JOURNAL_STREAM") == Some(format!("{}:{}", stream.st_dev, stream.st_ino))
    })
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn flag(name: &str) -> bool {
    text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The wall clock: signatures and certificates need it, nothing else does.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since the epoch.
pub fn unix_millis() -> u64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// Seconds since the epoch.
pub fn unix_seconds() -> u64 {
    unix_millis() / 1000
}

/// A moment in UTC as `2026-11-22T19:04:05Z` (RFC 3339), from seconds since the epoch; empty after the year 9999.
pub fn rfc3339(seconds: u64) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    if let Some(moment) = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
        let _ = write!(text, "{}", humantime::format_rfc3339_seconds(moment));
    }
    text
}

/// The current time in the same form.
pub fn rfc3339_now() -> String {
    rfc3339(unix_seconds())
}

/// The time since a moment by RFC 3339; zero if it lies ahead, `None` if it is not one.
pub fn since(moment: &str) -> Option<Duration> {
    let then = humantime::parse_rfc3339(moment).ok()?;
    Some(now().duration_since(then).unwrap_or(Duration::ZERO))
}

/// The kernel's id of this boot (random(4)).
pub fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// The current moment.
pub fn moment() -> Moment {
    use nix::time::{ClockId, clock_gettime};
    let since = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    Moment { boot: boot_id(), micros: u64::try_from(since.as_micros()).unwrap_or(u64::MAX) }
}

/// Whether standard output is a terminal.
pub fn stdout_is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout())
}

/// Whether this process may change owners and units.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Sets the umask so that new directories have mode 0755: a daemon must reach its files, and user data may run with
/// umask 077. The mode must be right at creation, because a crash can come between mkdir and chmod. The mode of each
/// file is set separately.
pub fn set_umask() {
    use nix::sys::stat::{Mode, umask};
    umask(Mode::from_bits_truncate(0o022));
}

/// Creates a directory for scratch trees of `simulate`, owned by the caller.
pub fn scratch_directory(name: &str) -> std::io::Result<std::path::PathBuf> {
    let base = std::env::temp_dir();
    for _ in 0..100 {
        let path = base.join(format!("cos-agent-{name}-{:08x}", fastrand::u32(..)));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::AlreadyExists,
        "no free name for a scratch directory",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_by_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_374_245, "2026-11-22T19:04:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, ""),
            (u64::MAX, ""),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
