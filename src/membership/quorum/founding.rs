//! Records that the cluster has formed, which keeps a server without data from forming a second one ([`super::guard`]).
//! Each server records it once and then checks it about once an hour, because Terraform or an operator may have set the
//! parameter back while the cluster is alive.

use super::parameter::{self, Changed};
use crate::facts::last_good::LAST_GOOD;
use crate::node;
use crate::state::Daemon;
use crate::store;
use crate::store::formed::{self, Formed};
use crate::system::System;
use crate::system::environment;
use crate::system::retry::Backoff;
use std::time::Duration;
use tokio::time::Instant;

/// The first and the longest pause between attempts: an operator may be adding a permission or the parameter.
const AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// How long a check stays valid, in seconds; up to a quarter more, so that the servers do not ask together. While the
/// parameter is wrong, replacing all servers would form a second cluster, so each server calls GetParameter about once
/// an hour.
const FRESH: u64 = 3600;

/// The record that the cluster of one daemon has formed, as one of its servers keeps it.
pub struct Founding {
    /// The daemon.
    pub daemon: Daemon,
    instance: String,
    next: Instant,
    backoff: Backoff,
    /// For how many seconds a check stays valid on this server.
    fresh: u64,
    /// Why it is not recorded yet, or cannot be verified.
    pub problem: Option<String>,
}

impl Founding {
    /// For a server of this daemon.
    pub fn new(daemon: Daemon, instance: &str) -> Self {
        Self {
            daemon,
            instance: instance.to_owned(),
            next: Instant::now(),
            backoff: Backoff::new(AGAIN.0, AGAIN.1),
            fresh: FRESH + fastrand::u64(0..FRESH / 4),
            problem: None,
        }
    }

    /// Records it, if that is due. Call it only on a server that has a leader and is one of its peers.
    pub async fn record(&mut self, system: &System) {
        if Instant::now() < self.next {
            return;
        }
        // Read each time, because a cluster that was reformed must be recorded again.
        let known = checked(system, self.daemon, &self.instance);
        let now = environment::unix_seconds();
        // A time in the future does not count.
        let age = known.and_then(|checked| now.checked_sub(checked));
        if age.is_some_and(|age| age < self.fresh) {
            return;
        }
        self.next = Instant::now() + self.backoff.delay();
        let node = LAST_GOOD.known(&system.root).and_then(|facts| node::resolve(&facts).ok());
        let Some(node) = node.filter(|node| node.instance.id == self.instance) else { return };
        let name = parameter::parameter(&node, self.daemon);
        let why = match parameter::record(system, &node, self.daemon).await {
            Ok(Changed::Now(value)) if known.is_some() => {
                tracing::warn!(
                    "{name} was set back although the cluster has formed; set it to {value:?} again"
                );
                None
            }
            Ok(Changed::Now(value)) => {
                tracing::info!("set {name} to {value:?}");
                None
            }
            Ok(Changed::Already(_)) => None,
            Ok(Changed::GuardOff) => {
                self.problem = None;
                return;
            }
            Ok(Changed::NoParameter) => {
                Some("the parameter does not exist; Terraform creates it".to_owned())
            }
            Err(error) if known.is_some() => {
                self.problem = Some(format!("cannot verify {name}: {}", error.trouble()));
                return;
            }
            Err(error) => Some(error.trouble()),
        };
        if why.is_none() && self.save(system, now).await {
            self.backoff = Backoff::new(AGAIN.0, AGAIN.1);
        }
        self.problem = why.map(|why| {
            format!(
                "cannot record in {name} that the cluster has formed: {why}; if all servers were replaced at once, they would form a \
                 new cluster"
            )
        });
    }

    async fn save(&self, system: &System, now: u64) -> bool {
        let formed = Formed { instance: self.instance.clone(), daemon: self.daemon, checked: now };
        let saved = match store::lock(&system.root).await {
            Ok(_lock) => formed::FILE.save(&system.root, &formed),
            Err(error) => Err(error),
        };
        if let Err(error) = &saved {
            tracing::warn!("cannot save the time of this check: {error}: {}", error.source);
        }
        saved.is_ok()
    }
}

/// When this instance last saw it in the parameter store, in seconds since the epoch: 0 if the time is unknown, `None`
/// if it never did.
fn checked(system: &System, daemon: Daemon, instance: &str) -> Option<u64> {
    let formed = formed::FILE.known(&system.root)?;
    (formed.instance == instance && formed.daemon == daemon).then_some(formed.checked)
}
