//! What systemd-resolved knows of a link.

use crate::system::command;
use std::path::Path;
use std::time::Duration;

/// Longest time for one answer.
const ANSWER: Duration = Duration::from_secs(1);

/// The DNS of a link, as `resolvectl` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkDns {
    /// `Link 5 (cos0): 127.0.0.1:8600`.
    pub servers: String,
    /// `Link 5 (cos0): ~consul`.
    pub domains: String,
}

impl LinkDns {
    /// Whether names of a domain are sent to a server.
    pub fn forwards(&self, server: &str, domain: &str) -> bool {
        let has = |line: &str, word: &str| line.split_whitespace().any(|found| found == word);
        has(&self.servers, server) && has(&self.domains, domain)
    }
}

/// Asks systemd-resolved; `None` if it does not answer, or before systemd 240, which has no `resolvectl dns`.
pub async fn of(path: &str, link: &str) -> Option<LinkDns> {
    let ask = async |verb: &str| {
        let program = Path::new("/usr/bin/resolvectl");
        let output = command::run(program, &["--no-pager", verb, link], path, ANSWER).await.ok()?;
        output.success().then(|| output.stdout.trim().to_owned())
    };
    let (servers, domains) = futures_util::future::join(ask("dns"), ask("domain")).await;
    Some(LinkDns { servers: servers?, domains: domains? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_forwards_a_domain_to_a_server() {
        let of = |servers: &str, domains: &str| {
            let [servers, domains] =
                [servers, domains].map(|words| format!("Link 5 (cos0): {words}"));
            LinkDns { servers, domains }.forwards("127.0.0.1:8600", "~consul")
        };
        assert!(of("127.0.0.1:8600", "~consul"));
        assert!(!of("", "~consul") && !of("127.0.0.1:8600", "") && !of("10.0.0.2", "~consul"));
    }

    #[tokio::test]
    async fn a_link_that_does_not_exist_has_none() {
        assert_eq!(of("/usr/bin:/bin", "cos-no-such-link").await, None);
    }
}
