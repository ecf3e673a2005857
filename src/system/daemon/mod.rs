//! Consul and Nomad on this host: their HTTP APIs, and their programs.

pub mod api;
pub mod consul;
pub mod endpoint;
pub mod nomad;
pub mod program;
pub mod quorum;
pub mod turn;
