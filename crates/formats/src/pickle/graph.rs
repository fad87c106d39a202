//! Writes a part of what a pickle has built as a pickle again: how objects that only Python can make are passed on.

use std::collections::HashMap;

use super::document::{By, Document, Entry, Made, Node, Object, Step};
use super::write::Writer;
use super::{HIGHEST_PROTOCOL, LIMITS, opcode};
use crate::stack::with_stack;
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
    let mut graph = Graph {
        writer,
        document,
        numbers: HashMap::new(),
        depth: 0,
    };
    graph.node(node)
}

struct Graph<'g, 'w, 'de> {
    writer: &'g mut Writer<'w>,
    document: &'g Document<'de>,
    /// The numbers in the memo of the objects that were written.
    numbers: HashMap<usize, usize>,
    depth: usize,
}

impl<'de> Graph<'_, '_, 'de> {
    fn node(&mut self, node: Node<'de>) -> Result<(), Error> {
        match node {
            Node::None => self.writer.op(opcode::NONE),
            Node::Bool(value) => self.writer.bool(value),
            Node::Int(number) => self.writer.int(number.into()),
            Node::Float(number) => self.writer.float(number),
            Node::Long(bytes) => self.writer.big_int(&BigInt::from_bytes(bytes))?,
            Node::Str(text) => self.writer.text(text)?,
            Node::Bytes(bytes) => self.writer.bytes(bytes)?,
            Node::ByteArray(bytes) => self.writer.byte_array(bytes)?,
            Node::OldStr(bytes) => self.writer.old_str(bytes)?,
            Node::Object(nr) => match self.numbers.get(&nr) {
                Some(number) => self.writer.get(*number),
                None => self.deeper(|graph| graph.object(nr))?,
            },
        }
        Ok(())
    }

    fn deeper(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.depth == LIMITS.depth {
            return Err(Error::limit("recursion limit exceeded"));
        }
        self.depth += 1;
        let result = with_stack(|| write(self));
        self.depth -= 1;
        result
    }

    /// Numbers the object that was just written. Containers get their number before their items, which may contain them.
    fn number(&mut self, nr: usize) {
        let number = self.writer.memoize();
        self.numbers.insert(nr, number);
    }

    fn object(&mut self, nr: usize) -> Result<(), Error> {
        let document = self.document;
        match &document.objects[nr] {
            Object::Text(text) => self.writer.text(text)?,
            Object::Wtf8(bytes) => match Surrogates::from_wtf8(bytes.clone()) {
                Ok(Err(text)) => self.writer.surrogates(&text)?,
                _ => return Err(Error::unsupported("a text that is none")),
            },
            Object::OldStr(bytes) => self.writer.old_str(bytes)?,
            Object::BigInt(number) => self.writer.big_int(number)?,
            Object::Global(name) => return self.writer.global(&name.module, &name.name),
            Object::List(items) => {
                self.writer.start_list();
                self.number(nr);
                return self.append(items, opcode::APPENDS);
            }
            Object::Dict(entries) => {
                self.writer.start_dict();
                self.number(nr);
                return self.set_items(entries);
            }
            Object::Set(items) if self.writer.protocol >= 4 => {
                self.writer.op(opcode::EMPTY_SET);
                self.number(nr);
                return self.append(items, opcode::ADDITEMS);
            }
            Object::FrozenSet(items) if self.writer.protocol >= 4 => {
                self.writer.op(opcode::MARK);
                self.nodes(items)?;
                if self.was_written_inside(nr, |writer| writer.op(opcode::POP_MARK)) {
                    return Ok(());
                }
                self.writer.op(opcode::FROZENSET);
            }
            Object::Set(items) => self.call_with_list("set", items)?,
            Object::FrozenSet(items) => self.call_with_list("frozenset", items)?,
            Object::Tuple(items) => {
                self.writer.start_tuple(items.len());
                self.nodes(items)?;
                if self.was_written_inside(nr, |writer| writer.drop_tuple(items.len())) {
                    return Ok(());
                }
                self.writer.end_tuple(items.len());
            }
            Object::Made(made) => return self.made(nr, made),
        }
        self.number(nr);
        Ok(())
    }

    /// Whether an object was written as a part of its own parts. Those are dropped then, and the object taken from the memo.
    fn was_written_inside(&mut self, nr: usize, drop_parts: impl FnOnce(&mut Writer<'_>)) -> bool {
        let Some(number) = self.numbers.get(&nr) else {
            return false;
        };
        drop_parts(self.writer);
        self.writer.get(*number);
        true
    }

    fn nodes(&mut self, nodes: &[Node<'de>]) -> Result<(), Error> {
        nodes.iter().try_for_each(|node| self.node(*node))
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
        let binary = self.writer.binary() && !entries.is_empty();
        if binary {
            self.writer.op(opcode::MARK);
        }
        for (key, value) in entries {
            self.node(*key)?;
            self.node(*value)?;
            if !binary {
                self.writer.op(opcode::SETITEM);
            }
        }
        if binary {
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

    fn made(&mut self, nr: usize, made: &Made<'de>) -> Result<(), Error> {
        self.make(made)?;
        if self.was_written_inside(nr, |writer| writer.op(opcode::POP)) {
            return Ok(());
        }
        self.number(nr);
        for step in &made.steps {
            match step {
                Step::State(state) => {
                    self.node(*state)?;
                    self.writer.op(opcode::BUILD);
                }
                Step::Append(items) => self.append(items, opcode::APPENDS)?,
                Step::SetItems(entries) => self.set_items(entries)?,
                Step::Call(call) => {
                    match self.document.object(*call) {
                        Some(Object::Made(call)) => self.make(call)?,
                        _ => self.node(*call)?,
                    }
                    self.writer.op(opcode::POP);
                }
            }
        }
        Ok(())
    }

    fn make(&mut self, made: &Made<'de>) -> Result<(), Error> {
        let args = self.document.tuple(made.args);
        match (made.by, made.kwargs, args) {
            (By::Call, _, _) => {
                self.node(made.callee)?;
                self.node(made.args)?;
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
