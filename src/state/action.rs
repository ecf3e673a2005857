//! What must happen besides the files: a verb of systemctl and a unit, a tool, or a reload of systemd.

use super::{DOCKER, Daemon};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A verb of systemctl(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// `stop`.
    Stop,
    /// `enable`.
    Enable,
    /// `disable`.
    Disable,
    /// `reload`.
    Reload,
    /// `try-restart`: restarts the unit only if it runs.
    TryRestart,
    /// `restart`.
    Restart,
    /// `start`.
    Start,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::Stop,
        Self::Enable,
        Self::Disable,
        Self::Reload,
        Self::TryRestart,
        Self::Restart,
        Self::Start,
    ];

    /// Its name in systemctl(1).
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Reload => "reload",
            Self::TryRestart => "try-restart",
            Self::Restart => "restart",
            Self::Start => "start",
        }
    }
}

/// A tool of the system that processes files of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// The trust store: `update-ca-certificates` or `update-ca-trust`.
    UpdateTrustStore,
    /// The users of the daemons: `systemd-sysusers`.
    CreateUsers,
    /// Directories and links: `systemd-tmpfiles`.
    CreateDirectories,
}

impl Tool {
    const ALL: [Self; 3] = [Self::UpdateTrustStore, Self::CreateUsers, Self::CreateDirectories];

    fn name(self) -> &'static str {
        match self {
            Self::UpdateTrustStore => "update-trust-store",
            Self::CreateUsers => "create-users",
            Self::CreateDirectories => "create-directories",
        }
    }
}

/// Something that must happen once. Actions happen in the order of [`Action::stage`], then of the units. The `Ord` of this type
/// only sorts lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A tool runs.
    Run(Tool),
    /// systemd reads its unit files again: `systemctl daemon-reload`.
    DaemonReload,
    /// `systemctl VERB UNIT`.
    Unit(Verb, Cow<'static, str>),
}

/// The stages of the actions of a plan, in the order in which they are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Units that should not run stop.
    Stop,
    /// Tools make the files that units read when they start.
    Run,
    /// systemd reads the unit files.
    DaemonReload,
    /// Units are enabled or disabled, so that systemd starts them at boot or does not.
    Enable,
    /// Units start, restart and reload, each after the units on which it depends.
    Start,
}

impl Action {
    /// An action on a unit.
    pub const fn unit(verb: Verb, unit: &'static str) -> Self {
        Self::Unit(verb, Cow::Borrowed(unit))
    }

    /// Restarts a daemon.
    pub fn restart(daemon: Daemon) -> Self {
        Self::unit(Verb::Restart, daemon.unit())
    }

    /// Whether it is this verb for this unit.
    pub fn is(&self, verb: Verb, unit: &str) -> bool {
        matches!(self, Self::Unit(own, of) if *own == verb && of == unit)
    }

    /// Its unit, if it is an action on one.
    pub fn of_unit(&self) -> Option<&str> {
        match self {
            Self::Unit(_, unit) => Some(unit),
            Self::Run(_) | Self::DaemonReload => None,
        }
    }

    /// The stage in which it is carried out.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Unit(Verb::Stop, _) => Stage::Stop,
            Self::Run(_) => Stage::Run,
            Self::DaemonReload => Stage::DaemonReload,
            Self::Unit(Verb::Enable | Verb::Disable, _) => Stage::Enable,
            Self::Unit(Verb::Reload | Verb::TryRestart | Verb::Restart | Verb::Start, _) => {
                Stage::Start
            }
        }
    }

    /// What was done, in the past tense. systemd runs its jobs later, so the words say only that it was asked.
    pub fn done(&self) -> String {
        match self {
            Self::Run(Tool::UpdateTrustStore) => "updated the trust store".to_owned(),
            Self::Run(Tool::CreateUsers) => "created the users of the daemons".to_owned(),
            Self::Run(Tool::CreateDirectories) => "created directories and links".to_owned(),
            Self::DaemonReload => "reloaded the unit files of systemd".to_owned(),
            Self::Unit(Verb::Enable, unit) => format!("enabled {unit}"),
            Self::Unit(Verb::Disable, unit) => format!("disabled {unit}"),
            Self::Unit(Verb::TryRestart, unit) => format!("asked systemd to restart {unit}"),
            Self::Unit(verb, unit) => format!("asked systemd to {} {unit}", verb.name()),
        }
    }

    /// Whether it is still necessary after a reboot. All others only make running units read changed files.
    pub fn outlives_a_boot(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Unit(Verb::Enable | Verb::Disable, _))
    }
}

/// The action as an imperative.
impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(Tool::UpdateTrustStore) => formatter.write_str("update the trust store"),
            Self::Run(Tool::CreateUsers) => formatter.write_str("create the users of the daemons"),
            Self::Run(Tool::CreateDirectories) => {
                formatter.write_str("create directories and links")
            }
            Self::DaemonReload => formatter.write_str("reload the unit files of systemd"),
            Self::Unit(Verb::TryRestart, unit) if unit == DOCKER => {
                write!(formatter, "restart {unit} if no container runs")
            }
            Self::Unit(Verb::TryRestart, unit) => write!(formatter, "restart {unit}"),
            Self::Unit(verb, unit) => write!(formatter, "{} {unit}", verb.name()),
        }
    }
}

/// In records and JSON: `restart consul.service`, `daemon-reload`, `update-trust-store`.
impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Run(tool) => serializer.serialize_str(tool.name()),
            Self::DaemonReload => serializer.serialize_str("daemon-reload"),
            Self::Unit(verb, unit) => {
                serializer.collect_str(&format_args!("{} {unit}", verb.name()))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom(format!("unknown action {text:?}")))
    }
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "daemon-reload" {
            return Ok(Self::DaemonReload);
        }
        if let Some(tool) = Tool::ALL.into_iter().find(|tool| tool.name() == text) {
            return Ok(Self::Run(tool));
        }
        let (verb, unit) = text.split_once(' ').ok_or(())?;
        let verb = Verb::ALL.into_iter().find(|known| known.name() == verb).ok_or(())?;
        // systemd.unit(5): a name has a suffix, and neither spaces nor slashes.
        let is_name = unit.contains('.') && !unit.contains([' ', '/']) && !unit.starts_with('-');
        if is_name { Ok(Self::Unit(verb, Cow::Owned(unit.to_owned()))) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_read_as_it_is_written() {
        let verbs = Verb::ALL.map(|verb| Action::unit(verb, "consul.service"));
        let tools = Tool::ALL.into_iter().map(Action::Run);
        let others: Vec<Action> = tools.chain([Action::DaemonReload]).collect();
        for action in verbs.into_iter().chain(others) {
            let written = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<Action>(&written).unwrap(), action, "{written}");
        }
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for text in [
            "",
            "restart",
            "restart ",
            "mask x.service",
            "restart a b.service",
            "start --now.x",
            "stop ../x.service",
            "stop x",
        ] {
            assert_eq!(text.parse::<Action>(), Err(()), "{text}");
        }
    }

    #[test]
    fn stages_come_in_the_order_of_what_depends_on_what() {
        use Stage::{DaemonReload, Enable, Run, Start, Stop};
        let mut stages = [Start, Enable, DaemonReload, Run, Stop];
        stages.sort();
        assert_eq!(stages, [Stop, Run, DaemonReload, Enable, Start]);
    }
}
