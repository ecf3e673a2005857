//! A program of another user at a daemon's port: its word opens no gate, and it learns no secret.

use cos_agent::gates::checks::gates;
use cos_agent::gates::{Context, Finding};
use cos_agent::role::Role;
use cos_agent::store::status::Identity;
use cos_agent::system::environment::Environment;
use cos_agent::system::root::Root;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SECRET: &str = "0c2f6a0e-6f5e-4f0e-8f43-0123456789ab";
/// The user `nobody`, and root.
const NOBODY: u32 = 65534;
const ROOT: u32 = 0;

/// A Nomad with ACLs, as far as the gates ask it. It says its port, and then each token that it is told.
const NOMAD: &str = r#"
import http.server, json
SELF = {"config": {"NodeName": "i-1", "Datacenter": "backoffice", "Region": "r", "Server": {"Enabled": False},
                   "Client": {"Enabled": True}}, "stats": {"client": {"node_id": "n1"}}, "member": {}}
NODE = {"Status": "ready", "Datacenter": "backoffice", "SchedulingEligibility": "eligible"}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers.get("X-Nomad-Token")
        if token: print(token, flush=True)
        path = self.path.split("?")[0]
        assert path in ("/v1/agent/self", "/v1/node/n1"), path
        status, body = (200, SELF) if path == "/v1/agent/self" else (200, NODE) if token else (403, "Permission denied")
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Nomad {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
    api: String,
}

impl Nomad {
    fn of(user: u32) -> Self {
        let mut process = Command::new("/usr/bin/python3")
            .args(["-I", "-c", NOMAD])
            .uid(user)
            .gid(user)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Self { process, lines, api: format!("http://127.0.0.1:{}", port.trim()) }
    }

    /// The tokens that it was told.
    fn end(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.lines().map(Result::unwrap).collect()
    }
}

/// What the two gates of a client's Nomad say.
async fn asked(folder: &Path, api: &str) -> Vec<Finding> {
    let environment = Environment { nomad_api: api.to_owned(), ..Environment::default() };
    let identity = Identity {
        instance: "i-1".to_owned(),
        cluster: "demo".to_owned(),
        role: Role::NomadClient,
        nomad_datacenter: Some("backoffice".to_owned()),
        servers: None,
        address: [10, 0, 0, 1].into(),
        zone: "r-a".to_owned(),
        consul_datacenter: None,
        nomad_region: Some("r".to_owned()),
    };
    let limit = Duration::from_secs(10);
    let context = Context::new(identity, &Root::at(folder), &environment, limit).unwrap();
    let mut found = Vec::new();
    for gate in gates(Role::NomadClient).into_iter().filter(|gate| gate.id.starts_with("nomad-")) {
        found.push((gate.probe)(&context).await);
    }
    found
}

#[tokio::test]
async fn a_program_of_another_user_opens_no_gate_and_is_told_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("opt/nomad/data/client/secret-id");
    std::fs::create_dir_all(secret.parent().unwrap()).unwrap();
    std::fs::write(secret, SECRET).unwrap();

    let nomad = Nomad::of(ROOT);
    let found = asked(folder.path(), &nomad.api).await;
    assert!(found.iter().all(|one| matches!(one, Finding::Pass(_))), "{found:#?}");
    assert_eq!(nomad.end(), [SECRET], "after a 403, and once");

    let stranger = Nomad::of(NOBODY);
    let found = asked(folder.path(), &stranger.api).await;
    assert_eq!(found.len(), 2);
    for one in found {
        let Finding::Fail(problem) = one else { panic!("{one:?}") };
        assert!(problem.found.contains("a program of user ID 65534 listens at"), "{problem:?}");
    }
    assert_eq!(stranger.end(), [""; 0]);
}
