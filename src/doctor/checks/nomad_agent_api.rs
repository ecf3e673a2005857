//! The local Nomad agent answers.

use crate::doctor::{Check, Context, Finding, silent};

/// The check.
pub(super) static CHECK: Check = Check {
    id: "nomad-agent-api",
    title: "the local Nomad agent answers",
    roles: &["nomad-server", "nomad-client"],
    needs: &[],
    gate: true,
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match context.nomad.client_stats().await {
        Ok(_) => Finding::Pass(format!("it answers at {}", context.nomad.api.base())),
        Err(error) => Finding::Fail(silent("nomad.service", &error)),
    }
}
