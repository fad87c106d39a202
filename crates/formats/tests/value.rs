//! `Value` as source and sink of serde.

mod common;

use std::collections::{BTreeMap, HashMap};

use ferropyro_formats::{
    BigInt, ByteArray, Bytes, ClassName, Complex, Date, DateTime, Decimal, Dict, ErrorKind, Exception, Instance, Set,
    TimeDelta, Value, from_value, to_value,
};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: u64,
    huge: i128,
    ratio: f32,
    letter: char,
    text: String,
    bytes: Bytes,
    none: Option<u8>,
    some: Option<u8>,
    unit: (),
    pair: (i32, String),
    list: Vec<Shape>,
    map: BTreeMap<i32, Inner>,
    set: Set<String>,
    complex: Complex,
    wrapped: Wrapped,
    colour: Colour,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    deep: Vec<Option<Inner>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u8);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Colour(u8, u8, u8);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Rectangle(f64, f64),
    Named { name: String },
}

fn everything() -> Everything {
    Everything {
        flag: true,
        small: -5,
        large: u64::MAX,
        huge: i128::MIN,
        ratio: 0.5,
        letter: 'ß',
        text: "täxt".to_owned(),
        bytes: Bytes(vec![0, 255]),
        none: None,
        some: Some(3),
        unit: (),
        pair: (1, "two".to_owned()),
        list: vec![
            Shape::Nothing,
            Shape::Circle(1.5),
            Shape::Rectangle(1.0, 2.0),
            Shape::Named { name: "x".to_owned() },
        ],
        map: BTreeMap::from([(
            7,
            Inner {
                deep: vec![None, Some(Inner { deep: vec![] })],
            },
        )]),
        set: ["a".to_owned()].into_iter().collect(),
        complex: Complex { re: -0.0, im: 2.5 },
        wrapped: Wrapped(9),
        colour: Colour(1, 2, 3),
    }
}

#[test]
fn a_derived_type_comes_back_from_its_value() {
    let value = to_value(&everything()).unwrap();
    assert_eq!(Everything::deserialize(&value).unwrap(), everything());
    assert_eq!(from_value::<Everything>(value).unwrap(), everything());
}

#[test]
fn rust_types_become_their_python_counterparts() {
    let value = to_value(&everything()).unwrap();
    let dict = value.as_dict().unwrap();
    let shown = |name: &str| dict.get(name).unwrap().to_string();
    assert_eq!(shown("huge"), i128::MIN.to_string());
    assert_eq!(shown("pair"), "(1, 'two')");
    assert_eq!(
        shown("list"),
        "['Nothing', {'Circle': 1.5}, {'Rectangle': (1.0, 2.0)}, {'Named': {'name': 'x'}}]"
    );
    assert_eq!(shown("map"), "{7: {'deep': [None, {'deep': []}]}}");
    assert_eq!(shown("set"), "{'a'}");
    assert_eq!(shown("bytes"), r"b'\x00\xff'");
    assert_eq!(shown("colour"), "(1, 2, 3)");
    assert_eq!(
        (shown("unit"), shown("none"), shown("wrapped")),
        ("None".into(), "None".into(), "9".into())
    );
}

proptest! {
    #[test]
    fn every_value_comes_back_as_it_was(value in common::arbitrary::any_value()) {
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(&Value::deserialize(&value).unwrap(), &value);
        prop_assert_eq!(&from_value::<Value>(value.clone()).unwrap(), &value);
    }
}

#[test]
fn wrapper_types_come_back_as_they_were() {
    fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(original: T, shown: &str) {
        let value = to_value(&original).unwrap();
        assert_eq!(value.to_string(), shown);
        assert_eq!(T::deserialize(&value).unwrap(), original);
        assert_eq!(from_value::<T>(value).unwrap(), original);
    }
    check(BigInt::from(u128::MAX), &u128::MAX.to_string());
    check(BigInt::from(-1), "-1");
    check("1.50".parse::<Decimal>().unwrap(), "Decimal('1.50')");
    check("2024-02-29".parse::<Date>().unwrap(), "date('2024-02-29')");
    check(
        "2024-02-29T01:02:03".parse::<DateTime>().unwrap(),
        "datetime('2024-02-29T01:02:03')",
    );
    check(
        TimeDelta::new(-1, 2, 3).unwrap(),
        "timedelta(days=-1, seconds=2, microseconds=3)",
    );
    check(ByteArray(vec![65]), "bytearray(b'A')");
    check(Dict::from([("a", 1)]), "{'a': 1}");
}

