//! Writing arguments on the client.

use ferropyro_formats::Dict;
use ferropyro_wire::Serializer as SerializerName;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer};

use crate::SerializedBlob;
use crate::serializer::EarlyValue;

/// The positional arguments of a call on the client: a tuple of up to twelve values, a slice or `Vec` of [`Value`](crate::Value), or an array.
pub trait Arguments {
    /// How many there are.
    fn count(&self) -> usize;

    /// Writes each argument as an element of a tuple.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error>;

    /// Writes them all, as a list if the serializer has them so.
    #[doc(hidden)]
    fn serialize<S: Serializer>(&self, serializer: S, as_list: bool) -> Result<S::Ok, S::Error> {
        match as_list {
            true => AsList(self).serialize(serializer),
            false => AsTuple(self).serialize(serializer),
        }
    }

    /// The one argument that stays serialized at the receiver.
    #[doc(hidden)]
    fn blob(&self) -> Option<&SerializedBlob> {
        None
    }

    /// Adds the payload of the whole call to the message, by a binding to another language that writes this serializer's data itself. `None` if it does not, and
    /// then nothing was added.
    #[doc(hidden)]
    fn payload(&self, _call: &ForeignCall<'_>, _message: &mut Vec<u8>) -> Option<crate::Result<()>> {
        None
    }
}

/// A call whose payload a binding writes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ForeignCall<'a> {
    /// The id of the object.
    pub object: &'a str,
    /// The name of the method.
    pub method: &'a str,
    /// The serializer to write with.
    pub serializer: SerializerName,
}

/// Arguments that are always written as a list, as those of the calls that Pyro makes for itself.
pub(crate) struct ListOf<A>(pub(crate) A);

impl<A: Arguments> Arguments for ListOf<A> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.0.write(tuple)
    }

    fn serialize<S: Serializer>(&self, serializer: S, _as_list: bool) -> Result<S::Ok, S::Error> {
        AsList(&self.0).serialize(serializer)
    }
}

macro_rules! arguments {
    ($count:literal $($name:ident $index:tt)*) => {
        impl<$($name: Serialize),*> Arguments for ($($name,)*) {
            fn count(&self) -> usize {
                $count
            }

            #[allow(unused_variables)]
            fn write<Z: SerializeTuple>(&self, tuple: &mut Z) -> Result<(), Z::Error> {
                $(tuple.serialize_element(&self.$index)?;)*
                Ok(())
            }
        }
    };
}

arguments!(0);
arguments!(1 A 0);
arguments!(2 A 0 B 1);
arguments!(3 A 0 B 1 C 2);
arguments!(4 A 0 B 1 C 2 D 3);
arguments!(5 A 0 B 1 C 2 D 3 E 4);
arguments!(6 A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
arguments!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
arguments!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
arguments!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
arguments!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

impl<S: Serialize> Arguments for [S] {
    fn count(&self) -> usize {
        self.len()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.iter().try_for_each(|arg| tuple.serialize_element(arg))
    }
}

impl<S: Serialize> Arguments for Vec<S> {
    fn count(&self) -> usize {
        self.len()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.as_slice().write(tuple)
    }
}

impl<S: Serialize, const N: usize> Arguments for [S; N] {
    fn count(&self) -> usize {
        N
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.as_slice().write(tuple)
    }
}

impl<A: Arguments + ?Sized> Arguments for &A {
    fn count(&self) -> usize {
        (**self).count()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        (**self).write(tuple)
    }

    fn serialize<S: Serializer>(&self, serializer: S, as_list: bool) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer, as_list)
    }

    fn blob(&self) -> Option<&SerializedBlob> {
        (**self).blob()
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<crate::Result<()>> {
        (**self).payload(call, message)
    }
}

/// The arguments as a value: a tuple.
pub(crate) fn arguments_value(args: &impl Arguments) -> crate::Result<EarlyValue> {
    Ok(EarlyValue::new(&AsTuple(args))?)
}

/// The payload of an INVOKE message, in the shape that the serializer's users expect (each has its own in Pyro).
pub(crate) struct Invoke<'a, A: ?Sized> {
    pub(crate) object: &'a str,
    pub(crate) method: &'a str,
    pub(crate) args: &'a A,
    /// `None` for batches and attributes, where Pyro writes None.
    pub(crate) kwargs: Option<&'a Dict>,
    pub(crate) serializer: SerializerName,
}

impl<A: Arguments + ?Sized> Serialize for Invoke<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.serializer == SerializerName::Json {
            let mut map = serializer.serialize_struct("Invoke", 4)?;
            map.serialize_field("object", self.object)?;
            map.serialize_field("method", self.method)?;
            map.serialize_field("params", &Positional(self))?;
            map.serialize_field("kwargs", &Keywords(self.kwargs))?;
            return map.end();
        }
        let mut tuple = serializer.serialize_tuple(4)?;
        tuple.serialize_element(self.object)?;
        tuple.serialize_element(self.method)?;
        tuple.serialize_element(&Positional(self))?;
        tuple.serialize_element(&Keywords(self.kwargs))?;
        tuple.end()
    }
}

/// The arguments of a call. Pyro writes a list for marshal.
struct Positional<'a, 'b, A: ?Sized>(&'a Invoke<'b, A>);

impl<A: Arguments + ?Sized> Serialize for Positional<'_, '_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Invoke {
            args, serializer: kind, ..
        } = self.0;
        args.serialize(serializer, *kind == SerializerName::Marshal)
    }
}

/// The keyword arguments. Most calls have none, and need not ask the dict for its entries.
struct Keywords<'a>(Option<&'a Dict>);

impl Serialize for Keywords<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(kwargs) if kwargs.is_empty() => serializer.serialize_map(Some(0))?.end(),
            kwargs => kwargs.serialize(serializer),
        }
    }
}

struct AsTuple<'a, A: ?Sized>(&'a A);

impl<A: Arguments + ?Sized> Serialize for AsTuple<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.count())?;
        self.0.write(&mut tuple)?;
        tuple.end()
    }
}

struct AsList<'a, A: ?Sized>(&'a A);

impl<A: Arguments + ?Sized> Serialize for AsList<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = ListAsTuple(serializer.serialize_seq(Some(self.0.count()))?);
        self.0.write(&mut list)?;
        list.0.end()
    }
}

/// Lets [`Arguments::write`] fill a list.
struct ListAsTuple<S>(S);

impl<S: SerializeSeq> SerializeTuple for ListAsTuple<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_element(value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}
