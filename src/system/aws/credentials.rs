//! The credentials of the instance role, from metadata.

use super::AwsError;
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::{Deadline, Retry};
use aws_credential_types::Credentials;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// Where the role and its credentials are, below `/latest/`.
pub const CREDENTIALS: &str = "meta-data/iam/security-credentials/";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: String,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

/// The credentials of the instance role.
#[derive(Debug, Clone)]
pub struct RoleCredentials {
    /// The name of the role.
    pub role: String,
    /// When they expire; `None` if metadata does not say.
    pub expires: Option<SystemTime>,
    pub(super) keys: Credentials,
}

/// Whether metadata lists a role yet; its credentials may come later.
pub async fn has_role(imds: &Imds) -> Result<bool, ImdsError> {
    Ok(imds.text(CREDENTIALS).await?.is_some())
}

/// The credentials as metadata has them now. Nothing is waited for.
pub async fn of_now(imds: &Imds) -> Result<RoleCredentials, AwsError> {
    let list = imds.text(CREDENTIALS).await?.ok_or(AwsError::NoCredentials(CREDENTIALS))?;
    let role = first(&list);
    match imds.text(&format!("{CREDENTIALS}{role}")).await? {
        Some(text) => read(role, &text),
        None => Err(AwsError::LateCredentials { role: role.to_owned() }),
    }
}

/// The role's credentials. They may come later than the instance, so a 404 is retried: until the deadline while no role
/// is listed, until the longer deadline (`patience`) once one is. Credentials that are malformed or refused are retried
/// too, because a role that was just created or attached cannot be assumed for some seconds.
pub(super) async fn of_role(imds: &Imds) -> Result<RoleCredentials, AwsError> {
    let list = role_list(imds).await?.ok_or(AwsError::NoCredentials(CREDENTIALS))?;
    let role = first(&list);
    let mut retry = retry(imds.patience());
    loop {
        let text = imds.text(&format!("{CREDENTIALS}{role}")).await?;
        let problem = match text.as_deref().map(|text| read(role, text)) {
            Some(Ok(credentials)) => return Ok(credentials),
            Some(Err(problem)) => problem,
            None => AwsError::LateCredentials { role: role.to_owned() },
        };
        retry.pause().await.ok_or(problem)?;
    }
}

/// An instance has one role, or none.
fn first(list: &str) -> &str {
    list.lines().next().unwrap_or_default().trim()
}

/// The names of the instance's roles, `None` if there is none at the deadline.
async fn role_list(imds: &Imds) -> Result<Option<String>, ImdsError> {
    let mut retry = retry(imds.deadline());
    loop {
        let list = imds.text(CREDENTIALS).await?;
        if list.is_some() || retry.pause().await.is_none() {
            return Ok(list);
        }
    }
}

/// Short pauses: a boot has a few seconds for all attempts, and the last one should come near their end.
fn retry(deadline: Deadline) -> Retry {
    Retry::new(Duration::from_millis(250), Duration::from_millis(500), deadline)
}

fn read(role: &str, text: &str) -> Result<RoleCredentials, AwsError> {
    let malformed =
        |problem: String| AwsError::Malformed { action: format!("`{CREDENTIALS}{role}`"), problem };
    // The parser's message may quote the document, which is a secret, so only the place of the error is passed on.
    let document: Document = serde_json::from_str(text).map_err(|error| {
        malformed(format!(
            "not the JSON of credentials (line {}, column {})",
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
            let expires = document.expiration.as_deref();
            Ok(RoleCredentials {
                role: role.to_owned(),
                expires: expires.and_then(|text| humantime::parse_rfc3339(text).ok()),
                keys: Credentials::new(key, secret, document.token, None, "instance role"),
            })
        }
        _ => Err(malformed("`AccessKeyId` or `SecretAccessKey` is missing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_credentials_of_success_are_taken_and_none_is_quoted() {
        let whole =
            r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"hush","Token":"t"}"#;
        let credentials = read("r", whole).unwrap();
        assert_eq!((&*credentials.role, credentials.expires), ("r", None));
        assert!(!format!("{credentials:?}").contains("hush"));
        let dated = whole.replace('}', r#","Expiration":"1970-01-01T00:01:00Z"}"#);
        let minute = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        assert_eq!(read("r", &dated).unwrap().expires, Some(minute));
        for (text, words) in [
            (&whole[..whole.len() - 9], "not the JSON of credentials"),
            ("", "not the JSON of credentials"),
            ("<html>", "not the JSON of credentials"),
            (r#"{"Code":"Success","SecretAccessKey":"hush"}"#, "is missing"),
            (r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no trust"}"#, "no trust"),
        ] {
            let error = read("r", text).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
