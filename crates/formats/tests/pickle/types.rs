//! How Python's types and Rust's become each other.

use std::collections::BTreeMap;

use ferropyro_formats::pickle::{self, Deserializer, LIMITS, Options};
use ferropyro_formats::{
    BigInt, Bytes, BytesRef, Dict, ErrorKind, Exception, Instance, Set, Surrogates, Value, from_value, to_value,
};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::bytes::opcodes;
use crate::{common, decode, encode};

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

// Conformance: SER-12
#[test]
fn structs_enums_and_numbers_round_trip_in_every_protocol() {
    let record = Record {
        flag: true,
        small: (i8::MIN, u8::MAX, i16::MIN, u16::MAX, i32::MIN, u32::MAX),
        large: (i64::MIN, u64::MAX, i128::MIN, u128::MAX),
        floats: [0.5, f32::INFINITY],
        text: "späm\\\n".repeat(100),
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
        big: BigInt(num_bigint::BigInt::from(-3).pow(1000)),
    };
    for protocol in 0..=5 {
        let bytes = encode(&record, protocol).unwrap();
        assert_eq!(pickle::from_slice::<Record>(&bytes).unwrap(), record);
        assert_eq!(
            bytes.starts_with(&[0x80, protocol]),
            protocol >= 2,
            "the stream tells its protocol"
        );
    }
    assert!(
        encode(&record, 0).unwrap().iter().all(|byte| *byte != 0),
        "protocol 0 is text"
    );
}

// Conformance: SER-06
#[test]
fn bytes_take_little_more_room_than_themselves() {
    let bytes = vec![0xE9; 1_000_000];
    for protocol in 3..=5 {
        let pickle = encode(&Bytes(bytes.clone()), protocol).unwrap();
        assert!(pickle.len() < 1_000_020);
        let back: BytesRef<'_> = pickle::from_slice(&pickle).unwrap();
        assert!(matches!(back.0, std::borrow::Cow::Borrowed(back) if back == bytes));
    }
    for protocol in 0..=2 {
        let pickle = encode(&Bytes(bytes.clone()), protocol).unwrap();
        assert_eq!(pickle::from_slice::<Bytes>(&pickle).unwrap().0, bytes);
    }
}

// Conformance: SER-06
#[test]
fn a_str_of_python_2_is_text_or_bytes_as_it_is_wanted() {
    let pickle = b"U\x03abc.";
    assert_eq!(decode(pickle).unwrap(), "abc".into());
    assert_eq!(pickle::from_slice::<&str>(pickle).unwrap(), "abc");
    assert_eq!(pickle::from_slice::<Bytes>(pickle).unwrap().0, b"abc");
    assert_eq!(pickle::from_slice::<Vec<u8>>(pickle).unwrap(), b"abc");
    let pickle = b"S'\\xe9\\n'\n.";
    assert_eq!(decode(pickle).unwrap(), Value::Bytes(vec![0xE9, b'\n']));
    assert_eq!(pickle::from_slice::<Bytes>(pickle).unwrap().0, [0xE9, b'\n']);
    pickle::from_slice::<String>(pickle).unwrap_err();
    assert_eq!(pickle::from_slice::<Shape>(b"U\x05Point.").unwrap(), Shape::Point);
}

// Conformance: MP-17
#[test]
fn the_example_of_the_manual_has_a_class_in_it() {
    // pickle.dumps([2.25, None, 'junk', float], 2) in Python 2.7
    let python2 = b"\x80\x02]q\x00(G@\x02\x00\x00\x00\x00\x00\x00NU\x04junkq\x01c__builtin__\nfloat\nq\x02e.";
    // The same in Python 3, with protocol 4.
    let python3 = b"\x80\x04\x95)\0\0\0\0\0\0\0]\x94(G@\x02\0\0\0\0\0\0N\x8c\x04junk\x94\x8c\x08builtins\x94\x8c\x05float\x94\x93\x94e.";
    let value = decode(python2).unwrap();
    assert_eq!(value.to_string(), "[2.25, None, 'junk', <class 'builtins.float'>]");
    assert_eq!(decode(python3).unwrap(), value);
    let sent = encode(&value, 2).unwrap();
    assert!(sent.windows(18).any(|window| window == b"c__builtin__\nfloat"));
    assert_eq!(decode(&sent).unwrap(), value);
}

