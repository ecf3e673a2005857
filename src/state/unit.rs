//! Units: what each should be doing on a node, and what systemd says that it does.

/// A unit that the agent writes, starts, stops or restarts, as one node wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: &'static str,
    /// Who brings it.
    pub origin: Origin,
    /// What it should be doing.
    pub wanted: Wanted,
    /// What makes it restart besides its files.
    pub restarts_with: &'static [Cause],
}

/// Who brings a unit, which decides who may stop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The agent alone: it stops the unit wherever nobody wants it.
    Agent,
    /// The agent, under a name that others use too: it stops the unit only where it wrote its files.
    Shared,
    /// The image: the agent never stops it.
    Image,
}

/// What a unit should be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Running: the agent starts it.
    Running,
    /// Running, where the image has it.
    RunningIfInstalled,
    /// Started by systemd at each boot.
    Enabled,
    /// Nothing.
    Stopped,
    /// Whatever it does now: the agent restarts it where it runs, and never starts it.
    AsItIs,
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
    /// Another agent was installed.
    Agent,
    /// The node gets another role.
    Role,
}

/// What a unit is doing, in systemd's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// Running or starting.
    Up,
    /// Asked to start and not started: it waits for a unit that is before it, as the daemons wait for our own.
    Queued,
    /// Not running, failed, or waiting for its next start.
    Down,
    /// Switched off by an operator, for good: systemd refuses to start it.
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

/// The unit that is green when this node has joined.
pub const READY: &str = "cos-agent-ready.service";

/// The unit that looks after the membership.
pub const WATCH: &str = "cos-agent-watch.service";

/// The unit that makes the link of the resolver.
pub const DNS_LINK: &str = "cos-dns.service";

/// The unit of docker, which the image brings.
pub const DOCKER: &str = "docker.service";

/// The unit of systemd-resolved, which the image brings.
pub const RESOLVED: &str = "systemd-resolved.service";

/// The unit of dnsmasq, which the image brings.
pub const DNSMASQ: &str = "dnsmasq.service";
