//! The actions that a plan makes due, and the reasons of each. Each action appears once, in execution order.

use super::due::Due;
use super::{Change, Inputs, PlannedAction, Why, Write, units};
use crate::state::{Action, Notify, Tool, Verb};
use serde_json::Value;

/// The actions that are due after these changes, in execution order.
pub(super) fn due(inputs: &Inputs<'_>, changes: &[Change]) -> Vec<PlannedAction> {
    let mut due = Due::default();
    for action in &inputs.manifest.pending {
        due.add(action.clone(), "it was due when the last run ended".to_owned(), false);
    }
    for change in changes {
        for (action, because) in notified(change, inputs) {
            due.add(action, because, true);
        }
    }
    for (action, because) in units::missing(inputs) {
        due.add(action, because, false);
    }
    for moved in &inputs.desired.moves {
        let daemon = moved.daemon;
        if inputs.observed.comes_up(daemon.unit()) == Some(true) {
            let because = format!("{} is moved aside", daemon.data());
            due.add(Action::unit(Verb::Start, daemon.unit()), because, false);
        }
    }
    units::absorb(&mut due, inputs);
    due.in_order(&inputs.desired.units)
}

/// The actions that one change makes due, and the reason.
fn notified(change: &Change, inputs: &Inputs<'_>) -> Vec<(Action, String)> {
    let (actions, because) = match change {
        Change::Write(write) if write.why != Why::Attributes => {
            let verb = if write.why == Why::New { "is new" } else { "changes" };
            (of_write(write, inputs), format!("{} {verb}", write.path))
        }
        Change::Remove { path, .. } => (of_manifest(path, inputs), format!("{path} is removed")),
        _ => return Vec::new(),
    };
    actions.into_iter().map(|action| (action, because.clone())).collect()
}

/// The actions that the manifest recorded for a file when the agent wrote it.
fn of_manifest(path: &str, inputs: &Inputs<'_>) -> Vec<Action> {
    inputs.manifest.files.get(path).map(|written| written.notify.clone()).unwrap_or_default()
}

fn of_write(write: &Write, inputs: &Inputs<'_>) -> Vec<Action> {
    let Some(file) = inputs.desired.files.iter().find(|file| file.path == write.path) else {
        return of_manifest(&write.path, inputs);
    };
    let Notify { actions, reloadable } = &file.notify;
    let takes = |key: &String| reloadable.iter().any(|reloadable| reloadable.key == key);
    let reloads = match (write.before.as_ref().and_then(|before| before.open()), write.bytes.open())
    {
        (Some(before), Some(after)) => changed_keys(before, after)
            .is_some_and(|keys| !keys.is_empty() && keys.iter().all(takes)),
        _ => false,
    };
    let action = |action: &Action| match action {
        // Rebuilding the trust store takes seconds, so it is skipped where the image already trusts the authority, under
        // any file name.
        Action::Run(Tool::UpdateTrustStore) if is_trusted(write, inputs) => None,
        Action::Unit(Verb::Restart, unit) if reloads => {
            Some(Action::Unit(Verb::Reload, unit.clone()))
        }
        action => Some(action.clone()),
    };
    actions.iter().filter_map(action).collect()
}

fn is_trusted(write: &Write, inputs: &Inputs<'_>) -> bool {
    write.bytes.open().is_some_and(|certificate| holds(&inputs.observed.trust_bundle, certificate))
}

/// Whether a PEM bundle contains this certificate, regardless of where the lines break.
pub(crate) fn holds(bundle: &[u8], certificate: &[u8]) -> bool {
    let body = |pem: &[u8]| -> String {
        let text = String::from_utf8_lossy(pem);
        text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect()
    };
    let certificate = body(certificate);
    !certificate.is_empty() && body(bundle).contains(&certificate)
}

/// The top-level keys in which two JSON texts differ; `None` if either is not a JSON object.
fn changed_keys(before: &[u8], after: &[u8]) -> Option<Vec<String>> {
    let before: serde_json::Map<String, Value> = serde_json::from_slice(before).ok()?;
    let after: serde_json::Map<String, Value> = serde_json::from_slice(after).ok()?;
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    Some(keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_in_a_bundle_by_its_body() {
        let pem = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let bundle = format!("# a comment\n{}{}", pem("AAAA\nBBBB"), pem("CCCC"));
        assert!(holds(bundle.as_bytes(), pem("AAAABBBB").as_bytes()));
        assert!(holds(bundle.as_bytes(), pem("CCCC").as_bytes()));
        assert!(!holds(bundle.as_bytes(), pem("DDDD").as_bytes()));
        assert!(!holds(bundle.as_bytes(), b""));
        assert!(!holds(b"", pem("CCCC").as_bytes()));
    }

    #[test]
    fn changed_keys_are_named_whatever_the_order() {
        let keys = |before: &str, after: &str| changed_keys(before.as_bytes(), after.as_bytes());
        assert_eq!(keys(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#), Some(vec![]));
        assert_eq!(
            keys(r#"{"a":1}"#, r#"{"a":2,"c":3}"#),
            Some(vec!["a".to_owned(), "c".to_owned()])
        );
        assert_eq!(keys("nonsense", "{}"), None);
    }
}
