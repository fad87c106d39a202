//! How results are shown: as Python would print them, or as JSON.

use clap::{Args, ValueEnum};
use ferropyro::formats::json;
use ferropyro::{Dict, Value};

use crate::exit::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct Format {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One line of JSON, for programs
    Json,
}

impl Format {
    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }
}

/// A value in the chosen format. As text it is what Python's `repr()` gives.
pub(crate) fn show(value: Value, format: &Format) -> Result<String, Failure> {
    match format.output {
        Output::Text => Ok(value.to_string()),
        Output::Json => to_json(value),
    }
}

/// The JSON text of any value: JSON's own types as they are, containers as lists, bytes as `{"data": BASE64, "encoding": "base64"}`, a timedelta as its seconds,
/// an instance as a dict with its `__class__`; the rest as text.
pub(crate) fn to_json(value: Value) -> Result<String, Failure> {
    let bytes = json::to_vec(&plain(value)).map_err(|error| Failure::new(Exit::Failed, error))?;
    Ok(escaped(&String::from_utf8_lossy(&bytes)))
}

/// JSON leaves the control characters above 126 as they are. On the way to a terminal they would be shown as escapes that JSON does not have.
fn escaped(json: &str) -> String {
    let escape = |c: char| match c.is_control() {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    json.chars().map(escape).collect()
}

/// The value with what JSON lacks replaced.
fn plain(value: Value) -> Value {
    match value {
        Value::List(items) | Value::Tuple(items) => list(items),
        Value::Set(items) | Value::FrozenSet(items) => list(items),
        Value::Dict(dict) => Value::Dict(plain_dict(dict)),
        Value::Bytes(bytes) | Value::ByteArray(bytes) => Value::Dict(Dict::from([
            ("data", Value::from(base64(&bytes))),
            ("encoding", Value::from("base64")),
        ])),
        Value::TimeDelta(delta) => {
            let seconds = delta.days() as f64 * 86400.0 + delta.seconds() as f64;
            Value::Float(seconds + delta.microseconds() as f64 / 1e6)
        }
        Value::Time(time) => Value::from(time.to_string()),
        Value::Exception(exception) => Value::Dict(Dict::from([
            ("__class__", Value::from(exception.class)),
            ("args", list(exception.args)),
            ("attributes", Value::Dict(plain_dict(exception.attributes))),
        ])),
        Value::Instance(instance) => {
            let mut dict = Dict::from([("__class__", instance.class)]);
            plain_dict(instance.attributes).into_iter().for_each(|(name, value)| {
                dict.insert(name, value);
            });
            Value::Dict(dict)
        }
        Value::Complex(_) | Value::Surrogates(_) | Value::Type(_) | Value::Ellipsis => Value::from(value.to_string()),
        other => other,
    }
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().map(plain).collect())
}

fn plain_dict(dict: Dict) -> Dict {
    dict.into_iter()
        .map(|(key, value)| (plain_key(key), plain(value)))
        .collect()
}

/// Numbers, None and truth values become texts by themselves.
fn plain_key(key: Value) -> Value {
    match key {
        Value::Str(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) | Value::None => key,
        other => Value::from(other.to_string()),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use ferropyro::formats::serpent;

    use super::*;

    #[test]
    fn every_literal_has_json() {
        for (literal, json) in [
            ("None", "null"),
            ("[True, 1, 1.5, 'a']", r#"[true, 1, 1.5, "a"]"#),
            ("({1}, ())", "[[1], []]"),
            ("b'ab'", r#"{"data": "YWI=", "encoding": "base64"}"#),
            (
                "{(1, 2): {'x': b''}, 3: 4}",
                r#"{"(1, 2)": {"x": {"data": "", "encoding": "base64"}}, "3": 4}"#,
            ),
            ("'\u{1}\u{7f}\u{85}'", r#""\u0001\u007f\u0085""#),
            ("1+2j", r#""(1+2j)""#),
            ("...", r#""Ellipsis""#),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ] {
            let value: Value = serpent::from_slice(literal.as_bytes()).unwrap();
            assert_eq!(to_json(value).unwrap(), json, "{literal}");
        }
    }
}
