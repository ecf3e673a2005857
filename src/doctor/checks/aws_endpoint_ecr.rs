//! ECR, its API and the registry of this account, can be reached.

use super::endpoints::{self, Service};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use std::time::Duration;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "aws-endpoint-ecr",
        title: "ECR and the registry of this account can be reached",
        group: Group::Aws,
        roles: &[Role::NomadClient],
        needs: &["imds-identity"],
        explains: &["ecr-token"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The names of ECR's API and of the registry of this account resolve, their addresses take connections, \
                    their certificates are trusted, and both answer an unsigned request.",
            matters: "docker gets its login from the API and images from the registry. Tasks whose image is not on the node \
                      yet do not start.",
            look: &[
                "getent hosts api.ecr.REGION.amazonaws.com ACCOUNT.dkr.ecr.REGION.amazonaws.com",
                "curl -sv --max-time 5 https://ACCOUNT.dkr.ecr.REGION.amazonaws.com/v2/",
            ],
            fixes: &[endpoints::TOPICS],
            source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let (looked, metadata) =
        futures_util::future::join(machine.aws.ecr.get(), machine.metadata.get()).await;
    let (Some((api, registry)), Some(instance)) = (looked.as_ref(), metadata.instance()) else {
        return super::broken();
    };
    let names = ["ecr.api", "ecr.dkr"].map(|name| instance.region.vpc_endpoint(name));
    let services = [
        (api, Service { name: "ECR", endpoint: &names[0] }),
        (registry, Service { name: "registry", endpoint: &names[1] }),
    ];
    let (mut answers, mut problems) = (Vec::new(), Vec::new());
    for (endpoint, service) in &services {
        match endpoints::judged(machine, endpoint, service).await {
            Ok(words) => answers.push(words),
            Err(problem) => problems.push(problem),
        }
    }
    let mut problems = problems.into_iter();
    let Some(mut first) = problems.next() else { return Finding::Pass(answers.join(", ")) };
    first.evidence.extend(problems.map(|problem| problem.found));
    first.evidence.extend(answers.into_iter().map(|words| format!("answered: {words}")));
    Finding::Fail(first)
}
