//! Every answer that a parameter store, or something before it, can give: only two of them let a server found a cluster.

use crate::support::clock::slow_clock;
use crate::support::node::instance;
use crate::support::ssm::instance_with_role;
use cos_agent::membership::quorum::guard::{self, Decision};
use cos_agent::membership::quorum::parameter::Formed;
use cos_agent::simulate::service::Service;
use cos_agent::state::Region;
use cos_agent::system::aws::ssm::get_parameter;
use cos_agent::system::aws::{self, Client};
use cos_agent::system::environment::Environment;
use cos_agent::system::imds::Imds;
use cos_agent::system::retry::Deadline;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// As long as a question of a boot lasts.
const QUESTION: Duration = Duration::from_secs(5);
const NO: &str =
    r#"{"Parameter":{"Name":"/cos/demo/formed/consul","Type":"String","Value":"no","Version":1}}"#;
const FORMED: &str =
    r#"{"Parameter":{"Type":"String","Value":"formed 2026-01-31T12:00:00Z by i-1"}}"#;
const NOT_FOUND: &str = r#"{"__type":"ParameterNotFound"}"#;

/// Bodies that a store would give with some status.
const BODIES: [&str; 4] = ["", NO, FORMED, NOT_FOUND];
/// Bodies that no store gives, and what looks most like an answer.
const OTHERS: [&str; 16] = [
    "no",
    "\"no\"",
    "null",
    "[]",
    "{}",
    r#"{"Value":"no"}"#,
    r#"{"Parameter":"no"}"#,
    r#"{"Parameter":null}"#,
    r#"{"Parameter":{"Value":null}}"#,
    r#"{"Parameter":{"Value":["no"]}}"#,
    r#"{"Parameter":{"Value":""}}"#,
    r#"{"parameter":{"value":"no"}}"#,
    r#"{"__type":"ParameterVersionNotFound"}"#,
    r#"{"code":"ParameterNotFound","message":"ParameterNotFound"}"#,
    "<ErrorResponse><Error><Code>ParameterNotFound</Code></Error></ErrorResponse>",
    "<!DOCTYPE html><html><body>no</body></html>",
];

/// How a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    /// The connection ends before the announced length.
    CutOff,
    /// The end of the connection is the end of the body, and it comes too early.
    Unannounced,
    /// A byte at a time, and not done when the question ends.
    Trickled,
    /// The headers, and then nothing.
    Stalled,
}

/// What is answered to a question: its number is in the name of the parameter.
#[derive(Debug, Clone, Copy)]
struct Case {
    status: u16,
    body: &'static str,
    way: Way,
}

impl Case {
    /// What has to be made of it.
    fn is_expected(self, found: &Formed) -> bool {
        match (self.status, self.body, self.way) {
            (200, NO, Way::Whole) => *found == Formed::No,
            (200, FORMED, Way::Whole) => {
                matches!(found, Formed::Yes(value) if value.starts_with("formed "))
            }
            (400, NOT_FOUND, Way::Whole) => *found == Formed::NoParameter,
            _ => matches!(found, Formed::Unknown(_)),
        }
    }

    async fn answer(self, stream: &mut TcpStream) -> std::io::Result<()> {
        let Self { status, body, way } = self;
        let length = match way {
            Way::Unannounced => String::new(),
            // Also of a body that is empty something is missing then.
            Way::CutOff => format!("content-length: {}\r\n", body.len() + 1),
            Way::Whole | Way::Trickled | Way::Stalled => {
                format!("content-length: {}\r\n", body.len())
            }
        };
        let head = format!("HTTP/1.1 {status} x\r\n{length}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        match way {
            Way::Whole => stream.write_all(body.as_bytes()).await,
            Way::CutOff => stream.write_all(&body.as_bytes()[..body.len() / 2]).await,
            Way::Unannounced => stream.write_all(&body.as_bytes()[..body.len() - 1]).await,
            Way::Trickled => {
                let pause = 2 * QUESTION / u32::try_from(body.len()).unwrap();
                for byte in body.bytes() {
                    stream.write_all(&[byte]).await?;
                    sleep(pause).await;
                }
                Ok(())
            }
            Way::Stalled => std::future::pending().await,
        }
    }
}

