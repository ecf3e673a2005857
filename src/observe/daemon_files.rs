//! Other files in the configuration directories of the daemons: files that they load beside the agent's, and links that
//! keep them from starting.

use crate::state::{Daemon, OperatorFile, PathKind};
use crate::system::root::{FileError, Root};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The files that the daemon loads beside the agent's: `.json` and `.hcl` in its directory, not in subdirectories.
///
/// Nomad (1.6.3, `command/agent/config.go`) goes by the name of the entry, and skips the temporary files of editors.
/// Consul (1.14.4, `agent/config/builder.go`) does not skip them, and goes by the name of a link's target.
pub(crate) fn operator_files(root: &Root, daemon: Daemon) -> Result<Vec<OperatorFile>, FileError> {
    let mut files = Vec::new();
    for name in root.list(daemon.directory())? {
        let full = Path::new(daemon.directory()).join(&name);
        let kind = root.stat(&full)?.map(|stat| stat.kind);
        if full == Path::new(daemon.file()) || matches!(kind, None | Some(PathKind::Directory)) {
            continue;
        }
        let is_left_behind = daemon == Daemon::Nomad && is_of_an_editor(&name);
        let mut file = OperatorFile {
            daemon,
            path: crate::text::shown(full.as_os_str()),
            name,
            bytes: Vec::new(),
        };
        if daemon == Daemon::Consul
            && kind == Some(PathKind::Other)
            && !name_by_target(root, &full, &mut file)?
        {
            continue;
        }
        if is_left_behind || !is_configuration(&file.name) {
            continue;
        }
        if let Some(bytes) = root.read(&full)? {
            files.push(OperatorFile { bytes, ..file });
        }
    }
    Ok(files)
}

/// Whether a daemon loads a file of this name. The ending must be in lower case.
fn is_configuration(name: &OsStr) -> bool {
    [&b".json"[..], b".hcl"].iter().any(|ending| name.as_bytes().ends_with(ending))
}

/// Nomad's `isTemporaryFile`.
fn is_of_an_editor(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b"~")
        || name.starts_with(b".#")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
}

/// Gives a link the ending of its target; `false` if the target is a directory.
fn name_by_target(root: &Root, link: &Path, file: &mut OperatorFile) -> Result<bool, FileError> {
    // A link that may not be followed is an error when it is read.
    let Ok(target) = root.resolve(link) else { return Ok(true) };
    let Some(name) = target.file_name() else { return Ok(true) };
    let ending = |name: &OsStr| Path::new(name).extension().map(OsStr::to_owned);
    if ending(name) != ending(&file.name) {
        let shown = crate::text::shown(name);
        file.path.push_str(&format!(" -> {shown}"));
        file.name.push(".");
        file.name.push(ending(name).unwrap_or_default());
    }
    Ok(root.stat_target(link)?.is_none_or(|stat| stat.kind != PathKind::Directory))
}

/// Broken links that the daemon follows, which keep it from starting. Consul follows all links, Nomad those that it loads.
pub(crate) fn dead_links(root: &Root, daemon: Daemon) -> Result<Vec<String>, FileError> {
    let mut dead = Vec::new();
    for name in root.list(daemon.directory())? {
        let full = Path::new(daemon.directory()).join(&name);
        let is_followed =
            daemon == Daemon::Consul || is_configuration(&name) && !is_of_an_editor(&name);
        let is_link = root.stat(&full)?.is_some_and(|stat| stat.kind == PathKind::Other);
        // A link that may not be followed is not a broken one.
        if is_followed && is_link && matches!(root.stat_target(&full), Ok(None)) {
            dead.push(crate::text::shown(full.as_os_str()));
        }
    }
    Ok(dead)
}
