//! The last `apply` of this boot has ended well.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::facts::{self, FREEZE};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::store::status::{State, Status};
use crate::system::machine::uptime;
use crate::text::count;
use std::time::Duration;

topics! {
    FAILED: "apply-failed",
        "run `cos-agent status`, which shows the whole error with its hint; after the correction, run \
         `systemctl restart cos-agent`";
    DEGRADED: "apply-degraded",
        "correct what the reason names, then run `systemctl restart cos-agent`; until then the daemons run as before the reboot";
    UNFINISHED: "apply-missing", "look at `systemctl status cos-agent` and `journalctl -b -u cos-agent -n 50`";
    PENDING: "apply-pending", "run `cos-agent apply`, which finishes them";
    UNFREEZE: "agent-is-frozen", "remove {file} when the incident is over, then run `systemctl restart cos-agent`";
}

/// How long the first `apply` of a boot may take.
const BOOT: Duration = Duration::from_secs(120);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "boot-phases",
        title: "the last `apply` of this boot has ended well",
        group: Group::Boot,
        roles: Role::ALL,
        needs: &[],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "An `apply` of this boot has ended well, left no action undone, and the agent is not frozen. The record in \
                    /run/cos-agent/status.json and the manifest in /var/lib/cos-agent/manifest.json say so.",
            matters: "After an `apply` that failed, the daemons run with an older configuration, or not at all.",
            look: &["cos-agent status", "journalctl -b -u cos-agent -n 50"],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((is_frozen, up)) =
        machine.files(|root| (facts::is_frozen(root).unwrap_or(false), uptime())).await
    else {
        return super::broken();
    };
    let pending: Vec<String> = match &machine.stages.get().await.manifest {
        Ok(manifest) => manifest.pending.iter().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    };
    judge(&machine.record, is_frozen, &pending, up)
}

fn judge(record: &Status, is_frozen: bool, pending: &[String], up: Duration) -> Finding {
    let expected = "an `apply` of this boot that ended well";
    let problem = |found: String, topic: crate::exit::hint::Topic| {
        Problem::new(found, expected, topic.with(&[("file", &FREEZE)]))
    };
    if is_frozen {
        return Finding::Warn(problem(format!("the agent is frozen: {FREEZE} exists"), UNFREEZE));
    }
    let reason = record.reason.as_deref().unwrap_or("no reason is recorded");
    match (record.state, &record.problem) {
        (State::Failed, Some(failure)) => {
            let lines = failure.report.lines().filter(|line| !line.trim().is_empty());
            let evidence = lines.skip(1).take(3).map(|line| line.trim().to_owned()).collect();
            let code = failure.code;
            let found = format!("`apply` failed at {} with exit code {code}", failure.at);
            Finding::Fail(problem(found, FAILED).with(evidence))
        }
        (State::Degraded, _) => Finding::Warn(problem(format!("degraded: {reason}"), DEGRADED)),
        (State::Applied, _) if !pending.is_empty() => {
            let found =
                format!("{} undone: {}", count(pending.len(), "action"), pending.join(", "));
            Finding::Warn(problem(found, PENDING))
        }
        (State::Applied, _) => {
            let at = record.applied.as_deref().unwrap_or("in this boot");
            Finding::Pass(format!("applied {at}"))
        }
        (State::Failed | State::Unknown, _) => {
            let minutes = up.as_secs() / 60;
            let found =
                format!("no `apply` has finished, {} after the boot", count(minutes, "minute"));
            let problem = problem(found, UNFINISHED);
            if up < BOOT { Finding::Waiting(problem) } else { Finding::Fail(problem) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::ExitCode;
    use crate::store::status::Failure;

    #[test]
    fn each_end_of_an_apply_has_its_finding() {
        let of = |state: State, pending: &[String], is_frozen, minutes: u64| {
            let problem = (state == State::Failed)
                .then(|| Failure::of(ExitCode::Config, "error: x\n  cause: y\n\nhint: z\n"));
            let record = Status { state, problem, ..Status::default() };
            judge(&record, is_frozen, pending, Duration::from_secs(60 * minutes))
        };
        assert!(of(State::Applied, &[], false, 9).passes());
        let undone = ["restart nomad.service".to_owned()];
        assert!(matches!(of(State::Applied, &undone, false, 9), Finding::Warn(_)));
        assert!(matches!(of(State::Applied, &[], true, 9), Finding::Warn(_)));
        assert!(matches!(of(State::Degraded, &[], false, 9), Finding::Warn(_)));
        assert!(matches!(of(State::Unknown, &[], false, 1), Finding::Waiting(_)));
        assert!(matches!(of(State::Unknown, &[], false, 9), Finding::Fail(_)));
        let Finding::Fail(problem) = of(State::Failed, &[], false, 9) else { panic!("it failed") };
        assert_eq!(problem.evidence, ["cause: y", "hint: z"]);
    }
}
