use super::*;
use std::path::Path;

/// A node in a directory.
fn node(directory: &Path) -> Source {
    let environment = Environment { path: "/usr/bin:/bin".to_owned(), ..Environment::default() };
    Source { root: Root::at(directory), environment }
}

fn program(source: &Source, path: &str, script: &str) {
    source.root.write(path, format!("#!/bin/sh\n{script}\n").as_bytes(), 0o755).unwrap();
}

/// The journals. Another test that starts a process may hold the script open for a moment.
async fn journals(source: &Source) -> Vec<Piece> {
    for _ in 0..50 {
        let pieces = programs::journals(source.clone()).await;
        let is_busy = |piece: &Piece| matches!(piece, Piece::Failed(failure) if failure.why.starts_with("cannot run"));
        if !pieces.iter().any(is_busy) {
            return pieces;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the script is busy");
}

fn members(pieces: Vec<Piece>) -> (Vec<Member>, Vec<Failure>) {
    let (mut members, mut failures) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::File(member) => members.push(member),
            Piece::Failed(failure) => failures.push(failure),
        }
    }
    (members, failures)
}

#[tokio::test]
async fn of_a_huge_journal_the_end_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let source = node(directory.path());
    let script = "yes 'a line of the journal, one of many' | head -20000; echo the last of $3";
    program(&source, "/usr/bin/journalctl", script);
    let (members, failures) = members(journals(&source).await);
    assert_eq!(failures, []);
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let expected =
        ["cos-agent", "cos-agent-ready", "cos-agent-watch", "consul", "nomad", "docker", "cos-dns"];
    assert_eq!(names, expected.map(|name| format!("journal/{name}.log")));
    for member in members {
        assert_eq!((member.cut, member.bytes.len()), (Cut::Start, 512 * 1024));
        let text = String::from_utf8(member.bytes).unwrap();
        assert!(text.ends_with(".service\n"), "{}", member.name);
    }
}

#[tokio::test]
async fn a_program_that_fails_is_listed_with_what_it_said() {
    let directory = tempfile::tempdir().unwrap();
    let source = node(directory.path());
    let (none, failures) = members(journals(&source).await);
    assert!(
        none.is_empty() && failures[0].why == "/usr/bin/journalctl does not exist",
        "{failures:?}"
    );
    program(&source, "/usr/bin/journalctl", "echo out; echo no journal >&2; exit 3");
    let (members, failures) = members(journals(&source).await);
    assert_eq!((members.len(), failures.len()), (7, 7));
    assert_eq!(members[0].bytes, b"out\nno journal\n");
    assert!(failures[0].why.ends_with("ended with exit code 3"), "{failures:?}");
}

#[test]
fn of_a_huge_file_the_beginning_is_kept_and_a_private_key_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let source = node(directory.path());
    let write = |path: &str, text: &str| source.root.write(path, text.as_bytes(), 0o600).unwrap();
    write("/etc/consul.d/huge.hcl", &"log_level = \"INFO\"\n".repeat(20_000));
    write(
        "/etc/consul.d/key.pem",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
    );
    write("/etc/consul.d/tls/x.hcl", "x");
    write("/etc/docker/config.json", "{}");
    source.root.make_directory("/etc/docker/daemon.json", 0o755, None).unwrap();
    let (members, failures) = members(files::config(&source));
    let found: Vec<(&str, Form, Cut)> =
        members.iter().map(|member| (member.name.as_str(), member.form, member.cut)).collect();
    assert_eq!(
        found,
        [
            ("config/etc/consul.d/huge.hcl", Form::File, Cut::End),
            ("config/etc/docker/config.json", Form::Settings, Cut::Nothing),
        ]
    );
    let whys: Vec<(&str, &str)> =
        failures.iter().map(|failure| (failure.what.as_str(), failure.why.as_str())).collect();
    assert_eq!(
        whys,
        [
            ("config/etc/consul.d/key.pem", "left out, because it holds a private key"),
            ("/etc/docker/daemon.json", "expected a regular file, found something else"),
        ]
    );
}

#[test]
fn a_crowded_directory_is_cut_and_every_drop_in_of_a_unit_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let source = node(directory.path());
    for number in 0..120 {
        source.root.write(format!("/etc/nomad.d/{number:03}.hcl"), b"x", 0o600).unwrap();
    }
    let (files, failures) = members(files::config(&source));
    assert_eq!((files.len(), failures[0].why.as_str()), (100, "left out 20 more names"));
    for path in ["/etc/systemd/system/consul.service", "/usr/lib/systemd/system/docker.service"] {
        source.root.write(path, b"[Unit]\n", 0o644).unwrap();
        source.root.write(format!("{path}.d/x.conf"), b"[Unit]\n", 0o644).unwrap();
    }
    let (units, _) = members(files::units(&source));
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "units/usr/lib/systemd/system/docker.service",
            "units/usr/lib/systemd/system/docker.service.d/x.conf",
            "units/etc/systemd/system/consul.service",
            "units/etc/systemd/system/consul.service.d/x.conf",
        ]
    );
}
