//! Reading arguments on the server whole, whatever they are.

use std::fmt;

use ferropyro_formats::{Dict, Value};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Source;
use super::text::TextSeed;
use crate::error::Raise;
use crate::serializer::Codec;

/// All arguments as values.
pub(crate) fn read_values(source: Source<'_>) -> Result<(Vec<Value>, Dict), Raise> {
    match source {
        Source::Values(args, kwargs) => Ok((args.to_vec(), kwargs.clone())),
        Source::Blob(_) => Err(no_value()),
        Source::Payload(codec, payload) => {
            let (args, kwargs) = read_payload::<Value>(codec, payload)?;
            let args = match args.unwrap_or_default() {
                Value::None => Vec::new(),
                args => args
                    .into_items()
                    .map_err(|_| Raise::new("TypeError", "the arguments are no tuple or list"))?,
            };
            match kwargs.unwrap_or_default() {
                Value::None => Ok((args, Dict::new())),
                Value::Dict(kwargs) => Ok((args, kwargs)),
                _ => Err(Raise::new("TypeError", "the keyword arguments are no dict")),
            }
        }
    }
}

/// All arguments as a type that takes whatever there is: the positional ones, which are a tuple or a list, and the keyword ones, which are a dict.
pub(crate) fn read_whole<'de, T: Deserialize<'de>>(source: Source<'de>) -> Result<(Option<T>, Option<T>), Raise> {
    match source {
        Source::Values(args, kwargs) => {
            let args: SeqDeserializer<_, ferropyro_formats::Error> = SeqDeserializer::new(args.iter());
            let args = T::deserialize(args).map_err(crate::Error::from)?;
            let kwargs = T::deserialize(MapDeserializer::new(kwargs.iter())).map_err(crate::Error::from)?;
            Ok((Some(args), Some(kwargs)))
        }
        Source::Blob(_) => Err(no_value()),
        Source::Payload(codec, payload) => read_payload(codec, payload),
    }
}

fn read_payload<'de, T: Deserialize<'de>>(codec: Codec, payload: &'de [u8]) -> Result<(Option<T>, Option<T>), Raise> {
    let mut call = WholeCall {
        args: None,
        kwargs: None,
    };
    let result = codec.read_seed(payload, WholeSeed(&mut call));
    result.map_err(crate::Error::from)?;
    Ok((call.args, call.kwargs))
}

fn no_value() -> Raise {
    Raise::new(
        "TypeError",
        "the argument is a SerializedBlob, which is no value: ask for it by its type",
    )
}

struct WholeCall<T> {
    args: Option<T>,
    kwargs: Option<T>,
}

struct WholeSeed<'w, T>(&'w mut WholeCall<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for WholeSeed<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for WholeSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        self.0.args = seq.next_element()?;
        self.0.kwargs = seq.next_element()?;
        seq.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match &*key {
                "params" => self.0.args = Some(map.next_value()?),
                "kwargs" => self.0.kwargs = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
