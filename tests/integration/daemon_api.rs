//! What a daemon's API is asked with: the token in the header of that daemon, and TLS by the authorities that are given.

use crate::support::address::own_address;
use cos_agent::state::Daemon;
use cos_agent::system::daemon::api::{Api, ApiError};
use cos_agent::system::daemon::endpoint::Endpoint;
use cos_agent::system::environment::Environment;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);

/// The endpoint of a daemon, as the environment has it.
fn endpoint(daemon: Daemon, url: &str) -> Endpoint {
    let mut environment = Environment::default();
    match daemon {
        Daemon::Consul => url.clone_into(&mut environment.consul_api),
        Daemon::Nomad => url.clone_into(&mut environment.nomad_api),
    }
    Endpoint::of(daemon, &environment)
}

/// The headers of tokens in a request: name and value.
fn tokens(request: &str) -> Vec<(String, String)> {
    let headers = request.lines().filter_map(|line| line.split_once(": "));
    let tokens = headers.filter(|(name, _)| name.to_ascii_lowercase().contains("token"));
    tokens.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
}

#[tokio::test]
async fn a_token_goes_in_the_header_of_the_daemon_it_is_for() {
    for (daemon, header) in [(Daemon::Consul, "x-consul-token"), (Daemon::Nomad, "x-nomad-token")] {
        for (own, of_request, sent) in [
            (None, None, None),
            (Some("agent"), None, Some("agent")),
            (None, Some("node"), Some("node")),
            (Some("agent"), Some("node"), Some("node")),
        ] {
            let listener = TcpListener::bind((own_address(), 0)).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let asked = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                tokens(&String::from_utf8(request).unwrap())
            });
            let own = own.map(str::to_owned);
            let api = Api::new(Endpoint { token: own, ..endpoint(daemon, &url) }, TIMEOUT).unwrap();
            api.get_with_token("/v1/agent/self", of_request).await.unwrap();
            let expected: Vec<_> =
                sent.map(|token: &str| (header.to_owned(), token.to_owned())).into_iter().collect();
            assert_eq!(asked.join().unwrap(), expected, "{daemon:?}");
        }
    }
}

/// A server of TLS that answers every request; it ends with the test.
struct TlsServer {
    process: Child,
    directory: tempfile::TempDir,
    url: String,
}

impl TlsServer {
    /// With a certificate of its own authority.
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = own_address();
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            command.args(arguments.split(' ')).current_dir(&directory).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30";
        for arguments in [
            format!("{new} -subj /CN=authority -keyout ca.key -out ca.pem"),
            format!("{new} -subj /CN=other -keyout other.key -out other.pem"),
            format!(
                "{new} -subj /CN=server -addext subjectAltName=IP:{address} -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem"
            ),
        ] {
            assert!(openssl(&arguments).status().unwrap().success(), "openssl {arguments}");
        }
        let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let serve =
            format!("s_server -accept {address}:{port} -cert server.pem -key server.key -www");
        let process = openssl(&serve).spawn().unwrap();
        Self { process, directory, url: format!("https://{address}:{port}") }
    }

    fn pem(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_daemon_over_tls_is_trusted_by_its_authority_alone() {
    let server = TlsServer::start();
    let ask = async |ca: Option<String>| {
        let endpoint = Endpoint { ca, ..endpoint(Daemon::Consul, &server.url) };
        Api::new(endpoint, TIMEOUT)?.get("/").await.map(|answer| answer.status)
    };
    let started = Instant::now();
    loop {
        match ask(Some(server.pem("ca.pem"))).await {
            Ok(status) => break assert_eq!(status, 200),
            Err(ApiError::Unreachable { refused: true, .. }) if started.elapsed() < TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    for ca in [None, Some(server.pem("other.pem"))] {
        let refused = ask(ca).await.unwrap_err().to_string();
        assert!(refused.contains("certificate"), "{refused}");
    }
}
