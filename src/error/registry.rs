//! Every error type that gives hints. A type without a line here is never asked for its hint.

use super::{Error, InputError};
use crate::apply::ApplyError;
use crate::apply::clean::CleanError;
use crate::exit::hint::Registered;
use crate::facts::GatherError;
use crate::facts::image::ImageError;
use crate::facts::instance::InstanceError;
use crate::facts::settings::SettingsError;
use crate::membership::quorum::GuardError;
use crate::membership::wait::WaitError;
use crate::node::ResolveError;
use crate::plan::PlanError;
use crate::plan::node::conflicts::Conflict;
use crate::render::RenderError;
use crate::system::aws::AwsError;
use crate::system::command::CommandError;
use crate::system::imds::ImdsError;
use crate::system::root::FileError;
use crate::system::systemd::services::ServiceError;

/// The errors that implement `Hint`.
pub static REGISTRY: &[Registered] = &[
    Registered::new::<Error>(),
    Registered::new::<InputError>(),
    Registered::new::<GatherError>(),
    Registered::new::<ImageError>(),
    Registered::new::<CleanError>(),
    Registered::new::<InstanceError>(),
    Registered::new::<SettingsError>(),
    Registered::new::<ResolveError>(),
    Registered::new::<RenderError>(),
    Registered::new::<GuardError>(),
    Registered::new::<PlanError>(),
    Registered::new::<Conflict>(),
    Registered::new::<ApplyError>(),
    Registered::new::<WaitError>(),
    Registered::new::<AwsError>(),
    Registered::new::<ImdsError>(),
    Registered::new::<FileError>(),
    Registered::new::<CommandError>(),
    Registered::new::<ServiceError>(),
];
