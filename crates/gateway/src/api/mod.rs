//! The routes of our own: what Pyro's gateways do not have.

mod call;
mod describe;
pub(crate) mod events;
mod objects;
mod openapi;
mod schema;

use std::sync::Arc;

use hyper::body::Body;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use uuid::Uuid;

use crate::gateway::{Core, forbidden, key_of};
use crate::origin::Origin;
use crate::path::Api;
use crate::respond::{self, Answer, Refusal};

/// The header with the token of the page.
const TOKEN: HeaderName = HeaderName::from_static("x-pyro-token");

/// Answers a request for one of these places. The correlation id is that of what it has called.
pub(crate) async fn answer<B>(core: &Arc<Core>, head: &Parts, body: B, place: Api, id: Uuid) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let methods: &[&str] = match place {
        Api::Member { .. } => &["GET", "POST", "PUT"],
        _ => &["GET"],
    };
    if !methods.contains(&head.method.as_str()) {
        return respond::wrong_method(methods);
    }
    if let Err(refusal) = judge(core, head) {
        return refusal.into();
    }
    if let Api::Object { object } | Api::Member { object, .. } = &place
        && !core.settings.permissions.includes(object)
    {
        return forbidden("access to the requested object has been denied");
    }
    let answer = match place {
        Api::Objects => objects::list(core, &head.uri).await,
        Api::Document => openapi::document(core, head).await,
        Api::Object { object } => describe::answer(core, object).await,
        Api::Member { object, member } => call::answer(core, head, body, object, member, id).await,
    };
    answer.unwrap_or_else(|failure| respond::exception(failure.status(), failure.exception, core.settings.generation))
}

fn bad_request(reason: &str) -> Answer {
    respond::text(StatusCode::BAD_REQUEST, &format!("400 Bad Request - {reason}"))
}

/// Refuses those who do not know the key, and pages that are not ours.
fn judge(core: &Core, head: &Parts) -> Result<(), Refusal> {
    if let Some(key) = &core.settings.key
        && !key.is(key_of(&head.headers).unwrap_or_default())
    {
        let text = "the gateway api key is missing or wrong; here it belongs into the header X-Pyro-Gateway-Key";
        return Err(Refusal::forbidden(text.to_owned()));
    }
    let origin = core.judge_origin(head)?;
    let changes = head.method != Method::GET;
    if changes && origin == Origin::Own && !core.token.is(token_of(&head.headers)) {
        let text = "the token of the page is missing or wrong; load the page anew";
        return Err(Refusal::forbidden(text.to_owned()));
    }
    Ok(())
}

fn token_of(headers: &HeaderMap) -> &[u8] {
    headers.get(TOKEN).map(HeaderValue::as_bytes).unwrap_or_default()
}
