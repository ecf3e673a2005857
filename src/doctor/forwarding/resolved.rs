//! PURE: why systemd-resolved does not resolve `.consul`.

use super::{Forwarding, names, problem, state};
use crate::doctor::machine::resolvers::{LINK, RESOLV_CONF, Resolvers, UPLINK};
use crate::exit::hint::topics;
use crate::gates::{Finding, Problem};
use crate::state::{DNS_LINK, RESOLVED};
use crate::system::dns::Reply;
use std::net::IpAddr;

topics! {
    STUB_BYPASSED: "dns-stub-bypassed",
        "run `ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf`, and find what replaced the link: cloud-init, \
         NetworkManager or a DHCP client; `DNSStubListener=no` must not be set";
    RESOLVED_SILENT: "dns-resolved-silent",
        "run `systemctl restart systemd-resolved`; if it still does not answer, look at `journalctl -b -u systemd-resolved -n 30` and \
         for `DNSStubListener=no` in `systemd-analyze cat-config systemd/resolved.conf`";
    LINK_DOWN: "dns-link-down",
        "run `systemctl restart cos-dns`; if it fails, look at `journalctl -b -u cos-dns -n 20`";
    LINK_FORGOTTEN: "dns-link-forgotten",
        "run `systemctl restart cos-dns`, which tells systemd-resolved again; `resolvectl status cos0` must then show 127.0.0.1:8600 \
         and ~consul";
    NOT_FORWARDED: "dns-not-forwarded",
        "run `resolvectl flush-caches`, then `resolvectl query consul.service.consul`; if it fails, look for `Domains=`, `DNSSEC=` and \
         `DNS=` of others in `systemd-analyze cat-config systemd/resolved.conf`";
}

/// Why systemd-resolved does not.
pub(super) fn judge(seen: &Forwarding<'_>) -> Finding {
    if seen.resolvers.stubs.is_empty() { bypassed(seen) } else { Finding::Fail(broken(seen)) }
}

/// Programs do not ask systemd-resolved. Those that use the C library may do so all the same.
fn bypassed(seen: &Forwarding<'_>) -> Finding {
    let Resolvers { file, by_nss, .. } = seen.resolvers;
    if *by_nss && file == UPLINK {
        // The default of images such as Amazon Linux 2023.
        return Finding::Pass("resolves by nss-resolve, not by /etc/resolv.conf".to_owned());
    }
    let what = if file == RESOLV_CONF {
        "a file of its own".to_owned()
    } else {
        format!("a link to {file}")
    };
    let found = format!(
        "{RESOLV_CONF} is {what} and names {}, so programs do not ask systemd-resolved for .consul",
        names(seen)
    );
    let finding = if *by_nss { Finding::Warn } else { Finding::Fail };
    finding(problem(seen, found, format!("{RESOLV_CONF} names 127.0.0.53"), STUB_BYPASSED.plain()))
}

fn broken(seen: &Forwarding<'_>) -> Problem {
    let mut stubs = seen.replies.iter().filter(|(server, _)| seen.resolvers.stubs.contains(server));
    if let Some((server, _)) = stubs.clone().find(|(_, reply)| reply.has_records()) {
        let found = format!(
            "{RESOLV_CONF} names another server before {server}, which does not know .consul"
        );
        let expected = format!("{server} is the first server");
        return problem(seen, found, expected, STUB_BYPASSED.plain());
    }
    let stub = stubs.next();
    let dead = |(server, reply): &(IpAddr, Reply)| {
        let found = format!(
            "systemd-resolved does not answer at {server}: {reply}{}",
            state(seen, RESOLVED)
        );
        problem(seen, found, "systemd-resolved answers".to_owned(), RESOLVED_SILENT.plain())
    };
    if let Some(stub) = stub.filter(|(_, reply)| *reply == Reply::Closed) {
        return dead(stub);
    }
    let link = seen.interfaces.iter().find(|interface| interface.name == LINK);
    if !link.is_some_and(|link| link.is_up) {
        let what = if link.is_some() { "is down" } else { "does not exist or has no address" };
        let found = format!(
            "the link {LINK}, by which .consul goes to Consul, {what}{}",
            state(seen, DNS_LINK)
        );
        return problem(seen, found, format!("{LINK} is up"), LINK_DOWN.plain());
    }
    if let Some(told) = &seen.link
        && !told.forwards("127.0.0.1:8600", "~consul")
    {
        let found = format!("systemd-resolved does not send .consul to 127.0.0.1:8600 on {LINK}");
        let expected = format!("the DNS server 127.0.0.1:8600 and the domain ~consul on {LINK}");
        let lines = vec![told.servers.clone(), told.domains.clone()];
        return Problem::new(found, expected, LINK_FORGOTTEN.plain()).with(lines);
    }
    if let Some(stub) = stub.filter(|(_, reply)| !matches!(reply, Reply::Answer { .. })) {
        return dead(stub);
    }
    let found = "Consul resolves consul.service.consul, systemd-resolved does not".to_owned();
    problem(seen, found, "systemd-resolved asks Consul".to_owned(), NOT_FORWARDED.plain())
}
