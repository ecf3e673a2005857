//! `/etc/consul.d/cos.json`, by version.
//!
//! Consul refuses every unknown key, so a key is rendered only for releases that know it
//! (<https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file>; the gates were measured against
//! 1.8.7 and read from the change logs).

use super::drop_in::drop_in;
use super::since;
use crate::node::{Duty, Granted, Node, tags};
use crate::state::{
    Action, Contents, DNS_LINK, Daemon, Document, File, Notify, Owner, ReloadableKey, Shape,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// What a reload by SIGHUP applies (<https://developer.hashicorp.com/consul/docs/agent/config#reloadable-configuration>).
static RELOADABLE: &[ReloadableKey] = &[
    ReloadableKey { key: "log_level", source: "Consul, reloadable configuration: log level" },
    ReloadableKey { key: "node_meta", source: "Consul, reloadable configuration: node metadata" },
    ReloadableKey {
        key: "discard_check_output",
        source: "Consul, reloadable configuration: discard check output",
    },
];

#[derive(Serialize)]
struct Config<'a> {
    node_name: &'a str,
    datacenter: &'a str,
    data_dir: &'a str,
    server: bool,
    #[serde(flatten)]
    quorum: Option<Quorum>,
    bind_addr: String,
    advertise_addr: String,
    client_addr: &'a str,
    addresses: Addresses,
    ports: Ports,
    retry_join: [String; 1],
    retry_interval: &'a str,
    rejoin_after_leave: bool,
    skip_leave_on_interrupt: bool,
    disable_update_check: bool,
    log_level: &'a str,
    log_json: bool,
    node_meta: BTreeMap<&'a str, &'a str>,
    telemetry: Telemetry,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_config: Option<HttpConfig>,
}

/// Keys of servers only.
#[derive(Serialize)]
struct Quorum {
    /// `None` if the cluster has formed: without it a server waits until the leader adds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bootstrap_expect: Option<u8>,
    autopilot: Autopilot,
    performance: Performance,
    connect: Enabled,
    #[serde(skip_serializing_if = "Option::is_none")]
    ui_config: Option<Enabled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ui: Option<bool>,
}

/// Autopilot; the keys are the same in Consul and Nomad. They are only the first values for an empty Raft log.
#[derive(Serialize)]
pub(super) struct Autopilot {
    cleanup_dead_servers: bool,
    last_contact_threshold: &'static str,
    max_trailing_logs: u32,
    server_stabilization_time: &'static str,
    min_quorum: u8,
}

impl Autopilot {
    /// The values for a quorum of so many servers. Dead servers are never removed below three.
    pub(super) fn of(servers: u8) -> Self {
        Self {
            cleanup_dead_servers: true,
            last_contact_threshold: "200ms",
            max_trailing_logs: 250,
            server_stabilization_time: "10s",
            min_quorum: servers.min(3),
        }
    }
}

#[derive(Serialize)]
struct Addresses {
    http: String,
    dns: &'static str,
    grpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc_tls: Option<&'static str>,
}

#[derive(Serialize)]
struct Ports {
    http: u16,
    dns: u16,
    grpc: u16,
    serf_wan: i32,
}

#[derive(Serialize)]
struct Performance {
    raft_multiplier: u8,
}

#[derive(Serialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Serialize)]
struct Telemetry {
    prometheus_retention_time: &'static str,
    disable_hostname: bool,
}

#[derive(Serialize)]
struct Limits {
    http_max_conns_per_client: u32,
}

#[derive(Serialize)]
struct HttpConfig {
    read_timeout: &'static str,
    write_timeout: &'static str,
}

/// Consul's file.
pub fn files(node: &Node, granted: &Granted) -> Vec<File> {
    vec![File {
        path: Daemon::Consul.file().to_owned(),
        contents: Contents::Json(Document::of(&config(node, granted), Shape::Plain)),
        mode: 0o640,
        owner: Owner { user: "root", group: "consul" },
        notify: Notify { actions: vec![Action::restart(Daemon::Consul)], reloadable: RELOADABLE },
    }]
}

