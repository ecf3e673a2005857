//! Finds configuration of others that makes systemd-resolved send every name to Consul.
//!
//! `DNS=127.0.0.1:8600` in `resolved.conf` does that, whatever `Domains=` says. Then a name that Consul does not know takes as
//! long as Consul takes to answer: 20 s and more if Consul hangs (measured with systemd 252).

use crate::system::root::Root;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The directories of the configuration, highest precedence first (resolved.conf(5)).
const DIRECTORIES: [&str; 4] =
    ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"];
/// The agent's own file, which sets no server.
const OURS: &str = "cos.conf";
/// The port of Consul's DNS.
const CONSUL: u16 = 8600;

/// A server in a file of others that gets every name, and is Consul.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The server, as the file has it.
    pub server: String,
    /// The file.
    pub path: String,
    /// The line on which the setting begins, from 1.
    pub line: usize,
}

/// The values that are set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Set {
    servers: Vec<Override>,
    domains: Vec<String>,
}

/// The note about files that send every name to Consul.
pub fn note(root: &Root) -> Option<String> {
    let Override { server, path, .. } = find(root)?;
    Some(format!(
        "{path} sets DNS={server}, so systemd-resolved sends every name to Consul, not only .consul; while Consul hangs, a name \
         that does not exist takes 20 s or more. Remove it: cos-dns.service sends only .consul to Consul"
    ))
}

/// The first server that makes systemd-resolved send every name to Consul.
pub fn find(root: &Root) -> Option<Override> {
    let mut set = Set::default();
    for path in files(root) {
        // systemd-resolved cannot read an unreadable file either. A link to /dev/null disables a file.
        if let Ok(Some(bytes)) = root.read(&path) {
            read(&crate::text::shown(path.as_os_str()), &String::from_utf8_lossy(&bytes), &mut set);
        }
    }
    first(set)
}

/// The effective files in the order in which they are read: the main file, then the drop-ins by name.
fn files(root: &Root) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        let main = PathBuf::from(directory).join("resolved.conf");
        if files.is_empty() && matches!(root.stat(&main), Ok(Some(_))) {
            files.push(main);
        }
    }
    let mut others: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for directory in DIRECTORIES.map(|directory| PathBuf::from(directory).join("resolved.conf.d")) {
        for name in root.list(&directory).unwrap_or_default() {
            if name.as_bytes().ends_with(b".conf") && name != OURS {
                let path = directory.join(&name);
                others.entry(name).or_insert(path);
            }
        }
    }
    files.extend(others.into_values());
    files
}

/// Adds what a file sets. An empty value clears what was set before (resolved.conf(5), systemd.syntax(7)).
fn read(path: &str, text: &str, set: &mut Set) {
    let mut is_resolve = false;
    for (number, line) in lines(text.trim_start_matches('\u{feff}')) {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            is_resolve = line == "[Resolve]";
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| is_resolve) else { continue };
        let values = value.split_whitespace().map(str::to_owned);
        match (key.trim(), value.trim().is_empty()) {
            ("DNS", true) => set.servers.clear(),
            ("Domains", true) => set.domains.clear(),
            ("DNS", false) => set.servers.extend(values.map(|server| Override {
                server,
                path: path.to_owned(),
                line: number,
            })),
            ("Domains", false) => set.domains.extend(values),
            _ => {}
        }
    }
}

/// The lines with their numbers; a backslash at the end of a line joins it with the next one.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.split('\n').enumerate() {
        let (part, is_open) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match joined.last_mut().filter(|_| goes_on) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => joined.push((index + 1, part.to_owned())),
        }
        goes_on = is_open;
    }
    joined
}

fn first(set: Set) -> Option<Override> {
    let routes_consul = set.domains.iter().any(|domain| {
        domain.trim_start_matches('~').trim_end_matches('.').eq_ignore_ascii_case("consul")
    });
    set.servers.into_iter().find(|found| is_consul(&found.server, routes_consul))
}

