//! The golden vectors.

use std::collections::BTreeMap;

use ferropyro_formats::Value;
use ferropyro_formats::marshal::{self, Options};
use serde::de::IgnoredAny;

use crate::bytes::{type_bytes, without_marks};
use crate::common::{self, Exceptions, Failures, Outcome, Variant, describe};
use crate::{PYTHON2, decode, encode, version};

/// Whether only Python 2 did this.
fn is_python2(by: &[String]) -> bool {
    by.iter().all(|by| by.contains("py2"))
}

fn equal_in_python2(one: Value, other: Value) -> bool {
    let plain = |value| as_python2(common::plain(value, Value::Tuple));
    one == other || plain(one) == plain(other)
}

/// Python 2 has one type for `str` and bytes; which of the two its strings read as depends on their being interned.
fn as_python2(value: Value) -> Value {
    let all = |items: Vec<Value>| items.into_iter().map(as_python2).collect();
    match value {
        Value::Str(text) => Value::Bytes(text.into_string().into_bytes()),
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Set(items) => Value::Set(items.into_iter().map(as_python2).collect()),
        Value::FrozenSet(items) => Value::FrozenSet(items.into_iter().map(as_python2).collect()),
        Value::Dict(dict) => Value::Dict(
            dict.into_iter()
                .map(|(key, value)| (as_python2(key), as_python2(value)))
                .collect(),
        ),
        other => other,
    }
}

