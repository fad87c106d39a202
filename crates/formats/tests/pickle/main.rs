//! The pickle format, against what real Pythons wrote and read, and against broken and hostile input.

mod batches;
mod bytes;
#[path = "../common/mod.rs"]
mod common;
mod golden;
mod hostile;
#[cfg(feature = "numpy")]
mod numpy;
mod objects;
mod types;

use common::Outcome;
use ferropyro_formats::pickle::{self, Options};
use ferropyro_formats::{Error, Value};
use serde::Serialize;

fn decode(bytes: &[u8]) -> Result<Value, Error> {
    pickle::from_slice(bytes)
}

/// As [`pickle::to_vec`], in this protocol.
fn encode<T: Serialize + ?Sized>(value: &T, protocol: u8) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let options = Options {
        protocol,
        ..Options::default()
    };
    pickle::append(&mut bytes, value, &options)?;
    Ok(bytes)
}

/// What Pythons wrote, each form once.
fn samples() -> Vec<Vec<u8>> {
    let files = ["pickle", "pyro4_pickle", "pyro4_dill", "decode_pickle"];
    let mut samples: Vec<Vec<u8>> = files[..3]
        .iter()
        .flat_map(|file| common::cases(file))
        .flat_map(|case| case.variants)
        .filter_map(|variant| match variant.outcome {
            Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _) => Some(bytes),
            Outcome::DumpError(_) => None,
        })
        .collect();
    samples.extend(common::decode_cases(files[3]).into_iter().map(|case| case.bytes));
    samples.extend(common::functions());
    samples.sort();
    samples.dedup();
    assert!(samples.len() > 1000);
    samples
}
