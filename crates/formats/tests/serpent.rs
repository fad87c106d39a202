//! serpent against what the real implementations write and read.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::describe::value as described;
use common::{Exceptions, Failures, Outcome};
use ferropyro_formats::{
    BigInt, ByteArray, Bytes, Complex, Dict, Error, ErrorKind, Exception, Limits, Set, Value, serpent,
};
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

/// The lines of the value files, with the names of file and case.
fn golden() -> Vec<(String, common::Case)> {
    let named = |file: &'static str| {
        common::cases(file)
            .into_iter()
            .map(move |case| (format!("{file}/{}", case.name), case))
    };
    ["serpent", "pyro4_serpent", "pyro5_serpent"]
        .into_iter()
        .flat_map(named)
        .collect()
}

/// Objects as the class dicts that the format makes of them, at any depth.
fn plain(value: Value) -> Value {
    common::plain(value, Value::Tuple)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(HEADER, "")
}

#[test]
fn reads_what_every_python_wrote_as_it_does() {
    let exceptions = Exceptions::new(&[
        ("serpent/float:*nan *", "the plain library leaves the dict to Pyro"),
        (
            "serpent/complex:*nan*",
            "the plain library leaves the dict to Pyro, which refuses it",
        ),
        ("serpent/int:10^4400 *", "Pythons without the limit of 4300 digits"),
        ("serpent/str:surrogates-in-order py2.7.18", "Python 2 joins surrogates"),
        (
            "pyro4_serpent/float:*nan pyro4/py2.7.18",
            "Python 2's nan has the sign bit",
        ),
    ]);
    let mut failures = Failures::default();
    let mut read = 0;
    for (name, case) in golden() {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, out) = &variant.outcome else {
                continue;
            };
            let Ok(expected) = described(out).map(plain) else {
                continue;
            };
            let got = serpent::from_slice::<Value>(bytes).map(plain);
            let name = format!("{name} {}", variant.by[0]);
            if got.as_ref().ok() != Some(&expected) && !exceptions.covers(&name) {
                failures.add(format!("{name}: {got:?}, not {expected:?}: {}", shown(bytes)));
            }
            read += 1;
        }
    }
    failures.check();
    exceptions.check_all_used();
    assert!(read > 1000, "only {read}");
}

#[test]
fn writes_the_bytes_that_python_writes() {
    let exceptions = Exceptions::new(&[
        ("serpent/slice", "read from marshal, a slice is an instance"),
        ("serpent/class:*", "Python names the class of some attribute"),
        ("serpent/function:len", "a function and a class are the same to Value"),
        ("*/obj:State*", "the class has a __getstate__ of its own"),
        ("serpent/set:*", "the order of a set has no meaning"),
    ]);
    let mut failures = Failures::default();
    let mut same = 0;
    for (name, case) in golden() {
        if case.has_option("indent", true) || case.has_option("module_in_classname", false) {
            continue;
        }
        let options = serpent::Options {
            bytes_repr: case.has_option("bytes_repr", true),
            ..Default::default()
        };
        let Ok(value) = described(&case.input) else { continue };
        let Some(variant) = case
            .variants
            .iter()
            .find(|variant| variant.by.iter().any(|by| by.ends_with("py3.11.7")))
        else {
            continue;
        };
        let mut got = Vec::new();
        let result = serpent::append(&mut got, &value, &options);
        let difference = match (&variant.outcome, result) {
            (Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _), Ok(())) => {
                (got != *bytes).then(|| format!("{}, not {}", shown(&got), shown(bytes)))
            }
            (Outcome::DumpError(error), Err(got)) => {
                (got.message() != error.message).then(|| format!("{got}, not {}", error.message))
            }
            (_, result) => Some(format!("{result:?}")),
        };
        match difference {
            Some(difference) if !exceptions.covers(&name) => failures.add(format!("{name}: {difference}")),
            Some(_) => {}
            None => same += 1,
        }
    }
    failures.check();
    exceptions.check_all_used();
    assert!(same > 350, "only {same}");
}

