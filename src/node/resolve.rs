//! The only validation: from [`Facts`] to a [`Node`], or to a [`ResolveError`].

use super::names::{self, ClusterName, ConsulDatacenter, NomadDatacenter, NomadRegion};
use super::{
    CLIENT_DATACENTERS, CONSUL_RANGE, Duty, LEADER, NOMAD_RANGE, Node, ResolveError, SERVER_COUNTS,
    settings, tags,
};
use crate::facts::Facts;
use crate::facts::settings::Release;
use crate::role::Role;
use semver::Version;
use std::collections::BTreeMap;

/// Decides what the machine should be.
pub fn resolve(facts: &Facts) -> Result<Node, ResolveError> {
    let values = &facts.tags.values;
    tags::check_spelling(values)?;
    tags::check_blanks(values)?;
    let role = role(required(values, tags::ROLE)?)?;
    let cluster = cluster(required(values, tags::CLUSTER)?)?;
    tags::check_role(role, values)?;
    let nomad = || version("nomad", facts.installed.nomad.as_ref(), NOMAD_RANGE);
    let duty = match role {
        Role::ConsulServer => {
            join_tag(values, tags::CONSUL_SERVER, &cluster)?;
            Duty::ConsulServer { servers: servers(values)? }
        }
        Role::NomadServer => {
            join_tag(values, tags::NOMAD_SERVER, &cluster)?;
            server_datacenter(required(values, tags::DATACENTER)?)?;
            Duty::NomadServer { servers: servers(values)?, nomad: nomad()? }
        }
        Role::NomadClient => {
            let further = &facts.settings.cluster.client_datacenters;
            let datacenter = client_datacenter(required(values, tags::DATACENTER)?, further)?;
            Duty::NomadClient { datacenter, nomad: nomad()? }
        }
    };
    settings::http_on_link(facts)?;
    let region = facts.instance.region.as_str();
    let installed = &facts.installed;
    let nomad = role.nomad().and_then(|_| newer("nomad", installed.nomad.as_ref(), NOMAD_RANGE));
    let consul = newer("consul", installed.consul.as_ref(), CONSUL_RANGE);
    let notes = facts.notes.iter().cloned().chain(consul).chain(nomad).collect();
    Ok(Node {
        cluster,
        duty,
        consul: version("consul", facts.installed.consul.as_ref(), CONSUL_RANGE)?,
        consul_datacenter: ConsulDatacenter(settings::label(
            "consul.datacenter",
            facts.settings.consul.datacenter.as_deref(),
            region,
        )?),
        nomad_region: NomadRegion(settings::label(
            "nomad.region",
            facts.settings.nomad.region.as_deref(),
            region,
        )?),
        instance: facts.instance.clone(),
        host: facts.host,
        launch_hook: settings::launch_hook(facts)?,
        authorities: facts.authorities.clone(),
        settings: facts.settings.clone(),
        notes,
    })
}

fn required<'a>(
    values: &'a BTreeMap<String, String>,
    key: &'static str,
) -> Result<&'a str, ResolveError> {
    values.get(key).map(String::as_str).ok_or(ResolveError::Missing { key })
}

fn role(found: &str) -> Result<Role, ResolveError> {
    Role::named(found).ok_or_else(|| ResolveError::Value {
        key: tags::ROLE,
        found: found.to_owned(),
        allowed: Role::names().collect::<Vec<_>>().join(", "),
        nearest: crate::text::nearest(found, Role::names()).map(str::to_owned),
    })
}

fn cluster(found: &str) -> Result<ClusterName, ResolveError> {
    if names::is_cluster_name(found) {
        return Ok(ClusterName(found.to_owned()));
    }
    let lower = found.to_ascii_lowercase().replace(['_', '.', ' '], "-");
    Err(ResolveError::Value {
        key: tags::CLUSTER,
        found: found.to_owned(),
        allowed: names::CLUSTER_GRAMMAR.to_owned(),
        nearest: names::is_cluster_name(&lower).then_some(lower),
    })
}

