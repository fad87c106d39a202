//! What [`PyroClass`](crate::PyroClass) calls: objects of a program's own classes, as Pyro's class dicts and exceptions.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use ferropyro_formats::{self as formats, ClassDict, ClassName, Dict, Exception, Value, to_value};
use serde::de::value::MapDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{self, Serialize, SerializeStruct, Serializer};

use crate::arguments::Text;
use crate::classes::{exception_class, pyro5_name};
use crate::error::{Raise, RemoteError};

/// A struct that goes out as an object of a class.
pub trait WriteObject {
    /// The class with its module.
    const CLASS: &'static str;
    /// How many attributes are written.
    const COUNT: usize;

    /// Writes the attributes.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write_attributes<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error>;
}

/// A struct that is read from an object of a class.
pub trait ReadObject: Sized {
    /// The class with its module, and its other names.
    const CLASSES: Classes;

    /// Reads the attributes.
    ///
    /// # Errors
    /// Those of the deserializer, and an attribute that is not there.
    fn read_attributes<'de, A: MapAccess<'de>>(attributes: Attributes<'de, A>) -> Result<Self, A::Error>;
}

/// The names of a class that is read.
#[derive(Debug, Clone, Copy)]
pub struct Classes {
    /// The class with its module.
    pub class: &'static str,
    /// Further names that it may come with.
    pub aliases: &'static [&'static str],
}

/// The attributes of an object, one after the other.
pub struct Attributes<'de, A> {
    map: A,
    classes: Classes,
    lifetime: PhantomData<&'de ()>,
}

/// Writes a struct as an object of its class.
///
/// # Errors
/// Those of the serializer.
pub fn write_object<T: WriteObject, S: Serializer>(object: &T, serializer: S) -> Result<S::Ok, S::Error> {
    ClassDict(Object(object)).serialize(serializer)
}

struct Object<'a, T>(&'a T);

impl<T: WriteObject> Serialize for Object<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct(T::CLASS, T::COUNT + 1)?;
        self.0.write_attributes(&mut dict)?;
        dict.serialize_field(CLASS, &ClassName(T::CLASS))?;
        dict.end()
    }
}

const CLASS: &str = "__class__";

/// Reads a struct from an object of its class, or from a dict that does not say what it is.
///
/// # Errors
/// Those of the deserializer, an object of another class, and an attribute that is not there.
pub fn read_object<'de, T: ReadObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: ReadObject> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of class {}", T::CLASSES.class)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read_attributes(Attributes {
            map,
            classes: T::CLASSES,
            lifetime: PhantomData,
        })
    }
}

/// Reads the same where no class is said: in the attributes of an exception.
impl<'de, T: ReadObject> DeserializeSeed<'de> for ObjectVisitor<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, A: MapAccess<'de>> Attributes<'de, A> {
    /// The name of the next attribute; its value must be read or skipped then. `None` when there are no more.
    ///
    /// # Errors
    /// Those of the deserializer, and an object of another class.
    pub fn next_name(&mut self) -> Result<Option<Cow<'de, str>>, A::Error> {
        while let Some(Text(name)) = self.map.next_key()? {
            if name != CLASS {
                return Ok(Some(name));
            }
            let class: Text<'de> = self.map.next_value()?;
            self.classes.check(&class)?;
        }
        Ok(None)
    }

    /// Reads the value of an attribute.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn value<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        self.map.next_value()
    }

    /// Passes over the value of an attribute that the struct lacks.
    ///
    /// # Errors
    /// Those of the deserializer.
    pub fn skip(&mut self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }

    /// The value of an attribute that must have been there.
    ///
    /// # Errors
    /// It was not.
    pub fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, A::Error> {
        value.ok_or_else(|| {
            let class = self.classes.class;
            de::Error::custom(format_args!(
                "an object of class {class} without the attribute '{name}'"
            ))
        })
    }
}

impl Classes {
    /// Refuses every other class.
    fn check<E: de::Error>(self, class: &str) -> Result<(), E> {
        if self.include(class) {
            return Ok(());
        }
        let expected = self.class;
        Err(E::custom(format_args!(
            "an object of class {class} where one of class {expected} belongs"
        )))
    }

    /// Whether this is one of them. Either generation's name will do for a class of Pyro's own.
    fn include(self, class: &str) -> bool {
        let names = std::iter::once(&self.class).chain(self.aliases);
        names.into_iter().any(|name| pyro5_name(name) == pyro5_name(class))
    }
}

/// Writes an error of the program's own as an exception object.
///
/// # Errors
/// Those of the serializer.
pub fn write_exception<T: WriteObject + fmt::Display, S: Serializer>(
    error: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    exception_of(error).map_err(ser::Error::custom)?.serialize(serializer)
}

/// What a method raises when it fails with this error. (A `TypeError` if the error itself has attributes that no dict can hold.)
pub fn raise<T: WriteObject + fmt::Display>(error: &T) -> Raise {
    match exception_of(error) {
        Ok(exception) => exception.into(),
        Err(why) => crate::object::cannot_carry(&why),
    }
}

fn exception_of<T: WriteObject + fmt::Display>(error: &T) -> Result<Exception, formats::Error> {
    let attributes = match to_value(&AttributeDict(error))? {
        Value::Dict(attributes) => attributes,
        _ => Dict::new(),
    };
    Ok(Exception {
        class: T::CLASS.to_owned(),
        args: vec![Value::from(error.to_string())],
        attributes,
    })
}

/// The attributes alone.
struct AttributeDict<'a, T>(&'a T);

impl<T: WriteObject> Serialize for AttributeDict<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct(T::CLASS, T::COUNT)?;
        self.0.write_attributes(&mut dict)?;
        dict.end()
    }
}

/// Reads an error of the program's own from an exception object.
///
/// # Errors
/// Those of the deserializer, an exception of another class, and an attribute that is not there.
pub fn read_exception<'de, T: ReadObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ExceptionVisitor(PhantomData))
}

struct ExceptionVisitor<T>(PhantomData<T>);

impl<'de, T: ReadObject> Visitor<'de> for ExceptionVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an exception of class {}", T::CLASSES.class)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut read = None;
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                CLASS => {
                    let Text(class) = map.next_value()?;
                    T::CLASSES.check(&exception_class(class.into_owned()))?;
                }
                "attributes" => read = Some(map.next_value_seed(ObjectVisitor(PhantomData))?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match read {
            Some(read) => Ok(read),
            None => ObjectVisitor(PhantomData).visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>())),
        }
    }
}

/// The error that the other side raised.
///
/// # Errors
/// It is an exception of another class, or lacks an attribute.
pub fn from_remote<T: ReadObject>(remote: &RemoteError) -> crate::Result<T> {
    let exception = Value::from(remote.exception().clone());
    Ok(read_exception(exception)?)
}
