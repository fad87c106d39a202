//! What the serializers of this crate have in common, as macros that stand in for parts of serde's impls.

use crate::Error;

/// Serializer methods that pass on to others, since Python has one form for both: as `serde::forward_to_deserialize_any!` for the other direction.
///
/// The serializer needs a method `tagged` for newtype structs with the name of a [`Tag`](crate::tag::Tag).
macro_rules! forward_to_python_forms {
    () => {
        fn serialize_f32(self, number: f32) -> Result<Self::Ok, Self::Error> {
            self.serialize_f64(number.into())
        }

        fn serialize_char(self, char: char) -> Result<Self::Ok, Self::Error> {
            self.serialize_str(char.encode_utf8(&mut [0; 4]))
        }

        fn serialize_none(self) -> Result<Self::Ok, Self::Error> {
            self.serialize_unit()
        }

        fn serialize_some<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Self::Error> {
            value.serialize(self)
        }

        fn serialize_unit_struct(self, _name: &'static str) -> Result<Self::Ok, Self::Error> {
            self.serialize_unit()
        }

        fn serialize_unit_variant(
            self,
            _name: &'static str,
            _nr: u32,
            variant: &'static str,
        ) -> Result<Self::Ok, Self::Error> {
            self.serialize_str(variant)
        }

        fn serialize_newtype_struct<T: serde::Serialize + ?Sized>(
            self,
            name: &'static str,
            content: &T,
        ) -> Result<Self::Ok, Self::Error> {
            match $crate::tag::Tag::from_name(name) {
                Some(tag) => self.tagged(tag, content),
                None => content.serialize(self),
            }
        }

        fn serialize_tuple_struct(
            self,
            _name: &'static str,
            len: usize,
        ) -> Result<Self::SerializeTupleStruct, Self::Error> {
            self.serialize_tuple(len)
        }

        fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Self::SerializeStruct, Self::Error> {
            self.serialize_map(Some(len))
        }
    };
}

/// serde's four traits of lists and tuples for a type with the methods `item` and `close`.
macro_rules! collects_items {
    ($type:ty => $ok:ty) => {
        $crate::ser::collects_items! { $type => $ok:
            SerializeSeq::serialize_element
            SerializeTuple::serialize_element
            SerializeTupleStruct::serialize_field
            SerializeTupleVariant::serialize_field
        }
    };
    ($type:ty => $ok:ty: $($trait:ident::$method:ident)*) => {
        $(impl serde::ser::$trait for $type {
            type Ok = $ok;
            type Error = $crate::Error;

            fn $method<T: serde::Serialize + ?Sized>(&mut self, item: &T) -> Result<(), $crate::Error> {
                self.item(item)
            }

            fn end(self) -> Result<$ok, $crate::Error> {
                self.close()
            }
        })*
    };
}

/// serde's three traits of maps and structs for a type with the methods `key`, `value`, `field` and `close`.
macro_rules! collects_entries {
    ($type:ty => $ok:ty) => {
        impl serde::ser::SerializeMap for $type {
            type Ok = $ok;
            type Error = $crate::Error;

            fn serialize_key<T: serde::Serialize + ?Sized>(&mut self, key: &T) -> Result<(), $crate::Error> {
                self.key(key)
            }

            fn serialize_value<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), $crate::Error> {
                self.value(value)
            }

            fn end(self) -> Result<$ok, $crate::Error> {
                self.close()
            }
        }

        $crate::ser::collects_entries! { $type => $ok: SerializeStruct SerializeStructVariant }
    };
    ($type:ty => $ok:ty: $($trait:ident)*) => {
        $(impl serde::ser::$trait for $type {
            type Ok = $ok;
            type Error = $crate::Error;

            fn serialize_field<T: serde::Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), $crate::Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<$ok, $crate::Error> {
                self.close()
            }
        })*
    };
}

/// The methods of a serializer that takes nothing but texts, bytes, newtype structs, maps and structs.
macro_rules! refuse_other_forms {
    ($ok:ty, $never:ty, $error:expr) => {
        $crate::ser::refuse_other_forms! { $error =>
            serialize_bool(bool) -> $ok;
            serialize_i8(i8) -> $ok;
            serialize_i16(i16) -> $ok;
            serialize_i32(i32) -> $ok;
            serialize_i64(i64) -> $ok;
            serialize_u8(u8) -> $ok;
            serialize_u16(u16) -> $ok;
            serialize_u32(u32) -> $ok;
            serialize_u64(u64) -> $ok;
            serialize_f32(f32) -> $ok;
            serialize_f64(f64) -> $ok;
            serialize_char(char) -> $ok;
            serialize_none() -> $ok;
            serialize_unit() -> $ok;
            serialize_unit_struct(&'static str) -> $ok;
            serialize_unit_variant(&'static str, u32, &'static str) -> $ok;
            serialize_seq(Option<usize>) -> $never;
            serialize_tuple(usize) -> $never;
            serialize_tuple_struct(&'static str, usize) -> $never;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> $never;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> $never;
        }

        fn serialize_some<T: serde::Serialize + ?Sized>(self, _: &T) -> Result<$ok, $crate::Error> {
            Err($error)
        }

        fn serialize_newtype_variant<T: serde::Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<$ok, $crate::Error> {
            Err($error)
        }
    };
    ($error:expr => $($method:ident($($arg:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $arg),*) -> Result<$ok, $crate::Error> { Err($error) })*
    };
}

pub(crate) use {collects_entries, collects_items, forward_to_python_forms, refuse_other_forms};

/// Appends to `out`; after an error `out` is as it was.
pub(crate) fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<(), Error> {
    let start = out.len();
    let result = write(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}
