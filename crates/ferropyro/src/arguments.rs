//! Arguments of a call: read on the server straight into the types of the method, written on the client straight from them.

use std::borrow::Cow;
use std::fmt;

use ferropyro_formats::{Dict, ErrorKind, Value};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, SerializeTuple};

use crate::error::Raise;
use crate::members::Param;
use crate::serializer::{Codec, Serializer};

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
        let result = codec.read_seed(payload, HeadSeed(&mut found));
        match found {
            // The reader stops early, which the format may well take for an error.
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

#[derive(Default)]
struct Partial<'de> {
    object: Option<Cow<'de, str>>,
    method: Option<Cow<'de, str>>,
}

struct HeadSeed<'h, 'de>(&'h mut Partial<'de>);

impl<'de> DeserializeSeed<'de> for HeadSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
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

/// A text, borrowed from the input where that is possible.
pub(crate) struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    // A marshal client of Python 2 sends byte strings.
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Cow<'de, str>, E> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Owned(text.to_owned())),
            Err(_) => Err(E::invalid_type(de::Unexpected::Bytes(bytes), &self)),
        }
    }
}

/// A text argument: borrowed from the message where that is possible, for methods that take `&str`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'de>, D::Error> {
        TextSeed.deserialize(deserializer).map(Text)
    }
}

/// Where the arguments of a call come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The payload of an INVOKE message.
    Payload(Codec, &'a [u8]),
    /// One call of a batch, already decoded.
    Values(&'a [Value], &'a Dict),
}

/// The parameters of a method as a tuple of their types. Implemented for tuples of up to twelve types that serde can read.
pub trait Parameters<'de>: Sized {
    /// The same tuple with every part optional: what a call gave.
    type Slots: Default;
    /// The number of parameters.
    const COUNT: usize;

    #[doc(hidden)]
    fn fill<D: Deserializer<'de>>(slots: &mut Self::Slots, index: usize, deserializer: D) -> Result<(), D::Error>;

    #[doc(hidden)]
    fn is_filled(slots: &Self::Slots, index: usize) -> bool;

    #[doc(hidden)]
    fn complete(slots: Self::Slots) -> Option<Self>;
}

macro_rules! parameters {
    ($count:literal $($name:ident $index:tt)*) => {
        impl<'de, $($name: Deserialize<'de>),*> Parameters<'de> for ($($name,)*) {
            type Slots = ($(Option<$name>,)*);
            const COUNT: usize = $count;

            #[allow(unused_variables)]
            fn fill<Z: Deserializer<'de>>(slots: &mut Self::Slots, index: usize, deserializer: Z) -> Result<(), Z::Error> {
                match index {
                    $($index => slots.$index = Some($name::deserialize(deserializer)?),)*
                    _ => drop(IgnoredAny::deserialize(deserializer)?),
                }
                Ok(())
            }

            #[allow(unused_variables)]
            fn is_filled(slots: &Self::Slots, index: usize) -> bool {
                match index {
                    $($index => slots.$index.is_some(),)*
                    _ => false,
                }
            }

            #[allow(unused_variables, clippy::unused_unit)]
            fn complete(slots: Self::Slots) -> Option<Self> {
                Some(($(slots.$index?,)*))
            }
        }
    };
}

parameters!(0);
parameters!(1 A 0);
parameters!(2 A 0 B 1);
parameters!(3 A 0 B 1 C 2);
parameters!(4 A 0 B 1 C 2 D 3);
parameters!(5 A 0 B 1 C 2 D 3 E 4);
parameters!(6 A 0 B 1 C 2 D 3 E 4 F 5);
parameters!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
parameters!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
parameters!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
parameters!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
parameters!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
parameters!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

/// A function in Python's error texts: `Class.method`, and its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature<'a> {
    pub(crate) class: &'a str,
    pub(crate) method: &'a str,
    pub(crate) params: &'a [Param],
}

/// Reads the arguments of a call into the types of the method.
///
/// Raises Python's `TypeError` for missing, unknown and superfluous ones and for those of a wrong type.
pub(crate) fn read<'de, P: Parameters<'de>>(source: Source<'de>, signature: &Signature<'_>) -> Result<P::Slots, Raise> {
    let mut reader = Reader::<P> {
        signature,
        slots: P::Slots::default(),
        given: 0,
        at: None,
        raise: None,
    };
    let result = match source {
        Source::Payload(codec, payload) => codec.read_seed(payload, CallSeed(&mut reader)),
        Source::Values(args, kwargs) => reader.read_values(args, kwargs),
    };
    if let Some(raise) = reader.raise {
        return Err(raise);
    }
    result.map_err(|error| match reader.at {
        Some(index) if error.kind() == ErrorKind::Data => signature.wrong_type(index, &error),
        _ => Raise::new("Pyro5.errors.SerializeError", error.to_string()),
    })?;
    signature.check_given(reader.given)?;
    signature.check_missing(|index| P::is_filled(&reader.slots, index))?;
    Ok(reader.slots)
}

