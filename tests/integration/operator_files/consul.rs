//! Files of `/etc/consul.d`. The first ones have the shapes of HashiCorp's documentation.

use super::Case;
use super::Expected::{Refused, Said, Sets, Taken, Unclear};

pub(crate) const CASES: &[Case] = &[
    // Shapes of the documentation: agent configuration, telemetry, TLS, ACLs, services, checks, watches, Connect.
    (
        "tls.hcl",
        "verify_incoming = true\nverify_outgoing = true\nca_file = \"/etc/consul-tls/ca.pem\"\ncert_file = \"/etc/consul-tls/cert.pem\"\nkey_file = \"/etc/consul-tls/key.pem\"\n",
        Taken,
    ),
    (
        "acl.hcl",
        "acl = {\n  enabled = true\n  default_policy = \"deny\"\n  down_policy = \"extend-cache\"\n}\n",
        Taken,
    ),
    (
        "acl-block.hcl",
        "acl {\n  enabled                  = true\n  enable_token_persistence = true\n}\n",
        Taken,
    ),
    (
        "telemetry.json",
        "{\n  \"telemetry\": {\n    \"statsd_address\": \"127.0.0.1:8125\"\n  }\n}\n",
        Taken,
    ),
    (
        "limits.hcl",
        "limits {\n  http_max_conns_per_client = 300\n}\nperformance {\n  leave_drain_time = \"5s\"\n}\n",
        Taken,
    ),
    (
        "dns.hcl",
        "dns_config {\n  enable_truncate = true\n  service_ttl {\n    \"*\" = \"5s\"\n    \"web\" = \"30s\"\n  }\n}\nrecursors = [\"10.0.0.2\"]\n",
        Taken,
    ),
    (
        "web.json",
        "{\"service\": {\"name\": \"web\", \"port\": 80, \"tags\": [\"v1\"], \"check\": {\"id\": \"http\", \"http\": \"http://localhost:80/health\", \"interval\": \"10s\"}}}",
        Taken,
    ),
    (
        "services.hcl",
        "services {\n  id = \"red0\"\n  name = \"redis\"\n  tags = [\"primary\"]\n  address = \"\"\n  port = 6000\n  checks = [\n    {\n      args = [\"/bin/check_redis\", \"-p\", \"6000\"]\n      interval = \"5s\"\n      timeout = \"20s\"\n    }\n  ]\n}\n",
        Taken,
    ),
    (
        "check.json",
        "{\"check\": {\"id\": \"mem\", \"name\": \"Memory\", \"args\": [\"/usr/bin/mem\"], \"interval\": \"10s\"}}",
        Taken,
    ),
    (
        "watches.json",
        "{\"watches\": [{\"type\": \"service\", \"service\": \"server\", \"handler_type\": \"script\", \"args\": [\"/bin/true\"]}]}",
        Taken,
    ),
    (
        "sidecar.hcl",
        "service {\n  name = \"dashboard\"\n  port = 9002\n  connect {\n    sidecar_service {\n      proxy {\n        upstreams = [\n          {\n            destination_name = \"counting\"\n            local_bind_port  = 5000\n          }\n        ]\n      }\n    }\n  }\n}\n",
        Taken,
    ),
    // Shapes of people.
    ("meta.hcl", "node_meta { \"team-name\" = \"x\", rack = \"r1\" }", Taken),
    ("one-line.hcl", "services { id = \"a\" name = \"b\" port = 1 }", Taken),
    ("comma.hcl", "enable_syslog = true,\nlog_file = \"/var/log/consul/\",", Taken),
    ("json-in.hcl", "{\"enable_syslog\": true, \"acl\": {\"enabled\": true}}", Taken),
    (
        "comments.hcl",
        "# server = true\n// bootstrap_expect = 1\n/* data_dir = \"/x\"\n   retry_join = [] */\nenable_syslog = true # node_name = \"x\"\n",
        Taken,
    ),
    (
        "text.hcl",
        "node_meta {\n  note = \"server = true\"\n  other = \"retry_join { # }\"\n}\n",
        Taken,
    ),
    ("heredoc.hcl", "node_meta {\n  note = <<EOF\nserver = true\n}\nEOF\n}\n", Taken),
    ("dash.hcl", "node_meta {\n  note = <<-EOF\n  bootstrap_expect = 1\n  EOF\n}\n", Taken),
    (".hidden.hcl", "enable_syslog = true\n", Taken),
    ("crlf.hcl", "enable_syslog = true\r\nacl {\r\n  enabled = true\r\n}\r\n", Taken),
    ("empty.hcl", "", Taken),
    ("empty.json", "{}", Taken),
    ("https.hcl", "ports { https = 8501 }", Taken),
    ("quoted.hcl", "\"acl\" {\n  \"enabled\" = true\n}\n", Taken),
    ("number.hcl", "node_meta { build = \"0x10\" }\nlimits { rpc_rate = 1e3 }\n", Unclear),
    ("server.hcl", "server = true\nbootstrap_expect = 3\n", Sets("server")),
    ("server.json", "{\"server\": true, \"bootstrap_expect\": 1}", Sets("server")),
    ("server-json.hcl", "{\"server\": true, \"bootstrap_expect\": 1}", Sets("server")),
    ("join.hcl", "retry_join = [\n  \"10.0.0.1\",\n  \"10.0.0.2\", # two\n]\n", Sets("retry_join")),
    ("case.hcl", "Bootstrap_Expect = 1", Sets("Bootstrap_Expect")),
    ("quoted-key.hcl", "\"data_dir\" = \"/var/lib/consul\"", Sets("data_dir")),
    ("after.hcl", "enable_syslog = true, node_name = \"x\"", Sets("node_name")),
    ("behind.hcl", "node_meta { a = \"${server}\" } datacenter = \"dc1\"", Sets("datacenter")),
    ("ports.hcl", "ports { http = 80, dns = 53 }", Sets("ports.http")),
    ("dns-port.json", "{\"ports\": {\"dns\": 53}}", Sets("ports.dns")),
    ("list.json", "{\"ports\": [{\"http\": 80}]}", Sets("ports.http")),
    ("domain.hcl", "domain = \"corp\"", Said("domain")),
    ("listen.json", "{\"addresses\": {\"http\": \"10.0.0.1\"}}", Said("addresses.http")),
    ("bom.hcl", "\u{feff}enable_syslog = true\n", Refused),
    ("bom.json", "\u{feff}{}", Refused),
    ("unknown.hcl", "no_such_key = true\n", Refused),
    ("broken.hcl", "enable_syslog = \n}", Refused),
    ("comma.json", "{\"enable_syslog\": true,}", Refused),
];
