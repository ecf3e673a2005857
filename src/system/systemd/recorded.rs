//! Units that are only recorded: for `simulate` and the tests.

use super::services::{Job, ServiceError, ServiceManager};
use crate::state::UnitState;
use crate::system::environment;
use futures_util::future::LocalBoxFuture;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A service manager that records its jobs, and changes the recorded states of units as systemd would.
#[derive(Default)]
pub struct RecordedServices {
    up: RefCell<BTreeMap<String, UnitState>>,
    started: RefCell<BTreeMap<String, u64>>,
    jobs: RefCell<Vec<(Job, String)>>,
}

impl RecordedServices {
    /// The jobs so far, oldest first; the record is emptied.
    pub fn take_jobs(&self) -> Vec<(Job, String)> {
        self.jobs.take()
    }

    /// Sets the state of a unit, as another program would.
    pub fn set(&self, unit: &str, state: UnitState) {
        self.up.borrow_mut().insert(unit.to_owned(), state);
    }

    /// Starts the main process of a unit, as another program would.
    pub fn start(&self, unit: &str) {
        self.set(unit, UnitState::Up);
        self.started.borrow_mut().insert(unit.to_owned(), environment::moment().micros);
    }
}

impl ServiceManager for RecordedServices {
    fn states<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeMap<String, UnitState>, ServiceError>> {
        Box::pin(async move {
            let up = self.up.borrow();
            let state = |unit: &str| up.get(unit).copied().unwrap_or(UnitState::Down);
            Ok(units.iter().map(|unit| ((*unit).to_owned(), state(unit))).collect())
        })
    }

    fn sources<'a>(
        &'a self,
        _units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeSet<String>, ServiceError>> {
        Box::pin(async { Ok(BTreeSet::new()) })
    }

    fn started<'a>(
        &'a self,
        unit: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<u64>, ServiceError>> {
        Box::pin(async move { Ok(self.started.borrow().get(unit).copied()) })
    }

    fn run<'a>(&'a self, job: Job, unit: &'a str) -> LocalBoxFuture<'a, Result<(), ServiceError>> {
        Box::pin(async move {
            self.jobs.borrow_mut().push((job, unit.to_owned()));
            match job {
                Job::Start | Job::Restart => self.start(unit),
                Job::Stop => self.set(unit, UnitState::Down),
                Job::DaemonReload | Job::Reload | Job::Enable | Job::Disable => {}
            }
            Ok(())
        })
    }
}
