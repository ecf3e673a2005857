//! systemd: what units are doing, the jobs that may be enqueued, and the notification that a service is ready.

pub mod enabled;
pub mod journal;
pub mod link_dns;
pub mod notify;
mod recorded;
pub mod services;
mod systemctl;
pub mod unit_facts;
pub mod unit_report;
