//! Whether this node is a member of its cluster, what makes it one, what keeps it from founding one of its own, and what its Auto
//! Scaling group is told.
//!
//! | directory or file | what |
//! |---|---|
//! | `quorum/` | whether a server may found a cluster, and what a lost one needs to found another |
//! | `join/` | the servers as EC2 and the daemons list them, and how an agent is made to join them |
//! | `watch/` | the unit that asks, joins, and says what is wrong |
//! | `wait.rs`, `ready.rs` | until the gates are open |
//! | `launch_hook/` | what the Auto Scaling group is told |

pub mod join;
pub mod launch_hook;
pub mod quorum;
pub mod ready;
pub mod wait;
pub mod watch;
