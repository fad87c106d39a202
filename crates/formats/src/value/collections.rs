use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

use indexmap::{IndexMap, IndexSet};
use serde::de::{EnumAccess, SeqAccess, VariantAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Str, Value};
use crate::tag::{Tag, read_tag};

/// A Python dict: any hashable key, in insertion order. Equality does not regard the order.
#[derive(Clone)]
pub struct Dict(Entries);

/// Most dicts have few keys, and to compare a key with these is faster than to hash it; they also take one piece of memory, not three.
#[derive(Clone)]
enum Entries {
    /// At most [`FEW`].
    Few(Vec<(Value, Value)>),
    Many(Box<IndexMap<Value, Value>>),
}

use Entries::{Few, Many};

const FEW: usize = 8;

impl Dict {
    /// An empty dict.
    pub fn new() -> Dict {
        Dict::default()
    }

    /// An empty dict with room for so many entries.
    pub(super) fn with_capacity(capacity: usize) -> Dict {
        match capacity <= FEW {
            true => Dict(Few(Vec::with_capacity(capacity))),
            false => Dict(Many(Box::new(IndexMap::with_capacity(capacity)))),
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.0 {
            Few(entries) => entries.len(),
            Many(entries) => entries.len(),
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value under a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match &self.0 {
            Few(entries) => entries
                .iter()
                .find_map(|(other, value)| (other.as_str() == Some(key)).then_some(value)),
            Many(entries) => entries.get(&Text(key)),
        }
    }

    /// The value under any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        match &self.0 {
            Few(entries) => entries
                .iter()
                .find_map(|(other, value)| (other == key).then_some(value)),
            Many(entries) => entries.get(key),
        }
    }

    /// Sets an entry; an existing key keeps its place. Gives the old value.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        let length = self.len();
        let old = std::mem::replace(self.place(key.into()), value.into());
        (self.len() == length).then_some(old)
    }

    /// Where the value of this key stands, or shall: until then there is None.
    pub(super) fn place(&mut self, key: Value) -> &mut Value {
        if let Few(entries) = &mut self.0
            && entries.len() == FEW
            && entries.iter().all(|(other, _)| *other != key)
        {
            self.0 = Many(Box::new(entries.drain(..).collect()));
        }
        match &mut self.0 {
            Few(entries) => {
                let known = entries.iter().position(|(other, _)| *other == key);
                let at = known.unwrap_or(entries.len());
                if known.is_none() {
                    entries.push((key, Value::None));
                }
                &mut entries[at].1
            }
            Many(entries) => entries.entry(key).or_default(),
        }
    }

    /// Takes the entry of a text key out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        match &mut self.0 {
            Few(entries) => {
                let at = entries.iter().position(|(other, _)| other.as_str() == Some(key))?;
                Some(entries.remove(at).1)
            }
            Many(entries) => entries.shift_remove(&Text(key)),
        }
    }

    /// The entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> {
        match &self.0 {
            Few(entries) => Iter::Few(entries.iter()),
            Many(entries) => Iter::Many(entries.iter()),
        }
    }
}

/// The entries of a dict in order.
enum Iter<'a> {
    Few(std::slice::Iter<'a, (Value, Value)>),
    Many(indexmap::map::Iter<'a, Value, Value>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Few(entries) => entries.next().map(|(key, value)| (key, value)),
            Iter::Many(entries) => entries.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Few(entries) => entries.size_hint(),
            Iter::Many(entries) => entries.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl Default for Dict {
    fn default() -> Dict {
        Dict(Few(Vec::new()))
    }
}

impl PartialEq for Dict {
    fn eq(&self, other: &Dict) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get_value(key) == Some(value))
    }
}

impl Eq for Dict {}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Looks a text key up without making a `Value` of it. Must hash as `Value::Str` does.
struct Text<'a>(&'a str);

impl Hash for Text<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::mem::discriminant(&Value::Str(Str::default())).hash(state);
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
        let mut dict = Dict::new();
        for (key, value) in entries {
            dict.insert(key, value);
        }
        dict
    }
}

impl<K: Into<Value>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Dict {
    fn from(entries: [(K, V); N]) -> Dict {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Dict {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {
            Few(entries) => entries.into_iter(),
            Many(entries) => entries.into_iter().collect::<Vec<_>>().into_iter(),
        }
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
