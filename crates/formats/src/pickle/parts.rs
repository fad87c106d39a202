//! Class dicts that are put together of what a pickle holds in another form.

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, Visitor};
use serde::forward_to_deserialize_any;

use super::document::{Entry, Node};
use super::reader::{Entries, Items, Walk};
use crate::Error;
use crate::de::visit_items;
use crate::tag::Tag;

/// A value in a class dict.
pub(super) enum Part<'a, 'de> {
    Node(Node<'de>),
    Text(String),
    /// A tuple.
    Items(&'a [Node<'de>]),
    /// A tuple.
    Parts(Vec<Part<'a, 'de>>),
    Dict(Vec<Entry<'de>>),
}

/// A class dict.
pub(super) struct Parts<'a, 'de> {
    walk: &'a Walk<'de>,
    entries: std::vec::IntoIter<(&'static str, Part<'a, 'de>)>,
    value: Option<Part<'a, 'de>>,
}

impl<'a, 'de> Parts<'a, 'de> {
    pub(super) fn new(walk: &'a Walk<'de>, entries: Vec<(&'static str, Part<'a, 'de>)>) -> Parts<'a, 'de> {
        Parts {
            walk,
            entries: entries.into_iter(),
            value: None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        read_part(self.walk, self.value.take().unwrap_or(Part::Node(Node::None)), seed)
    }
}

/// A tuple of parts.
struct PartItems<'a, 'de> {
    walk: &'a Walk<'de>,
    parts: std::vec::IntoIter<Part<'a, 'de>>,
}

impl<'de> de::SeqAccess<'de> for PartItems<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let next = self.parts.next();
        next.map(|part| read_part(self.walk, part, seed)).transpose()
    }
}

fn read_part<'de, S: DeserializeSeed<'de>>(walk: &Walk<'de>, part: Part<'_, 'de>, seed: S) -> Result<S::Value, Error> {
    match part {
        Part::Node(node) => seed.deserialize(walk.reader(node)),
        Part::Text(text) => seed.deserialize(StringDeserializer::new(text)),
        part => seed.deserialize(PartReader { walk, part }),
    }
}

/// Reads a part that has other values in it.
struct PartReader<'a, 'de> {
    walk: &'a Walk<'de>,
    part: Part<'a, 'de>,
}

impl<'de> PartReader<'_, 'de> {
    fn visit<V: Visitor<'de>>(self, visitor: V, rich: bool) -> Result<V::Value, Error> {
        let walk = self.walk;
        let tuple = rich.then_some(Tag::Tuple);
        match self.part {
            Part::Items(items) => visit_items(visitor, tuple, Items::new(walk, items)),
            Part::Parts(parts) => {
                let parts = parts.into_iter();
                visit_items(visitor, tuple, PartItems { walk, parts })
            }
            Part::Dict(entries) => visitor.visit_map(Entries::new(walk, &entries)),
            Part::Node(_) | Part::Text(_) => visitor.visit_unit(),
        }
    }
}

impl<'de> de::Deserializer<'de> for PartReader<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, false)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match Tag::from_name(name) {
            Some(_) => self.visit(visitor, true),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
