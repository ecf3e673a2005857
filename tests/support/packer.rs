//! Packer, and the directory `packer/` as Debian's Packer 1.6.6 reads it.
#![allow(dead_code, reason = "each test uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory of the tree.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packer")
}

/// Copies the templates and the scripts, without the block that Packer 1.6.6 refuses; it refuses some arguments of
/// amazon-ebs too, where that source is built.
pub(crate) fn copy(to: &Path, without_arguments: bool) {
    let from = folder();
    fs::create_dir_all(to.join("scripts")).unwrap();
    fs::create_dir_all(to.join("files")).unwrap();
    for script in fs::read_dir(from.join("scripts")).unwrap() {
        let script = script.unwrap();
        fs::copy(script.path(), to.join("scripts").join(script.file_name())).unwrap();
    }
    fs::copy(from.join("variables.pkr.hcl"), to.join("variables.pkr.hcl")).unwrap();
    let template = fs::read_to_string(from.join("cos.pkr.hcl")).unwrap();
    let template = if without_arguments { strip(&template) } else { template };
    fs::write(to.join("cos.pkr.hcl"), template).unwrap();
}

/// The template without `imds_support` and `metadata_options`, which have to be there.
fn strip(template: &str) -> String {
    let (before, rest) = template.split_once("  metadata_options {\n").expect("metadata_options");
    let (_, after) = rest.split_once("\n  }\n").expect("the end of metadata_options");
    let all = format!("{before}{after}");
    let kept: Vec<&str> =
        all.lines().filter(|line| !line.trim_start().starts_with("imds_support ")).collect();
    assert_eq!(kept.len() + 1, all.lines().count(), "one line sets imds_support");
    kept.join("\n") + "\n"
}

/// Takes the last step out of a copy, which cleans the machine and so ends its use.
pub(crate) fn leave_it_dirty(copy: &Path) {
    let path = copy.join("cos.pkr.hcl");
    let template = fs::read_to_string(&path).unwrap();
    let last = r#""cos-agent clean", "cos-agent doctor --image""#;
    assert!(template.contains(last), "the last step");
    fs::write(path, template.replace(last, r#""true""#)).unwrap();
}

/// Packer with nothing of the caller's environment; it asks nobody whether there is a newer one.
pub(crate) fn packer(home: &Path) -> Command {
    let mut command = Command::new("packer");
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", home);
    command
        .env("PACKER_CONFIG_DIR", home)
        .env("CHECKPOINT_DISABLE", "1")
        .env("PACKER_NO_COLOR", "1");
    command.current_dir(home).stdin(Stdio::null());
    command
}
