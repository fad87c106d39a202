//! Values as the tagged descriptions of `vectors/README.md`, section 1, both ways.

use ferropyro::formats::Surrogates;
use ferropyro::{BigInt, Complex, Dict, Exception, Instance, Set, TimeDelta, Value};
use serde_json::{Value as Json, json};

/// The description of a value.
pub(crate) fn describe(value: &Value) -> Json {
    match value {
        Value::None => json!({"t": "none"}),
        Value::Bool(value) => json!({"t": "bool", "v": value}),
        Value::Int(number) => json!({"t": "int", "v": number.to_string()}),
        Value::BigInt(number) => json!({"t": "int", "v": number.to_string()}),
        Value::Float(number) => json!({"t": "float", "bits": bits(*number)}),
        Value::Complex(number) => json!({"t": "complex", "re": bits(number.re), "im": bits(number.im)}),
        Value::Str(text) => json!({"t": "str", "v": text.as_str()}),
        Value::Surrogates(text) => json!({"t": "str", "wtf8": hex(text.as_bytes())}),
        Value::Bytes(bytes) => json!({"t": "bytes", "hex": hex(bytes)}),
        Value::ByteArray(bytes) => json!({"t": "bytearray", "hex": hex(bytes)}),
        Value::List(items) => json!({"t": "list", "v": describe_all(items)}),
        Value::Tuple(items) => json!({"t": "tuple", "v": describe_all(items)}),
        Value::Set(members) => json!({"t": "set", "v": sorted(members)}),
        Value::FrozenSet(members) => json!({"t": "frozenset", "v": sorted(members)}),
        Value::Dict(dict) => json!({"t": "dict", "v": pairs(dict)}),
        Value::Decimal(number) => json!({"t": "decimal", "v": number.as_str()}),
        Value::DateTime(moment) => temporal("datetime", &moment.to_string()),
        Value::Date(date) => temporal("date", &date.to_string()),
        Value::Time(time) => temporal("time", &time.to_string()),
        Value::TimeDelta(delta) => {
            json!({"t": "timedelta", "days": delta.days(), "seconds": delta.seconds(), "microseconds": delta.microseconds()})
        }
        Value::Uuid(uuid) => json!({"t": "uuid", "v": uuid.to_string()}),
        Value::Exception(exception) => json!({
            "t": "exc", "class": exception.class, "args": describe_all(&exception.args), "attrs": attributes(&exception.attributes),
        }),
        Value::Instance(instance) => {
            json!({"t": "obj", "class": instance.class, "attrs": attributes(&instance.attributes)})
        }
        Value::Type(name) => json!({"t": "class", "v": name}),
        Value::Ellipsis => json!({"t": "ellipsis"}),
        other => json!({"t": "other", "class": other.type_name(), "repr": format!("{other:?}")}),
    }
}

/// The value of a description; the error says why there is none.
pub(crate) fn value(json: &Json) -> Result<Value, String> {
    Ok(
        match json["t"].as_str().ok_or_else(|| format!("no description: {json}"))? {
            "none" => Value::None,
            "bool" => Value::Bool(json["v"] == true),
            "int" => BigInt(parse::<num_bigint::BigInt>(json)?).into(),
            "float" => Value::Float(float(&json["bits"])?),
            "complex" => Value::Complex(Complex {
                re: float(&json["re"])?,
                im: float(&json["im"])?,
            }),
            "str" => text(json)?,
            "bytes" => Value::Bytes(unhex(&json["hex"])?),
            "bytearray" => Value::ByteArray(unhex(&json["hex"])?),
            "list" => Value::List(values(&json["v"])?),
            "tuple" => Value::Tuple(values(&json["v"])?),
            "set" => Value::Set(values(&json["v"])?.into_iter().collect()),
            "frozenset" => Value::FrozenSet(values(&json["v"])?.into_iter().collect()),
            "dict" => Value::Dict(entries(&json["v"], value)?),
            "decimal" => Value::Decimal(parse(json)?),
            "datetime" => Value::DateTime(Box::new(parse(json)?)),
            "date" => Value::Date(parse(json)?),
            "time" => Value::Time(Box::new(parse(json)?)),
            "timedelta" => timedelta(json)?,
            "uuid" => Value::Uuid(parse(json)?),
            "exc" => Value::from(Exception {
                class: json["class"].as_str().unwrap_or_default().to_owned(),
                args: values(&json["args"])?,
                attributes: entries(&json["attrs"], name)?,
            }),
            "obj" => Value::from(Instance {
                class: json["class"].as_str().unwrap_or_default().to_owned(),
                attributes: entries(&json["attrs"], name)?,
            }),
            "class" => Value::Type(json["v"].as_str().unwrap_or_default().to_owned()),
            "ellipsis" => Value::Ellipsis,
            other => return Err(format!("no value for a description of {other}")),
        },
    )
}

