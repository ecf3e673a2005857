//! READ: what an image must not have, as it is on the disk.

use crate::state::PathKind;
use crate::state::leftover::{LEFTOVERS, Leftover, Spot, is_of_builder};
use crate::system::root::{FileError, Root};
use crate::text::shown;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What was found of one left-over.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub leftover: &'static Leftover,
    /// The paths to remove.
    pub remove: Vec<PathBuf>,
    /// The paths to make empty.
    pub empty: Vec<PathBuf>,
}

impl Found {
    /// All paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.remove.iter().chain(&self.empty).map(PathBuf::as_path)
    }

    /// What it is, its first path, and how many more there are.
    pub fn words(&self) -> String {
        let first = self.paths().next().map(|path| shown(path.as_os_str())).unwrap_or_default();
        match self.paths().count().saturating_sub(1) {
            0 => format!("{}: {first}", self.leftover.what),
            more => format!("{}: {first} and {more} more", self.leftover.what),
        }
    }
}

/// Every left-over of a machine that has any.
pub fn leftovers(root: &Root) -> Result<Vec<Found>, FileError> {
    let mut all = Vec::new();
    for leftover in LEFTOVERS {
        let mut found = Found { leftover, remove: Vec::new(), empty: Vec::new() };
        for spot in leftover.spots {
            look(root, *spot, &mut found)?;
        }
        found.remove.sort();
        found.remove.dedup();
        if found.paths().next().is_some() {
            all.push(found);
        }
    }
    Ok(all)
}

fn look(root: &Root, spot: Spot, found: &mut Found) -> Result<(), FileError> {
    match spot {
        Spot::Path(path) => {
            if root.stat(path)?.is_some() {
                found.remove.push(path.into());
            }
        }
        Spot::Inside(directory) => {
            let names = root.list(directory)?.into_iter();
            let is_left = |name: &OsString| !(directory == "/tmp" && is_of_builder(&shown(name)));
            found.remove.extend(names.filter(is_left).map(|name| Path::new(directory).join(name)));
        }
        Spot::Named(directory, prefix, suffix) => {
            let fits = |name: &OsString| {
                let name = shown(name);
                name.starts_with(prefix) && name.ends_with(suffix)
            };
            let names = root.list(directory)?.into_iter().filter(fits);
            found.remove.extend(names.map(|name| Path::new(directory).join(name)));
        }
        Spot::Home(path) => {
            let users = root.list("/home")?.into_iter().map(|user| Path::new("/home").join(user));
            for home in users.chain([PathBuf::from("/root")]) {
                let path = home.join(path);
                if root.stat(&path)?.is_some() {
                    found.remove.push(path);
                }
            }
        }
        Spot::Files(directory) => files(root, Path::new(directory), &mut found.remove)?,
        Spot::Empty(path) => {
            if root.stat(path)?.is_none_or(|stat| stat.kind != PathKind::File || stat.size > 0) {
                found.empty.push(path.into());
            }
        }
    }
    Ok(())
}

/// The files with contents in a directory and those below it. Links are not followed.
fn files(root: &Root, directory: &Path, into: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for name in root.list(directory)? {
        let path = directory.join(name);
        match root.stat(&path)? {
            Some(stat) if stat.kind == PathKind::Directory => files(root, &path, into)?,
            Some(stat) if stat.kind == PathKind::File && stat.size > 0 => into.push(path),
            _ => {}
        }
    }
    Ok(())
}
