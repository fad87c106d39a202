//! The marshal format, against what real Pythons wrote and read, and against broken and hostile input.

mod bytes;
#[path = "../common/mod.rs"]
mod common;
mod golden;
mod hostile;
mod references;
mod types;

use std::borrow::Cow;

use common::Outcome;
use ferropyro_formats::marshal::{self, Options};
use ferropyro_formats::{Error, Value};
use serde::Serialize;

/// For a peer that is Python 2.7.
const PYTHON2: Options = Options {
    version: 2,
    class_names: python2_name,
    python2: true,
};

fn python2_name(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("builtins.") {
        Some(name) => format!("exceptions.{name}").into(),
        None => name.into(),
    }
}

/// As [`marshal::to_vec`], with options.
fn encode<T: Serialize>(value: &T, options: &Options) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    marshal::append(&mut out, value, options)?;
    Ok(out)
}

fn decode(bytes: &[u8]) -> Result<Value, Error> {
    marshal::from_slice(bytes)
}

fn version(version: u8) -> Options {
    Options {
        version,
        ..Options::default()
    }
}

/// What Pythons wrote, each form once.
fn samples() -> Vec<Vec<u8>> {
    let mut samples: Vec<Vec<u8>> = common::cases("marshal")
        .into_iter()
        .flat_map(|case| case.variants)
        .filter_map(|variant| match variant.outcome {
            Outcome::Bytes(bytes, _) => Some(bytes),
            _ => None,
        })
        .collect();
    samples.push(b":NNN".to_vec());
    samples.sort();
    samples.dedup();
    assert!(samples.len() > 500);
    samples
}
