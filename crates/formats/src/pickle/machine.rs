//! Carries a pickle out: a machine with a stack, a memo, and no way to call anything.

use std::ops::Range;

use super::contents::Contents;
use super::document::{By, Document, Node, Object};
use super::effects::underflow;
use super::input::Input;
use super::memo::Memo;
use super::{escape, opcode};
use crate::{Error, ErrorKind, Limits};

/// Which globals may occur, by their dotted names.
pub(super) type Accept<'a> = &'a dyn Fn(&str) -> bool;

/// Reads the pickle that starts in `input` at this offset, or so many items at the `front` of a tuple that is one.
pub(super) fn run<'de>(
    input: &'de [u8],
    start: usize,
    limits: &Limits,
    accept: Option<Accept<'_>>,
    front: Option<usize>,
) -> Result<Document<'de>, Error> {
    let length = input.len().saturating_sub(start);
    let mut machine = Machine {
        input: Input::new(input, start, limits),
        limits: *limits,
        accept,
        protocol: 0,
        left: limits.items,
        stack: room(length, 8..128),
        marks: Vec::new(),
        memo: Memo::default(),
        document: Document {
            objects: room(length / 4, 4..256),
            nodes: room(length, 8..1024),
            log: room(length / 4, 0..256),
            ..Document::default()
        },
        start,
        called_at: usize::MAX,
    };
    let root = machine.run(front.unwrap_or(usize::MAX))?;
    Ok(Document {
        root,
        end: machine.input.at(),
        ..machine.document
    })
}

/// Room for as much as usually stands in a pickle of so many bytes, so that vectors need not grow in many steps; but within these bounds, since a pickle may also be
/// one long text.
fn room<T>(length: usize, bounds: Range<usize>) -> Vec<T> {
    Vec::with_capacity((length / 8).clamp(bounds.start, bounds.end))
}

pub(super) struct Machine<'de, 'a> {
    pub(super) input: Input<'de>,
    pub(super) limits: Limits,
    pub(super) accept: Option<Accept<'a>>,
    pub(super) protocol: u8,
    /// The values that may still be made.
    pub(super) left: usize,
    pub(super) stack: Vec<Node<'de>>,
    /// How high the stack was at each mark.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Memo<'de>,
    /// What was built so far.
    pub(super) document: Document<'de>,
    /// Where the opcode stands that is carried out.
    pub(super) start: usize,
    /// Where the last call stands.
    pub(super) called_at: usize,
}