/// Answers each question with the case whose number is the name of the parameter; its address.
async fn store(cases: Vec<Case>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let cases = cases.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                // The name ends the request.
                while !request.ends_with(b"\"}") {
                    let mut chunk = [0_u8; 4096];
                    match stream.read(&mut chunk).await {
                        Ok(length @ 1..) => request.extend_from_slice(&chunk[..length]),
                        _ => return,
                    }
                }
                let text = String::from_utf8(request).unwrap();
                // Whoever asks another question gets no answer, and every case of a whole answer fails.
                let head = text.to_ascii_lowercase();
                if !head.starts_with("post / http/1.1")
                    || !head.contains("x-amz-target: amazonssm.getparameter\r\n")
                {
                    return;
                }
                let body: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
                let number: usize = body["Name"].as_str().unwrap().parse().unwrap();
                let _ = cases[number].answer(&mut stream).await;
            });
        }
    });
    format!("http://{address}")
}

/// Asks for all cases, some at a time; those that were misunderstood.
async fn misunderstood(cases: Vec<Case>) -> Vec<String> {
    let metadata = Service::start(instance_with_role(instance("consul-server", None)), Vec::new())
        .await
        .unwrap();
    let environment = Environment {
        metadata_endpoint: Some(metadata.endpoint()),
        aws_endpoints: [(aws::Service::Ssm, store(cases.clone()).await)].into(),
        ..Environment::default()
    };
    let imds = Imds::new(&environment, Deadline::after(QUESTION)).unwrap();
    let region = Region::try_from("eu-central-1".to_owned()).unwrap();
    let client = Client::of(aws::Service::Ssm, &imds, &environment, &region).await.unwrap();
    let asked = iter(cases.into_iter().enumerate()).map(async |(number, case)| {
        let client = client.clone().until(Deadline::after(QUESTION), Deadline::after(QUESTION));
        let found = Formed::from(get_parameter(&client, &number.to_string()).await);
        let is_expected = case.is_expected(&found);
        // Known to have formed or not: nothing but these two founds a cluster.
        let founds = guard::decision(&found, false) == Decision::Found;
        let may = matches!(found, Formed::No | Formed::NoParameter);
        (!is_expected || founds != may).then(|| format!("{case:?}: {found:?}"))
    });
    asked.buffer_unordered(64).filter_map(|wrong| async { wrong }).collect().await
}

fn all(
    statuses: impl Iterator<Item = u16> + Clone,
    bodies: &[&'static str],
    way: Way,
) -> Vec<Case> {
    let of = |body: &&'static str| {
        let body = *body;
        statuses.clone().map(move |status| Case { status, body, way })
    };
    bodies.iter().flat_map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn of_all_statuses_with_all_bodies_only_two_found_a_cluster() {
    tokio::spawn(slow_clock());
    let whole = all(200..600, &BODIES, Way::Whole);
    let bare = all(200..600, &["no"], Way::Whole);
    let others = all([200, 400, 403, 404, 500].into_iter(), &OTHERS, Way::Whole);
    let cases = [whole, bare, others].concat();
    let founding =
        |case: &&Case| case.is_expected(&Formed::No) || case.is_expected(&Formed::NoParameter);
    assert_eq!(cases.iter().filter(founding).count(), 2);
    assert_eq!(misunderstood(cases).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_whole_founds_nothing() {
    tokio::spawn(slow_clock());
    let cut = all(200..600, &[NO], Way::CutOff);
    let more = all([200, 400, 500].into_iter(), &BODIES, Way::CutOff);
    let unannounced = all([200, 400, 404, 503].into_iter(), &[NO, NOT_FOUND], Way::Unannounced);
    let some = [200, 201, 400, 404, 500, 501, 503];
    let trickled = all(some.into_iter(), &[NO, NOT_FOUND], Way::Trickled);
    let stalled = all(some.into_iter(), &[NO, NOT_FOUND], Way::Stalled);
    let cases = [cut, more, unannounced, trickled, stalled].concat();
    assert_eq!(misunderstood(cases).await, Vec::<String>::new());
}
