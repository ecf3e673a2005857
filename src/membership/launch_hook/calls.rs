//! The calls about a launch hook, one attempt each: which call is made, and what its answer means.

use super::Hook;
use super::machine::{Call, Event, Step};
use super::outcome::is_warm;
use crate::facts::tags::LIST as TAGS;
use crate::system::System;
use crate::system::aws::autoscaling::{self, Action, Answer};
use crate::system::aws::{AwsError, Client, Service};
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use std::cell::{Cell, OnceCell};
use std::time::Duration;

/// Longest time for one attempt, with metadata and retries.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The tag that Auto Scaling sets on its instances.
const GROUP: &str = "aws:autoscaling:groupName";
/// The target lifecycle state, which may differ from the current one; 404 outside a group and right after the launch.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";

/// Makes the calls about one hook.
pub(super) struct Caller<'a> {
    system: &'a System,
    hook: &'a Hook,
    /// The name of the group, once it is known.
    group: OnceCell<String>,
    /// Whether the instance goes into a warm pool, so that the hook holds it again when it leaves the pool.
    warm: Cell<bool>,
}

impl<'a> Caller<'a> {
    pub(super) fn new(system: &'a System, hook: &'a Hook) -> Self {
        Self { system, hook, group: OnceCell::new(), warm: Cell::new(false) }
    }

    /// Whether the same hook will hold the instance again.
    pub(super) fn comes_again(&self) -> bool {
        self.warm.get()
    }

    /// Does a step: waits, or makes one attempt at a call. Returns the event, and the reason for a failure in words.
    pub(super) async fn does(&self, step: &Step) -> (Event, Option<String>) {
        let result = match step {
            Step::Call(call) => self.attempt(*call).await,
            Step::Wait(time) => {
                tokio::time::sleep(*time).await;
                Ok((Event::Waited, None))
            }
            Step::End(_) => std::future::pending().await,
        };
        match result {
            Ok(result) => result,
            Err(error @ AwsError::Denied { .. }) => (Event::Denied, Some(error.trouble())),
            Err(error) => (Event::Failed, Some(error.trouble())),
        }
    }

    /// Fetches the credentials at each attempt, because they last for hours and a node may take longer to join.
    async fn attempt(&self, call: Call) -> Result<(Event, Option<String>), AwsError> {
        let environment = &self.system.environment;
        let imds = Imds::new(environment, Deadline::after(ATTEMPT))?;
        let region = &self.hook.instance.region;
        let client = Client::of(Service::AutoScaling, &imds, environment, region).await?;
        let group = match call {
            Call::State => return self.state(&imds, &client).await,
            _ => self.group(&imds, &client).await?,
        };
        let Some(group) = group else { return Ok(in_no_group()) };
        let Hook { name, instance, .. } = self.hook;
        let action = Action { group, hook: name, instance: &instance.id };
        if let Call::Complete(_) = call {
            // Read before the call, which may change the target.
            let target = imds.text(TARGET).await?;
            self.warm.set(target.is_some_and(|target| is_warm(&target)));
        }
        let answer = match call {
            Call::Complete(verdict) => autoscaling::complete(&client, &action, verdict).await?,
            _ => autoscaling::heartbeat(&client, &action).await?,
        };
        Ok(match answer {
            Answer::Taken => (Event::Taken, None),
            Answer::NotActive => (Event::NotActive, None),
        })
    }

    /// The name of the group: from the tag of the instance, which needs no call, else from Auto Scaling.
    async fn group(&self, imds: &Imds, client: &Client) -> Result<Option<&str>, AwsError> {
        if self.group.get().is_none() {
            let name = match imds.text(&format!("{TAGS}/{GROUP}")).await? {
                Some(tag) => Some(tag.trim().to_owned()),
                None => autoscaling::describe(client, &self.hook.instance.id)
                    .await?
                    .map(|member| member.group),
            };
            let Some(name) = name else { return Ok(None) };
            let _ = self.group.set(name);
        }
        Ok(self.group.get().map(String::as_str))
    }

    /// The lifecycle state according to the group. If the role may not ask, the target state in metadata, which tells less.
    async fn state(
        &self,
        imds: &Imds,
        client: &Client,
    ) -> Result<(Event, Option<String>), AwsError> {
        let hook = &self.hook.name;
        match autoscaling::describe(client, &self.hook.instance.id).await {
            Ok(Some(member)) => {
                let state = member.state;
                let why = format!(
                    "the instance is {state}, but `{hook}` has no active lifecycle action yet; if this lasts, the group has no \
                     launch hook of that name (tag `cos:launch-hook`), or another hook holds the instance"
                );
                Ok((Event::State(Some(state)), Some(why)))
            }
            Ok(None) => Ok(in_no_group()),
            Err(error @ AwsError::Denied { .. }) => {
                let target = imds.text(TARGET).await?;
                let target = target.as_deref().map_or("none yet", str::trim);
                let why = format!(
                    "`{hook}` has no active lifecycle action, and cannot verify that the instance is still waiting (its target \
                     lifecycle state in metadata is {target}): {}",
                    error.trouble()
                );
                Ok((Event::State(leaving(target)), Some(why)))
            }
            Err(error) => Err(error),
        }
    }
}

fn in_no_group() -> (Event, Option<String>) {
    let why = "the instance does not belong to an Auto Scaling group";
    (Event::State(None), Some(why.to_owned()))
}

/// The target state if it shows that no launch is in progress. `InService` does not show that: it is also the target of
/// an instance that the hook holds.
fn leaving(target: &str) -> Option<String> {
    let leaving = ["Detached", "Standby", "Terminated"].contains(&target);
    leaving.then(|| target.to_owned())
}
