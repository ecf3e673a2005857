//! The keys of Nomad's configuration, as `command/agent/config.go` names them.

use crate::render::consul::Autopilot;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(super) struct Config<'a> {
    pub(super) name: &'a str,
    pub(super) region: &'a str,
    pub(super) datacenter: &'a str,
    pub(super) data_dir: &'a str,
    pub(super) bind_addr: String,
    pub(super) addresses: Addresses,
    pub(super) advertise: Addresses,
    pub(super) log_level: &'a str,
    pub(super) log_json: bool,
    pub(super) disable_update_check: bool,
    pub(super) leave_on_interrupt: bool,
    pub(super) leave_on_terminate: bool,
    pub(super) consul: Consul,
    pub(super) telemetry: Telemetry,
    #[serde(flatten)]
    pub(super) mode: Mode<'a>,
}

#[derive(Serialize)]
pub(super) struct Addresses {
    pub(super) http: String,
    pub(super) rpc: String,
    pub(super) serf: String,
}

#[derive(Serialize)]
pub(super) struct Consul {
    pub(super) address: &'static str,
    pub(super) auto_advertise: bool,
    pub(super) server_auto_join: bool,
    pub(super) client_auto_join: bool,
}

#[derive(Serialize)]
pub(super) struct Telemetry {
    pub(super) collection_interval: &'static str,
    pub(super) disable_hostname: bool,
    pub(super) prometheus_metrics: bool,
    pub(super) publish_allocation_metrics: bool,
    pub(super) publish_node_metrics: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Mode<'a> {
    Server { server: Server, autopilot: Autopilot, ui: Ui },
    Client { client: Box<Client<'a>>, plugin: Plugins<'a> },
}

#[derive(Serialize)]
pub(super) struct Server {
    pub(super) enabled: bool,
    /// `None` if the cluster has formed: without it a server waits until the leader adds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bootstrap_expect: Option<u8>,
    pub(super) rejoin_after_leave: bool,
    pub(super) server_join: ServerJoin,
    pub(super) plan_rejection_tracker: PlanRejectionTracker,
}

#[derive(Serialize)]
pub(super) struct ServerJoin {
    pub(super) retry_join: [String; 1],
    pub(super) retry_interval: &'static str,
    pub(super) retry_max: u32,
}

#[derive(Serialize)]
pub(super) struct PlanRejectionTracker {
    pub(super) enabled: bool,
}

#[derive(Serialize)]
pub(super) struct Ui {
    pub(super) enabled: bool,
}

#[derive(Serialize)]
pub(super) struct Client<'a> {
    pub(super) enabled: bool,
    pub(super) node_class: &'a str,
    pub(super) network_interface: String,
    pub(super) server_join: ServerJoin,
    pub(super) meta: BTreeMap<&'a str, &'a str>,
    pub(super) options: BTreeMap<&'a str, &'a str>,
    pub(super) reserved: Reserved<'a>,
    pub(super) drain_on_shutdown: DrainOnShutdown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<Fingerprint>,
}

#[derive(Serialize)]
pub(super) struct Reserved<'a> {
    pub(super) cpu: u32,
    pub(super) memory: u32,
    pub(super) disk: u32,
    pub(super) reserved_ports: &'a str,
}

#[derive(Serialize)]
pub(super) struct DrainOnShutdown {
    pub(super) deadline: String,
    pub(super) force: bool,
    pub(super) ignore_system_jobs: bool,
}

#[derive(Serialize)]
pub(super) struct Fingerprint {
    pub(super) env_aws: EnvAws,
}

#[derive(Serialize)]
pub(super) struct EnvAws {
    pub(super) retry_attempts: u32,
    pub(super) retry_interval: &'static str,
    pub(super) exit_on_failure: bool,
}

#[derive(Serialize)]
pub(super) struct Plugins<'a> {
    pub(super) docker: Plugin<Docker<'a>>,
}

#[derive(Serialize)]
pub(super) struct Plugin<T> {
    pub(super) config: T,
}

#[derive(Serialize)]
pub(super) struct Docker<'a> {
    pub(super) allow_privileged: bool,
    pub(super) auth: Auth<'a>,
    pub(super) extra_labels: [&'static str; 5],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) infra_image: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Auth<'a> {
    pub(super) config: &'a str,
}
