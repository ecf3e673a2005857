//! READ: the secrets that metadata holds: the credentials of the instance role, and whatever people put into user data.

use super::harvest::Harvest;
use crate::system::aws::CREDENTIALS;
use crate::system::environment::Environment;
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::Deadline;
use crate::system::root::Root;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;

/// Longest time for all answers.
const METADATA: Duration = Duration::from_secs(2);
/// Largest user data, packed and unpacked, in bytes.
const USER_DATA: (usize, u64) = (64 * 1024, 1024 * 1024);

/// Adds the secrets in metadata.
pub(super) async fn add(harvest: &mut Harvest, root: &Root, environment: &Environment) {
    let imds = match Imds::new(environment, Deadline::after(METADATA)) {
        Ok(imds) => imds,
        Err(error) => return harvest.unread.push(format!("metadata: {error}")),
    };
    match credentials(&imds).await {
        Ok(document) => take_credentials(harvest, root, &document.unwrap_or_default()),
        Err(error) => {
            // A service that is silent is not asked twice.
            return harvest.unread.push(format!("the credentials in metadata: {error}"));
        }
    }
    match imds.user_data(USER_DATA.0).await {
        Ok(data) => harvest.take_named(root, &unpacked(&data.unwrap_or_default())),
        Err(error) => harvest.unread.push(format!("user data: {error}")),
    }
}

async fn credentials(imds: &Imds) -> Result<Option<String>, ImdsError> {
    let Some(roles) = imds.text(CREDENTIALS).await? else { return Ok(None) };
    let role = roles.lines().next().unwrap_or_default().trim();
    imds.text(&format!("{CREDENTIALS}{role}")).await
}

fn take_credentials(harvest: &mut Harvest, root: &Root, document: &str) {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    for key in ["AccessKeyId", "SecretAccessKey", "Token"] {
        harvest.add(root, document[key].as_str().unwrap_or_default());
    }
}

fn unpacked(data: &[u8]) -> String {
    let mut bytes = Vec::new();
    if data.starts_with(&[0x1f, 0x8b]) {
        // Of broken data, what comes before the break.
        let _ = GzDecoder::new(data).take(USER_DATA.1).read_to_end(&mut bytes);
    } else {
        bytes.extend_from_slice(data);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, read::GzEncoder};

    #[test]
    fn credentials_and_user_data_are_harvested() {
        let root = Root::at(std::path::Path::new("/nowhere"));
        let mut harvest = Harvest::default();
        let document = r#"{"Code":"Success","AccessKeyId":"ASIAIOSFODNN7EXAMPLE","SecretAccessKey":"hush-hush","Token":"hush-token"}"#;
        take_credentials(&mut harvest, &root, document);
        take_credentials(&mut harvest, &root, "<html>");
        let text = "#cloud-config\npassword: \"hush-cloud\"\n";
        let mut packed = Vec::new();
        GzEncoder::new(text.as_bytes(), Compression::fast()).read_to_end(&mut packed).unwrap();
        assert_eq!(
            (unpacked(&packed), unpacked(text.as_bytes())),
            (text.to_owned(), text.to_owned())
        );
        harvest.take_named(&root, &unpacked(&packed));
        let expected = ["ASIAIOSFODNN7EXAMPLE", "hush-cloud", "hush-hush", "hush-token"];
        assert_eq!(harvest.values.iter().collect::<Vec<_>>(), expected);
    }
}
