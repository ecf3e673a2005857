//! `packer/`: the template is valid, its variables are those of the README, its scripts and its policy are sound. What it
//! makes is a scenario.

use crate::support::packer::{copy, folder, packer};
use cos_agent::node::{CONSUL_RANGE, NOMAD_RANGE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SYSTEMS: [&str; 4] = ["debian-12", "ubuntu-22.04", "ubuntu-24.04", "amazon-2023"];
const SHA256: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn the_template_is_formatted() {
    for file in ["cos.pkr.hcl", "variables.pkr.hcl", "plugins.pkr.hcl"] {
        let home = TempDir::new().unwrap();
        let output =
            packer(home.path()).args(["fmt", "-check", "-diff"]).arg(folder().join(file)).output();
        succeeded(&output.unwrap());
    }
}

#[test]
fn the_template_is_valid_for_every_system_and_for_the_rehearsal() {
    let folder = TempDir::new().unwrap();
    copy(folder.path(), true);
    let systems = SYSTEMS.iter().map(|system| (*system, "x86_64"));
    for (system, architecture) in systems.chain([("debian-12", "arm64")]) {
        let (system, architecture) =
            (format!("system={system}"), format!("architecture={architecture}"));
        let profile = "iam_instance_profile=build";
        succeeded(&validate(folder.path(), &[], &[&system, &architecture, profile]));
    }
    let users = r#"ami_users=["123456789012"]"#;
    succeeded(&validate(folder.path(), &[], &[users, "kms_key_id=alias/cos"]));

    // What the builder does not know yet, the rehearsal does not read.
    let whole = TempDir::new().unwrap();
    copy(whole.path(), false);
    succeeded(&validate(whole.path(), &["-syntax-only"], &[]));
    let key = whole.path().join("key");
    let mut keygen = Command::new("ssh-keygen");
    succeeded(&keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).output().unwrap());
    let key = format!("ssh_private_key_file={}", key.display());
    succeeded(&validate(whole.path(), &[], &["rehearsal_host=192.0.2.1", &key]));
}

#[test]
fn wrong_variables_are_refused_with_what_was_expected() {
    let folder = TempDir::new().unwrap();
    copy(folder.path(), true);
    for (variable, words) in [
        (r#"ami_users=["123456789012"]"#, "Cannot share AMI encrypted with default KMS key"),
        ("system=debian-11", "Expected debian-12, ubuntu-22.04, ubuntu-24.04 or amazon-2023."),
        ("architecture=aarch64", "Expected x86_64 or arm64."),
        ("cos_agent_version=latest", "Expected a version like 1.2.3."),
        ("cos_agent_sha256=", "Expected 64 hexadecimal digits"),
        ("consul_version=latest", "Expected a version like 1.16.4."),
        ("nomad_version=1.6", "Expected a version like 1.6.5."),
        ("system=amazon-2023", "iam_instance_profile"),
    ] {
        let output = validate(folder.path(), &[], &[variable]);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!output.status.success() && said.contains(words), "{variable}: {said}");
    }
}

