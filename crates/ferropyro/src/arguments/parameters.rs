//! The parameters of a method as a tuple of types.

use serde::de::{Deserialize, Deserializer, IgnoredAny};

use crate::SerializedBlob;

/// The parameters of a method as a tuple of their types. Implemented for tuples of up to twelve types that serde can read.
pub trait Parameters<'de>: Sized {
    /// The same tuple with every part optional: what a call gave.
    type Slots: Default;
    /// The number of parameters.
    const COUNT: usize;

    #[doc(hidden)]
    fn fill<D: Deserializer<'de>>(slots: &mut Self::Slots, index: usize, deserializer: D) -> Result<(), D::Error>;

    /// Takes data that stay serialized; false for parameters that are nothing of the kind.
    #[doc(hidden)]
    fn take_blob(_slots: &mut Self::Slots, _blob: &SerializedBlob) -> bool {
        false
    }

    #[doc(hidden)]
    fn is_filled(slots: &Self::Slots, index: usize) -> bool;

    #[doc(hidden)]
    fn complete(slots: Self::Slots) -> Option<Self>;
}

macro_rules! parameters {
    ($count:literal $($name:ident $index:tt)*) => {
        impl<'de, $($name: Deserialize<'de>),*> Parameters<'de> for ($($name,)*) {
            type Slots = ($(Option<$name>,)*);
            const COUNT: usize = $count;

            #[allow(unused_variables)]
            fn fill<Z: Deserializer<'de>>(slots: &mut Self::Slots, index: usize, deserializer: Z) -> Result<(), Z::Error> {
                match index {
                    $($index => slots.$index = Some($name::deserialize(deserializer)?),)*
                    _ => drop(IgnoredAny::deserialize(deserializer)?),
                }
                Ok(())
            }

            #[allow(unused_variables)]
            fn is_filled(slots: &Self::Slots, index: usize) -> bool {
                match index {
                    $($index => slots.$index.is_some(),)*
                    _ => false,
                }
            }

            #[allow(unused_variables, clippy::unused_unit)]
            fn complete(slots: Self::Slots) -> Option<Self> {
                Some(($(slots.$index?,)*))
            }
        }
    };
}

parameters!(0);
parameters!(1 A 0);
parameters!(2 A 0 B 1);
parameters!(3 A 0 B 1 C 2);
parameters!(4 A 0 B 1 C 2 D 3);
parameters!(5 A 0 B 1 C 2 D 3 E 4);
parameters!(6 A 0 B 1 C 2 D 3 E 4 F 5);
parameters!(7 A 0 B 1 C 2 D 3 E 4 F 5 G 6);
parameters!(8 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
parameters!(9 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
parameters!(10 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
parameters!(11 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
parameters!(12 A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