#[test]
fn takes_and_refuses_what_python_does() {
    let exceptions = Exceptions::new(&[
        ("nan-dict", "reads as the float; the plain library leaves it to Pyro"),
        ("complex-neg-imag", "Python 2 writes this"),
        ("esc-N", "the names of all characters would be a big table"),
    ]);
    let mut failures = Failures::default();
    for case in common::decode_cases("decode_serpent") {
        let got = serpent::from_slice::<Value>(&case.bytes).map(plain);
        let same = match case.by("py3.11.7") {
            Some(Ok(out)) => got.as_ref().ok() == described(out).as_ref().ok(),
            Some(Err(_)) => got.is_err(),
            None => panic!("{} is not for Python 3.11", case.name),
        };
        if !same && !exceptions.covers(&case.name) {
            failures.add(format!("{}: {got:?}: {}", case.name, shown(&case.bytes)));
        }
    }
    failures.check();
    exceptions.check_all_used();
}

// Conformance: SER-01
#[test]
fn bytes_travel_as_a_dict_with_base64() {
    let text = r"{'data': 'aXJtZW4gZGUgam9uZw==', 'encoding': 'base64'}";
    assert_eq!(written(&Value::Bytes(b"irmen de jong".to_vec())), text);
    assert_eq!(written(&Value::ByteArray(b"irmen de jong".to_vec())), text);
    let dict = read(text).unwrap();
    let dict = dict.as_dict().unwrap();
    assert_eq!(dict.get("data").and_then(Value::as_str), Some("aXJtZW4gZGUgam9uZw=="));
    assert_eq!(dict.get("encoding").and_then(Value::as_str), Some("base64"));
    assert_eq!(dict.len(), 2);
}

