//! A directory for the files of one child process, removed when it is dropped.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the names of these directories begin with.
const PREFIX: &str = "cos-agent-scratch-";
/// A directory older than this belongs to a run that was killed.
const ABANDONED: Duration = Duration::from_secs(300);

/// A directory that only this user may enter.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in this directory, which should be in memory, such as `/run`. What a killed run left there is removed.
    pub fn below(parent: &Path) -> io::Result<Self> {
        remove_abandoned(parent);
        let path = parent.join(format!("{PREFIX}{:016x}", fastrand::u64(..)));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If that fails, a later run removes it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if is_ours && age().is_some_and(|age| age > ABANDONED) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    #[test]
    fn a_directory_is_private_and_goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(parent.path()).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir(path.join("log")).unwrap();
        fs::write(path.join("log/x"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists() && parent.path().exists());
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        let make = |name: &str, is_old: bool| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            if is_old {
                File::open(&path).unwrap().set_modified(long_ago).unwrap();
            }
            path
        };
        let left = make("cos-agent-scratch-1", true);
        let kept = [make("cos-agent-scratch-2", false), make("cos-agent", true)];
        let scratch = Scratch::below(parent.path()).unwrap();
        assert!(!left.exists() && scratch.path().exists());
        assert!(kept.iter().all(|path| path.exists()));
    }
}
