//! Auto Scaling with one instance behind one hook: stateful, and strict about what a request must be.

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use cos_agent::simulate::instance::Credentials;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// The group, the instance and the hook of all tests.
pub(crate) const GROUP: &str = "demo-servers & more";
pub(crate) const INSTANCE: &str = "i-0123456789abcdef0";
pub(crate) const HOOK: &str = "joined";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// What the group knows, and what it does wrong.
pub(crate) struct Group {
    /// The lifecycle state; `None` where the instance belongs to no group.
    pub(crate) state: Option<&'static str>,
    /// Whether the hook's action is active.
    pub(crate) active: bool,
    /// What was called, and when, since the start.
    pub(crate) calls: Vec<(Duration, String)>,
    /// Heartbeats that were taken.
    pub(crate) heartbeats: usize,
    /// How the action was ended, in the order of the calls that were taken.
    pub(crate) verdicts: Vec<String>,
    /// Actions that the role may not call.
    pub(crate) denied: BTreeSet<&'static str>,
    /// How many of the next calls are throttled.
    pub(crate) throttle: usize,
    /// How many of the next verdicts and heartbeats find no action although it waits.
    pub(crate) race: usize,
    /// Whether requests are taken and never answered.
    pub(crate) hangs: bool,
    /// Whether what is taken is not answered.
    pub(crate) forgets_to_answer: bool,
    wrong: Vec<String>,
}

/// The running service.
pub(crate) struct AutoScaling {
    address: SocketAddr,
    started: Instant,
    credentials: Credentials,
    group: Mutex<Group>,
}

