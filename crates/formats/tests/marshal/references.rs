//! Objects that occur again.

use std::collections::BTreeMap;

use ferropyro_formats::marshal::{self, LIMITS};
use ferropyro_formats::{Bytes, ErrorKind, Limits, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decode;
use crate::types::Shape;

#[test]
fn what_follows_an_ignored_value_may_refer_into_it() {
    // ([b"spam" (0), "eggs" (1)], reference to 1, reference to 0)
    let bytes = b")\x03[\x02\0\0\0\xf3\x04\0\0\0spam\xfa\x04eggsr\x01\0\0\0r\0\0\0\0";
    let (_, eggs, spam): (IgnoredAny, &str, Bytes) = marshal::from_slice(bytes).unwrap();
    assert_eq!((eggs, spam.as_slice()), ("eggs", b"spam".as_slice()));
}

#[test]
fn references_read_as_equal_values_wherever_a_type_is_asked_for() {
    // [{"name": "spam", "sizes": (1, 2)} (0), reference to 0, reference to 0], the second "name" being a reference too
    let mut bytes = b"[\x03\0\0\0".to_vec();
    bytes.extend_from_slice(b"\xfb\xda\x04name\xfa\x04spam\xda\x05sizes\xa9\x02i\x01\0\0\0i\x02\0\0\x000");
    bytes.extend_from_slice(b"{r\x01\0\0\0r\x02\0\0\0r\x03\0\0\0r\x04\0\0\x000");
    bytes.extend_from_slice(b"r\0\0\0\0");
    let thing = Thing {
        name: "spam",
        sizes: vec![1, 2],
    };
    assert_eq!(
        marshal::from_slice::<Vec<Thing<'_>>>(&bytes).unwrap(),
        [thing.clone(), thing.clone(), thing]
    );
    let shape = b"[\x02\0\0\0\xda\x05Pointr\0\0\0\0";
    assert_eq!(
        marshal::from_slice::<Vec<Shape>>(shape).unwrap(),
        [Shape::Point, Shape::Point]
    );
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Thing<'a> {
    pub(crate) name: &'a str,
    pub(crate) sizes: Vec<u8>,
}

#[test]
fn a_value_that_contains_itself_is_refused() {
    let recursive: [&[u8]; 6] = [
        b"\xdb\x01\0\0\0r\0\0\0\0",
        b"\xa9\x01r\0\0\0\0",
        b"\xfb\xfa\x01ar\0\0\0\x000",
        b"\xbe\x01\0\0\0r\0\0\0\0",
        // [tuple (0) of list (1) of reference to 0]
        b"[\x01\0\0\0\xa9\x01\xdb\x01\0\0\0r\0\0\0\0",
        // (list (0) of itself, ignored; reference to 0)
        b")\x02\xdb\x01\0\0\0r\0\0\0\0r\0\0\0\0",
    ];
    for bytes in recursive {
        let error = decode(bytes).unwrap_err();
        assert_eq!(error.message(), "recursive value", "{bytes:?}");
    }
    let error = marshal::from_slice::<(IgnoredAny, Value)>(recursive[5]).unwrap_err();
    assert_eq!(error.message(), "recursive value");
}

#[test]
fn references_ahead_are_refused_even_where_they_were_ignored_at_first() {
    // (list (0) of a reference to 1, "a" (1), reference to 0)
    let bytes = b")\x03\xdb\x01\0\0\0r\x01\0\0\0\xfa\x01ar\0\0\0\0";
    let refused = "bad marshal data (invalid reference)";
    assert_eq!(decode(bytes).unwrap_err().message(), refused);
    let error = marshal::from_slice::<(IgnoredAny, Value, Value)>(bytes).unwrap_err();
    assert_eq!(error.message(), refused);
}

#[test]
fn constants_and_references_take_no_number() {
    // [None, True, False, StopIteration, ..., all flagged; "a" (0); flagged reference to 0; "b" (1); reference to 1]
    let bytes = b"[\x09\0\0\0\xce\xd4\xc6\xd3\xae\xfa\x01a\xf2\0\0\0\0\xfa\x01br\x01\0\0\0";
    let items = decode(bytes).unwrap().into_items().unwrap();
    assert_eq!(items[..3], [Value::None, true.into(), false.into()]);
    assert_eq!(
        items[3..5],
        [Value::Type("builtins.StopIteration".to_owned()), Value::Ellipsis]
    );
    assert_eq!(items[5..], ["a", "a", "b", "b"].map(Value::from));
}

#[test]
fn reads_python_2_references_to_interned_strings() {
    // From Python 2.7: marshal.dumps({'ab': ['ab', 'cd', 'cd', 'ab', u'ab']}), all strings interned.
    let bytes = b"{t\x02\0\0\0ab[\x05\0\0\0R\0\0\0\0t\x02\0\0\0cdR\x01\0\0\0R\0\0\0\0u\x02\0\0\0ab0";
    let read: BTreeMap<String, Vec<String>> = marshal::from_slice(bytes).unwrap();
    assert_eq!(read["ab"], ["ab", "cd", "cd", "ab", "ab"]);
    let error = decode(b"R\x01\0\0\0").unwrap_err();
    assert_eq!(error.message(), "bad marshal data (invalid reference)");
}

#[test]
fn reference_bombs_end_in_an_error() {
    let limits = Limits {
        items: 100_000,
        bytes: 1 << 20,
        ..LIMITS
    };
    // [[], [0, 0], [1, 1], ...]: every list twice in the next.
    let mut lists = b"[\x28\0\0\0\xdb\0\0\0\0".to_vec();
    for nr in 0..39_u32 {
        lists.extend_from_slice(b"\xdb\x02\0\0\0");
        lists.extend_from_slice(&[&b"r"[..], &nr.to_le_bytes(), b"r", &nr.to_le_bytes()].concat());
    }
    let error = marshal::from_slice_with::<Value>(&lists, &limits).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Limit, "more than 100000 values")
    );
    marshal::from_slice_with::<IgnoredAny>(&lists, &limits).expect("nothing is read twice that is ignored");

    // A text of 64 KiB, and a reference to it a thousand times.
    let mut texts = b"[\xe9\x03\0\0\xe1\0\0\x01\0".to_vec();
    texts.resize(texts.len() + (1 << 16), b'a');
    texts.extend_from_slice(&b"r\0\0\0\0".repeat(1000));
    let error = marshal::from_slice_with::<Value>(&texts, &limits).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Limit, "references repeat more than 1048576 bytes")
    );
    assert_eq!(marshal::from_slice::<Vec<&str>>(&texts).unwrap().len(), 1001);
}
