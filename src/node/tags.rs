//! Every tag of the contract with `terraform/`: its key, the roles that have it, and what it may hold.

use super::ResolveError;
use crate::role::Role;
use std::collections::BTreeMap;

/// A tag of the contract.
#[derive(Debug)]
pub struct Tag {
    /// The key.
    pub key: &'static str,
    /// The roles that must have it.
    pub required: &'static [Role],
    /// The roles that may have it but do not need it.
    pub optional: &'static [Role],
    /// What it may hold, in words.
    pub value: &'static str,
}

/// The key of the cluster's name.
pub const CLUSTER: &str = "cos:cluster";
/// The key of the role.
pub const ROLE: &str = "cos:role";
/// The key of the Nomad datacenter.
pub const DATACENTER: &str = "cos:datacenter";
/// The key of the number of servers.
pub const SERVERS: &str = "cos:servers";
/// The auto-join key of Consul.
pub const CONSUL_SERVER: &str = "cos:consul-server";
/// The auto-join key of Nomad.
pub const NOMAD_SERVER: &str = "cos:nomad-server";
/// The key of the launch hook's name.
pub const LAUNCH_HOOK: &str = "cos:launch-hook";

const ALL: &[Role] = Role::ALL;

/// All tags, in the order of the documentation.
pub static TAGS: &[Tag] = &[
    Tag { key: CLUSTER, required: ALL, optional: &[], value: "name of the cluster" },
    Tag {
        key: ROLE,
        required: ALL,
        optional: &[],
        value: "consul-server, nomad-server or nomad-client",
    },
    Tag {
        key: DATACENTER,
        required: Role::WITH_NOMAD,
        optional: &[],
        value: "leader on servers; the client's datacenter on clients",
    },
    Tag {
        key: SERVERS,
        required: &[Role::ConsulServer, Role::NomadServer],
        optional: &[],
        value: "1, 3, 5 or 7: how many servers of this role form the cluster",
    },
    Tag {
        key: CONSUL_SERVER,
        required: &[Role::ConsulServer],
        optional: &[],
        value: "the cluster's name",
    },
    Tag {
        key: NOMAD_SERVER,
        required: &[Role::NomadServer],
        optional: &[],
        value: "the cluster's name",
    },
    Tag { key: LAUNCH_HOOK, required: &[], optional: ALL, value: "name of the ASG's launch hook" },
    Tag {
        key: "cos:terminate-hook",
        required: &[],
        optional: ALL,
        value: "name of the ASG's termination hook",
    },
];

/// Whether a key belongs to the contract, or resembles a key that does.
pub fn matters(key: &str) -> bool {
    canonical(key).starts_with("cos:") || meant(key).is_some()
}

/// The keys of the tags that are still missing; empty if a tag is already wrong, because waiting would not correct it.
pub fn missing(values: &BTreeMap<String, String>) -> Vec<&'static str> {
    if check_spelling(values).is_err() || check_blanks(values).is_err() {
        return Vec::new();
    }
    let role = match values.get(ROLE).map(|name| Role::named(name)) {
        Some(None) => return Vec::new(),
        known => known.flatten(),
    };
    let wanted = |tag: &&Tag| match role {
        Some(role) => tag.required.contains(&role),
        // Without a role, only the tags that every role needs are certain to be missing.
        None => tag.required == ALL,
    };
    TAGS.iter().filter(wanted).map(|tag| tag.key).filter(|key| !values.contains_key(*key)).collect()
}

/// Refuses keys that exist in two spellings, and keys that resemble a key of the contract.
pub fn check_spelling(values: &BTreeMap<String, String>) -> Result<(), ResolveError> {
    for key in values.keys().filter(|key| TAGS.iter().all(|tag| tag.key != key.as_str())) {
        let Some(known) = meant(key) else { continue };
        return Err(if values.contains_key(known) && canonical(key) == known {
            ResolveError::SpeltTwice { known, other: key.clone() }
        } else {
            ResolveError::Misspelt { found: key.clone(), known }
        });
    }
    Ok(())
}

