//! READ: how this boot goes: since when the machine is up, whether the agent is frozen, whether an `apply` is at work.

use crate::apply::LOCK;
use crate::facts::FREEZE;
use crate::system::System;
use crate::system::aside::aside;
use crate::system::environment::rfc3339;
use crate::system::machine;
use crate::system::root::Root;
use crate::text::decoded;
use crate::text::secret::masked;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// How much of the file that freezes the agent is shown, in characters.
const NOTE: usize = 160;

/// How this boot goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// How long the machine is up; `None` if /proc does not say so.
    pub up: Option<Duration>,
    /// The file that freezes the agent, if it is there.
    pub frozen: Option<Freeze>,
    /// Whether an `apply` holds the lock of this node.
    pub is_running: bool,
}

/// The file that freezes the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freeze {
    /// When it was written last, by RFC 3339.
    pub since: String,
    /// Its first line, if it has one: who froze the agent may have said why.
    pub note: Option<String>,
}

/// Looks at the machine.
pub(super) async fn ask(system: Rc<System>) -> Boot {
    let root = system.root.clone();
    let look = async move || Boot {
        up: machine::uptime(),
        frozen: frozen(&root),
        is_running: machine::is_locked(Path::new(LOCK)),
    };
    aside(look).await.unwrap_or_default()
}

fn frozen(root: &Root) -> Option<Freeze> {
    let stat = root.stat(FREEZE).ok().flatten()?;
    let seconds = u64::try_from(stat.mtime_nanos / 1_000_000_000).unwrap_or(0);
    let bytes = root.read(FREEZE).ok().flatten().unwrap_or_default();
    let text = decoded(&bytes).unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let note = line.map(|line| masked(line).chars().take(NOTE).collect());
    Some(Freeze { since: rfc3339(seconds), note })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_freezes_the_agent_says_since_when_and_perhaps_why() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(frozen(&root), None);
        root.write(FREEZE, b"", 0o644).unwrap();
        let empty = frozen(&root).unwrap();
        assert!(empty.since.ends_with('Z') && empty.note.is_none(), "{empty:?}");
        root.write(FREEZE, b"\n  anna: INC-7, disk swap\nmore\n", 0o644).unwrap();
        assert_eq!(frozen(&root).unwrap().note.as_deref(), Some("anna: INC-7, disk swap"));
        root.write(FREEZE, b"\xff\xff\xff", 0o644).unwrap();
        assert_eq!(frozen(&root).unwrap().note, None);
    }
}
