//! Terraform with the provider of `tests/terraform/`, without a network: copies of modules are validated, tested, planned, and
//! applied in memory.
#![allow(dead_code, reason = "each test uses its own part")]

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// AMIs as the image build writes them for the variable `ami_id`.
pub(crate) const AMI: &str = r#"{"consul_server":"ami-0123456789abcdef0","nomad_server":"ami-0123456789abcdef1","nomad_client":"ami-0123456789abcdef2"}"#;

/// A certificate for the variable `certificate_arn`.
pub(crate) const CERTIFICATE: &str =
    "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef";

/// The variables with which `examples/complete` makes all that it can.
pub(crate) const WHOLE: [(&str, &str); 3] =
    [("ami_id", AMI), ("certificate_arn", CERTIFICATE), ("ui_cidrs", r#"["10.20.0.0/16"]"#)];

/// The modules of this project.
pub(crate) fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform")
}

/// A copy of a tree of modules, and the module in it that Terraform runs in.
pub(crate) struct Terraform {
    tree: TempDir,
    module: PathBuf,
}

/// What `terraform validate` says of one place.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    /// The block, as in `resource "aws_vpc" "this"`; empty if Terraform names none.
    pub(crate) block: String,
    /// What is wrong, in one line.
    pub(crate) text: String,
}

impl Terraform {
    /// Copies a tree, without what an earlier `init` left there: a lock file of the real provider refuses this one.
    pub(crate) fn copy(tree: &Path, module: &str) -> Self {
        let copied = TempDir::new().unwrap();
        copy(tree, copied.path());
        Self { module: copied.path().join(module), tree: copied }
    }

    /// A copy that `init` has prepared.
    pub(crate) fn prepared(tree: &Path, module: &str) -> Self {
        let copied = Self::copy(tree, module);
        copied.init().unwrap_or_else(|error| panic!("terraform init in {module}: {error}"));
        copied
    }

    /// Writes a file of the module.
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.module.join(file), text).unwrap();
    }

    /// Replaces a text that a file of the module has once.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.module.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file} has {from:?} once");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// `terraform fmt` finds nothing to do, in the whole tree.
    pub(crate) fn is_formatted(&self) -> Result<(), String> {
        let output = self.run(self.tree.path(), &["fmt", "-check", "-recursive", "-diff"], &[]);
        succeeded(&output).map(drop)
    }

    /// `terraform init`.
    pub(crate) fn init(&self) -> Result<(), String> {
        self.said("init", &["-input=false"], &[]).map(drop)
    }

    /// `terraform validate`: every error.
    pub(crate) fn validate(&self) -> Result<(), Vec<Diagnostic>> {
        let output = self.run(&self.module, &["validate", "-json"], &[]);
        let said = String::from_utf8_lossy(&output.stdout);
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
            panic!("terraform validate: {error}: {said}{}", said_by(&output))
        });
        let errors = said["diagnostics"].as_array().unwrap().iter();
        let errors = errors.filter(|one| one["severity"] == "error").map(|one| Diagnostic {
            block: one["snippet"]["context"].as_str().unwrap_or_default().to_owned(),
            text: format!(
                "{} {}",
                one["summary"].as_str().unwrap(),
                one["detail"].as_str().unwrap()
            ),
        });
        if said["valid"] == true { Ok(()) } else { Err(errors.collect()) }
    }

    /// `terraform test`: what it printed.
    pub(crate) fn test(&self) -> Result<String, String> {
        self.said("test", &[], &[])
    }

    /// `terraform plan`, as `terraform show -json` has it.
    pub(crate) fn plan(&self, variables: &[(&str, &str)]) -> Result<Value, String> {
        self.said("plan", &["-input=false", "-lock=false", "-out=planned"], variables)?;
        self.show(&["planned"])
    }

    /// `terraform plan`, as people read it.
    pub(crate) fn plan_text(&self, variables: &[(&str, &str)]) -> Result<String, String> {
        self.said("plan", &["-input=false", "-lock=false"], variables)
    }

    /// `terraform apply`, and the state after it, as `terraform show -json` has it.
    pub(crate) fn apply(&self, variables: &[(&str, &str)]) -> Result<Value, String> {
        self.said("apply", &["-input=false", "-lock=false", "-auto-approve"], variables)?;
        self.show(&[])
    }

    /// `terraform destroy`.
    pub(crate) fn destroy(&self, variables: &[(&str, &str)]) -> Result<(), String> {
        let options = ["-input=false", "-lock=false", "-auto-approve"];
        self.said("destroy", &options, variables).map(drop)
    }

    fn show(&self, of: &[&str]) -> Result<Value, String> {
        let said = self.said("show", &[&["-json"], of].concat(), &[])?;
        serde_json::from_str(&said).map_err(|error| format!("terraform show: {error}: {said}"))
    }

    fn said(
        &self,
        verb: &str,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<String, String> {
        let variables: Vec<String> =
            variables.iter().map(|(name, value)| format!("-var={name}={value}")).collect();
        succeeded(&self.run(&self.module, &[&[verb], options].concat(), &variables))
    }

    /// Runs Terraform where it has no network, with nothing of the caller's environment.
    fn run(&self, folder: &Path, arguments: &[&str], variables: &[String]) -> Output {
        let (verb, options) = arguments.split_first().unwrap();
        let mut command = Command::new("unshare");
        command.arg("--net").arg(program()).args([verb, "-no-color"]).args(options).args(variables);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.tree.path());
        command.env("TF_CLI_CONFIG_FILE", configuration()).env("TF_IN_AUTOMATION", "1");
        command.current_dir(folder).stdin(Stdio::null());
        command.output().expect("util-linux has unshare")
    }
}

