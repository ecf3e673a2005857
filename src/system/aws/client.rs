//! The one client of AWS: the credentials of the instance role, one POST, and every retry.

use super::refusal;
use super::service::Service;
use super::signature::{Headers, signed};
use super::{AwsError, RoleCredentials, credentials};
use crate::state::Region;
use crate::system::environment::Environment;
use crate::system::http;
use crate::system::imds::Imds;
use crate::system::retry::{Deadline, Retry};
use aws_credential_types::Credentials;
use serde_json::Value;
use std::time::Duration;

/// Longest time for one answer of AWS.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause after AWS answered that it is busy.
const BUSY: Duration = Duration::from_millis(500);
/// The first pause after nothing was reached: in the first second of a boot, DHCP has not set a resolver yet.
const AWAY: Duration = Duration::from_millis(50);
/// The longest pause.
const LAST: Duration = Duration::from_secs(20);
/// Largest page that is read, in bytes: 1000 tags of 128 + 256 characters are far below it.
const PAGE_CAP: usize = 8 * 1024 * 1024;

/// A client for one service with the credentials of the instance role.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) service: Service,
    pub(super) region: Region,
    /// `https://ec2.eu-central-1.amazonaws.com`, or what the environment redirects it to.
    url: String,
    pub(super) credentials: Credentials,
    deadline: Deadline,
    patience: Deadline,
    is_single: bool,
}

/// The result of one attempt.
enum Reply {
    /// An answer: its status and its whole body.
    Whole(u16, String),
    /// AWS was reached but gave no whole answer; the reason.
    Started(String),
    /// Nothing was received; the reason.
    Nothing(String),
}

impl Client {
    /// A client for a service in this region, or at the address to which the environment redirects it. Fetches the
    /// credentials, and reads the trust store of the host.
    pub async fn of(
        service: Service,
        imds: &Imds,
        environment: &Environment,
        region: &Region,
    ) -> Result<Self, AwsError> {
        let credentials = credentials::of_role(imds).await?;
        Self::with(service, &credentials, environment, region, imds.deadline())
    }

    /// The same with credentials that were fetched before. It gives up at the deadline.
    pub fn with(
        service: Service,
        credentials: &RoleCredentials,
        environment: &Environment,
        region: &Region,
        deadline: Deadline,
    ) -> Result<Self, AwsError> {
        let http = http::aws_client(ANSWER_TIMEOUT)
            .map_err(|error| AwsError::Request(http::plain_words(&error)))?;
        let url = service.url(environment, region);
        let (region, credentials) = (region.clone(), credentials.keys.clone());
        let (patience, is_single) = (deadline, false);
        Ok(Self { http, service, region, url, credentials, deadline, patience, is_single })
    }

    /// Sets two deadlines: `deadline` for a service that does not answer, `patience` for one that is throttled, broken
    /// or cut off.
    #[must_use]
    pub fn until(self, deadline: Deadline, patience: Deadline) -> Self {
        Self { deadline, patience, ..self }
    }

    /// Tries each call only once, for callers on many nodes that ask at the same time and repeat the call themselves.
    #[must_use]
    pub fn single(self) -> Self {
        Self { is_single: true, ..self }
    }

    /// One call of a Query API: the XML of a success. Transient failures are retried until the deadline; a denial is final.
    pub(super) async fn query(
        &self,
        action: &str,
        parameters: &[(String, String)],
    ) -> Result<String, AwsError> {
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let body = form(action, self.service.row().api, parameters);
        self.call(action, &[("content-type", FORM)], &body).await
    }

    /// One call of a JSON API, such as `GetParameter`: the JSON of a success; retries as above.
    pub(super) async fn json(&self, action: &str, body: &Value) -> Result<Value, AwsError> {
        let target = format!("{}.{action}", self.service.row().api);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", &target)];
        let text = self.call(action, &headers, &body.to_string()).await?;
        serde_json::from_str(&text)
            .map_err(|error| self.malformed(action, format!("not JSON ({error})")))
    }

    /// An answer that is not what the API documents.
    pub(super) fn malformed(&self, action: &str, problem: String) -> AwsError {
        AwsError::Malformed { action: self.service.action(action), problem }
    }

    async fn call(
        &self,
        action: &str,
        headers: Headers<'_>,
        body: &str,
    ) -> Result<String, AwsError> {
        let action = self.service.action(action);
        let mut busy = Retry::new(BUSY, LAST, self.patience);
        let mut away = Retry::new(AWAY, LAST, self.deadline);
        let mut attempts = 0;
        let mut answered = false;
        loop {
            attempts += 1;
            let (is_there, last) = match self.post(headers, body, away.deadline()).await? {
                Reply::Whole(200, text) => return Ok(text),
                Reply::Whole(status, text) => {
                    let said = refusal::said(self.service.row().protocol, &text);
                    if !refusal::is_transient(status, &said.code) {
                        return Err(refusal::refusal(action, status, said));
                    }
                    (true, format!("status {status} {}", said.code))
                }
                Reply::Started(words) => (true, words),
                Reply::Nothing(words) => (false, words),
            };
            if is_there {
                answered = true;
                away.until(self.patience);
            }
            tracing::debug!("{action}: {last}");
            let retry = if is_there { &mut busy } else { &mut away };
            if self.is_single || retry.pause().await.is_none() {
                let (url, elapsed) = (self.url.clone(), retry.deadline().elapsed());
                return Err(AwsError::Unreachable {
                    action,
                    url,
                    attempts,
                    elapsed,
                    last,
                    answered,
                });
            }
        }
    }

    /// Signs and sends once. An error means that the request could not be made; a failure of the network is a [`Reply`].
    async fn post(
        &self,
        headers: Headers<'_>,
        body: &str,
        deadline: Deadline,
    ) -> Result<Reply, AwsError> {
        let url = format!("{}/", self.url.trim_end_matches('/'));
        let signature = signed(self, &url, headers, body)?;
        let mut request =
            self.http.post(&url).timeout(ANSWER_TIMEOUT.min(deadline.left())).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in signature {
            request = request.header(name, value);
        }
        let response = match request.send().await {
            Ok(response) => response,
            // AWS was reached; only the clocks differ, and right after a boot the clock is set soon.
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

/// The body of a Query request; the order does not matter. The signature covers these exact bytes, with the characters
/// that are left unencoded.
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
