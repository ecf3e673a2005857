//! The tags and settings say what this node is.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::error::Error;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::node::ResolveError;
use crate::role::Role;
use std::time::Duration;

topics! {
    CONTRADICTION: "role-unresolved",
        "correct the tags or settings (`cos-agent facts` shows them), then run `systemctl restart cos-agent`";
    REMEMBERED: "role-remembered",
        "nothing to do for the daemons that run; correct the cause, because a new `apply` needs the facts of now";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "role-resolved",
        title: "the tags and settings say what this node is",
        group: Group::Role,
        roles: Role::ALL,
        needs: &[],
        explains: &["boot-phases", "plan-made"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The tags, the settings and the installed versions resolve to one role, a cluster and a datacenter. Where \
                    they cannot be read, what the last `apply` recorded on this instance is used.",
            matters: "Without a role nothing can be rendered, so nothing can be applied. Daemons that run go on.",
            look: &["cos-agent facts", "cos-agent plan"],
            fixes: &[TOPICS, ResolveError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let stages = machine.stages.get().await;
    match (&stages.survey, &stages.node) {
        (Ok(_), Some(node)) => Finding::Pass(node.summary()),
        (Err(error), _) => judge(error, machine.node.as_ref().map(|node| node.role)),
        (Ok(_), None) => super::broken(),
    }
}

/// The error of the first stages, on a node whose record says that it has a role, or says nothing.
fn judge(error: &Error, recorded: Option<Role>) -> Finding {
    let expected = match error {
        Error::Resolve(
            ResolveError::NoVersion { program } | ResolveError::TooOld { program, .. },
        ) => {
            format!("a supported version of {program} on this node")
        }
        _ => "tags and settings that say what this node is".to_owned(),
    };
    let hint = |error: &Error| error.advice().unwrap_or_else(|| CONTRADICTION.plain());
    match (error, recorded) {
        (Error::Resolve(_), _) | (_, None) => {
            Finding::Fail(Problem::new(error.causes(), expected, hint(error)))
        }
        (_, Some(role)) => {
            let found = format!("{role}, as recorded earlier: {}", error.causes());
            Finding::Warn(Problem::new(found, expected, REMEMBERED.plain()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_role_helps_where_the_facts_are_missing_but_not_where_they_contradict() {
        let wrong = || {
            let key = "cos:datacenter";
            Error::from(ResolveError::Blanks { key, found: " x".to_owned() })
        };
        let role = Some(Role::NomadClient);
        let Finding::Fail(problem) = judge(&wrong(), role) else { panic!("tags that are wrong") };
        let Error::Resolve(error) = wrong() else { unreachable!() };
        assert_eq!(Some(problem.hint), error.hint());
        assert!(matches!(judge(&Error::Interrupted, role), Finding::Warn(_)));
        assert!(matches!(judge(&Error::Interrupted, None), Finding::Fail(_)));
        let absent = ResolveError::NoVersion { program: "consul" }.into();
        let Finding::Fail(problem) = judge(&absent, None) else { panic!("no program") };
        assert_eq!(problem.expected, "a supported version of consul on this node");
    }
}
