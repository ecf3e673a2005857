//! What a fleet asks EC2 when a server goes: real watches beside real Consul servers, of which one is terminated and
//! replaced, and an EC2 with AWS's token bucket. `tests/bench fleet` builds the binary and runs this in a network of its
//! own; `COS_FLEET` is the number of nodes, `COS_AGENT_BIN` the agent.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark of real processes"
)]

mod agents;
mod ec2;
mod http;
mod nodes;
#[path = "../../tests/support/programs.rs"]
mod programs;
mod servers;

use agents::{Agents, Client};
use ec2::{Call, Caller, Ec2};
use nodes::{Node, Role};
use servers::Server;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many nodes there are, servers among them.
const NODES: usize = 500;
/// How many start side by side.
const AT_ONCE: usize = 20;
/// How long the fleet runs undisturbed after its start: longer than the watch takes for its first look at EC2's list.
const SETTLED: Duration = Duration::from_secs(45);
/// When an Auto Scaling group has a replacement running.
const REPLACED: Duration = Duration::from_secs(30);
/// How long the fleet is looked at from the loss on.
const LOOKED_AT: Duration = Duration::from_secs(120);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let binary = std::env::var_os("COS_AGENT_BIN").map(PathBuf::from);
    let binary = binary.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_cos-agent")));
    let nodes =
        std::env::var("COS_FLEET").map_or(NODES, |number| number.parse().expect("a number"));
    let (ec2, agents) = (Ec2::new(), Agents::default());
    let mut servers: Vec<Server> =
        (1..=servers::SERVERS).map(|number| Server::launch(&ec2, number, true)).collect();
    servers[0].until_whole().await;
    let clients: Vec<Client> = (servers.len()..nodes).map(client).collect();
    // The next address is that of the replacement.
    agents.follow((1..=servers::SERVERS + 1).map(Server::address_of).collect(), &clients);

    let began = Instant::now();
    let mut watches: Vec<Node> = Vec::new();
    for server in &servers {
        watches.push(Node::start(&binary, Role::of(server), &ec2).await);
    }
    for some in clients.chunks(AT_ONCE) {
        let starts = some
            .iter()
            .map(|one| Node::start(&binary, Role::Client(one.clone(), agents.clone()), &ec2));
        watches.extend(futures_util::future::join_all(starts).await);
    }
    tokio::time::sleep(SETTLED).await;
    let start = ec2.calls_since(began);
    ec2.until_full().await;

    let lost = Instant::now();
    let leader = servers::leader(&servers).await;
    servers.remove(leader).terminate(&ec2);
    watches.remove(leader).terminate();
    tokio::time::sleep_until((lost + REPLACED).into()).await;
    let launched = Instant::now();
    let replacement = Server::launch(&ec2, servers::SERVERS + 1, false);
    watches.push(Node::start(&binary, Role::of(&replacement), &ec2).await);
    replacement.until_whole().await;
    let joined = launched.elapsed();
    tokio::time::sleep_until((lost + LOOKED_AT).into()).await;

    let strange = [ec2.strange(), agents.strange()].concat();
    assert!(
        strange.is_empty(),
        "{} strange questions, such as {:?}",
        strange.len(),
        &strange[..strange.len().min(5)]
    );
    let calls = ec2.calls_since(lost);
    let memory: Vec<(u64, u64)> = watches.iter().map(Node::memory).collect();
    println!(
        "{nodes} nodes; a Consul server that led is lost, and {} s later another is launched\n",
        REPLACED.as_secs()
    );
    row("calls to EC2 while the fleet starts", start.len().to_string(), "");
    calls_of(&calls, lost);
    row("clients told to join a server", agents.joins().to_string(), "");
    waits_of(&calls, replacement.address);
    row("from its launch to a whole cluster", seconds(joined), "");
    let sum = |of: fn(&(u64, u64)) -> u64| memory.iter().map(of).sum::<u64>() as f64 / 1024.0;
    row("memory of all watches (PSS)", format!("{:.0} MiB", sum(|one| one.0)), "");
    row(
        "memory of one watch (RSS), mean",
        format!("{:.1} MiB", sum(|one| one.1) / memory.len() as f64),
        "",
    );
}

/// The client of a number.
fn client(number: usize) -> Client {
    let [high, low] = u16::try_from(number).expect("a fleet of thousands").to_be_bytes();
    Client { id: format!("i-{:017x}", 0x1000 + number), address: Ipv4Addr::new(10, 21, high, low) }
}

/// What was asked since the loss.
fn calls_of(calls: &[Call], lost: Instant) {
    let of =
        |is: fn(Caller) -> bool| calls.iter().filter(|call| is(call.caller)).count().to_string();
    let mut by_second = vec![0; LOOKED_AT.as_secs() as usize + 1];
    for call in calls {
        by_second[(call.at - lost).as_secs() as usize] += 1;
    }
    let most = by_second.iter().max().copied().unwrap_or(0);
    let throttled = calls.iter().filter(|call| !call.is_served).count();
    row("calls to EC2 in 2 minutes", calls.len().to_string(), "");
    row("  of the watches of clients", of(|caller| caller == Caller::Client), "0");
    row("  of the watches of servers", of(|caller| caller == Caller::Server), "");
    row("  of Consul's own auto-join", of(|caller| matches!(caller, Caller::Consul(_))), "");
    row("most calls in one second", most.to_string(), "≤ 5");
    row("throttled calls", throttled.to_string(), "0");
}

/// How long the replacement waited for its answer.
fn waits_of(calls: &[Call], replacement: Ipv4Addr) {
    let own: Vec<&Call> =
        calls.iter().filter(|call| call.caller == Caller::Consul(replacement)).collect();
    let first = own.first().expect("the replacement asks EC2");
    match own.iter().position(|call| call.is_served) {
        Some(tries) => {
            row("the replacement's own call is served at try", (tries + 1).to_string(), "≤ 2");
            row("  after", seconds(own[tries].at - first.at), "");
        }
        None => row(
            "the replacement's own call is served at try",
            format!("none of {}", own.len()),
            "≤ 2",
        ),
    }
}

fn row(what: &str, measured: String, aim: &str) {
    println!("{what:<46} {measured:>12}   {aim}");
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
