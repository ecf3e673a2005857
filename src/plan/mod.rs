//! PURE: desired against observed, with the manifest of the last run. Out: a [`Plan`], which `apply` carries out and
//! `plan` shows; nothing else is ever done.

mod actions;
pub mod conflicts;
mod diff;
pub mod display;
mod identity;
pub mod keys;
pub mod manifest;
mod redact;

use crate::error::ExitCode;
use crate::observe::{ObserveError, Observed, Seen};
use crate::role::Role;
use crate::state::{Action, Contents, Daemon, DesiredState, File, Folder, Kind, Owner};
use conflicts::Conflict;
use manifest::{Manifest, Written};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What to do with server data that nobody recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnrecordedData {
    /// Refuse: moving a quorum's data is not ours to decide.
    #[default]
    Refuse,
    /// It is this instance's: keep it.
    Adopt,
    /// It is not: move it aside.
    Discard,
}

/// One change of the disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Data of another instance gets another name.
    MoveAside {
        /// Whose data it is.
        daemon: Daemon,
        /// The new name.
        to: String,
        /// The instance that made it, if it is known.
        of: Option<String>,
    },
    /// A half-written file of a crash goes.
    Sweep {
        /// The path beside which it lies.
        path: String,
    },
    /// A folder is made, or gets its mode and owner.
    MakeFolder(Folder),
    /// A file is written.
    Write(Write),
    /// A file that we wrote and no longer want goes.
    Remove {
        /// The path.
        path: String,
        /// Its contents until now.
        before: Vec<u8>,
    },
}

/// A file that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The path.
    pub path: String,
    /// The contents.
    pub bytes: Vec<u8>,
    /// The permission bits.
    pub mode: u32,
    /// The owner; for an operator's file `None`, which keeps the one it has.
    pub owner: Option<Owner>,
    /// The ids of the owner, where owners count.
    pub ids: Option<(u32, u32)>,
    /// The contents until now.
    pub before: Option<Vec<u8>>,
    /// Why.
    pub why: Why,
}

/// Why a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not there.
    New,
    /// It shall be another.
    Changed,
    /// Somebody else changed or replaced it.
    EditedByHand,
    /// Only mode or owner are not as they shall be.
    Attributes,
}

/// An action, and the changes that make it due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAction {
    /// The action.
    pub action: Action,
    /// Why.
    pub because: Vec<String>,
}

/// Everything that `apply` will do, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The changes of the disk.
    pub changes: Vec<Change>,
    /// The actions.
    pub actions: Vec<PlannedAction>,
    /// The manifest while the plan is carried out.
    pub during: Manifest,
    /// The manifest when all is done.
    pub after: Manifest,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The machine could not be looked at.
    #[error("the machine cannot be looked at")]
    Observe(#[from] ObserveError),
    /// A file of the operator would win over ours.
    #[error("a file in the daemons' folders is in the way")]
    Conflict(#[from] Conflict),
    /// A JSON file in which we keep keys is no JSON object.
    #[error("{path} is no JSON object ({problem}), and keys of ours belong into it")]
    OperatorJson {
        /// The path.
        path: String,
        /// What was found.
        problem: String,
    },
    /// Something that is no regular file has the name of one of ours.
    #[error("{path} is a {found}, expected a regular file")]
    NoFile {
        /// The path.
        path: String,
        /// What was found.
        found: &'static str,
    },
    /// A user or group is missing.
    #[error("user or group {user}:{group}, who owns {path}, does not exist")]
    NoOwner {
        /// The user.
        user: &'static str,
        /// The group.
        group: &'static str,
        /// The path.
        path: String,
    },
    /// Server data that no record speaks of.
    #[error("{} holds the data of a server, and no record says whose", daemon.server_data())]
    UnrecordedData {
        /// The daemon.
        daemon: Daemon,
    },
}

/// The inputs of a plan.
pub struct Inputs<'a> {
    /// What shall be.
    pub desired: &'a DesiredState,
    /// What is.
    pub observed: &'a Observed,
    /// What was written last time.
    pub manifest: &'a Manifest,
    /// The role of the node.
    pub role: &'static Role,
    /// The instance.
    pub instance: &'a str,
    /// What to do with server data that nobody recorded.
    pub unrecorded_data: UnrecordedData,
}

