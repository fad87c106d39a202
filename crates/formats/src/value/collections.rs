use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::{IndexMap, IndexSet};
use serde::de::{EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;
use crate::tag::{Tag, read_tag};

/// A Python dict: any hashable key, in insertion order. Equality does not regard the order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dict(Box<IndexMap<Value, Value>>);

impl Dict {
    /// An empty dict.
    pub fn new() -> Dict {
        Dict::default()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&Text(key))
    }

    /// The value under any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets an entry; an existing key keeps its place. Gives the old value.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// Takes the entry of a text key out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(&Text(key))
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        self.0.iter()
    }
}

/// Looks a text key up without making a `Value` of it. Must hash as `Value::Str` does.
struct Text<'a>(&'a str);

impl Hash for Text<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&Value::Str(String::new())).hash(state);
        self.0.hash(state);
    }
}

impl indexmap::Equivalent<Value> for Text<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        key.as_str() == Some(self.0)
    }
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Dict {
        Dict(Box::new(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        ))
    }
}

impl<K: Into<Value>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Dict {
    fn from(entries: [(K, V); N]) -> Dict {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Dict {
    type Item = (Value, Value);
    type IntoIter = indexmap::map::IntoIter<Value, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Dict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Dict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dict, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Dict(dict) => Ok(dict),
            other => Err(serde::de::Error::custom(format_args!(
                "invalid type: {}, expected a dict",
                other.type_name()
            ))),
        }
    }
}

/// A Python set or frozenset, in the order in which its members came. Equality does not regard the order.
///
/// As a typed argument it takes a set, frozenset, list or tuple, since Pyro's formats turn sets into these.
#[derive(Debug, Clone)]
pub struct Set<T: Hash + Eq>(Box<IndexSet<T>>);

impl<T: Hash + Eq> Set<T> {
    /// An empty set.
    pub fn new() -> Set<T> {
        Set::default()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a member. False when it was in already.
    pub fn insert(&mut self, member: T) -> bool {
        self.0.insert(member)
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &T) -> bool {
        self.0.contains(member)
    }

    /// The members.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter()
    }
}

impl<T: Hash + Eq> Default for Set<T> {
    fn default() -> Set<T> {
        Set(Box::default())
    }
}

impl<T: Hash + Eq> PartialEq for Set<T> {
    fn eq(&self, other: &Set<T>) -> bool {
        self.0 == other.0
    }
}

impl<T: Hash + Eq> Eq for Set<T> {}

impl<T: Hash + Eq> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Set<T> {
        Set(Box::new(members.into_iter().collect()))
    }
}

impl<T: Hash + Eq> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = indexmap::set::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// As a Python set.
impl<T: Hash + Eq + Serialize> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Tag::Set.name(), &Members(self))
    }
}

/// The members as a plain sequence: the content of the tag.
pub(super) struct Members<'a, T: Hash + Eq>(pub(super) &'a Set<T>);

impl<T: Hash + Eq + Serialize> Serialize for Members<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.0.iter())
    }
}

impl<'de, T: Hash + Eq + Deserialize<'de>> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Set<T>, D::Error> {
        deserializer.deserialize_newtype_struct(Tag::Set.name(), SetVisitor(PhantomData))
    }
}

struct SetVisitor<T>(PhantomData<T>);

impl<'de, T: Hash + Eq + Deserialize<'de>> Visitor<'de> for SetVisitor<T> {
    type Value = Set<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Set<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Set<T>, A::Error> {
        let mut set = Set::new();
        while let Some(member) = seq.next_element()? {
            set.insert(member);
        }
        Ok(set)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Set<T>, A::Error> {
        match read_tag(data)? {
            (Tag::Set | Tag::FrozenSet | Tag::Tuple, content) => content.newtype_variant_seed(super::de::Through(self)),
            (tag, _) => Err(super::de::wrong_tag(tag, &self)),
        }
    }
}