#[test]
fn names_are_those_of_the_python_that_reads_the_protocol() {
    let names = [
        ("builtins.int", "c__builtin__\nlong\n"),
        ("builtins.ValueError", "cexceptions\nValueError\n"),
        ("builtins.PermissionError", "cexceptions\nOSError\n"),
        ("builtins.RecursionError", "c__builtin__\nRecursionError\n"),
        ("queue.Queue", "cQueue\nQueue\n"),
        ("urllib.parse.quote", "curllib\nquote\n"),
        ("collections.OrderedDict", "ccollections\nOrderedDict\n"),
    ];
    for (name, python2) in names {
        let bytes = encode(&Value::Type(name.to_owned()), 2).unwrap();
        assert!(bytes[2..].starts_with(python2.as_bytes()), "{}", bytes.escape_ascii());
    }
    let read = |pickle: &[u8]| decode(pickle).unwrap();
    assert_eq!(
        read(b"c__builtin__\nxrange\n."),
        Value::Type("builtins.range".to_owned())
    );
    assert_eq!(
        read(b"cexceptions\nStandardError\n."),
        Value::Type("builtins.Exception".to_owned())
    );
    assert_eq!(
        read(b"\x80\x03c__builtin__\nint\n."),
        Value::Type("__builtin__.int".to_owned())
    );
    let nested = Value::Type("package.module:Outer.Inner".to_owned());
    for protocol in 4..=5 {
        assert_eq!(read(&encode(&nested, protocol).unwrap()), nested);
    }
    let error = pickle::to_vec(&Value::Type("nowhere".to_owned())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_global_is_written_once_and_then_taken_from_the_memo() {
    let dates = vec!["2024-02-29".parse::<ferropyro_formats::Date>().unwrap(); 300];
    for protocol in 0..=5 {
        let bytes = encode(&dates, protocol).unwrap();
        assert_eq!(bytes.windows(8).filter(|window| *window == b"datetime").count(), 1);
        assert_eq!(
            pickle::from_slice::<Vec<ferropyro_formats::Date>>(&bytes).unwrap(),
            dates
        );
    }
}

#[test]
fn enums_are_texts_and_dicts_of_one_entry() {
    let value = |shape: Shape| decode(&pickle::to_vec(&shape).unwrap()).unwrap().to_string();
    assert_eq!(value(Shape::Point), "'Point'");
    assert_eq!(value(Shape::Circle(1.5)), "{'Circle': 1.5}");
    assert_eq!(value(Shape::Line((1, 2), 'x')), "{'Line': ((1, 2), 'x')}");
    pickle::from_slice::<Shape>(b"}.").unwrap_err();
    pickle::from_slice::<Shape>(b"}(U\x05PointNU\x04LineNu.").unwrap_err();
}

#[test]
fn typed_reading_takes_the_nearest_type() {
    assert_eq!(pickle::from_slice::<f64>(b"K\x02.").unwrap(), 2.0);
    let complex = pickle::to_vec(&ferropyro_formats::Complex { re: 1.5, im: -2.0 }).unwrap();
    assert_eq!(pickle::from_slice::<(f64, f64)>(&complex).unwrap(), (1.5, -2.0));
    assert_eq!(pickle::from_slice::<Vec<i64>>(b"\x8f(K\x02\x90.").unwrap(), [2]);
    assert_eq!(pickle::from_slice::<Vec<u8>>(b"C\x02ab.").unwrap(), b"ab");
    assert_eq!(
        pickle::from_slice::<String>(b"c__builtin__\nint\n.").unwrap(),
        "builtins.int"
    );
    let huge = encode(&BigInt(num_bigint::BigInt::from(1) << 200), 5).unwrap();
    assert_eq!(
        pickle::from_slice::<u64>(&huge).unwrap_err().message(),
        "integer too large"
    );
    assert_eq!(pickle::from_slice::<f64>(&huge).unwrap(), 2_f64.powi(200));
    let huger = encode(&BigInt(num_bigint::BigInt::from(1) << 8_000_000), 5).unwrap();
    pickle::from_slice::<f64>(&huger).unwrap_err();
    let surrogate = Surrogates::from_code_points([0xD800]).unwrap().unwrap_err();
    let error = pickle::from_slice::<String>(&pickle::to_vec(&surrogate).unwrap()).unwrap_err();
    assert!(error.message().contains("lone surrogates"), "{error}");
    let error = pickle::from_slice::<(u8, u8)>(b"K\x01K\x02K\x03\x87.").unwrap_err();
    assert_eq!(error.message(), "the sequence has 1 more items than expected");
}

#[test]
fn shared_objects_are_equal_values() {
    let pickle = b"\x80\x04](]\x94(K\x01eh\x00h\x00\x86e.";
    assert_eq!(decode(pickle).unwrap().to_string(), "[[1], ([1], [1])]");
    assert_eq!(
        pickle::from_slice::<(Vec<u8>, (Vec<u8>, Vec<u8>))>(pickle).unwrap().1.1,
        [1]
    );
}

#[test]
fn pickles_behind_each_other_are_read_one_after_the_other() {
    let stream = [
        pickle::to_vec("one").unwrap(),
        pickle::to_vec(&2).unwrap(),
        b"?unk".to_vec(),
    ]
    .concat();
    let mut deserializer = Deserializer::new(&stream, &pickle::LIMITS);
    assert_eq!(<&str>::deserialize(&mut deserializer).unwrap(), "one");
    assert_eq!(u8::deserialize(&mut deserializer).unwrap(), 2);
    assert_eq!(deserializer.position(), stream.len() - 4);
    let error = u8::deserialize(&mut deserializer).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("invalid load key, '?'. (at byte {})", stream.len() - 4)
    );
}

#[test]
fn class_names_are_translated() {
    let options = Options {
        class_names: |name| name.replace("Pyro5", "Pyro4").into(),
        ..Options::default()
    };
    let mut bytes = Vec::new();
    let exception = Value::from(Exception::new("Pyro5.errors.NamingError", "Pyro5"));
    let instance = Value::from(Instance {
        class: "Pyro5.core._ExceptionWrapper".to_owned(),
        attributes: [("exception", exception)].into(),
    });
    pickle::append(&mut bytes, &instance, &options).unwrap();
    let text = bytes.escape_ascii().to_string();
    assert_eq!((text.matches("Pyro4").count(), text.matches("Pyro5").count()), (2, 1));
}

#[test]
fn a_failed_value_leaves_the_output_as_it_was() {
    let mut out = b"frame".to_vec();
    let value = Value::List(vec![1.into(), Value::Type(String::new())]);
    pickle::append(&mut out, &value, &Options::default()).unwrap_err();
    assert_eq!(out, b"frame");
}

#[test]
fn sequences_of_a_length_other_than_announced_are_written_as_they_are() {
    struct Wrong(usize);
    impl Serialize for Wrong {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(Some(1))?;
            (0..self.0).try_for_each(|item| seq.serialize_element(&item))?;
            seq.end()
        }
    }
    struct WrongMap(usize);
    impl Serialize for WrongMap {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let mut map = serializer.serialize_map(Some(1))?;
            (0..self.0).try_for_each(|item| map.serialize_entry(&item, &item))?;
            map.end()
        }
    }
    for (protocol, count) in (0..=5).flat_map(|protocol| (0..4).map(move |count| (protocol, count))) {
        let list = encode(&Wrong(count), protocol).unwrap();
        assert_eq!(
            pickle::from_slice::<Vec<usize>>(&list).unwrap(),
            Vec::from_iter(0..count)
        );
        let set = encode(&to_value(&Set::from_iter(0..count as u8)).unwrap(), protocol).unwrap();
        assert_eq!(pickle::from_slice::<Set<u8>>(&set).unwrap().len(), count);
        let dict = encode(&WrongMap(count), protocol).unwrap();
        assert_eq!(
            pickle::from_slice::<BTreeMap<usize, usize>>(&dict).unwrap().len(),
            count
        );
    }
}

