//! The variants of Rust's enums: a text, or a dict of one entry whose key is the variant's name and whose value its content.

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};

use crate::Error;

/// The refusal to read an enum from anything else.
pub(crate) const NOT_A_VARIANT: &str = "an enum is a text, or a dict of one entry: the variant's name and its content";

/// The variant whose name comes next in the input.
pub(crate) struct Variant<'a, D> {
    de: &'a mut D,
    /// Steps from the name to the content; `None` for a text, which has no content.
    to_content: Option<ToContent<D>>,
}

type ToContent<D> = fn(&mut D) -> Result<(), Error>;

impl<'a, D> Variant<'a, D> {
    pub(crate) fn text(de: &'a mut D) -> Variant<'a, D> {
        Variant { de, to_content: None }
    }

    pub(crate) fn entry(de: &'a mut D, to_content: ToContent<D>) -> Variant<'a, D> {
        Variant {
            de,
            to_content: Some(to_content),
        }
    }
}

impl<'a, 'de, D> EnumAccess<'de> for Variant<'a, D>
where
    for<'d> &'d mut D: Deserializer<'de, Error = Error>,
{
    type Error = Error;
    type Variant = Content<&'a mut D>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<&'a mut D>), Error> {
        let name = seed.deserialize(&mut *self.de)?;
        match self.to_content {
            None => Ok((name, Content(None))),
            Some(to_content) => {
                to_content(self.de)?;
                Ok((name, Content(Some(self.de))))
            }
        }
    }
}

/// The content of a variant, if it has any.
pub(crate) struct Content<D>(pub(crate) Option<D>);

impl<D> Content<D> {
    fn needed<E: de::Error>(self) -> Result<D, E> {
        self.0
            .ok_or_else(|| E::custom("this variant of the enum has content: a dict of one entry"))
    }
}

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Content<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        self.0.map_or(Ok(()), <()>::deserialize)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, D::Error> {
        seed.deserialize(self.needed()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.needed()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.needed()?.deserialize_map(visitor)
    }
}
