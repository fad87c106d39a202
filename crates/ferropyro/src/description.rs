//! What a daemon tells of an object beyond the names of its members: an extra of this library, which Pyro's clients do not ask for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::daemon::registry::InstanceMode;
use crate::object::members::{Attribute, Members, Method, Param};

/// What a daemon tells of an object: its class, its methods with their signatures, its attributes, and what the program says about them
/// ([`Proxy::describe`](crate::Proxy::describe)).
///
/// Types are in Python's words: `list[float]`, `dict[str, int]`, `str | None`, `datetime`, `Any`, or the name of a class. All of it comes from the network,
/// and may be any text. As a dict of Python it has the names of these fields, with `type` for `type_name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The name of the class.
    pub class: String,
    /// What the object is for.
    #[serde(default)]
    pub doc: Option<String>,
    /// When the daemon makes instances. An object that was registered as it is, is a single one.
    pub instance_mode: InstanceMode,
    /// The methods, in the order of their declaration.
    #[serde(default)]
    pub methods: Vec<MethodDescription>,
    /// The attributes, in the order of their declaration.
    #[serde(default)]
    pub attributes: Vec<AttributeDescription>,
}

/// What is told of a method. It is shown as in Python: `add(a: int, b: int = 1) -> int`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodDescription {
    /// The name that callers use.
    pub name: String,
    /// Whether callers get no answer, and do not wait for one.
    #[serde(default)]
    pub oneway: bool,
    /// What it does.
    #[serde(default)]
    pub doc: Option<String>,
    /// What it takes and gives; `None` where that is not told, as of a method that takes any arguments.
    #[serde(default)]
    pub signature: Option<SignatureDescription>,
}

/// What a method takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignatureDescription {
    /// The parameters in order, the object itself left out.
    #[serde(default)]
    pub parameters: Vec<ParameterDescription>,
    /// The type of the result.
    pub returns: String,
}

/// What is told of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterDescription {
    /// The name, for keyword arguments.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What it is where a call leaves it out, as a literal of Python, or `...` where that is not told. `None` for a parameter that every call must give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What is told of an attribute. It is shown as in Python: `level: int`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttributeDescription {
    /// The name that callers use.
    pub name: String,
    /// The type, if it is told.
    #[serde(rename = "type", default)]
    pub type_name: Option<String>,
    /// What it is.
    #[serde(default)]
    pub doc: Option<String>,
    /// Whether callers may set it.
    #[serde(default)]
    pub writable: bool,
}

/// A type that is not told.
const ANY: &str = "Any";

/// A default that is not told.
const UNTOLD: &str = "...";

impl Description {
    pub(crate) fn of(members: &Members, instance_mode: InstanceMode) -> Description {
        Description {
            class: members.class.to_string(),
            doc: members.doc.as_ref().map(ToString::to_string),
            instance_mode,
            methods: members.methods.iter().map(MethodDescription::of).collect(),
            attributes: members.attributes.iter().map(AttributeDescription::of).collect(),
        }
    }

    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&MethodDescription> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&AttributeDescription> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl MethodDescription {
    fn of(method: &Method) -> MethodDescription {
        MethodDescription {
            name: method.name.to_string(),
            oneway: method.oneway,
            doc: method.doc.as_ref().map(ToString::to_string),
            signature: SignatureDescription::of(method),
        }
    }
}

impl SignatureDescription {
    /// One that is written by hand may say nothing, and then the method reads its arguments as it likes.
    fn of(method: &Method) -> Option<SignatureDescription> {
        let is_told = method.returns.is_some() || !method.params.is_empty();
        is_told.then(|| SignatureDescription {
            parameters: method.params.iter().map(ParameterDescription::of).collect(),
            returns: method.returns.as_deref().unwrap_or(ANY).to_owned(),
        })
    }
}

impl ParameterDescription {
    fn of(param: &Param) -> ParameterDescription {
        let default = param.default.as_deref().unwrap_or(UNTOLD);
        ParameterDescription {
            name: param.name.to_string(),
            type_name: param.type_name.as_deref().unwrap_or(ANY).to_owned(),
            default: param.optional.then(|| default.to_owned()),
        }
    }
}

impl AttributeDescription {
    fn of(attribute: &Attribute) -> AttributeDescription {
        AttributeDescription {
            name: attribute.name.to_string(),
            type_name: attribute.type_name.as_ref().map(ToString::to_string),
            doc: attribute.doc.as_ref().map(ToString::to_string),
            writable: attribute.writable,
        }
    }
}

impl fmt::Display for MethodDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.signature {
            Some(signature) => write!(f, "{}{signature}", self.name),
            None => write!(f, "{}(...)", self.name),
        }
    }
}

impl fmt::Display for SignatureDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters: Vec<String> = self.parameters.iter().map(ToString::to_string).collect();
        write!(f, "({}) -> {}", parameters.join(", "), self.returns)
    }
}

impl fmt::Display for ParameterDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.type_name)?;
        match &self.default {
            Some(default) => write!(f, " = {default}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for AttributeDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.type_name {
            Some(type_name) => write!(f, "{}: {type_name}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}
