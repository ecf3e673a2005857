//! `env`: shell exports for the CLIs of Consul and Nomad, on a node and elsewhere. It changes nothing and opens no connection.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::EnvArgs;
use crate::error::{Error, Given, InputError};
use crate::exit::ExitCode;
use crate::facts::certificates;
use crate::render::profile;
use crate::state::PathKind;
use crate::system::environment::Environment;
use crate::system::root::{self, Root};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Name → value.
type Variables = BTreeMap<String, String>;

/// What a CLI also reads, and what would contradict: <https://developer.hashicorp.com/consul/commands#environment-variables>,
/// <https://developer.hashicorp.com/nomad/docs/commands#environment-variables>. Tokens, namespaces and certificates of a client stay.
const OTHERS: [&str; 12] = [
    "CONSUL_CACERT",
    "CONSUL_CAPATH",
    "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_SSL",
    "CONSUL_HTTP_SSL_VERIFY",
    "CONSUL_TLS_SERVER_NAME",
    "NOMAD_ADDR",
    "NOMAD_CACERT",
    "NOMAD_CAPATH",
    "NOMAD_REGION",
    "NOMAD_SKIP_VERIFY",
    "NOMAD_TLS_SERVER_NAME",
];
/// How deep and how full a directory of certificates may be.
const DEEPEST: usize = 8;
const MOST: usize = 10_000;

pub(super) fn run(
    args: EnvArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let variables = match &args.from {
        Some(host) => of_balancer(host, args.ca_cert.as_deref())?,
        None => {
            let system = open(args.root.as_deref(), Units::Leave, environment)?;
            of_node(&system.root)?
        }
    };
    let unset: Vec<&str> =
        OTHERS.into_iter().filter(|name| !variables.contains_key(*name)).collect();
    output.data(
        || lines(&variables, &unset),
        || json!({ "schema": "cos-agent/env/1", "variables": variables, "unset": unset }),
    )?;
    Ok(ExitCode::Done)
}

/// The variables that `apply` has written for the shells of this node. Every user may read the file.
fn of_node(root: &Root) -> Result<Variables, Error> {
    let bytes = root
        .read(profile::PATH)?
        .ok_or_else(|| InputError::NotANode { file: PathBuf::from(profile::PATH) })?;
    Ok(profile::variables(&String::from_utf8_lossy(&bytes)))
}

/// The variables for a load balancer of the UIs: the ports of `terraform/modules/ui`.
fn of_balancer(host: &str, trusted: Option<&Path>) -> Result<Variables, Error> {
    let mut variables = Variables::from([
        ("CONSUL_HTTP_ADDR".to_owned(), format!("https://{host}:8501")),
        ("NOMAD_ADDR".to_owned(), format!("https://{host}:4646")),
    ]);
    let Some(trusted) = trusted else { return Ok(variables) };
    let full = std::path::absolute(trusted)
        .map_err(|source| Error::Io { operation: "find the current directory", source })?;
    let Some(value) = full.to_str().map(str::to_owned) else {
        return Err(refused(full, "its name is not UTF-8"));
    };
    let kind = if is_directory(&full)? {
        let mut files = Vec::new();
        collect(&full, DEEPEST, &mut files)?;
        if files.is_empty() {
            return Err(refused(full, "the directory is empty"));
        }
        // The CLIs take a directory only if every file in it is PEM.
        files.into_iter().try_for_each(check)?;
        "CAPATH"
    } else {
        check(full)?;
        "CACERT"
    };
    for daemon in ["CONSUL", "NOMAD"] {
        variables.insert(format!("{daemon}_{kind}"), value.clone());
    }
    Ok(variables)
}

fn is_directory(path: &Path) -> Result<bool, Error> {
    Ok(Root::host().stat_target(path)?.is_some_and(|stat| stat.kind == PathKind::Directory))
}

/// The files of a directory and of those below it, which the CLIs read too: <https://github.com/hashicorp/go-rootcerts>.
fn collect(directory: &Path, depth: usize, into: &mut Vec<PathBuf>) -> Result<(), Error> {
    for name in Root::host().list(directory)? {
        let path = directory.join(name);
        if depth == 0 || into.len() >= MOST {
            return Err(refused(path, "too many directories or files for certificates"));
        }
        if is_directory(&path)? {
            collect(&path, depth - 1, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

fn refused(file: PathBuf, problem: &str) -> Error {
    InputError::NotCertificates { file, problem: problem.to_owned() }.into()
}

fn check(file: PathBuf) -> Result<(), Error> {
    let Some(bytes) = root::read_file(&file)? else {
        return Err(InputError::NoFile { file, expected: Given::Certificates }.into());
    };
    certificates::check_for_clis(&bytes)
        .map_err(|problem| InputError::NotCertificates { file, problem }.into())
}

/// What a POSIX shell evaluates.
fn lines(variables: &Variables, unset: &[&str]) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "export {name}={}", quoted(value));
    }
    let _ = writeln!(text, "unset {}", unset.join(" "));
    text
}

/// A word of the shell.
fn quoted(value: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/:.-_".contains(char);
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_shell() {
        assert_eq!(quoted("https://ui.example.com:4646"), "https://ui.example.com:4646");
        assert_eq!(quoted("/home/o'neill/my $ca.pem"), r"'/home/o'\''neill/my $ca.pem'");
        assert_eq!(quoted("https://[fd00::1]:4646"), "'https://[fd00::1]:4646'");
    }
}
