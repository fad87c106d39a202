//! Members of an object: methods that are called, attributes that are read and set.

use std::sync::Arc;

use ferropyro::aio::AnyRawReply;
use ferropyro::formats::json;
use ferropyro::{Dict, Error, Exception, RawValue, Value};
use hyper::body::Body as HttpBody;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use super::bad_request;
use super::events::Events;
use crate::body::Body;
use crate::connections::Connection;
use crate::failure::{Cause, Failure};
use crate::gateway::{Core, forbidden, is_oneway};
use crate::parameters::collect;
use crate::permissions::Use;
use crate::respond::{self, Answer};

/// The body of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Arguments {
    args: Vec<Value>,
    kwargs: Dict,
}

pub(super) async fn answer<B>(
    core: &Arc<Core>,
    head: &Parts,
    body: B,
    object: String,
    member: String,
    id: Uuid,
) -> Result<Answer, Failure>
where
    B: HttpBody,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let wanted = match head.method {
        Method::POST => Use::Call,
        Method::PUT => Use::Set,
        _ => Use::Read,
    };
    if let Err(reason) = core.settings.permissions.check(&object, &member, wanted) {
        return Ok(forbidden(reason));
    }
    let body = match wanted {
        Use::Read => Vec::new(),
        _ => match read_json(core, head, body).await {
            Ok(body) => body,
            Err(refusal) => return Ok(refusal),
        },
    };
    // What cannot be meant is refused before anybody is asked.
    let asked = match Asked::new(wanted, &body) {
        Ok(asked) => asked,
        Err(reason) => return Ok(bad_request(&reason)),
    };
    let connection = core.connect(&object).await?;
    if let Some(answer) = misused(&connection, &member, wanted) {
        connection.done(core);
        return Ok(answer);
    }
    match asked {
        Asked::Read => read(core, connection, &member).await,
        Asked::Set(value) => set(core, connection, &member, value).await,
        Asked::Call(arguments) if is_oneway(&head.headers) => {
            let Arguments { args, kwargs } = arguments;
            // The next call on the connection might have to wait for this one.
            connection.proxy.call_oneway_with(&member, args, &kwargs).await?;
            Ok(respond::json(StatusCode::OK, Vec::new()))
        }
        Asked::Call(arguments) => {
            let wants_events = wants_events(&head.headers);
            call(core, connection, &member, arguments, wants_events.then_some(id)).await
        }
    }
}

/// What a request wants, with what it has brought along.
enum Asked {
    Read,
    Set(Value),
    Call(Arguments),
}

impl Asked {
    fn new(wanted: Use, body: &[u8]) -> Result<Asked, String> {
        match wanted {
            Use::Read => Ok(Asked::Read),
            Use::Set => json::from_slice(body)
                .map(Asked::Set)
                .map_err(|error| format!("the body is to be the value, as JSON: {error}")),
            Use::Call if body.iter().all(u8::is_ascii_whitespace) => Ok(Asked::Call(Arguments::default())),
            Use::Call => json::from_slice(body).map(Asked::Call).map_err(|error| {
                format!("the body is to be {{\"args\": [...], \"kwargs\": {{...}}}}, as JSON, and both may be left out: {error}")
            }),
        }
    }
}

/// Pages of other sites can have a browser send anything but this type without asking first.
async fn read_json<B>(core: &Core, head: &Parts, body: B) -> Result<Vec<u8>, Answer>
where
    B: HttpBody,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = collect(body, core.body_limits()).await?;
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    match essence {
        Some(essence) if essence.trim_ascii().eq_ignore_ascii_case(b"application/json") => Ok(body),
        None if body.is_empty() => Ok(body),
        _ => Err(respond::text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "415 Unsupported Media Type - the body is to be JSON, with the header Content-Type: application/json",
        )),
    }
}

/// Methods are called, and attributes are not.
fn misused(connection: &Connection, member: &str, wanted: Use) -> Option<Answer> {
    let has = |names: &[String]| names.iter().any(|name| name == member);
    match wanted {
        Use::Call if has(&connection.metadata.attributes) => Some(respond::wrong_method(&["GET", "PUT"])),
        Use::Read | Use::Set if has(&connection.metadata.methods) => Some(respond::wrong_method(&["POST"])),
        _ => None,
    }
}

async fn read(core: &Arc<Core>, connection: Connection, attribute: &str) -> Result<Answer, Failure> {
    match connection.proxy.get(attribute).await {
        Ok(reply) => plain(core, connection, reply),
        Err(error) => Err(failed(core, connection, error)),
    }
}

async fn set(core: &Arc<Core>, connection: Connection, attribute: &str, value: Value) -> Result<Answer, Failure> {
    if let Err(error) = connection.proxy.set(attribute, value).await {
        return Err(failed(core, connection, error));
    }
    connection.done(core);
    let mut response = respond::json(StatusCode::NO_CONTENT, Vec::new());
    response.headers_mut().remove(CONTENT_TYPE);
    Ok(response)
}

/// An exception costs no connection.
fn failed(core: &Arc<Core>, connection: Connection, error: Error) -> Failure {
    connection.done(core);
    error.into()
}

/// With an id the answer is events.
async fn call(
    core: &Arc<Core>,
    connection: Connection,
    method: &str,
    arguments: Arguments,
    events: Option<Uuid>,
) -> Result<Answer, Failure> {
    let Arguments { args, kwargs } = arguments;
    let reply = match connection.proxy.call_with(method, args, &kwargs).await {
        Ok(reply) => reply,
        Err(error) => return Err(failed(core, connection, error)),
    };
    let events = match (reply, events) {
        (reply, None) => return plain(core, connection, reply),
        (AnyRawReply::Items(items), Some(id)) => Events::items(core, id, items, connection),
        (AnyRawReply::Value(RawValue { bytes, .. }), Some(id)) => {
            connection.done(core);
            Events::value(core, id, bytes)
        }
    };
    Ok(respond::events(Body::events(events)))
}

fn plain(core: &Arc<Core>, connection: Connection, reply: AnyRawReply) -> Result<Answer, Failure> {
    match reply {
        AnyRawReply::Value(RawValue { bytes, .. }) => {
            connection.done(core);
            Ok(respond::json(StatusCode::OK, bytes))
        }
        AnyRawReply::Items(items) => {
            items.close();
            let text =
                "the result is an iterator; ask for its items one by one, with the header Accept: text/event-stream";
            let exception = Exception::new("builtins.TypeError", text);
            Err(Failure::new(Cause::Iterator, exception))
        }
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT).iter().filter_map(|list| list.to_str().ok());
    let mut kinds = lists.flat_map(|list| list.split(','));
    kinds.any(|kind| {
        let essence = kind.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    })
}
