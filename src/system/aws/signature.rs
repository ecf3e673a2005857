//! `SigV4` for one POST.

use super::{AwsError, Client};
use crate::system::environment;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

/// The headers that say what a body is; they are signed.
pub(super) type Headers<'a> = &'a [(&'static str, &'a str)];

/// The headers that sign this request with the current time.
pub(super) fn signed(
    client: &Client,
    url: &str,
    headers: Headers<'_>,
    body: &str,
) -> Result<Vec<(String, String)>, AwsError> {
    let unsigned = |error: &dyn std::fmt::Display| AwsError::Request(error.to_string());
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let identity = client.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(client.region.as_str())
        .name(client.service.row().name)
        .time(environment::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let request = SignableRequest::new(
        "POST",
        url,
        headers.iter().copied().chain([("host", host)]),
        SignableBody::Bytes(body.as_bytes()),
    )
    .map_err(|error| unsigned(&error))?;
    let (instructions, _) =
        sign(request, &parameters).map_err(|error| unsigned(&error))?.into_parts();
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(instructions.headers().map(own).collect())
}
