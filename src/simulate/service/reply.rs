//! Replies: values, errors, and a body that breaks off.

use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use std::convert::Infallible;

pub(super) type Body = BoxBody<Bytes, std::io::Error>;

pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

pub(super) fn text(value: Vec<u8>) -> Reply {
    let body = Full::new(Bytes::from(value)).map_err(|never: Infallible| match never {}).boxed();
    Reply { status: StatusCode::OK, headers: vec![("content-type", "text/plain".to_owned())], body }
}

pub(super) fn status(status: StatusCode) -> Reply {
    let page = format!("<?xml version=\"1.0\"?>\n<html><body><h1>{status}</h1></body></html>\n");
    Reply {
        status,
        headers: vec![("content-type", "text/html".to_owned())],
        ..text(page.into_bytes())
    }
}

/// Announces the whole value and ends after its first half.
pub(super) fn broken_off(value: Vec<u8>) -> Reply {
    let length = value.len().max(2);
    let half = Bytes::from(value[..value.len() / 2].to_vec());
    let frames = [Ok(Frame::data(half)), Err(std::io::Error::other("the fault `truncated`"))];
    let body = BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)));
    Reply { status: StatusCode::OK, headers: vec![("content-length", length.to_string())], body }
}
