//! Arguments that stay serialized on their way, for dispatchers and gateways that do not look into them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use ferropyro_formats::{self as formats, Value};
use serde::Serialize;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::ser::{Error as _, SerializeTuple};

use crate::arguments::{Arguments, Parameters, Text};
use crate::serializer::{Codec, EarlyValue};
use crate::{Dialect, Result, Serializer};

/// Data that stays serialized at the receiver until somebody asks for it, with a bit of information that can be read at once (manual chapter "Tips & Tricks",
/// "Efficient dispatchers or gateways that don't de/reserialize messages").
///
/// It is the one argument of a call; the compiler refuses a tuple with others. A method that has a parameter of this type gets the blob, can look at
/// [`info`](SerializedBlob::info), and may pass it on in a call of its own: the data go on as they came, in the serializer that they came in. Neither their
/// classes nor their types need to be known on the way.
///
/// ```
/// use ferropyro::{Daemon, Proxy, Raise, SerializedBlob, expose};
///
/// struct Printer;
///
/// #[expose]
/// impl Printer {
///     pub fn print(&self, blob: SerializedBlob) -> Result<String, Raise> {
///         let numbers: Vec<i64> = blob.deserialized()?;
///         Ok(format!("{}: {numbers:?}", blob.info()))
///     }
/// }
///
/// struct Dispatcher(Proxy);
///
/// #[expose]
/// impl Dispatcher {
///     pub fn publish(&self, blob: SerializedBlob) -> Result<String, Raise> {
///         Ok(self.0.call("print", &blob)?)
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let printer = Proxy::new(daemon.register("printer", Printer)?)?;
/// let dispatcher = Proxy::new(daemon.register("dispatcher", Dispatcher(printer))?)?;
/// let _running = daemon.start();
///
/// let blob = SerializedBlob::new("primes", &[2, 3, 5])?;
/// let printed: String = dispatcher.call("publish", &blob)?;
/// assert_eq!(printed, "'primes': [2, 3, 5]");
/// # Ok::<(), ferropyro::Error>(())
/// ```
///
/// Together with other arguments it does not compile:
///
/// ```compile_fail
/// # let proxy = ferropyro::Proxy::new("PYRO:dispatcher@localhost:4711").unwrap();
/// # let blob = ferropyro::SerializedBlob::new("primes", &[2, 3, 5]).unwrap();
/// proxy.call::<()>("publish", (&blob, 1));
/// ```
#[derive(Clone)]
pub struct SerializedBlob {
    info: Value,
    data: Data,
}

#[derive(Clone)]
enum Data {
    /// Made here.
    Local(EarlyValue),
    /// The payload of the call that it came with.
    Received(Codec, Arc<[u8]>),
}

/// Pyro's words.
pub(crate) const ONLY_ARGUMENT: &str = "if SerializedBlob is used, it must be the only argument";

impl SerializedBlob {
    /// A blob of these data. They are serialized when the blob is sent, with the serializer of that proxy.
    ///
    /// # Errors
    /// `Serialize` for data that Python could not have.
    pub fn new(info: impl Into<Value>, data: &(impl Serialize + ?Sized)) -> Result<SerializedBlob> {
        Ok(SerializedBlob {
            info: info.into(),
            data: Data::Local(EarlyValue::new(data)?),
        })
    }

    pub(crate) fn received(info: Value, codec: Codec, payload: &[u8]) -> SerializedBlob {
        SerializedBlob {
            info,
            data: Data::Received(codec, payload.into()),
        }
    }

    /// What is known without looking into the data.
    pub fn info(&self) -> &Value {
        &self.info
    }

