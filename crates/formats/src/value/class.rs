use std::borrow::Cow;

use serde::de;
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Dict, Value};
use crate::refusal::refuse_class;
use crate::tag::Tag;

/// An exception object as data: the class, the arguments it was made with, and the attributes set on it.
///
/// Written as Pyro's class dict `{'__class__': ..., '__exception__': True, 'args': (...), 'attributes': {...}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exception {
    /// The class with its module, such as `builtins.ValueError` or `Pyro5.errors.NamingError`.
    pub class: String,
    /// The arguments; the first is usually the text.
    pub args: Vec<Value>,
    /// The attributes. A server adds `_pyroTraceback`, a list of texts.
    pub attributes: Dict,
}

impl Exception {
    /// An exception of this class with one text as argument.
    ///
    /// A class without a module is one of Python's built-in exceptions.
    pub fn new(class: &str, text: impl Into<String>) -> Exception {
        let class = if class.contains('.') {
            class.to_owned()
        } else {
            format!("builtins.{class}")
        };
        Exception {
            class,
            args: vec![Value::from(text.into())],
            attributes: Dict::new(),
        }
    }

    /// The same with another argument behind those it has.
    pub fn arg(mut self, arg: impl Into<Value>) -> Exception {
        self.args.push(arg.into());
        self
    }

    /// The same with this attribute set.
    pub fn attribute(mut self, name: &str, value: impl Into<Value>) -> Exception {
        self.attributes.insert(name, value);
        self
    }

    /// The class name without its module: `ValueError`.
    pub fn class_name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }

    /// What Python's `str()` gives: the only argument, or all of them as a tuple. A `KeyError` shows a text in quotes.
    pub fn text(&self) -> String {
        match self.args.as_slice() {
            [] => String::new(),
            [Value::Str(text)] if self.class != "builtins.KeyError" => text.to_string(),
            [one] => one.to_string(),
            all => Value::Tuple(all.to_vec()).to_string(),
        }
    }
}

impl Exception {
    /// The dict that stands for this exception; [`Dict::into_object`] is the way back.
    pub(super) fn into_class_dict(self) -> Dict {
        Dict::from([
            (CLASS, Value::from(self.class)),
            ("__exception__", Value::Bool(true)),
            ("args", Value::Tuple(self.args)),
            ("attributes", Value::Dict(self.attributes)),
        ])
    }
}

impl Serialize for Exception {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Exception.name(), &ExceptionDict(self))
    }
}

struct ExceptionDict<'a>(&'a Exception);

impl Serialize for ExceptionDict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct("Exception", 4)?;
        dict.serialize_field("__class__", &ClassName(&self.0.class))?;
        dict.serialize_field("__exception__", &true)?;
        dict.serialize_field("args", &Args(&self.0.args))?;
        dict.serialize_field("attributes", &self.0.attributes)?;
        dict.end()
    }
}

struct Args<'a>(&'a [Value]);

impl Serialize for Args<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::ser::tuple(self.0, serializer)
    }
}

/// An instance of a class, as data. Written as a class dict: the attributes, then `__class__`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// The class with its module.
    pub class: String,
    /// Its attributes.
    pub attributes: Dict,
}

impl Instance {
    /// The dict that stands for this instance; [`Dict::into_object`] is the way back.
    pub(super) fn into_class_dict(self) -> Dict {
        let mut dict = self.attributes;
        dict.insert(CLASS, self.class);
        dict
    }
}

impl Serialize for Instance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Instance.name(), &InstanceDict(self))
    }
}

struct InstanceDict<'a>(&'a Instance);

impl Serialize for InstanceDict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_map(Some(self.0.attributes.len() + 1))?;
        for (name, value) in self.0.attributes.iter() {
            dict.serialize_entry(name, value)?;
        }
        dict.serialize_entry("__class__", &ClassName(&self.0.class))?;
        dict.end()
    }
}

/// A class name in a class dict: a text that the formats translate with their `ClassNames`.
#[derive(Debug, Clone, Copy)]
pub struct ClassName<'a>(pub &'a str);

impl Serialize for ClassName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::ClassName.name(), self.0)
    }
}

/// The class dict of a type of the program's own: what is in here writes its attributes, then `__class__` with a [`ClassName`].
///
/// The formats write it as it is, and in a [`Value`] it becomes the object that it stands for, as [`Dict::into_object`] says.
#[derive(Debug, Clone, Copy)]
pub struct ClassDict<T>(pub T);

impl<T: Serialize> Serialize for ClassDict<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Instance.name(), &self.0)
    }
}

/// The key that makes a dict a class dict.
const CLASS: &str = "__class__";

impl Dict {
    /// The object that a class dict stands for: an exception, or an instance of any other class. Every other dict stays one.
    ///
    /// Exceptions are the dicts with `'__exception__': True`, and those of Pyro's own error classes, which Pyro knows without being told. So are those of
    /// Python's modules of built-in classes that have the form of an exception: Pyro4 up to 4.25 does not tell.
    /// [`Value`] does this with every dict that it reads: a class that nobody knows is data, never an error. It refuses a class with double
    /// underscores in its name, though, as Pyro does.
    pub fn into_object(self) -> Value {
        match self.class().map(Cow::into_owned) {
            Some(class) => self.into_object_of(class),
            None => Value::Dict(self),
        }
    }

    /// The same for a dict from outside, whose class may be one that is refused.
    pub(super) fn read_object<E: de::Error>(self) -> Result<Value, E> {
        match self.class().map(Cow::into_owned) {
            Some(class) if class.contains("__") => Err(refuse_class(&class)),
            Some(class) => Ok(self.into_object_of(class)),
            None => Ok(Value::Dict(self)),
        }
    }

    /// The class, if this is a class dict.
    fn class(&self) -> Option<Cow<'_, str>> {
        match self.get(CLASS)? {
            Value::Str(class) => Some(Cow::Borrowed(class)),
            // From marshal on Python 2.
            Value::Bytes(class) => Some(String::from_utf8_lossy(class)),
            _ => None,
        }
    }

    fn into_object_of(mut self, class: String) -> Value {
        if self.is_exception(&class) {
            return Value::Exception(Box::new(self.into_exception(class)));
        }
        self.remove(CLASS);
        Value::Instance(Box::new(Instance {
            class,
            attributes: self,
        }))
    }

    /// Whether this has the form of an exception, and nothing else that would be lost.
    fn is_exception(&self, class: &str) -> bool {
        let known = ["Pyro4.errors.", "Pyro5.errors.", "builtins.", "exceptions."];
        let own = known.iter().any(|module| class.starts_with(module));
        let told = self.get("__exception__") == Some(&Value::Bool(true));
        (own || told)
            && self.get("args").is_some_and(|args| args.as_sequence().is_some())
            && self
                .get("attributes")
                .is_none_or(|attributes| attributes.as_dict().is_some())
            && self
                .iter()
                .all(|(key, _)| matches!(key.as_str(), Some(CLASS | "__exception__" | "args" | "attributes")))
    }

    fn into_exception(mut self, class: String) -> Exception {
        let args = self.remove("args").and_then(|args| args.into_items().ok());
        let attributes = match self.remove("attributes") {
            Some(Value::Dict(attributes)) => attributes,
            _ => Dict::new(),
        };
        Exception {
            class,
            args: args.unwrap_or_default(),
            attributes,
        }
    }
}
