//! One question to one DNS server, over UDP (RFC 1035).

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout_at;

/// The time between two copies of a question: a packet may be lost.
const AGAIN: Duration = Duration::from_millis(500);
/// Largest answer over UDP that is read, in bytes. Only its header counts.
const ANSWER: usize = 1500;
/// The length of the header, in bytes.
const HEADER: usize = 12;

/// How a server replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It answered.
    Answer {
        /// The response code: 0 is NOERROR, 3 is NXDOMAIN.
        code: u8,
        /// Whether the answer holds a record.
        has_records: bool,
        /// How long it took.
        took: Duration,
    },
    /// No program listens at the port.
    Closed,
    /// No answer came in time.
    Silent,
    /// The question could not be sent; the system's words.
    Unsent(String),
}

impl Reply {
    /// Whether it holds what was asked for.
    pub fn has_records(&self) -> bool {
        matches!(self, Self::Answer { has_records: true, .. })
    }

    /// Whether the server said that the name exists, or that it does not. On any other code a program asks the next server.
    pub fn is_conclusive(&self) -> bool {
        matches!(self, Self::Answer { code: 0 | 3, .. })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { code, took, has_records } => {
                let code = name(*code);
                let records =
                    if code == "NOERROR" && !has_records { " without a record" } else { "" };
                write!(f, "{code}{records} after {} ms", took.as_millis())
            }
            Self::Closed => f.write_str("port closed"),
            Self::Silent => f.write_str("no answer"),
            Self::Unsent(words) => f.write_str(words),
        }
    }
}

/// The name of a response code (<https://www.iana.org/assignments/dns-parameters/>).
fn name(code: u8) -> String {
    let known = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    known
        .get(usize::from(code))
        .map_or_else(|| format!("response code {code}"), |name| (*name).to_owned())
}

/// Asks a server for the IPv4 addresses of a name. The question is repeated every 500 ms until the time is up.
pub async fn ask(server: SocketAddr, name: &str, timeout: Duration) -> Reply {
    let started = Instant::now();
    match exchange(server, name, timeout).await {
        Ok(Some((code, has_records))) => {
            Reply::Answer { code, has_records, took: started.elapsed() }
        }
        Ok(None) => Reply::Silent,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Reply::Closed,
        Err(error) => Reply::Unsent(error.to_string()),
    }
}

async fn exchange(
    server: SocketAddr,
    name: &str,
    timeout: Duration,
) -> std::io::Result<Option<(u8, bool)>> {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    // The kernel then drops packets from anybody else, and reports a closed port.
    socket.connect(server).await?;
    let (id, end) = (fastrand::u16(..), tokio::time::Instant::now() + timeout);
    let question = question(id, name);
    let mut answer = [0_u8; ANSWER];
    while tokio::time::Instant::now() < end {
        socket.send(&question).await?;
        let again = (tokio::time::Instant::now() + AGAIN).min(end);
        while let Ok(received) = timeout_at(again, socket.recv(&mut answer)).await {
            let length = received?;
            if let Some(found) = answer.get(..length).and_then(|bytes| header(bytes, id)) {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// A question with recursion: type A, class IN. A label longer than 63 bytes does not occur.
fn question(id: u16, name: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len().min(63)).unwrap_or(63));
        bytes.extend(label.bytes().take(63));
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The response code of the answer to this question, and whether it holds records; a truncated answer does.
fn header(answer: &[u8], id: u16) -> Option<(u8, bool)> {
    let [id0, id1, flags, code, _, _, count0, count1, ..] = *answer.get(..HEADER)? else {
        return None;
    };
    let is_response = flags & 0x80 != 0;
    let (is_truncated, records) = (flags & 0x02 != 0, u16::from_be_bytes([count0, count1]));
    let is_ours = u16::from_be_bytes([id0, id1]) == id && is_response;
    is_ours.then_some((code & 0x0f, records > 0 || is_truncated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_written_by_rfc_1035() {
        let mut expected = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 6];
        expected.extend(b"consul\0\0\x01\0\x01");
        assert_eq!(question(0xabcd, "a.consul."), expected);
    }

    #[test]
    fn the_header_of_an_answer_is_read() {
        let answer =
            |flags: u8, code: u8, records: u8| [0, 7, flags, code, 0, 1, 0, records, 0, 0, 0, 0];
        for (bytes, expected) in [
            (answer(0x81, 0x80, 2), Some((0, true))),
            (answer(0x81, 0x83, 0), Some((3, false))),
            (answer(0x83, 0x80, 0), Some((0, true))),
            // A question is not an answer.
            (answer(0x01, 0x00, 1), None),
        ] {
            assert_eq!(header(&bytes, 7), expected, "{bytes:?}");
            assert_eq!(header(&bytes, 8), None, "the answer to another question");
            assert_eq!(header(&bytes[..11], 7), None);
        }
    }

    #[tokio::test]
    async fn a_lost_question_is_repeated_and_a_closed_port_is_told_at_once() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serve = async {
            let mut bytes = [0_u8; 512];
            server.recv_from(&mut bytes).await.unwrap();
            let (length, client) = server.recv_from(&mut bytes).await.unwrap();
            bytes[2..4].copy_from_slice(&[0x81, 0x85]);
            server.send_to(&bytes[..length], client).await.unwrap();
        };
        let (reply, ()) = tokio::join!(ask(address, "x.consul", Duration::from_secs(5)), serve);
        let Reply::Answer { code: 5, has_records: false, took } = reply else {
            panic!("{reply:?}")
        };
        assert!(
            took >= AGAIN && !reply.is_conclusive() && reply.to_string().starts_with("REFUSED")
        );
        drop(server);
        assert_eq!(ask(address, "x", Duration::from_secs(5)).await, Reply::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_silent() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let reply = ask(server.local_addr().unwrap(), "x", Duration::from_secs(1)).await;
        assert_eq!((reply.to_string().as_str(), reply), ("no answer", Reply::Silent));
    }
}
