//! The msgpack format against the real Pyro's, and on its own.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::describe;
use common::{Exceptions, Failures, Outcome};
use ferropyro_formats::msgpack::{self, Deserializer, LIMITS, Options, from_slice, from_slice_with, to_vec};
use ferropyro_formats::{
    BigInt, Bytes, Complex, Date, DateTime, Dict, Error, ErrorKind, Exception, Limits, Set, Value, from_value,
};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

fn utc() -> TimeZone {
    TimeZone::UTC
}

/// The rules of Central Europe.
fn amsterdam() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone")
}

/// Writes as the vectors were written: in UTC.
fn write(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let options = Options {
        time_zone: utc,
        ..Options::default()
    };
    msgpack::append(&mut out, value, &options)?;
    Ok(out)
}

fn read(bytes: &[u8], strict_map_key: bool) -> Result<Value, Error> {
    let mut deserializer = Deserializer::new(bytes, &LIMITS)
        .time_zone(utc)
        .strict_map_key(strict_map_key);
    let value = Value::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// What a value is after a journey through MessagePack.
fn image(value: &Value) -> Value {
    let images = |items: &[Value]| items.iter().map(image).collect();
    match value {
        Value::Tuple(items) | Value::List(items) => Value::List(images(items)),
        Value::Set(members) => Value::List(members.iter().map(image).collect()),
        Value::Dict(dict) => Value::Dict(dict.iter().map(|(key, value)| (key_image(key), image(value))).collect()),
        Value::ByteArray(bytes) => Value::Bytes(bytes.clone()),
        Value::Decimal(_) | Value::Uuid(_) => from_value::<String>(value.clone()).unwrap().into(),
        // In UTC there is no fold.
        Value::DateTime(moment) => Value::DateTime(Box::new(DateTime {
            fold: false,
            ..**moment
        })),
        Value::Exception(_) | Value::Instance(_) => image(&Value::Dict(class_dict(value))),
        other => other.clone(),
    }
}

fn plain(value: Value) -> Value {
    common::plain(value, Value::List)
}

fn key_image(key: &Value) -> Value {
    match key {
        Value::Tuple(items) => Value::Tuple(items.iter().map(key_image).collect()),
        other => image(other),
    }
}

fn class_dict(value: &Value) -> Dict {
    let dict: HashMap<String, Value> = from_value(value.clone()).unwrap();
    dict.into_iter().collect()
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
fn writes_what_pyro_writes() {
    let exceptions = Exceptions::new(&[
        ("set:strs3", "a set has no order"),
        ("set:mixed*", "a set has no order"),
        ("class:*", "Pyro stumbles over an attribute of the class and names that"),
        ("function:*", "a function is a Type here, like a class"),
        ("slice", "the tests describe a slice as an instance"),
        ("obj:StateDict", "the description does not tell what __getstate__ gives"),
    ]);
    let mut failures = Failures::default();
    let mut compared = 0;
    for case in common::cases("msgpack") {
        let Ok(value) = describe::value(&case.input) else {
            continue;
        };
        let Some(variant) = case.by("pyro5/py3.11.7") else {
            continue;
        };
        let ours = write(&value).map_err(|error| error.message().to_owned());
        let theirs = match &variant.outcome {
            Outcome::Bytes(bytes, _) | Outcome::LoadError(bytes, _) => Ok(bytes.clone()),
            Outcome::DumpError(error) => Err(error.message.clone()),
        };
        if ours != theirs && !exceptions.covers(&case.name) {
            failures.add(format!("{}: {ours:x?} instead of {theirs:x?}", case.name));
        }
        compared += 1;
    }
    failures.check();
    exceptions.check_all_used();
    assert!(compared > 350, "only {compared}");
}

#[test]
fn reads_what_every_pyro_writes() {
    let exceptions = Exceptions::new(&[(
        "datetime:9999-12-31T23:59:59.999999",
        "refused by all, since it is rounded to the year 10000; each Python has a text of its own",
    )]);
    let mut failures = Failures::default();
    let mut compared = 0;
    for case in common::cases("msgpack") {
        for variant in &case.variants {
            compared += 1;
            let (bytes, theirs) = match &variant.outcome {
                Outcome::Bytes(bytes, out) => (bytes, Ok(describe::value(out).ok())),
                Outcome::LoadError(bytes, error) => (bytes, Err(error.message.clone())),
                Outcome::DumpError(_) => continue,
            };
            let ours = read(bytes, true).map(plain);
            let agrees = match (&ours, &theirs) {
                (Ok(ours), Ok(Some(theirs))) => *ours == image(theirs),
                (Ok(_), Ok(None)) => true,
                (Err(ours), Err(theirs)) => ours.message() == theirs,
                (Ok(ours), Err(_)) => is_class(ours),
                (Err(_), Ok(_)) => false,
            };
            if !agrees && !exceptions.covers(&case.name) {
                failures.add(format!(
                    "{} {:?}: {ours:?} instead of {theirs:?}",
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
fn reads_and_refuses_what_pyro_reads_and_refuses() {
    let exceptions = Exceptions::new(&[
        ("never-used", "refused by all; the real error has no text"),
        (
            "ext-date4",
            "what Pyro on Windows writes; the real one refuses it elsewhere",
        ),
        ("ext-timestamp*", "an instance here; has a test of its own"),
    ]);
    let mut failures = Failures::default();
    for case in common::decode_cases("decode_msgpack") {
        let Some(theirs) = case.by("pyro5/py3.11.7") else {
            continue;
        };
        let ours = read(&case.bytes, true).map(plain);
        let agrees = match (&ours, theirs) {
            (Err(ours), Err(theirs)) => ours.message() == theirs.message,
            (Ok(ours), Ok(theirs)) => describe::value(theirs).is_ok_and(|theirs| *ours == image(&theirs)),
            // Whatever happens to class dicts happens behind the format.
            (Ok(ours), Err(_)) => is_class(ours),
            (Err(_), Ok(_)) => false,
        };
        if !agrees && !exceptions.covers(&case.name) {
            failures.add(format!("{}: {ours:?} instead of {theirs:?}", case.name));
        }
    }
    failures.check();
    exceptions.check_all_used();
}

#[test]
fn every_prefix_of_every_vector_is_incomplete() {
    for case in common::cases("msgpack") {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, _) = &variant.outcome else {
                continue;
            };
            for end in (0..bytes.len()).take(2000) {
                let error = from_slice::<Value>(&bytes[..end]).expect_err(&case.name);
                assert_eq!(
                    error.to_string(),
                    format!("Unpack failed: incomplete input (at byte {end})"),
                    "{}",
                    case.name
                );
                from_slice::<IgnoredAny>(&bytes[..end]).expect_err(&case.name);
            }
        }
    }
}

#[test]
fn no_flipped_byte_does_harm() {
    for case in common::cases("msgpack") {
        for variant in &case.variants {
            let Outcome::Bytes(bytes, _) = &variant.outcome else {
                continue;
            };
            let bytes = &bytes[..bytes.len().min(300)];
            for at in 0..bytes.len() {
                for mask in [0x01, 0x02, 0x10, 0x80, 0xFF] {
                    let mut flipped = bytes.to_vec();
                    flipped[at] ^= mask;
                    skips_all_that_it_reads(&flipped);
                }
            }
        }
    }
}

fn skips_all_that_it_reads(bytes: &[u8]) {
    if from_slice::<Value>(bytes).is_ok() {
        from_slice::<IgnoredAny>(bytes).expect("what can be read can be skipped");
    }
}

proptest! {
    #[test]
    fn a_plain_value_comes_back_as_it_was(value in common::arbitrary::plain_value()) {
        prop_assert_eq!(from_slice::<Value>(&to_vec(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn any_value_comes_back_with_the_documented_changes_or_is_refused(value in common::arbitrary::any_value()) {
        match write(&value) {
            Ok(bytes) => {
                skips_all_that_it_reads(&bytes);
                let image = image(&value);
                // A double does not hold the microseconds of a moment many centuries away.
                match image.to_string().contains("datetime(") {
                    true => { read(&bytes, false).unwrap(); }
                    false => prop_assert_eq!(plain(read(&bytes, false).unwrap()), image),
                }
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Unsupported),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(prop_oneof![
        any::<u8>(), 0x80..0xE0_u8, 0..8_u8,
    ], 0..40)) {
        skips_all_that_it_reads(&bytes);
    }

    #[test]
    fn a_moment_of_our_time_keeps_its_microseconds(seconds in -2_000_000_000..4_000_000_000_i64, micros in 0..1_000_000) {
        let civil = jiff::Timestamp::new(seconds, micros * 1000).unwrap().to_zoned(TimeZone::UTC).datetime();
        let moment = Value::from(DateTime { civil, offset: None, fold: false });
        prop_assert_eq!(read(&write(&moment).unwrap(), true).unwrap(), moment);
    }

    #[test]
    fn every_date_comes_back(ordinal in 1..=3_652_059_i64) {
        let bytes = [&b"\xd7\x33"[..], &ordinal.to_le_bytes()].concat();
        let date: Date = from_slice(&bytes).unwrap();
        prop_assert_eq!(to_vec(&date).unwrap(), bytes);
    }
}

#[test]
fn naive_datetimes_are_moments_in_the_time_zone() {
    // What Python gives with TZ=Europe/Amsterdam.
    for (text, seconds, back) in [
        (
            "2024-07-01T00:00:00.123456",
            1719784800.123456,
            "2024-07-01T00:00:00.123456",
        ),
        ("2024-10-27T02:30:00", 1729989000.0, "2024-10-27T02:30:00"),
        ("2024-10-27T02:30:00;fold=1", 1729992600.0, "2024-10-27T02:30:00;fold=1"),
        ("2024-03-31T02:30:00", 1711848600.0, "2024-03-31T03:30:00"),
        ("2024-03-31T02:30:00;fold=1", 1711845000.0, "2024-03-31T01:30:00"),
        ("1969-12-31T23:59:59.999999", -3600.000001, "1969-12-31T23:59:59.999999"),
    ] {
        let mut bytes = Vec::new();
        let options = Options {
            time_zone: amsterdam,
            ..Options::default()
        };
        msgpack::append(&mut bytes, &text.parse::<DateTime>().unwrap(), &options).unwrap();
        assert_eq!(bytes, [&b"\xd7\x32"[..], &f64::to_le_bytes(seconds)].concat(), "{text}");
        let mut deserializer = Deserializer::new(&bytes, &LIMITS).time_zone(amsterdam);
        assert_eq!(
            DateTime::deserialize(&mut deserializer).unwrap(),
            back.parse().unwrap(),
            "{text}"
        );
    }
}

fn moment(seconds: f64) -> Result<Value, Error> {
    read(&[&b"\xd7\x32"[..], &seconds.to_le_bytes()].concat(), true)
}

#[test]
fn seconds_are_rounded_to_microseconds_as_python_does() {
    for (seconds, text) in [
        (1.0000005, "1970-01-01T00:00:01.000001"),
        (1.5000015, "1970-01-01T00:00:01.500002"),
        (-0.0000005, "1970-01-01T00:00:00"),
        (0.0000025, "1970-01-01T00:00:00.000002"),
        (0.9999999, "1970-01-01T00:00:01"),
        (-0.25, "1969-12-31T23:59:59.750000"),
        (-62135596800.0, "0001-01-01T00:00:00"),
        (253402300799.0, "9999-12-31T23:59:59"),
    ] {
        assert_eq!(
            moment(seconds).unwrap(),
            Value::from(text.parse::<DateTime>().unwrap()),
            "{seconds}"
        );
    }
    for seconds in [f64::NAN, f64::INFINITY, 1e20, -1e300, -62135596801.0, 253402300800.0] {
        assert_eq!(moment(seconds).unwrap_err().kind(), ErrorKind::Data, "{seconds}");
    }
}

#[test]
fn a_long_is_read_as_python_reads_ints() {
    let long = |digits: &str| read(&[&[0xC7, digits.len() as u8, 0x31], digits.as_bytes()].concat(), true);
    for (digits, number) in [
        (" +12", 12),
        ("1_0", 10),
        ("\x0b7\x0c", 7),
        ("-0", 0),
        ("007", 7),
        ("-1_2 \n", -12),
    ] {
        assert_eq!(long(digits).unwrap(), Value::Int(number), "{digits:?}");
    }
    for digits in [
        "", " ", "1__0", "_1", "1_", "+", "0x1", "1 2", "--1", "- 1", "\u{1c}1", "١", "a'b",
    ] {
        let error = long(digits).unwrap_err();
        assert!(
            error.message().starts_with("invalid literal for int() with base 10: b"),
            "{digits:?}: {error}"
        );
    }
    let digits = "9".repeat(4301);
    let bytes = [&[0xC8, 0x10, 0xCD, 0x31], digits.as_bytes()].concat();
    assert_eq!(from_slice::<Value>(&bytes).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(
        from_slice::<f64>(&[&[0xC7, 50, 0x31], &digits.as_bytes()[..50]].concat()).unwrap(),
        1e50
    );
}

#[test]
fn the_timestamp_of_msgpack_itself_is_an_instance() {
    for (bytes, seconds, nanoseconds) in [
        (&b"\xd6\xffe\xe0y\xf0"[..], 1709210096, 0),
        (b"\xd7\xff\x00\x00\x00\x14e\xe0y\xf0", 1709210096, 5),
        (b"\xc7\x0c\xff\x00\x00\x00\x05\xff\xff\xff\xff\xff\xff\xff\xff", -1, 5),
    ] {
        let Value::Instance(instance) = from_slice(bytes).unwrap() else {
            panic!("an instance")
        };
        assert_eq!(instance.class, "msgpack.ext.Timestamp");
        assert_eq!(
            instance.attributes,
            Dict::from([("seconds", seconds), ("nanoseconds", nanoseconds)])
        );
    }
    assert_eq!(
        from_slice::<Value>(b"\xd4\xff\x00").unwrap_err().kind(),
        ErrorKind::Data
    );
}

#[test]
fn dicts_with_any_hashable_key_come_back() {
    let key = Value::Tuple(vec![1.into(), Value::Tuple(vec!["a".into(), Value::None])]);
    let dict = Value::from(Dict::from([
        (key, Value::from(vec![1, 2])),
        (Value::Int(-5), Value::Tuple(vec![])),
        (Value::Float(1.5), Value::None),
        (Value::Complex(Complex { re: 1.0, im: 2.0 }), Value::None),
    ]));
    assert_eq!(from_slice::<Value>(&to_vec(&dict).unwrap()).unwrap(), image(&dict));
    let map = BTreeMap::from([((1_u8, 2_i64), 'a'), ((3, -4), 'b')]);
    assert_eq!(
        from_slice::<BTreeMap<(u8, i64), char>>(&to_vec(&map).unwrap()).unwrap(),
        map
    );
    assert_eq!(
        from_slice::<Value>(b"\x81\x80\xc0").unwrap_err().message(),
        "unhashable type: 'dict'"
    );
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    huge: u128,
    small: i128,
    ratio: f32,
    letter: char,
    none: Option<u8>,
    some: Option<String>,
    pair: (i8, String),
    shapes: Vec<Shape>,
    numbers: BTreeMap<i64, Vec<Option<bool>>>,
    bytes: Bytes,
    set: Set<String>,
    big: BigInt,
    complex: Complex,
    date: Date,
    wrapped: Wrapped,
    unit: (),
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

#[test]
fn a_derived_type_comes_back_as_it_was() {
    let original = Everything {
        flag: true,
        huge: u128::MAX,
        small: -5,
        ratio: 0.1,
        letter: '\u{1F600}',
        none: None,
        some: Some("x".repeat(70_000)),
        pair: (-128, String::new()),
        shapes: vec![
            Shape::Nothing,
            Shape::Circle(f64::NAN),
            Shape::Rectangle(1.0, -0.0),
            Shape::Named { name: "x".to_owned() },
        ],
        numbers: (0..40).map(|number| (number - 20, vec![None, Some(true)])).collect(),
        bytes: Bytes(vec![0; 300]),
        set: ["a".to_owned()].into_iter().collect(),
        big: "9".repeat(100).parse::<num_bigint::BigInt>().unwrap().into(),
        complex: Complex {
            re: -0.0,
            im: f64::INFINITY,
        },
        date: "2024-02-29".parse().unwrap(),
        wrapped: Wrapped(7),
        unit: (),
    };
    let bytes = to_vec(&original).unwrap();
    let back: Everything = from_slice(&bytes).unwrap();
    // NaN is not equal to itself.
    assert_eq!(format!("{back:?}"), format!("{original:?}"));
    from_slice::<IgnoredAny>(&bytes).unwrap();
}

#[test]
fn a_sequence_of_unknown_length_gets_the_right_head() {
    struct Unknown(usize);

    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(None)?;
            for nr in 0..self.0 {
                seq.serialize_element(&nr)?;
            }
            seq.end()
        }
    }

    for length in [0, 1, 15, 16, 70_000] {
        let known: Vec<usize> = (0..length).collect();
        assert_eq!(
            to_vec(&("a", Unknown(length), "b")).unwrap(),
            to_vec(&("a", known, "b")).unwrap()
        );
    }
}

#[test]
fn texts_and_bytes_are_borrowed() {
    assert_eq!(
        from_slice::<(&str, &[u8])>(b"\x92\xa1a\xc4\x01b").unwrap(),
        ("a", &b"b"[..])
    );
    assert_eq!(from_slice::<Vec<u8>>(b"\xc4\x02\x01\xff").unwrap(), [1, 255]);
}

#[test]
fn class_names_are_translated_while_writing() {
    let options = Options {
        class_names: |name| name.replace("Pyro5.", "Pyro4.").into(),
        ..Options::default()
    };
    let mut out = b"kept".to_vec();
    let exception = Exception::new("Pyro5.errors.NamingError", "Pyro5.x");
    msgpack::append(&mut out, &exception, &options).unwrap();
    let dict: Value = from_slice(&out[4..]).unwrap();
    assert_eq!(
        plain(dict).to_string(),
        "{'__class__': 'Pyro4.errors.NamingError', '__exception__': True, 'args': ['Pyro5.x'], 'attributes': {}}"
    );
}

#[test]
fn a_failed_value_leaves_no_trace() {
    let mut out = b"kept".to_vec();
    let error = msgpack::append(&mut out, &("written", Value::Ellipsis), &Options::default()).unwrap_err();
    assert_eq!(
        (error.kind(), out.as_slice()),
        (ErrorKind::Unsupported, b"kept".as_slice())
    );
}

#[test]
fn refuses_what_does_not_fit_the_type() {
    fn refusal<T: DeserializeOwned>(bytes: &[u8]) -> String {
        let error = from_slice::<T>(bytes).err().expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        error.to_string()
    }
    assert_eq!(
        refusal::<String>(b"\x01"),
        "invalid type: integer `1`, expected a string (at byte 0)"
    );
    assert_eq!(
        refusal::<(u8, u8)>(b"\x93\x01\x02\x03"),
        "more items than expected (at byte 0)"
    );
    assert_eq!(
        refusal::<Vec<u8>>(b"\x92\x01\xff"),
        "invalid value: integer `-1`, expected u8 (at byte 2)"
    );
    assert_eq!(
        refusal::<Shape>(b"\xa6Circle"),
        "this variant of the enum has content: a dict of one entry (at byte 0)"
    );
    assert_eq!(
        refusal::<Shape>(b"\x01"),
        "an enum is a text, or a dict of one entry: the variant's name and its content (at byte 0)"
    );
    assert_eq!(
        refusal::<Value>(b"\xd4\x40\x00"),
        "invalid ext code for msgpack: 64 (at byte 0)"
    );
    assert_eq!(
        refusal::<f64>(b"\xa0"),
        "invalid type: string \"\", expected f64 (at byte 0)"
    );
}

#[test]
fn a_reader_may_ignore_what_it_does_not_need() {
    let call = to_vec(&("obj", "meth", ([1, 2], "x"), BTreeMap::from([("a", Bytes(vec![1]))]))).unwrap();
    type Rest = (IgnoredAny, IgnoredAny, ((u8, u8), String), HashMap<String, Bytes>);
    let (_, _, args, kwargs): Rest = from_slice(&call).unwrap();
    assert_eq!((args, kwargs["a"].0.as_slice()), (((1, 2), "x".to_owned()), &[1][..]));
    type First = (String, IgnoredAny, IgnoredAny, IgnoredAny);
    assert_eq!(from_slice::<First>(&call).unwrap().0, "obj");
}

#[test]
fn nests_as_deep_as_python_and_no_deeper() {
    common::on_a_usual_stack(|| {
        for open in [&b"\x91"[..], b"\x81\xa1a"] {
            let nested = |depth: usize| [&open.repeat(depth)[..], b"\x01"].concat();
            let deepest: Value = from_slice(&nested(LIMITS.depth)).unwrap();
            assert_eq!(to_vec(&deepest).unwrap(), nested(LIMITS.depth));
            assert_eq!(
                to_vec(&Value::List(vec![deepest])).unwrap_err().to_string(),
                "recursion limit exceeded."
            );
            for depth in [LIMITS.depth + 1, 1_000_000] {
                let error = from_slice::<Value>(&nested(depth)).unwrap_err();
                assert_eq!(
                    (error.kind(), error.message()),
                    (ErrorKind::Limit, "recursion limit exceeded.")
                );
            }
            // Skipping needs no stack at all.
            from_slice::<IgnoredAny>(&nested(1_000_000)).unwrap();
        }
    });
}

#[test]
fn announced_lengths_cost_nothing() {
    for head in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\x3f\xff\xff\xff",
        b"\xc6\x3f\xff\xff\xff",
        b"\xc9\x3f\xff\xff\xff\x31",
    ] {
        let error = from_slice::<Value>(head).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Eof, "{head:x?}");
        from_slice::<IgnoredAny>(head).unwrap_err();
        from_slice::<Vec<u64>>(head).unwrap_err();
    }
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
    check(
        Limits { items: 4, ..LIMITS },
        b"\x91\x81\xa1a\x02",
        b"\x92\x01\x81\xa1a\x02",
    );
    check(Limits { bytes: 3, ..LIMITS }, b"\xa3abc", b"\xa4abcd");
    check(Limits { bytes: 3, ..LIMITS }, b"\xc4\x03abc", b"\xc4\x04abcd");
    check(Limits { bytes: 3, ..LIMITS }, b"\xc7\x03\x31123", b"\xd6\x311234");
}