struct Reader<'r, 'de, P: Parameters<'de>> {
    signature: &'r Signature<'r>,
    slots: P::Slots,
    /// Positional arguments, superfluous ones included.
    given: usize,
    /// The parameter that is being read.
    at: Option<usize>,
    /// What is wrong with the call, as opposed to its encoding.
    raise: Option<Raise>,
}

impl<'de, P: Parameters<'de>> Reader<'_, 'de, P> {
    fn read_values(&mut self, args: &'de [Value], kwargs: &'de Dict) -> Result<(), ferropyro_formats::Error> {
        for (index, arg) in args.iter().take(P::COUNT).enumerate() {
            self.at = Some(index);
            P::fill(&mut self.slots, index, arg)?;
        }
        self.given = args.len();
        for (name, value) in kwargs.iter() {
            let index = self.keyword(name.as_str().unwrap_or_default())?;
            P::fill(&mut self.slots, index, value)?;
        }
        self.at = None;
        Ok(())
    }

    /// The parameter of a keyword argument.
    fn keyword<E: de::Error>(&mut self, name: &str) -> Result<usize, E> {
        let raise = match self.signature.params.iter().position(|param| param.name == name) {
            Some(index) if !P::is_filled(&self.slots, index) => {
                self.at = Some(index);
                return Ok(index);
            }
            Some(_) => self
                .signature
                .type_error(format_args!("got multiple values for argument '{name}'")),
            None => self
                .signature
                .type_error(format_args!("got an unexpected keyword argument '{name}'")),
        };
        self.raise = Some(raise);
        Err(E::custom("the arguments do not fit"))
    }
}

/// The whole payload of a call.
struct CallSeed<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for CallSeed<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for CallSeed<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        seq.next_element_seed(Positional(self.0))?;
        seq.next_element_seed(Keywords(self.0))?;
        seq.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match &*key {
                "params" => map.next_value_seed(Positional(self.0))?,
                "kwargs" => map.next_value_seed(Keywords(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Positional<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Positional<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for Positional<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the arguments as a tuple or list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let index = self.0.given;
            self.0.at = Some(index).filter(|index| *index < P::COUNT);
            if seq.next_element_seed(Slot::<P>(&mut self.0.slots, index))?.is_none() {
                self.0.at = None;
                return Ok(());
            }
            self.0.given += 1;
        }
    }
}

struct Keywords<'s, 'r, 'de, P: Parameters<'de>>(&'s mut Reader<'r, 'de, P>);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Keywords<'_, '_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, P: Parameters<'de>> Visitor<'de> for Keywords<'_, '_, 'de, P> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keyword arguments as a dict")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let index = self.0.keyword(&name)?;
            map.next_value_seed(Slot::<P>(&mut self.0.slots, index))?;
        }
        self.0.at = None;
        Ok(())
    }
}

struct Slot<'s, 'de, P: Parameters<'de>>(&'s mut P::Slots, usize);

impl<'de, P: Parameters<'de>> DeserializeSeed<'de> for Slot<'_, 'de, P> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        P::fill(self.0, self.1, deserializer)
    }
}

/// The texts of Python's TypeErrors. A method's own object counts as an argument there.
impl Signature<'_> {
    fn type_error(&self, problem: fmt::Arguments<'_>) -> Raise {
        Raise::new("TypeError", format!("{}.{}() {problem}", self.class, self.method))
    }

    fn wrong_type(&self, index: usize, error: &ferropyro_formats::Error) -> Raise {
        let name = self.params.get(index).map_or("?", |param| &param.name);
        self.type_error(format_args!("argument '{name}': {}", error.message()))
    }

    fn check_given(&self, given: usize) -> Result<(), Raise> {
        let most = self.params.len();
        if given <= most {
            return Ok(());
        }
        let optional = self.params.iter().filter(|param| param.optional).count();
        let takes = match optional {
            0 => (most + 1).to_string(),
            _ => format!("from {} to {}", most + 1 - optional, most + 1),
        };
        let plural = if most == 0 && optional == 0 { "" } else { "s" };
        let given = given + 1;
        Err(self.type_error(format_args!(
            "takes {takes} positional argument{plural} but {given} were given"
        )))
    }

    fn check_missing(&self, is_filled: impl Fn(usize) -> bool) -> Result<(), Raise> {
        let missing: Vec<String> = self
            .params
            .iter()
            .enumerate()
            .filter(|(index, param)| !param.optional && !is_filled(*index))
            .map(|(_, param)| format!("'{}'", param.name))
            .collect();
        let names = match missing.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            [first, second] => format!("{first} and {second}"),
            [front @ .., last] => format!("{}, and {last}", front.join(", ")),
        };
        let plural = if missing.len() == 1 { "" } else { "s" };
        Err(self.type_error(format_args!(
            "missing {} required positional argument{plural}: {names}",
            missing.len()
        )))
    }
}

/// The positional arguments of a call on the client: a tuple of up to twelve values, a slice or `Vec` of [`Value`], or an array.
pub trait Arguments {
    /// How many there are.
    fn count(&self) -> usize;

    /// Writes each argument as an element of a tuple.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error>;
}

