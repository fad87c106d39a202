//! From the tagged description of a value to [`Value`].

use std::collections::HashMap;

use ferropyro_formats::{BigInt, Complex, Dict, Exception, Instance, Set, Surrogates, TimeDelta, Value};
use serde_json::Value as Json;

/// The value that a description describes. The error is the reason why `Value` cannot hold it.
///
/// Objects that are reachable twice stand in the result twice. Instances of classes are taken as data.
pub fn value(description: &Json) -> Result<Value, String> {
    Describer::default().value(description)
}

#[derive(Default)]
struct Describer {
    /// The finished objects that carry an id.
    shared: HashMap<u64, Value>,
}

impl Describer {
    fn value(&mut self, json: &Json) -> Result<Value, String> {
        let value = self.fresh(json)?;
        if let Some(id) = json["id"].as_u64().filter(|_| json["t"] != "ref") {
            self.shared.insert(id, value.clone());
        }
        Ok(value)
    }

    fn fresh(&mut self, json: &Json) -> Result<Value, String> {
        Ok(match kind(json) {
            "none" => Value::None,
            "bool" => Value::Bool(json["v"].as_bool().expect("true or false")),
            "int" => int(json),
            "float" => Value::Float(bits(&json["bits"])),
            "complex" => Value::Complex(Complex {
                re: bits(&json["re"]),
                im: bits(&json["im"]),
            }),
            "str" => str_value(json),
            "bytes" => Value::Bytes(byte_string(json)),
            "bytearray" => Value::ByteArray(byte_string(json)),
            "list" => Value::List(self.items(json)?),
            "tuple" => Value::Tuple(self.items(json)?),
            "nest" => self.nest(json)?,
            "set" => Value::Set(self.members(json)?),
            "frozenset" => Value::FrozenSet(self.members(json)?),
            "dict" => Value::Dict(self.dict(json)?),
            "decimal" => Value::Decimal(text(json, "v").parse().expect("a decimal number")),
            "datetime" => Value::DateTime(Box::new(temporal(json).parse().expect("a datetime"))),
            "date" => Value::Date(temporal(json).parse().expect("a date")),
            "time" => Value::Time(Box::new(temporal(json).parse().expect("a time"))),
            "timedelta" => timedelta(json),
            "uuid" => Value::Uuid(text(json, "v").parse().expect("a UUID")),
            "class" | "function" => Value::Type(text(json, "v").to_owned()),
            "ellipsis" => Value::Ellipsis,
            "exc" => self.exception(json)?,
            "obj" => self.instance(json)?,
            "slice" => self.slice(json)?,
            "ref" => self.reference(json)?,
            other => return Err(format!("Value has no form for {other}")),
        })
    }

    fn values(&mut self, list: &Json) -> Result<Vec<Value>, String> {
        array(list).iter().map(|item| self.value(item)).collect()
    }

    fn items(&mut self, json: &Json) -> Result<Vec<Value>, String> {
        if let Some(count) = json["range"].as_i64() {
            return Ok((0..count).map(Value::Int).collect());
        }
        match json["times"].as_u64() {
            Some(times) => Ok(vec![self.value(&json["unit"])?; times as usize]),
            None => self.values(&json["v"]),
        }
    }

    fn members(&mut self, json: &Json) -> Result<Set<Value>, String> {
        Ok(self.values(&json["v"])?.into_iter().collect())
    }

    fn dict(&mut self, json: &Json) -> Result<Dict, String> {
        if let Some(count) = json["range"].as_i64() {
            return Ok((0..count).map(|number| (number, number)).collect());
        }
        self.pairs(&json["v"])
    }

    fn pairs(&mut self, pairs: &Json) -> Result<Dict, String> {
        let pair = |pair: &Json| Ok((self.value(&pair[0])?, self.value(&pair[1])?));
        array(pairs).iter().map(pair).collect()
    }

