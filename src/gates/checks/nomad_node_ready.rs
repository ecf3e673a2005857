//! The servers have this client registered, ready, and in its datacenter.

use super::{ANSWER, Gate};
use crate::exit::hint::topics;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::nomad::Registered;

topics! {
    NOT_REGISTERED: "client-not-registered",
        "check that the servers have a leader and that port 4647 is open; `cos-agent peers nomad-server` lists the servers";
    OTHER_DATACENTER: "client-other-datacenter",
        "it runs with another configuration: look at `cos-agent plan`, then run `systemctl restart nomad`";
    NOT_READY: "client-not-ready", "look at `journalctl -b -u nomad -n 50`";
}

/// The check. `agent/health` is not enough: it proves that a client knows a server, not that a server knows it.
pub static CHECK: Gate = Check {
    about: About {
        id: "nomad-node-ready",
        title: "this node is registered with Nomad and ready",
        group: Group::Nomad,
        roles: &[Role::NomadClient],
        needs: &["nomad-agent-api"],
        explains: &[],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The Nomad servers have this client registered, with the status `ready` and in the datacenter of \
                   its tag.",
            matters: "A client that is not registered and ready gets no tasks.",
            look: &["nomad node status -self"],
            fixes: &[advice::TOPICS, TOPICS],
            source: "https://developer.hashicorp.com/nomad/api-docs/nodes",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: Some(|context| Box::pin(changed(context))),
};

async fn probe(context: &Context) -> Finding {
    match registered(context).await {
        Ok(asked) => judge(asked.as_ref(), &context.node),
        Err(finding) => finding,
    }
}

/// The client's ID according to the agent; `None` before it has one.
async fn id(context: &Context) -> Result<Option<String>, ApiError> {
    let mut stats = context.nomad.client_stats().await?;
    Ok(stats.remove("node_id").filter(|id| !id.is_empty()))
}

/// How the servers see this client; `None` if they do not know it. Where ACLs hide it, the client's own secret is used.
pub async fn registered(context: &Context) -> Result<Option<Registered>, Finding> {
    let failed = |error: ApiError| silent(Daemon::Nomad, &error);
    let Some(id) = id(context).await.map_err(failed)? else { return Ok(None) };
    let mut found = context.nomad.registered(&id, None).await;
    if let Err(error) = &found
        && error.status() == Some(403)
    {
        if let Some(problem) = context.stranger(Daemon::Nomad) {
            return Err(Finding::Fail(problem));
        }
        context.is_hidden.set(true);
        found = context.nomad.registered(&id, secret(context).as_deref()).await;
    }
    match found {
        // A client that knows no server answers 500, one whose servers have forgotten it 403.
        Err(error) if matches!(error.status(), Some(500 | 403)) => Ok(None),
        other => other.map_err(failed),
    }
}

/// The node's own secret, with which it may read its own entry under ACLs. Only root can read the file.
fn secret(context: &Context) -> Option<String> {
    let path = format!("{}/client/secret-id", Daemon::Nomad.data());
    let secret = String::from_utf8(context.root.read(&path).ok()??).ok()?;
    Some(secret.trim().to_owned())
}

async fn changed(context: &Context) {
    match id(context).await {
        Ok(Some(id)) => {
            let secret = secret(context)
                .filter(|_| context.is_hidden.get() && context.stranger(Daemon::Nomad).is_none());
            context.nomad.registration_changed(&id, secret.as_deref()).await;
        }
        _ => std::future::pending().await,
    }
}

fn judge(registered: Option<&Registered>, node: &Identity) -> Finding {
    let wanted = node.nomad_datacenter.as_deref().unwrap_or_default();
    let expected = format!("{} is ready in datacenter {wanted}", node.instance);
    match registered {
        None => Finding::Waiting(Problem::new(
            "this client is not registered with a Nomad server yet",
            expected,
            NOT_REGISTERED.plain(),
        )),
        Some(found) if found.datacenter != wanted => Finding::Fail(Problem::new(
            format!("this client is registered in datacenter {}", found.datacenter),
            expected,
            OTHER_DATACENTER.plain(),
        )),
        Some(found) if found.status == "ready" => Finding::Pass(expected),
        Some(found) => Finding::Waiting(Problem::new(
            format!("the status of this client is `{}`", found.status),
            expected,
            NOT_READY.plain(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;

    #[test]
    fn a_client_is_ready_in_its_datacenter() {
        let node = identity(Role::NomadClient, None);
        let found = |status: &str, datacenter: &str| Registered {
            status: status.to_owned(),
            datacenter: datacenter.to_owned(),
            ..Registered::default()
        };
        assert!(matches!(judge(Some(&found("ready", "backoffice")), &node), Finding::Pass(_)));
        assert!(matches!(judge(Some(&found("ready", "dc1")), &node), Finding::Fail(_)));
        assert!(matches!(judge(Some(&found("down", "backoffice")), &node), Finding::Waiting(_)));
        assert!(matches!(judge(None, &node), Finding::Waiting(_)));
    }
}
