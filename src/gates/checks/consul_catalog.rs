//! Consul's catalog has this node with its address.

use crate::gates::{Check, Context, Finding, Problem, silent};
use crate::role::Role;
use crate::store::status::Identity;

/// The check.
pub(super) static CHECK: Check = Check {
    id: "consul-catalog",
    title: "the Consul catalog has this node with its address",
    roles: Role::ALL,
    needs: &["consul-leader"],
    gate: true,
    probe: |context| Box::pin(probe(context)),
    changed: Some(|context| Box::pin(context.consul.catalog_changed(&context.node.instance))),
};

async fn probe(context: &Context) -> Finding {
    match context.consul.catalog_address(&context.node.instance).await {
        Ok(address) => judge(address.as_deref(), &context.node),
        Err(error) => Finding::Fail(silent("consul.service", &error)),
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
            format!(
                "another agent uses this name, or the entry is old: run `consul force-leave -prune {name}` on a server"
            ),
        )),
        None => Finding::Waiting(Problem::new(
            format!("the catalog has no entry for {name} yet"),
            node.address.to_string(),
            "the leader adds members within seconds; if this lasts, look for `is reserved by node` in `journalctl -b -u consul`",
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
