//! Commands of the client mode for what goes along with calls: `set_correlation_id` (`id`: a text or null), `annotate` (`key`, `value`: hexadecimal
//! digits), `response_annotations`, `forget_annotations`; and for what a proxy's hooks were shown, `shown`: `[[MESSAGE TYPE, ANNOTATIONS], ...]`, which
//! forgets them. `open` takes `annotations` ({KEY: hexadecimal digits}, the proxy's annotations hook) and `judge` (numbers of the handshakes,
//! from 1 on, whose answers the proxy refuses).

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use ferropyro::context::{self, AnnotationList};
use ferropyro::wire::AnnotationKey;
use ferropyro::{Error, ErrorKind, ProxyBuilder, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::client::{Failure, text};
use crate::desk::{from_hex, hex_dict};

/// What the hooks of the proxies were shown, by the names of these.
static SHOWN: LazyLock<Mutex<HashMap<String, Vec<Value>>>> = LazyLock::new(Mutex::default);

fn shown() -> MutexGuard<'static, HashMap<String, Vec<Value>>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Performs a command, if it is one of these.
pub(crate) fn perform(command: &Json) -> Option<Result<Value, Failure>> {
    Some(match command["op"].as_str()? {
        "set_correlation_id" => set_correlation_id(command),
        "annotate" => annotate(command),
        "response_annotations" => Ok(Value::Dict(hex_dict(&context::response_annotations().borrow()))),
        "forget_annotations" => {
            context::clear();
            Ok(Value::None)
        }
        "shown" => text(command, "proxy").map(|name| Value::List(shown().remove(name).unwrap_or_default())),
        _ => return None,
    })
}

fn set_correlation_id(command: &Json) -> Result<Value, Failure> {
    let id = match command["id"].as_str() {
        Some(id) => Some(Uuid::parse_str(id).map_err(|error| Failure::Command(error.to_string()))?),
        None => None,
    };
    context::set_correlation_id(id);
    Ok(Value::None)
}

fn annotate(command: &Json) -> Result<Value, Failure> {
    let (key, value) = annotation(text(command, "key")?, &command["value"])?;
    context::annotate(key, value);
    Ok(Value::None)
}

fn annotation(key: &str, value: &Json) -> Result<(AnnotationKey, Vec<u8>), Failure> {
    let key = AnnotationKey::try_from(key).map_err(|error| Failure::Command(error.to_string()))?;
    let digits = value.as_str().unwrap_or_default();
    let value = from_hex(digits).map_err(|error| Failure::Command(error.to_string()))?;
    Ok((key, value))
}

/// The hooks that an `open` command asks for.
pub(crate) fn with_hooks(mut builder: ProxyBuilder, command: &Json) -> Result<ProxyBuilder, Failure> {
    if let Some(annotations) = command["annotations"].as_object() {
        let own: AnnotationList = annotations
            .iter()
            .map(|(key, value)| annotation(key, value))
            .collect::<Result<_, _>>()?;
        let name = text(command, "proxy")?.to_owned();
        builder = builder
            .annotations(move || own.clone())
            .on_response_annotations(move |annotations, kind| {
                let seen = Value::from(vec![Value::from(kind.0), Value::Dict(hex_dict(annotations))]);
                shown().entry(name.clone()).or_default().push(seen);
            });
    }
    if let Some(refused) = command["judge"].as_array() {
        let refused: Vec<u64> = refused.iter().filter_map(Json::as_u64).collect();
        let name = text(command, "proxy")?.to_owned();
        let count = Arc::new(Mutex::new(0));
        builder = builder.validate_handshake(move |answer| {
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            shown().entry(name.clone()).or_default().push(answer.clone());
            match refused.contains(&count) {
                true => Err(Error::new(ErrorKind::Value, "not my daemon")),
                false => Ok(()),
            }
        });
    }
    Ok(builder)
}
