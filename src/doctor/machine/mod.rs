//! READ: what the checks work with. Each fact is fetched once, when the first check asks for it, and shared.

mod authorities;
mod aws;
mod boot;
mod daemons;
mod fact;
mod metadata;
mod nomad_process;
pub mod resolvers;
mod stages;
mod units;

use crate::facts::last_good::LAST_GOOD;
use crate::gates;
use crate::role::Role;
use crate::store::status::{self, Identity, Status};
use crate::system::System;
use crate::system::aside::aside;
use crate::system::environment::{self, Environment};
use crate::system::root::Root;
pub use authorities::Authorities;
pub use aws::{Aws, Servers};
pub use boot::{Boot, Freeze};
pub use daemons::Daemons;
use fact::Fact;
pub use metadata::Metadata;
pub use nomad_process::NomadProcess;
use resolvers::Resolvers;
pub use stages::Stages;
use std::rc::Rc;
use std::time::Duration;
pub use units::Units;

/// Longest time for one answer of a daemon: without a leader the agents hold a request for about 7 s.
const ANSWER: Duration = Duration::from_millis(8200);
/// Longest time for the files of the agent itself, which stand on the disk of the system.
const FILES: Duration = Duration::from_secs(2);
/// Longest time for metadata, where nothing else says what the node is.
const IDENTITY: Duration = Duration::from_secs(4);

/// This machine, as the checks see it.
pub struct Machine {
    /// Where the checks find files, the environment and systemd.
    pub system: Rc<System>,
    /// What the agent recorded in this boot; the default if there is no record.
    pub record: Status,
    /// Who the node is: what `apply` recorded, else what the last good facts or the tags say.
    pub node: Option<Identity>,
    /// Whether `node` is what is recorded of an earlier time, because nothing of this boot says it.
    pub is_remembered: bool,
    /// What the gates work with; `None` while it is unknown who the node is.
    pub context: Option<Rc<gates::Context>>,
    /// What Consul and Nomad say; `None` under the same condition.
    pub daemons: Option<Daemons>,
    /// What metadata says.
    pub metadata: Fact<Metadata>,
    /// What systemd says of every unit that the agent knows.
    pub units: Fact<Units>,
    /// The environment in which Nomad runs helpers.
    pub nomad_process: Fact<NomadProcess>,
    /// How far the pipeline gets: facts, node, plan.
    pub stages: Fact<Stages>,
    /// What AWS answers.
    pub aws: Aws,
    /// How this boot goes: since when, and whether the agent is frozen or at work.
    pub boot: Fact<Boot>,
    /// The DNS servers that this host asks; `None` if the files that name them cannot be read.
    pub resolvers: Fact<Option<Resolvers>>,
    /// The certificate authorities of the site, as they are on the disk and in the settings.
    pub authorities: Fact<Authorities>,
}

/// What the report says of the node besides its checks.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub node: Option<Identity>,
    /// Whether it has joined in this boot.
    pub has_joined: bool,
    /// For how long it has waited for its cluster; `None` if it does not, or if nothing says since when.
    pub waited: Option<Duration>,
}

impl Machine {
    /// What systemd says of the units now, where a check has to know what has happened since the doctor began.
    pub async fn units_now(&self) -> Units {
        units::ask(Rc::clone(&self.system)).await
    }

    /// This machine. Nothing is asked yet but who the node is.
    pub async fn open(environment: Environment) -> Self {
        let system = Rc::new(System {
            root: Root::host(),
            services: None,
            keeps_record: false,
            environment: environment.clone(),
        });
        let read = aside(async || {
            let root = Root::host();
            (status::load(&root), LAST_GOOD.known(&root))
        });
        // A disk that hangs counts as empty here, and is what the checks of the machine find.
        let (record, last_good) = tokio::time::timeout(FILES, read).await.ok().flatten().unzip();
        let record = record.unwrap_or_default();
        let last_good = Rc::new(last_good.flatten());
        let metadata = Fact::new(metadata::ask(Rc::clone(&system)));
        let stages = Fact::new(stages::run(environment, Rc::clone(&last_good)));
        let authorities = Fact::new(authorities::look(stages.clone()));
        let units = Fact::new(units::ask(Rc::clone(&system)));
        let aws = Aws::of(&system, &metadata, record.node.clone());
        let nomad_process = Fact::new(nomad_process::read(Rc::clone(&system), units.clone()));
        let boot = Fact::new(boot::ask(Rc::clone(&system)));
        let resolvers = Fact::new(resolvers::look(Rc::clone(&system)));
        let mut machine = Self {
            system,
            node: record.node.clone(),
            is_remembered: false,
            context: None,
            daemons: None,
            record,
            metadata,
            units,
            nomad_process,
            stages,
            aws,
            boot,
            resolvers,
            authorities,
        };
        if machine.node.is_none() {
            let asked = futures_util::future::join(machine.stages.get(), machine.metadata.get());
            let stages = tokio::time::timeout(IDENTITY, asked).await;
            machine.node = stages.ok().and_then(|(stages, _)| stages.identity());
            machine.is_remembered = machine.node.is_some();
            machine.aws = Aws::of(&machine.system, &machine.metadata, machine.node.clone());
        }
        machine.context = machine.node.clone().and_then(|node| {
            let System { root, environment, .. } = &*machine.system;
            gates::Context::new(node, root, environment, ANSWER).ok().map(Rc::new)
        });
        machine.daemons = machine.context.as_ref().map(Daemons::of);
        machine
    }

    /// The role, as far as anything says it.
    pub fn role(&self) -> Option<Role> {
        self.node.as_ref().map(|node| node.role)
    }

    /// The agents of this node, and what they say; `None` while it is unknown who the node is.
    pub fn agents(&self) -> Option<(&gates::Context, &Daemons)> {
        Some((self.context.as_deref()?, self.daemons.as_ref()?))
    }

    /// What the report says of the node besides its checks.
    pub fn known(&self) -> Known {
        let Status { joined, applied, .. } = &self.record;
        let applied = applied.as_deref().filter(|_| joined.is_none());
        Known {
            node: self.node.clone(),
            has_joined: joined.is_some(),
            waited: self.record.troubled().or_else(|| environment::since(applied?)),
        }
    }

    /// Why no change is applied, if none is: what `boot-phases` says, so that no other check tells people to run `apply`.
    pub async fn held_up(&self) -> Option<&'static str> {
        if self.boot.get().await.frozen.is_some() {
            return Some("the agent is frozen");
        }
        self.record.problem.as_ref().map(|_| "the last `apply` failed")
    }

    /// The text of a file of the kernel; `None` if there is none, or none that can be read.
    pub async fn text(&self, path: &'static str) -> Option<String> {
        let read = self.files(move |root| root.read(path).ok().flatten()).await.flatten();
        read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Runs blocking work with the files of this machine on a thread of its own; `None` if that thread died.
    pub async fn files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> T + Send + 'static,
    ) -> Option<T> {
        let root = self.system.root.clone();
        aside(async move || work(&root)).await
    }
}
