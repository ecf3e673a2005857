//! READ: the environment in which Nomad runs helpers: that of its process, or what its unit gives to the next one.

use super::Units;
use super::fact::Fact;
use crate::render::units::PATH;
use crate::state::Daemon;
use crate::system::System;
use crate::system::aside::aside;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Variables that the SDK in a helper reads. No other variable of Nomad is passed on.
const PASSED_ON: [&str; 8] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// The same for all variables of this beginning, except those of the helper's own cache.
const AWS: (&str, &str) = ("AWS_", "AWS_ECR_");
/// The files of the SDK below the home directory, and the variables that replace their places.
const SDK_FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];

/// What a child of Nomad gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NomadProcess {
    /// The search path.
    pub path: String,
    /// The variables with which a helper works as below Nomad's own home directory, wherever its own is.
    pub variables: Vec<(String, String)>,
    /// Whether this was read from the process, and not taken from the unit of the agent.
    pub is_running: bool,
}

/// Reads the environment of the main process of `nomad.service`.
pub(super) async fn read(system: Rc<System>, units: Fact<Units>) -> NomadProcess {
    let pid = match units.get().await.as_ref() {
        Ok(units) => units.get(Daemon::Nomad.unit()).map_or(0, |unit| unit.main_pid),
        Err(_) => 0,
    };
    let root = system.root.clone();
    let read = aside(async move || {
        let bytes = match pid {
            0 => None,
            pid => root.read(format!("/proc/{pid}/environ")).ok().flatten(),
        };
        let environment = bytes.as_deref().map(variables).filter(|found| !found.is_empty());
        let is_file = |path: &str| root.stat_target(path).is_ok_and(|found| found.is_some());
        of(environment, is_file)
    });
    read.await.unwrap_or_else(|| of(None, |_| false))
}

/// The variables in the form of the kernel, a zero byte behind each (proc(5)).
fn variables(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let pair =
        |one: &str| one.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split('\0').filter_map(pair).collect()
}

fn of(
    environment: Option<BTreeMap<String, String>>,
    is_file: impl Fn(&str) -> bool,
) -> NomadProcess {
    let is_running = environment.is_some();
    let mut environment = environment.unwrap_or_default();
    let path = environment.remove("PATH").unwrap_or_else(|| PATH.to_owned());
    let home = environment.remove("HOME").unwrap_or_else(|| "/root".to_owned());
    environment.retain(|name, _| {
        PASSED_ON.contains(&name.as_str()) || name.starts_with(AWS.0) && !name.starts_with(AWS.1)
    });
    for (variable, place) in SDK_FILES {
        let path = format!("{home}/{place}");
        if !environment.contains_key(variable) && is_file(&path) {
            environment.insert(variable.to_owned(), path);
        }
    }
    NomadProcess { path, variables: environment.into_iter().collect(), is_running }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_gets_what_its_sdk_reads_and_no_other_variable_of_nomad() {
        let bytes = b"PATH=/opt/bin:/bin\0HOME=/root\0CONSUL_HTTP_TOKEN=t\0AWS_REGION=x\0HTTPS_PROXY=p=1\0AWS_ECR_CACHE_DIR=/c\0x\0";
        let found = of(Some(variables(bytes)), |path| path == "/root/.aws/credentials");
        assert_eq!((found.path.as_str(), found.is_running), ("/opt/bin:/bin", true));
        let expected = [
            ("AWS_REGION", "x"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/root/.aws/credentials"),
            ("HTTPS_PROXY", "p=1"),
        ];
        assert_eq!(
            found.variables,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn without_a_process_it_is_what_the_unit_gives() {
        let found = of(None, |_| false);
        assert_eq!(
            found,
            NomadProcess { path: PATH.to_owned(), variables: vec![], is_running: false }
        );
    }
}
