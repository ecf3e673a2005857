//! PURE: what it means that a port of a server does not answer.

use super::{Port, Seen, rejected};
use crate::exit::hint::topics;
use crate::gates::{Finding, Problem};
use crate::system::reach::Reach;
use crate::text::count;

topics! {
    DROPPED: "net-port-dropped",
        "allow {rule} in the security groups, and the replies (TCP 1024-65535) in the network ACLs of both subnets; on both hosts \
         look for a rule of the host itself: `iptables -S | grep {port}`, `nft list ruleset | grep {port}`";
    UNREACHABLE: "net-servers-silent",
        "if the servers run (`aws ec2 describe-instance-status`), packets are dropped on the way: allow {rule} in the security groups \
         and in the network ACLs, check the route tables of both subnets, and look at `iptables -S` on both hosts";
    SOME_SILENT: "net-some-servers-silent",
        "check that {names} runs, and that its security group and subnet are those of the other servers: {rule}; look at \
         `iptables -S` there";
    REJECTED: "net-port-rejected",
        "a firewall rejects it: look at `iptables -S | grep {port}` and `nft list ruleset | grep {port}` on this node and on the \
         servers, and remove the rule";
}

/// Judges what answered; `title` is the daemon's, such as `Consul`.
pub(in crate::doctor) fn judge(seen: &[Seen], ports: &[Port], title: &str) -> Finding {
    if seen.is_empty() {
        return Finding::Pass("no known server to ask".to_owned());
    }
    // Where every port is refused, the daemon restarts or is stopped: that is not the network.
    let listening: Vec<&Seen> =
        seen.iter().filter(|seen| !seen.all(|reach| *reach == Reach::Refused)).collect();
    if listening.is_empty() {
        let hosts = count(seen.len(), "server");
        return Finding::Pass(format!(
            "{hosts} refused the connection: {title} does not run there"
        ));
    }
    let is_alive = seen.iter().any(|seen| seen.server.is_alive);
    let all = match (listening.len(), seen.len()) {
        (_, 1) if is_alive => format!("the only live {title} server"),
        (_, 1) => format!("the only known {title} server"),
        (some, all) if some < all => format!("{some} of {all} {title} servers"),
        (_, all) => format!("all {all} {title} servers"),
    };
    let evidence: Vec<String> = listening.iter().map(|seen| line(seen, ports)).take(3).collect();
    let fail = |found: String, hint| {
        let expected = format!("the {title} servers answer on {}", numbers(ports));
        Finding::Fail(Problem::new(found, expected, hint).with(evidence.clone()))
    };
    if listening.iter().all(|seen| seen.all(Reach::is_silent)) {
        let rules: Vec<&str> = ports.iter().map(|port| port.rule).collect();
        let hint = UNREACHABLE.with(&[("rule", &rules.join(" and "))]);
        let verb = if ports.len() == 1 { "times" } else { "time" };
        return fail(format!("{} {verb} out on {all}", numbers(ports)), hint);
    }
    let is_silent =
        |place: usize, seen: &Seen| seen.answers.get(place).is_some_and(Reach::is_silent);
    for (place, port) in ports.iter().enumerate() {
        if listening.iter().all(|seen| is_silent(place, seen)) {
            let hint = DROPPED.with(&[("rule", &port.rule), ("port", &port.number)]);
            let found =
                format!("port {}/tcp times out on {all}, while another port answers", port.number);
            return fail(found, hint);
        }
    }
    if let Some(port) = rejected(seen).and_then(|place| ports.get(place)) {
        let hint = REJECTED.with(&[("port", &port.number)]);
        return fail(
            format!("port {}/tcp is refused by {all}, while another port is open", port.number),
            hint,
        );
    }
    some(&listening, ports, title).unwrap_or_else(|| {
        let open = seen.iter().filter(|seen| seen.all(|reach| *reach == Reach::Open)).count();
        Finding::Pass(format!("{open} of {} on {}", count(seen.len(), "server"), numbers(ports)))
    })
}

/// The finding that some live servers do not answer.
fn some(listening: &[&Seen], ports: &[Port], title: &str) -> Option<Finding> {
    let silent: Vec<&&Seen> = listening
        .iter()
        .filter(|seen| seen.server.is_alive && seen.answers.iter().any(Reach::is_silent))
        .collect();
    let first = silent.first()?;
    let names: Vec<&str> = silent.iter().map(|seen| seen.server.name.as_str()).take(3).collect();
    let names = names.join(", ");
    let ports_of_first = ports.iter().zip(&first.answers).filter(|(_, reach)| reach.is_silent());
    let closed: Vec<Port> = ports_of_first.map(|(port, _)| *port).collect();
    let rules: Vec<&str> = closed.iter().map(|port| port.rule).collect();
    let found = format!(
        "{} {} out on {names} ({} of {})",
        numbers(&closed),
        if closed.len() == 1 { "times" } else { "time" },
        silent.len(),
        count(listening.len(), &format!("{title} server")),
    );
    let expected = format!("every live {title} server answers on {}", numbers(ports));
    let hint = SOME_SILENT.with(&[("names", &names), ("rule", &rules.join(" and "))]);
    let evidence = silent.iter().map(|seen| line(seen, ports)).take(3).collect();
    Some(Finding::Warn(Problem::new(found, expected, hint).with(evidence)))
}

