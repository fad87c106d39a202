//! Broken and hostile input, and the limits.

use ferropyro_formats::pickle::{self, LIMITS};
use ferropyro_formats::{ErrorKind, Limits, Value};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::types::Record;
use crate::{common, decode, encode, samples};

#[test]
fn prefixes_of_pickles_are_refused() {
    for bytes in samples() {
        if decode(&bytes).is_err() {
            continue;
        }
        let end = bytes.iter().rposition(|byte| *byte == b'.').expect("an end");
        let step = 1 + end / 40;
        for end in (0..end).step_by(step) {
            let error = decode(&bytes[..end]).expect_err("a prefix of a pickle is none");
            assert_eq!(error.kind(), ErrorKind::Eof, "{error}");
            assert!(error.position().is_some_and(|position| position <= end), "{error}");
        }
    }
}

#[test]
fn broken_bytes_never_do_worse_than_fail() {
    let mut refused = 0;
    for mut bytes in samples().into_iter().filter(|bytes| bytes.len() <= 32) {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                refused += usize::from(decode(&bytes).is_err());
                let _ = pickle::from_slice::<IgnoredAny>(&bytes);
                let _ = pickle::from_slice::<Record>(&bytes);
                bytes[at] ^= 1 << bit;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

/// Numbers that look random, and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Changes a few places of a pickle: bytes are replaced, taken out, put in, and pieces of another pickle copied over.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    const OPCODES: &[u8] = b"(.012FILNPRSVabcdgilpst)GJKMQTUX]ehjoqru}\x80\x81\x82\x85\x86\x87\x88\x8a\x8b\x8c\x8e\x8f\x90\x91\x92\x93\x94\x95\x96";
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, OPCODES[random.below(OPCODES.len())]),
            3 if at < bytes.len() => bytes[at] = OPCODES[random.below(OPCODES.len())],
            4 => {
                let from = random.below(other.len() + 1);
                let to = (from + random.below(20)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let end = (at + random.below(8)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
}

/// Set `PICKLE_MUTATIONS` for more than this: 1000000 take some minutes.
const MUTATIONS: usize = 20_000;

// Conformance: SEC-04
#[test]
fn mutated_pickles_never_do_worse_than_fail() {
    let count = std::env::var("PICKLE_MUTATIONS")
        .ok()
        .and_then(|count| count.parse().ok());
    let samples: Vec<_> = samples().into_iter().filter(|bytes| bytes.len() <= 2000).collect();
    let mut random = Random(0x5EED);
    // A mutated pickle of 2 kB may repeat what it holds, but not without end.
    let limits = Limits {
        items: 10_000,
        bytes: 100_000,
        ..LIMITS
    };
    let mut accepted = 0;
    for nr in 0..count.unwrap_or(MUTATIONS) {
        let mut bytes = samples[nr % samples.len()].clone();
        let other = random.below(samples.len());
        mutate(&mut random, &mut bytes, &samples[other]);
        if let Ok(value) = pickle::from_slice_with::<Value>(&bytes, &limits) {
            accepted += 1;
            let written = encode(&value, (nr % 6) as u8);
            if let Ok(written) = written {
                decode(&written).unwrap_or_else(|error| panic!("{error}: {}", bytes.escape_ascii()));
            }
        }
        let _ = pickle::from_slice_with::<Record>(&bytes, &limits);
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    let heads: [&[u8]; 9] = [b"X", b"B", b"T", b"\x8b", b"\x8d", b"\x8e", b"\x96", b"\x95", b"r"];
    for head in heads {
        let bytes = [head, &[0xFF, 0xFF, 0xFF, 0x3F, 0, 0, 0, 0]].concat();
        decode(&bytes).unwrap_err();
        let bytes = [head, &[0xFF; 8]].concat();
        decode(&bytes).unwrap_err();
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits {
        depth: 2,
        items: 4,
        bytes: 3,
        int_digits: 3,
    };
    let read =
        |pickle: &[u8]| pickle::from_slice_with::<Value>(pickle, &limits).map_err(|error| error.message().to_owned());
    assert!(read(b"](K\x01K\x02K\x03e.").is_ok());
    assert_eq!(read(b"](K\x01K\x02K\x03K\x04e.").unwrap_err(), "more than 4 values");
    assert!(read(b"]]a.").is_ok());
    assert_eq!(read(b"]]]aa.").unwrap_err(), "recursion limit exceeded");
    assert!(read(b"\x8c\x03abc.").is_ok());
    for pickle in [
        &b"\x8c\x04abcd."[..],
        b"C\x04abcd.",
        b"U\x04abcd.",
        b"\x8a\x04abcd.",
        b"Vabcd\n.",
        b"S'ab'\n.",
    ] {
        assert!(
            read(pickle).unwrap_err().ends_with("bytes, more than 3"),
            "{}",
            pickle.escape_ascii()
        );
    }
    let digits = Limits { bytes: 100, ..limits };
    let error = pickle::from_slice_with::<Value>(b"L99999999999999999999L\n.", &digits).unwrap_err();
    assert!(error.message().starts_with("Exceeds the limit (3 digits)"), "{error}");
}

// Conformance: SEC-04
#[test]
fn memo_bombs_end_in_an_error() {
    let limits = Limits {
        items: 100_000,
        bytes: 1 << 20,
        ..LIMITS
    };
    // Every list twice in the next.
    let mut lists = b"\x80\x04]\x94".to_vec();
    for nr in 0..40 {
        lists.extend_from_slice(&[b']', 0x94, b'(', b'h', nr, b'h', nr, b'e']);
    }
    lists.push(b'.');
    let error = pickle::from_slice_with::<Value>(&lists, &limits).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Limit, "more than 100000 values")
    );
    pickle::from_slice_with::<IgnoredAny>(&lists, &limits).expect("nothing is read that is ignored");

    // A text of 64 KiB a thousand times; and an object that only Python can make.
    let text = [&b"X\0\0\x01\0"[..], &[b'a'; 1 << 16], b"\x94"].concat();
    let object = [b"cm\nf\n", text.as_slice(), b"\x85R\x94"].concat();
    for (part, nr) in [(text, 0), (object, 1)] {
        let list = [b"\x80\x04](", part.as_slice(), &[b'h', nr].repeat(1000), b"e."].concat();
        let error = pickle::from_slice_with::<Value>(&list, &limits).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Limit, "references repeat more than 1048576 bytes")
        );
        assert_eq!(pickle::from_slice::<Vec<Value>>(&list).unwrap().len(), 1001);
    }

    // A number for the memo that has nothing before it.
    assert_eq!(decode(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.").unwrap(), Value::None);
    assert_eq!(decode(b"Np999999999999\n0g999999999999\n.").unwrap(), Value::None);
    decode(b"Np99999999999999999999999999\n.").unwrap_err();
}

/// One-element lists (or others) around None.
fn nested(depth: usize, head: &[u8], tail: &[u8]) -> Vec<u8> {
    [head.repeat(depth).as_slice(), b"N", tail.repeat(depth).as_slice(), b"."].concat()
}

#[derive(Serialize, Deserialize)]
struct Nested(Option<Box<[Nested; 1]>>);

// Conformance: SEC-04
#[test]
fn nests_deep_and_no_deeper_on_a_usual_stack() {
    common::on_a_usual_stack(|| {
        let forms: [(&[u8], &[u8]); 5] = [
            (b"]", b"a"),
            (b"", b"\x85"),
            (b"}K\x01", b"s"),
            (b"cm\nC\n)\x81}U\x01a", b"sb"),
            (b"cexceptions\nValueError\n", b"\x85R"),
        ];
        for (head, tail) in forms {
            // The arguments of an exception are no level of their own.
            let deepest = nested(LIMITS.depth, head, tail);
            decode(&deepest).unwrap();
            pickle::from_slice::<IgnoredAny>(&deepest).unwrap();
            for depth in [LIMITS.depth + 1, 200_000] {
                let error = decode(&nested(depth, head, tail)).unwrap_err();
                assert_eq!(
                    (error.kind(), error.message()),
                    (ErrorKind::Limit, "recursion limit exceeded")
                );
            }
        }
        // What only Python can make is not looked into.
        let calls = decode(&nested(200_000, b"cm\nf\n", b"\x85R")).unwrap();
        assert_eq!(decode(&pickle::to_vec(&calls).unwrap()).unwrap(), calls);
        let typed: Nested = pickle::from_slice(&nested(LIMITS.depth, b"]", b"a")).unwrap();
        let bytes = pickle::to_vec(&typed).unwrap();
        assert_eq!(bytes.len(), 2 + 2 * LIMITS.depth + 1 + 1 - LIMITS.depth);
        let deep = (0..=LIMITS.depth).fold(Value::None, |inner, _| Value::List(vec![inner]));
        let error = pickle::to_vec(&deep).unwrap_err();
        assert_eq!(
            error.message(),
            "maximum recursion depth exceeded while pickling an object"
        );
    });
}
