//! No file of others makes systemd-resolved send every name to Consul.

use crate::doctor::Check;
use crate::exit::hint::topics;
use crate::facts::host::{self, Resolver};
use crate::facts::resolved::{self, Override};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use std::time::Duration;

topics! {
    REMOVE: "dns-override-remove",
        "remove this server from line {line} of {path}, then run `systemctl restart systemd-resolved`; cos-dns.service sends .consul, \
         and no other name, to Consul";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "dns-override",
        title: "systemd-resolved sends only .consul to Consul",
        group: Group::Dns,
        roles: Role::ALL,
        needs: &[],
        explains: &["dns-resolvers", "dns-consul"],
        impact: Impact::Risk,
        timeout: Duration::from_secs(2),
        page: Page {
            means: "No resolved.conf and no drop-in sets Consul as a global DNS server. The files are read as systemd-resolved reads \
                    them: a later file wins, and an empty value clears the list.",
            matters: "systemd-resolved asks a global server for every name, whatever `Domains=` says. While Consul hangs, a name that \
                      does not exist then takes 20 s or more.",
            look: &["systemd-analyze cat-config systemd/resolved.conf", "resolvectl dns"],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/resolved.conf.html",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let look = |root: &_| match host::look(root).ok()?.resolver {
                Resolver::Resolved => Some(Some(resolved::find(root))),
                Resolver::Dnsmasq | Resolver::Other => Some(None),
            };
            match machine.files(look).await.flatten() {
                Some(Some(found)) => judge(found.as_ref()),
                Some(None) => Finding::Pass("systemd-resolved is not in use".to_owned()),
                None => super::broken(),
            }
        })
    },
    changed: None,
};

fn judge(found: Option<&Override>) -> Finding {
    let Some(Override { server, path, line }) = found else {
        return Finding::Pass("no global server is Consul".to_owned());
    };
    let words = format!("{path} line {line} makes systemd-resolved send every name to Consul");
    let hint = REMOVE.with(&[("line", line), ("path", path)]);
    let evidence = vec![format!("{path}:{line}: DNS={server}")];
    Finding::Warn(Problem::new(words, "only .consul is sent to Consul", hint).with(evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_the_line_are_named() {
        assert!(matches!(judge(None), Finding::Pass(_)));
        let path = "/etc/systemd/resolved.conf.d/consul.conf".to_owned();
        let found = Override { server: "127.0.0.1:8600".to_owned(), path, line: 2 };
        let Finding::Warn(problem) = judge(Some(&found)) else { panic!("it takes every name") };
        assert_eq!(
            problem.evidence,
            ["/etc/systemd/resolved.conf.d/consul.conf:2: DNS=127.0.0.1:8600"]
        );
        assert!(problem.hint.text.contains("line 2 of /etc/systemd"), "{}", problem.hint.text);
    }
}
