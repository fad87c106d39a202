//! serpent against what the real implementations write and read.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::describe::value as described;
use common::{Exceptions, Failures, Outcome};
use ferropyro_formats::{Error, ErrorKind, Limits, Value, serpent};
use proptest::prelude::*;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer as _, Serialize};

const HEADER: &str = "# serpent utf-8 python3.2\n";

fn read(text: &str) -> Result<Value, Error> {
    serpent::from_slice(text.as_bytes())
}

fn written<T: Serialize + ?Sized>(value: &T) -> String {
    let text = String::from_utf8(serpent::to_vec(value).unwrap()).unwrap();
    text.strip_prefix(HEADER).unwrap().to_owned()
}

/// The three value files; the variants of these files that a Python 3 has written.
fn golden() -> Vec<(String, common::Case)> {
    ["serpent", "pyro4_serpent", "pyro5_serpent"]
        .into_iter()
        .flat_map(|file| {
            common::cases(file)
                .into_iter()
                .map(move |case| (format!("{file}/{}", case.name), case))
        })
        .collect()
}

/// Decoding: what every producer wrote is read as what that producer reads.
#[test]
fn reads_what_every_python_wrote_as_it_does() {
    let exceptions = Exceptions::new(&[
        (
            "serpent/float:*nan",
            "reads as a float, where the plain library leaves a dict",
        ),
        (
            "serpent/complex:*nan*",
            "reads as a complex number, where the plain library leaves a dict",
        ),
        ("*:unhashable", "none"),
    ]);
    let mut failures = Failures::default();
    for (name, case) in golden() {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, out) = &variant.outcome else {
                continue;
            };
            let Ok(expected) = described(out) else { continue };
            let got = serpent::from_slice::<Value>(bytes);
            if got.as_ref().ok() != Some(&expected) && !exceptions.covers(&name) {
                failures.add(format!(
                    "{name} {:?}: {got:?}, not {expected:?}: {}",
                    variant.by,
                    String::from_utf8_lossy(bytes)
                ));
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
}

#[test]
fn writes_what_python_writes() {
    let mut failures = Failures::default();
    let mut same = 0;
    for (name, case) in golden() {
        if case.has_option("indent", true) || case.has_option("module_in_classname", false) {
            continue;
        }
        let Ok(value) = described(&case.input) else { continue };
        let options = serpent::Options {
            bytes_repr: case.has_option("bytes_repr", true),
            ..Default::default()
        };
        for variant in case
            .variants
            .iter()
            .filter(|variant| variant.by.iter().any(|by| by.ends_with("py3.11.7")))
        {
            let mut got = Vec::new();
            let result = serpent::append(&mut got, &value, &options);
            match &variant.outcome {
                Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _) if got != *bytes => failures.add(format!(
                    "{name}: {} not {} {result:?}",
                    String::from_utf8_lossy(&got),
                    String::from_utf8_lossy(bytes)
                )),
                Outcome::DumpError(error) if result.as_ref().err().map(|e| e.message()) != Some(&error.message) => {
                    failures.add(format!("{name}: {result:?} not {error:?}"))
                }
                _ => same += 1,
            }
        }
    }
    failures.check();
    assert!(same > 400, "{same}");
}

#[test]
fn takes_and_refuses_what_the_newest_python_does() {
    let mut failures = Failures::default();
    for case in common::decode_cases("decode_serpent") {
        let got = serpent::from_slice::<Value>(&case.bytes);
        match (case.by("py3.13.0").unwrap(), &got) {
            (Ok(out), Ok(got)) if described(out).as_ref() == Ok(got) => {}
            (Err(_), Err(_)) => {}
            (wanted, got) => failures.add(format!(
                "{}: {:?}: {got:?} not {wanted:?}",
                case.name,
                String::from_utf8_lossy(&case.bytes)
            )),
        }
    }
    failures.check();
}
