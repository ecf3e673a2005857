//! `tests/terraform/`: the provider that takes the place of the AWS one accepts what is right, and refuses what is wrong. Without
//! that, a module that passes its tests would prove nothing.

use crate::support::terraform::{Terraform, changes, one_line, resources};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

#[test]
fn what_is_here_is_formatted() {
    Terraform::copy(&folder(""), "").is_formatted().unwrap();
}

#[test]
fn the_sample_passes_its_tests() {
    let sample = Terraform::prepared(&folder("sample"), "");
    sample.validate().unwrap();
    let said = sample.test().unwrap();
    assert!(said.contains("4 passed, 0 failed"), "{said}");
}

#[test]
fn what_the_schema_does_not_have_is_refused() {
    let cases = [
        // A name that is misspelt, at the top and in a block.
        ("  cidr_block = \"10", "  cidr_blok = \"10", r#"Did you mean "cidr_block"?"#),
        ("http_tokens =", "http_token =", r#"Did you mean "http_tokens"?"#),
        // What has to be there.
        ("  max_size            = 3\n", "", r#"The argument "max_size" is required"#),
        ("    strategy = \"Rolling\"\n", "", r#"The argument "strategy" is required"#),
        (LAUNCH_TEMPLATE, "mixed_instances_policy {}", r#"At least 1 "launch_template" blocks"#),
        // Blocks that are not there, are no block, or are there too often.
        ("  metadata_options {", "  metadata_option {", r#"Did you mean "metadata_options"?"#),
        ("metadata_options {", "metadata_options = {", "Did you mean to define a block of type"),
        ("  tags       = {", "  tags {", "Did you mean to define argument \"tags\"?"),
        (
            "  metadata_options {",
            "  metadata_options {}\n  metadata_options {",
            "Too many metadata_options",
        ),
        // Types.
        ("= 3\n", "= \"many\"\n", "a number is required"),
        ("[aws_subnet.this.id]", "{ a = aws_subnet.this.id }", "set of string required"),
        // What is read.
        ("aws_vpc.this.id\n  cidr", "aws_vpc.this.idd\n  cidr", r#"attribute named "idd""#),
        ("aws_launch_template.this.id", "aws_launch_template.that.id", "has not been declared"),
        ("resource \"aws_vpc\"", "resource \"aws_vpcc\"", r#"Did you mean "aws_vpc"?"#),
        ("  region = \"eu-central-1\"", "  regoin = \"eu-central-1\"", r#"Did you mean "region"?"#),
        (
            "  region = \"eu-central-1\"",
            "  region = \"eu-central\"",
            "a region such as eu-central-1",
        ),
    ];
    side_by_side(&cases, |(from, to, words)| {
        let sample = Terraform::prepared(&folder("sample"), "");
        sample.edit("main.tf", from, to);
        let errors = sample.validate().expect_err(to);
        assert!(errors.iter().any(|error| error.text.contains(words)), "{to}: {errors:?}");
    });
}

const LAUNCH_TEMPLATE: &str = "launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }";

#[test]
fn what_aws_would_not_take_is_refused_by_a_rule() {
    let refused = Terraform::prepared(&folder("refused"), "");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for error in refused.validate().expect_err("all of it is wrong") {
        found.entry(error.block).or_default().push(error.text);
    }
    let expected = refusals();
    assert!(expected.len() > 100, "only {} cases", expected.len());
    for (block, words) in &expected {
        let said = found.remove(block).unwrap_or_default();
        // One error: the rest of a resource is right.
        assert!(
            said.len() == 1 && said[0].contains(words),
            "{block}: expected {words}, found {said:?}"
        );
    }
    assert!(found.is_empty(), "nobody expects {found:?}");
}

/// The blocks in `refused/`, and the words above each.
fn refusals() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder("refused")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for pair in lines.windows(2) {
            let block = pair[1].trim_end_matches('}').trim_end_matches(" {").to_owned();
            match pair[0].strip_prefix("# refused: ") {
                Some(words) => assert_eq!(all.insert(block, words.to_owned()), None, "{}", pair[1]),
                None => assert!(!block.starts_with("resource "), "{block} has no words above it"),
            }
        }
    }
    all
}

#[test]
fn what_a_plan_cannot_know_is_refused_by_the_apply() {
    let sample = Terraform::prepared(&folder("sample"), "");
    // The id of a VPC is not the id of a subnet, which only shows once there is one.
    sample.edit("main.tf", "[aws_subnet.this.id]", "[aws_vpc.this.id]");
    sample.plan(&[]).unwrap();
    let error = one_line(&sample.apply(&[]).unwrap_err());
    assert!(error.contains("expected an id such as subnet-0123456789abcdef0"), "{error}");
}

#[test]
fn a_provider_without_a_region_is_refused() {
    let sample = Terraform::prepared(&folder("sample"), "");
    sample.edit("main.tf", "  region = \"eu-central-1\"\n", "");
    let error = one_line(&sample.plan(&[]).unwrap_err());
    assert!(error.contains("expected a region in the provider's configuration"), "{error}");
}

#[test]
fn a_broken_test_fails() {
    let assertion = r#"
        run "plan" {
          command = plan
          assert {
            condition     = aws_vpc.this.tags_all["color"] == "green"
            error_message = "The tag has another value."
          }
        }"#;
    let no_failure = r#"
        run "refuse" {
          command         = plan
          expect_failures = [var.color]
        }"#;
    let cases =
        [(assertion, "The tag has another value."), (no_failure, "Missing expected failure")];
    side_by_side(&cases, |(test, words)| {
        let sample = Terraform::prepared(&folder("sample"), "");
        sample.write("sample.tftest.hcl", test);
        let error = one_line(&sample.test().unwrap_err());
        assert!(error.contains(words), "{error}");
    });
}

#[test]
fn one_of_each_type_is_created_changed_and_destroyed() {
    let smoke = Terraform::prepared(&folder("smoke"), "");
    smoke.validate().unwrap();
    let state = smoke.apply(&[]).unwrap();
    let types: BTreeSet<&str> =
        resources(&state).iter().map(|one| one["type"].as_str().unwrap()).collect();
    let listed = fs::read_to_string(folder("schema").join("types")).unwrap();
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split(' ').next().filter(|word| word.starts_with("aws_")))
        .collect();
    assert_eq!(types, listed);

    assert_eq!(changes(&smoke.plan(&[]).unwrap()), []);
    let red = [("color", "red")];
    let changed: BTreeMap<String, Vec<String>> =
        changes(&smoke.plan(&red).unwrap()).into_iter().collect();
    // A new version of the template changes the group that names its version.
    let update = vec!["update".to_owned()];
    let expected = [
        "aws_autoscaling_group.this",
        "aws_launch_template.this",
        "aws_ssm_parameter.this",
        "aws_vpc.this",
    ];
    assert_eq!(changed, expected.map(|one| (one.to_owned(), update.clone())).into());
    let state = smoke.apply(&red).unwrap();
    let group =
        resources(&state).into_iter().find(|one| one["address"] == "aws_autoscaling_group.this");
    assert_eq!(group.unwrap()["values"]["launch_template"][0]["version"], "2");
    assert_eq!(changes(&smoke.plan(&red).unwrap()), []);
    smoke.destroy(&red).unwrap();
}

/// The cases of a test, on as many threads as there are processors.
fn side_by_side<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for some in cases.chunks(cases.len().div_ceil(threads)) {
            scope.spawn(|| some.iter().for_each(&check));
        }
    });
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terraform").join(name)
}
