//! The responses of a gateway.

use ferropyro::config::Generation;
use ferropyro::formats::json;
use ferropyro::{Exception, Value};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::body::Body;

pub(crate) type Answer = Response<Body>;

/// A request that cannot be read: the status, and why.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl Refusal {
    pub(crate) fn forbidden(reason: String) -> Refusal {
        Refusal(StatusCode::FORBIDDEN, reason)
    }
}

impl From<Refusal> for Answer {
    fn from(Refusal(status, reason): Refusal) -> Answer {
        text(status, &format!("{status} - {reason}"))
    }
}

/// The real gateways say it like this where there is nothing to be found, or to be done.
pub(crate) fn plain(status: StatusCode) -> Answer {
    text(
        status,
        &format!(
            "Error {}: {}",
            status.as_str(),
            status.canonical_reason().unwrap_or_default()
        ),
    )
}

/// Only these methods are possible there.
pub(crate) fn wrong_method(allowed: &[&str]) -> Answer {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

pub(crate) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.to_owned().into_bytes())
}

pub(crate) fn json(status: StatusCode, bytes: Vec<u8>) -> Answer {
    answer(status, "application/json; charset=utf-8", bytes)
}

/// What the gateway itself has to tell.
pub(crate) fn own_json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    // Texts, numbers and lists of them are what JSON can hold.
    json(status, serde_json::to_vec(value).unwrap_or_default())
}

/// A page whose script and style have this nonce; nothing else runs in it, whatever it shows. Its icon is in it too.
pub(crate) fn page(html: String, nonce: &str) -> Answer {
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", html.into_bytes());
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Events that come one by one, which nothing in between may collect.
pub(crate) fn events(body: Body) -> Answer {
    let mut response = answer(StatusCode::OK, "text/event-stream; charset=utf-8", Vec::new());
    *response.body_mut() = body;
    // nginx would.
    let unbuffered = HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", unbuffered);
    response
}

/// The numbers for Prometheus.
pub(crate) fn metrics(text: String) -> Answer {
    answer(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        text.into_bytes(),
    )
}

pub(crate) fn redirect(target: &'static str) -> Answer {
    let mut response = answer(StatusCode::FOUND, "text/plain; charset=utf-8", Vec::new());
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(target));
    response
}

/// An exception as Pyro's json serializer writes it. Pyro's own classes have the names of this generation.
pub(crate) fn exception(status: StatusCode, exception: Exception, generation: Generation) -> Answer {
    json(status, exception_json(exception, generation))
}

/// The same without an answer around it.
pub(crate) fn exception_json(mut exception: Exception, generation: Generation) -> Vec<u8> {
    if generation == Generation::Pyro4
        && let Some(class) = exception.class.strip_prefix("Pyro5.errors.")
    {
        exception.class = format!("Pyro4.errors.{class}");
    }
    let bytes = json::to_vec(&Value::from(exception));
    // What JSON cannot hold is in the arguments or the attributes of an exception of somebody else's.
    bytes.unwrap_or_else(|_| b"null".to_vec())
}

fn answer(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    response
}
