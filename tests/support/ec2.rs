//! An EC2 in process that lists instances, or does something else. What EC2 would not expect fails the test when this is
//! dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The VPC of the instance that tests are about.
const VPC: &str = "vpc-0123456789abcdef0";

/// An instance that it lists: id, address, and its tag `cos:servers`.
pub(crate) type Listed = (&'static str, Ipv4Addr, Option<&'static str>);

/// An instance that it lists: id, address, and its tags.
type Tagged = (&'static str, Ipv4Addr, Vec<(&'static str, &'static str)>);

/// A running EC2; it ends with the runtime of its test.
pub(crate) struct Ec2 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    listed: Vec<Tagged>,
    refuses: Option<(u16, &'static str)>,
    asked: Vec<String>,
    wrong: Vec<String>,
}

impl Drop for Ec2 {
    fn drop(&mut self) {
        self.task.abort();
        let wrong = std::mem::take(&mut self.state.lock().unwrap().wrong);
        assert!(wrong.is_empty() || std::thread::panicking(), "{wrong:#?}");
    }
}

impl Ec2 {
    /// One that lists these instances, whatever the filter.
    pub(crate) async fn with(listed: &[Listed]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { listed: tagged(listed), ..State::default() }));
        let task = tokio::spawn({
            let state = Arc::clone(&state);
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    serve(&mut stream, &state).await;
                }
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it refuses every question with this status and code.
    pub(crate) fn refuses(&self, refuses: impl Into<Option<(u16, &'static str)>>) {
        self.state.lock().unwrap().refuses = refuses.into();
    }

    /// From now on it lists these instances.
    pub(crate) fn lists(&self, listed: &[Listed]) {
        self.state.lock().unwrap().listed = tagged(listed);
    }

    /// From now on it lists instances with these tags.
    pub(crate) fn lists_with_tags(&self, listed: Vec<Tagged>) {
        self.state.lock().unwrap().listed = listed;
    }

    /// The bodies of the questions since the last call.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

async fn serve(stream: &mut TcpStream, state: &Mutex<State>) {
    let mut request = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0_u8; 4096];
        let length = stream.read(&mut chunk).await.unwrap_or(0);
        // Who goes away in the middle has asked nothing.
        if length == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && announced(head).is_none_or(|all| body.len() >= all)
        {
            break (head.to_ascii_lowercase(), body.to_owned());
        }
    };
    if let Err(problem) = checked(&head, &body) {
        state.lock().unwrap().wrong.push(format!("{problem}:\n{head}\n\n{body}"));
    }
    let (status, answer) = answer(state, body);
    let length = answer.len();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
    let text = format!("{head}connection: close\r\n\r\n{answer}");
    let _ = stream.write_all(text.as_bytes()).await;
}

/// The length of the body that a head announces.
fn announced(head: &str) -> Option<usize> {
    let head = head.to_ascii_lowercase();
    head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()
}

/// What EC2 checks first: a form by POST, signed, with the one action that this agent may use for instances.
fn checked(head: &str, body: &str) -> Result<(), &'static str> {
    if !head.starts_with("post / http/1.1\r\n") {
        Err("no POST to /")
    } else if announced(head) != Some(body.len()) {
        Err("a body of another length")
    } else if !head.contains("authorization: aws4-hmac-sha256 credential=") {
        Err("not signed")
    } else if !body.split('&').any(|pair| pair == "Action=DescribeInstances") {
        Err("another action")
    } else if !body.split('&').any(|pair| pair == "Version=2016-11-15") {
        Err("another version of the API")
    } else {
        Ok(())
    }
}

fn answer(state: &Mutex<State>, body: String) -> (u16, String) {
    let mut state = state.lock().unwrap();
    state.asked.push(body);
    if let Some((status, code)) = state.refuses {
        let error = format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        return (status, format!("<Response><Errors>{error}</Errors></Response>"));
    }
    let items: String = state.listed.iter().map(item).collect();
    let sets = format!(
        "<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"
    );
    (200, format!("<DescribeInstancesResponse>{sets}</DescribeInstancesResponse>"))
}

fn tagged(listed: &[Listed]) -> Vec<Tagged> {
    let tags = |servers: Option<_>| servers.map(|servers| ("cos:servers", servers));
    let of =
        |(id, address, servers): &Listed| (*id, *address, tags(*servers).into_iter().collect());
    listed.iter().map(of).collect()
}

fn item((id, address, tags): &Tagged) -> String {
    let tag =
        |(key, value): &(_, _)| format!("<item><key>{key}</key><value>{value}</value></item>");
    let tags: String = tags.iter().map(tag).collect();
    format!(
        "<item><instanceId>{id}</instanceId><privateIpAddress>{address}</privateIpAddress>\
         <vpcId>{VPC}</vpcId><tagSet>{tags}</tagSet></item>"
    )
}