impl AutoScaling {
    /// Starts it with the instance in `Pending:Wait`, the hook's action active.
    pub(crate) async fn start(credentials: Credentials) -> Arc<Self> {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), credentials)
    }

    /// The same at an address that is taken already.
    pub(crate) fn serve(listener: TcpListener, credentials: Credentials) -> Arc<Self> {
        let group = Group {
            state: Some("Pending:Wait"),
            active: true,
            calls: Vec::new(),
            heartbeats: 0,
            verdicts: Vec::new(),
            denied: BTreeSet::new(),
            throttle: 0,
            race: 0,
            hangs: false,
            forgets_to_answer: false,
            wrong: Vec::new(),
        };
        let service = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            started: Instant::now(),
            credentials,
            group: Mutex::new(group),
        });
        let shared = Arc::clone(&service);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = Arc::clone(&shared);
                tokio::spawn(async move {
                    let answer = service_fn(|request| Arc::clone(&service).answer(request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        service
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the group knows; a request that AWS would not understand fails the test here.
    #[track_caller]
    pub(crate) fn group(&self) -> MutexGuard<'_, Group> {
        let group = self.group.lock().unwrap();
        assert!(group.wrong.is_empty(), "{:#?}", group.wrong);
        group
    }

    /// When an action was called, in whole seconds.
    pub(crate) fn times(&self, action: &str) -> Vec<u64> {
        let group = self.group();
        let calls = group.calls.iter().filter(|(_, called)| called == action);
        calls.map(|(time, _)| time.as_secs()).collect()
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        let Ok(body) = body else { return Ok(xml(400, "")) };
        let body = String::from_utf8(body.to_vec()).unwrap();
        let form = fields(&body);
        let action = form.get("Action").cloned().unwrap_or_default();
        let (hangs, answer) = {
            let mut group = self.group.lock().unwrap();
            group.calls.push((self.started.elapsed(), action.clone()));
            let signed = self.check_signature(&head, &body);
            let answer = signed.and_then(|()| group.serve(&action, form)).unwrap_or_else(|wrong| {
                group.wrong.push(format!("{wrong}: {body}"));
                error(400, "InvalidRequest", &wrong)
            });
            (group.hangs || group.forgets_to_answer, answer)
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }

    /// Signs the request once more, with the same keys: the result has to be the same.
    fn check_signature(
        &self,
        head: &hyper::http::request::Parts,
        body: &str,
    ) -> Result<(), String> {
        let header = |name: &str| {
            let value = head.headers.get(name).ok_or(format!("no header {name}"))?;
            value.to_str().map(str::to_owned).map_err(|error| error.to_string())
        };
        if head.method != "POST" || head.uri.path() != "/" || header("content-type")? != FORM {
            return Err("no POST of a form to /".to_owned());
        }
        let keys = &self.credentials;
        let token = Some(keys.token.clone());
        let identity =
            Keys::new(&keys.access_key_id, &keys.secret_access_key, token, None, "test").into();
        let (host, sent) = (header("host")?, header("authorization")?);
        // The clock may have gone on by a few seconds since.
        let is_right = (0..10).any(|seconds| {
            let parameters = v4::SigningParams::builder()
                .identity(&identity)
                .region("eu-central-1")
                .name("autoscaling")
                .time(SystemTime::now() - Duration::from_secs(seconds))
                .settings(SigningSettings::default())
                .build()
                .unwrap()
                .into();
            let url = format!("http://{host}/");
            let headers = [("content-type", FORM), ("host", host.as_str())];
            let bytes = SignableBody::Bytes(body.as_bytes());
            let again = SignableRequest::new("POST", &url, headers.into_iter(), bytes).unwrap();
            let (again, _) = sign(again, &parameters).unwrap().into_parts();
            again.headers().any(|header| header == ("authorization", sent.as_str()))
        });
        is_right.then_some(()).ok_or(format!("wrong signature: {sent}"))
    }
}

impl Group {
    /// The answer of AWS; an error is a request that no documentation allows.
    fn serve(
        &mut self,
        action: &str,
        mut form: BTreeMap<String, String>,
    ) -> Result<Response<Full<Bytes>>, String> {
        let mut take = |name: &str| form.remove(name).ok_or(format!("no {name}"));
        let version = take("Version")?;
        let (_, ends) = (take("Action")?, action == "CompleteLifecycleAction");
        let described = action == "DescribeAutoScalingInstances";
        let instance = take(if described { "InstanceIds.member.1" } else { "InstanceId" })?;
        let names = if described {
            None
        } else {
            Some((take("AutoScalingGroupName")?, take("LifecycleHookName")?))
        };
        let verdict = if ends { take("LifecycleActionResult")? } else { String::new() };
        let is_known = described || ends || action == "RecordLifecycleActionHeartbeat";
        let is_verdict = !ends || ["CONTINUE", "ABANDON"].contains(&verdict.as_str());
        if version != "2011-01-01"
            || instance != INSTANCE
            || !is_known
            || !is_verdict
            || !form.is_empty()
        {
            return Err(format!("wrong parameters of {action}"));
        }
        if self.hangs {
            return Ok(xml(200, ""));
        }
        if self.throttle > 0 {
            self.throttle -= 1;
            return Ok(error(400, "Throttling", "Rate exceeded"));
        }
        if self.denied.contains(action) {
            let words = format!(
                "User: arn:aws:sts::123456789012:assumed-role/cos-node/{INSTANCE} is not authorized to perform: \
                 autoscaling:{action}"
            );
            return Ok(error(403, "AccessDenied", &words));
        }
        let Some((group, hook)) = names else { return Ok(self.describe()) };
        if group != GROUP {
            return Ok(error(400, "ValidationError", "AutoScalingGroup name not found - null"));
        }
        if hook != HOOK || !self.active || self.race > 0 {
            self.race = self.race.saturating_sub(1);
            let words = format!("No active Lifecycle Action found with instance ID {INSTANCE}");
            return Ok(error(400, "ValidationError", &words));
        }
        if ends {
            self.active = false;
            self.state = Some(if verdict == "CONTINUE" { "InService" } else { "Terminating" });
            self.verdicts.push(verdict);
        } else {
            self.heartbeats += 1;
        }
        Ok(xml(200, &format!("<{action}Response><{action}Result/></{action}Response>")))
    }

    fn describe(&self) -> Response<Full<Bytes>> {
        let member = self.state.map_or_else(String::new, |state| {
            format!(
                "<member><HealthStatus>Healthy</HealthStatus><AutoScalingGroupName>{}</AutoScalingGroupName>\
                 <InstanceId>{INSTANCE}</InstanceId><LifecycleState>{state}</LifecycleState></member>",
                GROUP.replace('&', "&amp;")
            )
        });
        xml(
            200,
            &format!(
                "<DescribeAutoScalingInstancesResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\">\
                 <DescribeAutoScalingInstancesResult><AutoScalingInstances>{member}</AutoScalingInstances>\
                 </DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>"
            ),
        )
    }
}

fn error(status: u16, code: &str, message: &str) -> Response<Full<Bytes>> {
    xml(
        status,
        &format!(
            "<ErrorResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        ),
    )
}

fn xml(status: u16, text: &str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(text.to_owned()));
    Response::builder().status(status).header("content-type", "text/xml").body(body).unwrap()
}

/// The fields of a form.
fn fields(body: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}
