//! `bench formats`: what it costs to write and read a document, in multiples of what serde_json needs.
//!
//! Two roads: typed, from a struct to bytes and back, and by way of a value of any type.

use std::fmt::Debug;
use std::time::Duration;

use ferropyro::Value;
use ferropyro::formats::{json, marshal, msgpack, serpent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::peer::{Peer, Sample, repeat};
use crate::python_peers::Python;
use crate::report::{Bound, Goal, Report};
use crate::rounds::{Field, TURN};
use crate::table::{Scale, Table};
use crate::{Options, Problem, core};

const YARDSTICK: &str = "serde_json, typed";
const YARDSTICK_VALUE: &str = "serde_json, Value";
const SERPENT: &str = "serpent, typed";
const SERPENT_VALUE: &str = "serpent, Value";
const PYTHON: &str = "Python's serpent";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    customer: String,
    comment: Option<String>,
    paid: bool,
    total: f64,
    lines: Vec<OrderLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OrderLine {
    article: String,
    count: i32,
    price: f64,
    tags: Vec<String>,
}

fn document() -> Vec<Order> {
    let line = |number: i32| OrderLine {
        article: format!("article number {number}"),
        count: number * 7 - 3,
        price: f64::from(number) * 1.25 + 0.99,
        tags: vec!["new".to_owned(), "fragile".to_owned(), "größe 3".to_owned()],
    };
    let order = |id: u64| Order {
        id: 1_000_000 + id,
        customer: "Ada Lovelace".to_owned(),
        comment: id
            .is_multiple_of(2)
            .then(|| "Please don't ring;\nleave it \"at the door\".".to_owned()),
        paid: id.is_multiple_of(3),
        total: 1234.5 + id as f64 / 16.0,
        lines: (0..4).map(line).collect(),
    };
    (0..10).map(order).collect()
}

pub(crate) fn run(options: &Options) -> Result<Report, Problem> {
    let pinned = core::pin();
    let typed = document();
    let json_text = serde_json::to_string(&typed)?;
    let any: serde_json::Value = serde_json::from_str(&json_text)?;
    let value: Value = json::from_slice(json_text.as_bytes())?;

    let mut field = Field::default();
    field.enter(
        YARDSTICK,
        RoundTrip::new(&typed, serde_json::to_vec, |bytes| serde_json::from_slice(bytes))?,
    );
    field.enter(
        YARDSTICK_VALUE,
        RoundTrip::new(&any, serde_json::to_vec, |bytes| serde_json::from_slice(bytes))?,
    );
    macro_rules! enter {
        ($($format:ident)*) => {
            $(
                let name = stringify!($format);
                let read = |bytes: &[u8]| $format::from_slice(bytes);
                field.enter(format!("{name}, typed"), RoundTrip::new(&typed, $format::to_vec, read)?);
                let read = |bytes: &[u8]| $format::from_slice(bytes);
                field.enter(format!("{name}, Value"), RoundTrip::new(&value, $format::to_vec, read)?);
            )*
        };
    }
    enter!(serpent json marshal msgpack);
    let left_out = match Python::find() {
        Ok(python) => {
            field.enter(PYTHON, python.serpent(&json_text)?);
            None
        }
        Err(reason) => Some(reason),
    };
    let plan = field.plan(TURN, options);
    let table = Table::new("times serde_json, typed", Scale::Cost, &field.measure(plan)?);
    let mut report = Report::new("Writing and reading a document");
    report.text(format!(
        "Writing and reading a document of lists, dicts, texts and numbers, {} bytes of JSON; {pinned}; {} rounds of {} ms each.",
        json_text.len(),
        plan.rounds,
        plan.turn.as_millis(),
    ));
    report.table("a mixed document, written and read", &table);
    if let Some(reason) = left_out {
        report.leave_out(format!("Python's serpent: {reason}"));
    }
    report.finding(statement(&table));
    let ratio = |one, other| Some(table.median(one)? / table.median(other)?);
    report.goal(Goal::new(
        "serpent writes and reads a mixed document, times serde_json",
        Bound::AtMost(2.0),
        ratio(SERPENT, YARDSTICK),
    ));
    report.goal(Goal::new(
        "Python's serpent does so, times ours by way of a value of any type",
        Bound::AtLeast(20.0),
        ratio(PYTHON, SERPENT_VALUE),
    ));
    Ok(report)
}

/// The sentence that holds on any machine.
fn statement(table: &Table) -> String {
    let ratio = |one, other| Some(table.median(one)? / table.median(other)?);
    let typed = ratio(SERPENT, YARDSTICK).unwrap_or(f64::NAN);
    let value = ratio(SERPENT_VALUE, YARDSTICK_VALUE).unwrap_or(f64::NAN);
    let mut text = format!(
        "serpent takes {typed:.2} times as long as serde_json from types and back, {value:.2} times by way of a Value"
    );
    if let (Some(typed), Some(value)) = (ratio(PYTHON, SERPENT), ratio(PYTHON, SERPENT_VALUE)) {
        text.push_str(&format!(
            "; Python's serpent {typed:.0} and {value:.0} times as long as ours"
        ));
    }
    text + "."
}

/// Writes a document and reads it again.
struct RoundTrip<T, W, R> {
    document: T,
    write: W,
    read: R,
}

impl<T, E, W, R> RoundTrip<T, W, R>
where
    T: Clone + PartialEq + Debug + DeserializeOwned,
    Problem: From<E>,
    W: Fn(&T) -> Result<Vec<u8>, E>,
    R: Fn(&[u8]) -> Result<T, E>,
{
    /// Refuses a format that loses something.
    fn new(document: &T, write: W, read: R) -> Result<RoundTrip<T, W, R>, Problem> {
        let back = read(&write(document)?)?;
        match back == *document {
            true => Ok(RoundTrip {
                document: document.clone(),
                write,
                read,
            }),
            false => Err(format!("{document:?} comes back as {back:?}").into()),
        }
    }
}

impl<T, E, W, R> Peer for RoundTrip<T, W, R>
where
    Problem: From<E>,
    W: Fn(&T) -> Result<Vec<u8>, E>,
    R: Fn(&[u8]) -> Result<T, E>,
{
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat(time, || {
            let bytes = (self.write)(&self.document)?;
            std::hint::black_box((self.read)(&bytes)?);
            Ok(())
        })
    }
}
