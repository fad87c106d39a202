//! `bench formats`: what it costs to write and to read documents, against serde_json and against what Python has for it.
//!
//! Two roads: typed, from a struct to bytes and back, and by way of a value of any type, as Python's objects are.

mod documents;
mod peers;

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use ferropyro::Value;
use ferropyro::formats::{Bytes, Error, json, marshal, msgpack, pickle, serpent};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::python_peers::Python;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, Score, TURN};
use crate::table::{Scale, Summary, Table};
use crate::{Options, Problem, core};

use peers::{Codec, OneWay, PythonOneWay};

/// The document of the figures that are promised.
const MIXED: &str = "mixed";
const FORMATS: [&str; 5] = ["serpent", "json", "marshal", "msgpack", "pickle"];
const C_MODULES: [&str; 3] = ["marshal", "msgpack", "pickle"];
const ROADS: [&str; 2] = ["typed", "Value"];
const PACKAGE: &str = "the Python package";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    Write,
    Read,
    Both,
}

impl Direction {
    const ALL: [Direction; 3] = [Direction::Write, Direction::Read, Direction::Both];

    /// As the Python program knows it.
    fn name(self) -> &'static str {
        match self {
            Direction::Write => "write",
            Direction::Read => "read",
            Direction::Both => "both",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Direction::Both => "write and read",
            one => one.name(),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let pinned = core::pin();
    let python = match options.python {
        true => Python::find(),
        false => Err("--no-python".to_owned()),
    };
    let mut results = Results::default();
    for document in all_documents(python.as_ref().ok())? {
        results.add(document, options)?;
    }
    let mut report = Report::new("Writing and reading documents");
    report.text(format!(
        "\"{MIXED}\" has lists, dicts, texts and numbers, the others what their names say; from types and by way of a Value, which may be anything, \
         as Python's objects are; everybody reads what it has written itself; {pinned}; {} ms a turn.",
        TURN.as_millis(),
    ));
    match python {
        Ok(_) => report.text(format!("Python's own: {}.", results.about_python)),
        Err(reason) => report.leave_out(format!("Python's own serializers: {reason}")),
    }
    results.tell(&mut report);
    Ok(report)
}

/// A document with all who write and read it.
struct Document {
    name: &'static str,
    /// One for each direction.
    fields: [Field; 3],
    about_python: String,
}

fn all_documents(python: Option<&Python>) -> Result<Vec<Document>, Problem> {
    Ok(vec![
        document(MIXED, documents::orders(), python)?,
        document("ints", documents::ints(), python)?,
        document("floats", documents::floats(), python)?,
        document("texts", documents::texts(), python)?,
        document("records", documents::records(), python)?,
        document("long text", documents::long_text(), python)?,
        bytes(documents::bytes(), python)?,
    ])
}

fn document<T>(name: &'static str, typed: T, python: Option<&Python>) -> Result<Document, Problem>
where
    T: Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static,
{
    let text = serde_json::to_string(&typed)?;
    let any: serde_json::Value = serde_json::from_str(&text)?;
    let value: Value = json::from_slice(text.as_bytes())?;
    let mut document = Document::new(name);
    // As it is by default, it does not read the last digit of every float: to do so would take it longer.
    document.enter(
        "serde_json, typed",
        Codec::inexact(typed.clone(), serde_json::to_vec, from_json)?,
    );
    document.enter("serde_json, Value", Codec::inexact(any, serde_json::to_vec, from_json)?);
    document.enter(
        "json, typed",
        Codec::new(typed.clone(), json::to_vec, |bytes| json::from_slice(bytes))?,
    );
    document.enter(
        "json, Value",
        Codec::new(value.clone(), json::to_vec, |bytes| json::from_slice(bytes))?,
    );
    document.enter_binary(typed, value)?;
    document.enter_python(python, &FORMATS, &text)?;
    Ok(document)
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// Of bytes, which JSON lacks.
fn bytes(bytes: Vec<u8>, python: Option<&Python>) -> Result<Document, Problem> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut document = Document::new("bytes");
    let typed = Bytes(bytes.clone());
    // Serpent makes a dict of bytes, which a type takes for bytes and a Value does not.
    document.enter(
        "serpent, typed",
        Codec::new(typed.clone(), serpent::to_vec, |bytes| serpent::from_slice(bytes))?,
    );
    document.enter_compact(typed, Value::Bytes(bytes))?;
    document.enter_python(
        python,
        &[&["serpent"], &C_MODULES[..]].concat(),
        &format!("bytes {hex}"),
    )?;
    Ok(document)
}

impl Document {
    fn new(name: &'static str) -> Document {
        Document {
            name,
            fields: Default::default(),
            about_python: String::new(),
        }
    }

    fn enter<T: 'static, E: 'static>(&mut self, name: &str, codec: Rc<Codec<T, E>>)
    where
        Problem: From<E>,
    {
        for (field, direction) in self.fields.iter_mut().zip(Direction::ALL) {
            field.enter(name, OneWay(Rc::clone(&codec), direction));
        }
    }

    fn enter_binary<T>(&mut self, typed: T, value: Value) -> Result<(), Problem>
    where
        T: Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static,
    {
        self.enter(
            "serpent, typed",
            Codec::new(typed.clone(), serpent::to_vec, |bytes| serpent::from_slice(bytes))?,
        );
        self.enter(
            "serpent, Value",
            Codec::new(value.clone(), serpent::to_vec, |bytes| serpent::from_slice(bytes))?,
        );
        self.enter_compact(typed, value)
    }

    /// The formats that are no text.
    fn enter_compact<T>(&mut self, typed: T, value: Value) -> Result<(), Problem>
    where
        T: Clone + PartialEq + Debug + Serialize + DeserializeOwned + 'static,
    {
        macro_rules! enter {
            ($($format:ident)*) => {
                $(
                    let name = stringify!($format);
                    let read: fn(&[u8]) -> Result<T, Error> = |bytes| $format::from_slice(bytes);
                    self.enter(&format!("{name}, typed"), Codec::new(typed.clone(), $format::to_vec, read)?);
                    let read: fn(&[u8]) -> Result<Value, Error> = |bytes| $format::from_slice(bytes);
                    self.enter(&format!("{name}, Value"), Codec::new(value.clone(), $format::to_vec, read)?);
                )*
            };
        }
        enter!(marshal msgpack pickle);
        Ok(())
    }

    /// Python's own serializers, and those of the package, if its folder is known. `line`: the document for Python.
    fn enter_python(&mut self, python: Option<&Python>, formats: &[&str], line: &str) -> Result<(), Problem> {
        let Some(python) = python else { return Ok(()) };
        let has_package = std::env::var_os("FERROPYRO_PACKAGE").is_some();
        for format in formats {
            self.about_python = self.enter_one_python(&format!("Python's {format}"), python, &[format], line)?;
            if has_package {
                self.enter_one_python(&format!("{format}, {PACKAGE}"), python, &[format, "package"], line)?;
            }
        }
        Ok(())
    }

    fn enter_one_python(&mut self, name: &str, python: &Python, args: &[&str], line: &str) -> Result<String, Problem> {
        let (helper, about) = python.start_format(args, line)?;
        let helper = Rc::new(RefCell::new(helper));
        for (field, direction) in self.fields.iter_mut().zip(Direction::ALL) {
            field.enter(name, PythonOneWay(Rc::clone(&helper), direction));
        }
        Ok(about)
    }
}

/// The summaries of each direction.
#[derive(Default)]
struct Results {
    directions: Vec<(Direction, Summary, Summary)>,
    about_python: String,
}

impl Results {
    fn add(&mut self, document: Document, options: &Options) -> Result<(), Problem> {
        if self.directions.is_empty() {
            self.directions = Direction::ALL.map(summaries).into();
        }
        let part_of_direction = options.with_time(options.time / 3);
        self.about_python = document.about_python;
        for (mut field, (_, json, python)) in document.fields.into_iter().zip(&mut self.directions) {
            let plan = field.plan(TURN, &part_of_direction);
            let scores = field.measure(plan)?;
            json.add(document.name, against_serde_json(&scores));
            python.add(document.name, against_python(&scores));
        }
        Ok(())
    }

    fn tell(&self, report: &mut Report) {
        for (direction, json, python) in &self.directions {
            report.summary(json, MIXED);
            report.summary(python, MIXED);
            report.finding(statement(*direction, json, python));
        }
        for (direction, json, python) in &self.directions[..2] {
            goals(*direction, json, python, report);
        }
    }
}

/// The sentence that holds on any machine.
fn statement(direction: Direction, json: &Summary, python: &Summary) -> String {
    let cost = |road| json.median(MIXED, &format!("serpent, {road}")).unwrap_or(f64::NAN);
    let mut sentence = format!(
        "To {} the mixed document takes serpent {:.2} times as long as serde_json from types, {:.2} times by way of a Value",
        direction.verb(),
        cost("typed"),
        cost("Value"),
    );
    let speed = |road| python.median(MIXED, &format!("serpent, {road}"));
    if let (Some(typed), Some(value)) = (speed("typed"), speed("Value")) {
        sentence += &format!("; it is {typed:.0} and {value:.0} times as fast as Python's");
    }
    for format in C_MODULES {
        let lowest = |road: &str| python.lowest(&format!("{format}, {road}"));
        if let (Some(typed), Some(value)) = (lowest("typed"), lowest("Value")) {
            sentence += &format!(
                "; {format} is at least {typed:.2} and {value:.2} times as fast as CPython's, whatever the document"
            );
        }
    }
    sentence + "."
}

fn goals(direction: Direction, json: &Summary, python: &Summary, report: &mut Report) {
    let verb = direction.verb();
    for road in ROADS {
        report.goal(Goal::new(
            format!("serpent, {road}: to {verb} a mixed document, times serde_json"),
            Bound::AtMost(2.0),
            json.median(MIXED, &format!("serpent, {road}")),
        ));
        report.goal(Goal::new(
            format!("serpent, {road}: to {verb} a mixed document, speed of Python's serpent"),
            Bound::AtLeast(20.0),
            python.median(MIXED, &format!("serpent, {road}")),
        ));
        for format in C_MODULES {
            report.goal(Goal::new(
                format!("{format}, {road}: to {verb} a mixed document, speed of CPython's C module"),
                Bound::AtLeast(1.0),
                python.median(MIXED, &format!("{format}, {road}")),
            ));
        }
    }
}

fn summaries(direction: Direction) -> (Direction, Summary, Summary) {
    let what = direction.verb();
    (
        direction,
        Summary::new(format!("{what}: times serde_json")),
        Summary::new(format!("{what}: speed of Python's own")),
    )
}

/// Every format against serde_json, each road against the same.
fn against_serde_json(scores: &[Score]) -> Table {
    let pairs = ROADS.iter().flat_map(|road| {
        let ours = FORMATS.map(|format| score(scores, &format!("{format}, {road}")));
        let yardstick = score(scores, &format!("serde_json, {road}"));
        ours.into_iter().filter_map(move |ours| Some((ours?, yardstick?)))
    });
    Table::of_pairs("times serde_json", Scale::Cost, pairs)
}

/// Every format against Python's own.
fn against_python(scores: &[Score]) -> Table {
    let pairs = FORMATS.iter().flat_map(|format| {
        let ours = [ROADS[0], ROADS[1], PACKAGE].map(|road| score(scores, &format!("{format}, {road}")));
        let yardstick = score(scores, &format!("Python's {format}"));
        ours.into_iter().filter_map(move |ours| Some((ours?, yardstick?)))
    });
    Table::of_pairs("speed of Python's own", Scale::Speed, pairs)
}

fn score<'a>(scores: &'a [Score], name: &str) -> Option<&'a Score> {
    scores.iter().find(|score| score.name == name)
}
