//! The json format against the real Pyro's, and on its own.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::describe;
use common::{DecodeCase, Exceptions, Failures, Outcome};
use ferropyro_formats::json::{self, Deserializer, LIMITS, Options, from_slice, from_slice_with, to_vec};
use ferropyro_formats::{BigInt, Bytes, Dict, Error, ErrorKind, Exception, Limits, Set, Value, from_value};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// What a value is after a journey through JSON.
fn image(value: &Value) -> Value {
    let images = |items: &[Value]| items.iter().map(image).collect();
    match value {
        Value::Tuple(items) | Value::List(items) => Value::List(images(items)),
        Value::Set(members) => Value::List(members.iter().map(image).collect()),
        Value::Dict(dict) => Value::Dict(dict.iter().map(|(key, value)| (key_image(key), image(value))).collect()),
        Value::Float(number) if number.is_nan() => Value::Float(f64::NAN),
        Value::Decimal(_) | Value::Uuid(_) | Value::DateTime(_) | Value::Date(_) => {
            from_value::<String>(value.clone()).unwrap().into()
        }
        Value::Exception(_) | Value::Instance(_) => image(&Value::Dict(from_class(value))),
        other => other.clone(),
    }
}

fn plain(value: Value) -> Value {
    common::plain(value, Value::List)
}

fn key_image(key: &Value) -> Value {
    match key {
        Value::None => "null".into(),
        Value::Bool(value) => value.to_string().into(),
        Value::Int(_) | Value::BigInt(_) => key.to_string().into(),
        Value::Float(number) => match number.to_string().as_str() {
            "NaN" => "NaN".into(),
            "inf" => "Infinity".into(),
            "-inf" => "-Infinity".into(),
            _ => key.to_string().into(),
        },
        other => other.clone(),
    }
}

fn from_class(value: &Value) -> Dict {
    from_value::<HashMap<String, Value>>(value.clone())
        .unwrap()
        .into_iter()
        .collect()
}

#[test]
fn writes_what_pyro_writes() {
    let exceptions = Exceptions::new(&[
        ("set:strs3", "a set has no order"),
        ("set:mixed-noNone", "a set has no order"),
        ("class:*", "Pyro stumbles over an attribute of the class and names that"),
        ("function:*", "as with classes"),
        ("slice", "the tests describe a slice as an instance"),
        ("obj:StateDict", "the description does not tell what __getstate__ gives"),
    ]);
    let mut failures = Failures::default();
    let mut compared = 0;
    for case in common::cases("json") {
        let Ok(value) = describe::value(&case.input) else {
            continue;
        };
        let Some(variant) = case.by("pyro5/py3.11.7") else {
            continue;
        };
        let ours = to_vec(&value).map_err(|error| error.message().to_owned());
        let theirs = match &variant.outcome {
            Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _) => Ok(bytes.clone()),
            Outcome::DumpError(error) => Err(error.message.clone()),
        };
        if ours != theirs && !exceptions.covers(&case.name) {
            let shown = |result: Result<Vec<u8>, String>| result.map(|bytes| String::from_utf8(bytes).unwrap());
            failures.add(format!(
                "{}: {:?} instead of {:?}",
                case.name,
                shown(ours),
                shown(theirs)
            ));
        }
        compared += 1;
    }
    failures.check();
    exceptions.check_all_used();
    assert!(compared > 350, "only {compared}");
}

#[test]
fn reads_what_every_pyro_writes() {
    let exceptions = Exceptions::new(&[
        ("int:10^4400", "from Python 2, which has no limit of digits"),
        (
            "str:lone-*",
            "from Python 2, which writes invalid UTF-8; Python 3 refuses it as we do",
        ),
        ("str:surrogates-reversed", "the same"),
        ("str:mixed-surrogate", "the same"),
        ("deep:list1500", "from Python 3.13, which can nest deeper"),
    ]);
    let mut failures = Failures::default();
    let mut compared = 0;
    for case in common::cases("json") {
        for variant in &case.variants {
            let (bytes, expected) = match &variant.outcome {
                Outcome::Bytes(bytes, out) => (bytes, describe::value(out).ok()),
                Outcome::LoadError(bytes, _) => (bytes, None),
                Outcome::DumpError(_) => continue,
            };
            compared += 1;
            let ours = from_slice::<Value>(bytes).map(plain);
            let agrees = match (&ours, &expected) {
                (Ok(ours), Some(expected)) => *ours == image(expected),
                (Ok(_), None) => true,
                (Err(_), _) => false,
            };
            if !agrees && !exceptions.covers(&case.name) {
                failures.add(format!(
                    "{} {:?}: {ours:?} instead of {expected:?}",
                    case.name, variant.by
                ));
            }
        }
    }
    failures.check();
    exceptions.check_all_used();
    assert!(compared > 400, "only {compared}");
}

