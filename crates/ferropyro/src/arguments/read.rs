//! Reading arguments on the server: straight from the payload into the types of the method.

use std::fmt;

use ferropyro_formats::{Dict, ErrorKind, Value};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::TextSeed;
use super::{Parameters, Signature, Source};
use crate::SerializedBlob;
use crate::error::Raise;

/// Reads the arguments of a call into the types of the method.
///
/// Raises Python's `TypeError` for missing, unknown and superfluous ones and for those of a wrong type.
pub(crate) fn read<'de, P: Parameters<'de>>(source: Source<'de>, signature: &Signature<'_>) -> Result<P::Slots, Raise> {
    let mut reader = Reader::<P> {
        signature,
        slots: P::Slots::default(),
        given: 0,
        at: None,
        raise: None,
    };
    let result = match source {
        Source::Payload(codec, payload) => codec.read_seed(payload, CallSeed(&mut reader)),
        Source::Values(args, kwargs) => reader.read_values(args, kwargs),
        Source::Blob(blob) => return read_blob::<P>(blob, signature),
    };
    if let Some(raise) = reader.raise {
        return Err(raise);
    }
    result.map_err(|error| match reader.at {
        Some(index) if error.kind() == ErrorKind::Data => signature.wrong_type(index, &error),
        _ => Raise::from(crate::Error::from(error)),
    })?;
    signature.check_given(reader.given)?;
    signature.check_missing(|index| P::is_filled(&reader.slots, index))?;
    Ok(reader.slots)
}

fn read_blob<'de, P: Parameters<'de>>(blob: &SerializedBlob, signature: &Signature<'_>) -> Result<P::Slots, Raise> {
    let mut slots = P::Slots::default();
    match P::take_blob(&mut slots, blob) {
        true => Ok(slots),
        false => Err(signature.type_error(format_args!("got a SerializedBlob, and takes ordinary arguments"))),
    }
}

struct Reader<'r, 'de, P: Parameters<'de>> {
    signature: &'r Signature<'r>,
    slots: P::Slots,
    /// Positional arguments, superfluous ones included.
    given: usize,
    /// The parameter that is being read.
    at: Option<usize>,
    /// What is wrong with the call, as opposed to its encoding.
    raise: Option<Raise>,
}

impl<'de, P: Parameters<'de>> Reader<'_, 'de, P> {
    fn read_values(&mut self, args: &'de [Value], kwargs: &'de Dict) -> Result<(), ferropyro_formats::Error> {
        for (index, arg) in args.iter().take(P::COUNT).enumerate() {
            self.at = Some(index);
            P::fill(&mut self.slots, index, arg)?;
        }
        self.given = args.len();
        for (name, value) in kwargs.iter() {
            let index = self.keyword(name.as_str().unwrap_or_default())?;
            P::fill(&mut self.slots, index, value)?;
        }
        self.at = None;
        Ok(())
    }

    /// The parameter of a keyword argument.
    fn keyword<E: de::Error>(&mut self, name: &str) -> Result<usize, E> {
        let raise = match self.signature.params.iter().position(|param| param.name == name) {
            Some(index) if !P::is_filled(&self.slots, index) => {
                self.at = Some(index);
                return Ok(index);
            }
            Some(_) => self
                .signature
                .type_error(format_args!("got multiple values for argument '{name}'")),
            None => self
                .signature
                .type_error(format_args!("got an unexpected keyword argument '{name}'")),
        };
        self.raise = Some(raise);
        Err(E::custom("the arguments do not fit"))
    }
}

/// The whole payload of a call.
struct CallSeed<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for CallSeed<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // Json has a dict here, and takes the hint for no more than that.
        deserializer.deserialize_seq(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for CallSeed<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        seq.next_element_seed(Positional(self.0))?;
        seq.next_element_seed(Keywords(self.0))?;
        seq.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match &*key {
                "params" => map.next_value_seed(Positional(self.0))?,
                "kwargs" => map.next_value_seed(Keywords(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Positional<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Positional<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for Positional<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the arguments as a tuple or list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let index = self.0.given;
            self.0.at = Some(index).filter(|index| *index < P::COUNT);
            if seq.next_element_seed(Slot::<P>(&mut self.0.slots, index))?.is_none() {
                self.0.at = None;
                return Ok(());
            }
            self.0.given += 1;
        }
    }
}

struct Keywords<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Keywords<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for Keywords<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keyword arguments as a dict")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let index = self.0.keyword(&name)?;
            map.next_value_seed(Slot::<P>(&mut self.0.slots, index))?;
        }
        self.0.at = None;
        Ok(())
    }
}

struct Slot<'s, 'de, P: Parameters<'de>>(&'s mut P::Slots, usize);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Slot<'_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        P::fill(self.0, self.1, deserializer)
    }
}
