//! No client is newer than all of its servers.

use super::node_unknown;
use crate::doctor::Check;
use crate::doctor::machine::{Daemons, Machine};
use crate::exit::hint::topics;
use crate::gates::{About, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use std::time::Duration;

topics! {
    NEWER: "client-newer",
        "replace the {name} servers with instances of the new image first, one at a time, then the clients";
}

/// Longest time for Nomad, which is asked through its servers.
const NOMAD: Duration = Duration::from_millis(1500);

/// The check. Servers of different versions are an upgrade that goes on, and no finding.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "version-skew",
        title: "no client is newer than its servers",
        group: Group::Consul,
        roles: &[Role::NomadServer, Role::NomadClient],
        needs: &["consul-joined"],
        explains: &[],
        impact: Impact::Risk,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "The minor version of the Consul client, and of the Nomad client, is not above that of every live server.",
            matters: "Consul and Nomad support clients that are older than their servers, and not the opposite: a newer client may \
                      use calls that its servers do not know.",
            look: &["consul members", "nomad server members", "nomad node status -self -verbose"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/upgrade",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// A minor release, such as 1.14.
type Minor = (u64, u64);

async fn probe(machine: &Machine) -> Finding {
    let Some((context, daemons)) = machine.agents() else { return node_unknown() };
    let consul = consul(context, daemons).await;
    let nomad = tokio::time::timeout(NOMAD, nomad(context, daemons)).await.ok().flatten();
    let all = [(Daemon::Consul, consul), (Daemon::Nomad, nomad)];
    let newer = all.iter().find_map(|(daemon, found)| {
        let (own, servers) = found.as_ref()?;
        judge(*daemon, own, servers)
    });
    if let Some(problem) = newer {
        return Finding::Warn(problem);
    }
    let own = all.iter().filter_map(|(daemon, found)| {
        let build = found.as_ref()?.0.split(':').next().unwrap_or_default().to_owned();
        Some(format!("{} {build}", daemon.name()))
    });
    Finding::Pass(own.collect::<Vec<_>>().join(" "))
}

/// The builds of this Consul client and of the live servers.
async fn consul(context: &Context, daemons: &Daemons) -> Option<(String, Vec<String>)> {
    let members = daemons.consul_members.get().await;
    let members = members.as_ref().as_ref().ok()?;
    let own = members.iter().find(|member| member.name == context.node.instance)?;
    let servers = members.iter().filter(|member| member.is_server() && member.is_alive());
    let builds = servers.filter_map(|server| server.build().map(str::to_owned)).collect();
    Some((own.build()?.to_owned(), builds))
}

/// The same for a Nomad client; `None` where Nomad does not say it now, which other checks find.
async fn nomad(context: &Context, daemons: &Daemons) -> Option<(String, Vec<String>)> {
    if context.node.role != Role::NomadClient {
        return None;
    }
    let own = context.nomad.version().await.ok()??;
    let members = daemons.nomad_members.get().await;
    let region = context.node.nomad_region.as_deref();
    let servers = members.as_ref().as_ref().ok()?.iter().filter(|member| member.is_alive());
    let here = servers
        .filter(|server| region.zip(server.region()).is_none_or(|(own, theirs)| own == theirs));
    Some((own, here.filter_map(|server| server.build().map(str::to_owned)).collect()))
}

fn judge(daemon: Daemon, own: &str, servers: &[String]) -> Option<Problem> {
    let newest = servers.iter().max_by_key(|build| minor(build))?;
    if minor(own)? <= minor(newest)? {
        return None;
    }
    let name = daemon.name();
    Some(Problem::new(
        format!("this {name} client has version {own}, the newest server {newest}"),
        format!("{name} servers that are as new as their clients"),
        NEWER.with(&[("name", &name)]),
    ))
}

/// The minor release of a build, such as `1.14.4:86d2e3a9` or `1.8.7+dfsg1`.
fn minor(build: &str) -> Option<Minor> {
    let mut numbers = build.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_a_later_minor_release_than_every_server_is_newer() {
        for (own, servers, is_newer) in [
            ("1.14.4:86d2", &["1.14.4:86d2"][..], false),
            ("1.14.6", &["1.14.4"], false),
            ("1.15.0", &["1.14.4", "1.14.4"], true),
            ("1.15.0", &["1.14.4", "1.15.1"], false),
            ("1.8.7+dfsg1:", &["1.14.4"], false),
            ("1.14.4", &["1.8.7+dfsg1:"], true),
            ("2.0.1", &["1.11.3"], true),
            ("1.15.0", &[], false),
            ("what", &["1.14.4"], false),
            ("1.15.0", &["what"], false),
        ] {
            let servers: Vec<String> = servers.iter().map(|&build| build.to_owned()).collect();
            let found = judge(Daemon::Consul, own, &servers);
            assert_eq!(found.is_some(), is_newer, "{own} {servers:?}");
        }
    }
}
