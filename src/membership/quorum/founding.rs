//! Putting on record that the cluster has formed: what keeps an empty server from founding a second one
//! ([`super::guard`]). Each server does it once, and compares it about once an hour from then on: Terraform or a person
//! may have set the parameter back while the cluster lives.

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

/// How soon it is tried again, at first and at last: somebody may be adding a permission or the parameter.
const AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// How long it is taken for granted, in seconds; up to a quarter more, so that the servers do not ask together. Servers that
/// are all replaced while the parameter is wrong found a second cluster, so this is one GetParameter an hour and server.
const FRESH: u64 = 3600;

/// The founding of the cluster of one daemon, as a server of it sees it.
pub struct Founding {
    /// The daemon.
    pub daemon: Daemon,
    instance: String,
    next: Instant,
    backoff: Backoff,
    /// For how many seconds this server takes it for granted.
    fresh: u64,
    /// Why it is not on record yet.
    pub problem: Option<String>,
}

impl Founding {
    /// For a server of a daemon's quorum.
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

    /// Records it, if that is due. For a server that sees a leader and is one of its voters.
    pub async fn record(&mut self, system: &System) {
        if Instant::now() < self.next {
            return;
        }
        // Looked up each time: a cluster that is reformed is to be recorded once more.
        let known = checked(system, self.daemon, &self.instance);
        let now = environment::unix_seconds();
        // A time that is still to come is none.
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

/// When this instance last saw it in the parameter store, in seconds since the epoch: 0 where nobody knows when, `None`
/// where it did not.
fn checked(system: &System, daemon: Daemon, instance: &str) -> Option<u64> {
    let formed = formed::FILE.known(&system.root)?;
    (formed.instance == instance && formed.daemon == daemon).then_some(formed.checked)
}
