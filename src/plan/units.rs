//! What units make due or spare: those that should run and do not, those that run and should not, and those that an
//! operator has masked.

use super::due::{Due, Reasons, recorded};
use super::{Change, Inputs, PlannedAction};
use crate::state::{Action, DNS_LINK, DOCKER, Daemon, PROGRAM, READY, UnitState, WATCH};

/// Units that shall run and do not, and daemons of another role that run still.
pub(super) fn missing(inputs: &Inputs<'_>) -> Vec<(Action, String)> {
    // Where units are not ours to ask for, a stop is noted for the run that may.
    let comes_up = |unit: &str| inputs.observed.comes_up(unit).unwrap_or(true);
    let is_masked = |unit: &str| inputs.observed.state(unit) == Some(UnitState::Masked);
    let starts = |unit: &str| !comes_up(unit) && !is_masked(unit);
    let not_running = |unit: &str| format!("{unit} is not running");
    let mut missing = Vec::new();
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        let shall_run = inputs.desired.daemons.contains(&daemon);
        if shall_run && starts(daemon.unit()) {
            missing.push((Action::Start(daemon), not_running(daemon.unit())));
        } else if !shall_run
            && comes_up(daemon.unit())
            && inputs.manifest.files.contains_key(daemon.file())
        {
            missing.push((Action::Stop(daemon), format!("a {} does not run it", inputs.role)));
        }
    }
    // An image without docker may run tasks of other drivers.
    if inputs.desired.docker && inputs.observed.state(DOCKER) == Some(UnitState::Down) {
        missing.push((Action::StartDocker, not_running(DOCKER)));
    }
    for (unit, action) in [(READY, Action::StartReady), (WATCH, Action::StartWatch)] {
        if starts(unit) {
            missing.push((action, not_running(unit)));
        } else if inputs.observed.is_up(unit) == Some(true) && agent_changed(inputs) {
            missing.push((action, format!("{PROGRAM} is another one")));
        }
    }
    let was = inputs.manifest.role.as_deref();
    if inputs.observed.is_up(READY) == Some(true)
        && was.is_some_and(|was| was != inputs.role.name())
    {
        missing.push((Action::StartReady, "another role has to join anew".to_owned()));
    }
    if inputs.desired.dns_link && starts(DNS_LINK) {
        missing.push((Action::RestartDnsLink, not_running(DNS_LINK)));
    }
    let link_is_ours = inputs.manifest.files.keys().any(|path| path.contains(DNS_LINK));
    if !inputs.desired.dns_link
        && comes_up(DNS_LINK)
        && (inputs.observed.units.is_some() || link_is_ours)
    {
        missing.push((
            Action::StopDnsLink,
            "`.consul` does not go through systemd-resolved".to_owned(),
        ));
    }
    missing
}

/// Whether the units of ours run by another agent than the one that is installed.
fn agent_changed(inputs: &Inputs<'_>) -> bool {
    inputs.manifest.instance.is_some() && inputs.manifest.agent != inputs.observed.agent
}

/// A unit is touched once: a restart absorbs a reload, one that does not run is started and nothing else, and one that
/// somebody has asked to start reads its files when it does.
pub(super) fn absorb(due: &mut Due, inputs: &Inputs<'_>, changes: &[Change]) {
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        let (start, restart, reload) =
            (Action::Start(daemon), Action::Restart(daemon), Action::Reload(daemon));
        if !inputs.desired.daemons.contains(&daemon) {
            due.retain(|action, _| ![start, restart, reload].contains(action));
            continue;
        }
        due.remove(&Action::Stop(daemon));
        // Data is moved with the daemon stopped.
        let is_moved = |change: &Change| matches!(change, Change::MoveAside { daemon: moved, .. } if *moved == daemon);
        let state = inputs.observed.state(daemon.unit());
        let is_moved = changes.iter().any(is_moved);
        let down = match state {
            None => false,
            Some(state) => is_moved || !matches!(state, UnitState::Up | UnitState::Masked),
        };
        let restarts = due.contains_key(&restart) || due.contains_key(&start);
        let mut all = Reasons::default();
        for action in [start, restart].into_iter().chain((restarts || down).then_some(reload)) {
            let Some(reasons) = due.remove(&action) else { continue };
            all.because.extend(reasons.because);
            all.is_new |= reasons.is_new;
        }
        let is_asked_to_start = state == Some(UnitState::Queued) && !is_moved;
        if is_asked_to_start && all.is_new || restarts && !is_asked_to_start {
            due.insert(if down { start } else { restart }, all);
        }
    }
    let is_up = |unit: &str| inputs.observed.is_up(unit);
    if is_up(DOCKER) == Some(false) && inputs.observed.state(DOCKER) != Some(UnitState::Masked) {
        due.remove(&Action::RestartDocker);
    }
}

/// The units that this node would run and that an operator has masked.
pub(super) fn masked(inputs: &Inputs<'_>) -> Vec<&'static str> {
    let daemons = inputs.desired.daemons.iter().map(|daemon| daemon.unit());
    let link = inputs.desired.dns_link.then_some(DNS_LINK);
    let docker = inputs.desired.docker.then_some(DOCKER);
    let units = daemons.chain([READY, WATCH]).chain(link).chain(docker);
    units.filter(|unit| inputs.observed.state(unit) == Some(UnitState::Masked)).collect()
}

/// Takes out the actions for masked units, which systemd would refuse. Those that are returned stay due: a unit that runs
/// although it is masked still has to restart when that has ended.
pub(super) fn hold(actions: &mut Vec<PlannedAction>, inputs: &Inputs<'_>) -> Vec<PlannedAction> {
    let is_masked = |planned: &mut PlannedAction| {
        let masked = |unit| inputs.observed.state(unit) == Some(UnitState::Masked);
        let stops = matches!(planned.action, Action::Stop(_) | Action::StopDnsLink);
        planned.action.unit().is_some_and(masked) && !stops
    };
    let masked = actions.extract_if(.., is_masked);
    masked.filter(|planned| recorded(planned, inputs).is_some()).collect()
}
