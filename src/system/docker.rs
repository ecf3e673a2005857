//! The docker daemon: its API on the Unix socket (<https://docs.docker.com/reference/api/engine/>). Only questions.

use super::http;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// Where docker listens.
pub const SOCKET: &str = "/var/run/docker.sock";
/// Largest answer that is read, in bytes: `/info` has a few KiB.
const ANSWER_CAP: usize = 1024 * 1024;

/// Why docker gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    /// The socket cannot be reached.
    #[error("cannot reach docker at {SOCKET}: {words}")]
    Unreachable {
        /// The system's words.
        words: String,
        /// Whether this user may not use the socket.
        is_denied: bool,
    },
    /// The connection was accepted, but no answer came.
    #[error("docker has not answered {path} for {:.1} s", after.as_secs_f64())]
    Silent {
        /// What was asked.
        path: &'static str,
        /// How long the request waited.
        after: Duration,
    },
    /// An answer that is not what the API documents.
    #[error("docker answered {path} with {found}")]
    Unexpected {
        /// What was asked.
        path: &'static str,
        /// The status, or what is wrong with the body.
        found: String,
    },
}

/// What docker reports about itself under `/info`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// The version of the daemon.
    #[serde(default)]
    pub server_version: String,
}

/// Whether docker answers at all: `/_ping` needs no lock of the daemon.
pub async fn ping(socket: &Path, timeout: Duration) -> Result<(), DockerError> {
    ask(socket, "/_ping", timeout).await.map(drop)
}

/// What docker reports about itself. This takes the locks of the daemon, so a daemon that hangs does not answer it.
pub async fn info(socket: &Path, timeout: Duration) -> Result<Info, DockerError> {
    let path = "/info";
    let body = ask(socket, path, timeout).await?;
    serde_json::from_slice(&body)
        .map_err(|error| DockerError::Unexpected { path, found: error.to_string() })
}

async fn ask(socket: &Path, path: &'static str, timeout: Duration) -> Result<Vec<u8>, DockerError> {
    let unreachable = |error: &reqwest::Error| DockerError::Unreachable {
        words: http::plain_words(error),
        is_denied: http::os_error(error) == Some(nix::libc::EACCES),
    };
    let client = http::unix_client(socket, timeout).map_err(|error| unreachable(&error))?;
    // The host is not looked up.
    let response = match client.get(format!("http://docker{path}")).send().await {
        Ok(response) => response,
        Err(error) if error.is_timeout() => {
            return Err(DockerError::Silent { path, after: timeout });
        }
        Err(error) => return Err(unreachable(&error)),
    };
    let status = response.status();
    if !status.is_success() {
        return Err(DockerError::Unexpected { path, found: format!("status {status}") });
    }
    http::read_body(response, ANSWER_CAP)
        .await
        .map_err(|error| DockerError::Unexpected { path, found: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    const SHORT: Duration = Duration::from_millis(300);

    /// A daemon that answers each request with these bytes; none: it never answers.
    fn daemon(answer: &'static str) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (directory, path)
    }

    #[tokio::test]
    async fn a_daemon_that_answers_says_its_version() {
        let body = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"ServerVersion\":\"20.10.24\"} ";
        let (_directory, socket) = daemon(body);
        ping(&socket, SHORT).await.unwrap();
        assert_eq!(info(&socket, SHORT).await.unwrap().server_version, "20.10.24");
    }

    #[tokio::test]
    async fn silence_a_refusal_and_no_daemon_are_told_apart() {
        let (_directory, socket) = daemon("");
        let silent = ping(&socket, SHORT).await.unwrap_err();
        assert_eq!(silent.to_string(), "docker has not answered /_ping for 0.3 s");
        let (_directory, socket) = daemon("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
        let error = info(&socket, SHORT).await.unwrap_err();
        assert!(error.to_string().contains("/info with status 500"), "{error}");
        let error = ping(Path::new("/nowhere/docker.sock"), SHORT).await.unwrap_err();
        assert!(matches!(error, DockerError::Unreachable { is_denied: false, .. }), "{error}");
    }
}
