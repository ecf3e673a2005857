//! What else lies in the folders of the daemons: files that they load beside ours, and links that keep them from starting.

use crate::state::{Daemon, Kind, OperatorFile};
use crate::system::root::{FileError, Root};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The files that the daemon will load beside ours: `.json` and `.hcl` of its folder, not of folders below.
///
/// Nomad (1.6.3, `command/agent/config.go`) goes by the name that stands there, and passes over what editors leave behind. Consul
/// (1.14.4, `agent/config/builder.go`) does not, and goes by the name that a link leads to.
pub(crate) fn operator_files(root: &Root, daemon: Daemon) -> Result<Vec<OperatorFile>, FileError> {
    let mut files = Vec::new();
    for name in root.list(daemon.folder())? {
        let full = Path::new(daemon.folder()).join(&name);
        let kind = root.stat(&full)?.map(|stat| stat.kind);
        if full == Path::new(daemon.file()) || matches!(kind, None | Some(Kind::Folder)) {
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
            && kind == Some(Kind::Other)
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

/// In small letters alone.
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

/// Gives a link the ending of what it leads to; `false` for one that leads to a folder.
fn name_by_target(root: &Root, link: &Path, file: &mut OperatorFile) -> Result<bool, FileError> {
    // Whether a link may be followed is said where it is read.
    let Ok(target) = root.resolve(link) else { return Ok(true) };
    let Some(name) = target.file_name() else { return Ok(true) };
    let ending = |name: &OsStr| Path::new(name).extension().map(OsStr::to_owned);
    if ending(name) != ending(&file.name) {
        let shown = crate::text::shown(name);
        file.path.push_str(&format!(" -> {shown}"));
        file.name.push(".");
        file.name.push(ending(name).unwrap_or_default());
    }
    Ok(root.stat_target(link)?.is_none_or(|stat| stat.kind != Kind::Folder))
}

/// Links that lead nowhere and that the daemon follows. Neither starts then: Consul follows all, Nomad those that it loads.
pub(super) fn dead_links(root: &Root, daemon: Daemon) -> Result<Vec<String>, FileError> {
    let mut dead = Vec::new();
    for name in root.list(daemon.folder())? {
        let full = Path::new(daemon.folder()).join(&name);
        let is_followed =
            daemon == Daemon::Consul || is_configuration(&name) && !is_of_an_editor(&name);
        let is_link = root.stat(&full)?.is_some_and(|stat| stat.kind == Kind::Other);
        // A link that may not be followed is no dead one.
        if is_followed && is_link && matches!(root.stat_target(&full), Ok(None)) {
            dead.push(crate::text::shown(full.as_os_str()));
        }
    }
    Ok(dead)
}
