//! Pyro's own classes, whose state in a pickle is not that of their class dicts.

use std::borrow::Cow;

use super::document::{Document, Name, Node, Object, Step};
use super::object::{Meaning, class_of_new, container};
use super::parts::Part;
use super::special::Form;
use crate::value::{append_base64, decode_base64};
use crate::{Dict, Instance, Value};

/// The class dict, but for the class, of an instance of one of Pyro's classes; `None` for others.
pub(super) fn read<'a, 'de>(
    document: &'a Document<'de>,
    class: &Name<'de>,
    steps: &[Step<'de>],
) -> Option<Vec<(&'static str, Part<'a, 'de>)>> {
    let node = match steps {
        [Step::State(state)] => *state,
        _ => Node::None,
    };
    let state = document.tuple(node);
    let state = match (&*class.module, &*class.name, state) {
        ("Pyro4.core" | "Pyro5.core", "URI", Some(_)) | ("Pyro5.client", "Proxy", Some(_)) => Part::Node(node),
        ("Pyro4.core", "Proxy", Some(state)) => Part::Parts(proxy_state(document, state)?),
        ("Pyro4.core", "Daemon", None) | ("Pyro5.server", "Daemon", None) => Part::Items(&[]),
        _ => return None,
    };
    Some(vec![(STATE, state)])
}

/// The attribute that such a class dict has.
pub(super) const STATE: &str = "state";

/// What a class dict has where a pickle has an URI object, sets and bytes.
fn proxy_state<'a, 'de>(document: &'a Document<'de>, state: &[Node<'de>]) -> Option<Vec<Part<'a, 'de>>> {
    let [uri, oneway, methods, attributes, timeout, key, rest @ ..] = state else {
        return None;
    };
    let mut parts = vec![Part::Text(uri_text(document, *uri)?)];
    for names in [oneway, methods, attributes] {
        parts.push(Part::Items(members(document, *names)?));
    }
    parts.push(Part::Node(*timeout));
    parts.push(match document.bytes(*key) {
        Some(key) => {
            let mut text = BASE64.as_bytes().to_vec();
            append_base64(&mut text, &key).ok()?;
            Part::Text(String::from_utf8(text).ok()?)
        }
        None => Part::Node(*key),
    });
    parts.extend(rest.iter().copied().map(Part::Node));
    Some(parts)
}

/// Marks the text of a key in base64.
const BASE64: &str = "b64:";

/// The members of a set, in whatever form, or the items of a list or tuple.
fn members<'a, 'de>(document: &'a Document<'de>, node: Node<'de>) -> Option<&'a [Node<'de>]> {
    match document.object(node)? {
        Object::Set(items) | Object::FrozenSet(items) | Object::List(items) | Object::Tuple(items) => {
            Some(items.nodes(&document.nodes))
        }
        Object::Made(made) => {
            let args = document.tuple(made.args)?;
            match container(document, document.global(made.callee)?, args, &made.steps)? {
                Meaning::Items(_, Cow::Borrowed(items)) => Some(items),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The text of a URI object.
fn uri_text(document: &Document<'_>, uri: Node<'_>) -> Option<String> {
    let Object::Made(made) = document.object(uri)? else {
        return None;
    };
    let class = document.global(made.callee)?;
    let class = class_of_new(document, class, made).filter(|class| class.is("Pyro4.core", "URI"));
    let [Step::State(state)] = made.steps[..] else {
        return None;
    };
    let [protocol, object, socket, host, port] = *class.and(document.tuple(state))? else {
        return None;
    };
    let object = match document.text(object) {
        Some(object) => object.to_owned(),
        None => {
            let names: Option<Vec<&str>> = members(document, object)?
                .iter()
                .map(|name| document.text(*name))
                .collect();
            let mut names = names?;
            names.sort_unstable();
            names.join(",")
        }
    };
    let location = match (document.text(socket), document.text(host), document.small_int(port)) {
        (Some(socket), _, _) => format!("@./u:{socket}"),
        (_, Some(host), Some(port)) if host.contains(':') => format!("@[{host}]:{port}"),
        (_, Some(host), Some(port)) => format!("@{host}:{port}"),
        (_, Some(host), None) => format!("@{host}"),
        _ => String::new(),
    };
    Some(format!("{}:{object}{location}", document.text(protocol)?))
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