/// The values of a list of descriptions.
pub(crate) fn values(json: &Json) -> Result<Vec<Value>, String> {
    json.as_array().into_iter().flatten().map(value).collect()
}

/// Pairs, with `key` to read the keys.
fn entries(json: &Json, key: impl Fn(&Json) -> Result<Value, String>) -> Result<Dict, String> {
    let pair = |pair: &Json| Ok((key(&pair[0])?, value(&pair[1])?));
    json.as_array().into_iter().flatten().map(pair).collect()
}

fn name(json: &Json) -> Result<Value, String> {
    json.as_str().map(Value::from).ok_or_else(|| format!("no name: {json}"))
}

fn parse<T: std::str::FromStr>(json: &Json) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    let text = json["v"].as_str().ok_or_else(|| format!("no text in {json}"))?;
    text.parse().map_err(|error: T::Err| format!("{text}: {error}"))
}

fn text(json: &Json) -> Result<Value, String> {
    if json["wtf8"].is_null() {
        return name(&json["v"]);
    }
    match Surrogates::from_wtf8(unhex(&json["wtf8"])?) {
        Ok(Ok(text)) => Ok(Value::from(text)),
        Ok(Err(text)) => Ok(Value::Surrogates(text)),
        Err(at) => Err(format!("no WTF-8 at {at}")),
    }
}

fn timedelta(json: &Json) -> Result<Value, String> {
    let part = |name: &str| json[name].as_i64().unwrap_or_default();
    TimeDelta::new(part("days"), part("seconds"), part("microseconds"))
        .map(Value::TimeDelta)
        .ok_or_else(|| format!("no time difference: {json}"))
}

fn describe_all<'v>(values: impl IntoIterator<Item = &'v Value>) -> Vec<Json> {
    values.into_iter().map(describe).collect()
}

fn sorted(members: &Set<Value>) -> Vec<Json> {
    let mut described = describe_all(members.iter());
    described.sort_by_key(Json::to_string);
    described
}

fn pairs(dict: &Dict) -> Vec<Json> {
    dict.iter()
        .map(|(key, value)| json!([describe(key), describe(value)]))
        .collect()
}

fn attributes(dict: &Dict) -> Vec<Json> {
    let mut pairs: Vec<Json> = dict
        .iter()
        .map(|(name, value)| json!([name.as_str(), describe(value)]))
        .collect();
    pairs.sort_by_key(|pair| pair[0].to_string());
    pairs
}

fn temporal(kind: &str, text: &str) -> Json {
    match text.strip_suffix(";fold=1") {
        Some(text) => json!({"t": kind, "v": text, "fold": 1}),
        None => json!({"t": kind, "v": text}),
    }
}

fn bits(number: f64) -> String {
    format!("{:016x}", number.to_bits())
}

fn float(json: &Json) -> Result<f64, String> {
    let bits = u64::from_str_radix(json.as_str().unwrap_or_default(), 16);
    bits.map(f64::from_bits).map_err(|error| format!("{json}: {error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(json: &Json) -> Result<Vec<u8>, String> {
    let text = json.as_str().ok_or_else(|| format!("no hex digits: {json}"))?;
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.ok_or_else(|| format!("no hex digits: {text}"))?;
    Ok(digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit))
        .collect())
}
