//! Rust's enums in all formats.

mod common;

use ferropyro_formats::{Error, ErrorKind, json, marshal, msgpack, serpent, to_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Fields { child: Box<Tree> },
    Pair(u8, Box<Tree>),
    One(Box<Tree>),
}

type Wrap = fn(Box<Tree>) -> Tree;

/// The ways to put one tree into another, each with the number of containers that it takes.
const WRAPS: [(usize, Wrap); 3] = [
    (2, |child| Tree::Fields { child }),
    (2, |child| Tree::Pair(1, child)),
    (1, Tree::One),
];

fn deep(levels: usize, wrap: Wrap) -> Tree {
    (0..levels).fold(Tree::Leaf, |inner, _| wrap(Box::new(inner)))
}

macro_rules! for_each_format {
    ($check:ident) => {
        $check(json::LIMITS.depth, json::to_vec, |bytes| json::from_slice(bytes));
        $check(msgpack::LIMITS.depth, msgpack::to_vec, |bytes| {
            msgpack::from_slice(bytes)
        });
        $check(serpent::LIMITS.depth, serpent::to_vec, |bytes| {
            serpent::from_slice(bytes)
        });
        $check(marshal::LIMITS.depth, marshal::to_vec, |bytes| {
            marshal::from_slice(bytes)
        });
    };
}

#[test]
fn enums_nest_as_deep_as_containers() {
    fn check(limit: usize, to_vec: fn(&Tree) -> Result<Vec<u8>, Error>, from_slice: fn(&[u8]) -> Result<Tree, Error>) {
        for (containers, wrap) in WRAPS {
            let deepest = deep(limit / containers, wrap);
            assert_eq!(from_slice(&to_vec(&deepest).unwrap()).unwrap(), deepest);
            let error = to_vec(&deep(limit / containers + 1, wrap)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
        }
    }
    common::on_a_usual_stack(|| {
        for_each_format!(check);
    });
}

#[test]
fn a_value_nests_as_many_enums() {
    common::on_a_usual_stack(|| {
        for (_, wrap) in WRAPS {
            let value = to_value(&deep(1000, wrap)).unwrap();
            assert_eq!(Tree::deserialize(&value).unwrap(), deep(1000, wrap));
            assert_eq!(Tree::deserialize(value).unwrap(), deep(1000, wrap));
        }
    });
}

/// What is wrong with a tree that was written as something else.
fn refusals<T: Serialize>(other: &T) -> Vec<String> {
    fn read<T: DeserializeOwned>(result: Result<T, Error>) -> String {
        result.err().expect("no tree").message().to_owned()
    }
    vec![
        read(json::from_slice::<Tree>(&json::to_vec(other).unwrap())),
        read(msgpack::from_slice::<Tree>(&msgpack::to_vec(other).unwrap())),
        read(serpent::from_slice::<Tree>(&serpent::to_vec(other).unwrap())),
        read(marshal::from_slice::<Tree>(&marshal::to_vec(other).unwrap())),
        read(Tree::deserialize(to_value(other).unwrap())),
    ]
}

#[test]
fn refuses_a_dict_that_is_no_variant() {
    let twice = std::collections::BTreeMap::from([("Leaf", ()), ("One", ())]);
    for message in refusals(&twice) {
        assert!(
            message.starts_with("an enum is a text, or a dict of one entry"),
            "{message}"
        );
    }
}

#[test]
fn refuses_a_text_for_a_variant_with_content() {
    for message in refusals(&"One") {
        assert!(
            message.contains("this variant of the enum has content") || message.contains("unit variant"),
            "{message}"
        );
    }
}