/// The value as pickle keeps it: only protocol 4 can tell `fold`, and an exception is known by its name.
fn as_pickle_keeps_it(value: Value, protocol: u8) -> Value {
    let keep = |value| as_pickle_keeps_it(value, protocol);
    let all = |items: Vec<Value>| items.into_iter().map(keep).collect::<Vec<Value>>();
    let dict = |dict: Dict| {
        dict.into_iter()
            .map(|(key, value)| (keep(key), keep(value)))
            .collect::<Dict>()
    };
    match value {
        Value::DateTime(mut moment) => {
            moment.fold &= protocol >= 4;
            Value::DateTime(moment)
        }
        Value::Time(mut time) => {
            time.fold &= protocol >= 4;
            Value::Time(time)
        }
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        Value::Set(items) => Value::Set(all(items.into_iter().collect()).into_iter().collect()),
        Value::FrozenSet(items) => Value::FrozenSet(all(items.into_iter().collect()).into_iter().collect()),
        Value::Dict(entries) => Value::Dict(dict(entries)),
        Value::Exception(exception) => Value::from(Exception {
            class: match exception.class.ends_with("Error") {
                true => exception.class,
                false => exception.class + "Error",
            },
            args: all(exception.args),
            attributes: dict(exception.attributes),
        }),
        Value::Instance(instance) => Value::from(Instance {
            class: instance.class,
            attributes: dict(instance.attributes),
        }),
        other => other,
    }
}

