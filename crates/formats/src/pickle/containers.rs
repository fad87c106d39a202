//! Lists, tuples, sets, dicts and objects while they are being written.

use serde::Serialize;

use super::class::{CLASS, is_class_key};
use super::opcode;
use super::ser::{Object, Sequence, Serializer};
use crate::Error;
use crate::capture::capture_text;
use crate::ser::{collects_entries, collects_items};
use crate::stack::with_stack_at;

/// A list, tuple or set that is being written.
pub struct Items<'s, 'a> {
    pub(super) serializer: &'s mut Serializer<'a>,
    pub(super) kind: Sequence,
    /// Whether items are put in one by one, and not all those behind a mark at once.
    pub(super) singly: bool,
    pub(super) marked: bool,
    pub(super) count: usize,
    pub(super) in_variant: bool,
}

impl Items<'_, '_> {
    /// Whether the items are put into something that exists already.
    fn are_put_in(&self) -> bool {
        match self.kind {
            Sequence::Tuple(_) => false,
            Sequence::FrozenSet => self.serializer.writer.protocol < 4,
            Sequence::List | Sequence::Set => true,
        }
    }

    /// Whether there is no opcode for one item.
    fn is_new_set(&self) -> bool {
        self.kind == Sequence::Set && self.serializer.writer.protocol >= 4
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.count += 1;
        // A number that was announced may be wrong.
        let singly = self.singly && !self.is_new_set() && (self.count == 1 || !self.serializer.writer.binary());
        if self.are_put_in() && !singly && !self.marked {
            self.serializer.writer.op(opcode::MARK);
            self.marked = true;
        }
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))?;
        if self.are_put_in() && singly {
            self.serializer.writer.op(opcode::APPEND);
        }
        Ok(())
    }

    fn close(self) -> Result<(), Error> {
        let new_set = self.is_new_set();
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
            _ if self.marked && new_set => writer.op(opcode::ADDITEMS),
            _ if self.marked => writer.op(opcode::APPENDS),
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

/// A dict or an object that is being written.
pub struct Entries<'s, 'a> {
    pub(super) serializer: &'s mut Serializer<'a>,
    pub(super) object: Object,
    /// The last key was that of an instance's class.
    pub(super) in_class: bool,
    /// As in [`Items`].
    pub(super) singly: bool,
    pub(super) marked: bool,
    pub(super) count: usize,
    pub(super) in_variant: bool,
}

impl Entries<'_, '_> {
    fn start_entry(&mut self) {
        if self.count == 0 && self.object == Object::Instance {
            // Without attributes there is no state.
            self.serializer.writer.start_dict();
        }
        self.count += 1;
        if !self.singly && !self.marked {
            self.serializer.writer.op(opcode::MARK);
            self.marked = true;
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        match self.object {
            Object::Exception => self.exception_field(name, value),
            Object::Instance if name == CLASS => Ok(()),
            _ => {
                self.start_entry();
                self.serializer.writer.text(name)?;
                self.value(value)
            }
        }
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if self.object == Object::Instance && is_class_key(key) {
            self.in_class = true;
            return Ok(());
        }
        self.start_entry();
        with_stack_at(self.serializer.depth, || key.serialize(&mut *self.serializer))
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if std::mem::take(&mut self.in_class) {
            return Ok(());
        }
        with_stack_at(self.serializer.depth, || value.serialize(&mut *self.serializer))?;
        if self.singly {
            self.serializer.writer.op(opcode::SETITEM);
            self.singly = !self.serializer.writer.binary();
        }
        Ok(())
    }

    /// A field of an exception: they come in the order of what the reader has to do.
    fn exception_field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        let serializer = &mut *self.serializer;
        match name {
            CLASS => {
                let class = capture_text(value)?;
                let class = (serializer.options.class_names)(&class).into_owned();
                serializer.writer.dotted_global(&class)
            }
            "args" => {
                with_stack_at(serializer.depth, || value.serialize(&mut *serializer))?;
                serializer.writer.op(opcode::REDUCE);
                Ok(())
            }
            "attributes" => {
                let start = serializer.writer.out.len();
                serializer.writer.start_dict();
                let empty = serializer.writer.out.split_off(start);
                with_stack_at(serializer.depth, || value.serialize(&mut *serializer))?;
                match serializer.writer.out[start..] == empty {
                    true => serializer.writer.out.truncate(start),
                    false => serializer.writer.op(opcode::BUILD),
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn close(self) -> Result<(), Error> {
        if self.marked {
            self.serializer.writer.op(opcode::SETITEMS);
        }
        if self.count > 0 && self.object == Object::Instance {
            self.serializer.writer.op(opcode::BUILD);
        }
        self.serializer.depth -= 1;
        if self.in_variant {
            self.serializer.end_variant();
        }
        Ok(())
    }
}

collects_entries!(Entries<'_, '_> => ());
