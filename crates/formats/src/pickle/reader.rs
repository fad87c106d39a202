//! Reads what a pickle has built as serde's data model.

use std::cell::Cell;

use serde::Deserializer as _;
use serde::de::value::{
    BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer, StringDeserializer, UnitDeserializer,
};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::document::{Document, Entry, Made, Name, Node, Object};
use super::graph;
use super::object::{Meaning, meaning, nearest_attributes};
use super::parts::Parts;
use crate::de::{
    forward_to_python_types, visit_big_int, visit_bytes_as_seq, visit_items, visit_surrogates, visit_tagged_bytes,
};
use crate::stack::with_stack;
use crate::tag::{Tag, visit_tagged};
use crate::variant::{Content, NOT_A_VARIANT};
use crate::{BigInt, Error, ErrorKind, Limits, Pickled, Value};

/// A document on its way to a value, and what of the limits is left.
pub(super) struct Walk<'de> {
    pub(super) document: Document<'de>,
    limits: Limits,
    depth: Cell<usize>,
    items: Cell<usize>,
    /// The bytes of texts that may still be read. References repeat them for next to nothing.
    bytes: Cell<usize>,
    /// Which objects are being read: one of them inside itself has no end. Nothing where this cannot be.
    open: Vec<Cell<bool>>,
}

impl<'de> Walk<'de> {
    pub(super) fn new(document: Document<'de>, limits: &Limits) -> Walk<'de> {
        Walk {
            open: match document.repeats {
                true => vec![Cell::new(false); document.objects.len()],
                false => Vec::new(),
            },
            limits: *limits,
            depth: Cell::new(0),
            items: Cell::new(limits.items),
            // As much as the pickle itself can hold, and what the limit allows on top of that.
            bytes: Cell::new(document.end.saturating_mul(2).saturating_add(limits.bytes)),
            document,
        }
    }

    pub(super) fn root(&self) -> Reader<'_, 'de> {
        self.reader(self.document.root)
    }

    pub(super) fn reader(&self, node: Node<'de>) -> Reader<'_, 'de> {
        Reader { walk: self, node }
    }

    /// Counts so many values.
    pub(super) fn count(&self, count: usize) -> Result<(), Error> {
        match self.items.get().checked_sub(count) {
            Some(left) => self.items.set(left),
            None => return Err(self.too_many()),
        }
        Ok(())
    }

    #[cold]
    fn too_many(&self) -> Error {
        Error::limit(format!("more than {} values", self.limits.items))
    }

    /// Counts the bytes of a text.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Error> {
        let left = self.bytes.get().checked_sub(bytes);
        let too_many = || Error::limit(format!("references repeat more than {} bytes", self.limits.bytes));
        self.bytes.set(left.ok_or_else(too_many)?);
        Ok(())
    }

    /// Runs `inner` one level deeper, inside the object of this number.
    fn inside<T>(&self, object: usize, inner: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let open = self.open.get(object);
        if open.is_some_and(Cell::get) {
            return Err(Error::new(ErrorKind::Data, "recursive value"));
        }
        let depth = self.depth.get();
        if depth == self.limits.depth {
            return Err(Error::limit("recursion limit exceeded"));
        }
        self.depth.set(depth + 1);
        open.inspect(|open| open.set(true));
        let result = with_stack(inner);
        open.inspect(|open| open.set(false));
        self.depth.set(depth);
        result
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a, 'de> {
    pub(super) walk: &'a Walk<'de>,
    pub(super) node: Node<'de>,
}

/// What the caller asked for, where the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Any,
    /// Python's types: see [`crate::tag`].
    Rich,
    /// Bytes. Those of a `str` of Python 2 are some.
    Bytes,
    /// [`Want::Bytes`] in [`Want::Rich`].
    RichBytes,
    Float,
    /// A sequence. Bytes are one.
    Sequence,
    Enum,
}

impl Want {
    pub(super) fn is_rich(self) -> bool {
        matches!(self, Want::Rich | Want::RichBytes)
    }
}

