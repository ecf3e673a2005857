//! The local Nomad agent knows servers other than itself.

use super::node_unknown;
use crate::doctor::Check;
use crate::doctor::machine::{Daemons, Machine};
use crate::exit::hint::topics;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::nomad::Member;
use crate::text::count;
use std::collections::BTreeMap;
use std::time::Duration;

topics! {
    ALONE: "nomad-alone",
        "check that the servers run and that port {port} is open; `cos-agent peers nomad-server` lists the servers, \
         `consul catalog nodes -service=nomad` those that Nomad finds through Consul";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-joined",
        title: "Nomad knows a server other than itself",
        group: Group::Nomad,
        roles: Role::WITH_NOMAD,
        needs: &["nomad-agent-api"],
        explains: &["nomad-leader", "nomad-node-ready", "nomad-consul-link"],
        impact: Impact::Down,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "A Nomad client has the address of at least one server. A Nomad server sees another live server in the gossip \
                    pool, unless it is the only server of its cluster.",
            matters: "A client without a server is not registered and gets no tasks. A server that sees only itself cannot take \
                      part in an election.",
            look: &["nomad agent-info", "nomad server members", "cos-agent peers nomad-server"],
            fixes: &[TOPICS, advice::TOPICS],
            source: "https://developer.hashicorp.com/nomad/api-docs/agent",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((context, daemons)) = machine.agents() else { return node_unknown() };
    ask(context, daemons).await.unwrap_or_else(|error| silent(Daemon::Nomad, &error))
}

async fn ask(context: &Context, daemons: &Daemons) -> Result<Finding, ApiError> {
    if context.node.role == Role::NomadClient {
        return Ok(of_client(&context.nomad.client_stats().await?));
    }
    let members = daemons.nomad_members.get().await;
    match members.as_ref() {
        Ok(members) => Ok(of_server(members, &context.node)),
        Err(error) => Err(error.clone()),
    }
}

/// A client lists its servers as `address:port,address:port`.
fn of_client(stats: &BTreeMap<String, String>) -> Finding {
    let servers = stats.get("known_servers").map(String::as_str).unwrap_or_default();
    match servers.split(',').filter(|server| !server.is_empty()).count() {
        0 => Finding::Waiting(Problem::new(
            "this client knows no Nomad server",
            "the address of at least one server",
            ALONE.with(&[("port", &4647)]),
        )),
        known => Finding::Pass(count(known, "known server")),
    }
}

fn of_server(members: &[Member], node: &Identity) -> Finding {
    let region = node.nomad_region.as_deref();
    let is_here = |member: &&Member| {
        region.zip(member.region()).is_none_or(|(own, of_member)| own == of_member)
    };
    // The name of a member is the node name, a dot and the region.
    let is_other = |member: &&Member| member.name.split('.').next() != Some(&node.instance);
    let alive = members.iter().filter(is_here).filter(|member| member.is_alive());
    match alive.filter(is_other).count() {
        0 if node.nomad_servers() == Some(1) => {
            Finding::Pass("this node is the only server of its cluster".to_owned())
        }
        0 => Finding::Waiting(Problem::new(
            format!("no other live Nomad server; {}", count(members.len(), "known server")),
            "at least one other live server",
            ALONE.with(&[("port", &"4648 (TCP and UDP)")]),
        )),
        others => Finding::Pass(format!("{} alive", count(others, "other server"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;

    #[test]
    fn a_client_needs_the_address_of_a_server() {
        let stats = |servers: &str| [("known_servers".to_owned(), servers.to_owned())].into();
        assert_eq!(
            of_client(&stats("10.0.0.1:4647,10.0.0.2:4647")),
            Finding::Pass("2 known servers".to_owned())
        );
        for none in [stats(""), BTreeMap::new()] {
            let Finding::Waiting(problem) = of_client(&none) else { panic!("it is alone") };
            assert!(problem.hint.text.contains("port 4647"), "{}", problem.hint.text);
        }
    }

    #[test]
    fn a_server_needs_another_live_one_of_its_region() {
        let member = |name: &str, status: &str, region: &str| Member {
            name: format!("{name}.{region}"),
            addr: [10, 0, 0, 1].into(),
            status: status.to_owned(),
            tags: [("region".to_owned(), region.to_owned())].into(),
        };
        let here = "eu-central-1";
        let own = || member("i-1", "alive", here);
        let node = identity(Role::NomadServer, Some(3));
        let passes =
            |members: &[Member], node| matches!(of_server(members, node), Finding::Pass(_));
        assert!(passes(&[own(), member("i-2", "alive", here)], &node));
        assert!(!passes(&[own()], &node));
        assert!(!passes(&[own(), member("i-2", "failed", here)], &node));
        assert!(!passes(&[own(), member("i-2", "alive", "us-east-1")], &node));
        assert!(passes(&[own()], &identity(Role::NomadServer, Some(1))));
    }
}
