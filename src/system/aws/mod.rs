//! Signed calls to AWS: the credentials of the instance role, `SigV4`, one POST.
//!
//! No SDK: one signature and one form are all that a node needs (an SDK build is 7.2 MB against 3.6 MB).

mod credentials;
mod error;
mod refusal;
pub(super) mod xml;

pub use credentials::{CREDENTIALS, has_role};
pub use error::AwsError;

use super::environment;
use super::http;
use super::imds::Imds;
use super::retry::{Backoff, Deadline};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use refusal::Protocol;
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

/// A client for one service with the credentials of the instance role.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    credentials: Credentials,
    deadline: Deadline,
    patience: Deadline,
    is_single: bool,
}

/// What came of one attempt.
enum Reply {
    /// An answer: its status and its whole body.
    Whole(u16, String),
    /// Somebody is there, but what came is no whole answer, and why.
    Started(String),
    /// Not a byte came, and why.
    Nothing(String),
}

/// The headers that say what a body is; they are signed.
type Headers<'a> = &'a [(&'static str, &'a str)];

impl Client {
    /// Fetches the credentials and prepares a client. This is where the trust store of the host is read.
    pub async fn connect(imds: &Imds, endpoint: Endpoint) -> Result<Self, AwsError> {
        let credentials = credentials::of_role(imds).await?;
        let http = http::aws_client(ANSWER_TIMEOUT)
            .map_err(|error| AwsError::Request(http::plain_words(&error)))?;
        let deadline = imds.deadline();
        Ok(Self { http, endpoint, credentials, deadline, patience: deadline, is_single: false })
    }

    /// Gives up a service that says nothing at one deadline, and one that is throttled, broken or cut off at another.
    #[must_use]
    pub fn until(self, deadline: Deadline, patience: Deadline) -> Self {
        Self { deadline, patience, ..self }
    }

    /// Tries each call once: for what many nodes ask at the same time, and ask again by themselves.
    #[must_use]
    pub fn single(self) -> Self {
        Self { is_single: true, ..self }
    }

    /// One call of a Query API: the XML of a success. Transient failures are retried until the deadline; a denial is final.
    pub async fn query(
        &self,
        action: &str,
        version: &str,
        parameters: &[(String, String)],
    ) -> Result<String, AwsError> {
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let body = form(action, version, parameters);
        self.call(Protocol::Query, action, &[("content-type", FORM)], &body).await
    }

    /// One call of a JSON API, such as `GetParameter` of `AmazonSSM`: the JSON of a success; retries as above
    /// <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
    pub async fn json(&self, api: &str, action: &str, body: &Value) -> Result<Value, AwsError> {
        let target = format!("{api}.{action}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", &target)];
        let text = self.call(Protocol::Json, action, &headers, &body.to_string()).await?;
        serde_json::from_str(&text).map_err(|error| AwsError::Malformed {
            action: format!("{}:{action}", self.endpoint.service),
            problem: format!("no JSON ({error})"),
        })
    }

    async fn call(
        &self,
        protocol: Protocol,
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
                Reply::Whole(200, text) => return Ok(text),
                Reply::Whole(status, text) => {
                    let said = refusal::said(protocol, &text);
                    if !refusal::is_transient(status, &said.code) {
                        return Err(refusal::refusal(action, status, said));
                    }
                    answered = true;
                    (format!("status {status} {}", said.code), busy.delay())
                }
                Reply::Started(words) => {
                    answered = true;
                    (words, busy.delay())
                }
                Reply::Nothing(words) => (words, away.delay()),
            };
            let deadline = if answered { self.patience } else { self.deadline };
            if self.is_single || !deadline.allows(wait) {
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

    /// Signs and sends once. The error is ours; what the network does is a reply.
    async fn post(
        &self,
        headers: Headers<'_>,
        body: &str,
        deadline: Deadline,
    ) -> Result<Reply, AwsError> {
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
            // Somebody is there; the two only disagree about the time, and right after a boot the clock is soon set.
            Err(error) if http::is_about_time(&error) => {
                return Ok(Reply::Started(http::plain_words(&error)));
            }
            Err(error) => return Ok(Reply::Nothing(http::plain_words(&error))),
        };
        let status = response.status().as_u16();
        Ok(match http::read_body(response, PAGE_CAP).await {
            Ok(bytes) => Reply::Whole(status, String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Reply::Started(error.to_string()),
        })
    }
}

/// The body of a Query request, in any order. The signature covers its bytes as they are, whatever they leave unencoded.
fn form(action: &str, version: &str, parameters: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("Action", action), ("Version", version)])
        .extend_pairs(parameters)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_back_as_it_was_meant() {
        let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let tag = own("Filter.1.Name", "tag:cos:role");
        let body = form("DescribeTags", "2016-11-15", std::slice::from_ref(&tag));
        assert_eq!(body, "Action=DescribeTags&Version=2016-11-15&Filter.1.Name=tag%3Acos%3Arole");
        let value = own("Value", "a b+c&d=e%20~*/ü\n\u{1f980}");
        let body = form("A", "V", &[tag.clone(), value.clone()]);
        let read: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(read, [own("Action", "A"), own("Version", "V"), tag, value]);
    }
}
