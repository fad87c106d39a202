//! Writes a part of what a pickle has built as a pickle again: how objects that only Python can make are passed on.
//!
//! Python does things in the order in which they stand in the pickle, and a call may see what was done before it. So they are written in the order in which they
//! stood: every object is made, gets a number in the memo and leaves the stack; what is done to it later takes it from the memo. Nothing here is recursive, and an
//! object that contains itself is no special case.

use std::collections::{BTreeSet, HashMap};

use super::document::{By, Change, Document, Entry, Made, Node, Object, What};
use super::write::Writer;
use super::{HIGHEST_PROTOCOL, opcode};
use crate::{BigInt, Error, Surrogates};

/// The value of a node as a pickle of its own, in the highest protocol.
pub(super) fn pickle<'de>(document: &Document<'de>, node: Node<'de>) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    append(&mut Writer::new(&mut out, HIGHEST_PROTOCOL), document, node)?;
    out.push(opcode::STOP);
    Ok(out)
}

/// Appends the value of a node to a pickle.
pub(super) fn append<'de>(writer: &mut Writer<'_>, document: &Document<'de>, node: Node<'de>) -> Result<(), Error> {
    let parts = Parts::of(document, node);
    let mut graph = Graph {
        writer,
        document,
        numbers: HashMap::new(),
        texts: HashMap::new(),
        items: HashMap::new(),
        made: HashMap::new(),
    };
    let mut changes = parts.changes.iter().map(|nr| &document.log[*nr]).peekable();
    for nr in parts.objects {
        while let Some(change) = changes.next_if(|change| change.time <= nr) {
            graph.change(change)?;
        }
        graph.object(nr, parts.effects.get(&nr).copied())?;
    }
    changes.try_for_each(|change| graph.change(change))?;
    graph.node(node)
}

/// What belongs to a value, in the order in which it was done.
#[derive(Default)]
struct Parts {
    objects: BTreeSet<usize>,
    /// Numbers in the document's log.
    changes: BTreeSet<usize>,
    /// Calls that were made for what they do to an object: the call, and the object.
    effects: HashMap<usize, usize>,
}

impl Parts {
    fn of<'de>(document: &Document<'de>, node: Node<'de>) -> Parts {
        let mut parts = Parts::default();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            let Node::Object(nr) = node else {
                continue;
            };
            if !parts.objects.insert(nr) {
                continue;
            }
            document.objects[nr].parts(&document.nodes, &mut pending);
            for change in document.changes(nr) {
                parts.changes.insert(*change);
                match document.log[*change].what {
                    What::State(state) => pending.push(state),
                    What::Call(call) => {
                        parts.effects.insert(call, nr);
                        pending.push(Node::Object(call));
                    }
                    _ => {}
                }
            }
        }
        parts
    }
}

struct Graph<'g, 'w, 'de> {
    writer: &'g mut Writer<'w>,
    document: &'g Document<'de>,
    /// The numbers in the memo of the objects that were made.
    numbers: HashMap<usize, usize>,
    /// Those of texts and bytes, by where these stand in memory: the document may have one of them many times.
    texts: HashMap<(*const u8, usize), usize>,
    /// How many of an object's items, and of its entries, it has so far.
    items: HashMap<usize, (usize, usize)>,
    /// The items and the entries of objects that were made, each of which may be spread over many steps.
    made: HashMap<usize, (Vec<Node<'de>>, Vec<Entry<'de>>)>,
}

/// From this length on a text is worth a number.
const LONG_TEXT: usize = 8;

