//! The HTTP clients: one without TLS roots for metadata, one that trusts only the authorities of a daemon, one for a Unix
//! socket, and one with the host's roots for AWS.

use std::path::Path;
use std::time::Duration;

/// Longest time to open a connection: every server is on this host or in this region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A client for metadata: plain HTTP only, no proxy, no redirects.
///
/// Building a client with roots reads every CA certificate of the host, which costs twice what all of `apply`
/// may cost (measured: 7.1 ms against 2.3 ms), so roots are left out where there is no TLS.
pub fn plain_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    daemon_client(timeout, None)
}

/// A client for a daemon, which may use TLS: only these authorities, in PEM, are trusted.
pub fn daemon_client(timeout: Duration, ca: Option<&str>) -> reqwest::Result<reqwest::Client> {
    let read = |pem: &str| reqwest::Certificate::from_pem_bundle(pem.as_bytes());
    let roots = ca.map(read).transpose()?.unwrap_or_default();
    base(timeout).tls_certs_only(roots).no_proxy().build()
}

/// A client for a daemon behind a Unix socket.
pub fn unix_client(socket: &Path, timeout: Duration) -> reqwest::Result<reqwest::Client> {
    base(timeout).tls_certs_only([]).no_proxy().unix_socket(socket).build()
}

/// A client for AWS: the host's trust store, and the proxy of the environment if there is one.
pub fn aws_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    base(timeout).build()
}

/// A client that trusts every certificate and tells which one it saw. It is for the report about a certificate that is not
/// trusted, and never sends anything secret.
pub(super) fn credulous_client(timeout: Duration) -> reqwest::Result<reqwest::Client> {
    base(timeout).tls_danger_accept_invalid_certs(true).tls_info(true).build()
}

fn base(timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("cos-agent/", env!("CARGO_PKG_VERSION")))
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection broke, or the body was shorter than announced.
    #[error("the answer was cut off")]
    Broken(#[from] reqwest::Error),
    /// The body is longer than the cap.
    #[error("expected an answer of at most {cap} bytes, found more")]
    TooLarge {
        /// The cap in bytes.
        cap: usize,
    },
}

/// Reads a body of at most `cap` bytes; a longer one is an error and is not cut.
pub async fn read_body(mut response: reqwest::Response, cap: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > cap {
            return Err(BodyError::TooLarge { cap });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The system's error number behind a failed request, if it failed below HTTP.
pub fn os_error(error: &reqwest::Error) -> Option<i32> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(code) =
            error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error)
        {
            return Some(code);
        }
        source = error.source();
    }
    None
}

/// The words for an answer that did not come in time.
pub const TIMED_OUT: &str = "timed out";

/// A failed request in the words of its innermost cause, which is what an operator can act on.
pub fn plain_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return TIMED_OUT.to_owned();
    }
    let words = innermost(error);
    // rustls quotes the two times, which differ at each attempt.
    if is_about_time_in(&words) { WRONG_CLOCK.to_owned() } else { words }
}

/// The words for a certificate that is not valid now; right after a boot the cause is nearly always the clock.
const WRONG_CLOCK: &str =
    "the clock of this instance is wrong, or the certificate of the service has expired";

/// Whether a request failed because the certificate is not valid at the time of this instance's clock.
pub fn is_about_time(error: &reqwest::Error) -> bool {
    is_about_time_in(&innermost(error))
}

/// Whether a request failed because no authority of the host's trust store signed the certificate, as one that signed
/// itself, or because that store is empty.
pub fn is_about_trust(error: &reqwest::Error) -> bool {
    let words = innermost(error);
    ["UnknownIssuer", "CaUsedAsEndEntity", "No CA certificates"]
        .iter()
        .any(|part| words.contains(part))
}

/// Whether these are words of rustls's `CertificateError` about the time.
fn is_about_time_in(words: &str) -> bool {
    words.contains("certificate expired") || words.contains("certificate not valid yet")
}

fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// `Retry-After` in seconds, as RFC 9110 10.2.3 allows it; the date form is not used by the services we ask.
pub fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    response
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}