#[test]
fn exceptions_and_instances_are_class_dicts_to_typed_readers() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct ClassDict {
        #[serde(rename = "__class__")]
        class: String,
        args: (String,),
    }
    let exception = Value::from(Exception::new("ValueError", "bad").attribute("code", 5));
    let dict: ClassDict = from_value(exception.clone()).unwrap();
    assert_eq!(
        (dict.class.as_str(), dict.args.0.as_str()),
        ("builtins.ValueError", "bad")
    );
    assert_eq!(to_value(&exception).unwrap(), exception);

    let instance = Instance {
        class: "m.C".to_owned(),
        attributes: Dict::from([("x", 1)]),
    };
    let map: HashMap<String, Value> = from_value(Value::from(instance.clone())).unwrap();
    assert_eq!(map["__class__"], Value::from("m.C"));
    assert_eq!(to_value(&instance).unwrap(), Value::from(instance));
    assert_eq!(to_value(&ClassName("m.C")).unwrap(), Value::from("m.C"));
}

#[test]
fn a_type_takes_what_formats_make_of_its_values() {
    let list = || Value::List(vec![1.into(), 2.into()]);
    assert_eq!(from_value::<(i64, i64)>(list()).unwrap(), (1, 2));
    assert_eq!(from_value::<Set<i64>>(list()).unwrap().len(), 2);
    assert_eq!(
        from_value::<Vec<i64>>(to_value(&from_value::<Set<i64>>(list()).unwrap()).unwrap()).unwrap(),
        [1, 2]
    );
    assert_eq!(from_value::<f64>(Value::Int(3)).unwrap(), 3.0);
    assert_eq!(from_value::<f64>(u128::MAX.into()).unwrap(), u128::MAX as f64);
    assert_eq!(from_value::<Vec<u8>>(Value::Bytes(vec![1, 2])).unwrap(), [1, 2]);
    assert_eq!(
        from_value::<String>("2024-02-29".parse::<Date>().unwrap().into()).unwrap(),
        "2024-02-29"
    );
    assert_eq!(from_value::<Wrapped>(Value::Int(4)).unwrap(), Wrapped(4));
    assert_eq!(
        from_value::<Colour>(Value::List(vec![1.into(), 2.into(), 3.into()])).unwrap(),
        Colour(1, 2, 3)
    );
    let base64 = Dict::from([("data", "AP8="), ("encoding", "base64")]);
    assert_eq!(from_value::<Bytes>(base64.clone().into()).unwrap().0, [0, 255]);
    assert_eq!(<&str>::deserialize(&Value::from("borrowed")).unwrap(), "borrowed");
    from_value::<IgnoredAny>(base64.into()).unwrap();
}

#[test]
fn refuses_what_does_not_fit() {
    let error = |result: Result<String, ferropyro_formats::Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data);
        error.to_string()
    };
    let text = |value: Value| error(from_value::<String>(value));
    assert_eq!(text(Value::Int(1)), "invalid type: integer `1`, expected a string");
    let lone = ferropyro_formats::Surrogates::from_code_points([0xD800])
        .unwrap()
        .unwrap_err();
    assert_eq!(
        text(Value::Surrogates(lone)),
        "text with lone surrogates does not fit a Rust string"
    );
    let number = |value: Value| error(from_value::<u8>(value).map(|number| number.to_string()));
    assert_eq!(number(Value::Int(256)), "invalid value: integer `256`, expected u8");
    assert_eq!(
        number(BigInt(num_bigint::BigInt::from(1) << 200).into()),
        "integer too large"
    );
    assert!(number(Value::Float(1.0)).contains("floating point"));
    let pair = |value: Value| error(from_value::<(u8, u8)>(value).map(|pair| pair.0.to_string()));
    assert_eq!(
        pair(vec![1, 2, 3].into()),
        "invalid length 3, expected 2 elements in sequence"
    );
    let shape = |value: Value| error(from_value::<Shape>(value).map(|shape| format!("{shape:?}")));
    assert!(shape(Value::Int(1)).starts_with("an enum is a text"));
    assert!(shape("Circle".into()).starts_with("this variant"));
    assert!(shape("Square".into()).starts_with("unknown variant `Square`"));
}

#[test]
fn refuses_a_map_key_that_python_cannot_hash() {
    let error = to_value(&BTreeMap::from([(vec![1], 2)])).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Unsupported, "unhashable type: 'list'")
    );
}

#[test]
fn nests_deep_on_a_usual_stack() {
    common::on_a_usual_stack(|| {
        let deep = (0..2000).fold(Value::None, |inner, _| Value::List(vec![inner]));
        let copy = to_value(&deep).unwrap();
        assert!(from_value::<Value>(copy).unwrap() == deep);
    });
}

/// Gives every kind of container to `check`, 2000 within each other, on a usual stack.
fn with_deep_values(check: fn(Value)) {
    let wraps: [fn(Value) -> Value; 7] = [
        |inner| Value::List(vec![inner]),
        |inner| Value::Tuple(vec![inner]),
        |inner| Value::FrozenSet([inner].into_iter().collect()),
        |inner| Dict::from([("inner", inner)]).into(),
        |inner| Dict::from([(inner, Value::None)]).into(),
        |inner| Exception::new("ValueError", "text").arg(inner).into(),
        |inner| {
            let attributes = Dict::from([("inner", inner)]);
            let class = "a.B".to_owned();
            Instance { class, attributes }.into()
        },
    ];
    for wrap in wraps {
        common::on_a_usual_stack(move || check((0..2000).fold(Value::None, |inner, _| wrap(inner))));
    }
}

