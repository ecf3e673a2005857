//! docker's configuration names the helper for the registry of this account, and nothing that Nomad prefers to it.

use super::docker_daemon::is_absent;
use super::{broken, node_unknown};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::render::docker::{CONFIG, Obstacles, obstacles, registries};
use crate::role::Role;
use serde_json::Value;
use std::time::Duration;

topics! {
    EXPIRING: "docker-login-expiring",
        "run `cos-agent apply`, which removes this login; then find what runs `docker login` on this node";
    NO_HELPER: "docker-without-helper", "run `cos-agent apply`, which writes the helper for {host}";
    NOT_JSON: "docker-config-broken",
        "correct {file} (`jq . {file}` shows the place), or move it away, then run `cos-agent apply`";
    UNREADABLE: "docker-config-unreadable", "run `ls -la {file}`, then make it a regular file that root may read";
    REJECTED: "docker-config-rejected", "correct or remove that entry in {file}; Nomad reads the file at each pull";
    PREFERS: "docker-other-login",
        "if that is not on purpose, remove the entry from {file}; Nomad reads the file at each pull";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "ecr-docker-config",
        title: "docker's configuration names the helper for ECR",
        group: Group::Docker,
        roles: &[Role::NomadClient],
        // The facts say which registry is that of this account.
        needs: &["role-resolved"],
        explains: &["config-drift", "ecr-token"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(8),
        page: Page {
            means: "/etc/docker/config.json is JSON, has the helper `ecr-login` for the registry of this account, and neither a \
                    login for it nor a `credsStore`. Nomad reads this file and no other one.",
            matters: "Nomad takes a login in `auths` before the helper. A login of ECR ends after 12 hours, and then every pull \
                      from there fails.",
            look: &["jq 'del(.auths[]?.auth)' /etc/docker/config.json", "cos-agent plan"],
            fixes: &[TOPICS],
            source: "https://github.com/awslabs/amazon-ecr-credential-helper",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    if is_absent(&*machine.units.get().await) {
        return Finding::Pass("no login needed".to_owned());
    }
    let Some(hosts) = hosts(machine).await else { return node_unknown() };
    match machine.files(|root| root.read(CONFIG).map_err(|error| error.source.to_string())).await {
        Some(Ok(file)) => judge(file.as_deref(), &hosts),
        Some(Err(words)) => {
            let found = format!("cannot read {CONFIG}: {words}");
            let hint = UNREADABLE.with(&[("file", &CONFIG)]);
            Finding::Fail(Problem::new(found, "a file that Nomad can read", hint))
        }
        None => broken(),
    }
}

/// The registries with the helper, that of this account first.
pub(super) async fn hosts(machine: &Machine) -> Option<Vec<String>> {
    machine.stages.get().await.node.as_ref().map(registries)
}

fn judge(file: Option<&[u8]>, hosts: &[String]) -> Finding {
    let place = [("file", &CONFIG as &dyn std::fmt::Display)];
    let own = hosts.first().map(String::as_str).unwrap_or_default();
    let expected = format!("the helper `ecr-login` for {own}");
    let fail = |found: String, hint| Finding::Fail(Problem::new(found, expected.clone(), hint));
    let Some(file) = file else {
        return fail(format!("{CONFIG} does not exist"), NO_HELPER.with(&[("host", &own)]));
    };
    let object = match serde_json::from_slice(file) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return fail(format!("{CONFIG} is not a JSON object"), NOT_JSON.with(&place)),
        Err(error) => {
            let hint = NOT_JSON.with(&place);
            return fail(format!("{CONFIG} is not JSON: {error}"), hint);
        }
    };
    let Obstacles { rejected, without_helper, expiring, others } = obstacles(&object, hosts);
    if let Some(words) = rejected.first() {
        return fail(words.clone(), REJECTED.with(&place));
    }
    if let Some(entry) = expiring.first() {
        let found = format!(
            "{CONFIG} has a login of ECR for {entry}: it ends after 12 hours, and Nomad prefers it to the helper"
        );
        return fail(found, EXPIRING.plain());
    }
    if let Some(host) = without_helper.first() {
        let found = format!("{CONFIG} has no helper `ecr-login` for {host}");
        return fail(found, NO_HELPER.with(&[("host", host)]));
    }
    match others.first() {
        Some(words) => Finding::Warn(Problem::new(words.clone(), expected, PREFERS.with(&place))),
        None => Finding::Pass("helper configured".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    #[test]
    fn each_state_of_the_file_has_its_advice() {
        let helpers = || json!({HOST: "ecr-login"});
        let login = |user: &str| json!({HOST: {"auth": STANDARD.encode(format!("{user}:hush"))}});
        let text = |value: Value| Some(value.to_string());
        for (file, expected) in [
            (text(json!({"credHelpers": helpers()})), ""),
            (text(json!({"credHelpers": helpers(), "auths": {}})), ""),
            (None, "docker-without-helper"),
            (text(json!({})), "docker-without-helper"),
            (Some(String::new()), "docker-config-broken"),
            (Some("{\"auths\": {},}".to_owned()), "docker-config-broken"),
            (text(json!([])), "docker-config-broken"),
            (text(json!({"credHelpers": helpers(), "auths": 5})), "docker-config-rejected"),
            (
                text(json!({"credHelpers": helpers(), "auths": login("AWS")})),
                "docker-login-expiring",
            ),
            (text(json!({"credHelpers": helpers(), "auths": login("ci")})), "docker-other-login"),
            (text(json!({"credHelpers": helpers(), "credsStore": "pass"})), "docker-other-login"),
        ] {
            let finding = judge(file.as_deref().map(str::as_bytes), &[HOST.to_owned()]);
            let problem = finding.problem();
            assert_eq!(problem.map_or("", |problem| problem.hint.id), expected, "{file:?}");
            assert_eq!(finding.passes(), ["", "docker-other-login"].contains(&expected));
            assert!(!problem.is_some_and(|problem| problem.found.contains("hush")));
        }
    }

    #[test]
    fn an_error_in_the_file_is_shown_with_its_place() {
        let Finding::Fail(problem) = judge(Some(b"{\n\"auths\": {},\n}"), &[HOST.to_owned()])
        else {
            panic!("not JSON")
        };
        assert!(problem.found.contains("line 3 column 1"), "{}", problem.found);
    }
}
