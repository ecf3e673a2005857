//! The rules of `IMDSv2` for tokens and paths, and what the faults change about them.

use super::State;
use super::reply::{Reply, broken_off, status, text};
use crate::simulate::fault::Fault;
use crate::simulate::instance::Instance;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// A page that something between the agent and the service may answer with.
const PAGE: &[u8] = b"<!DOCTYPE html><html><body>Bad gateway</body></html>";

impl State {
    pub(super) fn reply(&self, request: &Request<Incoming>, came: Duration) -> Reply {
        if self.faults.iter().any(|fault| matches!(fault, Fault::Off(time) if came < *time)) {
            return status(StatusCode::FORBIDDEN);
        }
        if self.faults.iter().any(|fault| matches!(fault, Fault::Unavailable(time) if came < *time))
        {
            return Reply {
                headers: vec![("retry-after", "1".to_owned())],
                ..status(StatusCode::SERVICE_UNAVAILABLE)
            };
        }
        match (request.method(), request.uri().path()) {
            (&Method::PUT, "/latest/api/token") => self.token(request),
            // Dated paths hand out no tokens.
            (&Method::PUT, path) if path.ends_with("/api/token") => status(StatusCode::FORBIDDEN),
            (&Method::GET, path) => match path.strip_prefix("/latest/") {
                Some(path) => self.value(request, path, came),
                None => status(StatusCode::NOT_FOUND),
            },
            _ => status(StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// A token, for a request that did not come through a proxy and that names a lifetime.
    fn token(&self, request: &Request<Incoming>) -> Reply {
        const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
        if request.headers().contains_key("x-forwarded-for") {
            return status(StatusCode::FORBIDDEN);
        }
        let ttl =
            request.headers().get(TTL).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let Some(ttl) = ttl.filter(|ttl| (1..=21600).contains(ttl)) else {
            return status(StatusCode::BAD_REQUEST);
        };
        let token = format!("AQAEA{:016x}{:016x}==", fastrand::u64(..), fastrand::u64(..));
        self.lock().tokens.insert(token.clone(), Instant::now() + Duration::from_secs(ttl));
        Reply { headers: vec![(TTL, ttl.to_string())], ..text(token.into_bytes()) }
    }

    fn value(&self, request: &Request<Incoming>, path: &str, came: Duration) -> Reply {
        let token =
            request.headers().get("x-aws-ec2-metadata-token").and_then(|value| value.to_str().ok());
        let mut changing = self.lock();
        changing.reads += 1;
        if self.faults.contains(&Fault::MidwayExpiry) && changing.reads == 3 {
            changing.tokens.clear();
        }
        let known = token.is_some_and(|token| {
            changing.tokens.get(token).is_some_and(|end| *end > Instant::now())
        });
        let refused = self
            .faults
            .iter()
            .any(|fault| matches!(fault, Fault::FreshTokensRefused(time) if came < *time));
        if !known || refused {
            return status(StatusCode::UNAUTHORIZED);
        }
        let found = self.tree(&changing.instance, came).and_then(|tree| find(&tree, path));
        if path == "meta-data/tags/instance" && self.faults.contains(&Fault::TagsBlank) {
            return text(Vec::new());
        }
        let Some(value) = found else { return status(StatusCode::NOT_FOUND) };
        if self.faults.contains(&Fault::Truncated) && changing.truncated.insert(path.to_owned()) {
            return broken_off(value);
        }
        text(match path {
            "dynamic/instance-identity/document" => self.document(value, came),
            // User data may have any other content.
            "user-data" if self.shows_a_page(came) => PAGE.to_vec(),
            _ => value,
        })
    }

    /// The metadata of the instance at this time, as the faults change it.
    fn tree(&self, instance: &Instance, came: Duration) -> Option<BTreeMap<String, Vec<u8>>> {
        let mut instance = instance.clone();
        for fault in &self.faults {
            match fault {
                Fault::LateTags(time) if came < *time => {
                    instance.tags.retain(|key, _| !key.starts_with("cos:"))
                }
                Fault::LateRole(time) if came < *time => {
                    instance.tags.remove("cos:role");
                }
                Fault::TagsOff(time) if came < *time => instance.tags_in_metadata = false,
                Fault::TagsBlank => instance.tags_in_metadata = false,
                _ => {}
            }
        }
        Some(instance.tree())
    }

    fn shows_a_page(&self, came: Duration) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Html(time) if came < *time))
    }

    fn document(&self, value: Vec<u8>, came: Duration) -> Vec<u8> {
        for fault in &self.faults {
            match fault {
                Fault::Html(time) if came < *time => return PAGE.to_vec(),
                Fault::Empty(time) if came < *time => return Vec::new(),
                Fault::Garbage(time) if came < *time => return vec![0xff, 0xfe, 0x00, 0x80],
                Fault::Huge(time) if came < *time => return vec![b'a'; 1024 * 1024],
                _ => {}
            }
        }
        value
    }
}

/// A value, or the list of what is below a path: one name a line, directories with a slash.
fn find(tree: &BTreeMap<String, Vec<u8>>, path: &str) -> Option<Vec<u8>> {
    if let Some(value) = tree.get(path) {
        return Some(value.clone());
    }
    let directory = format!("{}/", path.trim_end_matches('/'));
    let names: BTreeSet<String> = tree
        .keys()
        .filter_map(|key| {
            let rest = key.strip_prefix(&directory)?;
            Some(match rest.split_once('/') {
                Some((name, _)) => format!("{name}/"),
                None => rest.to_owned(),
            })
        })
        .collect();
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join("\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_lists() {
        let tree = Instance::default().tree();
        let list = String::from_utf8(find(&tree, "meta-data/").unwrap()).unwrap();
        assert!(list.contains("instance-id") && list.contains("placement/"), "{list}");
        assert!(find(&tree, "meta-data/instance").is_none());
    }
}
