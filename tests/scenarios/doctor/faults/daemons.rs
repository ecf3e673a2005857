//! Units, daemons, docker.

use super::Fault;

/// The faults. Each daemon is broken on a node of its own, so that they go on side by side.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::script("consul-3", "Consul is stopped", "systemctl stop consul", "systemctl start consul"),
    &Fault::script(
        "consul-3",
        "the unit of Consul is masked",
        "systemctl stop consul; mv /etc/systemd/system/consul.service /root/; systemctl mask consul",
        "rm /etc/systemd/system/consul.service; mv /root/consul.service /etc/systemd/system/; systemctl daemon-reload; \
         systemctl start consul",
    ),
    &Fault::script(
        "consul-3",
        "Consul hangs",
        "systemctl kill --kill-whom=main --signal=STOP consul",
        "systemctl kill --kill-whom=main --signal=CONT consul",
    ),
    &Fault::script(
        "nomad-3",
        "Nomad ends again and again",
        "mkdir -p /etc/systemd/system/nomad.service.d; \
         printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\nRestartSec=1\\n' >/etc/systemd/system/nomad.service.d/zz.conf; \
         systemctl daemon-reload; systemctl restart nomad",
        "rm /etc/systemd/system/nomad.service.d/zz.conf; systemctl daemon-reload; systemctl restart nomad",
    )
    .after(12),
    &Fault::script(
        "nomad-3",
        "another program holds the port of Nomad",
        "systemctl stop nomad; (setsid perl -MIO::Socket::INET -e \
         '$s = IO::Socket::INET->new(LocalPort => 4647, Listen => 5, ReuseAddr => 1) or die; sleep 600' >/dev/null 2>&1 & echo $! >/run/holder); \
         sleep 1; systemctl start nomad",
        "kill $(cat /run/holder); systemctl restart nomad",
    )
    .after(8),
    &Fault::script(
        "backoffice",
        "the client of Nomad is ineligible",
        "nomad node eligibility -self -disable",
        "nomad node eligibility -self -enable",
    ),
    &Fault::script("backoffice", "docker is stopped", "systemctl stop docker.service docker.socket", "systemctl start docker")
        .after(3),
    &Fault::script(
        "backoffice",
        "the credential helper is missing",
        "mv $(command -v docker-credential-ecr-login) /root/helper; hash -r",
        "mv /root/helper /usr/bin/docker-credential-ecr-login",
    ),
    &Fault::script(
        "private-services",
        "the data directory of Consul belongs to root",
        "systemctl stop consul; chown -R root:root /opt/consul/data; chmod 700 /opt/consul/data; systemctl start consul",
        "chown -R consul:consul /opt/consul/data; systemctl restart consul",
    )
    .after(6),
];
