//! Settings, and the files of the daemons.

use super::Fault;

const ON: &str = "content-connector";

/// The faults.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::script(
        ON,
        "the configuration of Consul was edited by hand",
        "cp -p /etc/consul.d/cos.json /root/kept; sed -i 's/\"log_level\": *\"[a-zA-Z]*\"/\"log_level\": \"trace\"/; s/^{/{\"enable_debug\": true,/' /etc/consul.d/cos.json",
        "cp -p /root/kept /etc/consul.d/cos.json",
    ),
    &Fault::script(
        ON,
        "Consul runs with an older file",
        // What is on the disk is what the agent wrote; what runs is what somebody had put there for a while.
        "cp /etc/consul.d/cos.json /root/kept; sed -i 's/^{/{\"enable_debug\": true,/' /etc/consul.d/cos.json; systemctl restart consul; \
         sleep 8; cat /root/kept >/etc/consul.d/cos.json",
        "systemctl restart consul",
    ),
    &Fault::script(
        ON,
        "the settings are broken",
        "cp /etc/cos-agent/config.toml /root/settings; echo '[nomad' >>/etc/cos-agent/config.toml",
        "cp /root/settings /etc/cos-agent/config.toml",
    ),
    &Fault::script(
        ON,
        "a file of the operator turns the other mode of Nomad on",
        "echo 'server { enabled = true }' >/etc/nomad.d/nomad.hcl",
        "rm /etc/nomad.d/nomad.hcl",
    ),
    &Fault::outside(
        ON,
        "user data for the agent is broken",
        |node| {
            node.lab.edit(node, |machine| {
                machine.user_data = Some("[nomad]\nno_such_key = 1\n".to_owned())
            })
        },
        |node| node.lab.edit(node, |machine| machine.user_data = None),
    ),
    &Fault::outside(
        ON,
        "an authority of the site has expired",
        |node| node.write("/etc/cos-agent/ca.d/old.pem", &expired()),
        |node| node.remove(&["/etc/cos-agent/ca.d/old.pem"]),
    ),
    &Fault::script(
        ON,
        "docker has an expired login for the registry",
        "cp -p /etc/docker/config.json /root/docker; \
         sed -i '0,/{/s//{\"auths\": {\"123456789012.dkr.ecr.eu-central-1.amazonaws.com\": {\"auth\": \"QVdTOmV4cGlyZWQ=\"}},/' /etc/docker/config.json",
        "cp -p /root/docker /etc/docker/config.json",
    ),
];

/// A certificate authority whose time is over.
fn expired() -> String {
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "Old Site Authority");
    let key = rcgen::KeyPair::generate().unwrap();
    parameters.self_signed(&key).unwrap().pem()
}
