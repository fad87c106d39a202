//! The serializers: one of the formats of `ferropyro-formats`, with what the peer's generation of Pyro needs.

use std::cell::Cell;

use ferropyro_formats::{self as formats, Value, json, marshal, msgpack, pickle, serpent};
use ferropyro_wire::{Dialect, Serializer, SerializerId};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeSeed};

use crate::classes::class_names;
use crate::{Config, Error, ErrorKind};

/// A serializer as it is used on one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) serializer: Serializer,
    pub(crate) dialect: Dialect,
    /// Serpent writes bytes as literals (Pyro5's SERPENT_BYTES_REPR).
    bytes_repr: bool,
    /// The protocol of the pickles that are written.
    pickle_protocol: u8,
    /// Whether pickles are to be read as data, by bindings to other languages too (PICKLE_SAFE).
    pub(crate) pickle_safe: bool,
}

/// The protocol that every Python reads which has a Pyro.
const PICKLE_FOR_ALL: u8 = 2;

impl Codec {
    pub(crate) fn new(config: &Config, serializer: Serializer, dialect: Dialect) -> Codec {
        let protocol = match serializer {
            Serializer::Dill => config.dill_protocol_version,
            _ => config.pickle_protocol_version,
        };
        let codec = Codec {
            serializer,
            dialect,
            bytes_repr: config.serpent_bytes_repr,
            // As in Python a negative number is the highest one.
            pickle_protocol: u8::try_from(protocol).unwrap_or(pickle::HIGHEST_PROTOCOL),
            pickle_safe: config.pickle_safe,
        };
        match codec.may_be_python2() {
            true => codec.for_a_stranger(),
            false => codec,
        }
    }

    /// One that no setting changes.
    pub(crate) fn plain(serializer: Serializer, dialect: Dialect) -> Codec {
        Codec {
            serializer,
            dialect,
            bytes_repr: false,
            pickle_protocol: PICKLE_FOR_ALL,
            pickle_safe: true,
        }
    }

    /// The same with another serializer.
    pub(crate) fn with(self, serializer: Serializer) -> Codec {
        Codec { serializer, ..self }
    }

    /// Most programs of the old protocols run on Python 2.
    fn may_be_python2(&self) -> bool {
        self.dialect.server_speaks_first()
    }

    /// The number on the wire. Where the dialect lacks the serializer, a number stands for it that its servers refuse: the one that it got later, or none at all.
    pub(crate) fn id(&self) -> SerializerId {
        let later = || match self.dialect.is_pyro5() {
            true => None,
            false => self.serializer.id(Dialect::V48),
        };
        let id = self.serializer.id(self.dialect).or_else(later);
        id.unwrap_or(SerializerId(u8::MAX.into()))
    }

    /// The codec for somebody of whom nothing is known yet: pickles are such as every Python can read.
    pub(crate) fn for_a_stranger(self) -> Codec {
        self.for_a_reader_of(PICKLE_FOR_ALL)
    }

    /// The codec for somebody who has written this. Pythons differ in the highest protocol of pickle that they read, and write none that they could not.
    pub(crate) fn for_the_writer_of(self, payload: &[u8]) -> Codec {
        if !self.serializer.is_pickle() {
            return self;
        }
        self.for_a_reader_of(pickle::protocol(payload))
    }

    /// The codec for somebody who reads pickles of this protocol.
    pub(crate) fn for_a_reader_of(self, protocol: u8) -> Codec {
        Codec {
            pickle_protocol: self.pickle_protocol.min(protocol.max(PICKLE_FOR_ALL)),
            ..self
        }
    }

    /// The protocol of the pickles that are written, if any are.
    pub(crate) fn pickle_protocol(&self) -> Option<u8> {
        self.serializer.is_pickle().then_some(self.pickle_protocol)
    }

    /// Fails where the dialect must not have the serializer: nobody who speaks Pyro5 may be brought to read pickles.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.serializer.is_pickle() && self.dialect.is_pyro5() {
            true => Err(no_pickle(self.serializer)),
            false => Ok(()),
        }
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
                    // Python 3 reads its forms as well.
                    python2: self.may_be_python2(),
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
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => {
                let options = pickle::Options {
                    class_names,
                    protocol: self.pickle_protocol,
                };
                pickle::append(out, value, &options)
            }
        }
    }

    /// Reads a value that takes up the whole input.
    pub(crate) fn read<'de, T: Deserialize<'de>>(&self, input: &'de [u8]) -> Result<T, formats::Error> {
        self.read_seed(input, std::marker::PhantomData)
    }

    /// Reads the front of a call, its first two items, and perhaps more: the seed may leave containers before their end.
    pub(crate) fn read_front<'de, S: DeserializeSeed<'de>>(
        &self,
        input: &'de [u8],
        seed: S,
    ) -> Result<S::Value, formats::Error> {
        match self.serializer {
            Serializer::Serpent => seed.deserialize(&mut serpent::Deserializer::front(input, &serpent::LIMITS)),
            Serializer::Json => seed.deserialize(&mut json::Deserializer::front(input, &json::LIMITS)),
            Serializer::Marshal => seed.deserialize(&mut marshal::Deserializer::front(input, &marshal::LIMITS)),
            Serializer::Msgpack => seed.deserialize(&mut msgpack::Deserializer::front(input, &msgpack::LIMITS)),
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => {
                seed.deserialize(&mut pickle::Deserializer::front(input, &pickle::LIMITS, 2))
            }
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
            Serializer::Pickle | Serializer::Dill | Serializer::Cloudpickle => read!(pickle),
        }
    }
}

/// The error of who wants a pickle to go to Pyro5.
pub(crate) fn no_pickle(serializer: Serializer) -> Error {
    let text = format!("Pyro5 has no {serializer}, which lets others run code: use serpent, json, marshal or msgpack");
    Error::new(ErrorKind::Serialize, text)
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
