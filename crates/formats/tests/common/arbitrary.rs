//! Arbitrary values for property tests.

use ferropyro_formats::{BigInt, Complex, Dict, Exception, Instance, Surrogates, TimeDelta, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any value that `Value` can hold, with every kind of it.
pub fn any_value() -> impl Strategy<Value = Value> {
    any_leaf().prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            plain_container(inner.clone()),
            vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            vec(hashable_value(), 0..6).prop_map(|members| Value::Set(members.into_iter().collect())),
            vec(hashable_value(), 0..6).prop_map(|members| Value::FrozenSet(members.into_iter().collect())),
            vec((hashable_value(), inner.clone()), 0..6).prop_map(|entries| Value::Dict(entries.into_iter().collect())),
            exception(inner.clone()),
            instance(inner),
        ]
    })
}

/// What every format keeps as it is: None, bool, int of 64 bits, finite float, text, list, dict with text keys.
pub fn plain_value() -> impl Strategy<Value = Value> {
    plain_leaf().prop_recursive(5, 64, 8, plain_container)
}

/// A value that Python takes as dict key or set member.
pub fn hashable_value() -> impl Strategy<Value = Value> {
    any_leaf()
        .prop_filter("hashable", Value::is_hashable)
        .prop_recursive(2, 8, 4, |inner| vec(inner, 0..3).prop_map(Value::Tuple))
}

fn plain_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        int(),
        finite_float().prop_map(Value::Float),
        text().prop_map(Value::from),
    ]
}

fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => plain_leaf(),
        1 => any_float().prop_map(Value::Float),
        1 => vec(any::<u8>(), 1..40).prop_map(|bytes| BigInt(num_bigint::BigInt::from_signed_bytes_le(&bytes)).into()),
        1 => (any_float(), any_float()).prop_map(|(re, im)| Value::Complex(Complex { re, im })),
        1 => code_points(),
        1 => vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        1 => vec(any::<u8>(), 0..20).prop_map(Value::ByteArray),
        1 => decimal(),
        1 => datetime(),
        1 => date().prop_map(|date| Value::Date(date.parse().expect("a date"))),
        1 => time().prop_map(|time| Value::Time(Box::new(time.parse().expect("a time")))),
        1 => timedelta(),
        1 => any::<u128>().prop_map(|bits| Value::Uuid(uuid::Uuid::from_u128(bits))),
        1 => name().prop_map(Value::Type),
        1 => Just(Value::Ellipsis),
    ]
}

fn plain_container(inner: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
    prop_oneof![
        vec(inner.clone(), 0..6).prop_map(Value::List),
        dict(inner).prop_map(Value::Dict),
    ]
    .boxed()
}

fn dict(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Dict> {
    vec((text(), inner), 0..6).prop_map(|entries| entries.into_iter().collect())
}

fn exception(inner: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    (name(), vec(inner.clone(), 0..3), dict(inner)).prop_map(|(class, args, attributes)| {
        Value::Exception(Box::new(Exception {
            class,
            args,
            attributes,
        }))
    })
}

fn instance(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (name(), dict(inner)).prop_map(|(class, attributes)| Value::Instance(Box::new(Instance { class, attributes })))
}

fn int() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>(),
        -300..300_i64,
        (0..63_u32, -1..=1_i64).prop_map(|(bit, near)| (1 << bit) + near)
    ]
    .prop_map(Value::Int)
}

fn finite_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        (-1000..1000_i32).prop_map(|number| f64::from(number) / 8.0),
        Just(-0.0),
        Just(f64::MIN_POSITIVE / 2.0),
    ]
}

/// Any float; not a number in one form only, since no text format keeps its bits.
pub fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => finite_float(),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

/// Texts with all that a format may have to escape.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{0,8}", "[ -~\\n\\r\\t\\x00\\x1b'\"\\\\]{0,12}", any::<String>()]
}

fn code_points() -> impl Strategy<Value = Value> {
    vec(prop_oneof![0..0x80_u32, 0xD7F0..0xE010_u32, 0x10000..0x10010_u32], 0..6).prop_map(|points| {
        match Surrogates::from_code_points(points).expect("code points") {
            Ok(text) => Value::from(text),
            Err(surrogates) => Value::Surrogates(surrogates),
        }
    })
}

fn name() -> impl Strategy<Value = String> {
    let has_kept_its_name = |name: &String| {
        !["repr", "gdbm", "dbm", "ttk"]
            .iter()
            .any(|module| name.starts_with(module))
    };
    "[a-z]{1,5}\\.[A-Z][a-z]{0,5}".prop_filter(
        "modules that Python 3 has renamed, and old pickles rename",
        has_kept_its_name,
    )
}

fn decimal() -> impl Strategy<Value = Value> {
    "-?[1-9][0-9]{0,30}(\\.[0-9]{1,5})?|NaN|-?Infinity"
        .prop_map(|text| Value::Decimal(text.parse().expect("a decimal number")))
}

fn date() -> impl Strategy<Value = String> {
    (1..=9999, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

fn time() -> impl Strategy<Value = String> {
    let clock = (0..24, 0..60, 0..60).prop_map(|(hour, minute, second)| format!("{hour:02}:{minute:02}:{second:02}"));
    let micros = prop_oneof![
        Just(String::new()),
        (1..1_000_000).prop_map(|micros| format!(".{micros:06}"))
    ];
    let offset = prop_oneof![
        Just(""),
        Just("+00:00"),
        Just("-05:30"),
        Just("+14:00"),
        Just("+01:02:03")
    ];
    let fold = prop_oneof![4 => Just(""), 1 => Just(";fold=1")];
    (clock, micros, offset, fold).prop_map(|(clock, micros, offset, fold)| format!("{clock}{micros}{offset}{fold}"))
}

fn datetime() -> impl Strategy<Value = Value> {
    (date(), time()).prop_map(|(date, time)| {
        let moment = format!("{date}T{time}").parse();
        Value::DateTime(Box::new(moment.expect("a datetime")))
    })
}

fn timedelta() -> impl Strategy<Value = Value> {
    (-999_999_999..=999_999_999_i64, 0..86_400_i64, 0..1_000_000_i64)
        .prop_map(|(days, seconds, micros)| Value::TimeDelta(TimeDelta::new(days, seconds, micros).expect("in range")))
}
