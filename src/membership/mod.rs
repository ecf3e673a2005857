//! Whether this node is a member of its cluster, what makes it one, what keeps it from founding one of
//! its own, and what its Auto Scaling group is told.

pub mod alone;
mod asking;
mod board;
pub mod discovery;
mod error;
pub mod formed;
pub mod founding;
pub mod guard;
pub mod launch_hook;
pub mod lost;
mod need;
mod pace;
pub mod ready;
pub mod rejoin;
mod schedule;
pub mod wait;
pub mod watch;

pub use error::GuardError;
