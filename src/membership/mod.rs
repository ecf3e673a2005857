//! A node as a member of what it belongs to: its cluster, and its Auto Scaling group.

pub mod launch_hook;