/// The changes of a plan that do something: address and actions.
pub(crate) fn changes(plan: &Value) -> Vec<(String, Vec<String>)> {
    let all = plan["resource_changes"].as_array().into_iter().flatten();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let all = all
        .map(|one| (one["address"].as_str().unwrap().to_owned(), texts(&one["change"]["actions"])));
    all.filter(|(_, actions)| !matches!(actions[0].as_str(), "no-op" | "read")).collect()
}

/// Every resource of a state, also those of child modules, without data sources.
pub(crate) fn resources(state: &Value) -> Vec<&Value> {
    fn of(module: &Value) -> Vec<&Value> {
        let own = module["resources"].as_array().into_iter().flatten();
        let children = module["child_modules"].as_array().into_iter().flatten();
        own.filter(|one| one["mode"] == "managed").chain(children.flat_map(of)).collect()
    }
    of(&state["values"]["root_module"])
}

/// A list of values.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("expected a list, found {value}")).iter()
}

/// A text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, found {value}"))
}

/// Terraform itself is not open source, so nothing here installs it.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("terraform"))
        .find(|path| path.is_file());
    found.expect("terraform is missing: put Terraform 1.11 or newer on the PATH")
}

/// The configuration of Terraform that names the provider of the tests.
pub(crate) fn configuration() -> PathBuf {
    let path = std::env::var_os("COS_TERRAFORM_CONFIG").filter(|path| !path.is_empty());
    let path = path.map(PathBuf::from).expect("`tests/tools/install` prints COS_TERRAFORM_CONFIG");
    // Terraform would ask the network instead.
    assert!(path.is_file(), "no {}; run `tests/tools/install`", path.display());
    path
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != OsStr::new(".terraform") {
            copy(&path, &to.join(&name));
        } else if path.is_file() && !is_left_over(&name.to_string_lossy()) {
            fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

fn is_left_over(name: &str) -> bool {
    name == ".terraform.lock.hcl" || name.contains(".tfstate") || name.ends_with(".auto.tfvars")
}

fn succeeded(output: &Output) -> Result<String, String> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(said_by(output))
    }
}

fn said_by(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// What Terraform said, as one line: it breaks lines anywhere, and draws frames around errors.
pub(crate) fn one_line(said: &str) -> String {
    let said = said.replace(['│', '╷', '╵'], " ");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
