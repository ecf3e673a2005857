//! An instance as its metadata describes it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the metadata service says about an instance; the JSON form is what `simulate --instance` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// The instance id.
    pub id: String,
    /// The region.
    pub region: String,
    /// The availability zone.
    pub zone: String,
    /// The account.
    pub account: String,
    /// The private address.
    pub private_ip: String,
    /// The instance type.
    pub instance_type: String,
    /// The image.
    pub image: String,
    /// The VPC.
    pub vpc: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Whether tags are in metadata.
    pub tags_in_metadata: bool,
    /// The state that its Auto Scaling group wants it in, such as `InService`; `None` outside a group.
    pub target_lifecycle_state: Option<String>,
    /// The user data: any bytes. In the JSON form it must be text, so compressed data is base64.
    #[serde(with = "text")]
    pub user_data: Option<Vec<u8>>,
    /// The credentials of the instance role, if it has one.
    pub credentials: Option<Credentials>,
}

/// Credentials of the instance role, as STS hands them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The role.
    pub role: String,
    /// The key id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
    /// The session token.
    pub token: String,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            id: "i-0123456789abcdef0".to_owned(),
            region: "eu-central-1".to_owned(),
            zone: "eu-central-1a".to_owned(),
            account: "123456789012".to_owned(),
            private_ip: "10.20.1.11".to_owned(),
            instance_type: "t3.small".to_owned(),
            image: "ami-0123456789abcdef0".to_owned(),
            vpc: "vpc-0123456789abcdef0".to_owned(),
            tags: BTreeMap::new(),
            tags_in_metadata: true,
            target_lifecycle_state: None,
            user_data: None,
            credentials: None,
        }
    }
}

const MAC: &str = "0a:1b:2c:3d:4e:5f";

impl Instance {
    /// Path below `/latest/` → value.
    pub fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let document = serde_json::json!({
            "accountId": self.account,
            "architecture": "x86_64",
            "availabilityZone": self.zone,
            "billingProducts": null,
            "imageId": self.image,
            "instanceId": self.id,
            "instanceType": self.instance_type,
            "pendingTime": "2026-01-01T00:00:00Z",
            "privateIp": (!self.private_ip.is_empty()).then_some(&self.private_ip),
            "region": self.region,
            "version": "2017-09-30",
        });
        let interface = format!("meta-data/network/interfaces/macs/{MAC}");
        let mut tree: BTreeMap<String, Vec<u8>> = [
            ("dynamic/instance-identity/document".to_owned(), format!("{document:#}")),
            ("meta-data/instance-id".to_owned(), self.id.clone()),
            ("meta-data/instance-type".to_owned(), self.instance_type.clone()),
            ("meta-data/ami-id".to_owned(), self.image.clone()),
            ("meta-data/local-ipv4".to_owned(), self.private_ip.clone()),
            ("meta-data/mac".to_owned(), MAC.to_owned()),
            ("meta-data/placement/availability-zone".to_owned(), self.zone.clone()),
            ("meta-data/placement/region".to_owned(), self.region.clone()),
            ("meta-data/services/domain".to_owned(), "amazonaws.com".to_owned()),
            ("meta-data/services/partition".to_owned(), "aws".to_owned()),
            (format!("{interface}/device-number"), "0".to_owned()),
            (format!("{interface}/local-ipv4s"), self.private_ip.clone()),
            (format!("{interface}/vpc-id"), self.vpc.clone()),
        ]
        .map(|(path, text)| (path, text.into_bytes()))
        .into();
        // An IPv6-only subnet has none of these.
        if self.private_ip.parse::<std::net::Ipv4Addr>().is_err() {
            tree.retain(|path, _| !path.contains("local-ipv4"));
        }
        if self.tags_in_metadata {
            for (key, value) in &self.tags {
                tree.insert(format!("meta-data/tags/instance/{key}"), value.clone().into_bytes());
            }
        }
        if let Some(state) = &self.target_lifecycle_state {
            let path = "meta-data/autoscaling/target-lifecycle-state";
            tree.insert(path.to_owned(), state.clone().into_bytes());
        }
        if let Some(user_data) = &self.user_data {
            tree.insert("user-data".to_owned(), user_data.clone());
        }
        if let Some(credentials) = &self.credentials {
            tree.insert(
                format!("meta-data/iam/security-credentials/{}", credentials.role),
                credentials.document(),
            );
        }
        tree
    }
}

impl Credentials {
    fn document(&self) -> Vec<u8> {
        let document = serde_json::json!({
            "Code": "Success",
            "LastUpdated": "2026-01-01T00:00:00Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "Token": self.token,
            "Expiration": "2099-01-01T00:00:00Z",
        });
        format!("{document:#}").into_bytes()
    }
}

/// Bytes as JSON text.
mod text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error};

    #[expect(clippy::ref_option, reason = "serde calls it with the field")]
    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = bytes.as_deref().map(std::str::from_utf8).transpose();
        text.map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(String::into_bytes))
    }
}
