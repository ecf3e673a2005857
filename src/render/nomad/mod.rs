//! `/etc/nomad.d/cos.json`, by version, and the drop-in of `nomad.service`.
//!
//! Nomad refuses unknown keys in most blocks, so a key that 1.6 lacks is rendered only for releases that know it. All other
//! keys are in the structs of 1.6.3 (`command/agent/config.go`, `nomad/structs/config/*.go`, `drivers/docker/config.go` at that
//! tag), and `nomad config validate` of 1.6.3 accepts every golden case. It ignores unknown keys in some blocks (`consul`,
//! `ui`, `drain_on_shutdown`); those were compared key by key.

mod config;
mod join;

use super::consul::{Autopilot, meta};
use super::drop_in::drop_in;
use super::{docker, since, units};
use crate::node::{Duty, Granted, LEADER, Node};
use crate::state::{Action, Contents, Daemon, Document, File, Notify, Owner, ReloadableKey, Shape};
use config::{
    Addresses, Auth, Client, Config, Consul, Docker, DrainOnShutdown, EnvAws, Fingerprint, Mode,
    PlanRejectionTracker, Plugin, Plugins, Reserved, Server, Telemetry, Ui,
};
use join::join;
pub use join::{EXEC_JOIN, auto_join_is_broken};
use semver::Version;
use std::collections::BTreeMap;

/// What a reload by SIGHUP applies (<https://developer.hashicorp.com/nomad/docs/configuration#configuration-reload>).
static RELOADABLE: &[ReloadableKey] =
    &[ReloadableKey { key: "log_level", source: "Nomad, configuration reload: log_level" }];

/// Nomad's file.
pub fn files(node: &Node, granted: &Granted) -> Vec<File> {
    let Some((config, group)) = config(node, granted) else { return Vec::new() };
    vec![File {
        path: Daemon::Nomad.file().to_owned(),
        contents: Contents::Json(Document::of(&config, Shape::NomadBlocks)),
        mode: 0o640,
        owner: Owner { user: "root", group },
        notify: Notify { actions: vec![Action::restart(Daemon::Nomad)], reloadable: RELOADABLE },
    }]
}

fn config<'a>(node: &'a Node, granted: &Granted) -> Option<(Config<'a>, &'static str)> {
    let address = node.instance.private_ip.to_string();
    let on_address =
        || Addresses { http: address.clone(), rpc: address.clone(), serf: address.clone() };
    let (mode, datacenter, http, group) = match &node.duty {
        Duty::ConsulServer { .. } => return None,
        Duty::NomadServer { servers, nomad } => (
            server(node, granted, *servers, nomad),
            LEADER,
            format!("127.0.0.1 {address}"),
            "nomad",
        ),
        Duty::NomadClient { datacenter, nomad } => (
            client(node, datacenter.as_str(), nomad),
            datacenter.as_str(),
            "127.0.0.1".to_owned(),
            "root",
        ),
    };
    let is_client = matches!(mode, Mode::Client { .. });
    let config = Config {
        name: &node.instance.id,
        region: node.nomad_region.as_str(),
        datacenter,
        data_dir: Daemon::Nomad.data(),
        bind_addr: address.clone(),
        addresses: Addresses { http, ..on_address() },
        advertise: on_address(),
        log_level: node.settings.nomad.log_level.as_str(),
        log_json: true,
        disable_update_check: true,
        // systemd stops Nomad with SIGINT, so a restart neither drains nor leaves. Only SIGTERM on a client does both.
        leave_on_interrupt: false,
        leave_on_terminate: is_client,
        consul: Consul {
            address: "127.0.0.1:8500",
            auto_advertise: true,
            // It searches for servers whenever there is no leader, also after `retry_join` has given up.
            server_auto_join: !is_client,
            client_auto_join: is_client,
        },
        telemetry: Telemetry {
            collection_interval: "10s",
            disable_hostname: true,
            prometheus_metrics: true,
            publish_allocation_metrics: true,
            publish_node_metrics: true,
        },
        mode,
    };
    Some((config, group))
}

