//! What tests share: machines, daemons and AWS as far as tests need them, and how to run and compare.
//!
//! The scenarios and a benchmark take `packer`, `programs` and `wait` from here, too.

pub(crate) mod address;
pub(crate) mod autoscaling;
pub(crate) mod binary;
pub(crate) mod clock;
pub(crate) mod consul;
pub(crate) mod ec2;
pub(crate) mod golden;
pub(crate) mod host;
pub(crate) mod image;
pub(crate) mod install;
pub(crate) mod node;
pub(crate) mod packer;
pub(crate) mod programs;
pub(crate) mod quorum;
pub(crate) mod root;
pub(crate) mod run;
pub(crate) mod space;
pub(crate) mod ssm;
pub(crate) mod terraform;
pub(crate) mod wait;
