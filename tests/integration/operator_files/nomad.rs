//! Files of `/etc/nomad.d`. The first ones have the shapes of HashiCorp's documentation.

use super::Case;
use super::Expected::{Refused, Said, Sets, Taken, Unclear};

pub(crate) const CASES: &[Case] = &[
    // Shapes of the documentation: client, plugins, telemetry, TLS, ACLs, Vault, Consul, autopilot.
    (
        "meta.hcl",
        "client {\n  meta {\n    rack = \"r1\"\n    \"connect.sidecar_image\" = \"envoyproxy/envoy:v1.29.1\"\n  }\n}\n",
        Taken,
    ),
    (
        "volume.hcl",
        "client {\n  host_volume \"ca-certificates\" {\n    path = \"/etc/ssl/certs\"\n    read_only = true\n  }\n}\n",
        Taken,
    ),
    (
        "network.hcl",
        "client {\n  host_network \"private\" {\n    cidr = \"10.0.0.0/8\"\n    reserved_ports = \"22,80\"\n  }\n}\n",
        Taken,
    ),
    ("raw-exec.hcl", "plugin \"raw_exec\" {\n  config {\n    enabled = true\n  }\n}\n", Taken),
    (
        "telemetry.hcl",
        "telemetry {\n  collection_interval = \"1s\"\n  disable_hostname = true\n  prometheus_metrics = true\n  publish_allocation_metrics = true\n}\n",
        Taken,
    ),
    (
        "tls.hcl",
        "tls {\n  rpc = true\n  ca_file = \"/etc/nomad-tls/ca.pem\"\n  cert_file = \"/etc/nomad-tls/cert.pem\"\n  key_file = \"/etc/nomad-tls/key.pem\"\n  verify_server_hostname = true\n}\n",
        Taken,
    ),
    ("acl.hcl", "acl {\n  enabled = true\n  token_ttl = \"30s\"\n}\n", Taken),
    (
        "vault.hcl",
        "vault {\n  enabled = true\n  address = \"https://vault.service.consul:8200\"\n  create_from_role = \"nomad-cluster\"\n}\n",
        Taken,
    ),
    (
        "reserved.hcl",
        "client {\n  reserved {\n    cpu = 500\n    memory = 512\n    disk = 1024\n    reserved_ports = \"22,80,8500-8600\"\n  }\n}\n",
        Taken,
    ),
    (
        "limits.hcl",
        "limits {\n  http_max_conns_per_client = 200\n}\nlog_level = \"INFO\"\nenable_syslog = true\n",
        Taken,
    ),
    // Shapes of people.
    ("options.hcl", "client { options { \"driver.raw_exec.enable\" = \"1\" } }", Taken),
    (
        "chroot.hcl",
        "client { chroot_env { \"/bin\" = \"/bin\"\n \"/etc/ssl\" = \"/etc/ssl\" } }",
        Taken,
    ),
    ("assign.hcl", "client {\n  meta = {\n    \"a.b\" = \"x\"\n  }\n}\n", Taken),
    ("custom.hcl", "{\"log_level\": \"DEBUG\", \"client\": {\"meta\": {\"rack\": \"r1\"}}}", Taken),
    (
        "custom.json",
        "{\"log_level\": \"DEBUG\", \"client\": [{\"meta\": [{\"rack\": \"r1\"}]}]}",
        Taken,
    ),
    ("hcl-in.json", "log_level = \"DEBUG\"\n", Taken),
    ("one-line.hcl", "client { meta { rack = \"r1\" row = \"2\" } }", Taken),
    ("comma.hcl", "enable_syslog = true,", Taken),
    ("off.hcl", "server {\n  enabled = false\n}\n", Taken),
    ("off-text.hcl", "server { enabled = \"false\", raft_protocol = 3 }", Taken),
    (
        "heredoc.hcl",
        "client {\n  meta {\n    note = <<EOF\nserver {\n  enabled = true\nEOF\n  }\n}\n",
        Taken,
    ),
    (
        "comments.hcl",
        "# client { servers = [] }\nclient { // server\n /* enabled = true */ no_host_uuid = true\n}\n",
        Taken,
    ),
    ("text.hcl", "client { meta { cmd = \"server { enabled = true }\" } }", Taken),
    (".hidden.hcl", "log_level = \"WARN\"\n", Taken),
    ("deep.json", "{\"client\": {\"meta\": {\"server.enabled\": \"true\"}}}", Taken),
    ("octal.hcl", "client {\n  max_dynamic_port = 077777\n}\n", Unclear),
    (
        "server.hcl",
        "server {\n  enabled = true\n  bootstrap_expect = 1\n}\n",
        Sets("server.enabled"),
    ),
    ("server.json", "{\"server\": [{\"enabled\": true}]}", Sets("server.enabled")),
    (
        "twice.json",
        "{\"server\": {\"enabled\": true}, \"server\": {\"raft_protocol\": 3}}",
        Sets("server.enabled"),
    ),
    (
        "servers.hcl",
        "client {\n  enabled = true\n  servers = [\"127.0.0.1\"]\n}\n",
        Sets("client.enabled"),
    ),
    (
        "join.hcl",
        "client { server_join { retry_join = [\"10.0.0.1\"] } }",
        Sets("client.server_join.retry_join"),
    ),
    ("dir.hcl", "data_dir = \"/var/lib/nomad\"", Sets("data_dir")),
    ("region.json", "{\"client\": {}, \"region\": \"global\"}", Sets("region")),
    ("port.hcl", "ports {\n  http = 80\n}\n", Sets("ports.http")),
    (
        "docker.hcl",
        "plugin \"docker\" {\n  config {\n    volumes {\n      enabled = true\n    }\n  }\n}\n",
        Sets("plugin.docker.config.volumes.enabled"),
    ),
    ("00-docker.hcl", "plugin \"docker\" {}\n", Sets("plugin.docker")),
    (
        "docker.json",
        "{\"plugin\": [{\"docker\": [{\"config\": [{\"gc\": [{\"image\": false}]}]}]}]}",
        Sets("plugin.docker.config.gc.image"),
    ),
    (
        "https.hcl",
        "tls {\n  http = true\n  ca_file = \"/etc/nomad-tls/ca.pem\"\n  cert_file = \"/c.pem\"\n  key_file = \"/k.pem\"\n}\n",
        Said("tls.http"),
    ),
    ("listen.hcl", "addresses { http = \"10.0.0.1\" }", Said("addresses.http")),
    ("bom.hcl", "\u{feff}log_level = \"WARN\"\n", Refused),
    ("unknown.hcl", "no_such_key = true\n", Refused),
    ("broken.hcl", "client {\n  meta {\n", Refused),
];
