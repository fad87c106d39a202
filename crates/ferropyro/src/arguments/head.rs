//! The front of a call: object id and method name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::TextSeed;
use crate::serializer::Codec;

/// Object id and method name: what the server needs before it can know the types of the arguments.
#[derive(Debug, Clone)]
pub(crate) struct Head<'de> {
    pub(crate) object: Cow<'de, str>,
    pub(crate) method: Cow<'de, str>,
}

impl<'de> Head<'de> {
    /// Reads the front of an INVOKE payload and leaves the rest alone.
    pub(crate) fn read(codec: &Codec, payload: &'de [u8]) -> Result<Head<'de>, ferropyro_formats::Error> {
        let mut found = Partial::default();
        let result = codec.read_front(payload, |may_leave| {
            found.may_leave = may_leave;
            HeadSeed(&mut found)
        });
        match found {
            Partial {
                object: Some(object),
                method: Some(method),
                ..
            } => Ok(Head { object, method }),
            _ => Err(result
                .err()
                .unwrap_or_else(|| de::Error::custom("a call consists of object, method, arguments"))),
        }
    }
}

#[derive(Default)]
struct Partial<'de> {
    object: Option<Cow<'de, str>>,
    method: Option<Cow<'de, str>>,
    /// Whether the reader lets go of a call that is not read to its end.
    may_leave: bool,
}

impl Partial<'_> {
    /// Leaves the reader when all is found, if need be by an error that nobody will see. Not to read on would be an error as well, but one that takes the
    /// time to say where it is and what is left.
    fn stop<E: de::Error>(&self) -> Result<(), E> {
        match (&self.object, &self.method) {
            (Some(_), Some(_)) if !self.may_leave => Err(E::custom("")),
            _ => Ok(()),
        }
    }
}

struct HeadSeed<'h, 'de>(&'h mut Partial<'de>);

impl<'de> DeserializeSeed<'de> for HeadSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // Json has a dict here, and takes the hint for no more than that.
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for HeadSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.object = seq.next_element_seed(TextSeed)?;
        self.0.method = seq.next_element_seed(TextSeed)?;
        self.0.stop()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while self.0.object.is_none() || self.0.method.is_none() {
            match map.next_key_seed(TextSeed)?.as_deref() {
                Some("object") => self.0.object = Some(map.next_value_seed(TextSeed)?),
                Some("method") => self.0.method = Some(map.next_value_seed(TextSeed)?),
                Some(_) => drop(map.next_value::<IgnoredAny>()?),
                None => break,
            }
        }
        self.0.stop()
    }
}
