//! What is long in a pickle: bytes and texts that nobody need look at.
//!
//! Python's picklers put what is long between the frames of the rest. There it can be found without reading the pickle: it becomes an object at once, copied once, and the unpickler takes it as
//! one of those that came apart from the pickle (its `buffers`).

use memchr::memmem;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyString};

/// From how many bytes on Python's picklers write something outside of frames.
const LONG: usize = 64 << 10;

/// The opcode that takes the next one of the objects that came apart from the pickle.
const NEXT_BUFFER: u8 = 0x97;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bytes,
    ByteArray,
    Text,
    /// A frame, or what is of no interest here.
    Other,
}

/// A part of a pickle: some opcodes, or one that makes a long object of these data.
enum Part<'a> {
    Rest(&'a [u8]),
    Long {
        kind: Kind,
        opcode: &'a [u8],
        data: &'a [u8],
    },
}

/// A pickle for Python's unpicklers without the long objects in it, and those, in their order, if there are any.
#[pyfunction]
pub(crate) fn take_apart<'py>(py: Python<'py>, pickle: &[u8]) -> (Bound<'py, PyBytes>, Option<Bound<'py, PyList>>) {
    let parts = parts(pickle);
    if let [Part::Rest(whole)] = parts.as_slice() {
        return (PyBytes::new(py, whole), None);
    }
    let buffers = PyList::empty(py);
    let mut rest = Vec::new();
    for part in parts {
        match part {
            Part::Rest(opcodes) => rest.extend_from_slice(opcodes),
            Part::Long { kind, opcode, data } => match object(py, kind, data) {
                Some(object) if buffers.append(&object).is_ok() => rest.push(NEXT_BUFFER),
                _ => rest.extend_from_slice(opcode),
            },
        }
    }
    (PyBytes::new(py, &rest), (!buffers.is_empty()).then_some(buffers))
}

/// Whether a text is where the names of classes and functions may be.
pub(crate) fn names_contain(pickle: &[u8], text: &[u8]) -> bool {
    let finder = memmem::Finder::new(text);
    parts(pickle).iter().any(|part| match part {
        Part::Rest(opcodes) => finder.find(opcodes).is_some(),
        Part::Long { .. } => false,
    })
}

fn object<'py>(py: Python<'py>, kind: Kind, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    match kind {
        Kind::Bytes => Some(PyBytes::new(py, data).into_any()),
        Kind::ByteArray => Some(PyByteArray::new(py, data).into_any()),
        // One with surrogates is left to Python.
        Kind::Text => std::str::from_utf8(data)
            .ok()
            .map(|text| PyString::new(py, text).into_any()),
        Kind::Other => None,
    }
}

/// Takes a pickle apart as far as it is clear where its opcodes begin. What follows is one part.
fn parts(pickle: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut rest, mut seen) = (pickle, 0);
    while rest.len() - seen >= LONG {
        let Some((kind, head, length)) = rest.get(seen..).and_then(opcode) else {
            break;
        };
        let end = seen + head + length;
        if kind != Kind::Other && length >= LONG {
            parts.push(Part::Rest(rest.get(..seen).unwrap_or_default()));
            parts.push(Part::Long {
                kind,
                opcode: rest.get(seen..end).unwrap_or_default(),
                data: rest.get(seen + head..end).unwrap_or_default(),
            });
            (rest, seen) = (rest.get(end..).unwrap_or_default(), 0);
        } else {
            seen = end;
        }
    }
    parts.push(Part::Rest(rest));
    parts
}

/// What the opcode at the front is, how long it is itself, and the data behind it, which are all there. `None` for one that does not say, and for the last one.
fn opcode(pickle: &[u8]) -> Option<(Kind, usize, usize)> {
    let (code, behind) = pickle.split_first()?;
    let (kind, digits) = match code {
        b'B' => (Kind::Bytes, 4),
        0x8e => (Kind::Bytes, 8),
        0x96 => (Kind::ByteArray, 8),
        b'X' => (Kind::Text, 4),
        0x8d => (Kind::Text, 8),
        // FRAME
        0x95 => (Kind::Other, 8),
        // SHORT_BINBYTES, SHORT_BINUNICODE
        b'C' | 0x8c => (Kind::Other, 1),
        _ => {
            let length = fixed(*code)?;
            return (length <= behind.len()).then_some((Kind::Other, 1, length));
        }
    };
    let mut number = [0; 8];
    number.get_mut(..digits)?.copy_from_slice(behind.get(..digits)?);
    let length = usize::try_from(u64::from_le_bytes(number)).ok()?;
    (length <= behind.len() - digits).then_some((kind, 1 + digits, length))
}

/// How many bytes stand behind an opcode that always has as many.
fn fixed(code: u8) -> Option<usize> {
    Some(match code {
        // Containers: marks and what is made of them; None and the bools; what the memo keeps; calls.
        b'(' | b')' | b']' | b'}' | b'a' | b'e' | b's' | b'u' | b't' | b'd' | b'l' | b'0' | b'1' | b'2' => 0,
        0x85..=0x87 | 0x8f..=0x91 | b'N' | 0x88 | 0x89 | 0x94 | b'R' | b'b' | b'o' | 0x81 | 0x92 | 0x93 => 0,
        // PROTO, BININT1, BINGET, BINPUT
        0x80 | b'K' | b'h' | b'q' => 1,
        b'M' => 2,
        // BININT, LONG_BINGET, LONG_BINPUT
        b'J' | b'j' | b'r' => 4,
        b'G' => 8,
        _ => return None,
    })
}
