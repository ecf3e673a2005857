//! The parameter store, which the quorum guard asks, can be reached.

use super::endpoints::{self, Service};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::facts::settings::Guard;
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use std::time::Duration;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "aws-endpoint-ssm",
        title: "the parameter store can be reached",
        group: Group::Aws,
        roles: &[Role::ConsulServer, Role::NomadServer],
        needs: &["imds-identity"],
        explains: &["boot-phases"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The name of the endpoint of Systems Manager resolves, its address takes a connection, its certificate is \
                    trusted, and it answers an unsigned request. Passes if the quorum guard is off.",
            matters: "A server without data asks the parameter store before it forms a cluster. Without an answer it can only \
                      join one, and a cluster that forms is not recorded.",
            look: &["cos-agent status", "getent hosts ssm.REGION.amazonaws.com"],
            fixes: &[endpoints::TOPICS],
            source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let (looked, metadata) =
        futures_util::future::join(machine.aws.ssm.get(), machine.metadata.get()).await;
    let (Some(endpoint), Some(instance)) = (looked.as_ref(), metadata.instance()) else {
        return super::broken();
    };
    let name = instance.region.vpc_endpoint("ssm");
    let service = Service { name: "SSM", endpoint: &name };
    match endpoints::judged(machine, endpoint, &service).await {
        Ok(words) => Finding::Pass(words),
        Err(_) if is_unused(machine).await => {
            Finding::Pass("parameter store not needed: the quorum guard is off".to_owned())
        }
        Err(problem) => Finding::Fail(problem),
    }
}

/// Whether the settings turn the quorum guard off.
async fn is_unused(machine: &Machine) -> bool {
    let stages = machine.stages.get().await;
    stages.node.as_ref().is_some_and(|node| node.settings.quorum.guard == Guard::Off)
}