#[test]
fn reads_and_refuses_what_python_reads_and_refuses() {
    let exceptions = Exceptions::new(&[]);
    let mut failures = Failures::default();
    let cases: Vec<DecodeCase> = common::decode_cases("decode_json")
        .into_iter()
        .chain(common::decode_cases("decode_class_json"))
        .collect();
    for case in cases {
        let Some(theirs) = case.by("pyro5/py3.11.7") else {
            continue;
        };
        let ours = from_slice::<Value>(&case.bytes).map(plain);
        let agrees = match (&ours, theirs) {
            (Err(ours), Err(theirs)) => theirs.message.starts_with(ours.message()),
            (Ok(ours), Ok(theirs)) => {
                describe::value(theirs).is_ok_and(|theirs| is_class(ours) || *ours == image(&theirs))
            }
            // Whatever happens to class dicts happens behind the format.
            (Ok(ours), Err(_)) => is_class(ours),
            (Err(_), Ok(_)) => false,
        };
        if !agrees && !(ours.as_ref().is_ok_and(is_class)) && !exceptions.covers(&case.name) {
            failures.add(format!("{}: {ours:?} instead of {theirs:?}", case.name));
        }
    }
    failures.check();
    exceptions.check_all_used();
}

/// Whether a class dict is somewhere in this value.
fn is_class(value: &Value) -> bool {
    match value {
        Value::Dict(dict) => dict.get("__class__").is_some() || dict.iter().any(|(_, value)| is_class(value)),
        Value::List(items) => items.iter().any(is_class),
        _ => false,
    }
}

#[test]
fn every_prefix_of_every_vector_ends_in_an_error_or_a_shorter_number() {
    for case in common::decode_cases("decode_json") {
        for end in 0..case.bytes.len() {
            let prefix = &case.bytes[..end];
            if let Ok(value) = from_slice::<Value>(prefix) {
                assert!(
                    matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Float(_)),
                    "{value} of {prefix:?}"
                );
            }
        }
    }
    for case in common::cases("json") {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, _) = &variant.outcome else {
                continue;
            };
            if !matches!(bytes.first(), Some(b'[' | b'{' | b'"')) || bytes.len() > 2000 {
                continue;
            }
            for end in 0..bytes.len() {
                let error = from_slice::<Value>(&bytes[..end]).expect_err(&case.name);
                // `1.` and `1e+` are an int and something else.
                let in_number = matches!(bytes[end - end.min(1)], b'.' | b'e' | b'+' | b'-');
                assert!(
                    error.kind() == ErrorKind::Eof || in_number,
                    "{} cut at {end}: {error}",
                    case.name
                );
                from_slice::<IgnoredAny>(&bytes[..end]).expect_err(&case.name);
            }
        }
    }
}

