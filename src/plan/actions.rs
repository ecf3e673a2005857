//! Which actions a plan makes due, and why: each once, in the order of `state::Action`.

use super::{Change, Inputs, PlannedAction, Why};
use crate::state::{Action, DNS_LINK, Daemon, Notify, READY, UnitState, WATCH};
use serde_json::Value;
use std::collections::BTreeMap;

/// The actions that are due after these changes.
pub(super) fn due(inputs: &Inputs<'_>, changes: &[Change]) -> Vec<PlannedAction> {
    let mut due: BTreeMap<Action, Vec<String>> = BTreeMap::new();
    let mut add = |action: Action, because: String| {
        let reasons = due.entry(action).or_default();
        if !reasons.contains(&because) {
            reasons.push(because);
        }
    };
    for action in &inputs.manifest.pending {
        add(*action, "it was due when the last run ended".to_owned());
    }
    for change in changes {
        for (action, because) in notified(change, inputs) {
            add(action, because);
        }
    }
    for (action, because) in missing_units(inputs) {
        add(action, because);
    }
    for change in changes {
        if let Change::MoveAside { daemon, .. } = change
            && inputs.observed.is_up(daemon.unit()) == Some(true)
        {
            add(Action::Start(*daemon), format!("{} is moved aside", daemon.data()));
        }
    }
    absorb(&mut due, inputs, changes);
    due.into_iter().map(|(action, because)| PlannedAction { action, because }).collect()
}

/// Whether an action would be lost with a crash. A unit that does not run is seen to not run by the next run, so that a
/// reboot, which only starts things, writes nothing.
pub(super) fn must_be_recorded(action: Action, inputs: &Inputs<'_>) -> bool {
    match action {
        Action::Start(_) | Action::StartReady | Action::StartWatch => false,
        Action::RestartDnsLink => inputs.observed.is_up(DNS_LINK).unwrap_or(true),
        _ => true,
    }
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

/// Units that shall run and do not, and daemons of another role that run still.
fn missing_units(inputs: &Inputs<'_>) -> Vec<(Action, String)> {
    // Where units are not ours to ask for, a stop is noted for the run that may.
    let is_up = |unit: &str| inputs.observed.is_up(unit).unwrap_or(true);
    let mut missing = Vec::new();
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        let shall_run = inputs.desired.daemons.contains(&daemon);
        if shall_run && !is_up(daemon.unit()) {
            missing.push((Action::Start(daemon), format!("{} is not running", daemon.unit())));
        } else if !shall_run
            && is_up(daemon.unit())
            && inputs.manifest.files.contains_key(daemon.file())
        {
            missing.push((Action::Stop(daemon), format!("a {} does not run it", inputs.role.name)));
        }
    }
    for (unit, action) in [(READY, Action::StartReady), (WATCH, Action::StartWatch)] {
        // Who masks them wants it so, and the node does without.
        let is_masked = inputs.observed.state(unit) == Some(UnitState::Masked);
        if !is_up(unit) && !is_masked {
            missing.push((action, format!("{unit} is not running")));
        }
    }
    let was = inputs.manifest.role.as_deref();
    if is_up(READY)
        && inputs.observed.units.is_some()
        && was.is_some_and(|was| was != inputs.role.name)
    {
        missing.push((Action::StartReady, "another role has to join anew".to_owned()));
    }
    if inputs.desired.dns_link && !is_up(DNS_LINK) {
        missing.push((Action::RestartDnsLink, format!("{DNS_LINK} is not running")));
    }
    let link_is_ours = inputs.manifest.files.keys().any(|path| path.contains(DNS_LINK));
    if !inputs.desired.dns_link
        && is_up(DNS_LINK)
        && (inputs.observed.units.is_some() || link_is_ours)
    {
        missing.push((
            Action::StopDnsLink,
            "`.consul` does not go through systemd-resolved".to_owned(),
        ));
    }
    missing
}

/// A daemon is touched once: a restart absorbs a reload, and one that does not run is started and nothing else.
fn absorb(due: &mut BTreeMap<Action, Vec<String>>, inputs: &Inputs<'_>, changes: &[Change]) {
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        // Data is moved with the daemon stopped.
        let is_moved = |change: &Change| matches!(change, Change::MoveAside { daemon: moved, .. } if *moved == daemon);
        let down = inputs
            .observed
            .is_up(daemon.unit())
            .is_some_and(|up| !up || changes.iter().any(is_moved));
        let (start, restart, reload) =
            (Action::Start(daemon), Action::Restart(daemon), Action::Reload(daemon));
        if !inputs.desired.daemons.contains(&daemon) {
            due.retain(|action, _| ![start, restart, reload].contains(action));
            continue;
        }
        due.remove(&Action::Stop(daemon));
        let into = if down { start } else { restart };
        if due.contains_key(&restart) || due.contains_key(&start) {
            let mut reasons = Vec::new();
            for action in [start, restart, reload] {
                reasons.extend(due.remove(&action).unwrap_or_default());
            }
            due.insert(into, reasons);
        } else if down {
            due.remove(&reload);
        }
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
