//! Signed calls to AWS: the credentials of the instance role, `SigV4`, one POST.
//!
//! No SDK: one signature and one form are all that a node needs (an SDK build is 7.2 MB against 3.6 MB).

use super::environment;
use super::http;
use super::imds::{Imds, ImdsError};
use super::retry::{Backoff, Deadline};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// Longest time for one answer of AWS.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon a call is made again where AWS answered that it is busy, at first.
const BUSY: Duration = Duration::from_millis(500);
/// The same where nothing was reached: in the first second of a boot DHCP has yet to name a resolver.
const AWAY: Duration = Duration::from_millis(50);
/// How long a pause may become.
const LAST: Duration = Duration::from_secs(20);
/// Largest page that is read: 1000 tags of 128 + 256 characters are far below it.
const PAGE_CAP: usize = 8 * 1024 * 1024;

/// Where a service is and how its requests are signed.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `https://ec2.eu-central-1.amazonaws.com`, or what the environment redirects it to.
    pub url: String,
    /// The region in the signature.
    pub region: String,
    /// The service in the signature, such as `ec2`.
    pub service: &'static str,
}

/// Why AWS gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The instance has no role, or its credentials never came.
    #[error("the instance metadata holds no role credentials (`{0}` answers 404)")]
    NoCredentials(&'static str),
    /// The instance has a role, but its credentials did not come in time.
    #[error("the credentials of the role {role} are late (`{CREDENTIALS}{role}` answers 404)")]
    LateCredentials {
        /// The role.
        role: String,
    },
    /// The role exists but hands out no credentials; EC2 says why.
    #[error("the instance role gives no credentials: {code}: {message}")]
    BadCredentials {
        /// EC2's code, such as `AssumeRoleUnauthorizedAccess`.
        code: String,
        /// EC2's words.
        message: String,
    },
    /// The credentials could not be fetched.
    #[error("cannot fetch the role credentials")]
    Credentials(#[from] ImdsError),
    /// The role may not do this.
    #[error("{action} is denied: {code}: {message}")]
    Denied {
        /// The IAM action, such as `ec2:DescribeTags`.
        action: String,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// AWS refused the request for another reason.
    #[error("{action} fails with status {status}: {code}: {message}")]
    Rejected {
        /// The IAM action.
        action: String,
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer by the deadline.
    #[error("{url} gave no usable answer to {action} after {attempts} attempts in {:.1} s; the last: {last}", elapsed.as_secs_f64())]
    Unreachable {
        /// The IAM action.
        action: String,
        /// The endpoint.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// How long it was tried.
        elapsed: Duration,
        /// What went wrong the last time.
        last: String,
        /// Whether somebody was there, only throttled or broken.
        answered: bool,
    },
    /// An answer that is not what the API documents.
    #[error("{action}: the answer is not what the API documents: {problem}")]
    Malformed {
        /// The IAM action.
        action: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The request could not be made or signed.
    #[error("cannot make the request: {0}")]
    Request(String),
}

impl AwsError {
    /// Whether somebody is there and only cannot answer yet: throttled, broken, late, or at odds about the time.
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { answered: true, .. }
                | Self::LateCredentials { .. }
                | Self::Credentials(ImdsError::Deadline { answered: true, .. })
        )
    }

    /// What is in the way and what to do about it, without times and numbers: the same words for the same trouble, so
    /// that whoever tries again for hours says and writes it once.
    pub fn trouble(&self) -> String {
        match self {
            Self::Denied { action, code, message } => {
                // EC2 adds a blob that is another one each time.
                let message = message.split(" Encoded authorization failure message").next();
                let message = message.unwrap_or_default();
                format!(
                    "{action} is denied: {code}: {message}; allow `{action}` in the policy of the instance role"
                )
            }
            Self::Unreachable { action, url, last, answered: true, .. } => {
                format!("{url} gives no usable answer to {action}: {last}")
            }
            Self::Unreachable { action, url, last, .. } => {
                let service = action.split(':').next().unwrap_or_default();
                format!(
                    "{url} gives no usable answer to {action}: {last}; a subnet without internet needs the VPC endpoint `{service}`"
                )
            }
            Self::Credentials(error) => format!("{self}: {}", error.trouble()),
            _ => self.to_string(),
        }
    }
}

/// A client for one service with the credentials of the instance role.
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    deadline: Deadline,
    patience: Deadline,
}

/// The headers that say what a body is; they are signed.
type Headers<'a> = &'a [(&'static str, &'a str)];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsDocument {
    code: String,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
}

/// Where the role and its credentials are, below `/latest/`.
pub const CREDENTIALS: &str = "meta-data/iam/security-credentials/";

/// Whether the instance has a role by now; its credentials may still be late.
pub async fn has_role(imds: &Imds) -> Result<bool, ImdsError> {
    Ok(imds.text(CREDENTIALS).await?.is_some())
}

impl Client {
    /// Fetches the credentials and prepares a client. This is where the trust store of the host is read.
    pub async fn connect(imds: &Imds, endpoint: Endpoint) -> Result<Self, AwsError> {
        let credentials = role_credentials(imds).await?;
        let http = http::aws_client(ANSWER_TIMEOUT)
            .map_err(|error| AwsError::Request(http::plain_words(&error)))?;
        let deadline = imds.deadline();
        Ok(Self { http, endpoint, credentials, deadline, patience: deadline })
    }

    /// Gives up a service that says nothing at one deadline, and one that is there but cannot answer yet (throttling
    /// and 5xx) at another.
    #[must_use]
    pub fn until(self, deadline: Deadline, patience: Deadline) -> Self {
        Self { deadline, patience, ..self }
    }

    /// One call of a Query API: the XML of a success. Throttling and transient failures are retried until the
    /// deadline; a denial is final.
    pub async fn query(
        &self,
        action: &str,
        version: &str,
        parameters: &[(String, String)],
    ) -> Result<String, AwsError> {
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        self.call(action, &[("content-type", FORM)], &form(action, version, parameters)).await
    }

    /// One call of a JSON API, such as `GetParameter` of `AmazonSSM`: the JSON of a success; retries as above.
    ///
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    pub async fn json(&self, api: &str, action: &str, body: &Value) -> Result<Value, AwsError> {
        let target = format!("{api}.{action}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", &target)];
        let text = self.call(action, &headers, &body.to_string()).await?;
        serde_json::from_str(&text).map_err(|error| AwsError::Malformed {
            action: format!("{}:{action}", self.endpoint.service),
            problem: format!("no JSON ({error})"),
        })
    }

    async fn call(
        &self,
        action: &str,
        headers: Headers<'_>,
        body: &str,
    ) -> Result<String, AwsError> {
        let action = format!("{}:{action}", self.endpoint.service);
        let mut busy = Backoff::new(BUSY, LAST);
        let mut away = Backoff::new(AWAY, LAST);
        let mut attempts = 0;
        let mut answered = false;
        loop {
            attempts += 1;
            let deadline = if answered { self.patience } else { self.deadline };
            let (last, wait) = match self.post(headers, body, deadline).await? {
                Ok((200, text)) => return Ok(text),
                Ok((status, text)) => {
                    let (code, message) = error_of(&text);
                    if !transient(status, &code) {
                        return Err(refusal(action, status, code, message));
                    }
                    answered = true;
                    (format!("status {status} {code}"), busy.delay())
                }
                Err(last) => (last, away.delay()),
            };
            let deadline = if answered { self.patience } else { self.deadline };
            if !deadline.allows(wait) {
                let url = self.endpoint.url.clone();
                return Err(AwsError::Unreachable {
                    action,
                    url,
                    attempts,
                    elapsed: deadline.elapsed(),
                    last,
                    answered,
                });
            }
            tracing::debug!("{action}: {last}; trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Signs and sends. The outer error is ours, the inner one the network's.
    async fn post(
        &self,
        headers: Headers<'_>,
        body: &str,
        deadline: Deadline,
    ) -> Result<Result<(u16, String), String>, AwsError> {
        let unsigned = |error: &dyn std::fmt::Display| AwsError::Request(error.to_string());
        let url = format!("{}/", self.endpoint.url.trim_end_matches('/'));
        let host =
            url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.endpoint.region)
            .name(self.endpoint.service)
            .time(environment::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(&error))?
            .into();
        let request = SignableRequest::new(
            "POST",
            &url,
            headers.iter().copied().chain([("host", host)]),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(|error| unsigned(&error))?;
        let (instructions, _) =
            sign(request, &parameters).map_err(|error| unsigned(&error))?.into_parts();
        let mut request =
            self.http.post(&url).timeout(ANSWER_TIMEOUT.min(deadline.left())).body(body.to_owned());
        for (name, value) in headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(http::plain_words(&error))),
        };
        let status = response.status().as_u16();
        Ok(match http::read_body(response, PAGE_CAP).await {
            Ok(bytes) => Ok((status, String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// The role's credentials. They may come later than the instance, so 404 is retried: of a role that may not exist until
/// the deadline, of one that does for as long as there is patience.
async fn role_credentials(imds: &Imds) -> Result<Credentials, AwsError> {
    let list = late(imds, CREDENTIALS, imds.deadline()).await?;
    let list = list.ok_or(AwsError::NoCredentials(CREDENTIALS))?;
    let role = list.lines().next().unwrap_or_default().trim();
    let text = late(imds, &format!("{CREDENTIALS}{role}"), imds.patience()).await?;
    let text = text.ok_or_else(|| AwsError::LateCredentials { role: role.to_owned() })?;
    let malformed =
        |problem: String| AwsError::Malformed { action: format!("`{CREDENTIALS}{role}`"), problem };
    // The parser's own words may quote the document, which is a secret: only the place of the error is passed on.
    let document: CredentialsDocument = serde_json::from_str(&text).map_err(|error| {
        malformed(format!(
            "no JSON of credentials (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if document.code != "Success" {
        let message = document.message.unwrap_or_default();
        return Err(AwsError::BadCredentials { code: document.code, message });
    }
    match (document.access_key_id, document.secret_access_key) {
        (Some(key), Some(secret)) => {
            Ok(Credentials::new(key, secret, document.token, None, "instance role"))
        }
        _ => Err(malformed("`AccessKeyId` or `SecretAccessKey` is missing".to_owned())),
    }
}

/// A value that may be late, `None` where it is not there at the deadline.
async fn late(imds: &Imds, path: &str, deadline: Deadline) -> Result<Option<String>, ImdsError> {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
    loop {
        let text = imds.text(path).await?;
        let wait = backoff.delay();
        if text.is_some() || !deadline.allows(wait) {
            return Ok(text);
        }
        tokio::time::sleep(wait).await;
    }
}

/// The body of a Query request: sorted by nothing, as the API asks for no order.
fn form(action: &str, version: &str, parameters: &[(String, String)]) -> String {
    let mut body = format!("Action={action}&Version={version}");
    for (key, value) in parameters {
        body.push('&');
        body.push_str(&percent_encode(key));
        body.push('=');
        body.push_str(&percent_encode(value));
    }
    body
}

/// RFC 3986: everything but the unreserved characters is encoded, which is what the signature expects too.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// What every SDK retries (botocore `retries/standard.py`): throttling by name, and the transient statuses. Besides what
/// a clock that is not set yet comes to: each attempt is signed anew, and right after a boot the clock is soon set.
fn transient(status: u16, code: &str) -> bool {
    const WRONG_TIME: [&str; 6] = [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    ];
    const THROTTLED: [&str; 9] = [
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "SlowDown",
        "EC2ThrottledException",
        "BandwidthLimitExceeded",
        // The parameter store, of writers that meet at one parameter.
        "TooManyUpdates",
    ];
    status == 429
        || matches!(status, 500 | 502 | 503 | 504)
        || THROTTLED.contains(&code)
        || WRONG_TIME.contains(&code)
}

fn refusal(action: String, status: u16, code: String, message: String) -> AwsError {
    let denied =
        ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"].contains(&code.as_str());
    if denied {
        AwsError::Denied { action, code, message }
    } else {
        AwsError::Rejected { action, status, code, message }
    }
}

/// Code and message of an error body. EC2, the Query services and the JSON services each have their own shape.
fn error_of(text: &str) -> (String, String) {
    let between = |open: &str, close: &str| {
        let start = text.find(open)? + open.len();
        let end = text[start..].find(close)? + start;
        Some(text[start..end].trim().to_owned())
    };
    if let Ok(error) = serde_json::from_str::<Value>(text) {
        let said = |key: &str| error[key].as_str().map(str::to_owned);
        let kind = said("__type").unwrap_or_else(|| "no code".to_owned());
        let message = said("message").or_else(|| said("Message"));
        return (
            kind.rsplit('#').next().unwrap_or_default().to_owned(),
            message.unwrap_or_else(|| "no message".to_owned()),
        );
    }
    let code = between("<Code>", "</Code>").unwrap_or_else(|| "no code".to_owned());
    let message = between("<Message>", "</Message>").unwrap_or_else(|| "no message".to_owned());
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_the_signature_expects() {
        let body =
            form("DescribeTags", "2016-11-15", &[("Filter.1.Name".into(), "tag:cos:role".into())]);
        assert_eq!(body, "Action=DescribeTags&Version=2016-11-15&Filter.1.Name=tag%3Acos%3Arole");
    }

    #[test]
    fn errors_of_ec2_are_read() {
        let text = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";
        assert_eq!(error_of(text), ("UnauthorizedOperation".to_owned(), "no".to_owned()));
        assert_eq!(error_of("<html>"), ("no code".to_owned(), "no message".to_owned()));
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
            ("[]", "no code", "no message"),
            ("", "no code", "no message"),
        ] {
            assert_eq!(error_of(text), (code.to_owned(), message.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_same_trouble_has_the_same_words() {
        let unreachable = |attempts, answered, last: &str| AwsError::Unreachable {
            action: "ec2:DescribeInstances".to_owned(),
            url: "https://ec2".to_owned(),
            attempts,
            elapsed: Duration::from_secs(u64::from(attempts)),
            last: last.to_owned(),
            answered,
        };
        let silent = unreachable(6, false, "timed out").trouble();
        assert_eq!(silent, unreachable(7, false, "timed out").trouble());
        assert!(
            silent.ends_with("timed out; a subnet without internet needs the VPC endpoint `ec2`")
        );
        let throttled = unreachable(6, true, "status 503 RequestLimitExceeded").trouble();
        assert!(throttled.ends_with("RequestLimitExceeded"), "{throttled}");
        let denied = |blob: &str| {
            let message = format!("You may not. Encoded authorization failure message: {blob}");
            refusal("ec2:DescribeInstances".into(), 403, "UnauthorizedOperation".into(), message)
        };
        assert_eq!(denied("a").trouble(), denied("b").trouble());
        assert!(denied("a").trouble().contains("UnauthorizedOperation: You may not.; allow `ec2:"));
    }

    #[test]
    fn throttling_is_transient_and_denial_is_not() {
        assert!(transient(503, "RequestLimitExceeded"));
        assert!(transient(400, "Throttling"));
        assert!(!transient(403, "UnauthorizedOperation"));
        assert!(transient(400, "InvalidSignatureException") && transient(403, "ExpiredToken"));
        assert!(matches!(
            refusal("a".into(), 403, "AccessDenied".into(), String::new()),
            AwsError::Denied { .. }
        ));
    }
}