proptest! {
    #[test]
    fn any_value_survives_in_every_protocol(value in common::arbitrary::any_value(), protocol in 0..=5_u8) {
        let value = as_pickle_keeps_it(value, protocol);
        let bytes = encode(&value, protocol).unwrap();
        prop_assert_eq!(opcodes(&bytes).last(), Some(&b"."[..]));
        pickle::from_slice::<IgnoredAny>(&bytes).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), value);
    }

    #[test]
    fn values_are_read_alike_from_pickles_and_from_values(value in common::arbitrary::plain_value()) {
        let bytes = pickle::to_vec(&value).unwrap();
        let read = |result: Result<Record, ferropyro_formats::Error>| result.map_err(|error| error.message().to_owned());
        prop_assert_eq!(read(pickle::from_slice(&bytes)).is_ok(), read(from_value(value)).is_ok());
    }
}

#[test]
fn the_front_of_a_call_is_read_without_the_rest() {
    let call = ("shop", "sell", (1, "tea"), [("n", 2)]);
    for protocol in 0..=5 {
        let mut pickle = Vec::new();
        let options = Options {
            protocol,
            ..Options::default()
        };
        pickle::append(&mut pickle, &call, &options).unwrap();
        let cut = pickle.windows(3).position(|bytes| bytes == b"tea").unwrap();
        let mut front = Deserializer::front(&pickle[..cut], &LIMITS, 2);
        assert_eq!(
            <(&str, &str)>::deserialize(&mut front).unwrap_or_default(),
            match protocol {
                // Escaped, so not borrowed.
                0 => ("", ""),
                _ => ("shop", "sell"),
            }
        );
        let mut front = Deserializer::front(&pickle[..cut], &LIMITS, 2);
        assert_eq!(
            <(String, String)>::deserialize(&mut front).unwrap(),
            ("shop".into(), "sell".into())
        );
    }
}

#[test]
fn what_is_no_tuple_of_many_has_no_front_and_is_read_as_a_whole() {
    for (pickle, expected) in [
        (&b"\x80\x02]q\x00(K\x01K\x02K\x03K\x04e."[..], "[1, 2, 3, 4]"),
        (b"\x80\x02K\x01K\x02K\x03\x87.", "(1, 2, 3)"),
        (b"\x80\x02K\x07.", "7"),
    ] {
        let value = Value::deserialize(&mut Deserializer::front(pickle, &LIMITS, 2)).unwrap();
        assert_eq!(value.to_string(), expected);
    }
    let value = Value::deserialize(&mut Deserializer::front(b"\x80\x02(K\x01K\x02K\x03K\x04t.", &LIMITS, 2)).unwrap();
    assert_eq!(value.to_string(), "(1, 2)");
}