impl Plan {
    /// Compares what shall be with what is.
    pub fn between(inputs: &Inputs<'_>) -> Result<Self, PlanError> {
        if let Some(conflict) = inputs
            .observed
            .operator_files
            .iter()
            .find_map(|file| conflicts::find(file, inputs.role))
        {
            return Err(conflict.into());
        }
        let mut changes = identity::changes(inputs)?;
        changes.extend(
            inputs.observed.leftovers.iter().map(|path| Change::Sweep { path: path.clone() }),
        );
        for folder in &inputs.desired.folders {
            changes.extend(folder_change(folder, inputs, &changes)?);
        }
        let mut after = Manifest {
            schema: manifest::SCHEMA.to_owned(),
            instance: Some(inputs.instance.to_owned()),
            role: Some(inputs.role.name.to_owned()),
            ..Manifest::default()
        };
        for file in &inputs.desired.files {
            let (write, written) = file_change(file, inputs)?;
            changes.extend(write.map(Change::Write));
            // A unit that the image brought is not ours to record, or a change of role would remove it.
            if written.created || !matches!(file.contents, Contents::Seed(_)) {
                after.files.insert(file.path.clone(), written);
            }
        }
        changes.extend(removals(inputs)?);
        let actions = actions::due(inputs, &changes);
        let during = during(inputs.manifest, &after, &changes, &actions);
        Ok(Self { changes, actions, during, after })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.actions.is_empty()
    }

    /// The files that are written.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.changes.iter().filter_map(|change| match change {
            Change::Write(write) => Some(write),
            _ => None,
        })
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    crate::hexadecimal(&Sha256::digest(bytes))
}

fn file_change(file: &File, inputs: &Inputs<'_>) -> Result<(Option<Write>, Written), PlanError> {
    let seen = regular(&file.path, inputs.observed)?;
    let before = inputs.manifest.files.get(&file.path);
    let created = before.map_or(seen.is_none(), |before| before.created);
    let (bytes, keys) = match &file.contents {
        Contents::Text(text) => (text.clone().into_bytes(), None),
        Contents::Seed(text) => {
            (seen.map_or_else(|| text.as_bytes().to_vec(), |seen| seen.bytes.clone()), None)
        }
        Contents::Keys(ours) => {
            let found = object(&file.path, seen)?;
            let set = keys::set(&found, before.and_then(|before| before.keys.as_ref()), ours);
            // A file that has our keys already keeps its own order and indentation.
            let bytes = match seen {
                Some(seen) if set == found => seen.bytes.clone(),
                _ => crate::render::format::json(&Value::Object(set)).into_bytes(),
            };
            (bytes, Some(ours.clone()))
        }
    };
    let written = Written { sha256: sha256(&bytes), replaces: None, keys, created };
    let whole = matches!(file.contents, Contents::Text(_));
    let owner = (!matches!(file.contents, Contents::Keys(_))).then_some(file.owner);
    let ids = ids(&file.path, file.owner, inputs)?;
    let write = |why| Write {
        path: file.path.clone(),
        bytes: bytes.clone(),
        mode: seen.filter(|_| !whole).map_or(file.mode, |seen| seen.stat.mode),
        owner,
        ids: seen.filter(|_| !whole).map_or(ids, |seen| Some((seen.stat.uid, seen.stat.gid))),
        before: seen.map(|seen| seen.bytes.clone()),
        why,
    };
    let Some(seen) = seen else { return Ok((Some(write(Why::New)), written)) };
    let why = if seen.bytes != bytes {
        let ours = before.is_some_and(|before| {
            let found = sha256(&seen.bytes);
            before.sha256 == found || before.replaces.as_ref() == Some(&found)
        });
        if ours || before.is_none() || !whole { Why::Changed } else { Why::EditedByHand }
    } else if whole
        && (seen.stat.mode != file.mode
            || ids.is_some_and(|ids| ids != (seen.stat.uid, seen.stat.gid)))
    {
        Why::Attributes
    } else {
        return Ok((None, written));
    };
    Ok((Some(write(why)), written))
}

fn folder_change(
    folder: &Folder,
    inputs: &Inputs<'_>,
    changes: &[Change],
) -> Result<Option<Change>, PlanError> {
    let moved = changes.iter().any(
        |change| matches!(change, Change::MoveAside { daemon, .. } if daemon.data() == folder.path),
    );
    let ids = ids(folder.path, folder.owner, inputs)?;
    let as_it_shall_be = inputs.observed.files.get(folder.path).is_some_and(|seen| {
        // Mode and owner are the daemon's to keep where we cannot set them.
        seen.stat.kind == Kind::Folder
            && ids.is_none_or(|ids| {
                ids == (seen.stat.uid, seen.stat.gid) && seen.stat.mode == folder.mode
            })
    });
    Ok((moved || !as_it_shall_be).then(|| Change::MakeFolder(folder.clone())))
}

