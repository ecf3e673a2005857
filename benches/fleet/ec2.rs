//! EC2 with the token bucket of an account: 100 calls at once, then 20 a second
//! (<https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>).

use crate::http::{Answer, Asked};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How many calls the bucket holds.
const BUCKET: f64 = 100.0;
/// How many come back in a second.
const REFILL: f64 = 20.0;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The watch of a client.
    Client,
    /// The watch of a server.
    Server,
    /// The auto-join of the Consul at this address.
    Consul(Ipv4Addr),
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// When.
    pub(crate) at: Instant,
    /// Of whom.
    pub(crate) caller: Caller,
    /// Whether it was answered, not throttled.
    pub(crate) is_served: bool,
}

struct State {
    /// Instance → address and tags, of those that run.
    running: BTreeMap<String, (Ipv4Addr, BTreeMap<String, String>)>,
    tokens: f64,
    filled: Instant,
    calls: Vec<Call>,
    strange: Vec<String>,
}

/// The service.
#[derive(Clone)]
pub(crate) struct Ec2(Arc<Mutex<State>>);

impl Ec2 {
    /// One with a full bucket and no instances.
    pub(crate) fn new() -> Self {
        let (running, calls, strange) = (BTreeMap::new(), Vec::new(), Vec::new());
        let filled = Instant::now();
        Self(Arc::new(Mutex::new(State { running, tokens: BUCKET, filled, calls, strange })))
    }

    /// An instance runs from now on.
    pub(crate) fn run(&self, id: &str, address: Ipv4Addr, tags: BTreeMap<String, String>) {
        self.lock().running.insert(id.to_owned(), (address, tags));
    }

    /// An instance is terminated.
    pub(crate) fn terminate(&self, id: &str) {
        self.lock().running.remove(id);
    }

    /// The calls since a moment.
    pub(crate) fn calls_since(&self, moment: Instant) -> Vec<Call> {
        self.lock().calls.iter().filter(|call| call.at >= moment).copied().collect()
    }

    /// The requests that EC2 would not have understood.
    pub(crate) fn strange(&self) -> Vec<String> {
        self.lock().strange.clone()
    }

    /// Waits until the bucket is full again, as it is in an account that does nothing.
    pub(crate) async fn until_full(&self) {
        while self.lock().fill() < BUCKET {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Answers a caller.
    pub(crate) fn answer(&self, caller: Caller, asked: &Asked) -> Answer {
        let mut state = self.lock();
        let found = state.find(asked);
        let Some(found) = found else {
            state
                .strange
                .push(format!("{caller:?}: {} {} {}", asked.method, asked.path, asked.body));
            return error(400, "InvalidParameterValue");
        };
        let is_served = state.fill() >= 1.0;
        state.calls.push(Call { at: Instant::now(), caller, is_served });
        if !is_served {
            return error(503, "RequestLimitExceeded");
        }
        state.tokens -= 1.0;
        (200, found.into())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl State {
    /// The tokens that there are by now.
    fn fill(&mut self) -> f64 {
        let now = Instant::now();
        let came = (now - self.filled).as_secs_f64() * REFILL;
        (self.tokens, self.filled) = ((self.tokens + came).min(BUCKET), now);
        self.tokens
    }

    /// The answer to `DescribeInstances`; nothing to what is no such question.
    fn find(&self, asked: &Asked) -> Option<String> {
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
        let is_question = asked.is_signed && asked.method == "POST" && asked.path == "/";
        if !is_question || form.get("Action")? != "DescribeInstances" {
            return None;
        }
        let mut found: Vec<_> = self.running.iter().collect();
        for filter in
            (1..).map_while(|number| form.get(&format!("Filter.{number}.Name")).zip(Some(number)))
        {
            let (name, number) = filter;
            let values: Vec<&String> = (1..)
                .map_while(|value| form.get(&format!("Filter.{number}.Value.{value}")))
                .collect();
            match name.split_once(':') {
                Some(("tag", key)) => found.retain(|(_, (_, tags))| {
                    tags.get(key).is_some_and(|value| values.contains(&value))
                }),
                None if name == "tag-key" => {
                    found.retain(|(_, (_, tags))| tags.keys().any(|key| values.contains(&key)))
                }
                None if name == "instance-state-name" && values == ["running"] => {}
                _ => return None,
            }
        }
        let items: String = found.into_iter().map(item).collect();
        Some(format!(
            "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
             <reservationSet>{items}</reservationSet></DescribeInstancesResponse>"
        ))
    }
}

fn item((id, (address, tags)): (&String, &(Ipv4Addr, BTreeMap<String, String>))) -> String {
    let tag = |(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>");
    let tags: String = tags.iter().map(tag).collect();
    format!(
        "<item><reservationId>r-{id}</reservationId><instancesSet><item><instanceId>{id}</instanceId>\
         <privateIpAddress>{address}</privateIpAddress><vpcId>vpc-0123456789abcdef0</vpcId>\
         <instanceState><code>16</code><name>running</name></instanceState><tagSet>{tags}</tagSet></item></instancesSet></item>"
    )
}

fn error(status: u16, code: &str) -> Answer {
    let error = format!("<Error><Code>{code}</Code><Message>of the benchmark</Message></Error>");
    (
        status,
        format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>").into(),
    )
}
