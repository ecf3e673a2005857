//! The way to an HTTPS endpoint, step by step: the name, the connection, TLS, an answer. Nothing is signed, so every answer
//! will do.

use crate::system::clock::Offset;
use crate::system::http;
use futures_util::future::{join, join_all};
use reqwest::Url;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Longest time for a name, and for a connection: long enough for the kernel to send a lost SYN again after 1 s.
pub const STEP: Duration = Duration::from_millis(1500);
/// Longest time for the second request to a server that takes connections and is slow.
const SLOW: Duration = Duration::from_millis(2500);
/// How many addresses of a name are tried.
const ADDRESSES: usize = 8;

/// An endpoint, and how far a request to it gets.
#[derive(Debug)]
pub struct Endpoint {
    /// Its address.
    pub url: String,
    /// The host in that address.
    pub host: String,
    /// The port in that address.
    pub port: u16,
    /// The addresses of the host; empty if its name does not resolve.
    pub addresses: Vec<IpAddr>,
    /// Whether it answered.
    pub result: Result<Answer, Obstacle>,
}

/// An answer, whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The address that answered; `None` behind a proxy that hides it.
    pub address: Option<IpAddr>,
    /// The clock of this host against that of the server; `None` if the answer has no date.
    pub clock: Option<Offset>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The name does not resolve, in the words of the resolver.
    Unresolved(String),
    /// No address answered the request for a connection within [`STEP`].
    Silent,
    /// The host refused the connection.
    Refused,
    /// The kernel has no way there, in its words.
    Unroutable(String),
    /// No authority that this host trusts signed the certificate; its issuer, if the server shows it.
    Untrusted(Option<String>),
    /// The certificate is not valid at the time of this host's clock.
    WrongTime,
    /// It took the connection and gave no answer in time.
    Mute,
    /// Anything else, in the words of the library.
    Other(String),
}

/// Tries an endpoint. It takes at most 4 s, and normally milliseconds.
pub async fn look(url: &str, path: &str) -> Endpoint {
    let place = Url::parse(url).ok().and_then(|url| {
        Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?))
    });
    let (host, port) = place.unwrap_or_default();
    let target = format!("{}{path}", url.trim_end_matches('/'));
    // The steps are taken beside the request, not before it: only the request uses a proxy of the environment.
    let (first, (addresses, way)) = join(ask(&target, STEP), steps(&host, port)).await;
    let result = match (first, way) {
        (Ok(answer), _) => Ok(answer),
        (Err(Failed { is_timeout: true, .. }), Ok(())) => {
            ask(&target, SLOW).await.map_err(|failed| failed.obstacle)
        }
        (Err(failed), Ok(())) => Err(failed.obstacle),
        (Err(_), Err(obstacle)) => Err(obstacle),
    };
    Endpoint { url: url.to_owned(), host, port, addresses, result }
}

/// Why a request failed.
struct Failed {
    obstacle: Obstacle,
    is_timeout: bool,
}

async fn ask(url: &str, limit: Duration) -> Result<Answer, Failed> {
    let started = Instant::now();
    let sent = match http::aws_client(limit) {
        Ok(client) => client.get(url).send().await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(response) => Ok(Answer {
            address: response.remote_addr().map(|address| address.ip()),
            clock: Offset::of(&response),
            elapsed: started.elapsed(),
        }),
        Err(error) => {
            let obstacle = if error.is_timeout() {
                Obstacle::Mute
            } else if http::is_about_time(&error) {
                Obstacle::WrongTime
            } else if http::is_about_trust(&error) {
                Obstacle::Untrusted(issuer(url).await)
            } else {
                Obstacle::Other(http::plain_words(&error))
            };
            Err(Failed { obstacle, is_timeout: error.is_timeout() })
        }
    }
}

