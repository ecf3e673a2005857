//! An EC2 in process that lists instances, or does something else.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
}

#[derive(Default)]
struct State {
    listed: Vec<Tagged>,
    refuses: Option<(u16, &'static str)>,
    asked: Vec<String>,
}

impl Ec2 {
    /// One that lists these instances, whatever the filter.
    pub(crate) async fn with(listed: &[Listed]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { listed: tagged(listed), ..State::default() }));
        let ec2 = Self { address, state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let body = loop {
                    let mut chunk = [0_u8; 4096];
                    let length = stream.read(&mut chunk).await.unwrap_or(0);
                    request.extend_from_slice(&chunk[..length]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    if length == 0 {
                        break String::new();
                    }
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let announced = head.to_ascii_lowercase();
                        let announced = announced.split("content-length: ").nth(1).unwrap();
                        let all: usize = announced.lines().next().unwrap().parse().unwrap();
                        if body.len() >= all {
                            break body.to_owned();
                        }
                    }
                };
                let (status, answer) = answer(&state, body);
                let length = answer.len();
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n");
                let text = format!("{head}connection: close\r\n\r\n{answer}");
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        ec2
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