impl<'a, 'de> Reader<'a, 'de> {
    #[inline(always)] // so that what is wanted is known
    fn visit<V: Visitor<'de>>(self, visitor: V, want: Want) -> Result<V::Value, Error> {
        self.walk.count(1)?;
        match self.node {
            Node::None => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(value),
            Node::Int(number) => visitor.visit_i64(number),
            Node::Float(number) => visitor.visit_f64(number),
            Node::Long(bytes) => self.big_int(&BigInt::from_bytes(bytes), visitor, want),
            Node::Str(text) => {
                self.walk.spend(text.len())?;
                match want {
                    Want::Enum => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
                    _ => visitor.visit_borrowed_str(text),
                }
            }
            Node::Bytes(bytes) => {
                self.walk.spend(bytes.len())?;
                match want {
                    Want::Sequence => visit_bytes_as_seq(visitor, bytes),
                    _ => visitor.visit_borrowed_bytes(bytes),
                }
            }
            Node::ByteArray(bytes) => {
                self.walk.spend(bytes.len())?;
                match want {
                    Want::Sequence => visit_bytes_as_seq(visitor, bytes),
                    Want::Rich => visit_tagged_bytes(visitor, Tag::ByteArray, bytes),
                    _ => visitor.visit_borrowed_bytes(bytes),
                }
            }
            Node::OldStr(bytes) => {
                self.walk.spend(bytes.len())?;
                match (want, std::str::from_utf8(bytes)) {
                    (Want::Bytes | Want::RichBytes, _) => visitor.visit_borrowed_bytes(bytes),
                    (Want::Sequence, _) => visit_bytes_as_seq(visitor, bytes),
                    (Want::Enum, Ok(text)) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
                    (_, Ok(text)) => visitor.visit_borrowed_str(text),
                    (_, Err(_)) => visitor.visit_borrowed_bytes(bytes),
                }
            }
            Node::Object(nr) => self.object(nr, visitor, want),
        }
    }

    // These two are no part of what they are called by, where only the name of a tag is looked at, and which name it is is known.
    fn rich<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Rich)
    }

    fn rich_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::RichBytes)
    }

    fn object<V: Visitor<'de>>(self, nr: usize, visitor: V, want: Want) -> Result<V::Value, Error> {
        let rich = |tag| want.is_rich().then_some(tag);
        let Document { objects, nodes, .. } = &self.walk.document;
        match &objects[nr] {
            Object::List(list) => self.walk.inside(nr, || self.items(list.nodes(nodes), visitor, None)),
            Object::Tuple(tuple) => self
                .walk
                .inside(nr, || self.items(tuple.nodes(nodes), visitor, rich(Tag::Tuple))),
            Object::Set(set) => self
                .walk
                .inside(nr, || self.items(set.nodes(nodes), visitor, rich(Tag::Set))),
            Object::FrozenSet(set) => self
                .walk
                .inside(nr, || self.items(set.nodes(nodes), visitor, rich(Tag::FrozenSet))),
            Object::Dict(dict) => self.walk.inside(nr, || match want {
                Want::Enum => self.variant(dict.entries(nodes), visitor),
                _ => self.entries(dict.entries(nodes), visitor),
            }),
            Object::Text(text) => {
                self.walk.spend(text.len())?;
                match want {
                    Want::Enum => visitor.visit_enum(StrDeserializer::new(text)),
                    _ => visitor.visit_str(text),
                }
            }
            Object::Wtf8(text) => {
                self.walk.spend(text.len())?;
                visit_surrogates(visitor, text, want.is_rich())
            }
            Object::OldStr(bytes) => {
                self.walk.spend(bytes.len())?;
                match (want, std::str::from_utf8(bytes)) {
                    (Want::Bytes | Want::RichBytes, _) => visitor.visit_bytes(bytes),
                    (Want::Sequence, _) => visit_bytes_as_seq(visitor, bytes),
                    (Want::Enum, Ok(text)) => visitor.visit_enum(StrDeserializer::new(text)),
                    (_, Ok(text)) => visitor.visit_str(text),
                    (_, Err(_)) => visitor.visit_bytes(bytes),
                }
            }
            Object::BigInt(number) => self.big_int(number, visitor, want),
            Object::Global(name) => global(name, visitor, want),
            Object::Made(made) => self.walk.inside(nr, || self.made(made, visitor, want)),
        }
    }

    fn made<V: Visitor<'de>>(self, made: &'a Made<'de>, visitor: V, want: Want) -> Result<V::Value, Error> {
        match meaning(self.walk, made)? {
            Meaning::Items(tag, items) => self.items(&items, visitor, tag.filter(|_| want.is_rich())),
            Meaning::Dict(entries) => self.entries(&entries, visitor),
            Meaning::Instance(class, attributes) => {
                let entries = Attributes::new(self.walk, attributes, class);
                match want.is_rich() {
                    true => visit_tagged(visitor, Tag::Instance, MapAccessDeserializer::new(entries)),
                    false => visitor.visit_map(entries),
                }
            }
            Meaning::ClassDict(tag, parts) => {
                let entries = Parts::new(self.walk, parts);
                match want.is_rich() {
                    true => visit_tagged(visitor, tag, MapAccessDeserializer::new(entries)),
                    false => visitor.visit_map(entries),
                }
            }
            Meaning::Value(Value::Bytes(bytes) | Value::ByteArray(bytes)) if want == Want::Sequence => {
                visit_bytes_as_seq(visitor, &bytes)
            }
            Meaning::Value(value) if want.is_rich() => value.deserialize_newtype_struct(Tag::Value.name(), visitor),
            Meaning::Value(value) => value.deserialize_any(visitor),
            Meaning::Unknown => self.unknown(made, visitor, want),
        }
    }

    /// An object that only Python can make: as it is, to be passed on.
    fn unknown<V: Visitor<'de>>(self, made: &Made<'de>, visitor: V, want: Want) -> Result<V::Value, Error> {
        let document = &self.walk.document;
        let callee = document
            .global(made.callee)
            .map_or_else(|| "?".to_owned(), Name::dotted);
        if !want.is_rich() {
            if let Some(attributes) = nearest_attributes(document, made) {
                return visitor.visit_map(Attributes::new(self.walk, attributes, callee));
            }
            return Err(de::Error::custom(format_args!(
                "an object that only Python can make, with {callee}"
            )));
        }
        let pickle = graph::pickle(document, self.node)?;
        self.walk.spend(pickle.len())?;
        visit_tagged_bytes(visitor, Tag::Pickled, &Pickled::new(callee, pickle).into_content())
    }

    fn big_int<V: Visitor<'de>>(self, number: &BigInt, visitor: V, want: Want) -> Result<V::Value, Error> {
        match want {
            // Beyond the range of floats, and slow to find out otherwise.
            Want::Float if number.0.bits() > 1024 => Err(de::Error::custom("int too large to convert to float")),
            Want::Float => visitor.visit_f64(number.to_f64()),
            _ => visit_big_int(visitor, number, want.is_rich()),
        }
    }

    fn items<V: Visitor<'de>>(self, items: &[Node<'de>], visitor: V, tag: Option<Tag>) -> Result<V::Value, Error> {
        let mut items = Items::new(self.walk, items);
        let value = visit_items(visitor, tag, &mut items)?;
        match items.nodes.len() {
            0 => Ok(value),
            left => Err(too_long("sequence", left)),
        }
    }

    fn entries<V: Visitor<'de>>(self, entries: &[Entry<'de>], visitor: V) -> Result<V::Value, Error> {
        let mut entries = Entries::new(self.walk, entries);
        let value = visitor.visit_map(&mut entries)?;
        match entries.entries.len() {
            0 => Ok(value),
            left => Err(too_long("dict", left)),
        }
    }

    fn variant<V: Visitor<'de>>(self, entries: &'a [Entry<'de>], visitor: V) -> Result<V::Value, Error> {
        match entries {
            [[name, content]] => visitor.visit_enum(Variant {
                name: self.walk.reader(*name),
                content: self.walk.reader(*content),
            }),
            _ => Err(de::Error::custom(NOT_A_VARIANT)),
        }
    }
}

