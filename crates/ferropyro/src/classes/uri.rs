//! URIs as they travel: the class `URI` of Pyro4 and Pyro5 with its state of five fields.

use std::collections::BTreeSet;
use std::fmt;

use ferropyro_formats::{ClassDict, ClassName, Set, Value};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, SerializeTuple, Serializer};

use crate::Uri;
use crate::uri::{LocationRef, ObjectRef, UriObject, UriRef, UriState};

const CLASS: &str = "Pyro5.core.URI";

/// As an object of Python's class `URI`, whose name is that of the peer's generation.
impl Serialize for Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        UriRef::from(self).serialize(serializer)
    }
}

/// As [`Uri`] does.
impl Serialize for UriRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ClassDict(Object(self)).serialize(serializer)
    }
}

struct Object<'a>(&'a UriRef<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct("URI", 2)?;
        dict.serialize_field("__class__", &ClassName(CLASS))?;
        dict.serialize_field("state", &State(self.0))?;
        dict.end()
    }
}

struct State<'a>(&'a UriRef<'a>);

impl Serialize for State<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sockname, host, port) = match self.0.location {
            None => (None, None, None),
            Some(LocationRef::Tcp { host, port }) => (None, Some(host), Some(port)),
            Some(LocationRef::Unix(path)) => (Some(path), None, None),
        };
        let mut state = serializer.serialize_tuple(5)?;
        state.serialize_element(self.0.protocol.as_str())?;
        match &self.0.object {
            ObjectRef::Text(text) => state.serialize_element(text)?,
            ObjectRef::Tags(tags) => state.serialize_element(&tags.iter().copied().collect::<Set<&str>>())?,
        }
        state.serialize_element(&sockname)?;
        state.serialize_element(&host)?;
        state.serialize_element(&port)?;
        state.end()
    }
}

/// Takes an object of Python's class `URI` of either generation, and a URI's text.
impl<'de> Deserialize<'de> for Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Uri, D::Error> {
        deserializer.deserialize_any(UriVisitor)
    }
}

struct UriVisitor;

impl<'de> Visitor<'de> for UriVisitor {
    type Value = Uri;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URI")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Uri, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Uri, A::Error> {
        let mut state = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "__class__" => check_class(&map.next_value::<String>()?)?,
                "state" => state = Some(map.next_value_seed(StateVisitor)?),
                _ => return Err(de::Error::unknown_field(&key, &["__class__", "state"])),
            }
        }
        let state = state.ok_or_else(|| de::Error::missing_field("state"))?;
        Uri::from_state(state).map_err(de::Error::custom)
    }
}

fn check_class<E: de::Error>(class: &str) -> Result<(), E> {
    match crate::classes::pyro5_name(class).as_ref() {
        CLASS | "Pyro5.compatibility.Pyro4.URI" => Ok(()),
        _ => Err(E::custom(format_args!(
            "an object of class {class} where a URI belongs"
        ))),
    }
}

struct StateVisitor;

impl<'de> de::DeserializeSeed<'de> for StateVisitor {
    type Value = UriState;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<UriState, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for StateVisitor {
    type Value = UriState;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the five fields of a URI")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<UriState, A::Error> {
        let missing = |index| move || de::Error::invalid_length(index, &StateVisitor);
        let protocol = seq.next_element()?.ok_or_else(missing(0))?;
        let object: Value = seq.next_element()?.ok_or_else(missing(1))?;
        Ok(UriState {
            protocol,
            object: object_of(object)?,
            sockname: seq.next_element()?.ok_or_else(missing(2))?,
            host: seq.next_element()?.ok_or_else(missing(3))?,
            port: seq.next_element()?.ok_or_else(missing(4))?,
        })
    }
}

fn object_of<E: de::Error>(object: Value) -> Result<UriObject, E> {
    let items = match object {
        Value::Str(text) => return Ok(UriObject::Text(text.into_string())),
        other => other
            .into_items()
            .map_err(|_| E::custom("the object of a URI is a text or a set of texts"))?,
    };
    let tags: Option<BTreeSet<String>> = items.iter().map(|tag| tag.as_str().map(str::to_owned)).collect();
    tags.map(UriObject::Tags)
        .ok_or_else(|| E::custom("the tags of a URI are texts"))
}
