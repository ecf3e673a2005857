//! The settings files of this machine and its user data are valid.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::error::Error;
use crate::exit::hint::{Advice, Hint, topics};
use crate::facts::settings::{self, Layer, SettingsError};
use crate::facts::user_data::{self, UserData};
use crate::facts::{self, GatherError};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::text::count;
use std::time::Duration;

topics! {
    CORRECT: "settings-invalid-here", "{hint}; then `systemctl restart cos-agent` applies them";
    UNREADABLE: "settings-unreadable", "look at `ls -la /etc/cos-agent /usr/lib/cos-agent/config.d`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "settings-valid",
        title: "the settings are valid",
        group: Group::Config,
        roles: Role::ALL,
        needs: &[],
        explains: &["role-resolved", "tags-source", "boot-phases", "plan-made", "config-drift"],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "The settings files in /usr/lib/cos-agent/config.d, /etc/cos-agent/config.toml and \
                    /etc/cos-agent/config.d, and the user data if it is for cos-agent, have only keys and values that exist.",
            matters: "With wrong settings nothing can be applied: a new node does not start its daemons, and after a reboot \
                      they run with their old configuration.",
            look: &["cos-agent config check", "cos-agent config dump"],
            fixes: &[TOPICS, SettingsError::TOPICS],
            source: "https://toml.io/en/v1.0.0",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(files) = machine.files(facts::settings_files).await else {
        return super::broken();
    };
    // Metadata that does not answer is another check's finding; the files are judged without it.
    let metadata = machine.metadata.get().await;
    let user_data = metadata.user_data.as_ref().ok().and_then(Option::as_deref);
    judge(files, user_data.unwrap_or_default())
}

fn judge(files: Result<Vec<Layer>, GatherError>, user_data: &[u8]) -> Finding {
    match merged(files, user_data) {
        Ok(layers) => Finding::Pass(count(layers, "settings file")),
        Err(error) => {
            let error = Error::from(error);
            let correct = |advice: Advice| CORRECT.with(&[("hint", &advice.text)]);
            let hint = error.advice().map_or_else(|| UNREADABLE.plain(), correct);
            Finding::Fail(Problem::new(error.causes(), "settings that are valid", hint))
        }
    }
}

fn merged(files: Result<Vec<Layer>, GatherError>, user_data: &[u8]) -> Result<usize, GatherError> {
    let mut layers = files?;
    if let UserData::Settings(layer) = user_data::decode(user_data)? {
        layers.push(layer);
    }
    settings::merge(&layers)?;
    Ok(layers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<Vec<Layer>, GatherError> {
        let layer = Layer::of_bytes("/etc/cos-agent/config.toml".to_owned(), text.as_bytes());
        Ok(vec![layer.unwrap()])
    }

    #[test]
    fn files_and_user_data_are_both_judged() {
        assert!(judge(Ok(Vec::new()), b"").passes());
        assert!(judge(Ok(Vec::new()), b"#!/bin/sh\necho of somebody else\n").passes());
        for (files, user_data, named) in [
            (file("[nomad"), &b""[..], "config.toml:1"),
            (file("nomda = 1"), b"", "nomda"),
            (Ok(Vec::new()), b"[nomad]\nno_such_key = 1\n", "no_such_key"),
        ] {
            let Finding::Fail(problem) = judge(files, user_data) else { panic!("{named}") };
            assert!(problem.found.contains(named), "{}", problem.found);
            let restart = "; then `systemctl restart cos-agent` applies them";
            assert!(problem.hint.text.ends_with(restart), "{}", problem.hint.text);
        }
    }
}
