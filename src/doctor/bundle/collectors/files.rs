//! READ: the files of the agent and of the daemons.

use super::{Piece, Source, directories, file};
use crate::doctor::bundle::member::Form;
use crate::render::units;
use crate::state::{self, PathKind};
use crate::store;
use crate::text::secret::private_keys;
use crate::text::{count, shown};

/// Most files of a directory.
const MOST: usize = 100;
/// Where units come from, the strongest first (systemd.unit(5)); the last two are one directory on most distributions.
const UNITS: [&str; 4] =
    [state::UNITS, "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// What the agent keeps, as far as others may read it. The facts hold settings, and so the secrets in them.
pub(super) fn state(source: &Source) -> Vec<Piece> {
    let kept = [
        (&store::STATUS, Form::Json),
        (&store::BOOTS, Form::Json),
        (&store::VERSIONS, Form::Json),
        (&store::FORMED, Form::Json),
        (&store::LAUNCH_HOOK, Form::Json),
        (&store::FACTS, Form::Settings),
    ];
    kept.iter().filter_map(|(entry, form)| file(source, "state", entry.path, *form)).collect()
}

/// The configuration.
pub(super) fn config(source: &Source) -> Vec<Piece> {
    let ours = ["/etc/cos-agent/config.d", "/usr/lib/cos-agent/config.d"];
    let mut pieces: Vec<Piece> =
        directories().chain(ours).flat_map(|directory| all(source, directory)).collect();
    let single =
        ["/etc/cos-agent/config.toml", "/etc/docker/daemon.json", "/etc/docker/config.json"];
    pieces.extend(single.iter().filter_map(|path| file(source, "config", path, form(path))));
    pieces.into_iter().map(without_keys).collect()
}

/// The files of a directory; its directories are not entered, as the daemons do not enter them either.
fn all(source: &Source, directory: &str) -> Vec<Piece> {
    let names = match source.root.list(directory) {
        Ok(names) => names,
        Err(error) => return vec![Piece::failed(directory, error.source.to_string())],
    };
    let mut pieces = Vec::new();
    for name in &names {
        let path = format!("{directory}/{}", shown(name));
        let is_file = |kind: PathKind| kind == PathKind::File;
        if pieces.len() == MOST {
            let more = count(names.len() - MOST, "more name");
            pieces.push(Piece::failed(directory, format!("left out {more}")));
            break;
        }
        match source.root.stat_target(&path) {
            Ok(stat) if stat.is_some_and(|stat| is_file(stat.kind)) => {
                pieces.extend(file(source, "config", &path, form(&path)));
            }
            Ok(_) => {}
            Err(error) => pieces.push(Piece::failed(path, error.source.to_string())),
        }
    }
    pieces
}

fn form(path: &str) -> Form {
    if path.ends_with(".json") { Form::Settings } else { Form::File }
}

/// A file with a private key is no configuration, even if it is beside it.
fn without_keys(piece: Piece) -> Piece {
    let Piece::File(member) = piece else { return piece };
    if private_keys(&String::from_utf8_lossy(&member.bytes)).is_empty() {
        Piece::File(member)
    } else {
        Piece::failed(member.name, "left out, because it holds a private key")
    }
}

/// The files of our units, with their drop-ins.
pub(super) fn units(source: &Source) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for unit in units::names() {
        for directory in UNITS {
            let place = format!("{directory}/{unit}");
            let found = file(source, "units", &place, Form::File);
            let is_found = found.is_some();
            pieces.extend(found);
            for name in source.root.list(format!("{place}.d")).unwrap_or_default() {
                let path = format!("{place}.d/{}", shown(&name));
                pieces.extend(file(source, "units", &path, Form::File));
            }
            if is_found && directory == UNITS[2] {
                break;
            }
        }
    }
    pieces
}
