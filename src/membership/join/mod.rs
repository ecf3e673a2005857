//! The servers of a cluster: which ones EC2 lists, and how an agent is made to join them.

pub mod discovery;
pub mod rejoin;
