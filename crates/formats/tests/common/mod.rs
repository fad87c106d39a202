//! What the tests of all formats share: the golden vectors (see `vectors/README.md`), a table of exceptions, and arbitrary values.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod arbitrary;
pub mod describe;

use std::cell::RefCell;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use ferropyro_formats::{Dict, Value};
use serde::Deserialize as _;
use serde_json::Value as Json;

/// A line of a value file: one value, and what each producer makes of it.
pub struct Case {
    pub name: String,
    pub options: Json,
    /// The description of the value; see [`describe::value`].
    pub input: Json,
    pub variants: Vec<Variant>,
}

/// What some producers made of the value of a [`Case`].
pub struct Variant {
    pub by: Vec<String>,
    pub outcome: Outcome,
}

/// What came of encoding a value.
pub enum Outcome {
    /// These bytes, and the description of what they decode to.
    Bytes(Vec<u8>, Json),
    /// These bytes, which the producer itself cannot decode.
    LoadError(Vec<u8>, PythonError),
    /// The producer refuses the value.
    DumpError(PythonError),
}

/// The class and text of an exception.
#[derive(Debug, Clone)]
pub struct PythonError {
    pub class: String,
    pub message: String,
}

/// A line of a decoder file: some bytes, and what each decoder makes of them.
pub struct DecodeCase {
    pub name: String,
    pub bytes: Vec<u8>,
    pub results: Vec<Decoded>,
}

/// What some decoders made of the bytes of a [`DecodeCase`].
pub struct Decoded {
    pub by: Vec<String>,
    pub outcome: Result<Json, PythonError>,
}

impl Case {
    /// The variant of this producer, such as `py3.11.7` or `pyro5/py3.11.7`.
    pub fn by(&self, producer: &str) -> Option<&Variant> {
        self.variants
            .iter()
            .find(|variant| variant.by.iter().any(|by| by == producer))
    }

    /// Whether an option stands in this line with this value.
    pub fn has_option(&self, name: &str, value: impl Into<Json>) -> bool {
        self.options[name] == value.into()
    }
}

impl DecodeCase {
    /// What this decoder made of it.
    pub fn by(&self, decoder: &str) -> Option<&Result<Json, PythonError>> {
        self.results
            .iter()
            .find(|decoded| decoded.by.iter().any(|by| by == decoder))
            .map(|decoded| &decoded.outcome)
    }
}

/// The lines of a value file; `name` is its name without `.json`.
pub fn cases(name: &str) -> Vec<Case> {
    lines(name).iter().map(case).collect()
}

/// The lines of a decoder file.
pub fn decode_cases(name: &str) -> Vec<DecodeCase> {
    lines(name).iter().map(decode_case).collect()
}

fn lines(name: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../vectors/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<Json> = text
        .lines()
        .map(|line| line_of(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}")))
        .collect();
    assert!(!lines.is_empty(), "{name} is empty");
    lines
}

fn line_of(line: &str) -> serde_json::Result<Json> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    deserializer.disable_recursion_limit();
    Json::deserialize(&mut deserializer)
}

fn case(line: &Json) -> Case {
    let input = line["in"].clone();
    let variant = |variant: &Json| Variant {
        by: texts(&variant["by"]),
        outcome: outcome(variant, &input),
    };
    Case {
        name: text(&line["name"]),
        options: line["opts"].clone(),
        variants: array(&line["variants"]).iter().map(variant).collect(),
        input,
    }
}

fn outcome(variant: &Json, input: &Json) -> Outcome {
    if let Some(error) = python_error(&variant["dump_error"]) {
        return Outcome::DumpError(error);
    }
    let bytes = bytes(variant).expect("a variant without dump_error has bytes");
    match python_error(&variant["load_error"]) {
        Some(error) => Outcome::LoadError(bytes, error),
        None => Outcome::Bytes(bytes, variant.get("out").unwrap_or(input).clone()),
    }
}

fn decode_case(line: &Json) -> DecodeCase {
    let decoded = |result: &Json| Decoded {
        by: texts(&result["by"]),
        outcome: match python_error(&result["error"]) {
            Some(error) => Err(error),
            None => Ok(result["out"].clone()),
        },
    };
    DecodeCase {
        name: text(&line["name"]),
        bytes: bytes(line).expect("a decoder case has bytes"),
        results: array(&line["results"]).iter().map(decoded).collect(),
    }
}

