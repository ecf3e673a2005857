//! One attempt at the metadata service: what its answer means, and whether another attempt may help.

use super::{BodyProblem, ImdsError, LastFailure};
use crate::system::http;
use reqwest::StatusCode;
use std::time::Duration;

/// Longest pause that `Retry-After` may ask for: the service is on this host, and a boot waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The result of one attempt.
pub(super) enum Attempt<T> {
    /// The value.
    Done(T),
    /// Worth another try: why, and the pause that the service asked for.
    Again(LastFailure, Option<Duration>),
    /// An answer that the metadata service never gives, so something else may have sent it. The agent tries again until
    /// the deadline, then reports this error.
    Odd(ImdsError),
    /// No answer within the limit of one try.
    TimedOut,
    /// No connection. The next attempt starts when the network changes.
    NoRoute,
}

/// Whether the status says that another attempt may succeed.
pub(super) fn retryable(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// The attempt that ended with such a status.
pub(super) fn again<T>(status: StatusCode, response: &reqwest::Response) -> Attempt<T> {
    let pause = http::retry_after(response).map(|asked| asked.min(LONGEST_PAUSE));
    Attempt::Again(LastFailure::Status(status.as_u16()), pause)
}

/// The attempt whose request failed.
pub(super) fn failed<T>(error: &reqwest::Error) -> Attempt<T> {
    use nix::libc::{EADDRNOTAVAIL, EHOSTUNREACH, ENETDOWN, ENETUNREACH};
    match http::os_error(error) {
        Some(EADDRNOTAVAIL | EHOSTUNREACH | ENETDOWN | ENETUNREACH) => Attempt::NoRoute,
        _ if error.is_timeout() => Attempt::TimedOut,
        _ => Attempt::Again(LastFailure::Connection(http::plain_words(error)), None),
    }
}

/// The body as text. Only some paths may have an empty value; elsewhere an empty body does not come from the service.
pub(super) fn text(body: Vec<u8>, may_be_empty: bool) -> Result<String, BodyProblem> {
    let text = String::from_utf8(body).map_err(|_| BodyProblem::NotUtf8)?;
    if text.trim().is_empty() && !may_be_empty {
        return Err(BodyProblem::Empty);
    }
    if looks_like_html(&text) {
        return Err(BodyProblem::Html);
    }
    Ok(text)
}

/// The body, unless it is a web page.
pub(super) fn no_page(body: Vec<u8>) -> Result<Vec<u8>, BodyProblem> {
    let start = String::from_utf8_lossy(body.get(..256).unwrap_or(&body));
    if looks_like_html(&start) { Err(BodyProblem::Html) } else { Ok(body) }
}

fn looks_like_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_recognised_and_xml_is_not() {
        assert!(looks_like_html("  <!DOCTYPE HTML PUBLIC"));
        assert!(looks_like_html("<html><body>502"));
        assert!(!looks_like_html("<powershell>"));
        assert!(!looks_like_html("i-0123456789abcdef0"));
    }

    #[test]
    fn a_pause_that_nobody_can_mean_is_cut() {
        for (asked, seconds) in
            [("3", Some(3)), ("18446744073709551615", Some(10)), ("86400", Some(10)), ("x", None)]
        {
            let response =
                hyper::Response::builder().status(503).header("retry-after", asked).body("");
            let response = reqwest::Response::from(response.unwrap());
            let Attempt::<()>::Again(why, pause) =
                again(StatusCode::SERVICE_UNAVAILABLE, &response)
            else {
                panic!("503 is tried again");
            };
            assert_eq!(
                (why, pause),
                (LastFailure::Status(503), seconds.map(Duration::from_secs)),
                "{asked}"
            );
        }
    }
}
