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

/// How long something was away at the longest.
#[derive(Debug)]
pub(super) struct Gap {
    /// When it was there last; at first, when it was looked for.
    last: Instant,
    /// The longest time between two answers.
    pub(super) longest: Duration,
}

impl Gap {
    fn seen(&mut self) {
        let now = Instant::now();
        self.longest = self.longest.max(now - self.last);
        self.last = now;
    }
}

impl Default for Gap {
    fn default() -> Self {
        Self { last: Instant::now(), longest: Duration::ZERO }
    }
}

/// What was seen of the job.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How many answers instances gave.
    pub(super) answers: u32,
    /// How many of them were without an answer of Consul.
    pub(super) without_consul: u32,
    /// When any instance answered, whatever became of Consul.
    pub(super) any: Gap,
    /// When one had an answer of Consul with a healthy instance.
    pub(super) consul: Gap,
    /// Where instances asked Consul.
    pub(super) asks: BTreeSet<String>,
    /// Who is being asked, and whether for Consul.
    asked: BTreeSet<(String, bool)>,
}

impl Seen {
    /// For people.
    pub(super) fn words(&self) -> String {
        format!(
            "{} so far, {} of them without Consul's; the longest pause of all instances is {:.1} s, of Consul's answers {:.1} s",
            text::count(self.answers, "answer"),
            self.without_consul,
            self.any.longest.as_secs_f64(),
            self.consul.longest.as_secs_f64()
        )
    }
}

/// Does something while every client is asked without pause. One that does not answer holds up no other.
pub(super) fn watched(lab: &Lab, work: impl FnOnce(&Mutex<Seen>)) -> Seen {
    let (ends, seen) = (AtomicBool::new(false), Mutex::new(Seen::default()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(Ordering::Relaxed) {
                let clients = lab.nodes().into_iter().filter(|node| node.name.contains("client"));
                for client in clients {
                    for of_consul in [false, true] {
                        let key = (client.name.clone(), of_consul);
                        if seen.lock().unwrap().asked.insert(key.clone()) {
                            let (client, seen) = (client.clone(), &seen);
                            scope.spawn(move || {
                                if of_consul {
                                    of_its_consul(&client, seen)
                                } else {
                                    itself(&client, seen)
                                }
                                seen.lock().unwrap().asked.remove(&key);
                            });
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&seen)));
        ends.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let mut seen = seen.into_inner().unwrap();
    // A pause that had not ended counts too.
    assert!(seen.answers > seen.without_consul, "no instance ever answered");
    seen.any.seen();
    seen.consul.seen();
    seen
}

/// Asks an instance that needs nobody for its answer.
fn itself(client: &Node<'_>, seen: &Mutex<Seen>) {
    if is_well(client) {
        seen.lock().unwrap().any.seen();
    }
}

/// Asks an instance that asks Consul.
fn of_its_consul(client: &Node<'_>, seen: &Mutex<Seen>) {
    let Ok((asks, answer)) = ask(client) else { return };
    let mut seen = seen.lock().unwrap();
    seen.answers += 1;
    seen.asks.insert(asks);
    if instances(&answer) > 0 {
        seen.consul.seen();
    } else {
        seen.without_consul += 1;
    }
}