// Conformance: SER-02
#[test]
fn the_base64_dict_is_bytes_where_bytes_are_wanted() {
    for text in [
        "{'data': 'AAH/', 'encoding': 'base64'}",
        "{\"encoding\":'base64','data':'AA' 'H/'}",
        "{'data': 'AAH/', # c\n 'encoding': 'base64'}",
        r"b'\x00\x01\xff'",
        "[0, 1, 255]",
    ] {
        let expected = [0, 1, 255];
        assert_eq!(
            serpent::from_slice::<Bytes>(text.as_bytes()).unwrap().0,
            expected,
            "{text}"
        );
        assert_eq!(
            serpent::from_slice::<ByteArray>(text.as_bytes()).unwrap().0,
            expected,
            "{text}"
        );
        assert_eq!(
            serpent::from_slice::<Vec<u8>>(text.as_bytes()).unwrap(),
            expected,
            "{text}"
        );
    }
    for text in [
        "'AAH/'",
        "{'data': 'AAH/'}",
        "{'data': 'A', 'encoding': 'base64'}",
        "{}",
        "1",
    ] {
        assert!(serpent::from_slice::<Bytes>(text.as_bytes()).is_err(), "{text}");
        assert!(serpent::from_slice::<Vec<u8>>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_nan_is_a_float_where_a_float_or_value_is_wanted() {
    let text = "{'__class__':'float','value':'nan'}";
    assert_eq!(written(&f64::NAN), text);
    assert!(serpent::from_slice::<f64>(text.as_bytes()).unwrap().is_nan());
    assert!(serpent::from_slice::<f32>(text.as_bytes()).unwrap().is_nan());
    assert_eq!(read(text).unwrap(), Value::Float(f64::NAN));
    assert_eq!(
        read("{\"__class__\" : 'float',\n'value':'-inf'}").unwrap(),
        Value::Float(f64::NEG_INFINITY)
    );
    let numbers: Vec<f64> = serpent::from_slice(format!("[1, {text}, -1e30000]").as_bytes()).unwrap();
    assert!(numbers[1].is_nan() && numbers[2] == f64::NEG_INFINITY);
    let complex: Complex =
        serpent::from_slice(format!("{{'__class__':'complex','real':{text},'imag':-2}}").as_bytes()).unwrap();
    assert!(complex.re.is_nan() && complex.im == -2.0);
    for dict in [
        "{'__class__':'float'}",
        "{'__class__':'float','value':'x'}",
        "{'__class__':'complex','real':1,'imag':2,'x':3}",
    ] {
        assert!(matches!(read(dict).unwrap(), Value::Instance(_)), "{dict}");
    }
}

#[test]
fn typed_numbers_take_the_ints_that_fit() {
    assert_eq!(serpent::from_slice::<f64>(b"-3").unwrap(), -3.0);
    assert_eq!(serpent::from_slice::<f64>(b"10000000000000000000000").unwrap(), 1e22);
    assert_eq!(serpent::from_slice::<i64>(b"-9223372036854775808").unwrap(), i64::MIN);
    assert_eq!(serpent::from_slice::<u64>(b"18446744073709551615").unwrap(), u64::MAX);
    assert_eq!(
        serpent::from_slice::<i128>(i128::MIN.to_string().as_bytes()).unwrap(),
        i128::MIN
    );
    assert_eq!(
        serpent::from_slice::<u128>(u128::MAX.to_string().as_bytes()).unwrap(),
        u128::MAX
    );
    assert!(serpent::from_slice::<i64>(b"9223372036854775808").is_err());
    assert!(serpent::from_slice::<u8>(b"-1").is_err());
    assert!(serpent::from_slice::<f64>(b"'1'").is_err());
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let input = b"('obj', \"it's\", b'raw')".to_vec();
    let (object, text, bytes): (&str, &str, &[u8]) = serpent::from_slice(&input).unwrap();
    assert_eq!((object, text, bytes), ("obj", "it's", b"raw".as_slice()));
    assert!(serpent::from_slice::<&str>(b"'a\\n'").is_err());
}

#[test]
fn refuses_the_keys_that_serpent_refuses() {
    let refused = |value: Value| {
        for container in [
            Value::Dict(Dict::from([(value.clone(), 1)])),
            Value::Set([value.clone()].into_iter().collect()),
        ] {
            let error = serpent::to_vec(&container).unwrap_err();
            let class = match &value {
                Value::Uuid(_) => "uuid.UUID",
                other => other.type_name(),
            };
            assert_eq!(
                error.message(),
                format!(
                    "one of the keys in a dict or set is not of a primitive hashable type: <class '{class}'>. \
                     Use simple types as keys or use a list or tuple as container."
                )
            );
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    };
    refused(Value::None);
    refused(Value::FrozenSet(Set::new()));
    refused(Value::Date("2024-02-29".parse().unwrap()));
    refused(Value::DateTime(Box::new("2024-02-29T12:00:00".parse().unwrap())));
    refused(Value::Time(Box::new("12:00:00".parse().unwrap())));
    refused(Value::Uuid(uuid::Uuid::nil()));
    refused(Value::Ellipsis);
    assert!(serpent::to_vec(&HashMap::from([(None::<i32>, 1)])).is_err());
    assert_eq!(written(&HashMap::from([((None::<i32>,), Some(1))])), "{(None,):1}");
    assert_eq!(
        written(&Dict::from([(Value::Decimal("1.5".parse().unwrap()), Value::None)])),
        "{'1.5':None}"
    );
}

#[test]
fn after_an_error_nothing_is_left_of_the_value() {
    let mut out = b"frame".to_vec();
    let value = Value::List(vec![Value::Int(1), Value::Ellipsis]);
    assert!(serpent::append(&mut out, &value, &serpent::Options::default()).is_err());
    assert_eq!(out, b"frame");
}

#[test]
fn class_names_are_translated_at_any_depth() {
    fn old_names(name: &str) -> std::borrow::Cow<'_, str> {
        name.replace("Pyro5.", "Pyro4.").into()
    }
    let options = serpent::Options {
        class_names: old_names,
        ..Default::default()
    };
    let inner = Exception::new("Pyro5.errors.NamingError", "Pyro5.x");
    let mut out = Vec::new();
    serpent::append(&mut out, &Value::List(vec![inner.into()]), &options).unwrap();
    assert_eq!(
        shown(&out),
        "[{'__class__':'Pyro4.errors.NamingError','__exception__':True,'args':('Pyro5.x',),'attributes':{}}]"
    );
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Round(f64),
    Pair(i8, String),
    Box { width: u16, name: Option<char> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(Vec<u8>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    big: u64,
    huge: i128,
    text: String,
    shapes: Vec<Shape>,
    pair: (i32, Option<String>),
    one: (u8,),
    map: BTreeMap<String, Vec<Newtype>>,
    numbers: BTreeMap<i32, ()>,
    inner: Option<Box<Everything>>,
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Empty),
        common::arbitrary::any_float()
            .prop_filter("equal to itself", |number| !number.is_nan())
            .prop_map(Shape::Round),
        (any::<i8>(), common::arbitrary::text()).prop_map(|(number, text)| Shape::Pair(number, text)),
        (any::<u16>(), any::<Option<char>>()).prop_map(|(width, name)| Shape::Box { width, name }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    use proptest::collection::{btree_map, vec};
    let text = common::arbitrary::text;
    let leaf = (
        (any::<bool>(), any::<i8>(), any::<u64>(), any::<i128>(), text()),
        vec(shape(), 0..4),
        (any::<i32>(), proptest::option::of(text())),
        any::<u8>(),
        btree_map(text(), vec(vec(any::<u8>(), 0..4).prop_map(Newtype), 0..3), 0..3),
        btree_map(any::<i32>(), Just(()), 0..3),
    )
        .prop_map(
            |((flag, small, big, huge, text), shapes, pair, one, map, numbers)| Everything {
                flag,
                small,
                big,
                huge,
                text,
                shapes,
                pair,
                one: (one,),
                map,
                numbers,
                inner: None,
            },
        );
    let leaf = leaf.boxed();
    (leaf.clone(), proptest::option::of(leaf)).prop_map(|(outer, inner)| Everything {
        inner: inner.map(Box::new),
        ..outer
    })
}

/// Whether serpent takes a value as dict key or set member.
fn is_key(value: &Value) -> bool {
    use Value::*;
    matches!(
        value,
        Bool(_)
            | Int(_)
            | BigInt(_)
            | Float(_)
            | Complex(_)
            | Decimal(_)
            | Str(_)
            | Surrogates(_)
            | Bytes(_)
            | Tuple(_)
    )
}

/// The same with each part changed, from the inside out; `None` as soon as one change is.
fn changed(value: Value, change: &mut impl FnMut(Value) -> Option<Value>) -> Option<Value> {
    let value = match value {
        Value::List(items) => Value::List(
            items
                .into_iter()
                .map(|item| changed(item, change))
                .collect::<Option<_>>()?,
        ),
        Value::Tuple(items) => Value::Tuple(
            items
                .into_iter()
                .map(|item| changed(item, change))
                .collect::<Option<_>>()?,
        ),
        Value::Set(items) | Value::FrozenSet(items) => {
            let items: Option<Vec<Value>> = items
                .into_iter()
                .filter(is_key)
                .map(|item| changed(item, change))
                .collect();
            Value::Set(items?.into_iter().collect())
        }
        Value::Dict(entries) => {
            let entries: Option<Vec<(Value, Value)>> = entries
                .into_iter()
                .map(|(key, value)| Some((changed(key, change)?, changed(value, change)?)))
                .collect();
            Value::Dict(entries?.into_iter().collect())
        }
        other => other,
    };
    change(value)
}

/// Whether serpent can write the value.
fn is_writable(value: &Value) -> bool {
    match value {
        Value::Type(_) | Value::Ellipsis => false,
        Value::List(items) | Value::Tuple(items) => items.iter().all(is_writable),
        Value::Set(items) | Value::FrozenSet(items) => items.iter().all(|item| is_key(item) && is_writable(item)),
        Value::Dict(entries) => entries
            .iter()
            .all(|(key, value)| is_key(key) && is_writable(key) && is_writable(value)),
        _ => true,
    }
}

/// What becomes of a value on its way; `None` if it cannot be read since a key has become a dict or set.
fn arrived(value: Value) -> Option<Value> {
    changed(value, &mut |value| {
        Some(match value {
            Value::Bytes(bytes) | Value::ByteArray(bytes) => {
                use base64::Engine as _;
                let data = base64::engine::general_purpose::STANDARD.encode(bytes);
                Value::Dict(Dict::from([("data", data), ("encoding", "base64".to_owned())]))
            }
            // As Python reads the sum of the two parts.
            Value::Complex(Complex { re, im }) if !re.is_nan() && !im.is_nan() => Value::Complex(Complex {
                re: if im.is_sign_positive() { re + 0.0 } else { re },
                im: im + 0.0,
            }),
            Value::Set(items) if items.is_empty() => Value::Tuple(Vec::new()),
            Value::Set(items) if !items.iter().all(Value::is_hashable) => return None,
            Value::Dict(entries) if !entries.iter().all(|(key, _)| key.is_hashable()) => return None,
            Value::Decimal(_) | Value::Uuid(_) | Value::Date(_) | Value::DateTime(_) | Value::Time(_) => {
                Value::from(text_of(&value))
            }
            Value::TimeDelta(delta) => Value::Float(delta.total_seconds()),
            other => other,
        })
    })
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Decimal(value) => value.to_string(),
        Value::Uuid(value) => value.to_string(),
        Value::Date(value) => value.to_string(),
        Value::DateTime(value) => value.to_string(),
        Value::Time(value) => value.to_string(),
        _ => unreachable!("no other type is written as text"),
    }
}

proptest! {
    #[test]
    fn any_value_arrives_with_the_changes_that_are_documented(value in common::arbitrary::any_value()) {
        let value = plain(value);
        let bytes = match serpent::to_vec(&value) {
            Ok(bytes) => bytes,
            Err(error) => {
                prop_assert!(!is_writable(&value), "{}", error);
                return Ok(());
            }
        };
        prop_assert!(is_writable(&value));
        let got = serpent::from_slice::<Value>(&bytes);
        prop_assert_eq!(got.ok().map(plain), arrived(value));
        prop_assert!(serpent::from_slice::<IgnoredAny>(&bytes).is_ok());
    }

    #[test]
    fn plain_values_arrive_unchanged(value in common::arbitrary::plain_value()) {
        prop_assert_eq!(serpent::from_slice::<Value>(&serpent::to_vec(&value).unwrap()).unwrap(), value.clone());
        // What a person sees is read as well.
        prop_assert_eq!(serpent::from_slice::<Value>(value.to_string().as_bytes()).ok(), Some(value));
    }

    #[test]
    fn derived_types_arrive_unchanged(value in everything()) {
        let bytes = serpent::to_vec(&value).unwrap();
        prop_assert_eq!(serpent::from_slice::<Everything>(&bytes).unwrap(), value);
    }

    #[test]
    fn texts_and_bytes_arrive_unchanged(text in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
        prop_assert_eq!(serpent::from_slice::<String>(&serpent::to_vec(&text).unwrap()).unwrap(), text);
        let mut out = Vec::new();
        let options = serpent::Options { bytes_repr: true, ..Default::default() };
        serpent::append(&mut out, &Value::Bytes(bytes.clone()), &options).unwrap();
        prop_assert_eq!(serpent::from_slice::<Value>(&out).unwrap(), Value::Bytes(bytes));
    }

    #[test]
    fn what_can_be_read_can_be_skipped(text in r#"[\[\](){},:'"\\ 01.eEjx_+#\nbrNu-]{0,24}|(\(|\[|\{|1|,|:|'a'|\)|\]|\}){0,12}"#) {
        if serpent::from_slice::<Value>(text.as_bytes()).is_ok() {
            prop_assert!(serpent::from_slice::<IgnoredAny>(text.as_bytes()).is_ok());
        }
    }
}

#[test]
fn enums_and_structs_look_as_in_json() {
    assert_eq!(written(&Shape::Empty), "'Empty'");
    assert_eq!(written(&Shape::Round(1.0)), "{'Round':1.0}");
    assert_eq!(written(&Shape::Pair(1, "x".into())), "{'Pair':(1,'x')}");
    let boxed = Shape::Box {
        width: 1,
        name: Some('n'),
    };
    assert_eq!(written(&boxed), "{'Box':{'width':1,'name':'n'}}");
    // A struct may also come as a sequence of its fields.
    assert_eq!(serpent::from_slice::<Shape>(b"{'Box': (1, 'n')}").unwrap(), boxed);
    assert!(serpent::from_slice::<Shape>(b"{'Round': 1, 'Empty': 2}").is_err());
    assert!(serpent::from_slice::<Shape>(b"{}").is_err());
    assert!(serpent::from_slice::<Shape>(b"['Empty']").is_err());
}

#[test]
fn takes_what_a_person_types() {
    for (typed, value) in [
        ("1, 'x'", "(1, 'x')"),
        ("[1], 2,", "([1], 2)"),
        ("(1), (2, 3)", "(1, (2, 3))"),
        ("  [1]", "[1]"),
        ("{'a'}", "{'a'}"),
        ("{(1): {(2)}}", "{1: {2}}"),
        ("((1, 2))", "(1, 2)"),
        ("(('a' # comment\n  'b'),)", "('ab',)"),
        ("{1, (2), (3,)}", "{1, 2, (3,)}"),
        ("[(1+2j), 1 - 2j, -5, + 5]", "[(1+2j), (1-2j), -5, 5]"),
        ("[0xFF, 0b1_0, 0o17, 1_000.5e-1_0]", "[255, 2, 15, 1.0005e-07]"),
        (r"Rb'\'' B'\101'", r#"b"\\'A""#),
        ("set()", "set()"),
        ("[set( ), ...]", "[set(), Ellipsis]"),
        ("# only a comment\n\n\x0C{}", "{}"),
        ("'\\\n\\\r\nx'", "'x'"),
        ("'''a\r\nb\rc'''", r"'a\nb\nc'"),
        ("'\\777'", "'ǿ'"),
    ] {
        assert_eq!(
            read(typed).map(|value| value.to_string()).ok().as_deref(),
            Some(value),
            "{typed}"
        );
    }
    let typed: (i32, &str) = serpent::from_slice(b"1, 'x'").unwrap();
    assert_eq!(typed, (1, "x"));
}

#[test]
fn an_error_tells_what_is_wrong_and_where() {
    for (text, error) in [
        ("[1 2]", "invalid syntax: '2' where ',' or ']' should be (at byte 3)"),
        ("[1, 2", "the text ends where ',' or ']' should be (at byte 5)"),
        ("'abc", "unterminated string literal (at byte 0)"),
        ("foo", "malformed node or string: foo (at byte 0)"),
        ("# c\n 5", "unexpected indent (at byte 4)"),
        ("1\n2", "invalid syntax: '2' where the end should be (at byte 2)"),
        ("{[]: 1}", "unhashable type: 'list' (at byte 3)"),
        ("{1: 2, 3}", "invalid syntax: '}' where ':' should be (at byte 8)"),
        (
            "012",
            "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers (at byte 0)",
        ),
        ("'a' b'b'", "cannot mix bytes and nonbytes literals (at byte 4)"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), error, "{text}");
    }
    assert_eq!(read("[1").unwrap_err().kind(), ErrorKind::Eof);
    assert_eq!(read("x").unwrap_err().kind(), ErrorKind::Syntax);
    assert_eq!(serpent::from_slice::<i32>(b"'x'").unwrap_err().kind(), ErrorKind::Data);
}

#[test]
fn every_prefix_ends_in_an_error_or_a_value() {
    for case in common::cases("pyro5_serpent") {
        for variant in &case.variants {
            let (Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _)) = &variant.outcome else {
                continue;
            };
            let closed = matches!(bytes.last(), Some(b')' | b']' | b'}' | b'\''));
            for end in 0..bytes.len() {
                let result = serpent::from_slice::<Value>(&bytes[..end]);
                assert!(!closed || result.is_err(), "{}: {result:?}", shown(&bytes[..end]));
                let _ = serpent::from_slice::<IgnoredAny>(&bytes[..end]);
            }
        }
    }
}

#[test]
fn any_byte_may_be_flipped() {
    let mut accepted = 0;
    for case in common::decode_cases("decode_serpent") {
        if case.bytes.len() > 200 {
            continue;
        }
        for at in 0..case.bytes.len() {
            for flip in [1, 4, 0x20, 0x80, 0xFF] {
                let mut bytes = case.bytes.clone();
                bytes[at] ^= flip;
                let read = serpent::from_slice::<Value>(&bytes).is_ok();
                let skipped = serpent::from_slice::<IgnoredAny>(&bytes).is_ok();
                assert!(!read || skipped, "{}", shown(&bytes));
                accepted += usize::from(read);
            }
        }
    }
    assert!(accepted > 0);
}

#[test]
fn nests_as_deep_as_python_and_no_deeper() {
    fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    }
    common::on_a_usual_stack(|| {
        for (open, close) in [("[", "]"), ("(", ",)"), ("(", ")"), ("{1:", "}"), ("([1],", ")")] {
            let deepest = if open == "([1]," { 199 } else { 200 };
            let text = nested(open, "0", close, deepest);
            let value = read(&text).unwrap();
            assert!(serpent::from_slice::<IgnoredAny>(text.as_bytes()).is_ok());
            let again = serpent::to_vec(&value).unwrap();
            assert_eq!(serpent::from_slice::<Value>(&again).unwrap(), value);
            for depth in [deepest + 1, 1_000_000] {
                let text = nested(open, "0", close, depth);
                assert_eq!(read(&text).unwrap_err().kind(), ErrorKind::Limit, "{open} {depth}");
                assert_eq!(
                    serpent::from_slice::<IgnoredAny>(text.as_bytes()).unwrap_err().kind(),
                    ErrorKind::Limit
                );
                assert!(read(&open.repeat(depth)).is_err());
            }
        }
        let deep = |depth| (0..depth).fold(Value::Int(0), |inner, _| Value::List(vec![inner]));
        assert!(serpent::to_vec(&deep(200)).is_ok());
        assert_eq!(serpent::to_vec(&deep(201)).unwrap_err().kind(), ErrorKind::Limit);
    });
}

#[test]
fn higher_limits_do_not_need_a_bigger_stack() {
    common::on_a_usual_stack(|| {
        let depth = 10_000;
        let text = format!("{}{}", "[(".repeat(depth / 2), ",)]".repeat(depth / 2));
        let limits = Limits::with_depth(depth);
        let text = text.replacen("(,)", "()", 1);
        assert!(serpent::from_slice_with::<IgnoredAny>(text.as_bytes(), &limits).is_ok());
        assert!(serpent::from_slice_with::<Nested>(text.as_bytes(), &limits).is_ok());
    });
}

/// Reads nested containers and forgets them (dropping a deep `Value` would need the stack).
struct Nested;

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Nested, D::Error> {
        struct NestedVisitor;

        impl<'de> Visitor<'de> for NestedVisitor {
            type Value = Nested;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("nested containers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Nested, A::Error> {
                while seq.next_element::<Nested>()?.is_some() {}
                Ok(Nested)
            }
        }

        deserializer.deserialize_any(NestedVisitor)
    }
}

#[test]
fn looking_ahead_takes_no_more_than_a_second_look() {
    // Each pair of parentheses is a tuple only because of the comma at its end, which is found by looking ahead.
    let text = format!("{}[{}]{}", "(".repeat(198), "(1),".repeat(200_000), ",)".repeat(198));
    assert!(read(&text).is_ok());
    let text = format!(
        "{}[{}]{}",
        "{'k':(".repeat(99),
        "{1},".repeat(100_000),
        ",)}".repeat(99)
    );
    assert!(read(&text).is_ok());
}

#[test]
fn every_value_counts_whatever_it_is_read_as() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    enum Shape {
        Nothing,
        Circle(f64),
    }

    fn needs<T: serde::de::DeserializeOwned>(items: usize, text: &str) {
        let read = |items| {
            let limits = Limits {
                items,
                ..serpent::LIMITS
            };
            serpent::from_slice_with::<T>(text.as_bytes(), &limits).map(drop)
        };
        assert!(read(items).is_ok(), "{text}");
        assert_eq!(read(items - 1).unwrap_err().kind(), ErrorKind::Limit, "{text}");
    }

    needs::<f64>(5, "{'__class__':'float','value':'nan'}");
    needs::<Value>(5, "{'__class__':'float','value':'nan'}");
    needs::<Value>(7, "{'__class__':'complex','real':1.0,'imag':2.0}");
    needs::<Vec<u8>>(5, "{'data': 'YWI=', 'encoding': 'base64'}");
    needs::<Bytes>(5, "{'data': 'YWI=', 'encoding': 'base64'}");
    needs::<Value>(5, "{'data': 'YWI=', 'encoding': 'base64'}");
    needs::<Vec<u8>>(1, "b'ab'");
    needs::<Vec<Option<u8>>>(3, "[None, 1]");
    needs::<Vec<Shape>>(2, "['Nothing']");
    needs::<Vec<Shape>>(4, "[{'Circle': 1.0}]");
    needs::<Value>(2, "[set()]");
}