    /// As [`Self::pairs`], with the names as bare texts.
    fn attributes(&mut self, pairs: &Json) -> Result<Dict, String> {
        let pair = |pair: &Json| Ok((pair[0].as_str().expect("a name").to_owned(), self.value(&pair[1])?));
        array(pairs).iter().map(pair).collect()
    }

    fn nest(&mut self, json: &Json) -> Result<Value, String> {
        let container: fn(Vec<Value>) -> Value = match json["of"].as_str() {
            Some("tuple") => Value::Tuple,
            _ => Value::List,
        };
        let depth = json["depth"].as_u64().expect("a depth");
        let innermost = self.value(&json["v"])?;
        Ok((0..depth).fold(innermost, |inner, _| container(vec![inner])))
    }

    fn exception(&mut self, json: &Json) -> Result<Value, String> {
        Ok(Value::Exception(Box::new(Exception {
            class: text(json, "class").to_owned(),
            args: self.values(&json["args"])?,
            attributes: self.attributes(&json["attrs"])?,
        })))
    }

    fn instance(&mut self, json: &Json) -> Result<Value, String> {
        if json.get("attrs").is_none() {
            return Err(format!("Value has no form for {}", text(json, "class")));
        }
        Ok(Value::Instance(Box::new(Instance {
            class: text(json, "class").to_owned(),
            attributes: self.attributes(&json["attrs"])?,
        })))
    }

    fn slice(&mut self, json: &Json) -> Result<Value, String> {
        let parts = self.values(&json["v"])?;
        Ok(Value::Instance(Box::new(Instance {
            class: "builtins.slice".to_owned(),
            attributes: ["start", "stop", "step"].into_iter().zip(parts).collect(),
        })))
    }

    fn reference(&mut self, json: &Json) -> Result<Value, String> {
        let id = json["id"].as_u64().expect("an id");
        self.shared
            .get(&id)
            .cloned()
            .ok_or_else(|| "Value has no cycles".to_owned())
    }
}

fn kind(json: &Json) -> &str {
    json["t"]
        .as_str()
        .unwrap_or_else(|| panic!("not a description: {json}"))
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}"))
}

fn array(json: &Json) -> &[Json] {
    json.as_array().unwrap_or_else(|| panic!("not an array: {json}"))
}

fn int(json: &Json) -> Value {
    match json["pow"].as_array() {
        Some(pow) => {
            let base = num_bigint::BigInt::from(pow[0].as_i64().expect("a base"));
            BigInt(base.pow(pow[1].as_u64().expect("an exponent") as u32)).into()
        }
        None => BigInt(text(json, "v").parse().expect("decimal digits")).into(),
    }
}

fn bits(json: &Json) -> f64 {
    let bits = u64::from_str_radix(json.as_str().expect("bits"), 16);
    f64::from_bits(bits.expect("16 hex digits"))
}

fn str_value(json: &Json) -> Value {
    if let Some(wtf8) = json["wtf8"].as_str() {
        return match Surrogates::from_wtf8(super::unhex(wtf8)).expect("WTF-8") {
            Ok(text) => Value::from(text),
            Err(surrogates) => Value::Surrogates(surrogates),
        };
    }
    Value::from(match json["times"].as_u64() {
        Some(times) => text(json, "unit").repeat(times as usize),
        None => text(json, "v").to_owned(),
    })
}

fn byte_string(json: &Json) -> Vec<u8> {
    match json["times"].as_u64() {
        Some(times) => super::unhex(text(json, "unit")).repeat(times as usize),
        None => super::unhex(text(json, "hex")),
    }
}

/// The ISO text, with the mark behind it that `fold` has in the texts that these types parse.
fn temporal(json: &Json) -> String {
    let fold = if json["fold"] == 1 { ";fold=1" } else { "" };
    format!("{}{fold}", text(json, "v"))
}

fn timedelta(json: &Json) -> Value {
    let part = |name: &str| json[name].as_i64().expect("a number");
    let delta = TimeDelta::new(part("days"), part("seconds"), part("microseconds"));
    Value::TimeDelta(delta.expect("a time difference of Python"))
}
