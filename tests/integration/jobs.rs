//! The example jobs in `terraform/examples/complete/jobs/`: Nomad, promtool and HAProxy read them, and they agree with each other
//! and with the load balancer.

mod agree;
mod dashboard;
mod nomad;
mod render;
mod watched;

use crate::support::programs;
use crate::support::terraform::{list, text, tree};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// An image in ECR, as a person gives it.
const IMAGE: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/given:1";
const SUFFIX: &str = ".nomad.hcl";

/// Where the jobs are.
fn folder() -> PathBuf {
    tree().join("examples/complete/jobs")
}

/// A copy of the files, to be spoilt.
fn copy() -> TempDir {
    let copied = tempfile::tempdir().unwrap();
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    // Pictures are in a directory of their own.
    for path in entries.filter(|path| path.is_file()) {
        fs::copy(&path, copied.path().join(path.file_name().unwrap())).unwrap();
    }
    copied
}

/// Replaces a text that a file has once.
fn spoil(path: &Path, from: &str, to: &str) {
    let whole = fs::read_to_string(path).unwrap();
    fs::write(path, spoilt(&whole, from, to)).unwrap();
}

fn spoilt(whole: &str, from: &str, to: &str) -> String {
    assert_eq!(whole.matches(from).count(), 1, "expected {from:?} once in {whole}");
    whole.replace(from, to)
}

/// The names of the jobs, as their files have them.
fn names() -> BTreeSet<String> {
    let files = fs::read_dir(folder()).unwrap();
    let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter_map(|file| file.strip_suffix(SUFFIX).map(str::to_owned)).collect()
}

/// A job as Nomad reads it.
fn job(name: &str) -> Value {
    let read = nomad(
        &folder(),
        &["job", "run", "-output", &format!("-var=image={IMAGE}"), &format!("{name}{SUFFIX}")],
    );
    let read = read.unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str::<Value>(&read).unwrap()["Job"].take()
}

/// All jobs by name.
fn jobs() -> BTreeMap<String, Value> {
    names().into_iter().map(|name| (name.clone(), job(&name))).collect()
}

fn groups(job: &Value) -> impl Iterator<Item = &Value> {
    list(&job["TaskGroups"])
}

fn tasks(job: &Value) -> impl Iterator<Item = &Value> {
    groups(job).flat_map(|group| list(&group["Tasks"]))
}

/// The services that a job registers.
fn services(job: &Value) -> impl Iterator<Item = &Value> {
    groups(job).flat_map(|group| group["Services"].as_array().into_iter().flatten())
}

/// The template of a job with this destination.
fn template(job: &Value, destination: &str) -> Option<String> {
    let all = tasks(job).flat_map(|task| task["Templates"].as_array().into_iter().flatten());
    let mut found = all.filter(|one| one["DestPath"] == destination);
    found.next().map(|one| text(&one["EmbeddedTmpl"]).to_owned())
}

/// Runs Nomad where there is no server and no network, with nothing of the caller's environment.
fn nomad(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<String, String> {
    let mut command = Command::new("unshare");
    command.arg("--net").arg(programs::nomad().path).args(arguments).current_dir(folder);
    command.env_clear().env("NOMAD_ADDR", "http://127.0.0.1:1").env("HOME", "/nonexistent");
    said(&command.output().expect("util-linux has unshare"))
}

/// What a program said, good or bad.
fn said(output: &Output) -> Result<String, String> {
    let [good, bad] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if output.status.success() {
        Ok(good.into_owned())
    } else {
        Err(format!("{}: {good}{bad}", output.status))
    }
}

/// `promtool check config` or `promtool check rules`.
fn promtool(what: &str, file: &Path) -> Result<String, String> {
    let mut command = program("promtool", "usr/bin/promtool");
    command.args(["check", what]).arg(file);
    said(&command.output().unwrap())
}

/// `haproxy -c -f`.
fn haproxy(file: &Path) -> Result<String, String> {
    let mut command = program("haproxy", "usr/sbin/haproxy");
    command.args(["-c", "-f"]).arg(file);
    said(&command.output().unwrap())
}

/// A program by the loader and with the libraries of its image, with nothing of the caller's environment.
fn program(image: &str, path: &str) -> Command {
    let [loader, words @ ..] = programs::of_image(image, path);
    let mut command = Command::new(loader);
    command.args(words).env_clear();
    command
}
