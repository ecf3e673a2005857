//! `doctor --bundle`: the report and what support needs besides it, in one file without secrets.

use super::{json, text};
use crate::commands::output::{self, Output};
use crate::doctor::bundle::{self, Bundle, Findings};
use crate::doctor::{Diagnosis, Selection};
use crate::error::{Error, InputError};
use crate::exit::ExitCode;
use crate::state::PathKind;
use crate::system::environment::{self, Environment};
use crate::system::root::Root;
use crate::text::count;
use crate::text::secret::mask_json;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where a bundle goes.
#[derive(Debug)]
enum Target {
    /// Standard output.
    Stdout,
    /// A new file.
    File {
        /// Its path, as it was typed.
        path: PathBuf,
        /// Its directory.
        directory: Root,
        /// Its name there, as an absolute path.
        name: OsString,
    },
}

pub(super) async fn run(
    file: &Path,
    environment: &Environment,
    selection: &Selection,
    output: Output,
) -> Result<ExitCode, Error> {
    let target = Target::of(file, environment::stdout_is_terminal())?;
    let report = super::examine(environment, selection).await;
    let diagnosis = Diagnosis::of(&report.answers);
    let mut value = json::report(&report, &diagnosis, diagnosis.exit_code(false));
    mask_json(&mut value);
    let findings = Findings {
        node: report.node.clone(),
        json: value.to_string(),
        text: text::report(&report, &diagnosis, true),
    };
    if environment.is_terminal {
        output::progress("collecting files and journals");
    }
    let made = bundle::make(environment, findings).await;
    if environment.is_terminal {
        output::progress("");
    }
    target.take(made, output)
}

impl Target {
    fn of(file: &Path, stdout_is_terminal: bool) -> Result<Self, Error> {
        if file == Path::new("-") {
            return if stdout_is_terminal {
                Err(InputError::BinaryToTerminal.into())
            } else {
                Ok(Self::Stdout)
            };
        }
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let directory = Root::at(parent);
        let found = directory.stat_target("/")?;
        let Some(name) = file
            .file_name()
            .filter(|_| found.is_some_and(|found| found.kind == PathKind::Directory))
        else {
            let (file, directory) = (file.to_owned(), parent.to_owned());
            return Err(InputError::NoDirectory { file, directory }.into());
        };
        let mut absolute = OsString::from("/");
        absolute.push(name);
        let target = Self::File { path: file.to_owned(), directory, name: absolute };
        target.is_free()?;
        Ok(target)
    }

    /// Fails if there is a file already.
    fn is_free(&self) -> Result<(), Error> {
        match self {
            Self::File { path, directory, name } if directory.stat(name)?.is_some() => {
                Err(InputError::FileExists { file: path.clone() }.into())
            }
            _ => Ok(()),
        }
    }

    /// Writes the bundle and says so. Of one that was refused, nothing is written.
    fn take(&self, made: Result<Bundle, Error>, output: Output) -> Result<ExitCode, Error> {
        let bundle = made?;
        self.write(&bundle.archive)?;
        self.tell(&bundle, output)?;
        Ok(ExitCode::Done)
    }

    /// Writes the whole archive or nothing; only the owner can read the file.
    fn write(&self, archive: &[u8]) -> Result<(), Error> {
        // Somebody may have written it meanwhile.
        self.is_free()?;
        match self {
            Self::Stdout => output::write_bytes(archive),
            Self::File { directory, name, .. } => Ok(directory.write(name, archive, 0o600)?),
        }
    }

    fn tell(&self, bundle: &Bundle, output: Output) -> Result<(), Error> {
        let Bundle { archive, files, redactions, failures } = bundle;
        match self {
            Self::Stdout => {
                output::report(&words("the bundle", bundle), false);
                Ok(())
            }
            Self::File { path, .. } => output.data(
                || format!("{}\n", words(&path.display().to_string(), bundle)),
                || {
                    json!({
                        "schema": "cos-agent/bundle/1",
                        "file": path.display().to_string(),
                        "bytes": archive.len(),
                        "files": files,
                        "redactions": redactions,
                        "failures": failures,
                    })
                },
            ),
        }
    }
}

fn words(file: &str, bundle: &Bundle) -> String {
    let mut words = format!(
        "wrote {file}: {} KiB, {}, {}",
        bundle.archive.len().div_ceil(1024),
        count(bundle.files, "file"),
        count(bundle.redactions, "redaction"),
    );
    if bundle.failures > 0 {
        let things = count(bundle.failures, "thing");
        words.push_str(&format!("; missing: {things}, which manifest.json lists"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::cli::Format;

    fn error(file: &Path) -> (u8, String) {
        let error = Target::of(file, true).unwrap_err();
        (error.exit_code() as u8, error.report())
    }

    #[test]
    fn a_target_that_cannot_be_written_is_refused_before_anything_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        Root::at(directory.path()).write("/there", b"x", 0o600).unwrap();
        let (there, link) = (directory.path().join("there"), directory.path().join("link"));
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        for (file, words) in [
            (there.clone(), "the file exists"),
            (link, "the file exists"),
            (directory.path().join("absent/x"), "absent is not a directory"),
            (there.join("x"), "there is not a directory"),
            (PathBuf::from("/"), "is not a directory"),
            (PathBuf::from("-"), "stdout is a terminal"),
        ] {
            let (code, report) = error(&file);
            assert!(code == 64 && report.contains(words) && report.contains("hint: "), "{report}");
        }
        assert!(matches!(Target::of(Path::new("-"), false), Ok(Target::Stdout)));
    }

    #[test]
    fn a_file_is_new_private_and_whole_or_it_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let target = Target::of(&directory.path().join("x.tar.gz"), true).unwrap();
        let output = Output { format: Format::Text };
        let refused = target.take(Err(Error::Leak("x".to_owned())), output).unwrap_err();
        assert_eq!((refused.exit_code(), root.list("/").unwrap().len()), (ExitCode::Bug, 0));
        target.write(b"archive").unwrap();
        let read = || root.read("/x.tar.gz").unwrap().unwrap();
        assert_eq!(read(), b"archive");
        assert_eq!(root.stat("/x.tar.gz").unwrap().unwrap().mode, 0o600);
        assert_eq!(root.list("/").unwrap(), ["x.tar.gz"]);
        assert_eq!(target.write(b"another").unwrap_err().exit_code(), ExitCode::Usage);
        assert_eq!(read(), b"archive");
    }

    #[test]
    fn the_end_says_what_was_written_and_what_is_missing() {
        let bundle = Bundle { archive: vec![0; 2000], files: 1, redactions: 12, failures: 0 };
        assert_eq!(words("x", &bundle), "wrote x: 2 KiB, 1 file, 12 redactions");
        let bundle = Bundle { failures: 2, ..bundle };
        assert!(words("x", &bundle).ends_with("; missing: 2 things, which manifest.json lists"));
    }
}
