use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::{Dict, Value};
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
            args: vec![Value::Str(text.into())],
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

    /// What Python's `str()` gives: the only argument, or all of them as a tuple.
    pub fn text(&self) -> String {
        match self.args.as_slice() {
            [] => String::new(),
            [Value::Str(text)] => text.clone(),
            [one] => one.to_string(),
            all => Value::Tuple(all.to_vec()).to_string(),
        }
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
