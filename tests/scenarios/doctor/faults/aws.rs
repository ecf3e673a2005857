//! AWS, and the way to it.

use super::Fault;

const ON: &str = "public-services";

/// The faults.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::outside(
        ON,
        "EC2 denies DescribeInstances",
        |node| node.lab.aws.mode_for(node.address, "ec2:DescribeInstances", "deny"),
        |node| node.lab.aws.normal_for(node.address),
    ),
    &Fault::script(
        ON,
        "the endpoint of EC2 is a black hole",
        "iptables -A OUTPUT -d 10.20.0.2 -p tcp --dport 443 -j DROP",
        "iptables -D OUTPUT -d 10.20.0.2 -p tcp --dport 443 -j DROP",
    ),
    &Fault::script(
        ON,
        "the endpoint of EC2 refuses",
        "iptables -A OUTPUT -d 10.20.0.2 -p tcp --dport 443 -j REJECT --reject-with tcp-reset",
        "iptables -D OUTPUT -d 10.20.0.2 -p tcp --dport 443 -j REJECT --reject-with tcp-reset",
    ),
    &Fault::script(
        ON,
        "the endpoint of EC2 has a certificate of an unknown authority",
        "mkdir -p /run/no-certificates && mount --bind /run/no-certificates /etc/ssl/certs",
        "umount /etc/ssl/certs",
    ),
    &Fault::outside(
        ON,
        "the registry denies its token",
        |node| node.lab.aws.mode_for(node.address, "ecr:GetAuthorizationToken", "deny"),
        |node| node.lab.aws.normal_for(node.address),
    ),
    &Fault::script(
        ON,
        "the resolver of the VPC is dead",
        "for protocol in udp tcp; do iptables -A OUTPUT -d 10.20.0.2 -p $protocol --dport 53 -j DROP; done; resolvectl flush-caches",
        "for protocol in udp tcp; do iptables -D OUTPUT -d 10.20.0.2 -p $protocol --dport 53 -j DROP; done; resolvectl flush-caches",
    ),
];