macro_rules! arguments {
    ($count:literal $($name:ident $index:tt)*) => {
        impl<$($name: Serialize),*> Arguments for ($($name,)*) {
            fn count(&self) -> usize {
                $count
            }

            #[allow(unused_variables)]
            fn write<Z: SerializeTuple>(&self, tuple: &mut Z) -> Result<(), Z::Error> {
                $(tuple.serialize_element(&self.$index)?;)*
                Ok(())
            }
        }
    };
}

arguments!(0);
arguments!(1 A 0);
arguments!(2 A 0 B 1);
arguments!(3 A 0 B 1 C 2);
arguments!(4 A 0 B 1 C 2 D 3);
arguments!(5 A 0 B 1 C 2 D 3 E 4);
arguments!(6 A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
arguments!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
arguments!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
arguments!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
arguments!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

impl<S: Serialize> Arguments for [S] {
    fn count(&self) -> usize {
        self.len()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.iter().try_for_each(|arg| tuple.serialize_element(arg))
    }
}

impl<S: Serialize> Arguments for Vec<S> {
    fn count(&self) -> usize {
        self.len()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.as_slice().write(tuple)
    }
}

impl<S: Serialize, const N: usize> Arguments for [S; N] {
    fn count(&self) -> usize {
        N
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.as_slice().write(tuple)
    }
}

impl<A: Arguments + ?Sized> Arguments for &A {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        (**self).write(tuple)
    }
}

/// The payload of an INVOKE message, in the shape that the serializer's users expect (each has its own in Pyro).
pub(crate) struct Invoke<'a, A: ?Sized> {
    pub(crate) object: &'a str,
    pub(crate) method: &'a str,
    pub(crate) args: &'a A,
    /// `None` for batches and attributes, where Pyro writes None.
    pub(crate) kwargs: Option<&'a Dict>,
    pub(crate) serializer: Serializer,
}

impl<A: Arguments + ?Sized> Serialize for Invoke<'_, A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.serializer == Serializer::Json {
            let mut map = serializer.serialize_struct("Invoke", 4)?;
            map.serialize_field("object", self.object)?;
            map.serialize_field("method", self.method)?;
            map.serialize_field("params", &AsTuple(self.args))?;
            map.serialize_field("kwargs", &self.kwargs)?;
            return map.end();
        }
        let mut tuple = serializer.serialize_tuple(4)?;
        tuple.serialize_element(self.object)?;
        tuple.serialize_element(self.method)?;
        match self.serializer {
            Serializer::Marshal => tuple.serialize_element(&AsList(self.args))?,
            _ => tuple.serialize_element(&AsTuple(self.args))?,
        }
        tuple.serialize_element(&self.kwargs)?;
        tuple.end()
    }
}

struct AsTuple<'a, A: ?Sized>(&'a A);

impl<A: Arguments + ?Sized> Serialize for AsTuple<'_, A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.count())?;
        self.0.write(&mut tuple)?;
        tuple.end()
    }
}

struct AsList<'a, A: ?Sized>(&'a A);

impl<A: Arguments + ?Sized> Serialize for AsList<'_, A> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = ListAsTuple(serializer.serialize_seq(Some(self.0.count()))?);
        self.0.write(&mut list)?;
        list.0.end()
    }
}

/// Lets [`Arguments::write`] fill a list.
struct ListAsTuple<S>(S);

impl<S: SerializeSeq> SerializeTuple for ListAsTuple<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_element(value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

/// All arguments as values.
pub(crate) fn read_values(source: Source<'_>) -> Result<(Vec<Value>, Dict), Raise> {
    match source {
        Source::Values(args, kwargs) => Ok((args.to_vec(), kwargs.clone())),
        Source::Payload(codec, payload) => {
            let mut call = WholeCall::default();
            let result = codec.read_seed(payload, WholeSeed(&mut call));
            result.map_err(|error| Raise::new("Pyro5.errors.SerializeError", error.to_string()))?;
            let args = match call.args {
                Value::None => Vec::new(),
                args => args
                    .into_items()
                    .map_err(|_| Raise::new("TypeError", "the arguments are no tuple or list"))?,
            };
            match call.kwargs {
                Value::None => Ok((args, Dict::new())),
                Value::Dict(kwargs) => Ok((args, kwargs)),
                _ => Err(Raise::new("TypeError", "the keyword arguments are no dict")),
            }
        }
    }
}

#[derive(Default)]
struct WholeCall {
    args: Value,
    kwargs: Value,
}

struct WholeSeed<'w>(&'w mut WholeCall);

impl<'de> DeserializeSeed<'de> for WholeSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WholeSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call: object, method, arguments, keyword arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        seq.next_element::<IgnoredAny>()?;
        seq.next_element::<IgnoredAny>()?;
        self.0.args = seq.next_element()?.unwrap_or_default();
        self.0.kwargs = seq.next_element()?.unwrap_or_default();
        seq.next_element::<IgnoredAny>().map(drop)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match &*key {
                "params" => self.0.args = map.next_value()?,
                "kwargs" => self.0.kwargs = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
