//! What the objects mean that Python would make by calls.

use std::borrow::Cow;

use serde::Deserialize;

use super::class::CLASS;
use super::document::{By, Document, Entry, Made, Name, Node, Object, Step};
use super::parts::Part;
use super::reader::Walk;
use super::{array, pyro, temporal};
use crate::tag::Tag;
use crate::{BigInt, Complex, Error, Value};

/// An object as a value that is known here.
pub(super) enum Meaning<'a, 'de> {
    /// A list, or with a tag one of Python's other sequences.
    Items(Option<Tag>, Cow<'a, [Node<'de>]>),
    Dict(Cow<'a, [Entry<'de>]>),
    /// An instance: its class and its attributes.
    Instance(String, &'a [Entry<'de>]),
    /// An exception, or an instance whose class dict has another form than its pickle.
    ClassDict(Tag, Vec<(&'static str, Part<'a, 'de>)>),
    Value(Value),
    /// Only Python could make it.
    Unknown,
}

/// What is meant by an object of the walk's document.
pub(super) fn meaning<'a, 'de>(walk: &'a Walk<'de>, made: &'a Made<'de>) -> Result<Meaning<'a, 'de>, Error> {
    let document = &walk.document;
    let Some(class) = document.global(made.callee) else {
        return Ok(Meaning::Unknown);
    };
    let known = match class_of_new(document, class, made) {
        Some(class) => instance(document, class, made),
        None => call(walk, class, made)?,
    };
    Ok(known.unwrap_or(Meaning::Unknown))
}

/// The class, if the object was made without a call of it and without arguments.
pub(super) fn class_of_new<'a, 'de>(
    document: &'a Document<'de>,
    callee: &'a Name<'de>,
    made: &Made<'de>,
) -> Option<&'a Name<'de>> {
    let args = document.tuple(made.args)?;
    match (made.by, args) {
        (By::New | By::Old, []) if made.kwargs.is_none() => Some(callee),
        (By::Call, [class, base, Node::None]) if callee.is("copyreg", "_reconstructor") => {
            document.global(*base).filter(|base| base.is("builtins", "object"))?;
            document.global(*class)
        }
        (By::Call, [class]) if callee.is("copyreg", "__newobj__") => document.global(*class),
        _ => None,
    }
}

fn instance<'a, 'de>(document: &'a Document<'de>, class: &Name<'de>, made: &Made<'de>) -> Option<Meaning<'a, 'de>> {
    if let Some(mut parts) = pyro::read(document, class, &made.steps) {
        parts.push((CLASS, Part::Text(class.dotted())));
        return Some(Meaning::ClassDict(Tag::Instance, parts));
    }
    if class.module == "builtins" {
        // A type of Python's own is no object with attributes.
        return None;
    }
    let attributes = attributes(document, &made.steps)?;
    if class.is("uuid", "UUID") {
        return uuid(document, attributes).map(Meaning::Value);
    }
    Some(Meaning::Instance(class.dotted(), attributes))
}

/// The attributes that the steps set, if they do nothing else.
fn attributes<'a, 'de>(document: &'a Document<'de>, steps: &[Step<'de>]) -> Option<&'a [Entry<'de>]> {
    let entries = match steps {
        [] | [Step::State(Node::None)] => &[],
        [Step::State(state)] => document.dict(*state)?,
        _ => return None,
    };
    let is_name = |[name, _]: &Entry<'de>| document.text(*name).is_some_and(|name| name != "__class__");
    entries.iter().all(is_name).then_some(entries)
}

/// The attributes, or else the slots, of an object that only Python can make: what a type of Rust can read of it.
pub(super) fn nearest_attributes<'a, 'de>(document: &'a Document<'de>, made: &Made<'de>) -> Option<&'a [Entry<'de>]> {
    let [Step::State(state)] = made.steps[..] else {
        return None;
    };
    match document.tuple(state) {
        Some([Node::None, slots]) => document.dict(*slots),
        _ => document.dict(state),
    }
}

fn uuid(document: &Document<'_>, attributes: &[Entry<'_>]) -> Option<Value> {
    let number = |[name, _]: &&Entry<'_>| document.text(*name) == Some("int");
    let [_, number] = attributes.iter().find(number)?;
    let number = u128::try_from(document.int(*number)?.0).ok()?;
    Some(Value::Uuid(uuid::Uuid::from_u128(number)))
}

fn call<'a, 'de>(
    walk: &'a Walk<'de>,
    callee: &'a Name<'de>,
    made: &'a Made<'de>,
) -> Result<Option<Meaning<'a, 'de>>, Error> {
    let document = &walk.document;
    let Some(args) = document.tuple(made.args).filter(|_| made.by != By::New) else {
        return Ok(None);
    };
    if let Some(meaning) = container(document, callee, args, &made.steps) {
        return Ok(Some(meaning));
    }
    if callee.is_exception() || has_traceback(document, &made.steps) {
        return Ok(exception(document, callee, args, &made.steps));
    }
    #[cfg(feature = "numpy")]
    if super::numpy::is_known(callee) {
        return Ok(super::numpy::read(walk, callee, args, &made.steps)?.map(Meaning::Value));
    }
    if !made.steps.is_empty() {
        return Ok(None);
    }
    let value = match (&*callee.module, &*callee.name) {
        ("_codecs", "encode") | ("builtins", "bytes") => bytes_of_call(document, callee, args).map(Value::Bytes),
        ("builtins", "bytearray") => byte_array(document, args).map(Value::ByteArray),
        ("builtins", "complex") => complex(args).map(Value::Complex),
        ("builtins", "slice" | "range") => return Ok(slice(callee, args)),
        ("datetime", name) => temporal::read(document, name, args),
        ("decimal", "Decimal") => decimal(document, args),
        ("array", _) => array::read(walk, callee, args)?,
        _ => None,
    };
    Ok(value.map(Meaning::Value))
}

/// The containers that are made by a call.
pub(super) fn container<'a, 'de>(
    document: &'a Document<'de>,
    callee: &Name<'de>,
    args: &[Node<'de>],
    steps: &'a [Step<'de>],
) -> Option<Meaning<'a, 'de>> {
    let borrowed = |tag, items| Some(Meaning::Items(tag, Cow::Borrowed(items)));
    let items = |node: &Node<'de>| document.list(*node).or_else(|| document.tuple(*node));
    match (&*callee.module, &*callee.name, args, steps) {
        ("builtins", "set", [members], []) => borrowed(Some(Tag::Set), items(members)?),
        ("builtins", "frozenset", [members], []) => borrowed(Some(Tag::FrozenSet), items(members)?),
        ("builtins", "set", [], []) => borrowed(Some(Tag::Set), &[]),
        ("builtins", "frozenset", [], []) => borrowed(Some(Tag::FrozenSet), &[]),
        ("collections", "deque", [] | [_] | [_, _], _) => {
            let first = args.first().map_or(Some(&[][..]), items)?;
            match steps {
                [] => borrowed(None, first),
                [Step::Append(more)] if first.is_empty() => borrowed(None, more),
                [Step::Append(more)] => Some(Meaning::Items(None, [first, more.as_slice()].concat().into())),
                _ => None,
            }
        }
        ("collections", "Counter", [counts], []) => Some(Meaning::Dict(document.dict(*counts)?.into())),
        ("collections", "OrderedDict", [pairs], []) => {
            let pair = |pair: &Node<'de>| match items(pair)? {
                [key, value] => Some([*key, *value]),
                _ => None,
            };
            let entries: Option<Vec<_>> = items(pairs)?.iter().map(pair).collect();
            Some(Meaning::Dict(entries?.into()))
        }
        ("collections", "OrderedDict", [], _) | ("collections", "defaultdict", [] | [_], _) => match steps {
            [] => Some(Meaning::Dict((&[][..]).into())),
            [Step::SetItems(entries)] => Some(Meaning::Dict(entries.into())),
            _ => None,
        },
        _ => None,
    }
}

fn exception<'a, 'de>(
    document: &'a Document<'de>,
    class: &Name<'de>,
    args: &'a [Node<'de>],
    steps: &[Step<'de>],
) -> Option<Meaning<'a, 'de>> {
    // Some of Python's exceptions have their arguments among their attributes as well.
    let others = |[name, _]: &&Entry<'de>| document.text(*name) != Some("args");
    let attributes = attributes(document, steps)?.iter().filter(others).copied();
    let parts = vec![
        (CLASS, Part::Text(class.dotted())),
        ("__exception__", Part::Node(Node::Bool(true))),
        ("args", Part::Items(args)),
        ("attributes", Part::Dict(attributes.collect())),
    ];
    Some(Meaning::ClassDict(Tag::Exception, parts))
}

/// Whether Pyro has put the traceback in: then it is an exception, whatever its name.
fn has_traceback<'de>(document: &Document<'de>, steps: &[Step<'de>]) -> bool {
    let is_traceback = |[name, _]: &Entry<'de>| document.text(*name) == Some("_pyroTraceback");
    attributes(document, steps).is_some_and(|attributes| attributes.iter().any(is_traceback))
}

/// The bytes that a text stands for before protocol 3.
fn bytes_of_call(document: &Document<'_>, callee: &Name<'_>, args: &[Node<'_>]) -> Option<Vec<u8>> {
    match (&*callee.name, args) {
        ("bytes", []) => Some(Vec::new()),
        ("bytes", [Node::Bytes(bytes)]) => Some(bytes.to_vec()),
        ("encode", [text, encoding]) if is_latin1(document.text(*encoding)?) => latin1(document.text(*text)?),
        _ => None,
    }
}

fn byte_array(document: &Document<'_>, args: &[Node<'_>]) -> Option<Vec<u8>> {
    match args {
        [] => Some(Vec::new()),
        [bytes] => document.bytes(*bytes).map(Cow::into_owned),
        [text, encoding] if is_latin1(document.text(*encoding)?) => latin1(document.text(*text)?),
        _ => None,
    }
}

fn is_latin1(encoding: &str) -> bool {
    matches!(encoding, "latin1" | "latin-1")
}

fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|char| u8::try_from(char).ok()).collect()
}