#[test]
fn the_scripts_pass_shellcheck_and_stop_at_the_first_error() {
    let scripts: Vec<_> = fs::read_dir(folder().join("scripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.arg("-x").args(&scripts).current_dir(env!("CARGO_MANIFEST_DIR"));
    succeeded(&shellcheck.output().expect("`tests/tools/install` installs shellcheck"));
    for script in scripts {
        let said = fs::read_to_string(&script).unwrap();
        let is_program = said.starts_with("#!/usr/bin/env bash\n");
        assert_eq!(is_program, said.contains("\nset -euo pipefail\n"), "{}", script.display());
        // A version that is not named, and a download that nobody verified.
        for wrong in ["/latest", "| sh", "| bash", "--insecure"] {
            assert!(!said.contains(wrong), "{} says {wrong}", script.display());
        }
    }
}

#[test]
fn the_readme_lists_the_variables() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let (_, table) = readme.split_once("## Variables\n").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let listed: Vec<String> = rows.map(|row| format!("`{row}")).collect();
    let declared: Vec<String> = variables()
        .iter()
        .map(|variable| {
            let shown = match variable.default.as_deref() {
                None => "required".to_owned(),
                Some(r#""""# | "[]" | "{}") => "empty".to_owned(),
                Some(text) if text.starts_with('{') => "see variables.pkr.hcl".to_owned(),
                Some(text) => format!("`{}`", text.trim_matches('"')),
            };
            format!("`{}` | {shown} | {}", variable.name, variable.description)
        })
        .collect();
    assert_eq!(listed, declared);
}

#[test]
fn the_default_versions_are_supported_and_open_source() {
    let defaults: BTreeMap<String, String> = variables()
        .into_iter()
        .filter_map(|variable| {
            Some((variable.name, variable.default?.trim_matches('"').to_owned()))
        })
        .collect();
    for (name, range, open_until) in
        [("consul_version", CONSUL_RANGE, (1, 16)), ("nomad_version", NOMAD_RANGE, (1, 6))]
    {
        let mut parts = defaults[name].split('.').map(|part| part.parse::<u64>().unwrap());
        let found = (parts.next().unwrap(), parts.next().unwrap());
        assert!(range.0 <= found && found <= range.1, "{name}: {found:?} is not supported");
        assert!(found <= open_until, "{name}: {found:?} is under the BUSL");
    }
    let template = fs::read_to_string(folder().join("cos.pkr.hcl")).unwrap();
    for system in SYSTEMS {
        assert!(template.contains(&format!("\"{system}\" = {{")), "{system}");
        let packages = fs::read_to_string(folder().join("scripts/packages.sh")).unwrap();
        assert!(packages.contains(&format!("    {system}) echo")), "{system}");
    }
}

#[test]
fn the_policy_of_the_builder_names_every_action() {
    let text = fs::read_to_string(folder().join("builder-policy.json")).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let mut seen = BTreeSet::new();
        for action in statement["Action"].as_array().unwrap() {
            let action = action.as_str().unwrap();
            let name = action.strip_prefix("ec2:").expect(action);
            assert!(name.chars().all(|c| c.is_ascii_alphabetic()), "{action}");
            assert!(seen.insert(action.to_owned()), "{action} is there twice");
        }
    }
    assert!(text.len() < 2048, "an inline policy of a user holds 2048 characters");
}

/// A variable as `variables.pkr.hcl` declares it.
struct Variable {
    name: String,
    default: Option<String>,
    description: String,
}

fn variables() -> Vec<Variable> {
    let text = fs::read_to_string(folder().join("variables.pkr.hcl")).unwrap();
    let blocks = text.split("\nvariable \"").skip(1);
    blocks
        .map(|block| {
            let (name, body) = block.split_once("\" {\n").unwrap();
            let default = body.split_once("\n  default").map(|(_, rest)| {
                let (_, value) = rest.split_once("= ").unwrap();
                value.split_once("\n  description").unwrap().0.to_owned()
            });
            let (_, rest) = body.split_once("description = \"").unwrap();
            let description = rest.split_once("\"\n").unwrap().0.to_owned();
            Variable { name: name.to_owned(), default, description }
        })
        .collect()
}

/// `packer validate` of a copy, with the variables that have no default.
fn validate(folder: &Path, options: &[&str], variables: &[&str]) -> Output {
    let mut command = packer(folder);
    command.arg("validate").args(options);
    let sum = format!("cos_agent_sha256={SHA256}");
    for variable in ["cos_agent=/bin/true", "cos_agent_version=0.1.0", &sum].iter().chain(variables)
    {
        command.args(["-var", variable]);
    }
    command.arg(folder).output().expect("`tests/tools/install` installs packer")
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
