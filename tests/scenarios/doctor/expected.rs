//! What the doctor has to say about each fault: the check of its first card, and a part of what it tells people to type.

/// What is expected of a report.
pub(super) struct Expected {
    /// The first root cause; any of these.
    pub(super) first: &'static [&'static str],
    /// A part of the fix of its card.
    pub(super) fix: &'static str,
    /// The exit code.
    pub(super) code: i32,
}

/// What is expected where a fault has this name.
pub(super) fn of(fault: &str) -> Expected {
    let found = TABLE.iter().find(|(name, ..)| *name == fault);
    let (_, first, fix) = found.unwrap_or_else(|| panic!("nothing is expected of {fault:?}"));
    Expected { first, fix, code: 2 }
}

const TABLE: &[(&str, &[&str], &str)] = &[
    ("the tag of the role is misspelt", &["tags-required"], "cos:role"),
    ("tags in metadata are off, and EC2 denies them", &["tags-source"], "instance_metadata_tags"),
    ("metadata is switched off", &["imds-reachable"], "--http-endpoint enabled"),
    ("metadata hangs", &["imds-reachable"], "linklocal_allowance_exceeded"),
    ("the instance has no profile", &["iam-credentials"], "associate-iam-instance-profile"),
    ("the tags say another datacenter than at the boot", &["role-drift"], "cos:datacenter"),
    ("EC2 denies DescribeInstances", &["aws-autodiscovery"], "ec2:DescribeInstances"),
    ("the endpoint of EC2 is a black hole", &["aws-endpoint-ec2"], "com.amazonaws"),
    ("the endpoint of EC2 refuses", &["aws-endpoint-ec2"], ""),
    (
        "the endpoint of EC2 has a certificate of an unknown authority",
        &["aws-endpoint-ec2"],
        "/etc/cos-agent/ca.d",
    ),
    ("the registry denies its token", &["ecr-token"], "ecr:GetAuthorizationToken"),
    ("the resolver of the VPC is dead", &["dns-resolvers"], ""),
    ("gossip over UDP is blocked", &["net-consul-udp"], "8301"),
    ("TCP to port 8301 is blocked", &["net-consul-servers"], "8301"),
    ("TCP to port 8300 of the Consul servers is blocked one way", &["net-consul-servers"], "8300"),
    ("TCP to port 4647 of the Nomad servers is blocked one way", &["net-nomad-servers"], "4647"),
    ("the stub of the resolver is bypassed", &["dns-consul"], "/etc/resolv.conf"),
    ("the configuration of Consul was edited by hand", &["config-drift"], "cos-agent plan"),
    ("Consul runs with an older file", &["config-running"], "systemctl restart consul"),
    ("the settings are broken", &["settings-valid"], "cos-agent config check"),
    ("a file of the operator turns the other mode of Nomad on", &["config-operator"], "nomad.hcl"),
    ("user data for the agent is broken", &["settings-valid"], "cos-agent config"),
    ("an authority of the site has expired", &["tls-expiry"], "/etc/cos-agent/ca.d"),
    ("docker has an expired login for the registry", &["ecr-docker-config"], "cos-agent apply"),
    ("Consul is stopped", &["units-state"], "cos-agent apply"),
    ("the unit of Consul is masked", &["units-state"], "systemctl unmask consul"),
    ("Consul hangs", &["consul-agent-api"], "systemctl restart consul"),
    ("Nomad ends again and again", &["units-state"], "journalctl -b -u nomad"),
    ("another program holds the port of Nomad", &["net-listeners"], "systemctl restart nomad"),
    ("the client of Nomad is ineligible", &["nomad-client-eligible"], "nomad node eligibility"),
    ("docker is stopped", &["units-state"], "cos-agent apply"),
    ("the credential helper is missing", &["ecr-helper"], "docker-credential-ecr-login"),
    ("the data directory of Consul belongs to root", &["data-owner"], "chown"),
    ("a disk is full", &["disk-space"], "du "),
    ("a disk has no inodes left", &["disk-space"], ""),
    ("the node id of Consul is that of another instance", &["identity-unique"], "node-id"),
    ("the quorum of Consul is lost", &["consul-servers-alive"], "cos-agent reform consul"),
    ("the clock of AWS is ten minutes off", &["clock-sync"], "chrony"),
];
