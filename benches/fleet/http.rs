//! Small HTTP services in this process: each request is answered at once, from a state.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpStream;

/// A request.
pub(crate) struct Asked {
    /// `GET`.
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// Whether it carries a signature of AWS.
    pub(crate) is_signed: bool,
    /// The body.
    pub(crate) body: String,
}

/// Status and body.
pub(crate) type Answer = (u16, Bytes);

/// Answers all requests of a listener until the end of the process.
pub(crate) fn serve(
    listener: TcpListener,
    answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static,
) {
    let listener = tokio(listener);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(response(answer(&read(request).await))) }
            });
            let serving = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            // A client may break a connection off.
            tokio::spawn(async move { drop(serving.await) });
        }
    });
}

/// Passes all connections of a listener on to another address.
pub(crate) fn pass_on(listener: TcpListener, to: SocketAddr) {
    let listener = tokio(listener);
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                // Who is away refuses, and then this connection ends too.
                if let Ok(mut to) = TcpStream::connect(to).await {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
}

fn tokio(listener: TcpListener) -> tokio::net::TcpListener {
    listener.set_nonblocking(true).expect("a listener");
    tokio::net::TcpListener::from_std(listener).expect("a runtime")
}

async fn read(request: Request<Incoming>) -> Asked {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let signature = request.headers().get("authorization");
    let is_signed =
        signature.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    let method = request.method().to_string();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
    Asked { method, path, is_signed, body }
}

fn response((status, body): Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status.try_into().expect("a status");
    response.headers_mut().insert("x-consul-index", 1.into());
    response
}
