//! The node agent of the Cluster Orchestration System: turns an EC2 instance into its Consul or Nomad node.
//!
//! ```text
//! gather ──▶ resolve ──▶ desired state ──▶ observe ──▶ plan ──▶ apply ──▶ wait, watch
//! (READ)     (PURE)      (PURE)            (READ)      (PURE)   (WRITE)   (READ)
//! ```
//!
//! Every command runs the first stages of this pipeline, all of them, or the last one. The stages meet only in [`pipeline`].
//! A module imports only modules below it; a test verifies that (`tests/integration/contract.rs`). Only [`system`] touches
//! the machine.

pub mod commands;
pub mod doctor;
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
