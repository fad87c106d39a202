//! The private names under which Python's extra types travel through serde: for who has another data model than [`Value`](crate::Value), such as Python's own
//! objects.
//!
//! Writing: `serialize_newtype_struct(tag.name(), content)`. A serializer of this crate looks the name up with [`Tag::from_name`]; the content
//! is a text or byte string , or a sequence or map that is then written in the tag's own way.
//!
//! Reading: a type that wants Python's types calls `deserialize_newtype_struct(tag.name(), visitor)` with any tag. A deserializer of this crate then
//! answers in *rich* mode: types that serde knows arrive as always, the others as an enum whose variant is the tag's name, with the
//! content as newtype variant ([`read_tag`]). In every other call the deserializer gives the nearest type that serde knows (a set is a sequence).

use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Unexpected, VariantAccess, Visitor};

macro_rules! tags {
    ($($(#[$doc:meta])* $tag:ident = $name:literal,)*) => {
        /// A type of Python's that serde's data model lacks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Tag { $($(#[$doc])* $tag,)* }

        impl Tag {
            /// The name of the newtype struct, or of the variant.
            pub const fn name(self) -> &'static str {
                match self { $(Tag::$tag => concat!("$ferropyro::", $name),)* }
            }

            /// The tag of this name.
            #[inline] // names are constants, so that nothing is left of it in most places
            pub fn from_name(name: &str) -> Option<Tag> {
                match name {
                    $(concat!("$ferropyro::", $name) => Some(Tag::$tag),)*
                    _ => None,
                }
            }
        }
    };
}

tags! {
    /// Only for reading: asks for rich mode.
    Value = "Value",
    /// Only for reading, content: sequence. (Written with serde's own tuples.)
    Tuple = "Tuple",
    /// Content: sequence.
    Set = "Set",
    /// Content: sequence.
    FrozenSet = "FrozenSet",
    /// Content: bytes, two's complement, little-endian.
    BigInt = "BigInt",
    /// Content: 16 bytes, real and imaginary part as little-endian doubles.
    Complex = "Complex",
    /// A text with lone surrogates. Content: bytes, WTF-8.
    Surrogates = "Surrogates",
    /// Content: bytes.
    ByteArray = "ByteArray",
    /// Content: text as Python prints it.
    Decimal = "Decimal",
    /// Content: text, ISO 8601 as Python prints it; `;fold=1` behind it where fold is set.
    DateTime = "DateTime",
    /// Content: text, ISO 8601.
    Date = "Date",
    /// Content: text as for DateTime.
    Time = "Time",
    /// Content: 12 bytes, days, seconds, microseconds as little-endian i32.
    TimeDelta = "TimeDelta",
    /// Content: 16 bytes.
    Uuid = "Uuid",
    /// A class or function by name. Content: text, the dotted name.
    Type = "Type",
    /// Content: unit.
    Ellipsis = "Ellipsis",
    /// The text behind `__class__` in a class dict; translated by `ClassNames` when written. Content: text.
    ClassName = "ClassName",
    /// An exception. Content: its class dict as a map.
    Exception = "Exception",
    /// An instance of a class. Content: its class dict as a map.
    Instance = "Instance",
    /// An object that only Python can make. Content: bytes, see [`Pickled`](crate::Pickled).
    Pickled = "Pickled",
}

/// Hands `content` to the visitor as the enum variant `tag`.
pub(crate) fn visit_tagged<'de, V, D>(visitor: V, tag: Tag, content: D) -> Result<V::Value, D::Error>
where
    V: Visitor<'de>,
    D: Deserializer<'de>,
{
    visitor.visit_enum(Tagged {
        tag,
        content,
        lifetime: PhantomData,
    })
}

/// The tag of an enum that a visitor got in rich mode, and the access to its content.
///
/// # Errors
/// When it is not one of these.
pub fn read_tag<'de, A: EnumAccess<'de>>(data: A) -> Result<(Tag, A::Variant), A::Error> {
    data.variant_seed(TagSeed)
}

struct Tagged<'de, D> {
    tag: Tag,
    content: D,
    lifetime: PhantomData<&'de ()>,
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Tagged<'de, D> {
    type Error = D::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), D::Error> {
        let name: StrDeserializer<'static, D::Error> = serde::de::IntoDeserializer::into_deserializer(self.tag.name());
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Tagged<'de, D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, D::Error> {
        seed.deserialize(self.content)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.content.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.content.deserialize_map(visitor)
    }
}

struct TagSeed;

impl<'de> DeserializeSeed<'de> for TagSeed {
    type Value = Tag;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tag, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for TagSeed {
    type Value = Tag;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a type of Python")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Tag, E> {
        Tag::from_name(name).ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }
}
