//! What arrives in a message, read straight into Python's objects.

use std::fmt;

use ferropyro::formats::tag::{Tag, read_tag};
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyComplex, PyDict, PyEllipsis, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::errors::raise;
use crate::pending::keep_read as keep;
use crate::{exit, package};

/// A Python object that was read.
#[derive(Debug)]
pub(crate) struct Read(pub(crate) Py<PyAny>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        Python::attach(|py| {
            let read = Reader(py, Classes::OfMessages).deserialize(deserializer);
            read.map(|object| Read(object.unbind()))
        })
    }
}

/// A Python object that was read of a pickle as data: nothing in that was executed.
#[derive(Debug)]
pub(crate) struct PickledData(pub(crate) Py<PyAny>);

impl<'de> Deserialize<'de> for PickledData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PickledData, D::Error> {
        Python::attach(|py| {
            let read = Reader(py, Classes::OfPickles).deserialize(deserializer);
            read.map(|object| PickledData(object.unbind()))
        })
    }
}

/// What is made of objects of classes that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Classes {
    /// An error, as in Pyro.
    OfMessages,
    /// Their class dicts.
    OfPickles,
}

/// Reads an object.
#[derive(Clone, Copy)]
struct Reader<'py>(Python<'py>, Classes);

impl<'de, 'py> DeserializeSeed<'de> for Reader<'py> {
    type Value = Bound<'py, PyAny>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_newtype_struct(Tag::Value.name(), self)
    }
}

macro_rules! visit {
    ($($method:ident($type:ty) => |$py:ident, $value:ident| $object:expr;)*) => {
        $(fn $method<E: de::Error>(self, $value: $type) -> Result<Self::Value, E> {
            let $py = self.0;
            Ok($object.into_any())
        })*
    };
}

impl<'de, 'py> Visitor<'de> for Reader<'py> {
    type Value = Bound<'py, PyAny>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(self.0.None().into_bound(self.0))
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(pyo3::types::PyBool::new(self.0, value).to_owned().into_any())
    }

    visit! {
        visit_i64(i64) => |py, number| PyInt::new(py, number);
        visit_u64(u64) => |py, number| PyInt::new(py, number);
        visit_i128(i128) => |py, number| PyInt::new(py, number);
        visit_u128(u128) => |py, number| PyInt::new(py, number);
        visit_f64(f64) => |py, number| PyFloat::new(py, number);
        visit_str(&str) => |py, text| PyString::new(py, text);
        visit_bytes(&[u8]) => |py, bytes| PyBytes::new(py, bytes);
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let list = PyList::empty(self.0);
        while let Some(item) = seq.next_element_seed(self)? {
            list.append(item).map_err(keep)?;
        }
        Ok(list.into_any())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let dict = self.entries(map)?;
        match dict.contains("__class__").map_err(keep)? {
            true => self.object(&dict).map_err(keep),
            false => Ok(dict.into_any()),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Self::Value, A::Error> {
        let (tag, content) = read_tag(data)?;
        let py = self.0;
        let object = match tag {
            Tag::Tuple => PyTuple::new(py, self.items(content)?).map(Bound::into_any),
            Tag::Set => PySet::new(py, self.items(content)?).map(Bound::into_any),
            Tag::FrozenSet => PyFrozenSet::new(py, self.items(content)?).map(Bound::into_any),
            Tag::Decimal | Tag::DateTime | Tag::Date | Tag::Time => {
                from_text(py, tag, &content.newtype_variant::<String>()?)
            }
            Tag::BigInt | Tag::Complex | Tag::Surrogates | Tag::ByteArray | Tag::TimeDelta | Tag::Uuid => {
                from_bytes(py, tag, &content.newtype_variant_seed(BytesSeed)?)
            }
            Tag::Type => Err(refused(
                py,
                &content.newtype_variant::<String>()?,
                "a class or function",
            )),
            Tag::Pickled => {
                // The name of what would be called, an end of line, the pickle.
                let object = content.newtype_variant_seed(BytesSeed)?;
                let name = object.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                Err(refused(
                    py,
                    &name,
                    "something that only executing the pickle would make",
                ))
            }
            Tag::Ellipsis => Ok(PyEllipsis::get(py).to_owned().into_any()),
            Tag::Exception | Tag::Instance => {
                let dict = content.newtype_variant_seed(Entries(self))?;
                self.object(&dict)
            }
            _ => return content.newtype_variant_seed(self),
        };
        object.map_err(keep)
    }
}

impl<'py> Reader<'py> {
    fn entries<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Bound<'py, PyDict>, A::Error> {
        let dict = PyDict::new(self.0);
        while let Some(key) = map.next_key_seed(self)? {
            let value = map.next_value_seed(self)?;
            dict.set_item(key, value).map_err(keep)?;
        }
        Ok(dict)
    }

    fn items<'de, V: VariantAccess<'de>>(self, content: V) -> Result<Vec<Bound<'py, PyAny>>, V::Error> {
        content.newtype_variant_seed(Items(self))
    }

    /// The object that a class dict stands for.
    fn object(self, dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let make = package::wire_to_object(self.0)?;
        let serializer = match self.1 {
            Classes::OfMessages => "serpent",
            Classes::OfPickles => "pickle",
        };
        let args = (dict, serializer).into_pyobject(self.0)?;
        exit::calling(|| make.call1(&args))
    }
}