    /// The data. Those of a blob that was received are decoded now, and not before.
    ///
    /// # Errors
    /// `Serialize` when they cannot be decoded, or are no `T`.
    pub fn deserialized<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(match &self.data {
            Data::Local(data) => formats::from_value(data.value().clone())?,
            Data::Received(codec, payload) => codec.read_seed(payload, ArgumentsSeed(PhantomData))?,
        })
    }

    /// The call that a blob was received with, as it has arrived, and the serializer that it is written in: its third part are the data. `None` for a blob that was made here. For bindings to
    /// other languages, which have readers of their own.
    pub fn written(&self) -> Option<(Serializer, &[u8])> {
        self.payload().map(|(codec, payload)| (codec.serializer, payload))
    }

    /// What goes along in the annotation `BLBI`, since nobody on the way looks for it in the payload: marshal's form of a tuple.
    pub(crate) fn label(&self, dialect: Dialect, object: &str, method: &str) -> Result<Vec<u8>, formats::Error> {
        let codec = Codec::plain(Serializer::Marshal, dialect);
        let mut label = Vec::new();
        codec.append(&mut label, &(&self.info, object, method))?;
        Ok(label)
    }

    /// The data of a blob that was made here.
    pub(crate) fn data(&self) -> Option<&EarlyValue> {
        match &self.data {
            Data::Local(data) => Some(data),
            Data::Received(..) => None,
        }
    }

    /// The payload of a blob that was received, and how it is serialized.
    pub(crate) fn payload(&self) -> Option<(&Codec, &[u8])> {
        match &self.data {
            Data::Local(_) => None,
            Data::Received(codec, payload) => Some((codec, payload)),
        }
    }
}

/// Reads `BLBI`: the info, the object's id, the name of the method.
pub(crate) fn read_label(label: &[u8]) -> Result<(Value, Text<'_>, Text<'_>), formats::Error> {
    formats::marshal::from_slice(label)
}

impl fmt::Debug for SerializedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blob = f.debug_struct("SerializedBlob");
        blob.field("info", &self.info);
        match &self.data {
            Data::Local(data) => blob.field("data", data.value()).finish(),
            Data::Received(_, payload) => blob.field("bytes", &payload.len()).finish_non_exhaustive(),
        }
    }
}

impl Arguments for SerializedBlob {
    fn count(&self) -> usize {
        1
    }

    /// A blob is a call's only argument, or none.
    fn write<T: SerializeTuple>(&self, _tuple: &mut T) -> Result<(), T::Error> {
        Err(T::Error::custom(ONLY_ARGUMENT))
    }

    /// The data stand where the arguments of other calls do.
    fn serialize<S: serde::Serializer>(&self, serializer: S, _as_list: bool) -> std::result::Result<S::Ok, S::Error> {
        self.data().serialize(serializer)
    }

    fn blob(&self) -> Option<&SerializedBlob> {
        Some(self)
    }
}

macro_rules! one_blob {
    ($tuple:ty) => {
        impl Arguments for $tuple {
            fn count(&self) -> usize {
                1
            }

            fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
                self.0.write(tuple)
            }

            fn blob(&self) -> Option<&SerializedBlob> {
                self.0.blob()
            }
        }
    };
}

one_blob!((SerializedBlob,));
one_blob!((&SerializedBlob,));

/// The one parameter of a method that takes a blob.
impl<'de> Parameters<'de> for (SerializedBlob,) {
    type Slots = (Option<SerializedBlob>,);
    const COUNT: usize = 1;

    fn fill<D: Deserializer<'de>>(_: &mut Self::Slots, index: usize, deserializer: D) -> Result<(), D::Error> {
        match index {
            0 => Err(de::Error::custom(
                "a SerializedBlob is wanted, and this is an ordinary value",
            )),
            _ => IgnoredAny::deserialize(deserializer).map(drop),
        }
    }

    fn take_blob(slots: &mut Self::Slots, blob: &SerializedBlob) -> bool {
        slots.0 = Some(blob.clone());
        true
    }

    fn is_filled(slots: &Self::Slots, index: usize) -> bool {
        index == 0 && slots.0.is_some()
    }

    fn complete(slots: Self::Slots) -> Option<Self> {
        Some((slots.0?,))
    }
}

/// What stands in the place of the arguments, which is all that counts of a payload that stayed serialized.
struct ArgumentsSeed<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for ArgumentsSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for ArgumentsSeed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, data, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        let data = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        data.ok_or_else(|| de::Error::invalid_length(2, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut data = None;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "params" => data = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        data.ok_or_else(|| de::Error::missing_field("params"))
    }
}
