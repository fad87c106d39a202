//! The golden vectors.

use ferropyro_formats::{Dict, Value, pickle};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::bytes::without_memo;
use crate::common::{self, Case, Exceptions, Failures, Outcome, describe};
use crate::{decode, encode};

const FILES: [&str; 4] = ["pickle", "pyro4_pickle", "pyro4_cloudpickle", "pyro4_dill"];

/// Whether only Python 2 did this.
fn is_python2(by: &[String]) -> bool {
    by.iter().all(|by| by.contains("py2"))
}

/// The value of a description, with the nearest types for those that `Value` lacks. `None` for an object that only Python can make.
fn expected(description: &Json) -> Result<Option<Value>, String> {
    match describe::value(&nearest(description)) {
        Ok(value) => Ok(Some(value)),
        Err(reason) if reason.starts_with("Value has no form") => Ok(None),
        Err(reason) => Err(reason),
    }
}

/// The description of the value that this module makes of a described one.
fn nearest(json: &Json) -> Json {
    let list = |items: &[Json]| Json::from(items.iter().map(nearest).collect::<Vec<_>>());
    match json {
        Json::Array(items) => list(items),
        Json::Object(object) => match json["t"].as_str() {
            Some("nest") => json.clone(),
            Some("ordereddict") => json!({"t": "dict", "v": nearest(&json["v"])}),
            Some("deque") => json!({"t": "list", "v": nearest(&json["v"])}),
            Some("notimplemented") => json!({"t": "class", "v": "builtins.NotImplemented"}),
            Some("range") => {
                let parts = json["v"].as_array().expect("three numbers").iter();
                let parts: Vec<_> = parts.map(|part| json!({"t": "int", "v": part.to_string()})).collect();
                attributes(
                    "builtins.range",
                    &[("start", &parts[0]), ("stop", &parts[1]), ("step", &parts[2])],
                )
            }
            Some("array") => match json["code"].as_str() {
                Some("B" | "c") if json["v"]["t"] == "bytes" => json!({"t": "bytearray", "hex": json["v"]["hex"]}),
                Some("B") => {
                    let numbers = json["v"].as_array().expect("numbers").iter();
                    let hex = numbers.map(|number| {
                        let number: u8 = number["v"].as_str().expect("digits").parse().expect("a byte");
                        format!("{number:02x}")
                    });
                    json!({"t": "bytearray", "hex": hex.collect::<String>()})
                }
                Some("u" | "w") => nearest(&json["v"]),
                _ => json!({"t": "list", "v": nearest(&json["v"])}),
            },
            Some("uri") => {
                let class = format!("{}.core.URI", json["lib"].as_str().expect("a library"));
                attributes(
                    &class,
                    &[("state", &json!({"t": "tuple", "v": nearest(&json["state"])}))],
                )
            }
            Some("daemon") => attributes("Pyro4.core.Daemon", &[("state", &json!({"t": "tuple", "v": []}))]),
            Some("proxy") => {
                let mut state = nearest(&json["state"]);
                for names in &mut state.as_array_mut().expect("a list")[1..=3] {
                    names["t"] = "tuple".into();
                }
                if let Some(key) = state[5]["hex"].as_str() {
                    use base64::Engine as _;
                    let key = base64::engine::general_purpose::STANDARD.encode(common::unhex(key));
                    state[5] = json!({"t": "str", "v": format!("b64:{key}")});
                }
                attributes("Pyro4.core.Proxy", &[("state", &json!({"t": "tuple", "v": state}))])
            }
            Some("excwrapper") => attributes(
                "Pyro4.futures._ExceptionWrapper",
                &[("exception", &nearest(&json["v"]))],
            ),
            _ => {
                let entries = object.iter().map(|(key, value)| {
                    let value = match (key.as_str(), value.as_str()) {
                        ("class", Some(name)) => python3_name(name).into(),
                        ("v", Some(name)) if json["t"] == "class" || json["t"] == "function" => {
                            python3_name(name).into()
                        }
                        _ => nearest(value),
                    };
                    (key.clone(), value)
                });
                Json::Object(entries.collect())
            }
        },
        other => other.clone(),
    }
}

