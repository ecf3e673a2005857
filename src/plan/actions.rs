//! Which actions a plan makes due, and why: each once, in the order of `state::Action`.

use super::due::{Due, Reasons};
use super::{Change, Inputs, PlannedAction, Why, units};
use crate::state::{Action, Notify};
use serde_json::Value;

/// The actions that are due after these changes.
pub(super) fn due(inputs: &Inputs<'_>, changes: &[Change]) -> Vec<PlannedAction> {
    let mut due = Due::new();
    let mut add = |action: Action, because: String, is_new: bool| {
        let reasons = due.entry(action).or_default();
        reasons.is_new |= is_new;
        if !reasons.because.contains(&because) {
            reasons.because.push(because);
        }
    };
    for action in &inputs.manifest.pending {
        add(*action, "it was due when the last run ended".to_owned(), false);
    }
    for change in changes {
        for (action, because) in notified(change, inputs) {
            add(action, because, true);
        }
    }
    for (action, because) in units::missing(inputs) {
        add(action, because, false);
    }
    for change in changes {
        if let Change::MoveAside { daemon, .. } = change
            && inputs.observed.comes_up(daemon.unit()) == Some(true)
        {
            add(Action::Start(*daemon), format!("{} is moved aside", daemon.data()), false);
        }
    }
    units::absorb(&mut due, inputs, changes);
    let planned = |(action, reasons): (Action, Reasons)| PlannedAction {
        action,
        because: reasons.because,
        is_new: reasons.is_new,
    };
    due.into_iter().map(planned).collect()
}

fn notified(change: &Change, inputs: &Inputs<'_>) -> Vec<(Action, String)> {
    match change {
        Change::Write(write) if write.why != Why::Attributes => {
            let because = format!(
                "{} {}",
                write.path,
                if write.why == Why::New { "is new" } else { "changes" }
            );
            let notify = inputs
                .desired
                .files
                .iter()
                .find(|file| file.path == write.path)
                .map(|file| file.notify);
            let actions = match notify {
                None => removed(&write.path),
                Some(Notify::Nothing) => Vec::new(),
                // An image that trusts the authority already, under whatever name, is spared the seconds of a rebuild.
                Some(Notify::Actions([Action::UpdateTrustStore]))
                    if holds(&inputs.observed.trust_bundle, &write.bytes) =>
                {
                    Vec::new()
                }
                Some(Notify::Actions(actions)) => actions.to_vec(),
                Some(Notify::Daemon { daemon, reloadable }) => {
                    let takes =
                        |key: &String| reloadable.iter().any(|reloadable| reloadable.key == key);
                    let changed = changed_keys(write.before.as_deref(), &write.bytes);
                    let reload =
                        changed.is_some_and(|keys| !keys.is_empty() && keys.iter().all(takes));
                    vec![if reload { Action::Reload(daemon) } else { Action::Restart(daemon) }]
                }
            };
            actions.into_iter().map(|action| (action, because.clone())).collect()
        }
        Change::Remove { path, .. } => {
            removed(path).into_iter().map(|action| (action, format!("{path} is removed"))).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a bundle of certificates has this one, however the lines are broken.
fn holds(bundle: &[u8], certificate: &[u8]) -> bool {
    let body = |pem: &[u8]| -> String {
        let text = String::from_utf8_lossy(pem);
        text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect()
    };
    let certificate = body(certificate);
    !certificate.is_empty() && body(bundle).contains(&certificate)
}

/// The actions after a file of ours is gone, by where it was.
fn removed(path: &str) -> Vec<Action> {
    let starts = |prefix: &str| path.starts_with(prefix);
    if starts("/usr/local/share/ca-certificates/") || starts("/etc/pki/ca-trust/") {
        vec![Action::UpdateTrustStore]
    } else if starts("/etc/systemd/resolved.conf.d/") {
        vec![Action::RestartResolved]
    } else if starts("/etc/systemd/system/") {
        vec![Action::DaemonReload]
    } else if starts("/etc/dnsmasq.d/") {
        vec![Action::RestartDnsmasq]
    } else if path == "/etc/docker/daemon.json" {
        vec![Action::RestartDocker]
    } else {
        Vec::new()
    }
}

/// The top-level keys in which two JSON texts differ; `None` where one of them is no JSON object.
fn changed_keys(before: Option<&[u8]>, after: &[u8]) -> Option<Vec<String>> {
    let before: serde_json::Map<String, Value> = serde_json::from_slice(before?).ok()?;
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
        let keys =
            |before: &str, after: &str| changed_keys(Some(before.as_bytes()), after.as_bytes());
        assert_eq!(keys(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#), Some(vec![]));
        assert_eq!(
            keys(r#"{"a":1}"#, r#"{"a":2,"c":3}"#),
            Some(vec!["a".to_owned(), "c".to_owned()])
        );
        assert_eq!(keys("nonsense", "{}"), None);
        assert_eq!(changed_keys(None, b"{}"), None);
    }
}