impl<'de> Graph<'_, '_, 'de> {
    fn node(&mut self, node: Node<'de>) -> Result<(), Error> {
        match node {
            Node::None => self.writer.op(opcode::NONE),
            Node::Bool(value) => self.writer.bool(value),
            Node::Int(number) => self.writer.int(number),
            Node::Float(number) => self.writer.float(number),
            Node::Str(text) => return self.text(text.as_bytes(), |writer| writer.text(text)),
            Node::Long(bytes) => return self.text(bytes, |writer| writer.big_int(&BigInt::from_bytes(bytes))),
            Node::Bytes(bytes) => return self.text(bytes, |writer| writer.bytes(bytes)),
            Node::ByteArray(bytes) => return self.text(bytes, |writer| writer.byte_array(bytes)),
            Node::OldStr(bytes) => return self.text(bytes, |writer| writer.old_str(bytes)),
            Node::Object(nr) => match (&self.document.objects[nr], self.numbers.get(&nr)) {
                (Object::Global(name), _) => return self.writer.global(&name.module, &name.name),
                (Object::Tuple(items), _) if items.is_empty() => self.writer.empty_tuple(),
                (_, Some(number)) => self.writer.get(*number),
                (_, None) => return Err(Error::unsupported("a set that is used before it is complete")),
            },
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8], write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>) -> Result<(), Error> {
        if bytes.len() < LONG_TEXT {
            return write(self.writer);
        }
        let place = (bytes.as_ptr(), bytes.len());
        if let Some(number) = self.texts.get(&place) {
            self.writer.get(*number);
            return Ok(());
        }
        write(self.writer)?;
        self.texts.insert(place, self.writer.memoize());
        Ok(())
    }

