//! Pyro's own classes, whose state in a pickle is not that of their class dicts.

use super::document::{Name, Node, Step};
use super::reader::Walk;
use super::special::Form;
use crate::value::{append_base64, decode_base64};
use crate::{Dict, Error, Instance, Value};

/// The value of an instance of one of Pyro's classes, in the form of its class dict; `None` for others.
pub(super) fn read<'de>(walk: &Walk<'de>, class: &Name<'de>, steps: &[Step<'de>]) -> Result<Option<Value>, Error> {
    let state = match steps {
        [Step::State(state)] => walk.document.tuple(*state),
        _ => None,
    };
    let state = match (&*class.module, &*class.name, state) {
        ("Pyro4.core" | "Pyro5.core", "URI", Some(state)) | ("Pyro5.client", "Proxy", Some(state)) => {
            walk.values(state)?
        }
        ("Pyro4.core", "Proxy", Some(state)) => match proxy_state(walk, state)? {
            Some(state) => state,
            None => return Ok(None),
        },
        ("Pyro4.core", "Daemon", None) | ("Pyro5.server", "Daemon", None) => Vec::new(),
        _ => return Ok(None),
    };
    Ok(Some(Value::from(Instance {
        class: class.dotted(),
        attributes: Dict::from([(STATE, Value::Tuple(state))]),
    })))
}

/// The attribute that such a class dict has.
pub(super) const STATE: &str = "state";

/// What a class dict has where a pickle has an URI object, sets and bytes.
fn proxy_state<'de>(walk: &Walk<'de>, state: &[Node<'de>]) -> Result<Option<Vec<Value>>, Error> {
    let [uri, oneway, methods, attributes, timeout, key, rest @ ..] = state else {
        return Ok(None);
    };
    let Some(uri) = uri_text(walk.value(*uri)?) else {
        return Ok(None);
    };
    let mut values = vec![Value::Str(uri)];
    for names in [oneway, methods, attributes] {
        let names = walk.value(*names)?;
        values.push(names.into_items().map_or_else(|other| other, Value::Tuple));
    }
    values.push(walk.value(*timeout)?);
    values.push(match walk.document.bytes(*key) {
        Some(key) => {
            let mut text = BASE64.as_bytes().to_vec();
            append_base64(&mut text, &key).map_err(|error| Error::limit(error.to_string()))?;
            Value::Str(String::from_utf8_lossy(&text).into_owned())
        }
        None => walk.value(*key)?,
    });
    values.extend(walk.values(rest)?);
    Ok(Some(values))
}

/// Marks the text of a key in base64.
const BASE64: &str = "b64:";

/// The text of a URI object.
fn uri_text(uri: Value) -> Option<String> {
    let Value::Instance(instance) = uri else {
        return None;
    };
    let [protocol, object, socket, host, port] = instance.attributes.get(STATE)?.as_sequence()? else {
        return None;
    };
    let object = match object {
        Value::Str(object) => object.clone(),
        names => {
            let mut names: Vec<_> = names.clone().into_items().ok()?;
            names.sort_by_key(Value::to_string);
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            names?.join(",")
        }
    };
    let location = match (socket, host, port) {
        (Value::Str(socket), _, _) => format!("@./u:{socket}"),
        (_, Value::Str(host), Value::Int(port)) if host.contains(':') => format!("@[{host}]:{port}"),
        (_, Value::Str(host), Value::Int(port)) => format!("@{host}:{port}"),
        (_, Value::Str(host), _) => format!("@{host}"),
        _ => String::new(),
    };
    Some(format!("{}:{object}{location}", protocol.as_str()?))
}

/// Whether the class has another state in pickles than in class dicts.
pub(super) fn is_special(class: &str) -> bool {
    let classes = [
        "Pyro4.core.URI",
        "Pyro4.core.Proxy",
        "Pyro4.core.Daemon",
        "Pyro5.core.URI",
        "Pyro5.client.Proxy",
        "Pyro5.server.Daemon",
    ];
    classes.contains(&class)
}

/// The form in a pickle of such a class dict.
pub(super) fn form(class: &str, dict: &Value) -> Option<Form> {
    let state = dict.as_dict()?.get(STATE)?.as_sequence()?;
    Some(Form::State(match class {
        "Pyro4.core.URI" | "Pyro5.core.URI" => uri_pickle(state)?,
        "Pyro4.core.Proxy" => Value::Tuple(proxy_pickle(state)?),
        "Pyro4.core.Daemon" | "Pyro5.server.Daemon" => Value::Dict(Dict::new()),
        _ => Value::Tuple(state.to_vec()),
    }))
}

fn uri_pickle(state: &[Value]) -> Option<Value> {
    let [protocol, object, rest @ ..] = state else {
        return None;
    };
    let object = match protocol.as_str()? {
        // Some formats have no sets.
        "PYROMETA" => set(object),
        _ => object.clone(),
    };
    Some(Value::Tuple([&[protocol.clone(), object], rest].concat()))
}

fn set(names: &Value) -> Value {
    match names.clone().into_items() {
        Ok(names) => Value::Set(names.into_iter().collect()),
        Err(other) => other,
    }
}

fn proxy_pickle(state: &[Value]) -> Option<Vec<Value>> {
    let [uri, oneway, methods, attributes, timeout, key, rest @ ..] = state else {
        return None;
    };
    let uri = Instance {
        class: "Pyro4.core.URI".to_owned(),
        attributes: Dict::from([(STATE, Value::Tuple(uri_state(uri.as_str()?)?))]),
    };
    let mut values = vec![uri.into(), set(oneway), set(methods), set(attributes), timeout.clone()];
    values.push(match key {
        Value::Str(key) => Value::Bytes(decode_base64(key.strip_prefix(BASE64)?).ok()?),
        other => other.clone(),
    });
    values.extend_from_slice(rest);
    Some(values)
}

/// The state of the URI object with this text.
fn uri_state(text: &str) -> Option<Vec<Value>> {
    let (protocol, rest) = text.split_once(':')?;
    let (object, location) = match rest.split_once('@') {
        Some((object, location)) => (object, location),
        None => (rest, ""),
    };
    let object = match protocol {
        "PYROMETA" => Value::Set(object.split(',').map(|name| Value::from(name.trim())).collect()),
        _ => Value::from(object),
    };
    let mut state = vec![Value::from(protocol), object];
    state.extend(match (location.strip_prefix("./u:"), location.rsplit_once(':')) {
        (Some(socket), _) => [socket.into(), Value::None, Value::None],
        (None, Some((host, port))) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            [Value::None, host.into(), port.parse::<i64>().ok()?.into()]
        }
        (None, None) if location.is_empty() => [Value::None, Value::None, Value::None],
        (None, None) => [Value::None, location.into(), Value::None],
    });
    Some(state)
}
