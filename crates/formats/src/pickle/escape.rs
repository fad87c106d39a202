//! The two escaped forms of texts in protocol 0.

/// Reads the inside of a quoted `str` of Python 2. The error says what is wrong with it.
pub(super) fn read_string(escaped: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next().ok_or("Trailing \\ in string")? {
            b'\n' => {}
            quoted @ (b'\\' | b'\'' | b'"') => bytes.push(quoted),
            b'a' => bytes.push(0x07),
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0C),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(0x0B),
            b'x' => bytes.push(hex(&mut rest, 2).ok_or("invalid \\x escape")? as u8),
            octal @ b'0'..=b'7' => {
                let mut number = u32::from(octal - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) else {
                        break;
                    };
                    number = number * 8 + u32::from(digit - b'0');
                }
                bytes.push(number as u8);
            }
            other => bytes.extend_from_slice(&[b'\\', other]),
        }
    }
    Ok(bytes)
}

/// Writes the form that [`read_string`] reads.
pub(super) fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' | b'\'' => out.extend_from_slice(&[b'\\', *byte]),
            0x20..=0x7E => out.push(*byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
}

/// Reads the raw-unicode-escape form: Latin-1, and `\u` and `\U` with the number of any character. Gives UTF-8 in which surrogates may stand like any other
/// character.
pub(super) fn read_unicode(escaped: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut text = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            push_point(&mut text, byte.into())?;
            continue;
        }
        match rest.next() {
            Some(b'u') => push_point(&mut text, hex(&mut rest, 4).ok_or("truncated \\uXXXX escape")?)?,
            Some(b'U') => push_point(&mut text, hex(&mut rest, 8).ok_or("truncated \\UXXXXXXXX escape")?)?,
            other => {
                text.push(byte);
                other.map_or(Ok(()), |other| push_point(&mut text, other.into()))?;
            }
        }
    }
    Ok(text)
}

fn push_point(text: &mut Vec<u8>, point: u32) -> Result<(), &'static str> {
    match (char::from_u32(point), point) {
        (Some(char), _) => text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        (None, 0xD800..=0xDFFF) => {
            let six_bits = |shift: u32| 0x80 | (point >> shift & 0x3F) as u8;
            text.extend_from_slice(&[0xED, six_bits(6), six_bits(0)]);
        }
        _ => return Err("\\Uxxxxxxxx out of range"),
    }
    Ok(())
}

fn hex(rest: &mut impl Iterator<Item = u8>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0, |number, _| {
        Some(number << 4 | char::from(rest.next()?).to_digit(16)?)
    })
}

/// Writes the form that [`read_unicode`] reads. Characters that would end the line, or that Python's own writers avoid, are escaped as well.
pub(super) fn write_unicode(out: &mut Vec<u8>, points: impl Iterator<Item = u32>) {
    for point in points {
        match point {
            0 | 0x0A | 0x0D | 0x1A | 0x5C | 0x100..=0xFFFF => {
                out.extend_from_slice(format!("\\u{point:04x}").as_bytes())
            }
            0x10000.. => out.extend_from_slice(format!("\\U{point:08x}").as_bytes()),
            latin1 => out.push(latin1 as u8),
        }
    }
}
