//! The responses of a gateway.

use ferropyro::config::Generation;
use ferropyro::formats::json;
use ferropyro::{Exception, Value};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

pub(crate) type Answer = Response<Full<Bytes>>;

/// A request that cannot be read: the status, and why.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

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

pub(crate) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.to_owned().into_bytes())
}

pub(crate) fn json(status: StatusCode, bytes: Vec<u8>) -> Answer {
    answer(status, "application/json; charset=utf-8", bytes)
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

pub(crate) fn redirect(target: &'static str) -> Answer {
    let mut response = answer(StatusCode::FOUND, "text/plain; charset=utf-8", Vec::new());
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static(target));
    response
}

/// An exception as Pyro's json serializer writes it. Pyro's own classes have the names of this generation.
pub(crate) fn exception(status: StatusCode, mut exception: Exception, generation: Generation) -> Answer {
    if generation == Generation::Pyro4
        && let Some(class) = exception.class.strip_prefix("Pyro5.errors.")
    {
        exception.class = format!("Pyro4.errors.{class}");
    }
    let bytes = json::to_vec(&Value::from(exception));
    // What JSON cannot hold is in the arguments or the attributes of an exception of somebody else's.
    json(status, bytes.unwrap_or_else(|_| b"null".to_vec()))
}

fn answer(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
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