/// Whether a server, `ADDRESS[:PORT][%INTERFACE][#NAME]`, is Consul. If `.consul` is routed to a server on this host without a
/// port, that is Consul behind a redirect of port 53.
fn is_consul(server: &str, routes_consul: bool) -> bool {
    let bare = server.split(['%', '#']).next().unwrap_or_default();
    let (address, port) = match bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None if bare.matches(':').count() == 1 => match bare.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (bare, None),
        },
        None => (bare, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    match port.map(str::parse::<u16>) {
        Some(port) => port == Ok(CONSUL),
        None => routes_consul && address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(files: &[(&str, &str)]) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        for (path, text) in files {
            root.write(path, text.as_bytes(), 0o644).unwrap();
        }
        note(&root)
    }

    const DROP_IN: &str = "/etc/systemd/resolved.conf.d/consul.conf";

    #[test]
    fn a_file_that_sends_all_names_to_consul_is_named() {
        for path in [
            DROP_IN,
            "/etc/systemd/resolved.conf",
            "/usr/lib/systemd/resolved.conf",
            "/usr/lib/systemd/resolved.conf.d/10-consul.conf",
            "/run/systemd/resolved.conf.d/consul.conf",
            "/usr/local/lib/systemd/resolved.conf.d/consul.conf",
        ] {
            for text in [
                "[Resolve]\nDNS=127.0.0.1:8600\n",
                "[Resolve]\nDNS=127.0.0.1:8600\nDNSSEC=false\nDomains=~consul\n",
                "[Resolve]\nDNS=127.0.0.1:8600\nDomains=~.\n",
                "# x\n[Resolve]\r\n DNS = 10.0.0.2 [::1]:8600%lo#consul\r\n",
                "[Resolve]\nDNS=10.0.0.2 \\\n  127.0.0.1:8600\n",
                "[Resolve]\nDNS=127.0.0.1\nDomains=~consul\n",
                "[Resolve]\nDNS=10.1.2.3:8600\n",
            ] {
                let note = noted(&[(path, text)]).unwrap_or_default();
                assert!(
                    note.starts_with(path) && note.contains("8600") | note.contains("DNS=127"),
                    "{path} {text}: {note}"
                );
            }
        }
    }

    #[test]
    fn the_line_of_the_server_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let text = "# a\n[Resolve]\nDomains=~a \\\n ~b\nDNS=10.0.0.2 \\\n 127.0.0.1:8600\n";
        root.write(DROP_IN, text.as_bytes(), 0o644).unwrap();
        let found = find(&root).unwrap();
        assert_eq!(
            (found.server.as_str(), found.path.as_str(), found.line),
            ("127.0.0.1:8600", DROP_IN, 5)
        );
    }

    #[test]
    fn other_servers_are_the_operators() {
        for text in [
            "",
            "[Resolve]\n#DNS=127.0.0.1:8600\n",
            "[Resolve]\nDNS=10.0.0.2\nDomains=~.\n",
            "[Resolve]\nDNS=127.0.0.1\n",
            "[Resolve]\nDNS=127.0.0.1:53\nDomains=~consul\n",
            "[Resolve]\nFallbackDNS=1.1.1.1\nDomains=~consul\n",
            "[Other]\nDNS=127.0.0.1:8600\n",
            "[Resolve]\nDNS=127.0.0.1:8600\nDNS=\n",
            "[Resolve]\nDNSStubListenerExtra=169.254.53.53\n",
            "[Resolve]\nDNS=fe80::8600\n",
        ] {
            assert_eq!(noted(&[(DROP_IN, text)]), None, "{text}");
        }
    }

    #[test]
    fn a_stronger_file_of_the_same_name_or_a_later_one_counts() {
        let bad = "[Resolve]\nDNS=127.0.0.1:8600\n";
        let weak = "/usr/lib/systemd/resolved.conf.d/consul.conf";
        assert_eq!(noted(&[(weak, bad), (DROP_IN, "")]), None);
        let later = "/run/systemd/resolved.conf.d/z.conf";
        assert_eq!(noted(&[(weak, bad), (later, "[Resolve]\nDNS=\nDNS=10.0.0.2\n")]), None);
        assert!(noted(&[(weak, bad), (later, "[Resolve]\nDNS=10.0.0.2\n")]).is_some());
        let ours = "/etc/systemd/resolved.conf.d/cos.conf";
        assert_eq!(noted(&[(ours, bad)]), None, "apply restores our file");
    }
}
