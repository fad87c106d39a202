//! Python's objects, written straight into a message.

use ferropyro::Serializer as Format;
use ferropyro::formats::tag::Tag;
use ferropyro::formats::{ClassDict, ClassName, Complex};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyComplex, PyDict, PyEllipsis, PyFloat, PyFrozenSet, PyInt, PyList, PyMemoryView,
    PySet, PyString, PyTuple,
};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, SerializeTuple, Serializer};

use crate::pending::keep_write as keep;
use crate::proxy::Proxy;
use crate::uri::Uri;
use crate::{exit, package};

/// A Python object, for the serializer of this name.
pub(crate) struct Wire<'a, 'py> {
    pub(crate) object: &'a Bound<'py, PyAny>,
    pub(crate) format: Format,
    /// How often something else was written in its place.
    replaced: u8,
}

/// What is replaced more often than this has no end.
const MOST_REPLACEMENTS: u8 = 50;

impl<'a, 'py> Wire<'a, 'py> {
    pub(crate) fn new(object: &'a Bound<'py, PyAny>, format: Format) -> Wire<'a, 'py> {
        Wire {
            object,
            format,
            replaced: 0,
        }
    }

    fn of<'b>(&self, object: &'b Bound<'py, PyAny>) -> Wire<'b, 'py> {
        Wire::new(object, self.format)
    }

    /// What a class, or a subclass of one of Python's own types, makes of its object.
    fn class<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let py = self.object.py();
        if let Ok(uri) = self.object.cast::<Uri>() {
            return uri.get().0.serialize(serializer);
        }
        if let Ok(proxy) = self.object.cast::<Proxy>() {
            return proxy.get().proxy.serialize(serializer);
        }
        if let Some(known) = self.known_class(py).map_err(keep)? {
            return known.serialize(serializer);
        }
        if self.replaced >= MOST_REPLACEMENTS {
            let text = format!(
                "what is written in the place of an object of {} has no end",
                self.object.get_type()
            );
            return Err(S::Error::custom(text));
        }
        let give = || {
            // Made before: nothing of ours but the guard may stand where the call does not return.
            let args = (self.object, self.format.name()).into_pyobject(py)?;
            let convert = package::object_to_wire(py)?;
            exit::calling(|| convert.call1(&args))
        };
        let given = give().map_err(keep)?;
        let given_wire = Wire {
            object: &given,
            format: self.format,
            replaced: self.replaced + 1,
        };
        match given.cast::<PyDict>() {
            Ok(dict) if dict.contains("__class__").map_err(keep)? => {
                ClassDict(ObjectDict(given_wire, dict)).serialize(serializer)
            }
            _ => given_wire.serialize(serializer),
        }
    }

    /// The classes of the standard library that the formats know.
    fn known_class(&self, py: Python<'py>) -> PyResult<Option<Tagged>> {
        let object = self.object;
        let class = object.get_type();
        let text = |tag, text: Bound<'py, PyAny>| Ok(Some(Tagged(tag, Content::Text(text.extract()?))));
        if class.is(package::datetime(py)?) {
            return text(Tag::DateTime, with_fold(object)?);
        }
        if class.is(package::date(py)?) {
            return text(Tag::Date, object.call_method0("isoformat")?);
        }
        if class.is(package::time(py)?) {
            return text(Tag::Time, with_fold(object)?);
        }
        if class.is(package::decimal(py)?) {
            return text(Tag::Decimal, object.str()?.into_any());
        }
        if class.is(package::uuid(py)?) {
            return Ok(Some(Tagged(
                Tag::Uuid,
                Content::Bytes(object.getattr("bytes")?.extract()?),
            )));
        }
        if class.is(package::timedelta(py)?) {
            let mut bytes = Vec::with_capacity(12);
            for part in ["days", "seconds", "microseconds"] {
                bytes.extend(object.getattr(part)?.extract::<i32>()?.to_le_bytes());
            }
            return Ok(Some(Tagged(Tag::TimeDelta, Content::Bytes(bytes))));
        }
        Ok(None)
    }
}

/// A moment as text, with the mark that says which of two it is when clocks are put back.
fn with_fold<'py>(moment: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let text = moment.call_method0("isoformat")?;
    match moment.getattr("fold")?.extract::<u8>()? {
        0 => Ok(text),
        _ => text.add(";fold=1"),
    }
}