fn server<'a>(node: &Node, granted: &Granted, servers: u8, nomad: &Version) -> Mode<'a> {
    Mode::Server {
        server: Server {
            enabled: true,
            bootstrap_expect: (!granted.formation.join_only).then_some(servers),
            rejoin_after_leave: true,
            server_join: join(node, nomad),
            plan_rejection_tracker: PlanRejectionTracker { enabled: true },
        },
        autopilot: Autopilot::of(servers),
        ui: Ui { enabled: true },
    }
}

fn client<'a>(node: &'a Node, datacenter: &'a str, nomad: &Version) -> Mode<'a> {
    let settings = &node.settings.nomad;
    // Since 1.11.2 (hashicorp/nomad 27161). Before, attributes that metadata did not return within 2 s stay missing.
    let fingerprint = since(nomad, (1, 11, 2)).then_some(Fingerprint {
        env_aws: EnvAws { retry_attempts: 5, retry_interval: "2s", exit_on_failure: false },
    });
    Mode::Client {
        client: Box::new(Client {
            enabled: true,
            node_class: datacenter,
            // The interface that has the address, whatever its name is. It is a pattern, because `include "network"` with a /32
            // does not match an address that has the prefix length of its subnet (hashicorp/go-sockaddr, IfByNetwork).
            network_interface: format!(
                "{{{{ GetAllInterfaces | include \"address\" \"^{}(/|$)\" | attr \"name\" }}}}",
                node.instance.private_ip.to_string().replace('.', "[.]")
            ),
            server_join: join(node, nomad),
            meta: meta(node),
            options: BTreeMap::from([(
                "fingerprint.denylist",
                "env_azure,env_digitalocean,env_gce",
            )]),
            reserved: Reserved {
                cpu: settings.reserved.cpu_mhz,
                memory: settings.reserved.memory_mb,
                disk: settings.reserved.disk_mb,
                reserved_ports: &settings.reserved.ports,
            },
            drain_on_shutdown: DrainOnShutdown {
                deadline: String::from(settings.drain_deadline),
                force: false,
                ignore_system_jobs: true,
            },
            fingerprint,
        }),
        plugin: Plugins {
            docker: Plugin {
                config: Docker {
                    allow_privileged: false,
                    auth: Auth { config: docker::CONFIG },
                    extra_labels: [
                        "job_name",
                        "task_group_name",
                        "task_name",
                        "namespace",
                        "node_name",
                    ],
                    infra_image: settings.infra_image.as_deref(),
                },
            },
        },
    }
}

/// The drop-in of `nomad.service`, which differs by role: the user that Nomad runs as, and the environment of its children.
pub fn unit_files(node: &Node, _: &Granted) -> Vec<File> {
    let stop_seconds = node.settings.nomad.drain_deadline.seconds() + 30;
    let text = match node.duty {
        Duty::NomadClient { .. } => format!(
            "# Tasks need root: mounts, cgroups, network namespaces.\n\
             [Service]\n\
             User=root\n\
             Group=root\n\
             # docker-credential-ecr-login is found through PATH and keeps its tokens below HOME.\n\
             Environment=HOME=/root\n\
             Environment=PATH={}\n\
             OOMScoreAdjust=-500\n\
             # A drain on SIGTERM takes up to its deadline.\n\
             TimeoutStopSec={stop_seconds}s\n",
            units::PATH
        ),
        _ => format!(
            "[Service]\nUser=nomad\nGroup=nomad\nEnvironment=HOME={}\nEnvironment=PATH={}\nOOMScoreAdjust=-1000\n",
            Daemon::Nomad.data(),
            units::PATH
        ),
    };
    vec![drop_in(Daemon::Nomad.unit(), text)]
}
