//! Carries a pickle out: a machine with a stack, a memo, and no way to call anything.

use std::borrow::Cow;

use super::document::{By, Document, Entry, Made, Name, Node, Object, Step};
use super::input::Input;
use super::memo::Memo;
use super::{escape, names, opcode};
use crate::{BigInt, Error, ErrorKind, Limits, Surrogates, refusal};

/// Which globals may occur, by their dotted names.
pub(super) type Accept<'a> = &'a dyn Fn(&str) -> bool;

/// Reads the pickle at the start of `input`.
pub(super) fn run<'de>(input: &'de [u8], limits: &Limits, accept: Option<Accept<'_>>) -> Result<Document<'de>, Error> {
    let mut machine = Machine {
        input: Input::new(input, limits),
        limits: *limits,
        accept,
        protocol: 0,
        left: limits.items,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Memo::default(),
        objects: Vec::new(),
        just_called: false,
    };
    let root = machine.run()?;
    Ok(Document {
        objects: machine.objects,
        root,
        end: machine.input.at,
    })
}

struct Machine<'de, 'a> {
    input: Input<'de>,
    limits: Limits,
    accept: Option<Accept<'a>>,
    protocol: u8,
    /// The values that may still be made.
    left: usize,
    stack: Vec<Node<'de>>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: Memo<'de>,
    objects: Vec<Object<'de>>,
    /// The last opcode was a call.
    just_called: bool,
}

