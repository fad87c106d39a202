//! How Python's types and Rust's become each other.

use ferropyro_formats::Value;
use ferropyro_formats::pickle;

use crate::{decode, encode};

#[test]
fn what_python_prints_of_its_pickles() {
    // pickle.dumps([2.25, None, 'junk', float], 2) in Python 2.7
    let bytes = b"\x80\x02]q\x00(G@\x02\x00\x00\x00\x00\x00\x00NU\x04junkq\x01c__builtin__\nfloat\nq\x02e.";
    assert_eq!(
        decode(bytes).unwrap().to_string(),
        "[2.25, None, 'junk', <class 'builtins.float'>]"
    );
    assert_eq!(pickle::to_vec(&(1, "a")).unwrap(), b"\x80\x05K\x01\x8c\x01a\x86.");
}

#[test]
fn basic_values_round_trip_in_every_protocol() {
    let value = Value::Tuple(vec![
        Value::None,
        true.into(),
        false.into(),
        Value::from(vec![0_i64, 255, 256, 65536, -1, i64::MIN, i64::MAX]),
        1.5.into(),
        "text\\ with \n é € 😀".into(),
        Value::Tuple(vec![]),
        Value::Tuple(vec![1.into(), 2.into(), 3.into(), 4.into()]),
        Value::Dict([("a", Value::from(1)), ("b", Value::List(vec![]))].into()),
        Value::Type("builtins.float".to_owned()),
        Value::Type("m:A.B".to_owned()),
    ]);
    for protocol in 0..=5 {
        let bytes = encode(&value, protocol).unwrap();
        if protocol >= 4 {
            assert_eq!(decode(&bytes).unwrap(), value, "{protocol}");
        } else {
            println!("{:?}", decode(&bytes));
        }
    }
}
