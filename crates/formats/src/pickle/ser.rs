use serde::ser::{self, Serialize};

use super::write::Writer;
use super::{HIGHEST_PROTOCOL, LIMITS, Options, opcode};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text};
use crate::ser::{collects_entries, collects_items, forward_to_python_forms};
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::{BigInt, Complex, Error};

/// Writes serde's data model as a pickle.
pub struct Serializer<'a> {
    writer: Writer<'a>,
    options: Options,
    depth: usize,
    /// What the next serde sequence is: a list, or within a set's tag the set.
    sequence: Sequence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    List,
    /// So many items.
    Tuple(usize),
    Set,
    FrozenSet,
}

impl<'a> Serializer<'a> {
    /// Appends to `out`. [`Self::end`] ends the pickle; after an error the end of `out` is an unfinished one.
    pub fn new(out: &'a mut Vec<u8>, options: Options) -> Serializer<'a> {
        Serializer {
            writer: Writer::new(out, options.protocol.min(HIGHEST_PROTOCOL)),
            options,
            depth: 0,
            sequence: Sequence::List,
        }
    }

    /// Ends the pickle, behind its one value.
    pub fn end(self) {
        self.writer.out.push(opcode::STOP);
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.depth == LIMITS.depth {
            return Err(Error::limit(
                "maximum recursion depth exceeded while pickling an object",
            ));
        }
        self.depth += 1;
        Ok(())
    }

    fn set<T: Serialize + ?Sized>(&mut self, kind: Sequence, members: &T) -> Result<(), Error> {
        self.sequence = kind;
        let result = members.serialize(&mut *self);
        self.sequence = Sequence::List;
        result
    }

    fn tagged<T: Serialize + ?Sized>(&mut self, tag: Tag, content: &T) -> Result<(), Error> {
        match tag {
            Tag::Value | Tag::Tuple => content.serialize(self),
            Tag::Set => self.set(Sequence::Set, content),
            Tag::FrozenSet => self.set(Sequence::FrozenSet, content),
            Tag::BigInt => self.writer.big_int(&BigInt::from_bytes(&capture(content)?).0),
            Tag::Surrogates => match capture_surrogates(content)? {
                Ok(text) => self.writer.text(&text),
                Err(text) => self.writer.surrogates(&text),
            },
            Tag::ByteArray => self.writer.byte_array(&capture(content)?),
            Tag::Type => self.writer.dotted_global(&capture_text(content)?),
            Tag::Ellipsis => self.writer.global("builtins", "Ellipsis"),
            Tag::ClassName => {
                let name = capture_text(content)?;
                self.writer.text(&(self.options.class_names)(&name))
            }
            Tag::Complex => {
                let Complex { re, im } = Complex::from_bytes(capture_array(content)?);
                self.writer.start_call("builtins", "complex", 2)?;
                self.writer.float(re);
                self.writer.float(im);
                self.writer.end_call(2);
                Ok(())
            }
            _ => Err(Error::unsupported("not yet")),
        }
    }

    /// Starts the dict of one entry that an enum variant with content is.
    fn variant(&mut self, variant: &str) -> Result<(), Error> {
        self.enter()?;
        self.start_dict();
        if self.writer.binary() {
            self.writer.op(opcode::MARK);
        }
        self.writer.text(variant)
    }

    fn end_variant(&mut self) {
        self.depth -= 1;
        self.end_entry();
        self.end_dict(1);
    }

    fn start_dict(&mut self) {
        match self.writer.binary() {
            true => self.writer.op(opcode::EMPTY_DICT),
            false => self.writer.out.extend_from_slice(&[opcode::MARK, opcode::DICT]),
        }
    }

    /// Behind each entry of a dict: protocol 0 puts them in one by one.
    fn end_entry(&mut self) {
        if !self.writer.binary() {
            self.writer.op(opcode::SETITEM);
        }
    }

    fn end_dict(&mut self, entries: usize) {
        if self.writer.binary() && entries > 0 {
            self.writer.op(opcode::SETITEMS);
        }
    }

    fn items<'s>(&'s mut self, kind: Sequence) -> Result<Items<'s, 'a>, Error> {
        self.enter()?;
        let writer = &mut self.writer;
        match kind {
            Sequence::Tuple(length) => writer.start_tuple(length),
            Sequence::Set if writer.protocol >= 4 => writer.op(opcode::EMPTY_SET),
            Sequence::FrozenSet if writer.protocol >= 4 => writer.op(opcode::MARK),
            Sequence::Set | Sequence::FrozenSet => {
                let name = if kind == Sequence::Set { "set" } else { "frozenset" };
                writer.start_call("builtins", name, 1)?;
                start_list(writer);
            }
            Sequence::List => start_list(writer),
        }
        Ok(Items {
            serializer: self,
            kind,
            count: 0,
            in_variant: false,
        })
    }

