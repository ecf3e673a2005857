//! The certificate authorities of the site are valid, and the trust store and docker have them.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Hint, topics};
use crate::facts::GatherError;
use crate::facts::certificates::{Authority, FOLDER, Found, UNREAD};
use crate::facts::host::TrustStore;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::plan::manifest::Manifest;
use crate::plan::{Change, Plan, Why, Write, holds};
use crate::render::ca_trust::bundle_of;
use crate::role::Role;
use crate::system::root::Root;
use crate::text::count;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

topics! {
    LEFT_OUT: "ca-left-out",
        "correct or remove it, then run `cos-agent apply`; `openssl x509 -in FILE -noout -text` must show `CA:TRUE`";
    NAMES: "ca-name", "rename the file if it is a certificate, then run `cos-agent apply`; otherwise move it out of {folder}";
    NOT_APPLIED: "ca-not-applied", "run `cos-agent apply`, which writes it and updates the trust store";
    UNTRUSTED: "ca-not-in-bundle", "run `{tool}`; if it fails, its output says why";
    UNREADABLE: "ca-unreadable", "look at `ls -la {folder}`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "ca-trust",
        title: "the system trusts the certificate authorities of the site",
        group: Group::Tls,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &[
            "aws-endpoint-ec2",
            "aws-endpoint-ssm",
            "aws-endpoint-ecr",
            "ecr-token",
            "config-drift",
            "role-resolved",
        ],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "Each file in /etc/cos-agent/ca.d and each certificate in the settings is a certificate authority, the trust \
                    store of the system has it, and docker has it for the registries of the settings.",
            matters: "Without its authorities the node refuses the registries, proxies and endpoints of the site. A private key \
                      among them ends every `apply`.",
            look: &[
                "ls -la /etc/cos-agent/ca.d /etc/docker/certs.d",
                "openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs -noout",
            ],
            fixes: &[TOPICS, GatherError::TOPICS],
            source: "https://docs.docker.com/engine/security/certificates/",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let authorities = machine.authorities.get().await;
    let found = match authorities.as_ref() {
        Some(Ok(found)) => found,
        Some(Err(error)) => return refused(error),
        None => return super::broken(),
    };
    let is_name = |note: &&String| note.ends_with(UNREAD);
    let names: Vec<String> = found.notes.iter().filter(is_name).cloned().collect();
    let hidden = machine.files(move |root| names.into_iter().find(|note| hides_one(root, note)));
    if let Some(finding) = left_out(&found.notes, hidden.await.flatten()) {
        return finding;
    }
    let stages = machine.stages.get().await;
    let plan = stages.plan.as_ref().and_then(|plan| plan.as_ref().ok());
    // Before the first `apply`, and while one runs, the files and the trust store are on their way.
    let is_applying = machine.units.get().await.as_ref().as_ref().is_ok_and(super::is_applying);
    let plan = plan.filter(|plan| !plan.is_first && !is_applying);
    if let (Some(plan), Ok(manifest)) = (plan, &stages.manifest)
        && let Some(finding) = by_hand(plan, manifest)
    {
        return finding;
    }
    // The trust store of an authority that is not applied yet cannot have it.
    let is_written = plan.is_some_and(|plan| !plan.changes().any(is_of_authorities));
    let node = stages.node.as_ref().filter(|_| is_written);
    if let Some((path, store)) =
        node.and_then(|node| Some((bundle_of(node)?, node.host.trust_store?)))
    {
        // A bundle that cannot be read is not the fault of an authority.
        let bundle = machine.files(move |root| root.read(path).ok().flatten()).await.flatten();
        if let Some(finding) = bundle.and_then(|bundle| untrusted(found, path, &bundle, store)) {
            return finding;
        }
    }
    Finding::Pass(match found.authorities.len() {
        0 => "no CA of the site".to_owned(),
        number => count(number, "CA"),
    })
}

/// The finding about what ends the survey.
fn refused(error: &GatherError) -> Finding {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    let hint = error.hint().unwrap_or_else(|| UNREADABLE.with(&[("folder", &FOLDER)]));
    let found = format!("{error}{}", source.unwrap_or_default());
    Finding::Fail(Problem::new(found, "only CA certificates, in files that can be read", hint))
}

/// Whether one of the files that are not read because of their names holds a certificate, and not a text for people.
fn hides_one(root: &Root, note: &str) -> bool {
    let holds_one = |name: OsString| {
        let bytes = root.read(Path::new(FOLDER).join(&name)).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        note.contains(&crate::text::shown(&name)) && text.contains("-----BEGIN CERTIFICATE")
    };
    root.list(FOLDER).unwrap_or_default().into_iter().any(holds_one)
}

/// The finding about what the agent leaves out. `hidden`: the note about files with other names that hold a certificate.
fn left_out(notes: &[String], hidden: Option<String>) -> Option<Finding> {
    let expected = "each file is a certificate authority in PEM";
    let mut bad = notes.iter().filter(|note| !note.ends_with(UNREAD));
    if let Some(first) = bad.next() {
        let problem = Problem::new(first.as_str(), expected, LEFT_OUT.plain());
        return Some(Finding::Fail(problem.with(bad.cloned().collect())));
    }
    let hint = NAMES.with(&[("folder", &FOLDER)]);
    hidden.map(|note| Finding::Warn(Problem::new(note, expected, hint)))
}

/// Whether a change is one of a file of the authorities.
fn is_of_authorities(change: &Change) -> bool {
    let places = [
        "/usr/local/share/ca-certificates/cos-",
        "/etc/pki/ca-trust/source/anchors/cos-",
        "/etc/docker/certs.d/",
    ];
    places.iter().any(|place| change.path().starts_with(place))
}

/// Whether a change restores a file of the authorities that somebody edited or removed. All other changes are those of
/// `config-drift`.
pub(super) fn is_restored(change: &Change, manifest: &Manifest) -> bool {
    let path = change.path();
    let is_by_hand = match change {
        Change::Write(Write { why: Why::New, .. }) => manifest.files.contains_key(path),
        Change::Write(write) => write.why == Why::EditedByHand,
        _ => false,
    };
    is_by_hand && is_of_authorities(change)
}

/// The finding about files of the authorities that somebody edited or removed.
fn by_hand(plan: &Plan, manifest: &Manifest) -> Option<Finding> {
    let mut changes = plan.changes().filter(|change| is_restored(change, manifest));
    let first = changes.next()?;
    let found = format!("{} is not as `apply` wrote it ({})", first.path(), first.words());
    let expected = "the trust store and docker have the authorities of the site";
    let others = changes.map(|change| format!("{}: {}", change.path(), change.words()));
    Some(Finding::Fail(Problem::new(found, expected, NOT_APPLIED.plain()).with(others.collect())))
}

/// The finding about an authority whose file is in place and that the bundle lacks.
fn untrusted(found: &Found, path: &str, bundle: &[u8], store: TrustStore) -> Option<Finding> {
    let mut missing = found.authorities.iter().filter(|one| !holds(bundle, one.pem.as_bytes()));
    let Authority { subject, source, .. } = missing.next()?;
    let tool = match store {
        TrustStore::UpdateCaTrust => "update-ca-trust extract",
        TrustStore::UpdateCaCertificates => "update-ca-certificates --fresh",
    };
    let words = format!("the trust store {path} has no {subject} (from {source})");
    let expected = "the trust store has every authority of the site";
    let problem = Problem::new(words, expected, UNTRUSTED.with(&[("tool", &tool)]));
    Some(Finding::Fail(
        problem.with(missing.map(|one| format!("also missing: {}", one.subject)).collect()),
    ))
}

#[cfg(test)]
mod tests;