fn servers(values: &BTreeMap<String, String>) -> Result<u8, ResolveError> {
    let found = required(values, tags::SERVERS)?;
    SERVER_COUNTS.iter().copied().find(|count| count.to_string() == found).ok_or_else(|| {
        ResolveError::Value {
            key: tags::SERVERS,
            found: found.to_owned(),
            allowed: "1, 3, 5 or 7, because a quorum needs an odd number".to_owned(),
            nearest: found.parse::<u8>().ok().and_then(|count| {
                SERVER_COUNTS.iter().find(|allowed| **allowed >= count.max(1)).map(u8::to_string)
            }),
        }
    })
}

fn server_datacenter(found: &str) -> Result<(), ResolveError> {
    if found == LEADER {
        return Ok(());
    }
    Err(ResolveError::Value {
        key: tags::DATACENTER,
        found: found.to_owned(),
        allowed: format!("{LEADER} on a nomad-server; other datacenters are for nomad-client"),
        nearest: Some(LEADER.to_owned()),
    })
}

fn client_datacenter(found: &str, further: &[String]) -> Result<NomadDatacenter, ResolveError> {
    let allowed = || CLIENT_DATACENTERS.iter().copied().chain(further.iter().map(String::as_str));
    if let Some(bad) = further.iter().find(|name| !names::is_label(name) || *name == LEADER) {
        return Err(ResolveError::Setting {
            key: "cluster.client_datacenters",
            found: bad.clone(),
            expected: "names of a-z, 0-9, - and _, other than leader",
        });
    }
    if allowed().any(|name| name == found) {
        return Ok(NomadDatacenter(found.to_owned()));
    }
    Err(ResolveError::Value {
        key: tags::DATACENTER,
        found: found.to_owned(),
        allowed: format!("{} on a nomad-client", allowed().collect::<Vec<_>>().join(", ")),
        nearest: crate::text::nearest(found, allowed()).map(str::to_owned),
    })
}

fn join_tag(
    values: &BTreeMap<String, String>,
    key: &'static str,
    cluster: &ClusterName,
) -> Result<(), ResolveError> {
    let found = required(values, key)?;
    if found == cluster.as_str() {
        return Ok(());
    }
    Err(ResolveError::Value {
        key,
        found: found.to_owned(),
        allowed: format!("the cluster's name, which is {cluster}"),
        nearest: Some(cluster.as_str().to_owned()),
    })
}

/// The version to render for. It is an error if it is unknown or older than the range. A newer one is rendered like the
/// newest.
fn version(
    program: &'static str,
    found: Option<&Release>,
    (oldest, _): ((u64, u64), (u64, u64)),
) -> Result<Version, ResolveError> {
    let found = &found.ok_or(ResolveError::NoVersion { program })?.0;
    let minor = (found.major, found.minor);
    if minor < oldest {
        return Err(ResolveError::TooOld { program, found: found.clone(), oldest });
    }
    Ok(found.clone())
}

/// The note for people on a version that is newer than the range.
fn newer(
    program: &'static str,
    found: Option<&Release>,
    (_, newest): ((u64, u64), (u64, u64)),
) -> Option<String> {
    let found = &found?.0;
    ((found.major, found.minor) > newest).then(|| {
        format!(
            "{program} {found} is newer than {}.{}, the newest version that cos-agent knows; it gets the configuration of that version",
            newest.0, newest.1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_release_is_a_note_and_an_older_one_an_error() {
        let release = |text: &str| Release(Version::parse(text).unwrap());
        let of = |text: &str| newer("consul", Some(&release(text)), CONSUL_RANGE);
        let note = of("9.0.0").unwrap();
        assert!(note.starts_with("consul 9.0.0 is newer than 2.1,"), "{note}");
        assert_eq!(of("2.1.9"), None);
        let older = version("consul", Some(&release("1.7.9")), CONSUL_RANGE);
        assert!(matches!(older, Err(ResolveError::TooOld { .. })));
        assert!(version("consul", Some(&release("9.0.0")), CONSUL_RANGE).is_ok());
    }
}