#[test]
fn deep_values_are_dropped_on_a_usual_stack() {
    with_deep_values(drop);
}

#[test]
fn deep_values_are_cloned_and_compared_on_a_usual_stack() {
    with_deep_values(|value| assert!(value.clone() == value));
}

#[test]
fn deep_values_are_hashed_on_a_usual_stack() {
    with_deep_values(|value| {
        let hash = |value: &Value| {
            std::hash::BuildHasher::hash_one(&std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::new(), value)
        };
        assert_eq!(hash(&value), hash(&value.clone()));
        assert_ne!(hash(&value), hash(&Value::None));
    });
}

#[test]
fn deep_values_are_shown_on_a_usual_stack() {
    with_deep_values(|value| {
        assert!(format!("{value:?}").contains("None"));
        assert!(value.to_string().contains("None"));
    });
}

#[test]
fn deep_values_are_known_to_be_hashable_or_not_on_a_usual_stack() {
    with_deep_values(|value| {
        let is_hashable = value.is_hashable();
        assert_eq!(is_hashable, !matches!(value, Value::List(_) | Value::Dict(_)));
    });
}

#[test]
fn values_are_true_where_python_says_so() {
    let number = |text: &str| Value::Decimal(text.parse::<Decimal>().unwrap());
    let falsy = [
        Value::None,
        Value::from(false),
        Value::from(0),
        Value::BigInt(Box::default()),
        Value::from(-0.0),
        Value::Complex(Complex::default()),
        Value::from(""),
        Value::Bytes(Vec::new()),
        Value::List(Vec::new()),
        Value::Set(Set::new()),
        Value::Dict(Dict::new()),
        number("-0.00E+5"),
        Value::TimeDelta(TimeDelta::default()),
    ];
    for value in falsy {
        assert!(!value.is_true(), "{value}");
    }
    let truthy = [
        Value::from(true),
        Value::from(-1),
        Value::from(f64::NAN),
        Value::Complex(Complex { re: 0.0, im: 1.0 }),
        Value::from("0"),
        Value::Tuple(vec![Value::None]),
        number("0.01"),
        number("NaN"),
        Value::TimeDelta(TimeDelta::new(0, 0, 1).unwrap()),
        Value::Ellipsis,
    ];
    for value in truthy {
        assert!(value.is_true(), "{value}");
    }
}

#[test]
fn bytes_are_borrowed_from_messages_in_which_they_stand_as_they_are() {
    use std::borrow::Cow;

    use ferropyro_formats::{Bytes, BytesRef, json, marshal, msgpack, serpent};

    let bytes = Bytes(vec![0, 1, 255]);
    let in_marshal = marshal::to_vec(&bytes).unwrap();
    let in_msgpack = msgpack::to_vec(&bytes).unwrap();
    for read in [
        marshal::from_slice::<BytesRef<'_>>(&in_marshal).unwrap(),
        msgpack::from_slice::<BytesRef<'_>>(&in_msgpack).unwrap(),
    ] {
        assert!(matches!(&read.0, Cow::Borrowed(same) if *same == *bytes), "{read:?}");
    }
    for read in [
        serpent::from_slice::<BytesRef<'_>>(b"{'data': 'AAH/', 'encoding': 'base64'}").unwrap(),
        serpent::from_slice(b"[0, 1, 255]").unwrap(),
        serpent::from_slice(br"b'\x00\x01\xff'").unwrap(),
        json::from_slice(b"[0, 1, 255]").unwrap(),
    ] {
        assert_eq!(*read, **bytes);
    }
}

#[test]
fn a_dict_keeps_its_order_and_finds_its_keys_however_many_there_are() {
    for count in 0..40_i64 {
        let key = |number: i64| format!("key {number}");
        let mut dict: Dict = (0..count).map(|number| (key(number), number)).collect();
        assert!(
            dict.iter()
                .map(|(_, value)| value.clone())
                .eq((0..count).map(Value::Int))
        );
        for number in 0..count {
            assert_eq!(dict.insert(key(number), number + 1), Some(Value::Int(number)));
            assert_eq!(dict.get(&key(number)), Some(&Value::Int(number + 1)));
            assert_eq!(dict.get_value(&key(number).into()), Some(&Value::Int(number + 1)));
        }
        assert_eq!(dict.len() as i64, count);
        assert_eq!(dict.get("another"), None);
        let reversed: Dict = (0..count).rev().map(|number| (key(number), number + 1)).collect();
        assert_eq!(dict, reversed);
        if count > 0 {
            assert_eq!(dict.remove(&key(0)), Some(Value::Int(1)));
            assert_eq!(dict.remove(&key(0)), None);
            assert_ne!(dict, reversed);
        }
        let left = dict.into_iter().map(|(key, _)| key);
        assert!(left.eq((1..count).map(|number| Value::from(key(number)))));
    }
}
