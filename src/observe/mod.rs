//! READ: the files, directories and units of the desired state as they are on the machine, for the plan to compare.

mod daemon_files;
mod directories;
pub mod leftovers;

use crate::exit::ExitCode;
use crate::state::{Daemon, Data, DesiredState, Observed, PROGRAM, PathKind, Place, Seen, Wanted};
use crate::system::System;
use crate::system::root::{FileError, Root};
use crate::system::systemd::services::ServiceError;
pub(crate) use daemon_files::{dead_links, operator_files};
use std::collections::BTreeSet;

/// Why the machine could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A file could not be read.
    #[error("cannot read a file; nothing was changed")]
    File(#[from] FileError),
    /// systemd did not answer.
    #[error("cannot read the states of the units; nothing was changed")]
    Services(#[from] ServiceError),
}

impl ObserveError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Services(error) => error.exit_code(),
        }
    }
}

/// Reads everything that the desired state names, and the files that were written before.
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
    for daemon in Daemon::ALL {
        if desired.daemons.contains(&daemon) {
            observed.operator_files.extend(operator_files(root, daemon)?);
            let dead = dead_links(root, daemon)?;
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
        let is_asked = |wanted: Wanted| wanted.runs() || wanted == Wanted::Stopped;
        let units = desired.units.iter().filter(|unit| is_asked(unit.wanted));
        let names: Vec<&str> = units.map(|unit| unit.name).collect();
        observed.units = Some(services.states(&names).await?);
    }
    Ok(observed)
}

fn look(root: &Root, path: &str) -> Result<Option<Seen>, FileError> {
    let Some(stat) = root.stat(path)? else { return Ok(None) };
    let bytes =
        if stat.kind == PathKind::File { root.read(path)?.unwrap_or_default() } else { Vec::new() };
    Ok(Some(Seen { stat, bytes }))
}

fn data(root: &Root, daemon: Daemon) -> Result<Data, FileError> {
    let parent = daemon.data().rsplit_once('/').map_or("/", |(parent, _)| parent);
    // Only the daemon and root may read the data; a user who may not does not change it either.
    let present = or_closed(root.holds_data(daemon.data()))?;
    Ok(Data {
        daemon,
        present,
        of_server: or_closed(root.holds_data(daemon.server_data()))?,
        siblings: or_closed(root.list(parent))?,
        place: if present { root.place(daemon.data())? } else { Place::Plain },
    })
}

/// The empty value if the directory may not be read.
fn or_closed<T: Default>(found: Result<T, FileError>) -> Result<T, FileError> {
    match found {
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => {
            Ok(T::default())
        }
        other => other,
    }
}
