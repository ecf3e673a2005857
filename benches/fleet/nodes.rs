//! The nodes: each a real `watch` in namespaces of its own, where it finds its metadata and its daemons at the addresses
//! that they have on an instance.

use crate::agents::{Agents, Client};
use crate::ec2::{Caller, Ec2};
use crate::http;
use crate::servers::{CLUSTER, SERVERS, Server};
use cos_agent::simulate::instance::{Credentials, Instance};
use cos_agent::simulate::service::Service;
use cos_agent::store::status::{self, Identity};
use cos_agent::system::root::Root;
use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the daemons, metadata and EC2 of a node are found at.
const CONSUL: u16 = 8500;
const NOMAD: u16 = 4646;
const EC2: u16 = 8400;
const METADATA: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);

/// Becomes the watch of a node, in fresh namespaces.
const BECOME: &str = r#"set -e
ip link set lo up
ip address add 169.254.169.254/32 dev lo
mount --make-rprivate /
mount --bind "$1/run" /run
mount --bind "$1/lib" /var/lib
touch "$1/is-up"
exec "$2" watch"#;

/// A node.
pub(crate) struct Node {
    watch: Child,
    _metadata: Service,
    _folder: tempfile::TempDir,
}

/// What a node is.
pub(crate) enum Role {
    /// A Nomad client.
    Client(Client, Agents),
    /// A server of Consul.
    Server(String, Ipv4Addr),
}

impl Role {
    /// Of a real server.
    pub(crate) fn of(server: &Server) -> Self {
        Self::Server(server.id.clone(), server.address)
    }

    fn identity(&self) -> Identity {
        let (role, instance, address) = match self {
            Self::Client(client, _) => ("nomad-client", &client.id, client.address),
            Self::Server(id, address) => ("consul-server", id, *address),
        };
        let is_server = matches!(self, Self::Server(..));
        Identity {
            instance: instance.clone(),
            cluster: CLUSTER.to_owned(),
            role: role.to_owned(),
            nomad_datacenter: (!is_server).then(|| "backoffice".to_owned()),
            servers: is_server.then_some(SERVERS),
            address,
            zone: "eu-central-1a".to_owned(),
        }
    }
}

impl Node {
    /// Starts the watch of a node that was applied before.
    pub(crate) async fn start(binary: &Path, role: Role, ec2: &Ec2) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let identity = role.identity();
        for name in ["run", "lib"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let root = Root::at(folder.path());
        let applied = |status: &mut status::Status| status.node = Some(identity.clone());
        status::update(&root, applied).await.expect("a record");

        let log = File::create(folder.path().join("log")).expect("a file");
        let watch = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", BECOME, "sh"])
            .arg(folder.path())
            .arg(binary)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("AWS_ENDPOINT_URL_EC2", format!("http://127.0.0.1:{EC2}"))
            // The parameter store is out of this benchmark, and nothing else is asked.
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("unshare starts");
        until_there(&folder.path().join("is-up")).await;
        let metadata = Self::surround(&watch, &identity, role, ec2).await;
        Self { watch, _metadata: metadata, _folder: folder }
    }

    /// Puts what a node has around it into its network.
    async fn surround(watch: &Child, identity: &Identity, role: Role, ec2: &Ec2) -> Service {
        let credentials = Credentials {
            role: "cos-node".to_owned(),
            access_key_id: "AKIABENCH".to_owned(),
            secret_access_key: "none".to_owned(),
            token: "none".to_owned(),
        };
        let instance = Instance {
            id: identity.instance.clone(),
            private_ip: identity.address.to_string(),
            credentials: Some(credentials),
            ..Instance::default()
        };
        let outside = File::open("/proc/thread-self/ns/net").expect("a namespace");
        let inside = File::open(format!("/proc/{}/ns/net", watch.id())).expect("a namespace");
        setns(&inside, CloneFlags::CLONE_NEWNET).expect("root");
        let listen = |port| TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let (consul, nomad, asks) = (listen(CONSUL), listen(NOMAD), listen(EC2));
        let metadata = Service::start_at(METADATA, instance, Vec::new(), None).await;
        setns(&outside, CloneFlags::CLONE_NEWNET).expect("root");

        let ec2 = ec2.clone();
        let caller = match role {
            Role::Client(client, agents) => {
                let (here, theirs) = (client.clone(), agents.clone());
                http::serve(consul, move |asked| theirs.consul(&here, asked));
                http::serve(nomad, move |asked| agents.nomad(&client, asked));
                Caller::Client
            }
            Role::Server(_, address) => {
                http::pass_on(consul, (address, CONSUL).into());
                Caller::Server
            }
        };
        http::serve(asks, move |asked| ec2.answer(caller, asked));
        metadata.expect("the address of metadata")
    }

    /// The instance is terminated.
    pub(crate) fn terminate(mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }

    /// Its memory in KiB, what it shares with others divided among them, and in all.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let path = PathBuf::from(format!("/proc/{}/smaps_rollup", self.watch.id()));
        let text = fs::read_to_string(path).expect("the watch runs");
        let of = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size")
        };
        (of("Pss:"), of("Rss:"))
    }
}

async fn until_there(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {}", path.display());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
