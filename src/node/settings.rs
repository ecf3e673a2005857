//! What a node takes from the settings, or refuses, once its facts are known.

use super::{ResolveError, names, tags};
use crate::facts::Facts;
use crate::facts::host::Resolver;

/// Consul cannot answer at the address of a link that does not exist, and what `extra` sets replaces all addresses.
pub(super) fn http_on_link(facts: &Facts) -> Result<(), ResolveError> {
    let settings = &facts.settings;
    let has_link = settings.dns.forwarder.on(facts.host.resolver) == Some(Resolver::Resolved);
    let is_replaced =
        settings.consul.extra.get("addresses").is_some_and(|of| of.get("http").is_some());
    let expected = match (settings.consul.http_on_link, has_link, is_replaced) {
        (true, false, _) => {
            "false, because systemd-resolved does not forward .consul on this node (`dns.forwarder`), so there is no link cos0"
        }
        (true, true, true) => {
            "false, because `consul.extra.addresses.http` replaces the addresses that cos-agent renders; add the address there"
        }
        _ => return Ok(()),
    };
    Err(ResolveError::Setting { key: "consul.http_on_link", found: "true".to_owned(), expected })
}

/// The launch hook that a tag names.
pub(super) fn launch_hook(facts: &Facts) -> Result<Option<String>, ResolveError> {
    let heartbeat = facts.settings.launch_hook.heartbeat;
    // A hook times out after 30 seconds at the earliest; more frequent heartbeats only make AWS throttle the account.
    if heartbeat.seconds() < 10 {
        return Err(ResolveError::Setting {
            key: "launch_hook.heartbeat",
            found: heartbeat.into(),
            expected: "10s or more, at most a third of the hook's HeartbeatTimeout",
        });
    }
    match facts.tags.values.get(tags::LAUNCH_HOOK) {
        Some(found) if !names::is_hook_name(found) => Err(ResolveError::Value {
            key: tags::LAUNCH_HOOK,
            found: found.clone(),
            allowed: format!("{}; no tag where there is no hook", names::HOOK_GRAMMAR),
            nearest: None,
        }),
        found => Ok(found.cloned()),
    }
}

/// A datacenter or region: what is set, or the region of the instance.
pub(super) fn label(
    key: &'static str,
    set: Option<&str>,
    region: &str,
) -> Result<String, ResolveError> {
    match set {
        None => Ok(region.to_owned()),
        Some(text) if names::is_label(text) => Ok(text.to_owned()),
        Some(text) => Err(ResolveError::Setting {
            key,
            found: text.to_owned(),
            expected: "1 to 63 of a-z, 0-9, - and _, not first or last -",
        }),
    }
}
