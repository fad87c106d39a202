//! Arguments of a call: read on the server straight into the types of the method, written on the client straight from them.

mod head;
mod parameters;
mod read;
mod signature;
mod text;
mod values;
mod write;

use ferropyro_formats::{Dict, Value};

pub(crate) use head::{Head, HeadPlace};
pub use parameters::Parameters;
pub(crate) use read::read;
pub(crate) use signature::Signature;
pub use text::Text;
pub(crate) use values::{read_values, read_whole};
pub use write::{Arguments, ForeignCall};
pub(crate) use write::{Invoke, ListOf, arguments_value};

use crate::SerializedBlob;
use crate::serializer::Codec;

/// Where the arguments of a call come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The payload of an INVOKE message.
    Payload(Codec, &'a [u8]),
    /// One call of a batch, already decoded.
    Values(&'a [Value], &'a Dict),
    /// Data that stay as they are.
    Blob(&'a SerializedBlob),
}
