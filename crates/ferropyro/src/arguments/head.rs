//! The front of a call: object id and method name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::TextSeed;
use crate::serializer::Codec;

/// Object id and method name: what the server needs before it can know the types of the arguments.
#[derive(Debug)]
pub(crate) struct Head<'de> {
    pub(crate) object: Cow<'de, str>,
    pub(crate) method: Cow<'de, str>,
}

impl<'de> Head<'de> {
    /// Reads the front of an INVOKE payload and leaves the rest alone.
    pub(crate) fn read(codec: &Codec, payload: &'de [u8]) -> Result<Head<'de>, ferropyro_formats::Error> {
        let mut found = Partial::default();
        let result = codec.read_front(payload, HeadSeed(&mut found));
        match found {
            Partial {
                object: Some(object),
                method: Some(method),
            } => Ok(Head { object, method }),
            _ => Err(result
                .err()
                .unwrap_or_else(|| de::Error::custom("a call consists of object, method, arguments"))),
        }
    }
}

/// Where the head stands in its payload, so that it is read once for all who ask. As small as can be, since every connection has room for a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HeadPlace {
    object: Span,
    method: Span,
}

/// A text in the payload; none at all if it has no length.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u16,
    length: u16,
}

impl HeadPlace {
    /// Reads the front of an INVOKE payload for the place of its head. It has none if it cannot be read, if its texts do not stand there as they are, or not near enough.
    pub(crate) fn find(codec: &Codec, payload: &[u8]) -> HeadPlace {
        let place = |head: Head<'_>| {
            Some(HeadPlace {
                object: Span::of(&head.object, payload)?,
                method: Span::of(&head.method, payload)?,
            })
        };
        Head::read(codec, payload).ok().and_then(place).unwrap_or_default()
    }

    /// The head, if this is the place of one.
    pub(crate) fn head<'a>(&self, payload: &'a [u8]) -> Option<Head<'a>> {
        Some(Head {
            object: self.object.text(payload)?.into(),
            method: self.method.text(payload)?.into(),
        })
    }
}

impl Span {
    /// `None` for a text that does not stand in the payload, but was made from what does.
    fn of(text: &str, payload: &[u8]) -> Option<Span> {
        let start = text.as_ptr().addr().checked_sub(payload.as_ptr().addr())?;
        payload.get(start..start.checked_add(text.len())?)?;
        Some(Span {
            start: start.try_into().ok()?,
            length: text.len().try_into().ok()?,
        })
    }

    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        let start = usize::from(self.start);
        let bytes = payload.get(start..start + usize::from(self.length))?;
        std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }
}

#[derive(Default)]
struct Partial<'de> {
    object: Option<Cow<'de, str>>,
    method: Option<Cow<'de, str>>,
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
        Ok(())
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ferropyro_wire::Dialect;

    use super::*;
    use crate::Serializer;

    fn codec(serializer: Serializer) -> Codec {
        Codec::plain(serializer, Dialect::V48)
    }

    fn found(codec: &Codec, payload: &[u8]) -> Option<(String, String)> {
        let head = HeadPlace::find(codec, payload).head(payload)?;
        Some((head.object.into_owned(), head.method.into_owned()))
    }

    #[test]
    fn the_place_of_a_head_gives_the_head_in_every_format() {
        let call = ("Pyro.NameServer", "lookup", ("spam",), ferropyro_formats::Dict::new());
        let expected = Some(("Pyro.NameServer".to_owned(), "lookup".to_owned()));
        for serializer in [
            Serializer::Serpent,
            Serializer::Marshal,
            Serializer::Msgpack,
            Serializer::Pickle,
        ] {
            let codec = codec(serializer);
            let mut payload = Vec::new();
            codec.append(&mut payload, &call).unwrap();
            assert_eq!(found(&codec, &payload), expected, "{serializer:?}");
        }
        let json = br#"{"kwargs": {}, "params": [], "method": "lookup", "object": "Pyro.NameServer"}"#;
        assert_eq!(found(&codec(Serializer::Json), json), expected);
    }

    #[test]
    fn a_head_that_does_not_stand_there_as_it_is_has_no_place() {
        let codec = codec(Serializer::Serpent);
        for payload in [r"('a\tb','lookup',(),{})", "('','lookup',(),{})", "('x',", ""] {
            assert_eq!(found(&codec, payload.as_bytes()), None, "{payload}");
        }
        let far = format!("('{}','lookup',(),{{}})", "x".repeat(1 << 16));
        assert_eq!(found(&codec, far.as_bytes()), None);
    }
}
