//! READ: the same files, folders and units as they are on the machine, for the plan to compare with.

mod daemon_files;
mod directories;

use crate::state::{
    DNS_LINK, DOCKER, Daemon, DesiredState, Kind, PROGRAM, Place, READY, UnitState, WATCH, is_data,
};
use crate::system::System;
use crate::system::root::{FileError, Root, Stat};
use crate::system::services::ServiceError;
pub use daemon_files::OperatorFile;
pub(crate) use daemon_files::operator_files;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

/// A path as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What `lstat` says.
    pub stat: Stat,
    /// The contents, for a regular file.
    pub bytes: Vec<u8>,
}

/// The data of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The daemon.
    pub daemon: Daemon,
    /// Whether anything is in the folder.
    pub present: bool,
    /// Whether it is a server's.
    pub of_server: bool,
    /// The names beside the folder, which a name for moving aside must not be.
    pub siblings: Vec<OsString>,
    /// Where the folder lies.
    pub place: Place,
}

/// A file that only root may write, whoever owns it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedFile {
    /// Its path, as people read it.
    pub path: String,
    /// Its path, which need not be UTF-8.
    pub real: PathBuf,
    /// What it is.
    pub stat: Stat,
}

/// The machine as it is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Whether owners count here.
    pub keeps_owners: bool,
    /// Path → what is there; absent paths are not in it.
    pub files: BTreeMap<String, Seen>,
    /// Paths beside which a crash left a half-written file.
    pub leftovers: Vec<String>,
    /// Files of the operator in the daemons' folders.
    pub operator_files: Vec<OperatorFile>,
    /// Links in the daemons' folders that lead nowhere, and without which their daemon starts.
    pub dead_links: Vec<(Daemon, String)>,
    /// The data of all daemons.
    pub data: Vec<Data>,
    /// Files in the directories that root reads alone.
    pub guarded_files: Vec<GuardedFile>,
    /// Whether this is the root directory of a machine that is off: it has no units, and starts them all when it boots.
    pub is_off: bool,
    /// What the trust store holds by now, where authorities go into it.
    pub trust_bundle: Vec<u8>,
    /// The ids of the owners, where they exist.
    pub owners: BTreeMap<(&'static str, &'static str), (u32, u32)>,
    /// The agent's program, as the manifest has it; `None` where it is not installed here.
    pub agent: Option<String>,
    /// Unit → state, or `None` where units are not ours to start.
    pub units: Option<BTreeMap<String, UnitState>>,
}

impl Observed {
    /// Whether a unit runs; `None` where units are not ours to ask for.
    pub fn is_up(&self, unit: &str) -> Option<bool> {
        self.units.as_ref().map(|units| units.get(unit) == Some(&UnitState::Up))
    }

    /// Whether a unit runs, or will without our doing; `None` where units are not ours to ask for.
    pub fn comes_up(&self, unit: &str) -> Option<bool> {
        let comes = |state: &UnitState| matches!(state, UnitState::Up | UnitState::Queued);
        self.units.as_ref().map(|units| units.get(unit).is_some_and(comes))
    }

    /// The state of a unit, where units are ours to ask for.
    pub fn state(&self, unit: &str) -> Option<UnitState> {
        self.units.as_ref()?.get(unit).copied()
    }
}

/// Why the machine could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A file could not be read.
    #[error("a file cannot be read")]
    File(#[from] FileError),
    /// systemd did not answer.
    #[error("the units cannot be asked for")]
    Services(#[from] ServiceError),
}

/// Looks at everything that the desired state names, and at the files that were written before.
pub async fn observe<'a>(
    system: &System,
    desired: &'a DesiredState,
    written: impl Iterator<Item = &'a str>,
) -> Result<Observed, ObserveError> {
    let root = &system.root;
    let mut observed = Observed {
        keeps_owners: root.keeps_owners(),
        is_off: system.services.is_none() && !system.keeps_record,
        ..Observed::default()
    };
    let desired_paths = desired.files.iter().map(|file| file.path.as_str());
    let paths: BTreeSet<&str> = desired_paths.chain(written).collect();
    for path in paths {
        if let Some(seen) = look(root, path)? {
            observed.files.insert(path.to_owned(), seen);
        }
        if root.has_leftover(path)? {
            observed.leftovers.push(path.to_owned());
        }
    }
    if let Some(bundle) = desired.trust_bundle {
        observed.trust_bundle = root.read(bundle)?.unwrap_or_default();
    }
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        if desired.daemons.contains(&daemon) {
            observed.operator_files.extend(operator_files(root, daemon)?);
            let dead = daemon_files::dead_links(root, daemon)?;
            observed.dead_links.extend(dead.into_iter().map(|path| (daemon, path)));
        }
        observed.data.push(data(root, daemon)?);
    }
    if root.keeps_owners() {
        observed.owners = directories::owners(desired);
    }
    observed.agent = root
        .stat_target(PROGRAM)?
        .map(|stat| format!("{} bytes of {}", stat.size, stat.mtime_nanos));
    directories::look(root, desired, &mut observed)?;
    if let Some(services) = &system.services {
        observed.units = Some(
            services
                .states(&[
                    Daemon::Consul.unit(),
                    Daemon::Nomad.unit(),
                    DNS_LINK,
                    DOCKER,
                    READY,
                    WATCH,
                ])
                .await?,
        );
    }
    Ok(observed)
}

fn look(root: &Root, path: &str) -> Result<Option<Seen>, FileError> {
    let Some(stat) = root.stat(path)? else { return Ok(None) };
    let bytes =
        if stat.kind == Kind::File { root.read(path)?.unwrap_or_default() } else { Vec::new() };
    Ok(Some(Seen { stat, bytes }))
}

fn data(root: &Root, daemon: Daemon) -> Result<Data, FileError> {
    let parent = daemon.data().rsplit_once('/').map_or("/", |(parent, _)| parent);
    // The data is closed to all but its daemon; who may not look into it does not change it either.
    let names = |folder: &str| match root.list(folder) {
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => Ok(Vec::new()),
        other => other,
    };
    let has_data = |folder| Ok(names(folder)?.iter().any(|name| is_data(name)));
    let present = has_data(daemon.data())?;
    Ok(Data {
        daemon,
        present,
        of_server: has_data(daemon.server_data())?,
        siblings: names(parent)?,
        place: if present { root.place(daemon.data())? } else { Place::Plain },
    })
}
