//! systemd has the agent's units as the agent wrote them, and starts the agent at boot.

use super::units_state;
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{AGENT, DNS_LINK, Daemon, PathKind, READY, UNITS, WATCH};
use crate::system::root::Root;
use crate::system::systemd::unit_facts::UnitFacts;
use crate::text::secret::masked;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

topics! {
    NOT_ENABLED: "agent-not-enabled", "run `systemctl enable cos-agent`, and enable it in the image";
    FOREIGN: "unit-foreign",
        "run `cos-agent apply`, which writes {path}, then `systemctl daemon-reload` and `systemctl restart {unit}`; `systemctl \
         cat {unit}` shows which file systemd uses";
    LINKED: "unit-linked", "if that is not intended, remove the link {path}, then run `cos-agent apply`";
    RELOAD: "unit-files-changed", "run `systemctl daemon-reload`, then `cos-agent plan`, which shows what still differs";
    ENABLED: "daemon-enabled", "run `systemctl disable {unit}`; cos-agent starts it at each boot";
    DROP_IN: "unit-drop-in", "look at `systemctl cat {unit}`; if the drop-in is the cause, remove it, then run `systemctl daemon-reload` \
         and `systemctl restart {unit}`";
}

/// The drop-in with which `apply` delays its next try.
const PAUSE: &str = "/run/systemd/system/cos-agent.service.d/50-pause.conf";

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "units-config",
        title: "systemd has the units as the agent wrote them",
        group: Group::Units,
        roles: Role::ALL,
        needs: &[],
        explains: &["units-state", "config-drift"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "cos-agent.service is enabled and the daemons are not, because the agent starts them. systemd uses the unit \
                    files in /etc/systemd/system that the agent wrote, in their present form. A drop-in of somebody else \
                    counts only for a daemon that does not run.",
            matters: "Nothing on this node starts at the next boot unless systemd starts the agent. With another unit file, a \
                      daemon may run as another user, or with another configuration.",
            look: &[
                "systemctl is-enabled cos-agent consul nomad",
                "systemctl cat consul nomad cos-agent",
            ],
            fixes: &[TOPICS, units_state::TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

type Units = BTreeMap<String, UnitFacts>;

/// What the units are judged with.
#[derive(Default)]
struct Around {
    role: Option<Role>,
    /// Whether an `apply` has finished on this instance, so that the agent has written its units.
    is_applied: bool,
    /// The unit files that are links of the operator (systemctl(1), `link`).
    links: BTreeSet<String>,
    /// The unit files and drop-ins that the next `apply` writes, so that `config-drift` judges them.
    written: BTreeSet<String>,
    /// What the drop-ins of others set: path → line.
    drop_ins: Vec<(String, String)>,
}

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let units = match units.as_ref() {
        Ok(units) => units,
        Err(error) => {
            let expected = "systemd says how the units are configured";
            let hint = units_state::NO_SYSTEMD.plain();
            return Finding::Unknown(Problem::new(error.to_string(), expected, hint));
        }
    };
    let stages = machine.stages.get().await;
    let recorded = stages.manifest.as_ref().ok().and_then(|manifest| manifest.instance.as_deref());
    let own = machine.node.as_ref().map(|node| node.instance.as_str());
    let plan = stages.plan.as_ref().and_then(|plan| plan.as_ref().ok());
    let written = plan.iter().flat_map(|plan| plan.writes()).map(|write| write.path.clone());
    let role = machine.role();
    let (replaced, foreign) = (replaced(units, role), foreign_drop_ins(units, role, true));
    let look = machine.files(move |root| {
        let is_link = |path: &String| {
            root.stat(path).is_ok_and(|stat| stat.is_some_and(|stat| stat.kind == PathKind::Other))
        };
        let links = replaced.into_iter().map(|(path, _)| path).filter(is_link).collect();
        let lines = foreign.into_iter().flat_map(|path| settings(root, &path)).collect();
        (links, lines)
    });
    let Some((links, drop_ins)) = look.await else { return super::broken() };
    let is_applied = recorded.is_some() && recorded == own;
    judge(units, &Around { role, is_applied, links, written: written.collect(), drop_ins })
}

/// The units of a role that the agent writes.
fn ours(role: Option<Role>) -> impl Iterator<Item = &'static str> {
    let daemons = role.map(Role::daemons).unwrap_or_default().iter().map(|daemon| daemon.unit());
    daemons.chain([AGENT, READY, WATCH, DNS_LINK])
}

/// The unit files of the agent in whose place systemd uses another one, each with that one.
pub(super) fn replaced(units: &Units, role: Option<Role>) -> Vec<(String, String)> {
    let of = |name: &'static str| {
        let unit =
            units.get(name).filter(|unit| unit.load == "loaded" && !unit.fragment.is_empty())?;
        let path = format!("{UNITS}/{name}");
        (unit.fragment != path).then(|| (path, unit.fragment.clone()))
    };
    ours(role).filter_map(of).collect()
}

