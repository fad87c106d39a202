//! The metadata of an object: which methods it has, which of them are oneway, and its attributes.

use ferropyro_formats::Value;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::object::members::Members;

/// What a client knows about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The methods, oneway ones included.
    pub methods: Vec<String>,
    /// The methods that do not answer.
    pub oneway: Vec<String>,
    /// The attributes.
    pub attributes: Vec<String>,
}

impl Metadata {
    pub(crate) fn of(members: &Members) -> Metadata {
        let names = |oneway_only: bool| {
            members
                .methods
                .iter()
                .filter(|method| method.oneway || !oneway_only)
                .map(|method| method.name.to_string())
                .collect()
        };
        Metadata {
            methods: names(false),
            oneway: names(true),
            attributes: members
                .attributes
                .iter()
                .map(|attribute| attribute.name.to_string())
                .collect(),
        }
    }

    /// Whether there is nothing that a client could use.
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.attributes.is_empty()
    }

    /// For the wire: Pyro5 sends sets, Pyro4 lists unless it is asked otherwise.
    pub(crate) fn wire(&self, containers: Containers) -> WireMetadata<'_> {
        WireMetadata {
            metadata: self,
            containers,
        }
    }
}

/// The containers of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Containers {
    Lists,
    Sets,
}

pub(crate) struct WireMetadata<'m> {
    metadata: &'m Metadata,
    containers: Containers,
}

impl Serialize for WireMetadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = |names: &[String]| match self.containers {
            Containers::Lists => Value::List(names.iter().map(|name| Value::from(name.as_str())).collect()),
            Containers::Sets => Value::Set(names.iter().map(|name| Value::from(name.as_str())).collect()),
        };
        let mut dict = serializer.serialize_struct("Metadata", 3)?;
        dict.serialize_field("methods", &names(&self.metadata.methods))?;
        dict.serialize_field("oneway", &names(&self.metadata.oneway))?;
        dict.serialize_field("attrs", &names(&self.metadata.attributes))?;
        dict.end()
    }
}

/// Takes any kind of container: sets arrive as sets, lists or tuples.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
        #[derive(serde::Deserialize)]
        struct Wire {
            #[serde(default)]
            methods: Vec<String>,
            #[serde(default)]
            oneway: Vec<String>,
            #[serde(default)]
            attrs: Vec<String>,
        }
        let Wire { methods, oneway, attrs } = Wire::deserialize(deserializer)?;
        Ok(Metadata {
            methods,
            oneway,
            attributes: attrs,
        })
    }
}
