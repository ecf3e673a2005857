//! Names: `.consul` resolves wherever somebody asks, and no other name depends on Consul.

use crate::doctor::ask::{BROKEN, ask_only, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::dns::Lookup;
use crate::lab::net::AWS;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::tools::Consul;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Where Consul answers DNS.
const CONSUL_DNS: u16 = 8600;
/// What every node asks for, whatever becomes of Consul.
const EC2: &str = "ec2.eu-central-1.amazonaws.com";
/// Names that do not exist.
const NOTHING: [&str; 3] = ["nothing.example.com", "consul.example.com", "nothing.consul.internal"];
/// The image of containers.
const IMAGE: &str = "box:1";
/// How long Consul hangs.
const HANGS: Duration = Duration::from_secs(60);
/// A lookup that waits for a Consul that hangs takes 20 s and more; what takes so long on a busy machine waited for nobody.
const WITHOUT_CONSUL: Duration = Duration::from_secs(15);

#[test]
fn consul_names_resolve_and_no_other_name_reaches_consul() {
    names_resolve(Consul::Usual);
}

#[test]
fn names_of_the_oldest_consul_resolve_and_no_other_name_reaches_it() {
    names_resolve(Consul::Oldest);
}

fn names_resolve(consul: Consul) {
    let mut transcript = Transcript::begin(&format!("names of {consul} and other names"));
    let machines = [servers("consul-server", 1), clients(&["backoffice"])].concat();
    let lab = Lab::with(consul, machines);
    lab.boot_all();
    let (server, client) = (lab.node("consul-1"), lab.node("backoffice"));
    server.until_ready();
    client.ok(&["cos-agent", "wait", "--for", "consul", "--timeout", "55s"]);
    client.make_image(IMAGE);
    let queries = client.listen(CONSUL_DNS);
    let everywhere = |name: &str| {
        [client.getent(name), client.resolvectl(name), client.in_container(IMAGE, name)]
    };
    let finds = |name: &str, address: &str| {
        for Lookup { output, .. } in everywhere(name) {
            assert!(output.is_ok() && output.stdout.contains(address), "{name}: {output:?}");
        }
    };

    finds("consul.service.consul", &server.address.to_string());
    assert!(queries.names().contains(&"consul.service.consul.".to_owned()));
    transcript.proved("consul.service.consul resolves by getent, by resolvectl and in a container");

    finds(EC2, &AWS.to_string());
    for name in NOTHING {
        assert!(everywhere(name).iter().all(|lookup| !lookup.output.is_ok()), "{name} exists");
    }
    client.getent(&server.address.to_string());
    client.getent("nothing");
    let others =
        |names: Vec<String>| names.into_iter().skip(1).filter(|name| !name.ends_with(".consul."));
    assert_eq!(others(queries.names()).collect::<Vec<_>>(), [""; 0]);
    transcript.proved("other names, such that exist and such that do not, never reach Consul");

    client.ok(&["systemctl", "stop", "consul.service"]);
    finds(EC2, &AWS.to_string());
    transcript.proved(&format!("{EC2} resolves everywhere while Consul is stopped"));
    client.ok(&["systemctl", "start", "consul.service"]);

    // What this would look like: the form that most guides recommend.
    client.write(
        "/etc/systemd/resolved.conf.d/global.conf",
        "[Resolve]\nDNS=127.0.0.1:8600\nDomains=~consul\n",
    );
    client.ok(&["systemctl", "restart", "systemd-resolved.service"]);
    until("the listener sees what leaks", SOON, || {
        client.getent(EC2);
        let names: Vec<String> = others(queries.names()).collect();
        if names.contains(&format!("{EC2}.")) { Ok(()) } else { Err(format!("{names:?}")) }
    });
    let said = ask_only(&client, "dns-override");
    assert!(said.cards() == ["dns-override"] && said.fix("dns-override").contains("global.conf"));
    transcript.proved(
        "with the global form of resolved.conf the listener sees other names at Consul, and the doctor names the file",
    );
}

#[test]
fn a_consul_that_hangs_holds_up_nothing_but_itself() {
    let mut transcript = Transcript::begin("a Consul that hangs");
    let lab = Lab::new([servers("consul-server", 1), servers("nomad-server", 1)].concat());
    lab.up();
    let node = lab.node("nomad-1");
    until("nothing is wrong", SOON, || problems(&node, <[String]>::is_empty));
    let processes = processes(&node);

    node.freeze("consul.service");
    let (started, mut slowest, mut status) = (Instant::now(), [Duration::ZERO; 2], Duration::ZERO);
    expect(&node, "consul-agent-api", BROKEN, "systemctl restart consul");
    while started.elapsed() < HANGS {
        for (name, exists) in [(EC2, true)].into_iter().chain(NOTHING.map(|name| (name, false))) {
            for Lookup { output, took } in [node.getent(name), node.resolvectl(name)] {
                assert_eq!(output.is_ok(), exists, "{name}: {output:?}");
                assert!(took < WITHOUT_CONSUL, "{name} took {took:?}");
                let slowest = &mut slowest[usize::from(exists)];
                *slowest = took.max(*slowest);
            }
        }
        let asked = node.timed(&["cos-agent", "status"]);
        assert!(asked.output.is_ok(), "{:?}", asked.output);
        assert!(asked.output.stdout.contains("accepts connections but has not answered"));
        status = asked.took.max(status);
    }
    let [not_existing, existing] = slowest;
    transcript.proved(&format!(
        "Consul hung for {} s. The slowest of other names that exist: {existing:.2?}, that do not: {not_existing:.2?}; \
         of `cos-agent status`: {status:.2?}",
        HANGS.as_secs()
    ));
    let silent = |problems: &[String]| {
        problems.iter().any(|words| words.contains("accepts connections but has not answered"))
    };
    let said = until("the watch says what hangs", SOON, || problems(&node, silent));
    transcript.proved(&format!("the watch says: {}", said.join("; ")));

    node.thaw("consul.service");
    until("the watch has nothing to say", SOON, || problems(&node, <[String]>::is_empty));
    assert!(node.journal("cos-agent-watch.service").contains("have recovered: no problems left"));
    node.until_ready();
    assert_eq!(self::processes(&node), processes, "something was restarted");
    transcript.proved("Consul goes on: the watch says so, and nothing was restarted");
}

/// What the watch says is wrong, if it is what somebody waits for.
fn problems(node: &Node<'_>, are: impl Fn(&[String]) -> bool) -> Result<Vec<String>, String> {
    let status: Value =
        serde_json::from_str(&node.ok(&["cos-agent", "status", "-o", "json"])).unwrap();
    let watch = &status["record"]["watch"];
    let problems: Vec<String> = serde_json::from_value(watch["problems"].clone()).unwrap();
    if are(&problems) { Ok(problems) } else { Err(watch.to_string()) }
}

fn processes(node: &Node<'_>) -> Vec<String> {
    let units = ["consul.service", "nomad.service", "cos-agent-watch.service"];
    units.map(|unit| node.unit(unit)["MainPID"].clone()).to_vec()
}
