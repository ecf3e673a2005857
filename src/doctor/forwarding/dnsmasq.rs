//! PURE: why dnsmasq does not resolve `.consul`.

use super::{Forwarding, names, problem, state};
use crate::doctor::machine::resolvers::RESOLV_CONF;
use crate::exit::hint::topics;
use crate::gates::Problem;
use crate::state::DNSMASQ;
use crate::system::dns::Reply;
use std::net::IpAddr;

topics! {
    DNSMASQ_BYPASSED: "dns-dnsmasq-bypassed",
        "put `nameserver 127.0.0.1` first in /etc/resolv.conf: `prepend domain-name-servers 127.0.0.1;` in /etc/dhcp/dhclient.conf \
         keeps it there";
    DNSMASQ_SILENT: "dns-dnsmasq-silent",
        "run `systemctl restart dnsmasq`; if it fails, look at `journalctl -b -u dnsmasq -n 20` and run `dnsmasq --test`";
    DNSMASQ_FORWARDS_NOT: "dns-dnsmasq-not-forwarding",
        "check that /etc/dnsmasq.conf has `conf-dir=/etc/dnsmasq.d` and that /etc/dnsmasq.d/cos.conf exists (`cos-agent apply` writes \
         it), then run `systemctl restart dnsmasq`";
}

/// Why dnsmasq does not.
pub(super) fn judge(seen: &Forwarding<'_>) -> Problem {
    let is_local = |server: &IpAddr| {
        server.is_loopback() || seen.interfaces.iter().any(|interface| *server == interface.address)
    };
    let Some((server, reply)) = seen.replies.iter().find(|(server, _)| is_local(server)) else {
        let found = format!(
            "{RESOLV_CONF} names {}, so programs do not ask dnsmasq for .consul",
            names(seen)
        );
        let expected = format!("{RESOLV_CONF} names 127.0.0.1, where dnsmasq listens");
        return problem(seen, found, expected, DNSMASQ_BYPASSED.plain());
    };
    if matches!(reply, Reply::Answer { .. }) {
        // A server before it may have answered first.
        if reply.has_records() {
            let found = format!(
                "{RESOLV_CONF} names another server before {server}, which never resolves .consul"
            );
            let expected = format!("{server} is the first server");
            return problem(seen, found, expected, DNSMASQ_BYPASSED.plain());
        }
        let found =
            format!("Consul resolves consul.service.consul, dnsmasq at {server} does not: {reply}");
        return problem(
            seen,
            found,
            "dnsmasq asks Consul".to_owned(),
            DNSMASQ_FORWARDS_NOT.plain(),
        );
    }
    let found = format!("dnsmasq does not answer at {server}: {reply}{}", state(seen, DNSMASQ));
    problem(seen, found, "dnsmasq answers".to_owned(), DNSMASQ_SILENT.plain())
}
