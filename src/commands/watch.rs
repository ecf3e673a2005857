//! `watch`: keeps this node joined until a signal ends it.

use super::{Units, open};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::membership::wait::WaitError;
use crate::membership::watch;
use crate::system::environment::Environment;
use crate::system::signal;

pub(super) async fn run(environment: Environment) -> Result<ExitCode, Error> {
    let system = open(None, Units::Leave, environment)?;
    tokio::select! {
        ended = watch::watch(&system) => ended.map_err(WaitError::from)?,
        () = signal::end() => {}
    }
    Ok(ExitCode::Done)
}
