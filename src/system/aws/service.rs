//! The services of AWS that the agent asks, as data. To add one, add a variant and its row.

use crate::state::Region;
use crate::system::environment::Environment;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// EC2: tags and instances.
    Ec2,
    /// Systems Manager: the parameter store.
    Ssm,
    /// EC2 Auto Scaling: lifecycle actions.
    AutoScaling,
    /// The container registry: its API, not the registry that docker asks.
    Ecr,
}

/// The protocol of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A form, answered in XML (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
    Query,
    /// JSON (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>).
    Json,
}

/// What differs between services.
pub(super) struct Row {
    /// The first label of its host, such as `ec2` in `ec2.eu-central-1.amazonaws.com`.
    pub(super) host: &'static str,
    /// Its name in signatures and in the names of IAM actions.
    pub(super) name: &'static str,
    /// What follows `AWS_ENDPOINT_URL_` in the variable that redirects it
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html>).
    pub(super) variable: &'static str,
    /// Its protocol.
    pub(super) protocol: Protocol,
    /// The version of a Query API, or the prefix of the action in `X-Amz-Target` of a JSON API.
    pub(super) api: &'static str,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ec2, Self::Ssm, Self::AutoScaling, Self::Ecr];

    /// Its row.
    pub(super) fn row(self) -> Row {
        use Protocol::{Json, Query};
        let (host, name, variable, protocol, api) = match self {
            // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>
            Self::Ec2 => ("ec2", "ec2", "EC2", Query, "2016-11-15"),
            // <https://docs.aws.amazon.com/systems-manager/latest/APIReference/>
            Self::Ssm => ("ssm", "ssm", "SSM", Json, "AmazonSSM"),
            // <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/>
            Self::AutoScaling => {
                ("autoscaling", "autoscaling", "AUTO_SCALING", Query, "2011-01-01")
            }
            // <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/>
            Self::Ecr => ("api.ecr", "ecr", "ECR", Json, "AmazonEC2ContainerRegistry_V20150921"),
        };
        Row { host, name, variable, protocol, api }
    }

    /// The variable of the environment that redirects it alone.
    pub fn variable(self) -> String {
        format!("AWS_ENDPOINT_URL_{}", self.row().variable)
    }

    /// Its address in a region, or the address to which the environment redirects it.
    pub fn url(self, environment: &Environment, region: &Region) -> String {
        match environment.aws_endpoints.get(&self) {
            Some(url) => url.clone(),
            None => region.endpoint(self.row().host, environment.use_fips),
        }
    }

    /// The name of an IAM action, such as `ec2:DescribeTags`.
    pub(super) fn action(self, action: &str) -> String {
        format!("{}:{action}", self.row().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_services_share_a_host_or_a_variable() {
        let hosts: BTreeSet<_> = Service::ALL.iter().map(|service| service.row().host).collect();
        let variables: BTreeSet<_> = Service::ALL.iter().map(|one| one.variable()).collect();
        assert_eq!([hosts.len(), variables.len()], [Service::ALL.len(); 2]);
        assert_eq!(Service::AutoScaling.variable(), "AWS_ENDPOINT_URL_AUTO_SCALING");
        assert_eq!(Service::Ec2.action("DescribeTags"), "ec2:DescribeTags");
    }
}
