//! The instance role gives credentials that are valid.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::aws::AwsError;
use crate::system::clock::shown;
use crate::system::environment;
use crate::system::imds::FOREIGN;
use serde_json::Value;
use std::time::{Duration, SystemTime};

topics! {
    NO_PROFILE: "instance-profile-absent",
        "run `aws ec2 associate-iam-instance-profile --instance-id {instance} --iam-instance-profile Name=PROFILE`, and set \
         `iam_instance_profile` in the launch template";
    PROFILE_BROKEN: "instance-profile-broken",
        "check that the instance profile exists and holds a role (`aws iam get-instance-profile --instance-profile-name \
         PROFILE`), then attach it again";
    NOT_RENEWED: "credentials-not-renewed",
        "compare the clock with `timedatectl`; if it is right, check that the role still exists, then replace the instance \
         profile: `aws ec2 replace-iam-instance-profile-association`";
}

/// EC2 has new credentials at least this long before the old ones expire
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>).
const RENEWED: Duration = Duration::from_secs(300);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "iam-credentials",
        title: "the instance role gives valid credentials",
        group: Group::Aws,
        roles: Role::ALL,
        needs: &["imds-reachable"],
        explains: &["aws-autodiscovery", "ecr-token", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "The instance has an instance profile with a role, and the metadata service gives credentials of that role \
                    that have not expired. Only their role and their expiry are looked at.",
            matters: "Without credentials the daemons cannot find the servers, the quorum guard cannot ask, and docker cannot \
                      log in to ECR.",
            look: &[
                "aws sts get-caller-identity",
                "aws ec2 describe-iam-instance-profile-associations",
            ],
            fixes: &[TOPICS, AwsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let metadata = machine.metadata.get().await;
    let credentials =
        metadata.credentials.as_ref().map(|found| (found.role.as_str(), found.expires));
    let profile = metadata.profile.as_ref().ok().and_then(Option::as_deref);
    let instance = metadata.instance().map_or_else(|| "ID".to_owned(), |instance| instance.id);
    judge(credentials, profile, &instance, environment::now())
}

/// The role and the expiry of its credentials, the answer to `iam/info`, and the time.
fn judge(
    credentials: Result<(&str, Option<SystemTime>), &AwsError>,
    profile: Option<&str>,
    instance: &str,
    now: SystemTime,
) -> Finding {
    let (role, expires) = match credentials {
        Ok(found) => found,
        Err(error) => return refused(error, profile, instance),
    };
    let Some(expires) = expires else { return Finding::Pass(format!("role {role}")) };
    let problem = |found: String| {
        Problem::new(found, "credentials that EC2 renews in time", NOT_RENEWED.plain())
    };
    match expires.duration_since(now) {
        Err(_) => Finding::Fail(problem(format!(
            "the credentials of {role} expired at {}",
            shown(expires)
        ))),
        Ok(left) if left < RENEWED => Finding::Warn(problem(format!(
            "the credentials of {role} expire in {} s, and EC2 has not renewed them",
            left.as_secs()
        ))),
        Ok(left) => Finding::Pass(format!("role {role}, valid for {}", span(left))),
    }
}

fn refused(error: &AwsError, profile: Option<&str>, instance: &str) -> Finding {
    const EXPECTED: &str = "an instance profile with a role that EC2 may assume";
    let profile: Value =
        profile.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let said = |key: &str| profile[key].as_str();
    let code = said("Code").filter(|code| *code != "Success");
    let evidence =
        code.map(|code| format!("iam/info: {code}: {}", said("Message").unwrap_or_default()));
    let (found, hint) = match error {
        AwsError::NoCredentials(_) => match (code, said("InstanceProfileArn")) {
            (None, None) => {
                let hint = NO_PROFILE.with(&[("instance", &instance)]);
                ("this instance has no instance profile".to_owned(), hint)
            }
            (_, arn) => {
                let arn = arn.map(|arn| format!(" {arn}")).unwrap_or_default();
                (format!("the instance profile{arn} has no usable role"), PROFILE_BROKEN.plain())
            }
        },
        // The service did not answer these requests, though it answered others.
        AwsError::Credentials(error) => {
            let hint = error.hint().unwrap_or_else(|| FOREIGN.plain());
            return Finding::Unknown(Problem::new(error.trouble(), EXPECTED, hint));
        }
        other => (other.to_string(), other.hint().unwrap_or_else(|| PROFILE_BROKEN.plain())),
    };
    Finding::Fail(Problem::new(found, EXPECTED, hint).with(evidence.into_iter().collect()))
}

/// A length of time in its largest unit.
fn span(time: Duration) -> String {
    match time.as_secs() / 60 {
        minutes @ ..120 => format!("{minutes} min"),
        minutes @ ..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::aws::CREDENTIALS;
    use crate::system::imds::ImdsError;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn of(expires: Option<SystemTime>) -> Finding {
        judge(Ok(("cos-node", expires)), None, "i-1", NOW + Duration::from_secs(10_000))
    }

    #[test]
    fn credentials_are_judged_by_the_time_that_is_left() {
        let at = |seconds: u64| Some(NOW + Duration::from_secs(10_000 + seconds));
        for (left, words) in [
            (300, "role cos-node, valid for 5 min"),
            (5 * 3600 + 59, "role cos-node, valid for 5 h"),
            (10 * 86_400, "role cos-node, valid for 10 days"),
        ] {
            assert_eq!(of(at(left)), Finding::Pass(words.to_owned()));
        }
        assert_eq!(of(None), Finding::Pass("role cos-node".to_owned()));
        assert!(matches!(of(at(299)), Finding::Warn(_)));
        let Finding::Fail(expired) = of(Some(NOW)) else { panic!("expired") };
        assert!(expired.found.ends_with("expired at 1970-01-01T00:00:00Z"), "{}", expired.found);
    }

    #[test]
    fn each_reason_for_no_credentials_has_its_words() {
        let refused = |error: &AwsError, profile| judge(Err(error), profile, "i-1", NOW);
        let none = AwsError::NoCredentials(CREDENTIALS);
        let gone = r#"{"Code":"InstanceProfileNotFound","Message":"cannot be found"}"#;
        let empty =
            r#"{"Code":"Success","InstanceProfileArn":"arn:aws:iam::1:instance-profile/x"}"#;
        let (code, message) = ("AssumeRoleUnauthorizedAccess".to_owned(), "no trust".to_owned());
        for (error, profile, id, words) in [
            (&none, None, "instance-profile-absent", "no instance profile"),
            (&none, Some(gone), "instance-profile-broken", "no usable role"),
            (&none, Some(empty), "instance-profile-broken", "instance-profile/x has no usable"),
            (&AwsError::BadCredentials { code, message }, None, "role-refused", "no trust"),
            (
                &AwsError::LateCredentials { role: "r".to_owned() },
                None,
                "role-credentials-late",
                "not available yet",
            ),
        ] {
            let Finding::Fail(problem) = refused(error, profile) else { panic!("{error}") };
            assert!(problem.hint.id == id && problem.found.contains(words), "{problem:?}");
            let proof = problem.evidence.first().map(String::as_str);
            let expected = "iam/info: InstanceProfileNotFound: cannot be found";
            assert_eq!(proof, (profile == Some(gone)).then_some(expected));
        }
        let silent = ImdsError::Status { path: "x".to_owned(), status: 418 };
        assert!(matches!(refused(&silent.into(), None), Finding::Unknown(_)));
    }
}