fn global<'de, V: Visitor<'de>>(name: &Name<'de>, visitor: V, want: Want) -> Result<V::Value, Error> {
    if name.module == "builtins" && name.name == "Ellipsis" {
        return match want.is_rich() {
            true => visit_tagged(visitor, Tag::Ellipsis, UnitDeserializer::new()),
            false => visitor.visit_unit(),
        };
    }
    let dotted = name.dotted();
    match want.is_rich() {
        true => visit_tagged(visitor, Tag::Type, StrDeserializer::new(&dotted)),
        false => visitor.visit_string(dotted),
    }
}

fn too_long(what: &str, left: usize) -> Error {
    de::Error::custom(format_args!("the {what} has {left} more items than expected"))
}

impl<'de> de::Deserializer<'de> for Reader<'_, 'de> {
    type Error = Error;

    forward_to_python_types! { |self, visitor, tag| match tag {
        Tag::ByteArray => self.rich_bytes(visitor),
        _ => self.rich(visitor),
    } }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Any)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Float)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Bytes)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Sequence)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node {
            Node::None => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.visit(visitor, Want::Enum)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str unit map identifier
    }
}

impl<'de> IntoDeserializer<'de, Error> for Reader<'_, 'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

pub(super) struct Items<'a, 'de> {
    walk: &'a Walk<'de>,
    nodes: std::slice::Iter<'a, Node<'de>>,
}

