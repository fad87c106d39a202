//! What a pickle builds: values, and the objects that they share.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;

use super::contents::Contents;
use crate::BigInt;

/// A value on the stack, in a container or in the memo. What can be copied cheaply stands in here, everything else in [`Document::objects`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Node<'de> {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An int beyond 64 bits: two's complement, little-endian.
    Long(&'de [u8]),
    Str(&'de str),
    Bytes(&'de [u8]),
    ByteArray(&'de [u8]),
    /// A `str` of Python 2: bytes, or a text in an encoding that nothing tells.
    OldStr(&'de [u8]),
    /// One of the document's objects, by its number.
    Object(usize),
}

#[derive(Debug)]
pub(super) enum Object<'de> {
    /// A text that could not be borrowed from the pickle.
    Text(String),
    /// A text with lone surrogates.
    Wtf8(Vec<u8>),
    OldStr(Vec<u8>),
    BigInt(Box<BigInt>),
    List(Contents<'de>),
    Tuple(Contents<'de>),
    Set(Contents<'de>),
    FrozenSet(Contents<'de>),
    Dict(Contents<'de>),
    /// A class, function or other attribute of a module, by name.
    Global(Box<Name<'de>>),
    Made(Box<Made<'de>>),
}

/// Key and value.
pub(super) type Entry<'de> = [Node<'de>; 2];

/// The name of a global, as Python 3 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name<'de> {
    pub(super) module: Cow<'de, str>,
    /// With the classes around it, separated by dots.
    pub(super) name: Cow<'de, str>,
}

/// An object that Python would make by a call. Here it is only remembered how.
#[derive(Debug)]
pub(super) struct Made<'de> {
    pub(super) by: By,
    /// The class or function.
    pub(super) callee: Node<'de>,
    /// The arguments, usually a tuple.
    pub(super) args: Node<'de>,
    /// The keyword arguments of [`By::New`].
    pub(super) kwargs: Option<Node<'de>>,
    /// What was done to the object afterwards.
    pub(super) steps: Vec<Step<'de>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `callee(*args)`
    Call,
    /// `callee.__new__(callee, *args, **kwargs)`
    New,
    /// The way of Python 2's old-style classes: with arguments a call, and without any an instance that is not initialised.
    Old,
}

#[derive(Debug)]
pub(super) enum Step<'de> {
    /// The state is set, usually a dict of attributes.
    State(Node<'de>),
    Append(Vec<Node<'de>>),
    SetItems(Vec<Entry<'de>>),
    /// Something is called for what it does to the object, and its result dropped.
    Call,
}

impl<'de> Object<'de> {
    /// Adds the nodes that the object is made of. `shared`: the document's nodes.
    pub(super) fn parts(&self, shared: &[Node<'de>], parts: &mut Vec<Node<'de>>) {
        match self {
            Object::List(contents)
            | Object::Tuple(contents)
            | Object::Set(contents)
            | Object::FrozenSet(contents)
            | Object::Dict(contents) => parts.extend_from_slice(contents.nodes(shared)),
            Object::Made(made) => {
                parts.extend([made.callee, made.args]);
                parts.extend(made.kwargs);
                parts.extend(made.items());
                parts.extend(made.entries().flatten());
            }
            _ => {}
        }
    }
}

impl<'de> Made<'de> {
    /// The items that were appended.
    pub(super) fn items(&self) -> impl Iterator<Item = Node<'de>> {
        let appended = self.steps.iter().filter_map(|step| match step {
            Step::Append(items) => Some(items),
            _ => None,
        });
        appended.flatten().copied()
    }

    /// The entries that were set.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'de>> {
        let set = self.steps.iter().filter_map(|step| match step {
            Step::SetItems(entries) => Some(entries),
            _ => None,
        });
        set.flatten().copied()
    }

    /// Remembers one more step. What comes in several batches is one step.
    pub(super) fn add(&mut self, step: Step<'de>) {
        match (self.steps.last_mut(), step) {
            (Some(Step::Append(items)), Step::Append(mut more)) => items.append(&mut more),
            (Some(Step::SetItems(entries)), Step::SetItems(mut more)) => entries.append(&mut more),
            (_, step) => self.steps.push(step),
        }
    }
}

/// Something that was done to an object after it was made.
#[derive(Debug)]
pub(super) struct Change<'de> {
    pub(super) object: usize,
    /// How many objects there were at that time.
    pub(super) time: usize,
    pub(super) what: What<'de>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What<'de> {
    /// So many more items.
    Append(usize),
    /// So many more entries.
    SetItems(usize),
    State(Node<'de>),
    /// The call of this number was made, for what it does to the object, and its result dropped.
    Call(usize),
}

/// A whole pickle.
#[derive(Debug, Default)]
pub(super) struct Document<'de> {
    /// In the order in which they were made.
    pub(super) objects: Vec<Object<'de>>,
    /// What stands in the containers among them.
    pub(super) nodes: Vec<Node<'de>>,
    /// What was done to them, in order.
    pub(super) log: Vec<Change<'de>>,
    /// The numbers of an object's changes in the log.
    pub(super) changes: OnceCell<HashMap<usize, Vec<usize>>>,
    /// Whether an object may be in several places. If not, none is inside itself either.
    pub(super) repeats: bool,
    pub(super) root: Node<'de>,
    /// Where the pickle ends in the input.
    pub(super) end: usize,
}

impl<'de> Document<'de> {
    /// The numbers of an object's changes in the log.
    pub(super) fn changes(&self, object: usize) -> &[usize] {
        let changes = self.changes.get_or_init(|| {
            let mut changes = HashMap::<usize, Vec<usize>>::new();
            for (nr, change) in self.log.iter().enumerate() {
                changes.entry(change.object).or_default().push(nr);
            }
            changes
        });
        changes.get(&object).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many of an object's items and of its entries were added after it was made.
    pub(super) fn added_later(&self, object: usize) -> (usize, usize) {
        let changes = self.changes(object).iter().map(|nr| self.log[*nr].what);
        changes.fold((0, 0), |(items, entries), what| match what {
            What::Append(count) => (items + count, entries),
            What::SetItems(count) => (items, entries + count),
            _ => (items, entries),
        })
    }

    /// The object behind a node, if it has one.
    #[inline]
    pub(super) fn object(&self, node: Node<'de>) -> Option<&Object<'de>> {
        match node {
            Node::Object(nr) => self.objects.get(nr),
            _ => None,
        }
    }

    /// The text, if the node is one; a `str` of Python 2 is one if it is UTF-8.
    pub(super) fn text(&self, node: Node<'de>) -> Option<&str> {
        match node {
            Node::Str(text) => Some(text),
            Node::OldStr(bytes) => std::str::from_utf8(bytes).ok(),
            _ => match self.object(node)? {
                Object::Text(text) => Some(text),
                Object::OldStr(bytes) => std::str::from_utf8(bytes).ok(),
                _ => None,
            },
        }
    }

    /// The items, if the node is a tuple.
    pub(super) fn tuple(&self, node: Node<'de>) -> Option<&[Node<'de>]> {
        match self.object(node)? {
            Object::Tuple(items) => Some(items.nodes(&self.nodes)),
            _ => None,
        }
    }

    /// The items, if the node is a list.
    pub(super) fn list(&self, node: Node<'de>) -> Option<&[Node<'de>]> {
        match self.object(node)? {
            Object::List(items) => Some(items.nodes(&self.nodes)),
            _ => None,
        }
    }

    /// The entries, if the node is a dict.
    pub(super) fn dict(&self, node: Node<'de>) -> Option<&[Entry<'de>]> {
        match self.object(node)? {
            Object::Dict(entries) => Some(entries.entries(&self.nodes)),
            _ => None,
        }
    }

    /// The name, if the node is a global.
    pub(super) fn global(&self, node: Node<'de>) -> Option<&Name<'de>> {
        match self.object(node)? {
            Object::Global(name) => Some(name),
            _ => None,
        }
    }
}
