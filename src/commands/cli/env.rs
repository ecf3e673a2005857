//! The arguments of `env`.

use super::help::{self, usual};
use crate::exit::ExitCode::{Data, Done, File, Usage};
use clap::Args;
use reqwest::Url;
use std::path::PathBuf;

/// `env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// The load balancer of the UIs, for a shell outside the cluster: `https://NAME`.
    #[arg(long, value_name = "URL", value_parser = balancer)]
    pub from: Option<String>,
    /// PEM file, or directory of PEM files, that the CLIs trust for it; default: what the system trusts.
    #[arg(long, value_name = "PATH", requires = "from")]
    pub ca_cert: Option<PathBuf>,
    /// Work on a node whose files are in this directory.
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub root: Option<PathBuf>,
}

impl EnvArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "eval \"$(cos-agent env)\"                  on a node, as every login shell has it",
                "eval \"$(cos-agent env --from https://internal-demo-ui.example.com --ca-cert ui.pem)\"",
            ],
            "The load balancer has Nomad at port 4646 and Consul at port 8501. Variables of an earlier cluster are unset, but for \
             tokens, namespaces and certificates of a client. It opens no connection.",
            &[
                usual(Done),
                (Usage, "this machine is not a node, or the file does not exist"),
                (Data, "the file holds no certificate that the CLIs take"),
                usual(File),
            ],
        )
    }
}

/// The name or address in `https://NAME`, as URLs have it.
fn balancer(text: &str) -> Result<String, String> {
    const EXPECTED: &str = "expected https://NAME";
    let url = Url::parse(text).map_err(|error| format!("{EXPECTED}: {error}"))?;
    if url.scheme() != "https" {
        return Err(format!(
            "{EXPECTED}, found {}: the load balancer takes HTTPS alone",
            url.scheme()
        ));
    }
    // The parser drops the port of the scheme, and what is empty.
    let authority = text.split("//").nth(1).unwrap_or_default();
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(format!("{EXPECTED} without a user and a password"));
    }
    if authority.rsplit(']').next().unwrap_or_default().contains(':') {
        return Err(format!("{EXPECTED} without a port: Nomad is at 4646, Consul at 8501"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{EXPECTED} without a path"));
    }
    url.host_str().map(str::to_owned).ok_or_else(|| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancer_is_a_name_behind_https() {
        assert_eq!(balancer("https://ui.example.com").as_deref(), Ok("ui.example.com"));
        assert_eq!(balancer("https://UI.example.com/").as_deref(), Ok("ui.example.com"));
        assert_eq!(balancer("https://[fd00::1]").as_deref(), Ok("[fd00::1]"));
        for (wrong, why) in [
            ("", "relative URL"),
            ("ui.example.com", "relative URL"),
            ("http://ui.example.com", "found http"),
            ("https://", "empty host"),
            ("https://ui.example.com:4646", "without a port"),
            ("https://ui.example.com:443", "without a port"),
            ("https://ui.example.com:443/", "without a port"),
            ("https://ui.example.com:0443", "without a port"),
            ("https://ui.example.com:", "without a port"),
            ("https://[fd00::1]:4646", "without a port"),
            ("https://me:secret@ui.example.com", "without a user"),
            ("https://@ui.example.com", "without a user"),
            ("https://ui.example.com/ui/jobs", "without a path"),
            ("https://ui.example.com/?a", "without a path"),
        ] {
            let said = balancer(wrong).unwrap_err();
            assert!(
                said.starts_with("expected https://NAME") && said.contains(why),
                "{wrong}: {said}"
            );
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
