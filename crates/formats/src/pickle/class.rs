//! Finds the class in a class dict that is about to be written.

use serde::ser::{self, Impossible, Serialize};

use crate::Error;
use crate::capture::capture_text;
use crate::ser::{collects_entries, refuse_other_forms};

/// The key of the class.
pub(super) const CLASS: &str = "__class__";

/// The class that the content of a class dict names, if it does. Only the dict itself is looked through.
pub(super) fn class_of<T: Serialize + ?Sized>(content: &T) -> Result<Option<String>, Error> {
    content.serialize(Finder)
}

/// Whether a key is that of the class.
pub(super) fn is_class_key<T: Serialize + ?Sized>(key: &T) -> bool {
    capture_text(key).is_ok_and(|key| key == CLASS)
}

struct Finder;

type Never = Impossible<Option<String>, Error>;

impl ser::Serializer for Finder {
    type Ok = Option<String>;
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Never;

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries, Error> {
        Ok(Entries::default())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Entries, Error> {
        Ok(Entries::default())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        content: &T,
    ) -> Result<Option<String>, Error> {
        content.serialize(self)
    }

    fn serialize_str(self, _text: &str) -> Result<Option<String>, Error> {
        Err(no_class_dict())
    }

    fn serialize_bytes(self, _bytes: &[u8]) -> Result<Option<String>, Error> {
        Err(no_class_dict())
    }

    refuse_other_forms! { Option<String>, Never, no_class_dict() }
}

fn no_class_dict() -> Error {
    Error::unsupported("an instance is written as a class dict")
}

#[derive(Default)]
struct Entries {
    class: Option<String>,
    at_class: bool,
}

impl Entries {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.at_class = is_class_key(key);
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if self.at_class {
            self.class = Some(capture_text(value)?);
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.at_class = name == CLASS;
        self.value(value)
    }

    fn close(self) -> Result<Option<String>, Error> {
        Ok(self.class)
    }
}

collects_entries!(Entries => Option<String>);
