//! The serializers: one of the formats of `ferropyro-formats`, with what the peer's generation of Pyro needs.

use ferropyro_formats::{self as formats, json, marshal, msgpack, serpent};
use ferropyro_wire::{Dialect, SerializerId, SerializerKind};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed};

use crate::classes::class_names;
use crate::config::SerializerName;

/// A serializer of pure data, which can be written and read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Serializer {
    /// Python literals as text: Pyro's default.
    #[default]
    Serpent,
    /// JSON.
    Json,
    /// CPython's marshal: the fastest for bytes.
    Marshal,
    /// MessagePack.
    Msgpack,
}

impl Serializer {
    /// The name in Pyro's settings.
    pub fn name(self) -> &'static str {
        SerializerName::from(self).as_str()
    }

    fn kind(self) -> SerializerKind {
        match self {
            Serializer::Serpent => SerializerKind::Serpent,
            Serializer::Json => SerializerKind::Json,
            Serializer::Marshal => SerializerKind::Marshal,
            Serializer::Msgpack => SerializerKind::Msgpack,
        }
    }

    /// The number on the wire. Dialects before 48 lack msgpack; there its later number stands for it.
    pub(crate) fn id(self, dialect: Dialect) -> SerializerId {
        self.kind().id(dialect).unwrap_or(SerializerId(6))
    }

    /// The serializer that a number on the wire means, when it is one of data.
    pub(crate) fn from_id(dialect: Dialect, id: SerializerId) -> Option<Serializer> {
        match id.kind(dialect)? {
            SerializerKind::Serpent => Some(Serializer::Serpent),
            SerializerKind::Json => Some(Serializer::Json),
            SerializerKind::Marshal => Some(Serializer::Marshal),
            SerializerKind::Msgpack => Some(Serializer::Msgpack),
            _ => None,
        }
    }
}

impl From<Serializer> for SerializerName {
    fn from(serializer: Serializer) -> SerializerName {
        match serializer {
            Serializer::Serpent => SerializerName::Serpent,
            Serializer::Json => SerializerName::Json,
            Serializer::Marshal => SerializerName::Marshal,
            Serializer::Msgpack => SerializerName::Msgpack,
        }
    }
}

/// The error is the name of a serializer that could execute code.
impl TryFrom<SerializerName> for Serializer {
    type Error = crate::Error;

    fn try_from(name: SerializerName) -> crate::Result<Serializer> {
        match name {
            SerializerName::Serpent => Ok(Serializer::Serpent),
            SerializerName::Json => Ok(Serializer::Json),
            SerializerName::Marshal => Ok(Serializer::Marshal),
            SerializerName::Msgpack => Ok(Serializer::Msgpack),
            SerializerName::Pickle | SerializerName::Dill | SerializerName::Cloudpickle => Err(crate::Error::new(
                crate::ErrorKind::Serialize,
                format!("serializer '{name}' is unknown or not available; use serpent, json, marshal or msgpack"),
            )),
        }
    }
}

/// A serializer as it is used on one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) serializer: Serializer,
    pub(crate) dialect: Dialect,
    /// Serpent writes bytes as literals (Pyro5's SERPENT_BYTES_REPR).
    pub(crate) bytes_repr: bool,
}

impl Codec {
    pub(crate) fn id(&self) -> SerializerId {
        self.serializer.id(self.dialect)
    }

    /// Writes a value behind what `out` holds; on an error `out` is as it was.
    pub(crate) fn append<T: Serialize + ?Sized>(&self, out: &mut Vec<u8>, value: &T) -> Result<(), formats::Error> {
        let class_names = class_names(self.dialect);
        match self.serializer {
            Serializer::Serpent => {
                let options = serpent::Options {
                    class_names,
                    bytes_repr: self.bytes_repr,
                };
                serpent::append(out, value, &options)
            }
            Serializer::Json => json::append(out, value, &json::Options { class_names }),
            Serializer::Marshal => {
                let options = marshal::Options {
                    class_names,
                    ..Default::default()
                };
                marshal::append(out, value, &options)
            }
            Serializer::Msgpack => {
                let options = msgpack::Options {
                    class_names,
                    ..Default::default()
                };
                msgpack::append(out, value, &options)
            }
        }
    }

    /// Reads a value that takes up the whole input.
    pub(crate) fn read<'de, T: Deserialize<'de>>(&self, input: &'de [u8]) -> Result<T, formats::Error> {
        self.read_seed(input, std::marker::PhantomData)
    }

    pub(crate) fn read_seed<'de, S: DeserializeSeed<'de>>(
        &self,
        input: &'de [u8],
        seed: S,
    ) -> Result<S::Value, formats::Error> {
        macro_rules! read {
            ($format:ident) => {{
                let mut deserializer = $format::Deserializer::new(input, &$format::LIMITS);
                let value = seed.deserialize(&mut deserializer)?;
                deserializer.end()?;
                Ok(value)
            }};
        }
        match self.serializer {
            Serializer::Serpent => read!(serpent),
            Serializer::Json => read!(json),
            Serializer::Marshal => read!(marshal),
            Serializer::Msgpack => read!(msgpack),
        }
    }
}
