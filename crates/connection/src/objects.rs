//! Objects as messages.

use ferropyro_formats::pickle;
use serde::Serialize;

use crate::Result;
use crate::auth::Handshake;

/// What Python's pickle writes by itself from 3.8 to 3.13, and reads from 3.4 on.
const PICKLE_PROTOCOL: u8 = 4;
/// What Python 2 reads.
const PICKLE_PROTOCOL_OF_PYTHON_2: u8 = 2;

pub(crate) fn pickle_options(protocol: Option<u8>) -> pickle::Options {
    pickle::Options {
        protocol: protocol.unwrap_or(PICKLE_PROTOCOL),
        ..pickle::Options::default()
    }
}

/// The same, when it is known who is at the other end.
pub(crate) fn negotiated(protocol: Option<u8>, handshake: &Handshake) -> pickle::Options {
    let theirs = handshake.is_with_old().then_some(PICKLE_PROTOCOL_OF_PYTHON_2);
    pickle_options(protocol.or(theirs))
}

pub(crate) fn pickled<T: Serialize + ?Sized>(value: &T, options: &pickle::Options) -> Result<Vec<u8>> {
    let mut message = Vec::new();
    pickle::append(&mut message, value, options)?;
    Ok(message)
}
