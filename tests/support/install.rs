//! Programs below a folder that stands for `/`. Another process writes them: what is open for writing anywhere in this one
//! cannot be run, and a child of another test holds what was open when it was made.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a script that can be run.
pub(crate) fn script(path: &Path, text: &str) {
    let mut install = Command::new("install")
        .args(["-D", "-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    install.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success(), "{}", path.display());
}

/// Puts a file of this machine there: a second name for it, or a copy on another file system.
pub(crate) fn program(path: &Path, program: &Path) {
    let found =
        program.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if std::fs::hard_link(&found, path).is_err() {
        copy(path, &found);
    }
}

/// Puts a copy of a file of this machine there.
pub(crate) fn copy(path: &Path, program: &Path) {
    let mut install = Command::new("install");
    let done = install.args(["-D", "-m", "755"]).arg(program).arg(path).status().unwrap();
    assert!(done.success(), "{}", path.display());
}
