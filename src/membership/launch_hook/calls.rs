//! The calls about a launch hook, one attempt each: who is asked, and what an answer means.

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

/// How long one attempt may be at it, metadata and retries included.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The tag that Auto Scaling sets on its instances.
const GROUP: &str = "aws:autoscaling:groupName";
/// The state that the group wants the instance in, which is not the one it is in; 404 outside of groups and right after
/// the launch. <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>
const TARGET: &str = "meta-data/autoscaling/target-lifecycle-state";

/// Makes the calls about one hook.
pub(super) struct Caller<'a> {
    system: &'a System,
    hook: &'a Hook,
    /// Where it is known already.
    group: OnceCell<String>,
    /// Whether the last verdict was one of many: that of an instance that goes into a warm pool.
    warm: Cell<bool>,
}

impl<'a> Caller<'a> {
    pub(super) fn new(system: &'a System, hook: &'a Hook) -> Self {
        Self { system, hook, group: OnceCell::new(), warm: Cell::new(false) }
    }

    /// Whether the same hook will hold the instance once more.
    pub(super) fn comes_again(&self) -> bool {
        self.warm.get()
    }

    /// What the step says: a wait, or one attempt at a call and in words what was in the way.
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

    /// Credentials of a role live for hours, and a node may take longer to join: each attempt fetches them anew.
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
            // Before the call: afterwards the target may be the next one.
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

    /// The name of the group: by its tag, which costs no call, else by asking.
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

    /// The state in which the group sees the instance, else what metadata says, which is less.
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

/// A target state that says that no launch is going on. `InService` is the target of one that waits, too.
fn leaving(target: &str) -> Option<String> {
    let leaving = ["Detached", "Standby", "Terminated"].contains(&target);
    leaving.then(|| target.to_owned())
}