    fn entries<'s>(&'s mut self) -> Result<Entries<'s, 'a>, Error> {
        self.enter()?;
        self.start_dict();
        Ok(Entries {
            serializer: self,
            count: 0,
            in_variant: false,
        })
    }
}

fn start_list(writer: &mut Writer<'_>) {
    match writer.binary() {
        true => writer.op(opcode::EMPTY_LIST),
        false => writer.out.extend_from_slice(&[opcode::MARK, opcode::LIST]),
    }
}

macro_rules! ints {
    ($($method:ident($int:ty))*) => {
        $(fn $method(self, number: $int) -> Result<(), Error> {
            self.writer.int(number.into());
            Ok(())
        })*
    };
}

impl<'s, 'a> ser::Serializer for &'s mut Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'s, 'a>;
    type SerializeTuple = Items<'s, 'a>;
    type SerializeTupleStruct = Items<'s, 'a>;
    type SerializeTupleVariant = Items<'s, 'a>;
    type SerializeMap = Entries<'s, 'a>;
    type SerializeStruct = Entries<'s, 'a>;
    type SerializeStructVariant = Entries<'s, 'a>;

    forward_to_python_forms! {}

    ints! {
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        self.writer.u128(number)
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.writer.bool(value);
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.writer.float(number);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.writer.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.bytes(bytes)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.writer.op(opcode::NONE);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        with_stack_at(self.depth, || value.serialize(&mut *self))?;
        self.end_variant();
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Items<'s, 'a>, Error> {
        let kind = std::mem::replace(&mut self.sequence, Sequence::List);
        self.items(kind)
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'s, 'a>, Error> {
        self.items(Sequence::Tuple(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'s, 'a>, Error> {
        self.variant(variant)?;
        let items = self.items(Sequence::Tuple(length))?;
        Ok(Items {
            in_variant: true,
            ..items
        })
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries<'s, 'a>, Error> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Entries<'s, 'a>, Error> {
        self.variant(variant)?;
        let entries = self.entries()?;
        Ok(Entries {
            in_variant: true,
            ..entries
        })
    }
}

/// A list, tuple or set that is being written.
pub struct Items<'s, 'a> {
    serializer: &'s mut Serializer<'a>,
    kind: Sequence,
    count: usize,
    in_variant: bool,
}

impl Items<'_, '_> {
    /// Whether the items are the arguments of one opcode behind them all, and a mark stands before them.
    fn is_marked(&self) -> bool {
        let writer = &self.serializer.writer;
        match self.kind {
            Sequence::Tuple(_) => false,
            Sequence::FrozenSet if writer.protocol >= 4 => false,
            _ => writer.binary(),
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.count == 0 && self.is_marked() {
            self.serializer.writer.op(opcode::MARK);
        }
        self.count += 1;
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))?;
        if !self.serializer.writer.binary() && !matches!(self.kind, Sequence::Tuple(_)) {
            self.serializer.writer.op(opcode::APPEND);
        }
        Ok(())
    }

    fn close(self) -> Result<(), Error> {
        let marked = self.count > 0 && self.is_marked();
        let writer = &mut self.serializer.writer;
        match self.kind {
            Sequence::Tuple(length) if length != self.count => {
                return Err(Error::unsupported(format!(
                    "a tuple of {length} items has {}",
                    self.count
                )));
            }
            Sequence::Tuple(length) => writer.end_tuple(length),
            Sequence::FrozenSet if writer.protocol >= 4 => writer.op(opcode::FROZENSET),
            Sequence::Set if writer.protocol >= 4 && marked => writer.op(opcode::ADDITEMS),
            _ if marked => writer.op(opcode::APPENDS),
            _ => {}
        }
        if writer.protocol < 4 && matches!(self.kind, Sequence::Set | Sequence::FrozenSet) {
            writer.end_call(1);
        }
        self.serializer.depth -= 1;
        if self.in_variant {
            self.serializer.end_variant();
        }
        Ok(())
    }
}

collects_items!(Items<'_, '_> => ());

/// A dict that is being written.
pub struct Entries<'s, 'a> {
    serializer: &'s mut Serializer<'a>,
    count: usize,
    in_variant: bool,
}

impl Entries<'_, '_> {
    fn start_entry(&mut self) {
        if self.count == 0 && self.serializer.writer.binary() {
            self.serializer.writer.op(opcode::MARK);
        }
        self.count += 1;
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.start_entry();
        self.serializer.writer.text(name)?;
        self.value(value)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.start_entry();
        with_stack_at(self.serializer.depth, || key.serialize(&mut *self.serializer))
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))?;
        self.serializer.end_entry();
        Ok(())
    }

    fn close(self) -> Result<(), Error> {
        self.serializer.end_dict(self.count);
        self.serializer.depth -= 1;
        if self.in_variant {
            self.serializer.end_variant();
        }
        Ok(())
    }
}

collects_entries!(Entries<'_, '_> => ());
