//! The part of a plan that only an image has: which units systemd starts at boot, and the configuration that packages bring.

use super::Ownership;
use super::manifest::Manifest;
use super::{Change, Inputs, Phase, Plan, PlanError, PlannedAction, Step, What, Why, Write};
use crate::state::{Action, Bytes, DesiredState, Observed, OperatorFile, ROOT, Verb};
use std::collections::BTreeSet;

/// The inputs of the plan of an image.
pub struct ImageInputs<'a> {
    /// The desired state.
    pub desired: &'a DesiredState,
    /// The observed state.
    pub observed: &'a Observed,
    /// The manifest of the last `install`.
    pub manifest: &'a Manifest,
    /// The units that systemd starts at boot now.
    pub enabled: &'a BTreeSet<String>,
    /// Those that it should start.
    pub starts: &'a [&'static str],
    /// Those that it should not.
    pub stays: &'a [&'static str],
    /// Configuration that packages bring and that contradicts every role.
    pub packaged: &'a [OperatorFile],
}

/// The suffix of a configuration that was moved aside. Neither daemon loads a file of this name.
const ASIDE: &str = "before-cos-agent";

/// Makes the plan of an image.
pub fn plan(inputs: &ImageInputs<'_>) -> Result<Plan, PlanError> {
    let ImageInputs { desired, observed, manifest, .. } = *inputs;
    let mut plan = Plan::between(&Inputs { desired, observed, manifest })?;
    for file in inputs.packaged {
        plan.steps.extend(aside(file).map(Step::from));
    }
    plan.steps
        .extend(links(inputs).map(|action| Step { phase: Phase::Act, what: What::Action(action) }));
    plan.steps.sort_by_key(|step| step.phase);
    Ok(plan)
}

/// Keeps a file under a name that no daemon loads.
fn aside(file: &OperatorFile) -> [Change; 2] {
    let bytes = Bytes::of(file.bytes.clone(), false);
    let copy = Write {
        path: format!("{}.{ASIDE}", file.path),
        bytes: bytes.clone(),
        mode: 0o640,
        ownership: Ownership::Ours { owner: ROOT, ids: None },
        // No diff is shown where before and after are equal.
        before: Some(bytes.clone()),
        foreign: true,
        keys: None,
        besides: Vec::new(),
        why: Why::New,
    };
    [Change::Write(copy), Change::Remove { path: file.path.clone(), before: bytes, foreign: true }]
}

fn links<'a>(inputs: &'a ImageInputs<'_>) -> impl Iterator<Item = PlannedAction> + 'a {
    let is_enabled = |unit: &str| inputs.enabled.contains(unit);
    let action = |verb, unit, because: &str| PlannedAction {
        action: Action::unit(verb, unit),
        because: vec![because.to_owned()],
        is_new: false,
    };
    let enable = inputs.starts.iter().filter(move |unit| !is_enabled(unit));
    let disable = inputs.stays.iter().filter(move |unit| is_enabled(unit));
    enable.map(move |unit| action(Verb::Enable, *unit, "not enabled")).chain(
        disable.map(move |unit| action(Verb::Disable, *unit, "`apply` starts it where it belongs")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Daemon;

    fn planned(enabled: &[&str], packaged: &[OperatorFile]) -> Vec<String> {
        let (desired, observed) = (DesiredState::default(), Observed::default());
        let plan = plan(&ImageInputs {
            desired: &desired,
            observed: &observed,
            manifest: &Manifest::default(),
            enabled: &enabled.iter().map(|unit| (*unit).to_owned()).collect(),
            starts: &["cos-agent.service"],
            stays: &["docker.service", "nomad.service"],
            packaged,
        });
        let words = |step: &Step| match &step.what {
            What::Change(change) => format!("{} {}", change.path(), change.words()),
            What::Action(planned) => planned.action.to_string(),
        };
        plan.unwrap().steps.iter().map(words).collect()
    }

    #[test]
    fn units_are_enabled_and_disabled_only_where_they_differ() {
        assert_eq!(planned(&["cos-agent.service"], &[]), [""; 0]);
        assert_eq!(
            planned(&["docker.service", "ssh.service"], &[]),
            ["enable cos-agent.service", "disable docker.service"]
        );
    }

    #[test]
    fn the_configuration_of_a_package_is_kept_under_another_name() {
        let file = OperatorFile {
            daemon: Daemon::Nomad,
            path: "/etc/nomad.d/nomad.hcl".to_owned(),
            name: "nomad.hcl".into(),
            bytes: b"server { enabled = true }".to_vec(),
        };
        let words = planned(&["cos-agent.service"], &[file]);
        assert!(words[0].starts_with("/etc/nomad.d/nomad.hcl.before-cos-agent "), "{words:?}");
        assert!(words[1].starts_with("/etc/nomad.d/nomad.hcl remove"), "{words:?}");
        assert_eq!(words.len(), 2);
    }
}
