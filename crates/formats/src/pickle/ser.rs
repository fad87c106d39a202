use serde::ser::{self, Serialize};

use super::class::class_of;
use super::containers::{Entries, Items};
use super::special::Form;
use super::write::Writer;
use super::{HIGHEST_PROTOCOL, LIMITS, Options, graph, machine, opcode, special, temporal};
use crate::capture::{capture, capture_array, capture_surrogates, capture_text, with_text};
use crate::ser::forward_to_python_forms;
use crate::stack::with_stack_at;
use crate::tag::Tag;
use crate::{BigInt, Complex, Error, Pickled, TimeDelta};

/// Writes serde's data model as a pickle.
pub struct Serializer<'a> {
    pub(super) writer: Writer<'a>,
    pub(super) options: Options,
    pub(super) depth: usize,
    /// What the next serde sequence is: a list, or within a set's tag the set.
    sequence: Sequence,
    /// Whether the next serde map is the class dict of an object.
    object: Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    None,
    /// Of an instance, which was made already.
    Instance,
    Exception,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
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
            object: Object::None,
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
            Tag::BigInt => self.writer.big_int(&BigInt::from_bytes(&capture(content)?)),
            Tag::Surrogates => match capture_surrogates(content)? {
                Ok(text) => self.writer.text(&text),
                Err(text) => self.writer.surrogates(&text),
            },
            Tag::ByteArray => self.writer.byte_array(&capture(content)?),
            Tag::Type => self.writer.dotted_global(&capture_text(content)?),
            Tag::Ellipsis => self.writer.global("builtins", "Ellipsis"),
            Tag::ClassName => with_text(content, |name| self.writer.text(&(self.options.class_names)(name))),
            Tag::Complex => {
                let Complex { re, im } = Complex::from_bytes(capture_array(content)?);
                self.writer.start_call("builtins", "complex", 2)?;
                self.writer.float(re);
                self.writer.float(im);
                self.writer.end_call(2);
                Ok(())
            }
            Tag::Decimal => {
                self.writer.start_call("decimal", "Decimal", 1)?;
                self.writer.text(&capture_text(content)?)?;
                self.writer.end_call(1);
                Ok(())
            }
            Tag::DateTime => temporal::write_datetime(&mut self.writer, &parse(content)?),
            Tag::Date => temporal::write_date(&mut self.writer, parse(content)?),
            Tag::Time => temporal::write_time(&mut self.writer, &parse(content)?),
            Tag::TimeDelta => {
                temporal::write_timedelta(&mut self.writer, TimeDelta::from_bytes(capture_array(content)?))
            }
            Tag::Uuid => self.uuid(capture_array(content)?),
            Tag::Exception => self.object(Object::Exception, content),
            Tag::Instance => self.instance(content),
            Tag::Pickled => self.pickled(&capture(content)?),
        }
    }

    fn uuid(&mut self, bytes: [u8; 16]) -> Result<(), Error> {
        self.writer.start_instance("uuid.UUID")?;
        self.writer.start_dict();
        self.writer.text("int")?;
        self.writer.big_int(&u128::from_be_bytes(bytes).into())?;
        self.writer.op(opcode::SETITEM);
        self.writer.op(opcode::BUILD);
        Ok(())
    }

    /// An object that came in a pickle, in the protocol of this one.
    fn pickled(&mut self, content: &[u8]) -> Result<(), Error> {
        let object = Pickled::from_content(content);
        let object = object.ok_or_else(|| Error::unsupported("a pickled object with foreign content"))?;
        let document = machine::run(object.pickle(), 0, &LIMITS, None, None)?;
        graph::append(&mut self.writer, &document, document.root)
    }

    /// An object whose class dict is the next serde map.
    fn object<T: Serialize + ?Sized>(&mut self, object: Object, content: &T) -> Result<(), Error> {
        self.object = object;
        let result = content.serialize(&mut *self);
        self.object = Object::None;
        result
    }

    fn instance<T: Serialize + ?Sized>(&mut self, content: &T) -> Result<(), Error> {
        // The class stands behind the attributes, and is needed before them.
        let Some(class) = class_of(content)? else {
            return content.serialize(self);
        };
        let class = (self.options.class_names)(&class).into_owned();
        match special::form(&class, content)? {
            Some(Form::State(state)) => {
                self.writer.start_instance(&class)?;
                // Before protocol 2 Python asks only for a state that is true.
                if state.is_true() || self.writer.protocol >= 2 {
                    state.serialize(&mut *self)?;
                    self.writer.op(opcode::BUILD);
                }
                Ok(())
            }
            Some(Form::Call(args)) => {
                self.writer.dotted_global(&class)?;
                args.serialize(&mut *self)?;
                self.writer.op(opcode::REDUCE);
                Ok(())
            }
            None => {
                self.writer.start_instance(&class)?;
                self.object(Object::Instance, content)
            }
        }
    }

    /// Starts the dict of one entry that an enum variant with content is.
    fn variant(&mut self, variant: &str) -> Result<(), Error> {
        self.enter()?;
        self.writer.start_dict();
        self.writer.text(variant)
    }

    pub(super) fn end_variant(&mut self) {
        self.depth -= 1;
        self.writer.op(opcode::SETITEM);
    }

    fn items<'s>(&'s mut self, kind: Sequence, announced: Option<usize>) -> Result<Items<'s, 'a>, Error> {
        self.enter()?;
        let singly = !self.writer.binary() || announced == Some(1);
        let writer = &mut self.writer;
        match kind {
            Sequence::Tuple(length) => writer.start_tuple(length),
            Sequence::Set if writer.protocol >= 4 => writer.op(opcode::EMPTY_SET),
            Sequence::FrozenSet if writer.protocol >= 4 => writer.op(opcode::MARK),
            Sequence::Set | Sequence::FrozenSet => {
                let name = if kind == Sequence::Set { "set" } else { "frozenset" };
                writer.start_call("builtins", name, 1)?;
                writer.start_list();
            }
            Sequence::List => writer.start_list(),
        }
        Ok(Items {
            serializer: self,
            kind,
            singly,
            marked: false,
            count: 0,
            in_variant: false,
        })
    }

    fn entries<'s>(&'s mut self, announced: Option<usize>) -> Result<Entries<'s, 'a>, Error> {
        self.enter()?;
        let object = std::mem::replace(&mut self.object, Object::None);
        // The class is no attribute.
        let single = if object == Object::Instance { 2 } else { 1 };
        let singly = !self.writer.binary() || announced == Some(single);
        if object == Object::None {
            self.writer.start_dict();
        }
        Ok(Entries {
            serializer: self,
            object,
            in_class: false,
            singly,
            marked: false,
            count: 0,
            in_variant: false,
        })
    }
}

macro_rules! ints {
    ($($write:ident: $($method:ident($int:ty))*;)*) => {
        $($(fn $method(self, number: $int) -> Result<(), Error> {
            self.writer.$write(number.into());
            Ok(())
        })*)*
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
        int: serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32);
        wide_int: serialize_u64(u64) serialize_i128(i128);
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        self.writer.big_int(&number.into())
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

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'s, 'a>, Error> {
        let kind = std::mem::replace(&mut self.sequence, Sequence::List);
        self.items(kind, length)
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'s, 'a>, Error> {
        self.items(Sequence::Tuple(length), Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Items<'s, 'a>, Error> {
        self.variant(variant)?;
        let items = self.items(Sequence::Tuple(length), Some(length))?;
        Ok(Items {
            in_variant: true,
            ..items
        })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries<'s, 'a>, Error> {
        self.entries(length)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Entries<'s, 'a>, Error> {
        self.variant(variant)?;
        let entries = self.entries(Some(length))?;
        Ok(Entries {
            in_variant: true,
            ..entries
        })
    }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(content: &(impl Serialize + ?Sized)) -> Result<T, Error> {
    capture_text(content)?.parse().map_err(ser::Error::custom)
}