#[test]
fn refuses_more_bytes_than_a_tuple_has_items() {
    assert!(serpent::from_slice::<(u8, u8)>(b"b'ab'").is_ok());
    for text in ["b'abc'", "{'data': 'YWJj', 'encoding': 'base64'}"] {
        assert!(serpent::from_slice::<(u8, u8)>(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn keeps_the_limits_on_items_and_texts() {
    let limits = Limits {
        items: 4,
        bytes: 5,
        ..serpent::LIMITS
    };
    let read = |text: &str| serpent::from_slice_with::<Value>(text.as_bytes(), &limits).map_err(|error| error.kind());
    let skip =
        |text: &str| serpent::from_slice_with::<IgnoredAny>(text.as_bytes(), &limits).map_err(|error| error.kind());
    assert!(read("[1, 2, 3]").is_ok() && skip("[1, 2, 3]").is_ok());
    assert!(read("('x', 2, 3)").is_ok());
    assert_eq!(read("[1, 2, 3, 4]"), Err(ErrorKind::Limit));
    assert!(skip("[1, 2, 3, 4]").is_err());
    assert_eq!(read("'12345'"), Ok(Value::from("12345")));
    assert_eq!(read("'123456'"), Err(ErrorKind::Limit));
    assert_eq!(read("'123' '456'"), Err(ErrorKind::Limit));
    assert_eq!(read(r"'\n\n\n\n\n'"), Ok(Value::from("\n\n\n\n\n")));
}

#[test]
fn keeps_the_limit_on_digits_of_decimal_ints() {
    let limits = Limits {
        int_digits: 20,
        ..serpent::LIMITS
    };
    let read = |text: &str| serpent::from_slice_with::<Value>(text.as_bytes(), &limits).map_err(|error| error.kind());
    assert!(read("1_2345678901234567890").is_ok());
    assert_eq!(read("-123456789012345678901"), Err(ErrorKind::Limit));
    assert!(read(&format!("0x{}", "f".repeat(5000))).is_ok());
    assert!(serpent::to_vec(&super_big(4300)).is_ok());
    assert_eq!(serpent::to_vec(&super_big(4301)).unwrap_err().kind(), ErrorKind::Limit);
}

fn super_big(digits: u32) -> Value {
    BigInt(num_bigint::BigInt::from(10).pow(digits - 1)).into()
}

/// The first two of four elements: what a server looks at before it knows the types of the arguments.
struct Head<'a>(&'a mut Option<(String, String)>);

impl<'de> Visitor<'de> for Head<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a call")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        *self.0 = seq.next_element()?.zip(seq.next_element()?);
        Ok(())
    }
}

#[test]
fn a_call_is_read_in_two_steps() {
    let bytes = serpent::to_vec(&("obj_1", "add", (1, [2.5]), BTreeMap::from([("k", Value::None)]))).unwrap();
    let mut head = None;
    let mut deserializer = serpent::Deserializer::new(&bytes, &serpent::LIMITS);
    assert!(deserializer.deserialize_tuple(4, Head(&mut head)).is_err());
    assert_eq!(head, Some(("obj_1".to_owned(), "add".to_owned())));

    type Call = (IgnoredAny, IgnoredAny, (i32, Vec<f64>), Dict);
    let mut deserializer = serpent::Deserializer::new(&bytes, &serpent::LIMITS);
    let (_, _, arguments, keywords) = Call::deserialize(&mut deserializer).unwrap();
    deserializer.end().unwrap();
    assert_eq!(
        (arguments, keywords),
        ((1, vec![2.5]), Dict::from([("k", Value::None)]))
    );
}
