//! `version`: the version of the agent, and the supported versions of Consul and Nomad.

use super::output::Output;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::node::{CONSUL_RANGE, NOMAD_RANGE};
use serde_json::json;

pub(super) fn run(output: Output) -> Result<ExitCode, Error> {
    let version = env!("CARGO_PKG_VERSION");
    let range = |((from_major, from_minor), (to_major, to_minor)): ((u64, u64), (u64, u64))| {
        (format!("{from_major}.{from_minor}"), format!("{to_major}.{to_minor}"))
    };
    let (consul, nomad) = (range(CONSUL_RANGE), range(NOMAD_RANGE));
    output.data(
        || format!("cos-agent {version}\nconsul {} to {}\nnomad {} to {}\n", consul.0, consul.1, nomad.0, nomad.1),
        || {
            json!({
                "schema": "cos-agent/version/1",
                "version": version,
                "architecture": std::env::consts::ARCH,
                "supports": { "consul": { "from": consul.0, "to": consul.1 }, "nomad": { "from": nomad.0, "to": nomad.1 } },
            })
        },
    )?;
    Ok(ExitCode::Done)
}
