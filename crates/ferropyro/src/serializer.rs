//! The serializers: one of the formats of `ferropyro-formats`, with what the peer's generation of Pyro needs.

use std::cell::Cell;
use std::str::FromStr;

use ferropyro_formats::{self as formats, Value, json, marshal, msgpack, serpent};
use ferropyro_wire::{Dialect, SerializerId, SerializerKind};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed};

use crate::classes::class_names;
use crate::{Error, ErrorKind, Result};

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
        SerializerKind::from(self).name()
    }

    /// The number on the wire. Dialects before 48 lack msgpack; its later number, which servers of those refuse, stands for it there.
    pub(crate) fn id(self, dialect: Dialect) -> SerializerId {
        SerializerKind::from(self).id(dialect).unwrap_or(SerializerId(6))
    }

    /// The serializer that a number on the wire means, when it is one of data.
    pub(crate) fn from_id(dialect: Dialect, id: SerializerId) -> Option<Serializer> {
        Serializer::try_from(id.kind(dialect)?).ok()
    }
}

impl From<Serializer> for SerializerKind {
    fn from(serializer: Serializer) -> SerializerKind {
        match serializer {
            Serializer::Serpent => SerializerKind::Serpent,
            Serializer::Json => SerializerKind::Json,
            Serializer::Marshal => SerializerKind::Marshal,
            Serializer::Msgpack => SerializerKind::Msgpack,
        }
    }
}

/// The error names a serializer that could execute code.
impl TryFrom<SerializerKind> for Serializer {
    type Error = Error;

    fn try_from(kind: SerializerKind) -> Result<Serializer> {
        match kind {
            SerializerKind::Serpent => Ok(Serializer::Serpent),
            SerializerKind::Json => Ok(Serializer::Json),
            SerializerKind::Marshal => Ok(Serializer::Marshal),
            SerializerKind::Msgpack => Ok(Serializer::Msgpack),
            SerializerKind::Pickle | SerializerKind::Dill | SerializerKind::Cloudpickle => {
                Err(unavailable(kind.name()))
            }
        }
    }
}

/// Reads the name in Pyro's settings.
impl FromStr for Serializer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Serializer> {
        let kind = SerializerKind::from_name(name);
        kind.map_or_else(|| Err(unavailable(name)), Serializer::try_from)
    }
}

/// Pyro's words, and what there is.
fn unavailable(name: &str) -> Error {
    let text = format!("serializer '{name}' is unknown or not available; use serpent, json, marshal or msgpack");
    Error::new(ErrorKind::Serialize, text)
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
        let _writing = Writing::for_dialect(self.dialect);
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
                    // Most programs of the old protocols run on Python 2; Python 3 reads its forms as well.
                    python2: self.dialect.server_speaks_first(),
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

    /// Reads the front of a value: the seed may leave containers before their end by `Ok` with serpent, Pyro's default, and has to by an error with the others.
    /// False for those.
    pub(crate) fn read_front<'de, S: DeserializeSeed<'de>>(
        &self,
        input: &'de [u8],
        seed: impl FnOnce(bool) -> S,
    ) -> Result<S::Value, formats::Error> {
        match self.serializer {
            Serializer::Serpent => seed(true).deserialize(&mut serpent::Deserializer::front(input, &serpent::LIMITS)),
            _ => self.read_seed(input, seed(false)),
        }
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

thread_local! {
    static WRITING: Cell<Dialect> = const { Cell::new(Dialect::V502) };
    /// Whether somebody has asked for it.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// The dialect of the peer for whom a value is being written: proxies have another form in each.
pub(crate) fn writing_dialect() -> Dialect {
    ASKED.set(true);
    WRITING.get()
}

/// A value that is made before it is known for which generation: in the form for each, where they differ.
#[derive(Debug, Clone)]
pub(crate) struct EarlyValue {
    value: Value,
    for_pyro4: Option<Box<ForPyro4>>,
}

#[derive(Debug, Clone)]
struct ForPyro4 {
    value: Value,
    /// For protocol 46.
    oldest: Value,
}

impl EarlyValue {
    pub(crate) fn new<T: Serialize + ?Sized>(data: &T) -> Result<EarlyValue, formats::Error> {
        let make = |dialect| {
            let _writing = Writing::for_dialect(dialect);
            formats::to_value(data)
        };
        ASKED.set(false);
        let value = make(Dialect::V502)?;
        let for_pyro4 = match ASKED.get() {
            true => Some(Box::new(ForPyro4 {
                value: make(Dialect::V48)?,
                oldest: make(Dialect::V46)?,
            })),
            false => None,
        };
        Ok(EarlyValue { value, for_pyro4 })
    }

    /// The value as it is here.
    pub(crate) fn value(&self) -> &Value {
        &self.value
    }
}

impl Serialize for EarlyValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.for_pyro4, writing_dialect()) {
            (None, _) | (_, Dialect::V502) => self.value.serialize(serializer),
            (Some(forms), Dialect::V46) => forms.oldest.serialize(serializer),
            (Some(forms), _) => forms.value.serialize(serializer),
        }
    }
}

/// While this lives values are written for peers of a dialect.
pub(crate) struct Writing(Dialect);

impl Writing {
    pub(crate) fn for_dialect(dialect: Dialect) -> Writing {
        Writing(WRITING.replace(dialect))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.set(self.0);
    }
}
