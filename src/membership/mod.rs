//! Whether this node is a member of its cluster, and what makes it one again.

pub mod discovery;
pub mod rejoin;
pub mod wait;
pub mod watch;
