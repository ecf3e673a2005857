//! The clock of this host agrees with that of AWS.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::aws::endpoint::Obstacle;
use crate::system::clock::{Offset, shown};
use crate::system::environment;
use std::time::Duration;

topics! {
    WRONG: "clock-wrong",
        "run `systemctl restart chrony` (`chronyd` on Amazon Linux), then look at `chronyc tracking`; its source should be \
         169.254.169.123, which every VPC has. Without chrony, run `timedatectl set-ntp true`";
}

/// From this offset on, AWS refuses signatures, in seconds (`RequestExpired`, `SignatureDoesNotMatch`)
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html>).
const REFUSED: f64 = 300.0;
/// A clock that somebody keeps is never so far off, in seconds, however busy the host is.
const SUSPICIOUS: f64 = 30.0;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "clock-sync",
        title: "the clock agrees with that of AWS",
        group: Group::Clock,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "iam-credentials",
            "aws-endpoint-ec2",
            "aws-endpoint-ssm",
            "aws-endpoint-ecr",
            "aws-autodiscovery",
            "tls-expiry",
            "consul-joined",
            "ecr-token",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The clock of this host is less than 30 s away from the date of an answer of EC2, or of the metadata \
                    service if EC2 does not answer. From 300 s on, AWS refuses every request.",
            matters: "With a wrong clock, AWS refuses signatures, certificates count as expired or not yet valid, and \
                      leases and logs are wrong.",
            look: &["timedatectl", "chronyc tracking"],
            fixes: &[TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/set-time.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let (ec2, metadata) =
        futures_util::future::join(machine.aws.ec2.get(), machine.metadata.get()).await;
    let endpoint = ec2.as_ref().as_ref();
    let of_ec2 = endpoint.and_then(|endpoint| endpoint.result.as_ref().ok()?.clock);
    let clock = of_ec2
        .map(|clock| (clock, "EC2"))
        .or(metadata.clock.map(|clock| (clock, "the metadata service")));
    let refuses =
        endpoint.filter(|endpoint| endpoint.result.as_ref().err() == Some(&Obstacle::WrongTime));
    judge(clock, refuses.map(|endpoint| endpoint.host.as_str()))
}

/// The clock against that of a server, and the host whose certificate is not valid at the time of this clock.
fn judge(clock: Option<(Offset, &str)>, refused: Option<&str>) -> Finding {
    const EXPECTED: &str = "the time of AWS, to 30 s";
    let Some((offset, server)) = clock else {
        let Some(host) = refused else {
            return Finding::Pass("no answer of AWS to compare with".to_owned());
        };
        let now = shown(environment::now());
        let found = format!(
            "this clock says {now}, and at that time the certificate of {host} is not valid"
        );
        return Finding::Fail(Problem::new(found, EXPECTED, WRONG.plain()));
    };
    let ahead = offset.seconds_ahead();
    // The dates of answers have whole seconds.
    if ahead.abs() < 1.5 {
        return Finding::Pass(format!("within 1 s of {server}"));
    }
    let words = format!(
        "{:.0} s {} {server}",
        ahead.abs(),
        if ahead > 0.0 { "ahead of" } else { "behind" }
    );
    let finding: fn(Problem) -> Finding = match ahead.abs() {
        REFUSED.. => Finding::Fail,
        SUSPICIOUS.. => Finding::Warn,
        _ => return Finding::Pass(words),
    };
    let problem = Problem::new(format!("this clock is {words}"), EXPECTED, WRONG.plain());
    finding(problem.with(vec![
        format!("{server}: {}", shown(offset.theirs)),
        format!("this host: {}", shown(offset.ours)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_nobody_keeps_is_a_finding() {
        let theirs = environment::now();
        for (seconds, expected) in [
            (0, "ok within 1 s of EC2"),
            (2, "ok 2 s ahead of EC2"),
            (-29, "ok 29 s behind EC2"),
            (31, "warn this clock is 31 s ahead of EC2"),
            (-299, "warn this clock is 299 s behind EC2"),
            (301, "fail this clock is 301 s ahead of EC2"),
            (-90_000, "fail this clock is 90000 s behind EC2"),
        ] {
            let away = Duration::from_secs(i64::unsigned_abs(seconds));
            let ours = if seconds < 0 { theirs - away } else { theirs + away };
            let found = match judge(Some((Offset { theirs, ours }, "EC2")), None) {
                Finding::Pass(words) => format!("ok {words}"),
                Finding::Warn(problem) => format!("warn {}", problem.found),
                Finding::Fail(problem) => format!("fail {}", problem.found),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_refused_certificate_counts_only_where_no_answer_shows_the_time() {
        assert!(judge(None, None).passes());
        assert!(matches!(judge(None, Some("ec2")), Finding::Fail(_)));
        let now = environment::now();
        let right = Offset { theirs: now, ours: now };
        assert!(judge(Some((right, "the metadata service")), Some("ec2")).passes());
    }
}
