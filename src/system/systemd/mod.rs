//! systemd: what units are doing, the jobs that may be enqueued, and the word that a service is ready.

pub mod notify;
mod recorded;
pub mod services;
pub mod unit_report;