fn python_error(error: &Json) -> Option<PythonError> {
    error.is_object().then(|| PythonError {
        class: text(&error["class"]),
        message: text(&error["message"]),
    })
}

/// The byte string of an object: `hex`, `b64`, or `zb64` + `len`.
pub fn bytes(object: &Json) -> Option<Vec<u8>> {
    if let Some(hex) = object["hex"].as_str() {
        return Some(unhex(hex));
    }
    if let Some(base64) = object["b64"].as_str() {
        return Some(unbase64(base64));
    }
    let packed = unbase64(object["zb64"].as_str()?);
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice())
        .read_to_end(&mut bytes)
        .expect("a zlib stream");
    assert_eq!(Some(bytes.len() as u64), object["len"].as_u64(), "inflated length");
    Some(bytes)
}

pub fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}

fn unbase64(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_else(|| panic!("not a text: {json}")).to_owned()
}

fn texts(json: &Json) -> Vec<String> {
    array(json).iter().map(text).collect()
}

fn array(json: &Json) -> &[Json] {
    json.as_array().unwrap_or_else(|| panic!("not an array: {json}"))
}

/// The cases that a test treats otherwise: patterns (`*` stands for any text) and reasons. A pattern that matches nothing fails the test.
pub struct Exceptions {
    table: &'static [(&'static str, &'static str)],
    used: RefCell<Vec<bool>>,
}

impl Exceptions {
    pub fn new(table: &'static [(&'static str, &'static str)]) -> Exceptions {
        Exceptions {
            table,
            used: RefCell::new(vec![false; table.len()]),
        }
    }

    /// Whether a pattern of the table covers this name.
    pub fn covers(&self, name: &str) -> bool {
        let mut used = self.used.borrow_mut();
        let mut covered = false;
        for (nr, (pattern, _reason)) in self.table.iter().enumerate() {
            if matches(pattern, name) {
                used[nr] = true;
                covered = true;
            }
        }
        covered
    }

    /// Fails when a pattern has matched nothing. To be called at the end.
    pub fn check_all_used(&self) {
        let unused: Vec<_> = std::iter::zip(self.table, self.used.borrow().iter())
            .filter(|(_, used)| !**used)
            .map(|(row, _)| row)
            .collect();
        assert!(unused.is_empty(), "exceptions that match nothing any more: {unused:?}");
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name
            .strip_prefix(start)
            .is_some_and(|name| (0..=name.len()).any(|at| name.is_char_boundary(at) && matches(rest, &name[at..]))),
    }
}

/// Collects the differences of a long sweep, so that one run shows them all.
#[derive(Default)]
pub struct Failures(Vec<String>);

impl Failures {
    pub fn add(&mut self, failure: impl Into<String>) {
        self.0.push(failure.into());
    }

    /// Fails with all that was added.
    pub fn check(self) {
        let shown: Vec<String> = self.0.iter().map(|line| line.chars().take(600).collect()).collect();
        assert!(shown.is_empty(), "{} failures:\n{}", shown.len(), shown.join("\n"));
    }
}

/// Runs `test` on a thread with a stack of 2 MiB, the size that Rust gives threads by default.
pub fn on_a_usual_stack<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(test)
        .expect("a thread")
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The value with its objects as the class dicts that they were read from, `args` in the container that the format has for them.
pub fn plain(value: Value, args: fn(Vec<Value>) -> Value) -> Value {
    // Some of the vectors are nested as deep as Python can.
    let deeper = |value| stacker::maybe_grow(64 << 10, 1 << 20, || plain(value, args));
    let all = |items: Vec<Value>| items.into_iter().map(deeper).collect();
    let dict = |dict: Dict| {
        dict.into_iter()
            .map(|(key, value)| (key, deeper(value)))
            .collect::<Dict>()
    };
    match value {
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Dict(entries) => Value::Dict(dict(entries)),
        Value::Instance(instance) => {
            let mut entries = dict(instance.attributes);
            entries.insert("__class__", instance.class);
            Value::Dict(entries)
        }
        Value::Exception(exception) => Value::Dict(Dict::from([
            ("__class__", Value::from(exception.class)),
            ("__exception__", Value::from(true)),
            ("args", args(all(exception.args))),
            ("attributes", Value::Dict(dict(exception.attributes))),
        ])),
        other => other,
    }
}

/// The pickles of functions and classes by value in `functions.json`.
pub fn functions() -> Vec<Vec<u8>> {
    lines("functions").iter().filter_map(bytes).collect()
}
