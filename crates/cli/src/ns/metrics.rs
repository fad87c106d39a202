//! `/metrics` and `/healthz` over HTTP.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::exposition;
use super::health::Health;
use crate::exit::{Exit, Failure};
use crate::output;

/// Connections at a time; more of them are closed at once.
const MOST_CONNECTIONS: usize = 64;
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may last. It is for one request.
const WHOLE: Duration = Duration::from_secs(30);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Listens on this address, `HOST:PORT`, or `PORT` for one of this machine alone.
pub(super) fn bind(address: &str) -> Result<TcpListener, Failure> {
    let failed = |error| Failure::new(Exit::Failed, format_args!("cannot serve metrics on {address}: {error}"));
    let listener = TcpListener::bind(&*addresses(address)?).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    output::note(format_args!("metrics on http://{bound}/metrics"));
    Ok(listener)
}

/// The addresses that a text stands for.
pub(super) fn addresses(text: &str) -> Result<Vec<SocketAddr>, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::usage(format_args!(
            "the address for metrics should look like localhost:9100, or 9100, not '{text}': {reason}"
        ))
    };
    let full = match text.rsplit_once(':') {
        Some(("", port)) => format!("localhost:{port}"),
        Some(_) => text.to_owned(),
        None => format!("localhost:{text}"),
    };
    let found: Vec<SocketAddr> = full.to_socket_addrs().map_err(|error| wrong(&error))?.collect();
    match found.is_empty() {
        true => Err(wrong(&"there is no such host")),
        false => Ok(found),
    }
}

/// Answers whoever asks, for ever.
pub(super) async fn serve(listener: TcpListener, health: Health) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return output::note(format_args!("warning: cannot serve metrics: {error}")),
    };
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // There are too many open files; it gets better, or it does not.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let health = health.clone();
            tokio::spawn(async move {
                converse(stream, &health).await;
                drop(place);
            });
        }
    }
}

async fn converse(stream: TcpStream, health: &Health) {
    let service = service_fn(|request| answer(request, health));
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What is wrong with a client is no concern of ours.
    let _ = timeout(WHOLE, conversation).await;
}

async fn answer(request: Request<Incoming>, health: &Health) -> Result<Response<Full<Bytes>>, Infallible> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".to_owned());
        refusal
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refusal);
    }
    Ok(match request.uri().path() {
        "/metrics" => {
            let names = health.names().await.ok();
            let text = exposition::text(health.nameserver(), health.started(), names);
            response(StatusCode::OK, METRICS, text)
        }
        "/healthz" => match health.names().await {
            Ok(_) => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
            Err(reason) => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n")),
        },
        _ => response(
            StatusCode::NOT_FOUND,
            TEXT,
            "there are /metrics and /healthz\n".to_owned(),
        ),
    })
}

fn response(status: StatusCode, kind: HeaderValue, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