/// The drop-ins of others. `of_down`: only those of daemons that do not run. Drop-ins for all services, as in
/// `service.d`, are the distribution's.
fn foreign_drop_ins(units: &Units, role: Option<Role>, of_down: bool) -> Vec<String> {
    let is_down =
        |name: &str, unit: &UnitFacts| Daemon::of_unit(name).is_some() && unit.sub != "running";
    let of = |name: &'static str| {
        let unit = units.get(name).filter(|unit| !of_down || is_down(name, unit))?;
        let is_foreign = |path: &&String| {
            path.contains(&format!("/{name}.d/"))
                && **path != format!("{UNITS}/{name}.d/cos.conf")
                && *path != PAUSE
        };
        Some(unit.drop_ins.iter().filter(is_foreign).cloned().collect::<Vec<_>>())
    };
    ours(role).filter_map(of).flatten().collect()
}

/// The settings in a drop-in, each with its path, without secrets.
fn settings(root: &Root, path: &str) -> Vec<(String, String)> {
    let bytes = root.read(path).ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let is_setting = |line: &&str| line.contains('=') && !line.starts_with(['#', ';']);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(is_setting).take(3).collect();
    let lines = if lines.is_empty() { vec!["no settings"] } else { lines };
    lines.into_iter().map(|line| (path.to_owned(), masked(line).into_owned())).collect()
}

fn judge(units: &Units, around: &Around) -> Finding {
    let failed = not_enabled(units).or_else(|| foreign(units, around));
    if let Some(problem) = failed {
        return Finding::Fail(problem);
    }
    let warned = linked(units, around)
        .or_else(|| changed(units, around))
        .or_else(|| enabled(units, around))
        .or_else(|| with_drop_ins(around));
    if let Some(problem) = warned {
        return Finding::Warn(problem);
    }
    let drop_ins = foreign_drop_ins(units, around.role, false);
    Finding::Pass(if drop_ins.is_empty() {
        "units as written".to_owned()
    } else {
        format!("drop-ins of others: {}", drop_ins.join(" "))
    })
}

/// The agent does not start at boot.
fn not_enabled(units: &Units) -> Option<Problem> {
    let state = units
        .get(AGENT)
        .filter(|unit| unit.load == "loaded")
        .map(|unit| unit.file_state.as_str())?;
    let is_off = ["disabled", "static", "indirect", "enabled-runtime"].contains(&state);
    let found = format!("{AGENT} is {state}, so it does not start at the next boot");
    is_off.then(|| Problem::new(found, format!("{AGENT} is enabled"), NOT_ENABLED.plain()))
}

/// A unit file elsewhere has the place of the agent's.
fn foreign(units: &Units, around: &Around) -> Option<Problem> {
    let replaced = replaced(units, around.role).into_iter().filter(|_| around.is_applied);
    let (path, fragment) = replaced.into_iter().find(|(path, _)| !around.links.contains(path))?;
    let unit = path.rsplit('/').next().unwrap_or_default();
    let hint = FOREIGN.with(&[("path", &path), ("unit", &unit)]);
    Some(Problem::new(
        format!("systemd uses {fragment} for {unit}"),
        format!("it uses {path}"),
        hint,
    ))
}

/// The operator put a link in the place of a unit file, which `apply` respects.
fn linked(units: &Units, around: &Around) -> Option<Problem> {
    let (path, fragment) =
        replaced(units, around.role).into_iter().find(|(path, _)| around.links.contains(path))?;
    let found = format!("{path} is a link to {fragment}, so cos-agent leaves it alone");
    let hint = LINKED.with(&[("path", &path)]);
    Some(Problem::new(found, format!("{path} is the file of cos-agent"), hint))
}

/// A unit file has changed since systemd read it.
fn changed(units: &Units, around: &Around) -> Option<Problem> {
    let sources =
        |unit: &UnitFacts| [std::slice::from_ref(&unit.fragment), &unit.drop_ins].concat();
    let is_changed = |name: &&str| {
        let Some(unit) = units.get(*name) else { return false };
        unit.needs_reload && !sources(unit).iter().any(|path| around.written.contains(path))
    };
    // An `apply` that runs reloads systemd at its end.
    let name = ours(around.role).filter(|_| !super::is_applying(units)).find(is_changed)?;
    let found = format!("a file of {name} has changed since systemd read it");
    Some(Problem::new(found, "systemd has read the unit files as they are", RELOAD.plain()))
}

/// systemd starts a daemon at boot by itself.
fn enabled(units: &Units, around: &Around) -> Option<Problem> {
    let is_enabled = |name: &&str| {
        Daemon::of_unit(name).is_some()
            && units.get(*name).is_some_and(|unit| {
                ["enabled", "enabled-runtime"].contains(&unit.file_state.as_str())
            })
    };
    let name = ours(around.role).find(is_enabled)?;
    let found = format!("{name} is enabled, so systemd starts it at boot even if `apply` fails");
    let expected = format!("{name} is not enabled, because cos-agent starts it");
    Some(Problem::new(found, expected, ENABLED.with(&[("unit", &name)])))
}

/// A daemon that does not run has a drop-in of somebody else.
fn with_drop_ins(around: &Around) -> Option<Problem> {
    let (path, _) = around.drop_ins.first()?;
    let directory = path.rsplit('/').nth(1).unwrap_or_default();
    let unit = directory.strip_suffix(".d").unwrap_or(directory);
    let lines = around.drop_ins.iter().map(|(path, line)| format!("{path}: {line}")).collect();
    let found = format!("{unit} does not run, and the drop-in {path} changes it");
    let expected = "a daemon that does not run has no drop-in of others";
    Some(Problem::new(found, expected, DROP_IN.with(&[("unit", &unit)])).with(lines))
}

#[cfg(test)]
mod tests;