    fn nodes(&mut self, nodes: &[Node<'de>]) -> Result<(), Error> {
        nodes.iter().try_for_each(|node| self.node(*node))
    }

    /// Makes an object as it was at first.
    fn object(&mut self, nr: usize, effect_on: Option<usize>) -> Result<(), Error> {
        let document = self.document;
        let shared = &document.nodes;
        let (later_items, later_entries) = document.added_later(nr);
        match &document.objects[nr] {
            Object::Global(_) => return Ok(()),
            Object::Tuple(items) if items.is_empty() => return Ok(()),
            Object::Made(made) if effect_on.is_some() => {
                // What changes an object stands behind it, and is dropped.
                self.node(Node::Object(effect_on.unwrap_or_default()))?;
                self.make(made)?;
                self.writer.out.extend_from_slice(&[opcode::POP, opcode::POP]);
                return Ok(());
            }
            // Before protocol 4 a set is complete from the start.
            Object::Set(_) if self.writer.protocol < 4 && later_items > 0 => return Ok(()),
            Object::Text(text) => self.writer.text(text)?,
            Object::Wtf8(bytes) => match Surrogates::from_wtf8(bytes.clone()) {
                Ok(Err(text)) => self.writer.surrogates(&text)?,
                _ => return Err(Error::unsupported("a text that is none")),
            },
            Object::OldStr(bytes) => self.writer.old_str(bytes)?,
            Object::BigInt(number) => self.writer.big_int(number)?,
            Object::List(items) => {
                self.writer.start_list();
                let items = items.nodes(shared);
                let first = items.len() - later_items;
                self.append(&items[..first], opcode::APPENDS)?;
                self.items.insert(nr, (first, 0));
            }
            Object::Dict(entries) => {
                self.writer.start_dict();
                let entries = entries.entries(shared);
                let first = entries.len() - later_entries;
                self.set_items(&entries[..first])?;
                self.items.insert(nr, (0, first));
            }
            Object::Set(_) if self.writer.protocol >= 4 => self.writer.op(opcode::EMPTY_SET),
            Object::Set(items) => self.call_with_list("set", items.nodes(shared))?,
            Object::FrozenSet(items) if self.writer.protocol >= 4 => {
                self.writer.op(opcode::MARK);
                self.nodes(items.nodes(shared))?;
                self.writer.op(opcode::FROZENSET);
            }
            Object::FrozenSet(items) => self.call_with_list("frozenset", items.nodes(shared))?,
            Object::Tuple(items) => {
                let items = items.nodes(shared);
                self.writer.start_tuple(items.len());
                self.nodes(items)?;
                self.writer.end_tuple(items.len());
            }
            Object::Made(made) => self.make(made)?,
        }
        self.number(nr);
        Ok(())
    }

    /// Gives the object that was just made a number, and takes it from the stack.
    fn number(&mut self, nr: usize) {
        let number = self.writer.memoize();
        self.numbers.insert(nr, number);
        self.writer.op(opcode::POP);
    }

    /// Does to an object what was done to it.
    fn change(&mut self, change: &Change<'de>) -> Result<(), Error> {
        let nr = change.object;
        let Document {
            objects, nodes: shared, ..
        } = self.document;
        let object = &objects[nr];
        let (items, entries) = self.items.get(&nr).copied().unwrap_or_default();
        match (change.what, object) {
            // It was written where it was made.
            (What::Call(_), _) => return Ok(()),
            (What::State(state), _) => {
                self.node(Node::Object(nr))?;
                self.node(state)?;
                self.writer.op(opcode::BUILD);
            }
            (What::Append(count), Object::Set(members)) if self.writer.protocol < 4 => {
                self.items.insert(nr, (items + count, entries));
                let members = members.nodes(shared);
                if items + count == members.len() {
                    self.call_with_list("set", members)?;
                    self.number(nr);
                }
                return Ok(());
            }
            (What::Append(count), object) => {
                self.items.insert(nr, (items + count, entries));
                self.node(Node::Object(nr))?;
                let added = items..items + count;
                match object {
                    Object::List(list) => self.append(&list.nodes(shared)[added], opcode::APPENDS)?,
                    Object::Set(members) => self.append(&members.nodes(shared)[added], opcode::ADDITEMS)?,
                    object => {
                        let added = self.made(nr, object).0[added].to_vec();
                        self.append(&added, opcode::APPENDS)?;
                    }
                }
            }
            (What::SetItems(count), object) => {
                self.items.insert(nr, (items, entries + count));
                self.node(Node::Object(nr))?;
                let added = entries..entries + count;
                match object {
                    Object::Dict(dict) => self.set_items(&dict.entries(shared)[added])?,
                    object => {
                        let added = self.made(nr, object).1[added].to_vec();
                        self.set_items(&added)?;
                    }
                }
            }
        }
        self.writer.op(opcode::POP);
        Ok(())
    }

    fn made(&mut self, nr: usize, object: &Object<'de>) -> &(Vec<Node<'de>>, Vec<Entry<'de>>) {
        self.made.entry(nr).or_insert_with(|| match object {
            Object::Made(made) => (made.items().collect(), made.entries().collect()),
            _ => Default::default(),
        })
    }

    fn append(&mut self, items: &[Node<'de>], opcode: u8) -> Result<(), Error> {
        if !self.writer.binary() {
            return items.iter().try_for_each(|item| {
                self.node(*item)?;
                self.writer.op(opcode::APPEND);
                Ok(())
            });
        }
        if !items.is_empty() {
            self.writer.op(opcode::MARK);
            self.nodes(items)?;
            self.writer.op(opcode);
        }
        Ok(())
    }

    fn set_items(&mut self, entries: &[Entry<'de>]) -> Result<(), Error> {
        let at_once = self.writer.binary() && entries.len() > 1;
        if at_once {
            self.writer.op(opcode::MARK);
        }
        for entry in entries {
            self.nodes(entry)?;
            if !at_once {
                self.writer.op(opcode::SETITEM);
            }
        }
        if at_once {
            self.writer.op(opcode::SETITEMS);
        }
        Ok(())
    }

    fn call_with_list(&mut self, name: &str, items: &[Node<'de>]) -> Result<(), Error> {
        self.writer.start_call("builtins", name, 1)?;
        self.writer.start_list();
        self.append(items, opcode::APPENDS)?;
        self.writer.end_call(1);
        Ok(())
    }

    fn make(&mut self, made: &Made<'de>) -> Result<(), Error> {
        let args = self.document.tuple(made.args);
        match (made.by, made.kwargs, args) {
            (By::Call, _, _) => {
                self.nodes(&[made.callee, made.args])?;
                self.writer.op(opcode::REDUCE);
            }
            (By::Old, _, args) => {
                self.writer.op(opcode::MARK);
                self.node(made.callee)?;
                self.nodes(args.unwrap_or_default())?;
                self.writer.op(opcode::OBJ);
            }
            (By::New, Some(kwargs), _) if self.writer.protocol >= 4 => {
                self.nodes(&[made.callee, made.args, kwargs])?;
                self.writer.op(opcode::NEWOBJ_EX);
            }
            (By::New, Some(kwargs), _) => {
                self.writer.start_call("copyreg", "__newobj_ex__", 3)?;
                self.nodes(&[made.callee, made.args, kwargs])?;
                self.writer.end_call(3);
            }
            (By::New, None, Some(args)) if self.writer.protocol < 2 => {
                self.writer.start_call("copyreg", "__newobj__", args.len() + 1)?;
                self.node(made.callee)?;
                self.nodes(args)?;
                self.writer.end_call(args.len() + 1);
            }
            (By::New, None, _) => {
                self.nodes(&[made.callee, made.args])?;
                self.writer.op(opcode::NEWOBJ);
            }
        }
        Ok(())
    }
}
