//! `terraform/` as scanners see it: checkov reads the modules, parliament the policies that they make. Each proves first that it
//! sees what is wrong.

use crate::support::programs::cache;
use crate::support::terraform::{Terraform, resources};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The checks of checkov that matter here; others are a matter of taste, or of rows that this project holds by itself.
///
/// Not among them, because the site decides: a web ACL (CKV2_AWS_28) and access logs (CKV_AWS_91). What a module does not follow is
/// skipped in its text, with the reason.
const CHECKS: [(&str, &str); 24] = [
    ("CKV2_AWS_20", "load balancers serve nothing without TLS"),
    ("CKV2_AWS_12", "the default group of a VPC has no rules"),
    ("CKV2_AWS_40", "no policy allows everything of IAM"),
    ("CKV_AWS_2", "load balancers listen by HTTPS"),
    ("CKV_AWS_8", "volumes are encrypted"),
    ("CKV_AWS_23", "every group and rule says what it is for"),
    ("CKV_AWS_24", "nobody comes by SSH from everywhere"),
    ("CKV_AWS_25", "nobody comes by RDP from everywhere"),
    ("CKV_AWS_46", "user data has no secrets"),
    ("CKV_AWS_51", "a tag of an image stays what it is"),
    ("CKV_AWS_60", "only EC2 assumes the roles"),
    ("CKV_AWS_62", "no policy allows everything"),
    ("CKV_AWS_63", "no policy allows every action"),
    ("CKV_AWS_79", "metadata by version 2 alone"),
    ("CKV_AWS_88", "no instance has a public address"),
    ("CKV_AWS_130", "no subnet gives public addresses"),
    ("CKV_AWS_131", "load balancers drop what is no header"),
    ("CKV_AWS_136", "repositories are encrypted with KMS"),
    ("CKV_AWS_163", "images are scanned"),
    ("CKV_AWS_233", "a new certificate is there before the old one goes"),
    ("CKV_AWS_261", "target groups have health checks"),
    ("CKV_AWS_277", "nobody comes by every port from everywhere"),
    ("CKV_AWS_328", "load balancers do not pass on what desynchronises"),
    ("CKV_AWS_378", "targets are asked by HTTPS"),
];

#[test]
fn checkov_finds_nothing() {
    let (code, said) = checkov(&folder("terraform"));
    assert!(code == Some(0) && said.contains("Failed checks: 0"), "{said}");
}

#[test]
fn checkov_finds_what_is_wrong() {
    let spoiled = [
        ("group", r#"= "required""#, r#"= "optional""#, "CKV_AWS_79"),
        ("ingress", "drop_invalid_header_fields = true", "", "CKV_AWS_131"),
        ("ui", r#"  protocol          = "HTTPS""#, r#"  protocol          = "HTTP""#, "CKV_AWS_2"),
        ("ui", "create_before_destroy = true", "", "CKV_AWS_233"),
        ("ecr", r#""IMMUTABLE""#, r#""MUTABLE""#, "CKV_AWS_51"),
        ("ecr", "scan_on_push = true", "scan_on_push = false", "CKV_AWS_163"),
        ("ecr", r#""KMS""#, r#""AES256""#, "CKV_AWS_136"),
    ];
    let copy = TempDir::new().unwrap();
    for (module, from, to, check) in spoiled {
        let path = copy.path().join(check);
        std::fs::create_dir(&path).unwrap();
        for file in ["main.tf", "variables.tf", "versions.tf"] {
            let files = folder("terraform/modules").join(module);
            let text = std::fs::read_to_string(files.join(file)).unwrap();
            assert!(file != "main.tf" || text.contains(from), "{module} has {from}");
            std::fs::write(path.join(file), text.replace(from, to)).unwrap();
        }
    }
    let (code, said) = checkov(copy.path());
    assert_eq!(code, Some(1), "{said}");
    let failed: BTreeSet<&str> = said
        .split("Check: ")
        .filter(|one| one.contains("FAILED for"))
        .filter_map(|one| one.split_once(':').map(|(check, _)| check))
        .collect();
    // An HTTP listener is found by two checks.
    let expected = spoiled.map(|(_, _, _, check)| check).into_iter().chain(["CKV2_AWS_20"]);
    assert_eq!(failed, expected.collect(), "{said}");
}

#[test]
fn parliament_finds_nothing_in_the_policies() {
    let identity = Terraform::prepared(&folder("terraform"), "modules/identity");
    identity.write("region.tf", "provider \"aws\" {\n  region = \"eu-central-1\"\n}\n");
    let arn = |below: &str| {
        format!(r#"["arn:aws:ecr:eu-central-1:123456789012:repository/demo/{below}"]"#)
    };
    let narrow = [("repository_arns", &*arn("web")), ("pull_through_arns", &*arn("quay/*"))];
    for more in [&narrow[..], &[]] {
        let state = identity.apply(&[&[("name", "demo")], more].concat()).unwrap();
        let policies = policies(&state);
        assert_eq!(policies.as_object().unwrap().len(), 6);
        assert_eq!(policies.to_string().contains("ecr:CreateRepository"), !more.is_empty());
        assert_eq!(parliament(&policies), (Some(0), String::new()));
    }
}

fn policies(state: &Value) -> Value {
    resources(state)
        .into_iter()
        .filter(|one| one["type"] == "aws_iam_role_policy")
        .map(|one| (one["address"].as_str().unwrap().to_owned(), one["values"]["policy"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn parliament_finds_what_is_wrong() {
    let policy = |action: &str| {
        let statement = json!({ "Effect": "Allow", "Action": [action], "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let wrong =
        json!({ "unknown": policy("ec2:DescribeInstance"), "wide": policy("ssm:PutParameter") });
    let (code, said) = parliament(&wrong);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("unknown: UNKNOWN_ACTION: Unknown action ec2:DescribeInstance"),
        "{said}"
    );
}

/// Its exit code, and what it said.
fn checkov(directory: &Path) -> (Option<i32>, String) {
    let mut command = scanner("checkov");
    let checks = CHECKS.map(|(id, _)| id).join(",");
    command.arg("--directory").arg(directory);
    command.args(["--framework", "terraform", "--compact", "--skip-download", "--check", &checks]);
    ended(&command.stdin(Stdio::null()).output().unwrap())
}

fn parliament(policies: &Value) -> (Option<i32>, String) {
    let mut command = scanner("python3");
    command.arg(folder("tests/terraform/policies.py")).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(policies.to_string().as_bytes()).unwrap();
    ended(&child.wait_with_output().unwrap())
}

/// A program of the scanners, without a network.
fn scanner(program: &str) -> Command {
    let path = cache().join("scanners/bin").join(program);
    assert!(path.is_file(), "no {}; run `tests/tools/install`", path.display());
    let mut command = Command::new("unshare");
    command.arg("--net").arg(path);
    command
}

fn ended(output: &Output) -> (Option<i32>, String) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
