//! How a node becomes a member of its cluster, and what keeps it from founding one of its own.

mod error;
pub mod formed;
pub mod guard;

pub use error::GuardError;