#[test]
fn decodes_what_every_python_wrote() {
    let exceptions = Exceptions::new(&[
        ("float:*nan {\"version\":* by [\"py2*", "a NaN as text has no sign"),
        ("complex:*nan* by [\"py2*", "a NaN as text has no sign"),
    ]);
    let mut failures = Failures::default();
    for case in common::cases("marshal") {
        for variant in &case.variants {
            let name = format!("{} {} by {:?}", case.name, case.options, variant.by);
            match &variant.outcome {
                Outcome::DumpError(_) => {}
                Outcome::LoadError(bytes, error) => {
                    if decode(bytes).is_ok() {
                        failures.add(format!("{name}: should fail: {error:?}"));
                    }
                }
                Outcome::Bytes(bytes, out) => {
                    if let Err(failure) = check_decoded(variant, bytes, out)
                        && !exceptions.covers(&name)
                    {
                        failures.add(format!("{name}: {failure}"));
                    }
                }
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
}

fn check_decoded(variant: &Variant, bytes: &[u8], out: &serde_json::Value) -> Result<(), String> {
    marshal::from_slice::<IgnoredAny>(bytes).map_err(|error| format!("ignored: {error}"))?;
    let plain = |value| common::plain(value, Value::Tuple);
    match (describe::value(out), decode(bytes).map(plain)) {
        (Ok(expected), Ok(value)) if expected == value => Ok(()),
        (Ok(expected), Ok(value)) if is_python2(&variant.by) && equal_in_python2(expected.clone(), value.clone()) => {
            Ok(())
        }
        (Err(reason), Err(error)) if reason == "Value has no cycles" && error.message() == "recursive value" => Ok(()),
        (expected, value) => Err(format!("expected {expected:?}, got {value:?}")),
    }
}

#[test]
fn encodes_as_python_does() {
    let exceptions = Exceptions::new(&[
        ("exc:*", "class dicts, as Pyro writes them at the top"),
        ("obj:*", "class dicts, as Pyro writes them at the top"),
        ("slice", "a class dict"),
        ("uuid", "its text, as Pyro writes it at the top"),
        (
            "str:surrogates-in-order *py2*",
            "Python 2 joins two surrogates to a character",
        ),
    ]);
    let mut failures = Failures::default();
    for case in common::cases("marshal") {
        let version_of_case = case.options["version"].as_u64().expect("a version") as u8;
        let Ok(value) = describe::value(&case.input) else {
            continue;
        };
        for variant in case.variants.iter().filter(|_| version_of_case >= 2) {
            let name = format!("{} {} by {:?}", case.name, case.options, variant.by);
            let options = if is_python2(&variant.by) {
                PYTHON2
            } else {
                version(version_of_case)
            };
            match (&variant.outcome, encode(&value, &options)) {
                (Outcome::DumpError(error), Err(ours)) if error.message.trim_matches('\'') == ours.message() => {}
                (Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _), Ok(encoded))
                    if same_form(&encoded, bytes, options) => {}
                _ if exceptions.covers(&case.name) || exceptions.covers(&name) => {}
                (outcome, encoded) => failures.add(format!("{name}: {}; got {encoded:?}", outcome_text(outcome))),
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
}

#[test]
fn encodes_what_pyro_converts_as_pyro_does() {
    let exceptions = Exceptions::new(&[
        (
            "pyro4_marshal int:* *py2*",
            "Pyro4 on Python 2 does not know a long as a whole result",
        ),
        (
            "pyro4_marshal decimal:* *py2*",
            "Pyro4 on Python 2 writes a Decimal's insides as an instance",
        ),
        ("*_marshal slice *", "a class dict"),
        (
            "*_marshal ellipsis *",
            "Pyro refuses it as a whole result, marshal writes it",
        ),
        (
            "*_marshal obj:StateDict *",
            "its __getstate__ decides; Value has the attributes",
        ),
        (
            "pyro4_marshal obj:Thing *py3*",
            "Pyro4 leaves __class__ out on Python 3.11 and later",
        ),
        (
            "pyro4_marshal obj:NewArgs *py3*",
            "Pyro4 leaves __class__ out on Python 3.11 and later",
        ),
    ]);
    let mut failures = Failures::default();
    let mut compared = BTreeMap::<&str, usize>::new();
    for file in ["pyro4_marshal", "pyro5_marshal"] {
        for case in common::cases(file) {
            let Ok(value) = describe::value(&case.input) else {
                continue;
            };
            for variant in &case.variants {
                let name = format!("{file} {} by {:?}", case.name, variant.by);
                let options = if is_python2(&variant.by) {
                    PYTHON2
                } else {
                    Options::default()
                };
                match (&variant.outcome, encode(&value, &options)) {
                    (Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _), Ok(encoded))
                        if same_form(&encoded, bytes, options) =>
                    {
                        *compared.entry(file).or_default() += 1;
                    }
                    (Outcome::DumpError(_), Err(_)) => {}
                    _ if exceptions.covers(&name) => {}
                    (outcome, encoded) => failures.add(format!("{name}: {}; got {encoded:?}", outcome_text(outcome))),
                }
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
    assert!(compared.values().all(|count| *count > 20), "{compared:?}");
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Bytes(bytes, _) => format!("{bytes:?}"),
        Outcome::LoadError(bytes, error) => format!("{bytes:?}, {error:?}"),
        Outcome::DumpError(error) => format!("{error:?}"),
    }
}

/// Whether both are the same but for the marks of objects that can be referred to and of interned strings.
///
/// Where Python wrote references, or sets, which have no order, the values are compared. So they are for Python 2, which has several forms for ints and
/// strings and no order in dicts; there our form must be one that it can read.
fn same_form(ours: &[u8], python: &[u8], options: Options) -> bool {
    if options.python2 {
        let readable = type_bytes(ours).iter().all(|code| b"0NTF.Silgysu([{<>".contains(code));
        return readable && equal_in_python2(decode(ours).unwrap(), decode(python).unwrap());
    }
    if type_bytes(python).iter().any(|code| b"r<>".contains(code)) {
        return decode(ours).unwrap() == decode(python).unwrap();
    }
    without_marks(ours) == without_marks(python)
}

#[test]
fn accepts_and_refuses_what_python_does() {
    let exceptions = Exceptions::new(&[
        ("ref-self", "a value that contains itself: Value has no cycles"),
        ("ref-order", "a value that contains itself: Value has no cycles"),
        ("ref-dict", "a value that contains itself: Value has no cycles"),
        ("slice-v5", "these Pythons do not know version 5 yet"),
        ("stringref-R", "Python 3 cannot read Python 2's references to strings"),
    ]);
    let mut failures = Failures::default();
    for case in common::decode_cases("decode_marshal") {
        let python = case.by("py3.13.0").expect("a result of this Python");
        let ours = decode(&case.bytes);
        match (python, &ours) {
            _ if exceptions.covers(&case.name) => {}
            (Ok(out), Ok(value)) if describe::value(out).as_ref() == Ok(value) => {}
            (Err(error), Err(ours)) if error.message == ours.message() => {}
            _ => failures.add(format!("{}: {python:?}, got {ours:?}", case.name)),
        }
    }
    failures.check();
    exceptions.check_all_used();
}
