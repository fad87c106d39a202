//! Reading arguments on the server as values, whatever they are.

use std::fmt;

use ferropyro_formats::{Dict, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Source;
use super::text::TextSeed;
use crate::error::Raise;

/// All arguments as values.
pub(crate) fn read_values(source: Source<'_>) -> Result<(Vec<Value>, Dict), Raise> {
    match source {
        Source::Values(args, kwargs) => Ok((args.to_vec(), kwargs.clone())),
        Source::Blob(_) => Err(Raise::new(
            "TypeError",
            "the argument is a SerializedBlob, which is no value: ask for it by its type",
        )),
        Source::Payload(codec, payload) => {
            let mut call = WholeCall::default();
            let result = codec.read_seed(payload, WholeSeed(&mut call));
            result.map_err(crate::Error::from)?;
            let args = match call.args {
                Value::None => Vec::new(),
                args => args
                    .into_items()
                    .map_err(|_| Raise::new("TypeError", "the arguments are no tuple or list"))?,
            };
            match call.kwargs {
                Value::None => Ok((args, Dict::new())),
                Value::Dict(kwargs) => Ok((args, kwargs)),
                _ => Err(Raise::new("TypeError", "the keyword arguments are no dict")),
            }
        }
    }
}

#[derive(Default)]
struct WholeCall {
    args: Value,
    kwargs: Value,
}

struct WholeSeed<'w>(&'w mut WholeCall);

impl<'de> DeserializeSeed<'de> for WholeSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WholeSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        self.0.args = seq.next_element()?.unwrap_or_default();
        self.0.kwargs = seq.next_element()?.unwrap_or_default();
        seq.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match &*key {
                "params" => self.0.args = map.next_value()?,
                "kwargs" => self.0.kwargs = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
