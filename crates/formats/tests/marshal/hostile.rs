//! Broken and hostile input, and the limits.

use ferropyro_formats::marshal::{self, LIMITS};
use ferropyro_formats::{ErrorKind, Limits, Value};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::types::{Record, Shape};
use crate::{common, decode, samples};

#[test]
fn prefixes_of_values_are_refused() {
    for bytes in samples() {
        let step = 1 + bytes.len() / 200;
        for end in (0..bytes.len()).step_by(step) {
            let error = decode(&bytes[..end]).expect_err("a prefix of a value is none");
            assert!(matches!(error.kind(), ErrorKind::Eof | ErrorKind::Data), "{error}");
            assert!(error.position().is_some_and(|position| position <= end), "{error}");
            marshal::from_slice::<IgnoredAny>(&bytes[..end]).expect_err("a prefix of a value is none");
        }
    }
}

#[test]
fn broken_bytes_never_do_worse_than_fail() {
    let mut refused = 0;
    for mut bytes in samples().into_iter().filter(|bytes| bytes.len() <= 100) {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                refused += usize::from(decode(&bytes).is_err());
                let _ = marshal::from_slice::<IgnoredAny>(&bytes);
                let _ = marshal::from_slice::<Record>(&bytes);
                bytes[at] ^= 1 << bit;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn ignoring_a_value_ends_where_the_value_ends() {
    for bytes in samples() {
        if decode(&bytes).is_err() {
            continue;
        }
        let mut pair = b"[\x02\0\0\0".to_vec();
        pair.extend_from_slice(&bytes);
        pair.extend_from_slice(b"z\x03end");
        let (_, end): (IgnoredAny, &str) = marshal::from_slice(&pair).expect("two items");
        assert_eq!(end, "end");
    }
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    for code in b"suatl[(<>" {
        let bytes = [&[*code][..], &i32::MAX.to_le_bytes()].concat();
        assert_eq!(decode(&bytes).unwrap_err().kind(), ErrorKind::Eof);
        marshal::from_slice::<Vec<Vec<u64>>>(&bytes).unwrap_err();
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits {
        depth: 2,
        items: 4,
        bytes: 3,
        int_digits: 0,
    };
    let decode = |value: Value| marshal::from_slice_with::<Value>(&marshal::to_vec(&value).unwrap(), &limits);
    let list = |items: &[i64]| Value::from(items.to_vec());
    assert!(decode(list(&[1, 2, 3])).is_ok());
    assert_eq!(decode(list(&[1, 2, 3, 4])).unwrap_err().message(), "more than 4 values");
    assert!(decode(Value::from(vec![list(&[1])])).is_ok());
    let deep = Value::from(vec![vec![list(&[])]]);
    assert_eq!(decode(deep).unwrap_err().message(), "recursion limit exceeded");
    assert!(decode("abc".into()).is_ok());
    assert_eq!(
        decode("abcd".into()).unwrap_err().message(),
        "a text or number of 4 bytes, more than 3"
    );
}

/// One-element lists (or dicts) around None.
fn nested(depth: usize, head: &[u8], tail: &[u8]) -> Vec<u8> {
    [head.repeat(depth).as_slice(), b"N", tail.repeat(depth).as_slice()].concat()
}

#[derive(Serialize, Deserialize)]
struct Nested(Option<Box<[Nested; 1]>>);

#[test]
fn nests_as_deep_as_python_and_no_deeper() {
    common::on_a_usual_stack(|| {
        let forms: [(&[u8], &[u8]); 4] = [(b"[\x01\0\0\0", b""), (b")\x01", b""), (b"{z\0", b"0"), (b":NN", b"")];
        for (head, tail) in forms {
            let deepest = nested(LIMITS.depth, head, tail);
            decode(&deepest).unwrap();
            marshal::from_slice::<IgnoredAny>(&deepest).unwrap();
            for depth in [LIMITS.depth + 1, 1_000_000] {
                let bytes = nested(depth, head, tail);
                assert_eq!(decode(&bytes).unwrap_err().message(), "recursion limit exceeded");
                assert_eq!(
                    marshal::from_slice::<IgnoredAny>(&bytes).unwrap_err().message(),
                    "recursion limit exceeded"
                );
            }
        }
        let deepest = nested(LIMITS.depth, b"[\x01\0\0\0", b"");
        let typed: Nested = marshal::from_slice(&deepest).unwrap();
        assert_eq!(marshal::to_vec(&typed).unwrap(), nested(LIMITS.depth, b")\x01", b""));
    });
}

#[test]
fn encodes_as_deep_as_python_reads_and_no_deeper() {
    common::on_a_usual_stack(|| {
        let value = |depth| (0..depth).fold(Value::None, |inner, _| Value::List(vec![inner]));
        let deepest = value(LIMITS.depth);
        assert_eq!(decode(&marshal::to_vec(&deepest).unwrap()).unwrap(), deepest);
        let error = marshal::to_vec(&Value::List(vec![deepest])).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Limit, "object too deeply nested to marshal")
        );
        let error = marshal::to_vec(&Endless).unwrap_err();
        assert_eq!(error.message(), "object too deeply nested to marshal");
    });
}

/// A list of itself.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([Endless])
    }
}

#[test]
fn texts_that_are_no_utf_8_are_refused_with_pythons_words() {
    let error = |text: &[u8]| {
        let bytes = [&[b'u', text.len() as u8, 0, 0, 0], text].concat();
        decode(&bytes).unwrap_err().message().to_owned()
    };
    let texts: [(&[u8], &str); 4] = [
        (b"a\x80", "byte 0x80 in position 1: invalid start byte"),
        (b"\xc3(", "byte 0xc3 in position 0: invalid continuation byte"),
        (b"ab\xe2\x82", "bytes in position 2-3: unexpected end of data"),
        (b"\xed\xa0\x80\xff", "byte 0xff in position 3: invalid start byte"),
    ];
    for (text, reason) in texts {
        assert_eq!(error(text), format!("'utf-8' codec can't decode {reason}"));
    }
}

#[test]
fn code_objects_are_refused() {
    let error = decode(b"c\0\0\0\0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("code object"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value_or_an_error(bytes in proptest::collection::vec(prop_oneof![
        proptest::sample::select(b"0NTF.SiIlfgxystuaAzZ()[{<>rR:\x00\x01\x02\xdb\xfb\xa9\xfa".as_slice()), any::<u8>(),
    ], 0..60)) {
        let whole = decode(&bytes);
        if whole.is_ok() {
            marshal::from_slice::<IgnoredAny>(&bytes).unwrap();
        }
        let _ = marshal::from_slice::<Record>(&bytes);
        let _ = marshal::from_slice::<Vec<Shape>>(&bytes);
    }
}