/// Who signed the certificate that a server shows.
async fn issuer(url: &str) -> Option<String> {
    let response = http::credulous_client(STEP).ok()?.get(url).send().await.ok()?;
    let shown = response.extensions().get::<reqwest::tls::TlsInfo>()?;
    let certificate = Certificate::from_der(shown.peer_certificate()?).ok()?;
    let issuer = certificate.tbs_certificate().issuer().to_string();
    (!issuer.is_empty()).then_some(issuer)
}

/// The addresses of a host, and whether one of them takes a connection.
async fn steps(host: &str, port: u16) -> (Vec<IpAddr>, Result<(), Obstacle>) {
    let unresolved = |words: String| (Vec::new(), Err(Obstacle::Unresolved(words)));
    let found: BTreeSet<SocketAddr> = match timeout(STEP, lookup_host((host, port))).await {
        Err(_) => return unresolved(format!("no answer within {:.1} s", STEP.as_secs_f64())),
        Ok(Err(error)) => return unresolved(resolver_words(&error)),
        Ok(Ok(found)) => found.collect(),
    };
    let tried = found.iter().take(ADDRESSES).map(|address| async {
        timeout(STEP, TcpStream::connect(*address)).await.ok().map(|tried| tried.map(drop))
    });
    let tried = join_all(tried).await;
    (found.into_iter().map(|address| address.ip()).collect(), way(&tried))
}

/// Whether one of the connections was made; `None` is one that was not answered.
fn way(tried: &[Option<std::io::Result<()>>]) -> Result<(), Obstacle> {
    let errors = || tried.iter().flatten().filter_map(|tried| tried.as_ref().err());
    if tried.iter().flatten().any(Result::is_ok) {
        Ok(())
    } else if tried.iter().any(Option::is_none)
        || errors().any(|error| error.kind() == ErrorKind::TimedOut)
    {
        Err(Obstacle::Silent)
    } else if errors().any(|error| error.kind() == ErrorKind::ConnectionRefused) {
        Err(Obstacle::Refused)
    } else {
        let words = errors().next().map(ToString::to_string);
        Err(words.map_or_else(
            || Obstacle::Unresolved("the name has no address".to_owned()),
            Obstacle::Unroutable,
        ))
    }
}

/// The words of `getaddrinfo`, without those of the library around them.
fn resolver_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.strip_prefix("failed to lookup address information: ").unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn one_connection_is_enough_and_silence_says_more_than_a_refusal() {
        let refused = || Some(Err(ErrorKind::ConnectionRefused.into()));
        let unroutable = || Some(Err(std::io::Error::other("no route")));
        assert_eq!(way(&[None, refused(), Some(Ok(()))]), Ok(()));
        assert_eq!(way(&[refused(), None]), Err(Obstacle::Silent));
        assert_eq!(way(&[unroutable(), refused()]), Err(Obstacle::Refused));
        assert_eq!(way(&[unroutable()]), Err(Obstacle::Unroutable("no route".to_owned())));
        assert!(matches!(way(&[]), Err(Obstacle::Unresolved(_))));
    }

    #[tokio::test]
    async fn an_answer_of_any_status_is_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serve = async {
            // The request and the connection that says nothing, in either order.
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 512];
                if connection.read(&mut request).await.unwrap_or(0) > 0 {
                    let answer = "HTTP/1.1 403 no\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n";
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        };
        let seen = tokio::select! { seen = look(&url, "/") => seen, () = serve => unreachable!() };
        let answer = seen.result.unwrap();
        assert!(answer.clock.unwrap().seconds_ahead() > 1e9);
        assert_eq!(answer.address, Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!((&*seen.host, seen.addresses.len()), ("127.0.0.1", 1));
    }

    #[tokio::test]
    async fn a_port_at_which_nobody_listens_and_an_address_that_is_none_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(look(&url, "/").await.result.unwrap_err(), Obstacle::Refused);
        assert!(matches!(look("nonsense", "/").await.result, Err(Obstacle::Unresolved(_))));
    }
}
