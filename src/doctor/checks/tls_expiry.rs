//! The certificate authorities of the site are valid today.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::facts::authority::Validity;
use crate::facts::certificates::Authority;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::environment::{self, rfc3339};
use std::time::Duration;

topics! {
    EXPIRED: "ca-expired",
        "put the new certificate of this authority into {source} on all nodes, then run `cos-agent apply`; if the authority is no \
         longer used, remove it there";
    EARLY: "ca-not-yet-valid",
        "check the clock of this node with `date -u` and `chronyc tracking`; if it is right, the certificate in {source} was \
         issued with a wrong date";
}

/// So many seconds before its end, an authority is worth a warning.
const SOON: u64 = 30 * 86_400;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "tls-expiry",
        title: "the certificate authorities of the site are valid today",
        group: Group::Tls,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "aws-endpoint-ec2",
            "aws-endpoint-ssm",
            "aws-endpoint-ecr",
            "ca-trust",
            "config-drift",
        ],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The clock of this node is between the first and the last day of each authority in /etc/cos-agent/ca.d and in \
                    the settings, with 30 days to spare. An old certificate beside the new one of the same subject does not \
                    count.",
            matters: "TLS connections to servers with certificates of this authority fail from the day on which it ends.",
            look: &["openssl x509 -in FILE -noout -subject -dates", "date -u"],
            fixes: &[TOPICS],
            source: "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let (now, found) = (environment::unix_seconds(), machine.authorities.get().await);
    match found.as_ref() {
        Some(Ok(found)) => judge(&found.authorities, now),
        // Why they are refused is what `ca-trust` says. Those of the last `apply` are in the trust store.
        Some(Err(_)) => match &machine.stages.get().await.node {
            Some(node) => judge(&node.authorities, now),
            None => Finding::Pass("no CA is known".to_owned()),
        },
        None => super::broken(),
    }
}

/// What the time says of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Expired,
    Early,
    Ends,
    Valid,
}

impl State {
    fn of(validity: Validity, now: u64) -> Self {
        if now > validity.until {
            Self::Expired
        } else if now < validity.from {
            Self::Early
        } else if validity.until - now < SOON {
            Self::Ends
        } else {
            Self::Valid
        }
    }
}

fn judge(authorities: &[Authority], now: u64) -> Finding {
    let known = || authorities.iter().filter_map(|one| Some((one, one.validity()?)));
    let state = |validity: Validity| State::of(validity, now);
    // A site has the old and the new certificate of an authority beside each other while it replaces it.
    let is_replaced = |one: &Authority, validity: Validity| {
        known().any(|(other, of_other)| {
            other.subject == one.subject && state(of_other) > state(validity)
        })
    };
    let mut bad: Vec<_> = known()
        .filter(|(one, validity)| state(*validity) != State::Valid && !is_replaced(one, *validity))
        .collect();
    bad.sort_by_key(|(_, validity)| (state(*validity), validity.until));
    let Some((first, validity)) = bad.first().copied() else {
        let ends = known().map(|(_, validity)| validity.until).filter(|until| *until >= now).min();
        return Finding::Pass(match ends {
            Some(until) => format!("first CA ends in {} days", (until - now) / 86_400),
            None => "no CA of the site".to_owned(),
        });
    };
    let others = bad.iter().skip(1).map(|(one, validity)| words(one, *validity, now));
    let topic = if state(validity) == State::Early { EARLY } else { EXPIRED };
    let expected = "every authority is valid for 30 days or more by the clock of this node";
    let hint = topic.with(&[("source", &first.source)]);
    let evidence =
        [format!("the clock of this node says {}", rfc3339(now))].into_iter().chain(others);
    let problem =
        Problem::new(words(first, validity, now), expected, hint).with(evidence.collect());
    if state(validity) == State::Ends { Finding::Warn(problem) } else { Finding::Fail(problem) }
}

fn words(authority: &Authority, validity: Validity, now: u64) -> String {
    let Authority { subject, source, .. } = authority;
    let when = match State::of(validity, now) {
        State::Expired => format!("expired at {}", rfc3339(validity.until)),
        State::Early => format!("is valid only from {} on", rfc3339(validity.from)),
        State::Ends | State::Valid => format!("expires at {}", rfc3339(validity.until)),
    };
    format!("{subject} (from {source}) {when}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::certificates;
    use crate::system::root::Root;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

    /// Authorities of these names, each valid in the years from the first to the second.
    fn authorities(wanted: &[(&str, i32, i32)]) -> Vec<Authority> {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        for (index, (name, from, until)) in wanted.iter().enumerate() {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, *name);
            params.not_before = date_time_ymd(*from, 1, 1);
            params.not_after = date_time_ymd(*until, 1, 1);
            let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
            root.write(format!("{}/{index}.pem", certificates::FOLDER), pem.as_bytes(), 0o644)
                .unwrap();
        }
        certificates::gather(&root, &[]).unwrap().authorities
    }

    /// 2026-01-01.
    const NOW: u64 = 1_767_225_600;

    #[test]
    fn the_dates_of_an_authority_decide() {
        let judged = |wanted: &[_], now| judge(&authorities(wanted), now);
        assert!(judged(&[], NOW).passes());
        let Finding::Pass(words) = judged(&[("a", 2020, 2027)], NOW) else { panic!("it is valid") };
        assert_eq!(words, "first CA ends in 365 days");
        let Finding::Fail(expired) = judged(&[("a", 2020, 2025), ("b", 2020, 2030)], NOW) else {
            panic!("one has expired")
        };
        assert!(
            expired.found.contains("CN=a") && expired.found.contains("2025-01-01"),
            "{expired:?}"
        );
        let Finding::Fail(early) = judged(&[("a", 2027, 2030)], NOW) else {
            panic!("it is too early")
        };
        assert_eq!(early.hint.id, "ca-not-yet-valid");
        let ends = judged(&[("a", 2020, 2027)], NOW + 350 * 86_400);
        assert!(matches!(ends, Finding::Warn(_)), "{ends:?}");
    }

    #[test]
    fn an_old_certificate_beside_its_new_one_does_not_count() {
        assert!(matches!(
            judge(&authorities(&[("a", 2020, 2025), ("a", 2024, 2034)]), NOW),
            Finding::Pass(_)
        ));
        assert!(matches!(
            judge(&authorities(&[("a", 2020, 2025), ("b", 2024, 2034)]), NOW),
            Finding::Fail(_)
        ));
    }
}
