//! The membership of this node in its cluster: how it joins, how it is kept from forming a second cluster, and what its
//! Auto Scaling group is told.
//!
//! | directory or file | what |
//! |---|---|
//! | `quorum/` | whether a server may form a cluster, and how a lost cluster is reformed |
//! | `join/` | the servers as EC2 and the daemons list them, and how an agent is made to join them |
//! | `watch/` | the unit that checks, joins, and reports problems |
//! | `wait/`, `ready.rs` | the wait until the gates are open |
//! | `launch_hook/` | what the Auto Scaling group is told |

pub mod join;
pub mod launch_hook;
pub mod quorum;
pub mod ready;
pub mod wait;
pub mod watch;
