//! pickle.

#[path = "../common/mod.rs"]
mod common;

mod bytes;
mod golden;
mod types;

use ferropyro_formats::pickle::{self, Options};
use ferropyro_formats::{Error, Value};
use serde::Serialize;

fn decode(bytes: &[u8]) -> Result<Value, Error> {
    pickle::from_slice(bytes)
}

fn encode<T: Serialize + ?Sized>(value: &T, protocol: u8) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let options = Options {
        protocol,
        ..Options::default()
    };
    pickle::append(&mut bytes, value, &options)?;
    Ok(bytes)
}