fn ids(path: &str, owner: Owner, inputs: &Inputs<'_>) -> Result<Option<(u32, u32)>, PlanError> {
    if !inputs.observed.keeps_owners {
        return Ok(None);
    }
    let Owner { user, group } = owner;
    match inputs.observed.owners.get(&(user, group)) {
        Some(ids) => Ok(Some(*ids)),
        None => Err(PlanError::NoOwner { user, group, path: path.to_owned() }),
    }
}

fn regular<'a>(path: &str, observed: &'a Observed) -> Result<Option<&'a Seen>, PlanError> {
    let found = match observed.files.get(path) {
        None => return Ok(None),
        Some(seen) => match seen.stat.kind {
            Kind::File => return Ok(Some(seen)),
            Kind::Folder => "folder",
            Kind::Other => "link or special file",
        },
    };
    Err(PlanError::NoFile { path: path.to_owned(), found })
}

fn object(path: &str, seen: Option<&Seen>) -> Result<Map<String, Value>, PlanError> {
    let Some(seen) = seen.filter(|seen| !seen.bytes.trim_ascii().is_empty()) else {
        return Ok(Map::new());
    };
    let wrong = |problem: String| PlanError::OperatorJson { path: path.to_owned(), problem };
    match serde_json::from_slice(&seen.bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong("it holds another JSON value".to_owned())),
        // The parser's words may quote the file, which may hold credentials.
        Err(error) => Err(wrong(format!("line {}, column {}", error.line(), error.column()))),
    }
}

/// What we wrote and no longer want.
fn removals(inputs: &Inputs<'_>) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    for (path, written) in &inputs.manifest.files {
        if inputs.desired.files.iter().any(|file| file.path == *path) {
            continue;
        }
        let Some(seen) = regular(path, inputs.observed)? else { continue };
        let remove = || Change::Remove { path: path.clone(), before: seen.bytes.clone() };
        let Some(keys) = &written.keys else {
            changes.push(remove());
            continue;
        };
        let found = object(path, Some(seen))?;
        let rest = keys::without(&found, keys);
        if rest.is_empty() && written.created {
            changes.push(remove());
        } else if rest != found {
            changes.push(Change::Write(Write {
                path: path.clone(),
                bytes: crate::render::format::json(&Value::Object(rest)).into_bytes(),
                mode: seen.stat.mode,
                owner: None,
                ids: Some((seen.stat.uid, seen.stat.gid)),
                before: Some(seen.bytes.clone()),
                why: Why::Changed,
            }));
        }
    }
    Ok(changes)
}

/// The manifest while the plan is carried out: old and new files, so that a crash at any point leaves a record of
/// each, and all actions pending.
fn during(
    before: &Manifest,
    after: &Manifest,
    changes: &[Change],
    actions: &[PlannedAction],
) -> Manifest {
    let mut during = after.clone();
    for (path, written) in &before.files {
        match during.files.get_mut(path) {
            Some(new) if new.sha256 != written.sha256 => {
                new.replaces = Some(written.sha256.clone())
            }
            Some(_) => {}
            None => {
                during.files.insert(path.clone(), written.clone());
            }
        }
    }
    during.pending = actions.iter().map(|planned| planned.action).collect();
    // Whose the data is stays as it was until it has been moved.
    if changes.iter().any(|change| matches!(change, Change::MoveAside { .. })) {
        during.instance.clone_from(&before.instance);
    }
    during
}

impl PlanError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Observe(ObserveError::File(error)) => ExitCode::of_file(error),
            Self::Observe(ObserveError::Services(_)) => ExitCode::Unavailable,
            Self::NoFile { .. } => ExitCode::File,
            Self::UnrecordedData { .. } => ExitCode::Data,
            Self::Conflict(_) | Self::OperatorJson { .. } | Self::NoOwner { .. } => {
                ExitCode::Config
            }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Observe(_) => return None,
            Self::Conflict(Conflict::Sets { path, .. }) => format!(
                "take the key out of {path}, or move the file away if it came with a package (`mv {path} {path}.packaged`); \
                 nothing was changed"
            ),
            Self::Conflict(Conflict::Unreadable { path, .. }) => {
                format!("mend {path} or move it away; nothing was changed")
            }
            Self::OperatorJson { path, .. } => format!("mend {path}; nothing was changed"),
            Self::NoFile { path, .. } => format!("move {path} away; nothing was changed"),
            Self::NoOwner { user, .. } => format!(
                "the image lacks it: `useradd --system --home-dir /nonexistent --shell /bin/false {user}`"
            ),
            Self::UnrecordedData { daemon } => format!(
                "if this instance made it (a node that run-{0} once made), run `cos-agent apply --adopt-data`; if it came with \
                 an image, `cos-agent apply --discard-data` moves it aside; nothing was changed",
                daemon.unit().trim_end_matches(".service")
            ),
        })
    }
}
