//! What is written and read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Orders with their lines: lists, dicts, texts with and without quotes and umlauts, numbers, None.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    id: u64,
    customer: String,
    comment: Option<String>,
    paid: bool,
    total: f64,
    lines: Vec<OrderLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderLine {
    article: String,
    count: i32,
    price: f64,
    tags: Vec<String>,
}

pub(crate) fn orders() -> Vec<Order> {
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    name: String,
    age: u32,
    balance: f64,
    active: bool,
}

pub(crate) fn records() -> BTreeMap<String, Record> {
    let record = |number: u32| Record {
        name: format!("person {number}"),
        age: number % 90,
        balance: f64::from(number) * 13.37,
        active: number.is_multiple_of(2),
    };
    (0..1000)
        .map(|number| (format!("key {number:04}"), record(number)))
        .collect()
}

pub(crate) fn ints() -> Vec<i64> {
    (0..10_000).collect()
}

/// As measurements are: most of them need all their digits.
pub(crate) fn floats() -> Vec<f64> {
    (0..1000)
        .map(|number| f64::from(number) * 0.731 + 1.0 / f64::from(number + 1))
        .collect()
}

pub(crate) fn texts() -> Vec<String> {
    (0..1000).map(|number| format!("text {number}")).collect()
}

/// Of ASCII, with some quotes and line ends.
pub(crate) fn long_text() -> String {
    "The quick brown fox jumps over the lazy dog, and \"the dog\" doesn't mind.\n".repeat(1500)
}

/// A million and not 1 MiB: at a distance of a power of two from its copy, memory is copied several times slower, which would be chance.
pub(crate) fn bytes() -> Vec<u8> {
    (0..1_000_000_u32)
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}
