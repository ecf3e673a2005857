//! EC2 can be reached.

use super::endpoints::{self, Service};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::{About, Finding, Group, Impact, Page};
use crate::role::Role;
use std::time::Duration;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "aws-endpoint-ec2",
        title: "EC2 can be reached",
        group: Group::Aws,
        roles: Role::ALL,
        needs: &["imds-identity"],
        explains: &["aws-autodiscovery", "consul-joined", "tags-source", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The name of EC2's endpoint resolves, its address takes a connection, its certificate is trusted, and it \
                    answers an unsigned request.",
            matters: "Consul and Nomad ask EC2 for their servers. A node that cannot reach EC2 keeps running, but it does not \
                      find its cluster after the next boot.",
            look: &["cos-agent peers consul-server", "getent hosts ec2.REGION.amazonaws.com"],
            fixes: &[endpoints::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/interface-vpc-endpoints.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let (looked, metadata) =
        futures_util::future::join(machine.aws.ec2.get(), machine.metadata.get()).await;
    let (Some(endpoint), Some(instance)) = (looked.as_ref(), metadata.instance()) else {
        return super::broken();
    };
    let name = instance.region.vpc_endpoint("ec2");
    let service = Service { name: "EC2", endpoint: &name };
    endpoints::judged(machine, endpoint, &service).await.map_or_else(Finding::Fail, Finding::Pass)
}
