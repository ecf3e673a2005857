//! The three calls that a node makes to Auto Scaling: record a heartbeat of a lifecycle action, complete it, and ask
//! for the lifecycle state of the instance.

use super::{AwsError, Client, xml};

/// A lifecycle action is named by its hook and instance; the token of the notification is not needed.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    /// The Auto Scaling group.
    pub group: &'a str,
    /// The lifecycle hook.
    pub hook: &'a str,
    /// The instance id.
    pub instance: &'a str,
}

/// How a lifecycle action ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The instance goes into service.
    Continue,
    /// The instance is terminated and replaced.
    Abandon,
}

/// The answer to a call about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Auto Scaling accepted the call.
    Taken,
    /// `ValidationError: No active Lifecycle Action found with instance ID …`.
    NotActive,
}

/// An instance as its group sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name of the group.
    pub group: String,
    /// `Pending:Wait`, `InService`, `Terminating:Wait`, `Warmed:Stopped` and so on.
    ///
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingInstanceDetails.html>
    pub state: String,
}

/// Ends a lifecycle action. Needs `autoscaling:CompleteLifecycleAction`.
pub async fn complete(
    client: &Client,
    action: &Action<'_>,
    verdict: Verdict,
) -> Result<Answer, AwsError> {
    let verdict = match verdict {
        Verdict::Continue => "CONTINUE",
        Verdict::Abandon => "ABANDON",
    };
    let mut parameters = parameters(action);
    parameters.push(("LifecycleActionResult".to_owned(), verdict.to_owned()));
    answer(client.query("CompleteLifecycleAction", &parameters).await)
}

/// Restarts the timeout of a lifecycle action. Needs `autoscaling:RecordLifecycleActionHeartbeat`.
pub async fn heartbeat(client: &Client, action: &Action<'_>) -> Result<Answer, AwsError> {
    answer(client.query("RecordLifecycleActionHeartbeat", &parameters(action)).await)
}

/// The instance as its group sees it, `None` if it belongs to no group. Needs `autoscaling:DescribeAutoScalingInstances`.
pub async fn describe(client: &Client, instance: &str) -> Result<Option<Member>, AwsError> {
    const ACTION: &str = "DescribeAutoScalingInstances";
    let parameters = [("InstanceIds.member.1".to_owned(), instance.to_owned())];
    let text = client.query(ACTION, &parameters).await?;
    member(&text).map_err(|problem| client.malformed(ACTION, problem))
}

/// The one instance that was asked for. An answer of another kind is an error, so that it is not taken for an instance
/// without a group.
fn member(text: &str) -> Result<Option<Member>, String> {
    const RESULT: &str = "DescribeAutoScalingInstancesResult";
    let response = xml::child(text, "DescribeAutoScalingInstancesResponse")?.unwrap_or_default();
    let result = xml::child(&response, RESULT)?.ok_or_else(|| format!("no {RESULT}"))?;
    let members = xml::list(&result, "AutoScalingInstances", "member", |member| {
        let field = |name| xml::required(member, name).map(|value| value.trim().to_owned());
        Ok(Member { group: field("AutoScalingGroupName")?, state: field("LifecycleState")? })
    })?;
    Ok(members.into_iter().next())
}

fn parameters(action: &Action<'_>) -> Vec<(String, String)> {
    [
        ("AutoScalingGroupName", action.group),
        ("LifecycleHookName", action.hook),
        ("InstanceId", action.instance),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// AWS has no separate code for an action that is not active, so the message is compared.
fn answer(result: Result<String, AwsError>) -> Result<Answer, AwsError> {
    match result {
        Ok(_) => Ok(Answer::Taken),
        Err(AwsError::Rejected { message, .. })
            if message.to_ascii_lowercase().contains("no active lifecycle action") =>
        {
            Ok(Answer::NotActive)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_instance_is_read() {
        let text = r#"<DescribeAutoScalingInstancesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">
            <DescribeAutoScalingInstancesResult><AutoScalingInstances><member><HealthStatus>Healthy</HealthStatus>
            <LaunchTemplate><LaunchTemplateName>t</LaunchTemplateName></LaunchTemplate>
            <AutoScalingGroupName>web &amp; more</AutoScalingGroupName><LifecycleState>Pending:Wait</LifecycleState>
            </member></AutoScalingInstances></DescribeAutoScalingInstancesResult>
            <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DescribeAutoScalingInstancesResponse>"#;
        let found = member(text).unwrap().unwrap();
        assert_eq!((found.group.as_str(), found.state.as_str()), ("web & more", "Pending:Wait"));
        let start = text.find("<member>").unwrap();
        let end = text.find("</AutoScalingInstances>").unwrap();
        assert_eq!(member(&[&text[..start], &text[end..]].concat()), Ok(None));
        for wrong in ["", "<html/>", "<AutoScalingInstances/>", &text[..end]] {
            assert!(member(wrong).is_err(), "{wrong}");
        }
        assert!(member(&text.replace("LifecycleState", "State")).is_err());
    }

    #[test]
    fn only_the_words_for_no_action_are_an_answer() {
        let rejected = |message: &str| {
            answer(Err(AwsError::Rejected {
                action: "a".to_owned(),
                status: 400,
                code: "ValidationError".to_owned(),
                message: message.to_owned(),
            }))
        };
        let not_active = "No active Lifecycle Action found with instance ID i-0123456789abcdef0";
        assert_eq!(rejected(not_active).unwrap(), Answer::NotActive);
        assert!(rejected("Group x not found").is_err());
        assert_eq!(answer(Ok(String::new())).unwrap(), Answer::Taken);
    }
}
