//! The ways into a living cluster: from the internet to public-services, and for people of the site to the pages of Consul and Nomad.

use crate::lab::Lab;
use crate::lab::net::{INTERNET, OUTSIDE};
use crate::lab::shell::{self, Output, SOON};
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::terraform::connects;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What curl says of a request: status, and the times to connect, to shake hands and in all, in seconds.
const TIMES: &str = "%{http_code} %{time_connect} %{time_appconnect} %{time_total}";

const DATACENTERS: [&str; 4] =
    ["backoffice", "public-services", "private-services", "content-connector"];
/// What timeout(1) ends with when time is over.
const TIMEOUT: i32 = 124;

/// Ends the requests, also when a test fails meanwhile.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A request goes through the load balancer and the proxy to a task on another node, and there is no other way.
pub(super) fn requests_reach_public_services_alone(lab: &Lab, transcript: &mut Transcript) {
    let expected: BTreeSet<String> = DATACENTERS.map(str::to_owned).into();
    let mut answered = BTreeSet::new();
    until("instances in all datacenters answer", SOON, || {
        let answer = from_internet(lab, "/ping");
        if is_answered(&answer) {
            let datacenter = answer.stdout.split(" on i-").next().unwrap_or_default();
            answered.insert(datacenter.to_owned());
        }
        if answered == expected { Ok(()) } else { Err(format!("{answered:?} {answer:?}")) }
    });
    let answer = from_internet(lab, "/ping");
    transcript.proved(&format!(
        "internet → load balancer → HAProxy → ping on any client → back: {}",
        answer.stdout.lines().last().unwrap()
    ));
    let peer = from_internet(lab, "/ping/private-services").stdout;
    assert!(peer.starts_with("private-services on "), "{peer}");
    assert!(from_internet(lab, "/").stdout.contains("404 "));
    transcript.proved("a ping finds its peers by Consul; a path that no service has is 404");

    let closed = [
        ("internet", "public-services", 9999),
        ("internet", "public-services", 9998),
        ("internet", "private-services", 9999),
        ("internet", "consul-1", 8500),
        ("cos-demo-ingress", "private-services", 9999),
        ("cos-demo-ingress", "backoffice", 9999),
        ("cos-demo-ingress", "consul-1", 8500),
        ("cos-demo-ui", "public-services", 9999),
    ];
    std::thread::scope(|scope| {
        for (from, to, port) in closed {
            scope.spawn(move || {
                assert!(!connects(lab, from, to, port), "{from} reaches {to}:{port}")
            });
        }
    });
    let refused = lab.refused();
    for (from, to, port) in closed {
        assert!(
            refused.contains(&packet(lab, from, to, port)),
            "{from} to {to}:{port}: {refused:#?}"
        );
    }
    assert!(connects(lab, "cos-demo-ingress", "public-services", 9999));
    transcript.proved("no other way leads from the internet or the load balancers to a node");

    let out = |name: &str| {
        // What a NAT gateway and a route table are in AWS.
        lab.net.route(name, OUTSIDE);
        let script = format!("exec 3<>/dev/tcp/{INTERNET}/443");
        lab.node(name).run(&["timeout", "2", "bash", "-c", &script])
    };
    // Nobody listens there: a refusal has come all the way back.
    let said = out("content-connector").stderr;
    assert!(said.contains("refused"), "{said}");
    assert_eq!(out("private-services").code, Some(TIMEOUT));
    let refused = lab.refused();
    assert!(refused.contains(&packet(lab, "private-services", "internet", 443)), "{refused:#?}");
    transcript.proved("content-connector reaches the internet, private-services does not");
}

