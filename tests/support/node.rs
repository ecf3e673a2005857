//! A node in process: a scratch root folder, the fake metadata service, units that are only recorded, and the
//! unmodified pipeline.

use super::install;
use super::quorum::QuorumApi;
use cos_agent::apply::manifest::MANIFEST;
use cos_agent::error::Error;
use cos_agent::pipeline::{self, Converged, Outcome};
use cos_agent::plan::manifest::Manifest;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::simulate::fault::Fault;
use cos_agent::simulate::instance::Instance;
use cos_agent::simulate::service::Service;
use cos_agent::simulate::{self, NodeKind};
use cos_agent::state::{Daemon, UnitState};
use cos_agent::store::status;
use cos_agent::system::System;
use cos_agent::system::aws;
use cos_agent::system::environment::Environment;
use cos_agent::system::root::Root;
use cos_agent::system::systemd::services::{Job, RecordedServices, ServiceError, ServiceManager};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// How long a run may wait for metadata that will come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What taking the lock leaves, and nothing else does.
const LOCK: [&str; 4] = ["run", "run/cos-agent", "run/cos-agent/lock", "run/cos-agent/record.lock"];
/// What is on record of runs: for people, and nothing is decided by it.
const RECORD: [&str; 2] = ["run/cos-agent/status.json", "var/lib/cos-agent/boots.json"];

/// Units that stay from run to run, and that can refuse the next job for one of them.
#[derive(Default)]
pub(crate) struct Units {
    recorded: RecordedServices,
    refuse: Cell<Option<(Job, &'static str)>>,
    sources: RefCell<BTreeSet<String>>,
    becomes: RefCell<Option<(String, UnitState)>>,
}

struct Shared(Rc<Units>);

impl ServiceManager for Shared {
    fn states<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> Pin<Box<dyn Future<Output = Result<BTreeMap<String, UnitState>, ServiceError>> + 'a>> {
        Box::pin(async move {
            let states = self.0.recorded.states(units).await;
            if let Some((unit, state)) = self.0.becomes.take() {
                self.0.recorded.set(&unit, state);
            }
            states
        })
    }

    fn started<'a>(
        &'a self,
        unit: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<u64>, ServiceError>> + 'a>> {
        self.0.recorded.started(unit)
    }

    fn sources<'a>(
        &'a self,
        _units: &'a [&'a str],
    ) -> Pin<Box<dyn Future<Output = Result<BTreeSet<String>, ServiceError>> + 'a>> {
        let sources = self.0.sources.borrow().clone();
        Box::pin(async { Ok(sources) })
    }

    fn run<'a>(
        &'a self,
        job: Job,
        unit: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), ServiceError>> + 'a>> {
        if self.0.refuse.get() == Some((job, unit)) {
            self.0.refuse.set(None);
            let words = "refused by the test".to_owned();
            let unit = unit.to_owned();
            return Box::pin(async { Err(ServiceError::Refused { job: "start", unit, words }) });
        }
        self.0.recorded.run(job, unit)
    }
}

/// A node and its metadata service.
pub(crate) struct TestNode {
    folder: tempfile::TempDir,
    pub(crate) service: Service,
    pub(crate) units: Rc<Units>,
    pub(crate) quorum: QuorumApi,
    pub(crate) environment: Environment,
}

/// The instance that Terraform would launch for a kind of node.
pub(crate) fn instance(role: &str, datacenter: Option<&str>) -> Instance {
    Instance { tags: NodeKind::of(role, datacenter).tags("demo", "3"), ..Instance::default() }
}

/// The faults of these names.
pub(crate) fn faults(names: &[&str]) -> Vec<Fault> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

impl TestNode {
    /// A furnished node of this role, whose metadata service behaves.
    pub(crate) async fn new(role: &str) -> Self {
        Self::with(instance(role, None), &[]).await
    }

    /// A furnished node of this instance, whose metadata service has faults.
    pub(crate) async fn with(instance: Instance, names: &[&str]) -> Self {
        let node = Self::bare(instance, names).await;
        simulate::furnish(node.root(), "1.22.7", "1.10.5").unwrap();
        node
    }

    /// A node whose root folder is empty.
    pub(crate) async fn bare(instance: Instance, names: &[&str]) -> Self {
        let service = Service::start(instance, faults(names)).await.unwrap();
        let quorum = QuorumApi::start().await;
        let environment = Environment {
            metadata_endpoint: Some(service.endpoint()),
            aws_endpoints: [(aws::Service::Ec2, "http://127.0.0.1:1".to_owned())].into(),
            path: "/usr/bin:/bin".to_owned(),
            consul_api: quorum.url(Daemon::Consul),
            nomad_api: quorum.url(Daemon::Nomad),
            ..Environment::default()
        };
        let folder = tempfile::tempdir().unwrap();
        Self { folder, service, units: Rc::default(), quorum, environment }
    }

    /// The root folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Where a path of the node lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Whether something is at a path of the node.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The text of a file of the node.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file of the node as an operator would.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let full = self.path(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }

    /// Installs a program below the root folder.
    pub(crate) fn install(&self, path: &str, script: &str) {
        install::script(&self.path(path), script);
    }

    /// Sets one key of the settings, in a file of the operator.
    pub(crate) fn set(&self, table: &str, key: &str, value: &str) {
        let path = format!("/etc/cos-agent/config.d/50-{table}-{key}.toml");
        self.write(&path, &format!("[{table}]\n{key} = {value:?}\n"));
    }

    /// Makes the instance another kind of node, as a change of its tags would.
    pub(crate) fn become_role(&self, role: &str) {
        self.service.change(|found| found.tags = instance(role, None).tags);
    }

