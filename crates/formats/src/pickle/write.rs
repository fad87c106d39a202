//! Writes the opcodes of single values, as each protocol has them.

use std::collections::HashMap;

use super::{escape, names, opcode};
use crate::value::repr::write_float;
use crate::{BigInt, Error, Surrogates, refusal};

/// Appends to a pickle.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) protocol: u8,
    /// How many values have a number.
    memoized: usize,
    /// The numbers of the globals, by module and name as they are written.
    globals: HashMap<(String, String), usize>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, protocol: u8) -> Writer<'a> {
        if protocol >= 2 {
            out.extend_from_slice(&[opcode::PROTO, protocol]);
        }
        Writer {
            out,
            protocol,
            memoized: 0,
            globals: HashMap::new(),
        }
    }

    /// Whether there are forms other than lines of text.
    pub(super) fn binary(&self) -> bool {
        self.protocol >= 1
    }

    pub(super) fn op(&mut self, opcode: u8) {
        self.out.push(opcode);
    }

    /// An opcode and up to eight bytes.
    #[inline]
    fn op_with<const N: usize>(&mut self, opcode: u8, bytes: [u8; N]) {
        let mut all = [opcode; 9];
        all[1..=N].copy_from_slice(&bytes);
        self.out.extend_from_slice(&all[..=N]);
    }

    fn line(&mut self, opcode: u8, line: &str) {
        self.out.push(opcode);
        self.out.extend_from_slice(line.as_bytes());
        self.out.push(b'\n');
    }

    pub(super) fn bool(&mut self, value: bool) {
        match (self.protocol >= 2, value) {
            (true, true) => self.op(opcode::NEWTRUE),
            (true, false) => self.op(opcode::NEWFALSE),
            (false, true) => self.line(opcode::INT, "01"),
            (false, false) => self.line(opcode::INT, "00"),
        }
    }

    pub(super) fn int(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(number) if self.binary() => match number {
                0..=0xFF => self.op_with(opcode::BININT1, [number as u8]),
                0x100..=0xFFFF => self.op_with(opcode::BININT2, (number as u16).to_le_bytes()),
                _ => self.op_with(opcode::BININT, number.to_le_bytes()),
            },
            Ok(number) => self.line(opcode::INT, itoa::Buffer::new().format(number)),
            Err(_) => self.long(number.into()),
        }
    }

    pub(super) fn wide_int(&mut self, number: i128) {
        match i64::try_from(number) {
            Ok(number) => self.int(number),
            Err(_) => self.long(number),
        }
    }

    /// An int beyond 32 bits.
    fn long(&mut self, number: i128) {
        match self.protocol {
            2.. => {
                let bytes = number.to_le_bytes();
                self.out.push(opcode::LONG1);
                let needed = needed_bytes(&bytes);
                self.out.push(needed as u8);
                self.out.extend_from_slice(&bytes[..needed]);
            }
            _ => self.line(opcode::LONG, &format!("{number}L")),
        }
    }

    pub(super) fn big_int(&mut self, number: &BigInt) -> Result<(), Error> {
        if let Ok(number) = i128::try_from(&number.0) {
            self.wide_int(number);
            return Ok(());
        }
        if self.protocol < 2 {
            let digits = refusal::digits(number)?;
            self.line(opcode::LONG, &format!("{digits}L"));
            return Ok(());
        }
        let bytes = number.0.to_signed_bytes_le();
        match u8::try_from(bytes.len()) {
            Ok(length) => self.op_with(opcode::LONG1, [length]),
            Err(_) => {
                let length = i32::try_from(bytes.len()).map_err(|_| Error::limit("int too large to pickle"))?;
                self.op_with(opcode::LONG4, length.to_le_bytes());
            }
        }
        self.out.extend_from_slice(&bytes);
        Ok(())
    }

    pub(super) fn float(&mut self, number: f64) {
        match self.binary() {
            true => self.op_with(opcode::BINFLOAT, number.to_be_bytes()),
            false => {
                let mut text = String::new();
                // Nothing fails to be written to a String.
                let _ = write_float(&mut text, number);
                self.line(opcode::FLOAT, &text);
            }
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), Error> {
        match self.binary() {
            true => self.utf8(text.as_bytes()),
            false => {
                self.escaped(text.chars().map(u32::from));
                Ok(())
            }
        }
    }

    pub(super) fn surrogates(&mut self, text: &Surrogates) -> Result<(), Error> {
        match self.binary() {
            true => self.utf8(text.as_bytes()),
            false => {
                self.escaped(text.code_points());
                Ok(())
            }
        }
    }

    fn escaped(&mut self, points: impl Iterator<Item = u32>) {
        self.out.push(opcode::UNICODE);
        escape::write_unicode(self.out, points);
        self.out.push(b'\n');
    }

    fn utf8(&mut self, text: &[u8]) -> Result<(), Error> {
        let short = (self.protocol >= 4).then_some(opcode::SHORT_BINUNICODE);
        let long = (self.protocol >= 4).then_some(opcode::BINUNICODE8);
        self.sized(short, opcode::BINUNICODE, long, text)
    }

    /// Bytes behind their length, in 8, 32 or 64 bits.
    fn sized(&mut self, short: Option<u8>, usual: u8, long: Option<u8>, bytes: &[u8]) -> Result<(), Error> {
        self.out.reserve(bytes.len() + AROUND);
        match (u8::try_from(bytes.len()), u32::try_from(bytes.len()), short, long) {
            (Ok(length), _, Some(short), _) => self.op_with(short, [length]),
            (_, Ok(length), _, _) => self.op_with(usual, length.to_le_bytes()),
            (_, _, _, Some(long)) => self.op_with(long, (bytes.len() as u64).to_le_bytes()),
            _ => return Err(Error::limit("this pickle protocol has no texts or bytes of 4 GiB")),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.protocol >= 3 {
            let long = (self.protocol >= 4).then_some(opcode::BINBYTES8);
            return self.sized(Some(opcode::SHORT_BINBYTES), opcode::BINBYTES, long, bytes);
        }
        // Before protocol 3 bytes are the text of as many characters, and how to turn it into bytes.
        if bytes.is_empty() {
            self.global("builtins", "bytes")?;
            self.empty_tuple();
            self.op(opcode::REDUCE);
            return Ok(());
        }
        self.start_call("_codecs", "encode", 2)?;
        self.text(&bytes.iter().copied().map(char::from).collect::<String>())?;
        self.text("latin1")?;
        self.end_call(2);
        Ok(())
    }

    /// A `str` of Python 2. (Python 3 takes it for a text in ASCII.)
    pub(super) fn old_str(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match (self.binary(), i32::try_from(bytes.len())) {
            (false, _) => {
                self.out.extend_from_slice(&[opcode::STRING, b'\'']);
                escape::write_string(self.out, bytes);
                self.out.extend_from_slice(b"'\n");
                Ok(())
            }
            (true, Ok(_)) => self.sized(Some(opcode::SHORT_BINSTRING), opcode::BINSTRING, None, bytes),
            (true, Err(_)) => Err(Error::limit("this pickle protocol has no strings of 2 GiB")),
        }
    }

    pub(super) fn byte_array(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.protocol {
            5.. => {
                self.op_with(opcode::BYTEARRAY8, (bytes.len() as u64).to_le_bytes());
                self.out.extend_from_slice(bytes);
            }
            _ if bytes.is_empty() => {
                self.global("builtins", "bytearray")?;
                self.empty_tuple();
                self.op(opcode::REDUCE);
            }
            _ => {
                self.start_call("builtins", "bytearray", 1)?;
                self.bytes(bytes)?;
                self.end_call(1);
            }
        }
        Ok(())
    }

    /// A class or function by its dotted name: the last dot, or else a colon, ends the module.
    pub(super) fn dotted_global(&mut self, dotted: &str) -> Result<(), Error> {
        let (module, name) = names::split(dotted)?;
        self.global(module, name)
    }

    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        if self.protocol < 4
            && let Some((outer, inner)) = name.rsplit_once('.')
        {
            // Older readers know only what a module has itself.
            self.start_call("builtins", "getattr", 2)?;
            self.global(module, outer)?;
            self.text(inner)?;
            self.end_call(2);
            return Ok(());
        }
        let (module, name) = names::to_pickle(module, name, self.protocol);
        if let Some(nr) = self.globals.get(&(module.to_owned(), name.to_owned())) {
            self.get(*nr);
            return Ok(());
        }
        if self.protocol >= 4 {
            self.text(module)?;
            self.text(name)?;
            self.op(opcode::STACK_GLOBAL);
        } else if [module, name].iter().any(|part| part.contains('\n')) {
            return Err(Error::unsupported(format!("the name {name:?} cannot be pickled")));
        } else {
            self.line(opcode::GLOBAL, module);
            self.line_end(name);
        }
        let nr = self.memoize();
        self.globals.insert((module.to_owned(), name.to_owned()), nr);
        Ok(())
    }

    fn line_end(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    /// Gives the value on top of the reader's stack a number.
    pub(super) fn memoize(&mut self) -> usize {
        let nr = self.memoized;
        self.memoized += 1;
        match (self.protocol, u8::try_from(nr)) {
            (4.., _) => self.op(opcode::MEMOIZE),
            (1.., Ok(nr)) => self.op_with(opcode::BINPUT, [nr]),
            (1.., _) => self.op_with(opcode::LONG_BINPUT, (nr as u32).to_le_bytes()),
            _ => self.line(opcode::PUT, itoa::Buffer::new().format(nr)),
        }
        nr
    }

    /// The value with this number once more.
    pub(super) fn get(&mut self, nr: usize) {
        match (self.protocol, u8::try_from(nr)) {
            (1.., Ok(nr)) => self.op_with(opcode::BINGET, [nr]),
            (1.., _) => self.op_with(opcode::LONG_BINGET, (nr as u32).to_le_bytes()),
            _ => self.line(opcode::GET, itoa::Buffer::new().format(nr)),
        }
    }

    pub(super) fn start_list(&mut self) {
        match self.binary() {
            true => self.op(opcode::EMPTY_LIST),
            false => self.out.extend_from_slice(&[opcode::MARK, opcode::LIST]),
        }
    }

    pub(super) fn start_dict(&mut self) {
        match self.binary() {
            true => self.op(opcode::EMPTY_DICT),
            false => self.out.extend_from_slice(&[opcode::MARK, opcode::DICT]),
        }
    }

    pub(super) fn empty_tuple(&mut self) {
        match self.binary() {
            true => self.op(opcode::EMPTY_TUPLE),
            false => self.out.extend_from_slice(&[opcode::MARK, opcode::TUPLE]),
        }
    }

    /// What stands before the items of a tuple of this length.
    pub(super) fn start_tuple(&mut self, length: usize) {
        match (self.protocol, length) {
            (1.., 0) | (2.., 1..=3) => {}
            _ => self.op(opcode::MARK),
        }
    }

    /// What stands behind them.
    pub(super) fn end_tuple(&mut self, length: usize) {
        self.op(match (self.protocol, length) {
            (1.., 0) => opcode::EMPTY_TUPLE,
            (2.., 1) => opcode::TUPLE1,
            (2.., 2) => opcode::TUPLE2,
            (2.., 3) => opcode::TUPLE3,
            _ => opcode::TUPLE,
        });
    }

    /// A call with so many arguments, which follow.
    pub(super) fn start_call(&mut self, module: &str, name: &str, arguments: usize) -> Result<(), Error> {
        self.global(module, name)?;
        self.start_tuple(arguments);
        Ok(())
    }

    pub(super) fn end_call(&mut self, arguments: usize) {
        self.end_tuple(arguments);
        self.op(opcode::REDUCE);
    }

    /// An instance whose class was just written, before its state: made without a call of the class.
    pub(super) fn start_instance(&mut self, class: &str) -> Result<(), Error> {
        if self.protocol >= 2 {
            self.dotted_global(class)?;
            self.empty_tuple();
            self.op(opcode::NEWOBJ);
            return Ok(());
        }
        self.start_call("copyreg", "_reconstructor", 3)?;
        self.dotted_global(class)?;
        self.global("builtins", "object")?;
        self.op(opcode::NONE);
        self.end_call(3);
        Ok(())
    }
}

/// What stands around long bytes, as a rule: when they just fit, the opcode behind them would double the room, and copy them.
const AROUND: usize = 16;

/// How many bytes of a number in two's complement, little-endian, are not just its sign.
fn needed_bytes(bytes: &[u8]) -> usize {
    let sign = if bytes.last().is_some_and(|last| *last >= 0x80) {
        0xFF
    } else {
        0
    };
    let mut needed = bytes.len();
    while needed > 1 && bytes[needed - 1] == sign && (bytes[needed - 2] ^ sign) < 0x80 {
        needed -= 1;
    }
    needed
}