impl<'a, 'de> Items<'a, 'de> {
    pub(super) fn new(walk: &'a Walk<'de>, nodes: &'a [Node<'de>]) -> Items<'a, 'de> {
        Items {
            walk,
            nodes: nodes.iter(),
        }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let next = self.nodes.next();
        next.map(|node| seed.deserialize(self.walk.reader(*node))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.nodes.len())
    }
}

pub(super) struct Entries<'a, 'de> {
    walk: &'a Walk<'de>,
    entries: std::slice::Iter<'a, Entry<'de>>,
    /// The value of the key that was read last.
    value: Node<'de>,
}

impl<'a, 'de> Entries<'a, 'de> {
    pub(super) fn new(walk: &'a Walk<'de>, entries: &'a [Entry<'de>]) -> Entries<'a, 'de> {
        Entries {
            walk,
            entries: entries.iter(),
            value: Node::None,
        }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some([key, value]) = self.entries.next() else {
            return Ok(None);
        };
        self.value = *value;
        seed.deserialize(self.walk.reader(*key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.walk.reader(self.value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The attributes of an instance, and its class behind them.
struct Attributes<'a, 'de> {
    entries: Entries<'a, 'de>,
    class: Option<String>,
    /// The key that was read last was that of the class.
    at_class: bool,
}

impl<'a, 'de> Attributes<'a, 'de> {
    fn new(walk: &'a Walk<'de>, attributes: &'a [Entry<'de>], class: String) -> Attributes<'a, 'de> {
        Attributes {
            entries: Entries::new(walk, attributes),
            class: Some(class),
            at_class: false,
        }
    }
}

impl<'de> de::MapAccess<'de> for Attributes<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if self.entries.entries.len() > 0 {
            return self.entries.next_key_seed(seed);
        }
        if self.class.is_none() || self.at_class {
            return Ok(None);
        }
        self.at_class = true;
        seed.deserialize(BorrowedStrDeserializer::new("__class__")).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        match self.class.take_if(|_| self.at_class) {
            Some(class) => seed.deserialize(StringDeserializer::new(class)),
            None => self.entries.next_value_seed(seed),
        }
    }
}

/// An enum's variant with content.
struct Variant<'a, 'de> {
    name: Reader<'a, 'de>,
    content: Reader<'a, 'de>,
}

impl<'a, 'de> de::EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Error;
    type Variant = Content<Reader<'a, 'de>>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<Reader<'a, 'de>>), Error> {
        Ok((seed.deserialize(self.name)?, Content(Some(self.content))))
    }
}