/// `ports 8300 and 8301`, `port 4647`.
fn numbers(ports: &[Port]) -> String {
    let numbers: Vec<String> = ports.iter().map(|port| port.number.to_string()).collect();
    let noun = if numbers.len() == 1 { "port" } else { "ports" };
    format!("{noun} {}", numbers.join(" and "))
}

/// `i-2 10.0.0.5: 8300 open, 8301 timed out`.
fn line(seen: &Seen, ports: &[Port]) -> String {
    let answers = ports.iter().zip(&seen.answers);
    let answers: Vec<String> =
        answers.map(|(port, reach)| format!("{} {reach}", port.number)).collect();
    format!("{} {}: {}", seen.server.name, seen.server.address, answers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::Server;
    use super::*;
    use Reach::{Open, Refused, TimedOut};

    const PORTS: [Port; 2] =
        [Port { number: 8300, rule: "TCP 8300" }, Port { number: 8301, rule: "TCP 8301" }];

    fn seen(number: u8, is_alive: bool, answers: [Reach; 2]) -> Seen {
        let server =
            Server { name: format!("i-{number}"), address: [10, 0, 0, number].into(), is_alive };
        Seen { server, answers: answers.to_vec() }
    }

    fn id(seen: &[Seen]) -> String {
        match judge(seen, &PORTS, "Consul") {
            Finding::Pass(words) => words,
            Finding::Warn(problem) => format!("warn {}", problem.hint.id),
            Finding::Fail(problem) => format!("fail {}", problem.hint.id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_way_to_be_cut_off_has_its_advice() {
        let refused = || [Refused, Refused];
        for (case, expected) in [
            (vec![], "no known server to ask"),
            (vec![seen(1, true, [Open, Open])], "1 of 1 server on ports 8300 and 8301"),
            // A server that restarts.
            (
                vec![seen(1, true, [Open, Open]), seen(2, true, refused())],
                "1 of 2 servers on ports 8300 and 8301",
            ),
            (
                vec![seen(1, true, refused())],
                "1 server refused the connection: Consul does not run there",
            ),
            (
                vec![seen(1, true, [Open, TimedOut]), seen(2, true, [Open, TimedOut])],
                "fail net-port-dropped",
            ),
            (vec![seen(1, false, [Refused, TimedOut])], "fail net-port-dropped"),
            (
                vec![seen(1, true, [TimedOut, Open]), seen(2, true, refused())],
                "fail net-port-dropped",
            ),
            (vec![seen(1, true, [TimedOut, TimedOut])], "fail net-servers-silent"),
            (
                vec![seen(1, false, [TimedOut, TimedOut]), seen(2, false, [TimedOut, TimedOut])],
                "fail net-servers-silent",
            ),
            (
                vec![seen(1, true, [Open, Open]), seen(2, true, [Open, TimedOut])],
                "warn net-some-servers-silent",
            ),
            (
                vec![seen(1, true, [Open, Open]), seen(2, true, [TimedOut, TimedOut])],
                "warn net-some-servers-silent",
            ),
            // A server that is down is not the trouble of this node.
            (
                vec![seen(1, false, [Open, Open]), seen(2, false, [TimedOut, TimedOut])],
                "1 of 2 servers on ports 8300 and 8301",
            ),
            (vec![seen(1, true, [Open, Refused])], "fail net-port-rejected"),
            (
                vec![seen(1, true, [Open, Refused]), seen(2, true, [Open, Open])],
                "1 of 2 servers on ports 8300 and 8301",
            ),
        ] {
            assert_eq!(id(&case), expected, "{case:?}");
        }
    }

    #[test]
    fn the_port_and_the_answers_are_named() {
        let case = [seen(1, true, [Open, TimedOut])];
        let Finding::Fail(problem) = judge(&case, &PORTS, "Consul") else {
            panic!("it is dropped")
        };
        assert_eq!(
            problem.found,
            "port 8301/tcp times out on the only live Consul server, while another port answers"
        );
        assert_eq!(problem.evidence, ["i-1 10.0.0.1: 8300 open, 8301 timed out"]);
        assert!(problem.hint.text.starts_with("allow TCP 8301 in the security groups"));
        let some = [seen(1, true, [Open, Open]), seen(2, true, [TimedOut, TimedOut])];
        let Finding::Warn(problem) = judge(&some, &PORTS, "Consul") else {
            panic!("one is silent")
        };
        assert_eq!(problem.found, "ports 8300 and 8301 time out on i-2 (1 of 2 Consul servers)");
        assert!(problem.hint.text.contains(": TCP 8300 and TCP 8301;"), "{}", problem.hint.text);
    }
}
