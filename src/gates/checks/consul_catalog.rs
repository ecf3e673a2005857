//! Consul's catalog has this node with its address.

use super::{ANSWER, Gate};
use crate::exit::hint::topics;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;

topics! {
    OTHER_ADDRESS: "catalog-other-address",
        "another agent uses this name, or the entry is old: run `consul force-leave -prune {name}` on a server";
    NO_ENTRY: "catalog-without-entry",
        "the leader adds members within seconds; if this lasts, look for `is reserved by node` in `journalctl -b -u consul`";
}

/// The check.
pub static CHECK: Gate = Check {
    about: About {
        id: "consul-catalog",
        title: "the Consul catalog has this node with its address",
        group: Group::Consul,
        roles: Role::ALL,
        needs: &["consul-leader"],
        explains: &[],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The catalog of Consul has an entry with the name and the private address of this node.",
            matters: "Other nodes find the services of this node by the address in the catalog.",
            look: &["consul catalog nodes -detailed"],
            fixes: &[advice::TOPICS, TOPICS],
            source: "https://developer.hashicorp.com/consul/api-docs/catalog",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: Some(|context| Box::pin(context.consul.catalog_changed(&context.node.instance))),
};

async fn probe(context: &Context) -> Finding {
    match context.consul.catalog_address(&context.node.instance).await {
        Ok(address) => judge(address.as_deref(), &context.node),
        Err(error) => silent(Daemon::Consul, &error),
    }
}

fn judge(address: Option<&str>, node: &Identity) -> Finding {
    let name = &node.instance;
    match address {
        Some(found) if found == node.address.to_string() => {
            Finding::Pass(format!("{name} has the address {found}"))
        }
        Some(found) => Finding::Fail(Problem::new(
            format!("the catalog has the address {found} for {name}"),
            node.address.to_string(),
            OTHER_ADDRESS.with(&[("name", name)]),
        )),
        None => Finding::Waiting(Problem::new(
            format!("the catalog has no entry for {name} yet"),
            node.address.to_string(),
            NO_ENTRY.plain(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;

    #[test]
    fn the_entry_has_this_address() {
        let node = identity(Role::NomadClient, None);
        let own = node.address.to_string();
        assert!(matches!(judge(Some(&own), &node), Finding::Pass(_)));
        assert!(matches!(judge(Some("10.9.9.9"), &node), Finding::Fail(_)));
        assert!(matches!(judge(None, &node), Finding::Waiting(_)));
    }
}