/// Refuses values with spaces around them, because auto-join searches EC2 for the exact value.
pub fn check_blanks(values: &BTreeMap<String, String>) -> Result<(), ResolveError> {
    let with_blanks = TAGS.iter().find_map(|tag| {
        let found = values.get(tag.key).filter(|found| found.trim() != found.as_str())?;
        Some(ResolveError::Blanks { key: tag.key, found: found.clone() })
    });
    with_blanks.map_or(Ok(()), Err)
}

/// Refuses tags of another role, because the tag or the role must be a mistake.
pub fn check_role(role: Role, values: &BTreeMap<String, String>) -> Result<(), ResolveError> {
    let foreign = |tag: &&Tag| {
        values.contains_key(tag.key)
            && !tag.required.contains(&role)
            && !tag.optional.contains(&role)
    };
    match TAGS.iter().find(foreign) {
        Some(tag) => Err(ResolveError::ForeignTag {
            key: tag.key,
            found: values[tag.key].clone(),
            role: role.name(),
            belongs: tag.required.iter().map(|role| role.name()).collect::<Vec<_>>().join(" and "),
        }),
        None => Ok(()),
    }
}

/// The key of the contract that a key resembles; `None` if it resembles none.
fn meant(key: &str) -> Option<&'static str> {
    let canonical = canonical(key);
    let distance = |tag: &&Tag| strsim::damerau_levenshtein(&canonical, tag.key);
    let nearest = TAGS.iter().min_by_key(distance)?;
    (distance(&nearest) <= 2 && canonical.starts_with("co")).then_some(nearest.key)
}

/// `Cos:Role`, `cos.role` and `COS_ROLE` all mean `cos:role`.
fn canonical(key: &str) -> String {
    let lower = key.trim().to_ascii_lowercase();
    match lower.split_once([':', '.', '-', '_', '/']) {
        Some((prefix, rest)) => format!("{prefix}:{}", rest.replace('_', "-")),
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_missing_depends_on_the_role() {
        assert_eq!(missing(&values(&[("Name", "x")])), [CLUSTER, ROLE]);
        assert_eq!(missing(&values(&[(CLUSTER, "c"), (ROLE, "nomad-client")])), [DATACENTER]);
        assert_eq!(
            missing(&values(&[(CLUSTER, "c"), (ROLE, "consul-server")])),
            [SERVERS, CONSUL_SERVER]
        );
        assert_eq!(
            missing(&values(&[(ROLE, "nomad-server")])),
            [CLUSTER, DATACENTER, SERVERS, NOMAD_SERVER]
        );
    }

    #[test]
    fn what_is_wrong_already_is_not_waited_for() {
        assert!(missing(&values(&[(ROLE, "bastion")])).is_empty());
        assert!(missing(&values(&[("cos:roel", "nomad-client")])).is_empty());
        assert!(missing(&values(&[(CLUSTER, "held-out ")])).is_empty());
    }

    #[test]
    fn look_alikes_matter_and_strangers_do_not() {
        for key in [
            "cos:role",
            "Cos:Role",
            "cos.role",
            "cos-servers",
            "cos:whatever",
            "coss:role",
            "cos_consul_server",
        ] {
            assert!(matters(key), "{key}");
        }
        for key in ["Name", "aws:autoscaling:groupName", "role", "cost-center", "consul-servers"] {
            assert!(!matters(key), "{key}");
        }
    }

    #[test]
    fn spellings() {
        let twice = check_spelling(&values(&[(ROLE, "a"), ("Cos:Role", "b")])).unwrap_err();
        assert!(matches!(twice, ResolveError::SpeltTwice { known: ROLE, .. }));
        let typo = check_spelling(&values(&[("cos:server", "3")])).unwrap_err();
        assert!(matches!(typo, ResolveError::Misspelt { known: SERVERS, .. }));
        assert!(
            check_spelling(&values(&[
                ("cos:owner", "me"),
                (CONSUL_SERVER, "c"),
                (NOMAD_SERVER, "c")
            ]))
            .is_ok()
        );
    }
}