fn complex(args: &[Node<'_>]) -> Option<Complex> {
    let float = |node: &Node<'_>| match node {
        Node::Float(number) => Some(*number),
        Node::Int(number) => Some(*number as f64),
        _ => None,
    };
    match args {
        [re, im] => Some(Complex {
            re: float(re)?,
            im: float(im)?,
        }),
        _ => None,
    }
}

/// A slice or range, which is an instance with these attributes here.
pub(super) const SLICE_ATTRIBUTES: [&str; 3] = ["start", "stop", "step"];

fn slice<'a, 'de>(class: &Name<'de>, args: &[Node<'de>]) -> Option<Meaning<'a, 'de>> {
    let args: [Node<'de>; 3] = args.try_into().ok()?;
    let attributes = SLICE_ATTRIBUTES.into_iter().zip(args.map(Part::Node));
    let class = (CLASS, Part::Text(class.dotted()));
    Some(Meaning::ClassDict(Tag::Instance, attributes.chain([class]).collect()))
}

fn decimal(document: &Document<'_>, args: &[Node<'_>]) -> Option<Value> {
    match args {
        [text] => document.text(*text)?.parse().ok().map(Value::Decimal),
        _ => None,
    }
}

impl<'de> Walk<'de> {
    /// A node as a [`Value`].
    pub(super) fn value(&self, node: Node<'de>) -> Result<Value, Error> {
        Value::deserialize(self.reader(node))
    }