fn config<'a>(node: &'a Node, granted: &Granted) -> Config<'a> {
    let address = node.instance.private_ip.to_string();
    let servers = match node.duty {
        Duty::ConsulServer { servers } => Some(servers),
        _ => None,
    };
    Config {
        node_name: &node.instance.id,
        datacenter: node.consul_datacenter.as_str(),
        data_dir: Daemon::Consul.data(),
        server: servers.is_some(),
        quorum: servers.map(|servers| quorum(node, granted, servers)),
        client_addr: "127.0.0.1",
        addresses: Addresses {
            http: http(node),
            dns: "127.0.0.1",
            grpc: "127.0.0.1",
            // Servers listen on 8503 by default from 1.14 on.
            grpc_tls: since(&node.consul, (1, 14, 0)).then_some("127.0.0.1"),
        },
        bind_addr: address.clone(),
        advertise_addr: address,
        // There is one datacenter, so no server joins over the WAN.
        ports: Ports { http: Daemon::Consul.port(), dns: 8600, grpc: 8502, serf_wan: -1 },
        retry_join: [node.join(tags::CONSUL_SERVER)],
        retry_interval: "15s",
        rejoin_after_leave: true,
        // systemd stops Consul with SIGINT. By default a client would then leave the cluster at every restart.
        skip_leave_on_interrupt: true,
        disable_update_check: true,
        log_level: node.settings.consul.log_level.as_str(),
        log_json: true,
        node_meta: meta(node),
        telemetry: Telemetry { prometheus_retention_time: "60s", disable_hostname: true },
        // The limit is for each source address (default 200), and Nomad, templates and sidecars all come from 127.0.0.1.
        limits: Limits { http_max_conns_per_client: 500 },
        http_config: short_timeouts(node)
            .then_some(HttpConfig { read_timeout: "15m", write_timeout: "15m" }),
    }
}

/// The addresses of the HTTP API: loopback, on servers the private address, and where the settings say so that of the link.
fn http(node: &Node) -> String {
    let mut addresses = vec![Ipv4Addr::LOCALHOST];
    if node.duty.quorum() == Some(Daemon::Consul) {
        addresses.push(node.instance.private_ip);
    }
    addresses.extend(node.settings.consul_link());
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The drop-in of `consul.service`: Consul ends at once if it cannot bind an address, so the link must be up before it starts.
pub fn unit_files(node: &Node, _: &Granted) -> Vec<File> {
    let text = format!(
        "# Consul answers HTTP at the address of the link.\n[Unit]\nWants={DNS_LINK}\nAfter={DNS_LINK}\n"
    );
    let is_needed = node.settings.consul.http_on_link;
    is_needed.then(|| drop_in(Daemon::Consul.unit(), text)).into_iter().collect()
}

fn quorum(node: &Node, granted: &Granted, servers: u8) -> Quorum {
    let has_ui_config = since(&node.consul, (1, 9, 0));
    Quorum {
        bootstrap_expect: (!granted.formation.join_only).then_some(servers),
        autopilot: Autopilot::of(servers),
        // The default of 5 is for small machines, and makes elections five times as long.
        performance: Performance { raft_multiplier: 1 },
        connect: Enabled { enabled: true },
        ui_config: has_ui_config.then_some(Enabled { enabled: true }),
        ui: (!has_ui_config).then_some(true),
    }
}

/// Whether the default timeouts are too short: 1.22.4 added these keys with a default of 30 s, which ends blocking queries;
/// 2.0.0 raised it (hashicorp/consul 23267).
fn short_timeouts(node: &Node) -> bool {
    since(&node.consul, (1, 22, 4)) && !since(&node.consul, (2, 0, 0))
}

/// The metadata about the instance that both agents publish.
pub(super) fn meta(node: &Node) -> BTreeMap<&'static str, &str> {
    BTreeMap::from([
        ("cos_cluster", node.cluster.as_str()),
        ("cos_role", node.duty.role().name()),
        ("cos_zone", node.instance.zone.as_str()),
        ("cos_instance_type", node.instance.instance_type.as_str()),
        ("cos_ami_id", node.instance.image.as_str()),
    ])
}