/// The error of what is no data.
fn refused(py: Python<'_>, name: &str, what: &str) -> PyErr {
    let text = format!(
        "refused to read {what} ({name}): pickles are data here (PICKLE_SAFE), and nothing in them is imported or executed"
    );
    raise(py, ferropyro::Error::new(ferropyro::ErrorKind::Serialize, text))
}

/// Reads the items of a sequence of whatever kind.
struct Items<'py>(Reader<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Items<'py> {
    type Value = Vec<Bound<'py, PyAny>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, 'py> Visitor<'de> for Items<'py> {
    type Value = Vec<Bound<'py, PyAny>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.0)? {
            items.push(item);
        }
        Ok(items)
    }
}

/// Reads the entries of a class dict, which were found to be one already.
struct Entries<'py>(Reader<'py>);

impl<'de, 'py> DeserializeSeed<'de> for Entries<'py> {
    type Value = Bound<'py, PyDict>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, 'py> Visitor<'de> for Entries<'py> {
    type Value = Bound<'py, PyDict>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the class dict of an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.0.entries(map)
    }
}

/// Reads bytes.
struct BytesSeed;

impl<'de> DeserializeSeed<'de> for BytesSeed {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for BytesSeed {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

fn from_text<'py>(py: Python<'py>, tag: Tag, text: &str) -> PyResult<Bound<'py, PyAny>> {
    let class = match tag {
        Tag::Decimal => return package::decimal(py)?.call1((text,)),
        Tag::DateTime => package::datetime(py)?,
        Tag::Date => package::date(py)?,
        _ => package::time(py)?,
    };
    match text.strip_suffix(";fold=1") {
        None => class.call_method1("fromisoformat", (text,)),
        Some(text) => {
            let fold = PyDict::new(py);
            fold.set_item("fold", 1)?;
            let moment = class.call_method1("fromisoformat", (text,))?;
            moment.call_method("replace", (), Some(&fold))
        }
    }
}

fn from_bytes<'py>(py: Python<'py>, tag: Tag, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let python = PyBytes::new(py, bytes);
    let named = |name, value: Bound<'py, PyAny>| {
        let named = PyDict::new(py);
        named.set_item(name, value).map(|()| named)
    };
    match tag {
        Tag::ByteArray => Ok(PyByteArray::new(py, bytes).into_any()),
        Tag::Surrogates => python.call_method1("decode", ("utf-8", "surrogatepass")),
        Tag::Uuid => package::uuid(py)?.call((), Some(&named("bytes", python.into_any())?)),
        Tag::BigInt => {
            let signed = named("signed", pyo3::types::PyBool::new(py, true).to_owned().into_any())?;
            py.get_type::<PyInt>()
                .call_method("from_bytes", (python, "little"), Some(&signed))
        }
        Tag::Complex => {
            let [real, imaginary] = parts::<8, 2>(bytes).map(f64::from_le_bytes);
            Ok(PyComplex::from_doubles(py, real, imaginary).into_any())
        }
        _ => {
            let [days, seconds, microseconds] = parts::<4, 3>(bytes).map(i32::from_le_bytes);
            package::timedelta(py)?.call1((days, seconds, microseconds))
        }
    }
}

/// Bytes in parts of equal length; the formats give as many as there have to be.
fn parts<const LENGTH: usize, const COUNT: usize>(bytes: &[u8]) -> [[u8; LENGTH]; COUNT] {
    let mut parts = [[0; LENGTH]; COUNT];
    for (part, given) in parts.iter_mut().zip(bytes.chunks_exact(LENGTH)) {
        part.copy_from_slice(given);
    }
    parts
}