/// While requests come, the container of an instance is killed; none of them fails.
pub(super) fn an_instance_dies(lab: &Lab, transcript: &mut Transcript) {
    let node = lab.node("private-services");
    let ends = AtomicBool::new(false);
    let (asked, failed) = std::thread::scope(|scope| {
        let end = End(&ends);
        let requests = scope.spawn(|| {
            let (mut asked, mut failed) = (0, Vec::new());
            while !ends.load(Ordering::Relaxed) {
                let answer = from_internet(lab, "/ping");
                asked += 1;
                if !is_answered(&answer) {
                    failed.push(format!("{answer:?}"));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            (asked, failed)
        });
        std::thread::sleep(Duration::from_secs(2));
        let container = node.ok(&["docker", "ps", "-q", "--filter", "name=ping-"]);
        node.ok(&["docker", "kill", container.trim()]);
        until("Nomad has restarted it", SOON, || {
            let again = node.ok(&["docker", "ps", "-q", "--filter", "name=ping-"]);
            let is_new = !again.trim().is_empty() && again != container;
            if is_new { Ok(()) } else { Err(again) }
        });
        until("it answers again", SOON, || {
            let answer = from_internet(lab, "/ping/private-services");
            if is_answered(&answer) { Ok(()) } else { Err(answer.stdout) }
        });
        drop(end);
        requests.join().unwrap()
    });
    assert!(failed.is_empty(), "{} of {asked} failed: {failed:#?}", failed.len());
    transcript.proved(&format!("an instance dies: none of {asked} requests fails, and it is back"));
}

/// `cos-agent env` leads the CLIs to the load balancer of the UIs; without its certificate they refuse it.
pub(super) fn people_reach_the_pages(lab: &Lab, transcript: &mut Transcript) {
    let balancer = lab.balancer("-ui");
    // The one datacenter whose nodes reach other addresses of the VPC, as a laptop behind a VPN does.
    let laptop = lab.node("content-connector");
    let certificate = std::fs::read_to_string(lab.certificate_of(&balancer)).unwrap();
    laptop.write("/root/ui.pem", &certificate);
    let url = format!("https://{}", balancer.dns_name);
    let with = |options: &str, command: &str| {
        let exports = format!("cos-agent env --from {url} {options}");
        laptop.run(&[
            "sh",
            "-c",
            &format!("set -e; exports=$({exports}); eval \"$exports\"; {command}"),
        ])
    };
    for command in ["nomad server members", "consul members"] {
        let refused = with("", command);
        assert!(refused.stderr.contains("certificate signed by unknown authority"), "{refused:?}");
        let taken = with("--ca-cert /root/ui.pem", command);
        assert!(taken.is_ok(), "{taken:?}");
        assert!(taken.stdout.matches("alive").count() >= 3, "{}", taken.stdout);
    }
    transcript.proved("the CLIs refuse the self-signed certificate of the UIs, and take it by `cos-agent env --ca-cert`");
    // A session is no login shell, and need not be root's.
    let script = "eval \"$(cos-agent env)\" && consul members";
    let members = laptop.ok(&["runuser", "-u", "nobody", "--", "sh", "-c", script]);
    assert!(members.matches("alive").count() >= 10, "{members}");
    for (port, page) in [(4646, "Nomad"), (8501, "Consul")] {
        let url = format!("{url}:{port}/ui/");
        let found = laptop.run(&["curl", "-sL", "--cacert", "/root/ui.pem", &url]).stdout;
        assert!(found.contains(&format!("<title>{page}")), "{url}: {found}");
    }
    transcript.proved("the load balancer shows the pages of Nomad and Consul");
    for page in lab.open_pages(false) {
        let shown = shell::ok(&["curl", "-s", "-m", "5", &page.url]);
        assert!(shown.contains(&format!("<title>{}", page.name)), "{}: {shown}", page.url);
    }
    transcript
        .proved("a browser of the host can be led to the pages of Consul, Nomad and Prometheus");
}

/// A request from the internet to the public load balancer; curl adds [`TIMES`] as a line.
fn from_internet(lab: &Lab, path: &str) -> Output {
    let balancer = lab.balancer("-ingress");
    let resolve = format!("{}:443:{}", balancer.dns_name, balancer.address);
    let certificate = lab.certificate_of(&balancer).display().to_string();
    let url = format!("https://{}{path}", balancer.dns_name);
    let times = format!("\n{TIMES}");
    lab.run_in(
        "internet",
        &[
            "curl",
            "-s",
            "-m",
            "5",
            "--resolve",
            &resolve,
            "--cacert",
            &certificate,
            "-w",
            &times,
            &url,
        ],
    )
}

/// Whether curl got what it asked for.
fn is_answered(answer: &Output) -> bool {
    answer.stdout.contains("\n200 ")
}

/// A connection as the list of refused packets has it.
fn packet(lab: &Lab, from: &str, to: &str, port: u16) -> String {
    format!("{} . {} . tcp . {port}", lab.address_in(from), lab.address_in(to))
}
