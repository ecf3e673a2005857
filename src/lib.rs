//! The node agent of the Cluster Orchestration System: turns an EC2 instance into its Consul or Nomad node.
//!
//! ```text
//! gather ──▶ resolve ──▶ desired state ──▶ observe ──▶ plan ──▶ apply ──▶ wait, watch
//! (READ)     (PURE)      (PURE)            (READ)      (PURE)   (WRITE)   (READ)
//! ```
//!
//! Every command is a prefix of this pipeline or one of its ends; [`pipeline`] is the one place where the stages
//! meet. A room imports only rooms below it, which a test holds (`tests/integration/contract.rs`). The machine is touched in
//! [`system`] alone.

pub mod cli;
pub mod commands;
pub mod error;
pub mod exit;
pub mod pipeline;

pub mod facts;
pub mod node;
pub mod role;

pub mod render;
pub mod state;

pub mod observe;
pub mod plan;

pub mod apply;

pub mod gates;
pub mod membership;

pub mod simulate;
pub mod store;
pub mod system;
pub mod text;
