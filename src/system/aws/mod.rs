//! AWS: signed calls with the credentials of the instance role, and the few that a node makes; the way to its endpoints.
//!
//! No SDK: one signature, one form and one JSON body are all that a node needs (an SDK build is 7.2 MB against 3.6 MB).

pub mod autoscaling;
mod client;
mod credentials;
pub mod ec2;
pub mod endpoint;
mod error;
mod hint;
mod pages;
mod refusal;
mod service;
mod signature;
pub mod ssm;
mod xml;

pub use client::Client;
pub use credentials::{CREDENTIALS, RoleCredentials, has_role, of_now};
pub use error::AwsError;
pub use service::Service;
