//! How Python's types and Rust's become each other.

use std::collections::BTreeMap;

use ferropyro_formats::marshal::{self, Options};
use ferropyro_formats::{BigInt, Bytes, Dict, ErrorKind, Instance, Set, Surrogates, Value};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::bytes::type_bytes;
use crate::references::Thing;
use crate::{PYTHON2, common, decode, encode, version};

#[test]
fn interned_strings_that_are_no_text_are_bytes_of_python_2() {
    assert_eq!(decode(b"t\x02\0\0\0a\xff").unwrap(), Value::Bytes(b"a\xff".to_vec()));
}

#[test]
fn bytes_of_python_2_are_text_where_text_is_asked_for() {
    let record: Thing<'_> =
        marshal::from_slice(b"{s\x04\0\0\0names\x04\0\0\0spams\x05\0\0\0sizes(\0\0\0\x000").unwrap();
    assert_eq!(record.name, "spam");
    assert_eq!(marshal::from_slice::<Shape>(b"s\x05\0\0\0Point").unwrap(), Shape::Point);
    marshal::from_slice::<String>(b"s\x01\0\0\0\xff").unwrap_err();
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Point,
    Circle(f64),
    Line((i32, i32), char),
    Named { name: String, of: Option<Box<Shape>> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    flag: bool,
    small: (i8, u8, i16, u16, i32, u32),
    large: (i64, u64, i128, u128),
    floats: [f32; 2],
    text: String,
    char: char,
    bytes: Bytes,
    octets: Vec<u8>,
    maybe: Option<Option<u8>>,
    shapes: Vec<Shape>,
    map: BTreeMap<String, BTreeMap<i64, ()>>,
    set: Set<i64>,
    unit: Unit,
    big: BigInt,
}

#[test]
fn structs_enums_and_numbers_round_trip() {
    let record = Record {
        flag: true,
        small: (i8::MIN, u8::MAX, i16::MIN, u16::MAX, i32::MIN, u32::MAX),
        large: (i64::MIN, u64::MAX, i128::MIN, u128::MAX),
        floats: [0.5, f32::INFINITY],
        text: "späm".repeat(100),
        char: '€',
        bytes: Bytes(vec![0, 255]),
        octets: vec![1, 2],
        maybe: Some(Some(3)),
        shapes: vec![
            Shape::Point,
            Shape::Circle(1.5),
            Shape::Line((1, -1), 'x'),
            Shape::Named {
                name: "outer".to_owned(),
                of: Some(Box::new(Shape::Circle(-0.0))),
            },
        ],
        map: [("a".to_owned(), [(1, ()), (-1, ())].into())].into(),
        set: [3, 1, 2].into_iter().collect(),
        unit: Unit,
        big: BigInt::from(u128::MAX),
    };
    for options in [version(2), version(3), version(4), PYTHON2] {
        let bytes = encode(&record, &options).unwrap();
        assert_eq!(marshal::from_slice::<Record>(&bytes).unwrap(), record);
    }
}

#[test]
fn enums_are_texts_and_dicts_of_one_entry() {
    let value = |shape: Shape| decode(&marshal::to_vec(&shape).unwrap()).unwrap().to_string();
    assert_eq!(value(Shape::Point), "'Point'");
    assert_eq!(value(Shape::Circle(1.5)), "{'Circle': 1.5}");
    assert_eq!(value(Shape::Line((1, 2), 'x')), "{'Line': ((1, 2), 'x')}");
    let named = Shape::Named {
        name: "n".to_owned(),
        of: None,
    };
    assert_eq!(value(named), "{'Named': {'name': 'n', 'of': None}}");
    marshal::from_slice::<Shape>(b"{0").unwrap_err();
    marshal::from_slice::<Shape>(b"{z\x05PointNz\x05PointN0").unwrap_err();
    assert_eq!(marshal::from_slice::<Shape>(b"{z\x05PointN0").unwrap(), Shape::Point);
}

#[test]
fn what_stands_side_by_side_is_not_nested() {
    let named = Shape::Named {
        name: String::new(),
        of: None,
    };
    for shape in [Shape::Circle(0.0), Shape::Line((0, 0), 'x'), named] {
        let shapes = vec![shape; marshal::LIMITS.depth];
        let bytes = marshal::to_vec(&shapes).unwrap();
        assert_eq!(marshal::from_slice::<Vec<Shape>>(&bytes).unwrap(), shapes);
    }
}

#[test]
fn typed_reading_takes_the_nearest_type() {
    let complex = b"y\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0";
    assert_eq!(marshal::from_slice::<(f64, f64)>(complex).unwrap(), (1.5, -2.0));
    assert_eq!(marshal::from_slice::<f64>(b"i\x02\0\0\0").unwrap(), 2.0);
    assert_eq!(marshal::from_slice::<Vec<i64>>(b">\x01\0\0\0i\x02\0\0\0").unwrap(), [2]);
    assert_eq!(marshal::from_slice::<Vec<u8>>(b"s\x02\0\0\0ab").unwrap(), b"ab");
    assert_eq!(marshal::from_slice::<String>(b"S").unwrap(), "builtins.StopIteration");
    marshal::from_slice::<()>(b".").unwrap();
    let error = marshal::from_slice::<u8>(b"i\0\x01\0\0").unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Data, Some(0)));
    let huge = marshal::to_vec(&BigInt(num_bigint::BigInt::from(1) << 200)).unwrap();
    assert_eq!(
        marshal::from_slice::<u64>(&huge).unwrap_err().message(),
        "integer too large"
    );
    let surrogate = Surrogates::from_code_points([0xD800]).unwrap().unwrap_err();
    let error = marshal::from_slice::<String>(&marshal::to_vec(&surrogate).unwrap()).unwrap_err();
    assert!(error.message().contains("lone surrogates"), "{error}");
    let error = marshal::from_slice::<(u8, u8)>(b")\x03i\x01\0\0\0i\x01\0\0\0i\x01\0\0\0").unwrap_err();
    assert_eq!(error.message(), "the tuple has 1 more items than expected");
}

