//! The credential helper gives a login for the registry of this account.

use super::docker_daemon::is_absent;
use super::ecr_docker_config::hosts;
use super::ecr_helper::{Helper, search};
use super::ecr_reasons::{self, NETWORK, NOT_RUN, OTHER, THROTTLED, advice, endpoint, telling};
use super::{agent_privileges, node_unknown};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::credential_helper::{self, HelperError, Outcome, PROGRAM, Ran};
use crate::system::environment;
use std::path::Path;
use std::time::Duration;

/// Longest time for the helper, which asks metadata and AWS.
const HELPER: Duration = Duration::from_secs(4);
/// The pause before a second try.
const AGAIN: Duration = Duration::from_millis(300);

/// The check. It is read-only but for a private directory of its own below /run, which is the helper's home directory for this
/// one run.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "ecr-token",
        title: "the helper gives a login for ECR",
        group: Group::Docker,
        roles: &[Role::NomadClient],
        needs: &["ecr-helper", "ecr-docker-config"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_millis(9500),
        page: Page {
            means: "The helper is run for the registry of this account with the PATH, proxy and AWS variables of Nomad's process. \
                    Its home directory is an empty one below /run, removed afterwards, so no cached token counts, and the token \
                    is thrown away.",
            matters: "Without a login every task with an image from the registry of the account fails. The helper itself says \
                      only `credentials not found`; the reason is in its log.",
            look: &[
                "echo REGISTRY | docker-credential-ecr-login get >/dev/null",
                "cat ~/.ecr/log/ecr-login.log",
            ],
            fixes: &[ecr_reasons::TOPICS, agent_privileges::TOPICS],
            source: "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    if is_absent(&*machine.units.get().await) {
        return Finding::Pass("no token needed".to_owned());
    }
    if !environment::is_root() {
        let hint = agent_privileges::NOT_ROOT.plain();
        return Finding::Unknown(Problem::new("this user is not root", "root, as Nomad is", hint));
    }
    let Some(registry) = hosts(machine).await.and_then(|hosts| hosts.into_iter().next()) else {
        return node_unknown();
    };
    let process = machine.nomad_process.get().await;
    let path = process.path.clone();
    let Some(Helper::Usable(program)) = machine.files(move |root| search(root, &path)).await else {
        let hint = NOT_RUN.plain();
        return Finding::Unknown(Problem::new(format!("{PROGRAM} is gone"), "the helper", hint));
    };
    let (path, variables) = (&process.path, &process.variables);
    let ask = || credential_helper::get(Path::new(&program), &registry, path, variables, HELPER);
    let first = judge(&ask().await, &registry);
    if !may_pass(&first) {
        return first;
    }
    tokio::time::sleep(AGAIN).await;
    judge(&ask().await, &registry)
}

/// Whether the failure may be one of the moment, such as a connection that broke: Nomad would ask again too.
fn may_pass(finding: &Finding) -> bool {
    matches!(finding, Finding::Fail(problem) if [OTHER.id, NETWORK.id].contains(&problem.hint.id))
}

fn judge(ran: &Result<Ran, HelperError>, registry: &str) -> Finding {
    let expected = format!("a login for {registry}");
    let ran = match ran {
        Ok(ran) => ran,
        Err(error @ HelperError::Directory(_)) => {
            let hint = NOT_RUN.plain();
            return Finding::Unknown(Problem::new(error.to_string(), expected, hint));
        }
        Err(error @ HelperError::Command(_)) => {
            let found = format!("cannot run the helper: {error}");
            return Finding::Fail(Problem::new(found, expected, NOT_RUN.plain()));
        }
    };
    let endpoint = endpoint(registry);
    let (found, hint) = match &ran.outcome {
        Outcome::Given => {
            return Finding::Pass(format!("token in {} ms", ran.elapsed.as_millis()));
        }
        Outcome::Silent => {
            let found = format!("no answer from {endpoint} within {} s", HELPER.as_secs());
            (found, NETWORK.with(&[("endpoint", &endpoint)]))
        }
        Outcome::Refused(words) => {
            let reason = ran.errors.last().unwrap_or(words);
            let found = format!("the helper gives no login: {}", telling(reason));
            (found, advice(reason, &endpoint, registry))
        }
    };
    let problem = Problem::new(found, expected, hint).with(ran.errors.clone());
    if ran.outcome != Outcome::Silent && problem.hint.id == THROTTLED.id {
        return Finding::Unknown(problem);
    }
    Finding::Fail(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    fn ran(outcome: Outcome, errors: &[&str]) -> Result<Ran, HelperError> {
        let errors = errors.iter().map(|&line| line.to_owned()).collect();
        Ok(Ran { outcome, elapsed: Duration::from_millis(310), errors })
    }

    #[test]
    fn a_login_passes_and_silence_names_the_endpoint() {
        let given = judge(&ran(Outcome::Given, &[]), HOST);
        assert_eq!(given, Finding::Pass("token in 310 ms".to_owned()));
        let Finding::Fail(problem) = judge(&ran(Outcome::Silent, &[]), HOST) else {
            panic!("silent")
        };
        assert_eq!(problem.found, "no answer from api.ecr.eu-central-1.amazonaws.com within 4 s");
        assert_eq!(problem.hint.id, "ecr-unreachable");
    }

    #[test]
    fn the_words_of_aws_in_the_log_decide_the_advice() {
        let before =
            "ecr: Failed to get authorization token: operation error ECR: GetAuthorizationToken, ";
        let denied = "https response error StatusCode: 400, RequestID: x, AccessDeniedException: User: cos-node is not \
                      authorized to perform: ecr:GetAuthorizationToken";
        for (end, id) in [
            (denied, "ecr-denied"),
            (
                "failed to sign request: failed to retrieve credentials: failed to refresh cached credentials, no EC2 IMDS \
                 role found",
                "ecr-without-credentials",
            ),
            (
                "api error UnrecognizedClientException: The security token is invalid",
                "ecr-without-credentials",
            ),
            (
                "exceeded maximum number of attempts, 3, dial tcp 10.0.0.9:443: i/o timeout",
                "ecr-unreachable",
            ),
            (
                "request send failed, tls: failed to verify certificate: x509: unknown authority",
                "ecr-not-trusted",
            ),
            (
                "api error InvalidSignatureException: Signature expired: 20260101T000000Z",
                "ecr-clock",
            ),
            ("api error ThrottlingException: Rate exceeded", "ecr-throttled"),
            ("something that nobody has seen before", "ecr-helper-fails"),
        ] {
            let line = format!("{before}{end}");
            let refused = Outcome::Refused("credentials not found in native keychain".to_owned());
            let finding = judge(&ran(refused, &[&line]), HOST);
            let problem = finding.problem().unwrap();
            assert_eq!(problem.hint.id, id, "{end}");
            assert!(problem.found.contains(&end[..20]), "{}", problem.found);
            assert!(!problem.found.contains(before), "{}", problem.found);
            assert_eq!(matches!(finding, Finding::Unknown(_)), id == "ecr-throttled");
        }
        let mute = Outcome::Refused("credentials not found in native keychain".to_owned());
        let Finding::Fail(problem) = judge(&ran(mute, &[]), HOST) else { panic!("no login") };
        assert!(problem.found.ends_with("native keychain"), "{}", problem.found);
        assert!(problem.hint.text.contains(HOST), "{}", problem.hint.text);
    }
}
