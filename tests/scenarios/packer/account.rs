//! The account that an image is built in: a source AMI, a subnet, and a builder with the policy of the directory.

use crate::lab::Lab;
use crate::lab::description::REGION;
use crate::template;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Moto behind no gate, where Packer runs; see `aws/serve.py`.
const ENDPOINT: &str = "http://127.0.0.1:8000";
/// The newest AMI of Debian.
pub(super) const SOURCE_AMI: &str = "debian-12-amd64-20260101-1";
const KEY_PAIR: &str = "build";
/// Another account, which shall launch the AMI.
pub(super) const FRIEND: &str = "210987654321";

/// The account.
pub(super) struct Account {
    key: String,
    /// What Packer finds in its environment.
    pub(super) environment: Vec<String>,
    variables: Vec<String>,
}

impl Account {
    /// Makes it; moto knows no Debian, so one of its AMIs becomes one.
    pub(super) fn new(lab: &Lab, key: &Path) -> Self {
        let ec2 = |method: &str, parameters: Value| lab.aws.call("ec2", method, &parameters);
        let iam = |method: &str, parameters: Value| lab.aws.call("iam", method, &parameters);
        lab.aws
            .does(&json!({ "operation": "source", "name": SOURCE_AMI, "owner": "136693071363" }));
        let vpc = lab.description().vpc;
        let subnet = ec2("create_subnet", json!({ "VpcId": vpc, "CidrBlock": "10.20.9.0/24" }));
        let named = json!({ "VpcId": vpc, "GroupName": "build", "Description": "build" });
        let group = ec2("create_security_group", named);
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        ec2("import_key_pair", json!({ "KeyName": KEY_PAIR, "PublicKeyMaterial": public }));

        iam("create_user", json!({ "UserName": "builder" }));
        let policy = fs::read_to_string(template::folder().join("builder-policy.json")).unwrap();
        let named =
            json!({ "UserName": "builder", "PolicyName": "build", "PolicyDocument": policy });
        iam("put_user_policy", named);
        let made = iam("create_access_key", json!({ "UserName": "builder" }));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = text(&made["AccessKey"]["AccessKeyId"]);
        let environment = vec![
            format!("AWS_ACCESS_KEY_ID={key}"),
            format!("AWS_SECRET_ACCESS_KEY={}", text(&made["AccessKey"]["SecretAccessKey"])),
            "AWS_EC2_METADATA_DISABLED=true".to_owned(),
            "AWS_POLL_DELAY_SECONDS=1".to_owned(),
        ];
        let variables = vec![
            format!("endpoint={ENDPOINT}"),
            format!("region={REGION}"),
            format!("subnet_id={}", text(&subnet["Subnet"]["SubnetId"])),
            format!("security_group_id={}", text(&group["GroupId"])),
            format!("ssh_keypair_name={KEY_PAIR}"),
            format!(
                "kms_key_id=arn:aws:kms:{REGION}:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
            ),
            format!("ami_users=[\"{FRIEND}\"]"),
        ];
        Self { key, environment, variables }
    }

    /// What the template is told of it.
    pub(super) fn variables(&self) -> Vec<&str> {
        self.variables.iter().map(String::as_str).collect()
    }

    /// The actions that the builder called, such as `ec2:RunInstances`.
    pub(super) fn calls(&self, lab: &Lab) -> BTreeSet<String> {
        let text = fs::read_to_string(lab.folder.join("aws/back-door.jsonl")).unwrap();
        let calls = text.lines().map(|line| serde_json::from_str::<Call>(line).unwrap());
        calls.filter(|call| call.key == self.key).map(|call| call.action).collect()
    }
}

/// A call by the back door.
#[derive(Deserialize)]
struct Call {
    key: String,
    action: String,
}

/// The actions that the policy of the directory allows.
pub(super) fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(template::folder().join("builder-policy.json")).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// The AMIs of the account.
pub(super) fn images(lab: &Lab) -> Vec<Value> {
    let found = lab.aws.call("ec2", "describe_images", &json!({ "Owners": ["self"] }));
    found["Images"].as_array().unwrap().clone()
}

/// The other accounts that may launch an AMI.
pub(super) fn launched_by(lab: &Lab, image: &Value) -> Vec<String> {
    let asked = json!({ "ImageId": image["ImageId"], "Attribute": "launchPermission" });
    let found = lab.aws.call("ec2", "describe_image_attribute", &asked);
    let permissions = found["LaunchPermissions"].as_array().unwrap().iter();
    permissions.map(|permission| permission["UserId"].as_str().unwrap().to_owned()).collect()
}

/// The states of all instances.
pub(super) fn states(lab: &Lab) -> Vec<String> {
    let found = lab.aws.call("ec2", "describe_instances", &json!({}));
    let reservations = found["Reservations"].as_array().unwrap().iter();
    let instances =
        reservations.flat_map(|reservation| reservation["Instances"].as_array().unwrap());
    instances.map(|instance| instance["State"]["Name"].as_str().unwrap().to_owned()).collect()
}