    /// Starts anew with no unit running, and nothing in `/run`.
    pub(crate) fn reboot(&mut self) {
        self.units = Rc::default();
        std::fs::remove_dir_all(self.path("/run/cos-agent")).unwrap();
    }

    /// The machine, with its units or without.
    pub(crate) fn system(&self, with_units: bool) -> System {
        let units: Box<dyn ServiceManager> = Box::new(Shared(Rc::clone(&self.units)));
        System {
            root: Root::at(self.root()),
            services: with_units.then_some(units),
            keeps_record: true,
            environment: self.environment.clone(),
        }
    }

    /// `apply`, which must succeed.
    pub(crate) async fn converge(&self) -> Outcome {
        self.converge_within(PATIENCE).await
    }

    /// `apply`, which must succeed in that time.
    pub(crate) async fn converge_within(&self, timeout: Duration) -> Outcome {
        let outcome = self.try_converge(timeout, UnrecordedData::Refuse).await;
        outcome.unwrap_or_else(|error| panic!("{}", error.report())).expect("not frozen")
    }

    /// `apply`, which must fail.
    pub(crate) async fn refused(&self, timeout: Duration) -> Error {
        match self.try_converge(timeout, UnrecordedData::Refuse).await {
            Err(error) => error,
            Ok(_) => panic!("expected an error, but the node was converged"),
        }
    }

    /// `apply`.
    pub(crate) async fn try_converge(
        &self,
        timeout: Duration,
        unrecorded_data: UnrecordedData,
    ) -> Result<Option<Outcome>, Error> {
        pipeline::converge(&self.system(true), timeout, unrecorded_data).await.map(done)
    }

    /// What is to be known of the last run beside its result, one note a line.
    pub(crate) fn notes(&self) -> String {
        status::load(&Root::at(self.root())).notes.join("\n")
    }

    /// The record of the last run.
    pub(crate) fn manifest(&self) -> Manifest {
        MANIFEST.known(&Root::at(self.root())).expect("a manifest")
    }

    /// Saves another record of the last run.
    pub(crate) fn save_manifest(&self, manifest: &Manifest) {
        MANIFEST.save(&Root::at(self.root()), manifest).unwrap();
    }

    /// Everything below the root folder as it is now, but the lock: path → inode, time of change, mode, contents.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)> {
        let mut tree = BTreeMap::new();
        walk(self.root(), &mut |path, found| {
            let bytes = if found.is_file() { std::fs::read(path).unwrap() } else { Vec::new() };
            let stamp = (found.ino(), found.mtime(), found.mtime_nsec(), found.mode(), bytes);
            tree.insert(path.strip_prefix(self.root()).unwrap().to_owned(), stamp);
        });
        tree.retain(|path, _| !LOCK.contains(&path.to_str().unwrap()));
        tree
    }

    /// The tree without the record of runs: a run that fails is on record, and changes nothing else.
    pub(crate) fn configuration(&self) -> BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)> {
        let mut tree = self.tree();
        let folders = ["var", "var/lib", "var/lib/cos-agent"];
        tree.retain(|path, _| {
            let path = path.to_str().unwrap();
            !RECORD.contains(&path) && !folders.contains(&path)
        });
        tree
    }
}

impl Units {
    /// The jobs so far as `Start consul.service`; the record is emptied.
    pub(crate) fn take_jobs(&self) -> Vec<String> {
        let jobs = self.recorded.take_jobs();
        jobs.into_iter()
            .map(|(job, unit)| format!("{job:?} {unit}").trim_end().to_owned())
            .collect()
    }

    /// Puts a unit into a state.
    pub(crate) fn set(&self, unit: &str, state: UnitState) {
        self.recorded.set(unit, state);
    }

    /// Puts a unit into a state as soon as somebody has looked at the units.
    pub(crate) fn set_after_a_look(&self, unit: &str, state: UnitState) {
        self.becomes.replace(Some((unit.to_owned(), state)));
    }

    /// Starts the main process of a unit, as an operator or a boot would.
    pub(crate) fn start(&self, unit: &str) {
        self.recorded.start(unit);
    }

    /// Says from now on that its units were read from these files.
    pub(crate) fn has_read<'a>(&self, paths: impl IntoIterator<Item = &'a str>) {
        self.sources.replace(paths.into_iter().map(str::to_owned).collect());
    }

    /// Masks a unit, as its operator would.
    pub(crate) fn mask(&self, unit: &str) {
        self.recorded.set(unit, UnitState::Masked);
    }

    /// Refuses the next such job.
    pub(crate) fn refuse_next(&self, job: Job, unit: &'static str) {
        self.refuse.set(Some((job, unit)));
    }
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path, std::fs::Metadata)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = path.symlink_metadata().unwrap();
        let is_folder = found.is_dir();
        visit(&path, found);
        if is_folder {
            walk(&path, visit);
        }
    }
}

/// The changes of an outcome, one a line.
pub(crate) fn changes(outcome: &Outcome) -> Vec<String> {
    let line = |change: &cos_agent::plan::Change| format!("{}: {}", change.path(), change.words());
    outcome.plan.changes().map(line).collect()
}

/// The actions of an outcome, one a line, without their reasons.
pub(crate) fn actions(outcome: &Outcome) -> Vec<String> {
    outcome.plan.actions().map(|planned| planned.action.to_string()).collect()
}

/// What came of a run, unless the agent is frozen.
pub(crate) fn done<T>(converged: Converged<T>) -> Option<T> {
    match converged {
        Converged::Done(outcome) => Some(outcome),
        Converged::Frozen => None,
    }
}
