//! The pipeline makes a plan for this node.

use super::units_state;
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::error::Error;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::observe::ObserveError;
use crate::plan::{Plan, PlanError};
use crate::render::RenderError;
use crate::role::Role;
use crate::text::count;
use std::time::Duration;

topics! {
    LOOK: "plan-impossible", "run `cos-agent plan`, which shows the whole error; correct the cause, then run `cos-agent apply`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "plan-made",
        title: "the agent can make a plan for this node",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges", "role-resolved"],
        explains: &["boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The agent renders the configuration of this role, reads what is on the disk, and compares both. `apply` \
                    does the same before it changes anything.",
            matters: "Without a plan nothing is applied: a new node does not start its daemons, and a node that runs keeps \
                      its old configuration.",
            look: &["cos-agent plan", "journalctl -b -u cos-agent -n 50"],
            fixes: &[TOPICS, units_state::TOPICS, RenderError::TOPICS, PlanError::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/configuration",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    match &machine.stages.get().await.plan {
        Some(plan) => judge(plan.as_ref()),
        None => super::broken(),
    }
}

fn judge(plan: Result<&Plan, &Error>) -> Finding {
    let error = match plan {
        Ok(plan) => return Finding::Pass(count(plan.after.files.len(), "file")),
        Err(Error::Interrupted) => return super::broken(),
        Err(error) => error,
    };
    let problem = |hint| Problem::new(error.causes(), "a plan for this node", hint);
    match error {
        // A question that systemd did not answer says nothing about the configuration.
        Error::Observe(ObserveError::Services(_)) => {
            Finding::Unknown(problem(units_state::NO_SYSTEMD.plain()))
        }
        _ => Finding::Fail(problem(error.advice().unwrap_or_else(|| LOOK.plain()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::node::conflicts::Conflict;
    use crate::system::systemd::services::ServiceError;

    #[test]
    fn each_error_has_its_own_advice() {
        assert!(judge(Ok(&Plan::default())).passes());
        let conflict = Conflict::Sets {
            path: "/etc/nomad.d/nomad.hcl".to_owned(),
            key: "data_dir".to_owned(),
            reason: "r".to_owned(),
        };
        let no_owner = PlanError::NoOwner {
            user: "consul",
            group: "consul",
            path: "/opt/consul/data".to_owned(),
        };
        let owned = RenderError::Owned { table: "consul.extra", key: "server".to_owned() };
        for (error, id, named) in [
            (
                Error::from(PlanError::from(conflict)),
                "operator-file-key",
                "nomad.hcl sets `data_dir`",
            ),
            (Error::from(no_owner), "user-missing", "user consul"),
            (Error::from(owned), "extra-key-owned", "consul.extra.server"),
        ] {
            let Finding::Fail(problem) = judge(Err(&error)) else { panic!("{error}") };
            assert!(problem.found.contains(named), "{}", problem.found);
            assert_eq!(problem.hint.id, id);
        }
    }

    #[test]
    fn a_systemd_that_is_silent_proves_nothing() {
        let refused =
            ServiceError::Refused { job: "show", unit: "x".to_owned(), words: String::new() };
        let error = Error::from(ObserveError::from(refused));
        assert!(matches!(judge(Err(&error)), Finding::Unknown(_)));
    }
}