    pub(super) fn values(&self, nodes: &[Node<'de>]) -> Result<Vec<Value>, Error> {
        nodes.iter().map(|node| self.value(*node)).collect()
    }
}

impl<'de> Document<'de> {
    /// The bytes, if the node is some, in whatever form: a `str` of Python 2, or a text with the call that makes bytes of it.
    pub(super) fn bytes<'a>(&'a self, node: Node<'de>) -> Option<Cow<'a, [u8]>> {
        match node {
            Node::Bytes(bytes) | Node::ByteArray(bytes) | Node::OldStr(bytes) => Some(bytes.into()),
            _ => match self.object(node)? {
                Object::OldStr(bytes) => Some(bytes.into()),
                Object::Made(made) if made.by == By::Call && made.steps.is_empty() => {
                    bytes_of_call(self, self.global(made.callee)?, self.tuple(made.args)?).map(Cow::Owned)
                }
                _ => None,
            },
        }
    }

    /// The number, if the node is an int.
    pub(super) fn int(&self, node: Node<'de>) -> Option<BigInt> {
        match node {
            Node::Int(number) => Some(number.into()),
            Node::Long(bytes) => Some(BigInt::from_bytes(bytes)),
            _ => match self.object(node)? {
                Object::BigInt(number) => Some(BigInt::clone(number)),
                _ => None,
            },
        }
    }

    /// The same, for ints of 64 bits.
    pub(super) fn small_int(&self, node: Node<'de>) -> Option<i64> {
        match node {
            Node::Int(number) => Some(number),
            _ => None,
        }
    }
}

impl Name<'_> {
    /// Whether this is the global of that name.
    pub(super) fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }
}