#[test]
fn slices_of_version_5_are_instances() {
    let slice = decode(b":i\x01\0\0\0NN").unwrap();
    let expected = Instance {
        class: "builtins.slice".to_owned(),
        attributes: [("start", Value::Int(1)), ("stop", Value::None), ("step", Value::None)].into(),
    };
    assert_eq!(slice, expected.into());
}

#[test]
fn class_names_are_translated_in_class_dicts_only() {
    let instance = Instance {
        class: "builtins.Spam".to_owned(),
        attributes: [("text", "builtins.eggs")].into(),
    };
    let read = decode(&encode(&Value::from(instance), &PYTHON2).unwrap()).unwrap();
    assert_eq!(read.to_string(), "<exceptions.Spam {'text': 'builtins.eggs'}>");
}

#[test]
fn a_failed_value_leaves_the_output_as_it_was() {
    let mut out = b"frame".to_vec();
    let value = Value::List(vec![1.into(), Value::Type("builtins.int".to_owned())]);
    let error = marshal::append(&mut out, &value, &Options::default()).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Unsupported, "unmarshallable object")
    );
    assert_eq!(out, b"frame");
}

#[test]
fn sequences_of_unknown_length_get_their_count() {
    struct Odd;
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..10).filter(|number| number % 2 == 1))
        }
    }
    let bytes = marshal::to_vec(&Odd).unwrap();
    assert_eq!(marshal::from_slice::<Vec<i32>>(&bytes).unwrap(), [1, 3, 5, 7, 9]);
}

/// What marshal makes of a value; `None` where it has no form for it.
fn as_marshal_keeps_it(value: Value) -> Option<Value> {
    let all = |items: Vec<Value>| items.into_iter().map(as_marshal_keeps_it).collect::<Option<Vec<_>>>();
    let entries = |dict: Dict| {
        dict.into_iter()
            .map(|(key, value)| Some((as_marshal_keeps_it(key)?, as_marshal_keeps_it(value)?)))
            .collect::<Option<Dict>>()
    };
    Some(match value {
        Value::Decimal(_) | Value::DateTime(_) | Value::Date(_) | Value::Time(_) => return None,
        Value::TimeDelta(_) | Value::Type(_) => return None,
        Value::ByteArray(bytes) => Value::Bytes(bytes),
        Value::Uuid(uuid) => Value::from(uuid.to_string()),
        Value::List(items) => Value::List(all(items)?),
        Value::Tuple(items) => Value::Tuple(all(items)?),
        Value::Set(members) => Value::Set(all(members.into_iter().collect())?.into_iter().collect()),
        Value::FrozenSet(members) => Value::FrozenSet(all(members.into_iter().collect())?.into_iter().collect()),
        Value::Dict(dict) => Value::Dict(entries(dict)?),
        Value::Exception(exception) => Value::Dict(Dict::from([
            ("__class__", exception.class.into()),
            ("__exception__", true.into()),
            ("args", Value::Tuple(all(exception.args)?)),
            ("attributes", Value::Dict(entries(exception.attributes)?)),
        ])),
        Value::Instance(instance) => {
            let mut dict = entries(instance.attributes)?;
            dict.insert("__class__", instance.class);
            Value::Dict(dict)
        }
        other => other,
    })
}

proptest! {
    #[test]
    fn any_value_survives_or_is_refused(value in common::arbitrary::any_value(), written in 2..=4_u8) {
        match (encode(&value, &version(written)), as_marshal_keeps_it(value)) {
            (Ok(bytes), Some(expected)) => {
                prop_assert_eq!(common::plain(decode(&bytes).unwrap(), Value::Tuple), expected);
                marshal::from_slice::<IgnoredAny>(&bytes).unwrap();
            }
            (Err(error), None) => prop_assert_eq!(error.message(), "unmarshallable object"),
            (encoded, expected) => prop_assert!(false, "{encoded:?}, {expected:?}"),
        }
    }

    #[test]
    fn plain_values_survive_python_2(value in common::arbitrary::plain_value()) {
        let bytes = encode(&value, &PYTHON2).unwrap();
        let readable = type_bytes(&bytes).iter().all(|code| b"0NTFilgu[{".contains(code));
        prop_assert!(readable);
        prop_assert_eq!(decode(&bytes).unwrap(), value);
    }
}