#[test]
fn no_flipped_byte_does_harm() {
    for case in common::cases("json") {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, _) = &variant.outcome else {
                continue;
            };
            for at in 0..bytes.len().min(300) {
                for mask in [0x01, 0x02, 0x20, 0x80, 0xFF] {
                    let mut flipped = bytes[..bytes.len().min(300)].to_vec();
                    flipped[at] ^= mask;
                    let read = from_slice::<Value>(&flipped);
                    let skipped = from_slice::<IgnoredAny>(&flipped);
                    assert_eq!(
                        read.map_err(|e| e.to_string()).err(),
                        skipped.map_err(|e| e.to_string()).err()
                    );
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_plain_value_comes_back_as_it_was(value in common::arbitrary::plain_value()) {
        prop_assert_eq!(from_slice::<Value>(&to_vec(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn any_value_comes_back_with_the_documented_changes_or_is_refused(value in common::arbitrary::any_value()) {
        match to_vec(&value) {
            Ok(bytes) => prop_assert_eq!(plain(from_slice(&bytes).unwrap()), image(&value)),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
    }

    #[test]
    fn serde_json_reads_what_we_write(value in common::arbitrary::plain_value()) {
        let bytes = to_vec(&value).unwrap();
        let theirs: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(from_slice::<serde_json::Value>(&bytes).unwrap(), theirs);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(prop_oneof![
        any::<u8>(), proptest::sample::select(&b"[]{}\",:\\u0d8cEe+-.1 ntf"[..]),
    ], 0..40)) {
        let read = from_slice::<Value>(&bytes).map_err(|error| error.to_string());
        let skipped = from_slice::<IgnoredAny>(&bytes).map_err(|error| error.to_string());
        prop_assert_eq!(read.err(), skipped.err());
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    huge: u128,
    ratio: f64,
    letter: char,
    none: Option<u8>,
    some: Option<String>,
    pair: (i8, String),
    shapes: Vec<Shape>,
    numbers: BTreeMap<i64, Vec<Option<bool>>>,
    flags: BTreeMap<bool, ()>,
    by_shape: BTreeMap<Suit, u8>,
    set: Set<String>,
    big: BigInt,
    wrapped: Wrapped,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u8);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Rectangle(f64, f64),
    Named { name: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Suit {
    Hearts,
    Spades,
}

#[test]
fn a_derived_type_comes_back_as_it_was() {
    let original = Everything {
        flag: true,
        huge: u128::MAX,
        ratio: 1e300,
        letter: '\u{1F600}',
        none: None,
        some: Some("null \" \\ \u{7}".to_owned()),
        pair: (-128, String::new()),
        shapes: vec![
            Shape::Nothing,
            Shape::Circle(f64::INFINITY),
            Shape::Rectangle(1.0, -0.0),
            Shape::Named { name: "x".to_owned() },
        ],
        numbers: BTreeMap::from([(-1, vec![None, Some(true)]), (i64::MAX, vec![])]),
        flags: BTreeMap::from([(true, ())]),
        by_shape: BTreeMap::from([(Suit::Hearts, 1), (Suit::Spades, 2)]),
        set: ["a".to_owned()].into_iter().collect(),
        big: "9".repeat(100).parse::<num_bigint::BigInt>().unwrap().into(),
        wrapped: Wrapped(7),
    };
    let bytes = to_vec(&original).unwrap();
    assert_eq!(from_slice::<Everything>(&bytes).unwrap(), original);
    from_slice::<IgnoredAny>(&bytes).unwrap();
}

#[test]
fn rust_types_have_these_texts() {
    let text = |bytes: Result<Vec<u8>, Error>| String::from_utf8(bytes.unwrap()).unwrap();
    let shapes = (
        Shape::Nothing,
        Shape::Circle(1.0),
        Shape::Rectangle(1.0, 2.5),
        Shape::Named { name: "x".into() },
    );
    assert_eq!(
        text(to_vec(&shapes)),
        r#"["Nothing", {"Circle": 1.0}, {"Rectangle": [1.0, 2.5]}, {"Named": {"name": "x"}}]"#
    );
    assert_eq!(text(to_vec(&BTreeMap::from([(Some(1), 'a')]))), r#"{"1": "a"}"#);
    assert_eq!(text(to_vec(&uuid_value())), r#""00000000-0000-0000-0000-000000000007""#);
    assert_eq!(text(to_vec(&0.1_f32)), "0.10000000149011612");
}

fn uuid_value() -> Value {
    Value::Uuid(uuid::Uuid::from_u128(7))
}

#[test]
fn texts_without_escapes_are_borrowed() {
    assert_eq!(
        from_slice::<(&str, &str)>("[\"täxt\", \"\"]".as_bytes()).unwrap(),
        ("täxt", "")
    );
    from_slice::<&str>(br#""a\n""#).unwrap_err();
}

#[test]
fn class_names_are_translated_while_writing() {
    let options = Options {
        class_names: |name| name.replace("Pyro5.", "Pyro4.").into(),
    };
    let mut out = b"kept".to_vec();
    let exception = Exception::new("Pyro5.errors.NamingError", "Pyro5.x");
    json::append(&mut out, &exception, &options).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"kept{"__class__": "Pyro4.errors.NamingError", "__exception__": true, "args": ["Pyro5.x"], "attributes": {}}"#
    );
}

#[test]
fn a_failed_value_leaves_no_trace() {
    let mut out = b"kept".to_vec();
    let error = json::append(&mut out, &("written", Bytes(vec![1])), &Options::default()).unwrap_err();
    assert_eq!(
        (error.kind(), out.as_slice()),
        (ErrorKind::Unsupported, b"kept".as_slice())
    );
}

#[test]
fn refuses_what_does_not_fit_the_type() {
    fn refusal<T: DeserializeOwned>(text: &str) -> String {
        let error = from_slice::<T>(text.as_bytes()).err().expect(text);
        assert_eq!(error.kind(), ErrorKind::Data, "{text}: {error}");
        error.to_string()
    }
    assert_eq!(
        refusal::<String>(" 1"),
        "invalid type: integer `1`, expected a string (at byte 1)"
    );
    assert_eq!(refusal::<(u8, u8)>("[1, 2, 3]"), "more items than expected (at byte 0)");
    assert_eq!(
        refusal::<(u8, u8)>("[1]"),
        "invalid length 1, expected a tuple of size 2 (at byte 0)"
    );
    assert_eq!(
        refusal::<Vec<u8>>("[1, 256]"),
        "invalid value: integer `256`, expected u8 (at byte 4)"
    );
    assert_eq!(
        refusal::<String>(r#""\udc00""#),
        "text with lone surrogates does not fit a Rust string (at byte 0)"
    );
    assert!(refusal::<u64>(&"9".repeat(50)).starts_with("integer too large"));
    assert!(refusal::<Shape>("\"Circle\"").starts_with("this variant of the enum has content"));
    assert!(refusal::<BTreeMap<u8, u8>>(r#"{"x": 1}"#).starts_with("invalid type: string \"x\", expected u8"));
    assert_eq!(from_slice::<f64>(&b"9".repeat(50)).unwrap(), 1e50);
    assert_eq!(from_slice::<f64>(b"-7").unwrap(), -7.0);
}

#[test]
fn the_errors_are_pythons() {
    for (text, message) in [
        ("\"a", "Unterminated string starting at (at byte 0)"),
        ("\"\\", "Unterminated string starting at (at byte 0)"),
        ("\"\\u12", "Invalid \\uXXXX escape (at byte 2)"),
        ("\"\\x\"", "Invalid \\escape (at byte 1)"),
        ("\"\\ud8zz\"", "Invalid \\uXXXX escape (at byte 2)"),
        ("[1 2]", "Expecting ',' delimiter (at byte 3)"),
        ("{\"a\" 1}", "Expecting ':' delimiter (at byte 5)"),
        ("{a:1}", "Expecting property name enclosed in double quotes (at byte 1)"),
        (
            "{\"a\":1,}",
            "Expecting property name enclosed in double quotes (at byte 7)",
        ),
        ("[1,]", "Expecting value (at byte 3)"),
        ("[", "Expecting value (at byte 1)"),
        ("1.", "Extra data (at byte 1)"),
        ("1e5.", "Extra data (at byte 3)"),
        ("nul", "Expecting value (at byte 0)"),
        ("\x0c1", "Expecting value (at byte 0)"),
        ("\"\\u+123\"", "Invalid \\uXXXX escape (at byte 2)"),
    ] {
        assert_eq!(
            from_slice::<Value>(text.as_bytes()).unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
    for (bytes, message) in [
        (
            &b"\"\xff\""[..],
            "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte (at byte 1)",
        ),
        (
            b"\"a\xe2\x82\"",
            "'utf-8' codec can't decode bytes in position 2-3: invalid continuation byte (at byte 2)",
        ),
        (
            b"\"\xed\xa0\x80\"",
            "'utf-8' codec can't decode byte 0xed in position 1: invalid continuation byte (at byte 1)",
        ),
    ] {
        assert_eq!(from_slice::<Value>(bytes).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_reader_may_stop_early_and_skip() {
    struct First;

    impl<'de> serde::de::Visitor<'de> for First {
        type Value = (String, String);

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a call")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<(String, String), A::Error> {
            let first = seq.next_element()?.unwrap_or_default();
            Ok((first, seq.next_element()?.unwrap_or_default()))
        }
    }

    let call = br#"["obj", "meth", [1, 2], {"a": {}}]"#;
    let mut seen = None;
    let mut deserializer = Deserializer::new(call, &LIMITS);
    struct Keep<'a>(&'a mut Option<(String, String)>);
    impl<'de> serde::de::Visitor<'de> for Keep<'_> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a call")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
            *self.0 = Some(serde::de::Visitor::visit_seq(First, seq)?);
            Ok(())
        }
    }
    serde::Deserializer::deserialize_seq(&mut deserializer, Keep(&mut seen)).unwrap_err();
    assert_eq!(seen, Some(("obj".to_owned(), "meth".to_owned())));

    type Rest = (IgnoredAny, IgnoredAny, Vec<u8>, HashMap<String, Value>);
    assert_eq!(from_slice::<Rest>(call).unwrap().2, [1, 2]);
}

fn nested(depth: usize, open: &str, close: &str) -> Vec<u8> {
    [open.repeat(depth), "1".to_owned(), close.repeat(depth)]
        .concat()
        .into_bytes()
}

#[test]
fn nests_as_deep_as_python_and_no_deeper() {
    common::on_a_usual_stack(|| {
        for (open, close, of) in [("[", "]", "array"), ("{\"a\":", "}", "object")] {
            let deepest = from_slice::<Value>(&nested(LIMITS.depth, open, close)).unwrap();
            from_slice::<IgnoredAny>(&nested(LIMITS.depth, open, close)).unwrap();
            to_vec(&deepest).unwrap();
            let error = to_vec(&Value::List(vec![deepest])).unwrap_err();
            assert_eq!(
                error.to_string(),
                "maximum recursion depth exceeded while encoding a JSON object"
            );
            for depth in [LIMITS.depth + 1, 1_000_000] {
                for error in [
                    from_slice::<Value>(&nested(depth, open, close)).unwrap_err(),
                    from_slice::<IgnoredAny>(&nested(depth, open, close)).unwrap_err(),
                ] {
                    assert_eq!(error.kind(), ErrorKind::Limit);
                    let text =
                        format!("maximum recursion depth exceeded while decoding a JSON {of} from a unicode string");
                    assert_eq!(error.message(), text);
                }
            }
        }
    });
}

#[test]
fn every_limit_holds_exactly() {
    fn check(limits: Limits, good: &[u8], bad: &[u8]) {
        from_slice_with::<Value>(good, &limits).unwrap();
        from_slice_with::<IgnoredAny>(good, &limits).unwrap();
        assert_eq!(
            from_slice_with::<Value>(bad, &limits).unwrap_err().kind(),
            ErrorKind::Limit
        );
        assert_eq!(
            from_slice_with::<IgnoredAny>(bad, &limits).unwrap_err().kind(),
            ErrorKind::Limit
        );
    }
    check(Limits { items: 4, ..LIMITS }, br#"[{"a": 2}]"#, br#"[1, {"a": 2}]"#);
    check(Limits { bytes: 3, ..LIMITS }, br#""ab""#, br#""abcd""#);
    check(Limits { bytes: 6, ..LIMITS }, br#"["a\nbc"]"#, br#""a\nb\nc""#);
    check(LIMITS, &b"9".repeat(4300), &b"9".repeat(4301));

    let limits = Limits {
        int_digits: 5,
        ..LIMITS
    };
    let keys = |text: &[u8]| from_slice_with::<HashMap<u32, u8>>(text, &limits);
    assert_eq!(keys(br#"{"12345": 1}"#).unwrap(), HashMap::from([(12345, 1)]));
    assert!(keys(br#"{"123456": 1}"#).is_err());
}