impl<'de> Machine<'de, '_> {
    fn run(&mut self, front: usize) -> Result<Node<'de>, Error> {
        match self.steps(front) {
            Ok(Some(root)) => Ok(root),
            Ok(None) => {
                let start = self.pop_mark()?;
                self.gather(start, Object::Tuple)?;
                self.pop()
            }
            Err(error) => Err(error.or_at(self.start)),
        }
    }

    /// Carries out all opcodes up to the end, which gives the result, or up to the front of a tuple.
    fn steps(&mut self, front: usize) -> Result<Option<Node<'de>>, Error> {
        // Tuples of up to three items have no mark, and lists and dicts have theirs behind the container.
        while self.stack.len() < front || self.marks != [0] {
            self.start = self.input.at();
            match self.input.opcode()? {
                opcode::STOP => return self.pop().map(Some),
                opcode => self.step(opcode)?,
            }
        }
        Ok(None)
    }

    #[inline(always)] // into its only caller
    fn step(&mut self, opcode: u8) -> Result<(), Error> {
        match opcode {
            opcode::SHORT_BINUNICODE => {
                let length = self.input.u8()?;
                self.text(length)
            }
            opcode::BINUNICODE => {
                let length = self.input.u32()?;
                self.text(length)
            }
            opcode::BINUNICODE8 => {
                let length = self.input.u64()?;
                self.text(length)
            }
            opcode::MEMOIZE => {
                let top = self.top()?;
                self.memo.memoize(top);
                Ok(())
            }
            opcode::BININT1 => {
                let number = self.input.u8()? as i64;
                self.push(Node::Int(number))
            }
            opcode::BININT2 => {
                let number = u16::from_le_bytes(self.input.array()?);
                self.push(Node::Int(number.into()))
            }
            opcode::BININT => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.push(Node::Int(number.into()))
            }
            opcode::BINFLOAT => {
                let number = f64::from_be_bytes(self.input.array()?);
                self.push(Node::Float(number))
            }
            opcode::NONE => self.push(Node::None),
            opcode::NEWTRUE => self.push(Node::Bool(true)),
            opcode::NEWFALSE => self.push(Node::Bool(false)),
            opcode::LONG1 => {
                let length = self.input.u8()?;
                self.long(length)
            }
            opcode::LONG4 => {
                let length = self.input.i32_length()?;
                self.long(length)
            }
            opcode::SHORT_BINBYTES => {
                let length = self.input.u8()?;
                self.bytes(length, Node::Bytes)
            }
            opcode::BINBYTES => {
                let length = self.input.u32()?;
                self.bytes(length, Node::Bytes)
            }
            opcode::BINBYTES8 => {
                let length = self.input.u64()?;
                self.bytes(length, Node::Bytes)
            }
            opcode::BYTEARRAY8 => {
                let length = self.input.u64()?;
                self.bytes(length, Node::ByteArray)
            }
            opcode::SHORT_BINSTRING => {
                let length = self.input.u8()?;
                self.bytes(length, Node::OldStr)
            }
            opcode::BINSTRING => {
                let length = self.input.i32_length()?;
                self.bytes(length, Node::OldStr)
            }
            opcode::MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            opcode::EMPTY_LIST => self.add(Object::List(Contents::EMPTY)),
            opcode::EMPTY_TUPLE => self.add(Object::Tuple(Contents::EMPTY)),
            opcode::EMPTY_DICT => self.add(Object::Dict(Contents::EMPTY)),
            opcode::EMPTY_SET => self.add(Object::Set(Contents::EMPTY)),
            opcode::APPENDS => {
                let start = self.pop_mark()?;
                self.append(start)
            }
            opcode::APPEND => {
                let start = self.last(1)?;
                self.append(start)
            }
            opcode::SETITEMS => {
                let start = self.pop_mark()?;
                self.set_items(start)
            }
            opcode::SETITEM => {
                let start = self.last(2)?;
                self.set_items(start)
            }
            opcode::ADDITEMS => self.add_items(),
            opcode::TUPLE1 => self.tuple(1),
            opcode::TUPLE2 => self.tuple(2),
            opcode::TUPLE3 => self.tuple(3),
            opcode::TUPLE => {
                let start = self.pop_mark()?;
                self.gather(start, Object::Tuple)
            }
            opcode::LIST => {
                let start = self.pop_mark()?;
                self.gather(start, Object::List)
            }
            opcode::FROZENSET => {
                let start = self.pop_mark()?;
                self.gather(start, Object::FrozenSet)
            }
            opcode::DICT => {
                let start = self.pop_mark()?;
                self.pairs(start)?;
                self.gather(start, Object::Dict)
            }
            opcode::BINGET => {
                let number = self.input.u8()?;
                self.get(number)
            }
            opcode::LONG_BINGET => {
                let number = self.input.u32()?;
                self.get(number)
            }
            opcode::GET => {
                let number = self.input.number_line()?;
                self.get(number)
            }
            opcode::BINPUT => {
                let number = self.input.u8()?;
                self.put(number)
            }
            opcode::LONG_BINPUT => {
                let number = self.input.u32()?;
                self.put(number)
            }
            opcode::PUT => {
                let number = self.input.number_line()?;
                self.put(number)
            }
            opcode::PROTO => self.proto(),
            opcode::FRAME => {
                let length = self.input.u64()?;
                self.input.check_frame(length)
            }
            opcode::POP => self.drop_top(),
            opcode::POP_MARK => self.pop_mark().map(|start| self.stack.truncate(start)),
            opcode::DUP => {
                let top = self.top()?;
                self.repeat(top)
            }
            _ => self.rare(opcode),
        }
    }

    /// The opcodes of objects, of protocol 0, and those that are refused.
    #[inline(never)] // so that the others are near each other
    fn rare(&mut self, opcode: u8) -> Result<(), Error> {
        match opcode {
            opcode::GLOBAL => {
                let (module, name) = (self.input.text_line()?, self.input.text_line()?);
                self.global(module.into(), name.into())
            }
            opcode::STACK_GLOBAL => self.stack_global(),
            opcode::REDUCE => {
                self.called_at = self.start;
                let args = self.pop()?;
                let callee = self.pop()?;
                match self.loaded_type(callee, args) {
                    Some(name) => self.global("builtins".into(), name),
                    None => self.make(By::Call, callee, args, None),
                }
            }
            opcode::NEWOBJ => {
                let args = self.pop()?;
                let callee = self.pop()?;
                self.make(By::New, callee, args, None)
            }
            opcode::NEWOBJ_EX => {
                let kwargs = self.pop()?;
                let args = self.pop()?;
                let callee = self.pop()?;
                self.make(By::New, callee, args, Some(kwargs))
            }
            opcode::BUILD => {
                let state = self.pop()?;
                self.build(state)
            }
            opcode::INST => {
                let (module, name) = (self.input.text_line()?, self.input.text_line()?);
                let start = self.pop_mark()?;
                let args = self.stack.split_off(start);
                self.global(module.into(), name.into())?;
                let callee = self.pop()?;
                self.instance(callee, &args)
            }
            opcode::OBJ => {
                let start = self.pop_mark()?;
                match *self.stack.split_off(start) {
                    [callee, ref args @ ..] => self.instance(callee, args),
                    [] => Err(underflow()),
                }
            }
            opcode::INT => self.int_line(),
            opcode::LONG => self.long_line(),
            opcode::FLOAT => {
                let number = self.input.float_line()?;
                self.push(Node::Float(number))
            }
            opcode::STRING => {
                let bytes = self.input.string_line()?;
                self.add(Object::OldStr(bytes))
            }
            opcode::UNICODE => {
                let text = escape::read_unicode(self.input.line()?);
                let text = text.map_err(|what| Error::new(ErrorKind::Syntax, what))?;
                self.add(match String::from_utf8(text) {
                    Ok(text) => Object::Text(text),
                    Err(error) => Object::Wtf8(error.into_bytes()),
                })
            }
            opcode::EXT1 => self.extension(1),
            opcode::EXT2 => self.extension(2),
            opcode::EXT4 => self.extension(4),
            opcode::PERSID | opcode::BINPERSID => Err(Error::new(
                ErrorKind::Unsupported,
                "A load persistent id instruction was encountered, but no persistent_load function was specified.",
            )),
            opcode::NEXT_BUFFER | opcode::READONLY_BUFFER => Err(Error::new(
                ErrorKind::Unsupported,
                "pickle stream refers to out-of-band data but no *buffers* argument was given",
            )),
            unknown => Err(Error::new(ErrorKind::Syntax, invalid_key(unknown))),
        }
    }

    fn proto(&mut self) -> Result<(), Error> {
        let [protocol] = self.input.array()?;
        if protocol > super::HIGHEST_PROTOCOL {
            let message = format!("unsupported pickle protocol: {protocol}");
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        self.protocol = protocol;
        Ok(())
    }

    fn extension(&mut self, width: usize) -> Result<(), Error> {
        let bytes = self.input.bytes(width)?;
        let code = bytes
            .iter()
            .rev()
            .fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
        let message = format!("unregistered extension code {code}");
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}

#[cold]
fn invalid_key(key: u8) -> String {
    match key {
        b'\\' | b'\'' => format!("invalid load key, '\\{}'.", char::from(key)),
        0x20..=0x7E => format!("invalid load key, '{}'.", char::from(key)),
        _ => format!("invalid load key, '\\x{key:02x}'."),
    }
}