impl Serialize for Wire<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object;
        if let Ok(text) = object.cast_exact::<PyString>() {
            return match text.to_str() {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => surrogates(text).map_err(keep)?.serialize(serializer),
            };
        }
        if let Ok(number) = object.cast_exact::<PyInt>() {
            return match number.extract::<i64>() {
                Ok(number) => serializer.serialize_i64(number),
                Err(_) => big_int(number).map_err(keep)?.serialize(serializer),
            };
        }
        if object.is_none() {
            return serializer.serialize_unit();
        }
        if let Ok(number) = object.cast_exact::<PyFloat>() {
            return serializer.serialize_f64(number.value());
        }
        if let Ok(value) = object.cast_exact::<PyBool>() {
            return serializer.serialize_bool(value.is_true());
        }
        if let Ok(list) = object.cast_exact::<PyList>() {
            let mut items = serializer.serialize_seq(Some(list.len()))?;
            for item in list.iter() {
                items.serialize_element(&self.of(&item))?;
            }
            return items.end();
        }
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            let mut entries = serializer.serialize_map(Some(dict.len()))?;
            // A list of them: writing a value may run code that changes the dict.
            for entry in dict.items().iter() {
                let (key, value) = entry.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(keep)?;
                entries.serialize_entry(&self.of(&key), &self.of(&value))?;
            }
            return entries.end();
        }
        if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            let mut items = serializer.serialize_tuple(tuple.len())?;
            for item in tuple.iter_borrowed() {
                items.serialize_element(&self.of(&item))?;
            }
            return items.end();
        }
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            return serializer.serialize_bytes(bytes.as_bytes());
        }
        self.rarer(serializer)
    }
}

impl Wire<'_, '_> {
    fn rarer<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = self.object;
        if let Ok(bytes) = object.cast_exact::<PyByteArray>() {
            return Tagged(Tag::ByteArray, Content::Bytes(bytes.to_vec())).serialize(serializer);
        }
        if let Ok(set) = object.cast_exact::<PySet>() {
            return serializer.serialize_newtype_struct(Tag::Set.name(), &Iterated(self.of(set)));
        }
        if let Ok(set) = object.cast_exact::<PyFrozenSet>() {
            return serializer.serialize_newtype_struct(Tag::FrozenSet.name(), &Iterated(self.of(set)));
        }
        if let Ok(number) = object.cast_exact::<PyComplex>() {
            let number = Complex {
                re: number.real(),
                im: number.imag(),
            };
            return number.serialize(serializer);
        }
        if object.cast_exact::<PyMemoryView>().is_ok() {
            let bytes = object.call_method0("tobytes").map_err(keep)?;
            let bytes = bytes.cast::<PyBytes>().map_err(|error| keep(error.into()))?;
            return serializer.serialize_bytes(bytes.as_bytes());
        }
        if object.cast_exact::<PyEllipsis>().is_ok() {
            return serializer.serialize_newtype_struct(Tag::Ellipsis.name(), &());
        }
        self.class(serializer)
    }
}

/// The members of a set, in the order that Python has them in.
struct Iterated<'a, 'py>(Wire<'a, 'py>);

impl Serialize for Iterated<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Iterated(set) = self;
        let mut items = serializer.serialize_seq(set.object.len().ok())?;
        for item in set.object.try_iter().map_err(keep)? {
            items.serialize_element(&set.of(&item.map_err(keep)?))?;
        }
        items.end()
    }
}

/// A dict that stands for an object: the name of its class is written as the peer's generation of Pyro has it.
struct ObjectDict<'a, 'py>(Wire<'a, 'py>, &'a Bound<'py, PyDict>);

impl Serialize for ObjectDict<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ObjectDict(wire, dict) = self;
        let mut entries = serializer.serialize_map(Some(dict.len()))?;
        for entry in dict.items().iter() {
            let (key, value) = entry.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().map_err(keep)?;
            entries.serialize_key(&wire.of(&key))?;
            match value.cast_exact::<PyString>().ok().and_then(|text| text.to_str().ok()) {
                Some(class) if key.eq("__class__").map_err(keep)? => entries.serialize_value(&ClassName(class))?,
                _ => entries.serialize_value(&wire.of(&value))?,
            }
        }
        entries.end()
    }
}

/// One of Python's types that serde lacks.
struct Tagged(Tag, Content);

enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl Serialize for Tagged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(self.0.name(), &self.1)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Content::Text(text) => serializer.serialize_str(text),
            Content::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

fn surrogates(text: &Bound<'_, PyString>) -> PyResult<Tagged> {
    let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Tagged(Tag::Surrogates, Content::Bytes(bytes.extract()?)))
}

fn big_int(number: &Bound<'_, PyInt>) -> PyResult<Tagged> {
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    let signed = PyDict::new(number.py());
    signed.set_item("signed", true)?;
    let bytes = number.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&signed))?;
    Ok(Tagged(Tag::BigInt, Content::Bytes(bytes.extract()?)))
}
