//! What a refusal of AWS means: whether the same call may succeed soon, and whether it is a denial.

use super::service::Protocol;
use super::{AwsError, xml};
use serde_json::Value;

/// Refusals because the clock is not set yet; EC2 calls it `AuthFailure`. Each attempt is signed again, and right after
/// a boot the clock is set soon.
const WRONG_TIME: [&str; 7] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Refusals of a role or a key that is seconds old: what AWS knows of IAM is eventually consistent
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>).
const TOO_NEW: [&str; 3] =
    ["IncompleteSignature", "InvalidClientTokenId", "UnrecognizedClientException"];

/// Throttling by name, whatever the status (botocore `retries/standard.py`).
const THROTTLED: [&str; 11] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    // The parameter store, when several writers change one parameter.
    "TooManyUpdates",
];

/// Failures of the service that came with a status of 400.
const BROKEN: [&str; 8] = [
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
];

/// Whether the same call may succeed soon: for the codes above, for the statuses 408 and 429, and for every 5xx but 501
/// (not implemented) and 505 (version of HTTP), which concern the request.
pub(super) fn is_transient(status: u16, code: &str) -> bool {
    matches!(status, 408 | 429)
        || (500..600).contains(&status) && !matches!(status, 501 | 505)
        || [&WRONG_TIME[..], &TOO_NEW, &THROTTLED, &BROKEN]
            .iter()
            .any(|codes| codes.contains(&code))
}

/// Whether AWS refused who asks and when, not what was asked.
pub(super) fn is_about_the_caller(code: &str) -> bool {
    WRONG_TIME.contains(&code) || TOO_NEW.contains(&code)
}

/// The error for a refusal that is final.
pub(super) fn refusal(action: String, status: u16, said: Said) -> AwsError {
    const DENIED: [&str; 3] = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"];
    let Said { code, message, is_own } = said;
    if DENIED.contains(&code.as_str()) {
        AwsError::Denied { action, code, message }
    } else if is_own {
        AwsError::Rejected { action, status, code, message }
    } else {
        let message = format!("{code}: {message}");
        AwsError::Rejected { action, status, code: NO_CODE.to_owned(), message }
    }
}

/// The code of an error that has none of the service's own.
const NO_CODE: &str = "no code";

/// What the body of an error says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// AWS's code.
    pub(super) code: String,
    message: String,
    /// Whether it has the shape of the service's own errors. An error in another shape comes from something on the way:
    /// it shows that the call failed, but says nothing about what was asked for.
    is_own: bool,
}

/// Reads the body of an error.
pub(super) fn said(protocol: Protocol, text: &str) -> Said {
    let (own, other) = match protocol {
        Protocol::Json => (of_json(text), of_xml(text)),
        Protocol::Query => (of_xml(text), of_json(text)),
    };
    let is_own = own.is_some() || other.is_none();
    let (code, message) = own.or(other).unwrap_or_else(|| (NO_CODE.to_owned(), None));
    Said { code, message: message.unwrap_or_else(|| "no message".to_owned()), is_own }
}

/// `{"__type":"com.amazonaws.ssm#ParameterNotFound","message":"…"}`.
fn of_json(text: &str) -> Option<(String, Option<String>)> {
    let error: Value = serde_json::from_str(text).ok()?;
    let said = |key: &str| error[key].as_str().map(str::to_owned);
    let kind = said("__type")?;
    let code = kind.rsplit('#').next().unwrap_or_default().to_owned();
    Some((code, said("message").or_else(|| said("Message"))))
}

/// `<Error><Code>…</Code><Message>…</Message></Error>`, wherever the service puts it.
fn of_xml(text: &str) -> Option<(String, Option<String>)> {
    let said = |name| xml::first(text, name).map(|words| words.trim().to_owned());
    Some((said("Code")?, said("Message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, text: &str) -> (String, String) {
        let Said { code, message, is_own } = said(protocol, text);
        assert!(is_own, "{text}");
        (code, message)
    }

    fn owned(code: &str, message: &str) -> (String, String) {
        (code.to_owned(), message.to_owned())
    }

    #[test]
    fn errors_of_ec2_are_read() {
        let text = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";
        assert_eq!(read(Protocol::Query, text), owned("UnauthorizedOperation", "no"));
        assert_eq!(read(Protocol::Query, "<html>"), owned("no code", "no message"));
        let short = "<ErrorResponse><Error><Code> Throttling </Code></Error></ErrorResponse>";
        assert_eq!(read(Protocol::Query, short), owned("Throttling", "no message"));
    }

    #[test]
    fn errors_of_json_services_are_read() {
        for (text, code, message) in [
            (
                r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
                "ThrottlingException",
                "Rate exceeded",
            ),
            (
                r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#,
                "ParameterNotFound",
                "no message",
            ),
            (
                r#"{"__type":"a#AccessDeniedException","Message":"User: x"}"#,
                "AccessDeniedException",
                "User: x",
            ),
            (r#"{"__type":5}"#, "no code", "no message"),
            (r#"{"code":"ParameterNotFound"}"#, "no code", "no message"),
            ("[]", "no code", "no message"),
            ("", "no code", "no message"),
        ] {
            assert_eq!(read(Protocol::Json, text), owned(code, message), "{text}");
        }
    }

    #[test]
    fn an_error_in_the_shape_of_another_protocol_tells_of_trouble_alone() {
        let of = |code: &str| format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        let refused = |code: &str| {
            refusal("ssm:GetParameter".to_owned(), 400, said(Protocol::Json, &of(code)))
        };
        let AwsError::Rejected { code, message, .. } = refused("ParameterNotFound") else {
            panic!("not rejected")
        };
        assert_eq!((code.as_str(), message.as_str()), ("no code", "ParameterNotFound: words"));
        assert!(matches!(refused("AccessDenied"), AwsError::Denied { .. }));
    }

    #[test]
    fn what_may_succeed_soon_is_told_from_what_stays() {
        for status in 200..600 {
            let soon =
                matches!(status, 408 | 429) || status >= 500 && status != 501 && status != 505;
            assert_eq!(is_transient(status, "no code"), soon, "{status}");
        }
        let codes = [&WRONG_TIME[..], &TOO_NEW, &THROTTLED, &BROKEN].concat();
        assert!(codes.iter().all(|code| is_transient(400, code)));
        for (status, code) in [
            (403, "UnauthorizedOperation"),
            (400, "AccessDeniedException"),
            (400, "ParameterNotFound"),
            (400, "ValidationException"),
        ] {
            assert!(!is_transient(status, code), "{code}");
        }
    }
}
