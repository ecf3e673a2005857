//! Whether this node is a member of its cluster, what makes it one, and what keeps it from founding one of its own.

pub mod discovery;
mod error;
pub mod formed;
pub mod guard;
pub mod rejoin;
pub mod wait;
pub mod watch;

pub use error::GuardError;