impl<'de> Machine<'de, '_> {
    fn run(&mut self) -> Result<Node<'de>, Error> {
        loop {
            let start = self.input.at;
            let opcode = self.input.opcode()?;
            if opcode == opcode::STOP {
                return self.pop().map_err(|error| error.or_at(start));
            }
            self.step(opcode).map_err(|error| error.or_at(start))?;
            self.just_called = opcode == opcode::REDUCE;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Error> {
        match opcode {
            opcode::SHORT_BINUNICODE => self.text(Input::u8),
            opcode::BINUNICODE => self.text(Input::u32),
            opcode::BINUNICODE8 => self.text(Input::u64),
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
            opcode::LONG1 => self.long(Input::u8),
            opcode::LONG4 => self.long(Input::i32_length),
            opcode::SHORT_BINBYTES => self.bytes(Input::u8, Node::Bytes),
            opcode::BINBYTES => self.bytes(Input::u32, Node::Bytes),
            opcode::BINBYTES8 => self.bytes(Input::u64, Node::Bytes),
            opcode::BYTEARRAY8 => self.bytes(Input::u64, Node::ByteArray),
            opcode::SHORT_BINSTRING => self.bytes(Input::u8, Node::OldStr),
            opcode::BINSTRING => self.bytes(Input::i32_length, Node::OldStr),
            opcode::MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            opcode::EMPTY_LIST => self.add(Object::List(Vec::new())),
            opcode::EMPTY_TUPLE => self.add(Object::Tuple(Vec::new())),
            opcode::EMPTY_DICT => self.add(Object::Dict(Vec::new())),
            opcode::EMPTY_SET => self.add(Object::Set(Vec::new())),
            opcode::APPENDS => {
                let items = self.pop_mark()?;
                self.append(items)
            }
            opcode::APPEND => {
                let items = self.pop_last(1)?;
                self.append(items)
            }
            opcode::SETITEMS => {
                let items = self.pop_mark()?;
                self.set_items(items)
            }
            opcode::SETITEM => {
                let items = self.pop_last(2)?;
                self.set_items(items)
            }
            opcode::ADDITEMS => self.add_items(),
            opcode::TUPLE1 => self.tuple(1),
            opcode::TUPLE2 => self.tuple(2),
            opcode::TUPLE3 => self.tuple(3),
            opcode::TUPLE => {
                let items = self.pop_mark()?;
                self.add(Object::Tuple(items))
            }
            opcode::LIST => {
                let items = self.pop_mark()?;
                self.add(Object::List(items))
            }
            opcode::FROZENSET => {
                let items = self.pop_mark()?;
                self.add(Object::FrozenSet(items))
            }
            opcode::DICT => {
                let entries = pairs(self.pop_mark()?)?;
                self.add(Object::Dict(entries))
            }
            opcode::BINGET => self.get(Input::u8),
            opcode::LONG_BINGET => self.get(Input::u32),
            opcode::GET => self.get(Input::number_line),
            opcode::BINPUT => self.put(Input::u8),
            opcode::LONG_BINPUT => self.put(Input::u32),
            opcode::PUT => self.put(Input::number_line),
            opcode::PROTO => self.proto(),
            opcode::FRAME => {
                let length = self.input.u64()?;
                self.input.check_frame(length)
            }
            opcode::POP => self.drop_top(),
            opcode::POP_MARK => self.pop_mark().map(drop),
            opcode::DUP => {
                let top = self.top()?;
                self.push(top)
            }
            _ => self.rare(opcode),
        }
    }

    /// The opcodes of objects, of protocol 0, and those that are refused.
    fn rare(&mut self, opcode: u8) -> Result<(), Error> {
        match opcode {
            opcode::GLOBAL => {
                let (module, name) = (self.input.text_line()?, self.input.text_line()?);
                self.global(module.into(), name.into())
            }
            opcode::STACK_GLOBAL => self.stack_global(),
            opcode::REDUCE => {
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
                self.change(Step::State(state), "BUILD")
            }
            opcode::INST => {
                let (module, name) = (self.input.text_line()?, self.input.text_line()?);
                let args = self.pop_mark()?;
                self.global(module.into(), name.into())?;
                let callee = self.pop()?;
                self.instance(callee, args)
            }
            opcode::OBJ => {
                let mut args = self.pop_mark()?;
                match args.is_empty() {
                    true => Err(underflow()),
                    false => {
                        let callee = args.remove(0);
                        self.instance(callee, args)
                    }
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

    fn push(&mut self, node: Node<'de>) -> Result<(), Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Error::limit(format!("more than {} values", self.limits.items)));
        };
        self.left = left;
        self.stack.push(node);
        Ok(())
    }

    /// Pushes a new object.
    fn add(&mut self, object: Object<'de>) -> Result<(), Error> {
        let nr = self.objects.len();
        self.push(Node::Object(nr))?;
        self.objects.push(object);
        Ok(())
    }

    /// How high the stack was at the last mark: what is below is out of reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Node<'de>, Error> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.floor() => Ok(*top),
            _ => Err(underflow()),
        }
    }

    fn pop(&mut self) -> Result<Node<'de>, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Node<'de>>, Error> {
        let height = self.stack.len() - self.floor();
        let start = height.checked_sub(count).ok_or_else(underflow)?;
        Ok(self.stack.split_off(self.floor() + start))
    }

    /// What stands above the last mark, which is taken away.
    fn pop_mark(&mut self) -> Result<Vec<Node<'de>>, Error> {
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| Error::new(ErrorKind::Syntax, "could not find MARK"))?;
        Ok(self.stack.split_off(mark))
    }

    /// Drops the top of the stack, or a mark. The result of a call that was made for what it does is remembered with the object that it did it to.
    fn drop_top(&mut self) -> Result<(), Error> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        let dropped = self.pop()?;
        match self.just_called {
            true => self.change(Step::Call(dropped), "a call"),
            false => Ok(()),
        }
    }

    fn text(&mut self, length: fn(&mut Input<'de>) -> Result<usize, Error>) -> Result<(), Error> {
        let length = length(&mut self.input)?;
        let bytes = self.input.bytes(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(Node::Str(text)),
            Err(_) => self.wtf8(bytes),
        }
    }

    fn wtf8(&mut self, bytes: &'de [u8]) -> Result<(), Error> {
        match Surrogates::from_wtf8(bytes.to_vec()) {
            Ok(Ok(text)) => self.add(Object::Text(text)),
            Ok(Err(text)) => self.add(Object::Wtf8(text.as_bytes().to_vec())),
            Err(at) => {
                let start = self.input.at - bytes.len();
                refusal::utf8(&bytes[at..], start + at, at)?;
                Err(Error::syntax("text that is not UTF-8", start + at))
            }
        }
    }

    fn bytes(
        &mut self,
        length: fn(&mut Input<'de>) -> Result<usize, Error>,
        node: fn(&'de [u8]) -> Node<'de>,
    ) -> Result<(), Error> {
        let length = length(&mut self.input)?;
        let bytes = self.input.bytes(length)?;
        self.push(node(bytes))
    }

    fn long(&mut self, length: fn(&mut Input<'de>) -> Result<usize, Error>) -> Result<(), Error> {
        let length = length(&mut self.input)?;
        let bytes = self.input.bytes(length)?;
        let negative = bytes.last().is_some_and(|last| *last >= 0x80);
        let mut small = if negative { [0xFF; 8] } else { [0; 8] };
        match small.get_mut(..bytes.len()) {
            Some(start) => {
                start.copy_from_slice(bytes);
                self.push(Node::Int(i64::from_le_bytes(small)))
            }
            None => self.push(Node::Long(bytes)),
        }
    }

    /// A line with an int, or with a bool as protocols 0 and 1 write it.
    fn int_line(&mut self) -> Result<(), Error> {
        match self.input.text_line()? {
            "00" => self.push(Node::Bool(false)),
            "01" => self.push(Node::Bool(true)),
            digits => self.digits(digits),
        }
    }

    fn long_line(&mut self) -> Result<(), Error> {
        let digits = self.input.text_line()?;
        self.digits(digits.strip_suffix('L').unwrap_or(digits))
    }

    fn digits(&mut self, text: &str) -> Result<(), Error> {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return self.push(Node::Int(number));
        }
        refusal::check_digits(text.trim_start_matches(['-', '+']).len(), &self.limits)?;
        let number = text.parse();
        let number = number.map_err(|_| {
            let message = format!("invalid literal for int() with base 10: {text:?}");
            Error::new(ErrorKind::Syntax, message)
        })?;
        self.add(Object::BigInt(BigInt(number)))
    }

    fn tuple(&mut self, count: usize) -> Result<(), Error> {
        let items = self.pop_last(count)?;
        self.add(Object::Tuple(items))
    }

    fn top_object(&mut self) -> Result<Option<&mut Object<'de>>, Error> {
        Ok(match self.top()? {
            Node::Object(nr) => self.objects.get_mut(nr),
            _ => None,
        })
    }

    fn append(&mut self, mut items: Vec<Node<'de>>) -> Result<(), Error> {
        match self.top_object()? {
            Some(Object::List(list)) if list.is_empty() => *list = items,
            Some(Object::List(list)) => list.append(&mut items),
            _ => return self.change(Step::Append(items), "APPENDS"),
        }
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Node<'de>>) -> Result<(), Error> {
        let mut items = pairs(items)?;
        match self.top_object()? {
            Some(Object::Dict(entries)) if entries.is_empty() => *entries = items,
            Some(Object::Dict(entries)) => entries.append(&mut items),
            _ => return self.change(Step::SetItems(items), "SETITEMS"),
        }
        Ok(())
    }

    fn add_items(&mut self) -> Result<(), Error> {
        let mut items = self.pop_mark()?;
        match self.top_object()? {
            Some(Object::Set(members)) => {
                members.append(&mut items);
                Ok(())
            }
            _ => Err(cannot_change("ADDITEMS")),
        }
    }

    /// Remembers what is done to the object on top.
    fn change(&mut self, step: Step<'de>, what: &str) -> Result<(), Error> {
        match self.top_object()? {
            Some(Object::Made(made)) => {
                made.add(step);
                Ok(())
            }
            _ => Err(cannot_change(what)),
        }
    }

    fn make(&mut self, by: By, callee: Node<'de>, args: Node<'de>, kwargs: Option<Node<'de>>) -> Result<(), Error> {
        self.add(Object::Made(Box::new(Made {
            by,
            callee,
            args,
            kwargs,
            steps: Vec::new(),
        })))
    }

    /// The name of a type of Python's own that dill names by a call.
    fn loaded_type(&self, callee: Node<'de>, args: Node<'de>) -> Option<Cow<'de, str>> {
        let object = |node| match node {
            Node::Object(nr) => self.objects.get(nr),
            _ => None,
        };
        match (object(callee)?, object(args)?) {
            (Object::Global(callee), Object::Tuple(args)) if callee.is("dill._dill", "_load_type") => match args[..] {
                [name] => self.name_part(name).filter(|name| Name::builtin(name).is_known()),
                _ => None,
            },
            _ => None,
        }
    }

    /// An instance as Python 2 pickles those of old-style classes.
    fn instance(&mut self, callee: Node<'de>, args: Vec<Node<'de>>) -> Result<(), Error> {
        self.add(Object::Tuple(args))?;
        let args = self.pop()?;
        self.make(By::Old, callee, args, None)
    }

    fn stack_global(&mut self) -> Result<(), Error> {
        let name = self.pop()?;
        let module = self.pop()?;
        match (self.name_part(module), self.name_part(name)) {
            (Some(module), Some(name)) => self.global(module, name),
            _ => Err(Error::new(ErrorKind::Syntax, "STACK_GLOBAL requires str")),
        }
    }

    fn name_part(&self, node: Node<'de>) -> Option<Cow<'de, str>> {
        match node {
            Node::Str(text) => Some(text.into()),
            Node::Object(nr) => match self.objects.get(nr)? {
                Object::Text(text) => Some(text.clone().into()),
                _ => None,
            },
            _ => None,
        }
    }

    fn global(&mut self, module: Cow<'de, str>, name: Cow<'de, str>) -> Result<(), Error> {
        let name = names::from_pickle(module, name, self.protocol);
        if let Some(accept) = self.accept
            && !name.is_known()
        {
            let dotted = name.dotted();
            if !accept(&dotted) {
                let message = format!("{dotted} is not among the classes that are read from pickles here");
                return Err(Error::new(ErrorKind::Security, message));
            }
        }
        self.add(Object::Global(name))
    }

    fn get(&mut self, number: fn(&mut Input<'de>) -> Result<usize, Error>) -> Result<(), Error> {
        let nr = number(&mut self.input)?;
        let message = || Error::new(ErrorKind::Syntax, format!("Memo value not found at index {nr}"));
        let node = self.memo.get(nr).ok_or_else(message)?;
        self.push(node)
    }

    fn put(&mut self, number: fn(&mut Input<'de>) -> Result<usize, Error>) -> Result<(), Error> {
        let nr = number(&mut self.input)?;
        let top = self.top()?;
        self.memo.put(nr, top);
        Ok(())
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

fn pairs(items: Vec<Node<'_>>) -> Result<Vec<Entry<'_>>, Error> {
    let (pairs, rest) = items.as_chunks();
    match rest.is_empty() {
        true => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        false => Err(Error::new(ErrorKind::Syntax, "odd number of items for SETITEMS")),
    }
}

#[cold]
fn underflow() -> Error {
    Error::new(ErrorKind::Syntax, "unpickling stack underflow")
}

#[cold]
fn cannot_change(what: &str) -> Error {
    Error::new(ErrorKind::Syntax, format!("{what} for an object that cannot take it"))
}

#[cold]
fn invalid_key(key: u8) -> String {
    match key {
        b'\\' | b'\'' => format!("invalid load key, '\\{}'.", char::from(key)),
        0x20..=0x7E => format!("invalid load key, '{}'.", char::from(key)),
        _ => format!("invalid load key, '\\x{key:02x}'."),
    }
}
