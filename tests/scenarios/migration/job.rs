//! The job that asks Consul, and who asks the job without pause.

use crate::lab::Lab;
use crate::lab::http;
use crate::lab::node::Node;
use crate::lab::wait::until;
use cos_agent::text;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Its name, and that of its service.
pub(super) const NAME: &str = "asks";
/// Its image.
pub(super) const IMAGE: &str = "box:1";
/// Where containers of the reference system ask Consul: the address of docker's bridge.
pub(super) const BRIDGE: &str = "172.17.0.1:8500";
/// Where they do here: the address of the link.
pub(super) const LINK: &str = "169.254.53.53:8500";
/// Its port on the client.
const PORT: u16 = 8080;
/// How long an instance may take; it asks Consul for 5 s at most.
const ANSWER: Duration = Duration::from_secs(8);
/// What each instance does: for each request it asks Consul for the healthy instances of this job. The wget of a static busybox needs
/// libraries that the image has not, and Nomad would read braces after a dollar sign itself.
const PROGRAM: &str = r#"
mkdir -p /www/cgi-bin
cat >/www/cgi-bin/ask <<'CGI'
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n%s ' "$ASK"
printf 'GET /v1/health/service/asks?passing HTTP/1.0\r\n\r\n' | nc -w 5 $(echo "$ASK" | tr : ' ') | sed '1,/^\r$/d'
CGI
echo well >/www/index.html
chmod 755 /www/cgi-bin/ask
exec httpd -f -p 8080 -h /www
"#;

/// The job: two instances on two clients, which ask Consul at this address.
pub(super) fn job(asks: &str) -> Value {
    const SECOND: u64 = 1_000_000_000;
    let check = json!({
        "Name": "alive", "Type": "http", "Path": "/index.html", "PortLabel": "http",
        "Interval": 2 * SECOND, "Timeout": 2 * SECOND,
    });
    let update = json!({
        "MaxParallel": 1, "MinHealthyTime": 3 * SECOND, "HealthyDeadline": 60 * SECOND,
        "ProgressDeadline": 120 * SECOND, "HealthCheck": "checks",
    });
    let port = json!({ "Label": "http", "Value": PORT, "To": PORT });
    json!({ "Job": {
        "ID": NAME, "Type": "service", "Datacenters": ["backoffice"], "Update": update,
        "Constraints": [{ "Operand": "distinct_hosts", "RTarget": "true" }],
        "TaskGroups": [{
            "Name": "group", "Count": 2, "Update": update,
            "Networks": [{ "ReservedPorts": [port] }],
            "Services": [{ "Name": NAME, "PortLabel": "http", "Provider": "consul", "Checks": [check] }],
            "Tasks": [{
                "Name": "task", "Driver": "docker", "Env": { "ASK": asks },
                "Config": {
                    "image": IMAGE, "ports": ["http"], "command": "/bin/sh", "args": ["-c", PROGRAM],
                },
                "Resources": { "CPU": 20, "MemoryMB": 32 },
            }],
        }],
    } })
}

/// What an instance on this client says, if one is there: where it asked Consul, and what Consul answered.
pub(super) fn ask(node: &Node<'_>) -> Result<(String, String), String> {
    let (status, body) = get(node, "/cgi-bin/ask")?;
    let (asks, answer) = body.split_once(' ').ok_or_else(|| format!("{status} {body}"))?;
    Ok((asks.to_owned(), answer.to_owned()))
}

/// Whether an instance on this client answers, whatever becomes of Consul.
fn is_well(node: &Node<'_>) -> bool {
    get(node, "/index.html").is_ok_and(|(status, _)| status == 200)
}

/// Asks from outside of the node.
fn get(node: &Node<'_>, path: &str) -> http::Answer {
    let netns = node.lab.net.netns("aws");
    http::request(&netns, (node.address, PORT).into(), &format!("GET {path}"), "", ANSWER)
}

/// Waits until the instances on these clients ask Consul at this address, and Consul answers with both of them.
pub(super) fn until_asks(clients: &[Node<'_>], at: &str) {
    for client in clients {
        let what = format!("the instance on {} asks at {at}", client.name);
        until(&what, Duration::from_secs(120), || match ask(client) {
            Ok((asks, answer)) if asks == at && instances(&answer) == clients.len() => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

/// How many healthy instances an answer of Consul has.
fn instances(answer: &str) -> usize {
    let parsed: Option<Value> = serde_json::from_str(answer).ok();
    parsed.and_then(|list| list.as_array().map(Vec::len)).unwrap_or_default()
}

/// What was seen of the job.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How often it was asked.
    pub(super) rounds: u32,
    /// How often no instance answered.
    pub(super) silent: u32,
    /// How often none had an answer of Consul with a healthy instance.
    pub(super) without_consul: u32,
    /// The longest time between two rounds with an answer of Consul.
    pub(super) longest: Duration,
    /// Where instances asked Consul.
    pub(super) asks: BTreeSet<String>,
}

impl Seen {
    /// For people.
    pub(super) fn words(&self) -> String {
        let times = |number: u32| text::count(number, "time");
        format!(
            "asked {}, silent {}, without an answer of Consul {}; the longest time between two answers of Consul is {:.1} s",
            times(self.rounds),
            times(self.silent),
            times(self.without_consul),
            self.longest.as_secs_f64()
        )
    }
}

/// Does something while every client is asked without pause, all at once in each round.
pub(super) fn watched(lab: &Lab, work: impl FnOnce(&Mutex<Seen>)) -> Seen {
    let (ends, seen) = (AtomicBool::new(false), Mutex::new(Seen::default()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut good = Instant::now();
            while !ends.load(Ordering::Relaxed) {
                round(lab, &seen, &mut good);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&seen)));
        ends.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    seen.into_inner().unwrap()
}

fn round(lab: &Lab, seen: &Mutex<Seen>, good: &mut Instant) {
    let clients: Vec<_> =
        lab.nodes().into_iter().filter(|node| node.name.contains("client")).collect();
    let (well, answers) = std::thread::scope(|scope| {
        let well: Vec<_> = clients.iter().map(|node| scope.spawn(|| is_well(node))).collect();
        let asked: Vec<_> = clients.iter().map(|node| scope.spawn(|| ask(node))).collect();
        let answers = asked.into_iter().filter_map(|ask| ask.join().unwrap().ok());
        let answers: Vec<(String, String)> = answers.collect();
        (well.into_iter().any(|well| well.join().unwrap()), answers)
    });
    let has_answer = answers.iter().any(|(_, answer)| instances(answer) > 0);
    let mut seen = seen.lock().unwrap();
    seen.rounds += 1;
    seen.silent += u32::from(!well);
    seen.without_consul += u32::from(!has_answer);
    seen.longest = seen.longest.max(good.elapsed());
    if has_answer {
        *good = Instant::now();
    }
    seen.asks.extend(answers.into_iter().map(|(asks, _)| asks));
}
