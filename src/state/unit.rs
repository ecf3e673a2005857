//! Units: the wanted state of each on a node, and its state in systemd.

/// A unit that the agent writes, starts, stops or restarts, as one node needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// Its wanted state.
    pub wanted: Wanted,
    /// What makes it restart besides its files.
    pub restarts_with: &'static [Cause],
}

/// Where a unit comes from, which decides whether the agent may stop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The agent. It stops the unit on nodes that do not need it.
    Agent,
    /// The agent, under a name that packages use too. It stops the unit only if it wrote the unit's files.
    Shared,
    /// The image. The agent never stops it.
    Image,
}

/// The wanted state of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Running; the agent starts it.
    Running,
    /// Running, if the image has it.
    RunningIfInstalled,
    /// Started by systemd at each boot.
    Enabled,
    /// Not running.
    Stopped,
    /// As it is: the agent restarts it if it runs, and never starts it.
    AsItIs,
    /// Started by another unit, such as a `.path`; the agent only writes its file.
    Triggered,
}

impl Wanted {
    /// Whether the agent starts the unit.
    pub fn runs(self) -> bool {
        matches!(self, Self::Running | Self::RunningIfInstalled)
    }
}

/// What makes a unit restart besides its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Another version of the agent was installed.
    Agent,
    /// The node gets another role.
    Role,
}

/// The state of a unit in systemd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// Running or starting.
    Up,
    /// It has a start job that waits for another unit, as the daemons wait for cos-agent.service.
    Queued,
    /// Not running, failed, or waiting for its next start.
    Down,
    /// Masked by an operator: systemd refuses to start it.
    Masked,
    /// systemd knows no such unit.
    Unknown,
}

/// The agent itself.
pub const PROGRAM: &str = "/usr/bin/cos-agent";

/// The directory of the units that the agent writes.
pub const UNITS: &str = "/etc/systemd/system";

/// The unit of the agent itself.
pub const AGENT: &str = "cos-agent.service";

/// The unit that is active once this node has joined.
pub const READY: &str = "cos-agent-ready.service";

/// The unit that keeps this node joined.
pub const WATCH: &str = "cos-agent-watch.service";

/// The unit that finds out what is wrong with this node.
pub const DIAGNOSE: &str = "cos-agent-diagnose.service";

/// The unit that makes the link of the resolver.
pub const DNS_LINK: &str = "cos-dns.service";

/// The unit that loads container images into docker. `install` puts it into the image.
pub const IMAGES: &str = "cos-images.service";

/// The unit of docker, which comes with the image.
pub const DOCKER: &str = "docker.service";

/// The unit of systemd-resolved, which comes with the image.
pub const RESOLVED: &str = "systemd-resolved.service";

/// The unit of dnsmasq, which comes with the image.
pub const DNSMASQ: &str = "dnsmasq.service";

/// The unit to which a unit file or a drop-in belongs; `None` for a file elsewhere.
pub fn unit_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix(UNITS)?.strip_prefix('/')?;
    let first = name.split_once('/').map_or(name, |(directory, _)| directory);
    Some(first.strip_suffix(".d").unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_its_unit() {
        assert_eq!(unit_of("/etc/systemd/system/nomad.service.d/cos.conf"), Some("nomad.service"));
        assert_eq!(unit_of("/etc/systemd/system/nomad.service"), Some("nomad.service"));
        assert_eq!(unit_of("/etc/systemd/system.conf"), None);
    }
}