fn attributes(class: &str, attributes: &[(&str, &Json)]) -> Json {
    json!({"t": "obj", "class": class, "attrs": attributes})
}

fn python3_name(name: &str) -> String {
    let name = name
        .replace("exceptions.", "builtins.")
        .replace("__builtin__.", "builtins.");
    name.replace("copy_reg.", "copyreg.")
}

/// Python 2 has one type for `str` and bytes; which of the two its strings read as depends on what is in them.
fn as_python2(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(as_python2).collect();
    let dict = |dict: Dict| {
        let entries = dict.into_iter();
        entries
            .map(|(key, value)| (as_python2(key), as_python2(value)))
            .collect::<Dict>()
    };
    match value {
        Value::Str(text) => Value::Bytes(text.into_string().into_bytes()),
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Set(items) => Value::Set(items.into_iter().map(as_python2).collect()),
        Value::FrozenSet(items) => Value::FrozenSet(items.into_iter().map(as_python2).collect()),
        Value::Dict(entries) => Value::Dict(dict(entries)),
        other => other,
    }
}

fn equal_in_python2(one: Value, other: Value) -> bool {
    let plain = |value| as_python2(common::plain(value, Value::Tuple));
    one == other || plain(one) == plain(other)
}

// Conformance: SER-06, SER-11
#[test]
fn decodes_what_every_python_wrote() {
    let exceptions = Exceptions::new(&[
        (
            "pickle int:10^4400 *",
            "old Pythons have no limit for the digits of an int",
        ),
        ("pyro4_dill range *", "a text that dill evaluates"),
        ("pyro4_dill ellipsis *", "a text that dill evaluates"),
        ("pyro4_dill notimplemented *", "a text that dill evaluates"),
        ("pyro4_dill exc:OSError* *", "dill calls it by its other name, IOError"),
        (
            "pickle dict:class-like *",
            "a class dict is the object that it stands for, as in every format",
        ),
        (
            "pickle obj:StateDict *",
            "the class itself makes its attributes of its state",
        ),
        (
            "pickle obj:StateTuple *",
            "the class itself makes its attributes of its state",
        ),
        (
            "pickle obj:Slotted *",
            "only Python can set attributes that are not in a dict",
        ),
        ("pickle obj:NewArgs *", "only Python can make it with arguments"),
        (
            "pickle float:*nan {*\"protocol\":0} by [\"py2*",
            "a NaN as text has no sign",
        ),
        (
            "pickle complex:*nan* {*\"protocol\":0} by [\"py2*",
            "a NaN as text has no sign",
        ),
        (
            "pickle str:surrogates-in-order * by [\"py2*",
            "Python 2 joins two surrogates to a character",
        ),
        (
            "pickle exc:FileNotFoundError {\"protocol\":0} *",
            "Python 2 knows only OSError",
        ),
        (
            "pickle exc:FileNotFoundError {\"protocol\":1} *",
            "Python 2 knows only OSError",
        ),
        (
            "pickle exc:FileNotFoundError {\"protocol\":2} *",
            "Python 2 knows only OSError",
        ),
    ]);
    let mut failures = Failures::default();
    for (file, case) in FILES
        .iter()
        .flat_map(|file| common::cases(file).into_iter().map(move |case| (file, case)))
    {
        for variant in &case.variants {
            let name = format!("{file} {} {} by {:?}", case.name, case.options, variant.by);
            // What the producer cannot read again is sound as data.
            let Outcome::Bytes(bytes, out) = &variant.outcome else {
                continue;
            };
            let matches = match (expected(out), decode(bytes)) {
                (Ok(Some(expected)), Ok(value)) if expected == value => pickle::from_slice::<IgnoredAny>(bytes).is_ok(),
                (Ok(Some(expected)), Ok(value))
                    if is_python2(&variant.by) && equal_in_python2(expected.clone(), value.clone()) =>
                {
                    true
                }
                (Ok(None), Ok(Value::Pickled(_))) => true,
                (Err(reason), Err(error)) => reason == "Value has no cycles" && error.message() == "recursive value",
                _ => false,
            };
            if !matches && !exceptions.covers(&name) {
                failures.add(format!("{name}: expected {:?}, got {:?}", expected(out), decode(bytes)));
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
}

fn protocol_of(case: &Case) -> u8 {
    case.options["protocol"].as_u64().map_or(5, |protocol| protocol as u8)
}

// Conformance: SER-12
#[test]
fn encodes_as_python_does() {
    let exceptions = Exceptions::new(&[
        ("pickle array:*", "a list, bytearray or text"),
        ("pickle ordereddict*", "a dict"),
        ("pickle deque*", "a list"),
        ("pickle obj:StateDict*", "the class itself makes its state"),
        ("pickle obj:StateTuple*", "the class itself makes its state"),
        ("pickle obj:NewArgs*", "the class itself tells the arguments"),
        ("pickle obj:Slotted*", "its attributes are not in a dict"),
        ("pickle *:range1001*", "Python puts at most 1000 items in at once"),
        ("pickle list:range2001*", "Python puts at most 1000 items in at once"),
        ("pickle list:65536-nulls*", "Python puts at most 1000 items in at once"),
    ]);
    let mut failures = Failures::default();
    let (mut same, mut equal) = (0, 0);
    for (file, case) in ["pickle", "pyro4_pickle"]
        .iter()
        .flat_map(|file| common::cases(file).into_iter().map(move |case| (file, case)))
    {
        let name = format!("{file} {} {}", case.name, case.options);
        let producer = if *file == "pickle" {
            "py3.13.0"
        } else {
            "pyro4/py3.13.0"
        };
        let (Ok(Some(value)), Some(variant)) = (expected(&case.input), case.by(producer)) else {
            continue;
        };
        let Outcome::Bytes(bytes, _) = &variant.outcome else {
            continue;
        };
        if case.has_option("fix_imports", false) {
            continue;
        }
        let ours = encode(&value, protocol_of(&case)).unwrap();
        match without_memo(bytes) {
            Some(plain) if Some(&plain) == without_memo(&ours).as_ref() => same += 1,
            Some(_) if !matches!(value, Value::Set(_) | Value::FrozenSet(_)) && !exceptions.covers(&name) => {
                failures.add(format!(
                    "{name}: {:?}, got {:?}",
                    bytes.escape_ascii().to_string(),
                    ours.escape_ascii().to_string()
                ));
            }
            _ if decode(&ours).unwrap() == decode(bytes).unwrap() => equal += 1,
            _ if exceptions.covers(&name) => {}
            _ => failures.add(format!("{name}: got {}", decode(&ours).unwrap())),
        }
    }
    failures.check();
    exceptions.check_all_used();
    assert!(same > 1000 && equal > 20, "{same} {equal}");
}

#[test]
fn accepts_and_refuses_what_python_does() {
    let exceptions = Exceptions::new(&[
        ("p0-string-high", "a str of Python 2 that is no text is bytes"),
        ("short-binstring-high", "a str of Python 2 that is no text is bytes"),
        ("datetime-py2", "what Python 3 reads with encoding='bytes' only"),
        ("global-py2-builtin", "nothing is called here, so nothing fails"),
        ("global-unknown-module", "nothing is imported here"),
        ("global-unknown-name", "nothing is imported here"),
        ("global-dotted-p0", "nothing is imported here"),
        ("newobj-ex", "an object that only Python can make"),
        ("build-slots", "an object that only Python can make"),
        ("build-setstate", "the class itself makes its attributes of its state"),
        ("readonly-buffer", "buffers are refused before the stack is looked at"),
    ]);
    let mut failures = Failures::default();
    for case in common::decode_cases("decode_pickle") {
        let python = case.by("py3.13.0").expect("a result of this Python");
        let ours = decode(&case.bytes);
        match (python, &ours) {
            _ if exceptions.covers(&case.name) => {}
            (Ok(out), Ok(value)) if expected(out).ok().flatten().as_ref() == Some(value) => {}
            (Err(error), Err(ours)) if error.message == ours.message() => {}
            _ => failures.add(format!("{}: {python:?}, got {ours:?}", case.name)),
        }
    }
    failures.check();
    exceptions.check_all_used();
}
