//! EC2 has no plans for this instance: no maintenance, no end of a Spot instance.

use crate::doctor::Check;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::imds::{FOREIGN, ImdsError};
use serde_json::Value;
use std::time::Duration;

topics! {
    MAINTENANCE: "instance-maintenance",
        "replace the instance before that time; on a client, first move its tasks away with `nomad node drain -enable -self \
         -deadline 1h`; replace servers one at a time, and wait until each has joined";
    SPOT: "spot-interruption",
        "let the group replace the instance; on a client, move its tasks away now with `nomad node drain -enable -self \
         -deadline 90s`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "imds-events",
        title: "EC2 has scheduled nothing for this instance",
        group: Group::Metadata,
        roles: Role::ALL,
        needs: &["imds-reachable"],
        explains: &[],
        impact: Impact::Risk,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "The metadata service lists no active maintenance event (reboot, stop, retirement), and no interruption of \
                    a Spot instance.",
            matters: "EC2 reboots, stops or ends the instance at that time, whatever runs on it.",
            look: &["aws ec2 describe-instance-status --instance-ids INSTANCE"],
            fixes: &[TOPICS, ImdsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instances-status-check_sched.html",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let metadata = machine.metadata.get().await;
            judge(&metadata.maintenance, &metadata.spot)
        })
    },
    changed: None,
};

type Answer = Result<Option<String>, ImdsError>;

fn judge(maintenance: &Answer, spot: &Answer) -> Finding {
    const EXPECTED: &str = "no scheduled event";
    let (maintenance, spot) = match (maintenance, spot) {
        (Ok(maintenance), Ok(spot)) => (maintenance, spot),
        (Err(error), _) | (_, Err(error)) => {
            let hint = error.hint().unwrap_or_else(|| FOREIGN.plain());
            return Finding::Unknown(Problem::new(error.trouble(), EXPECTED, hint));
        }
    };
    let read = |text: &Option<String>| -> Value {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let said = |value: &Value, key: &str| value[key].as_str().unwrap_or("?").to_owned();
    let spot = read(spot);
    if spot.is_object() {
        let (action, time) = (said(&spot, "action"), said(&spot, "time"));
        let found = format!("EC2 takes this Spot instance back at {time} ({action})");
        return Finding::Warn(Problem::new(found, EXPECTED, SPOT.plain()));
    }
    // Past events stay in the list for a while.
    let events = read(maintenance);
    let active: Vec<String> = events
        .as_array()
        .into_iter()
        .flatten()
        .filter(|event| event["State"] == "active")
        .map(|event| {
            let [code, what, from] =
                ["Code", "Description", "NotBefore"].map(|key| said(event, key));
            format!("{code} ({what}), not before {from}")
        })
        .collect();
    match active.first() {
        None => Finding::Pass("no scheduled event".to_owned()),
        Some(first) => {
            let found = format!("EC2 has scheduled {first}");
            let problem = Problem::new(found, EXPECTED, MAINTENANCE.plain());
            Finding::Warn(problem.with(active.into_iter().skip(1).take(3).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_still_to_come_is_a_warning() {
        let event = |state: &str| {
            Ok(Some(format!(
                r#"[{{"NotBefore":"21 Jan 2027 09:00:43 GMT","Code":"system-reboot","Description":"scheduled reboot","State":"{state}"}}]"#
            )))
        };
        for quiet in
            [Ok(None), Ok(Some("[]".to_owned())), Ok(Some("?".to_owned())), event("completed")]
        {
            assert!(matches!(judge(&quiet, &Ok(None)), Finding::Pass(_)), "{quiet:?}");
        }
        let Finding::Warn(reboot) = judge(&event("active"), &Ok(None)) else { panic!("a reboot") };
        assert!(reboot.found.contains("system-reboot (scheduled reboot), not before 21 Jan"));
        let spot = r#"{"action":"terminate","time":"2027-01-21T09:00:00Z"}"#.to_owned();
        let Finding::Warn(spot) = judge(&Ok(None), &Ok(Some(spot))) else { panic!("the end") };
        assert!(spot.found.ends_with("at 2027-01-21T09:00:00Z (terminate)"), "{}", spot.found);
        let silent = Err(ImdsError::Status { path: "x".to_owned(), status: 418 });
        assert!(matches!(judge(&silent, &Ok(None)), Finding::Unknown(_)));
    }
}
