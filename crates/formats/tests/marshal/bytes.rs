//! Takes marshal data apart, independently of the decoder, so that bytes of different writers can be compared.

const FLAG_REF: u8 = 0x80;

/// The data without what tells nothing about the values: the flag of objects that can be referred to, and the forms of interned strings.
pub(crate) fn without_marks(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    for token in tokens(bytes) {
        plain.push(match token[0] & !FLAG_REF {
            b'Z' => b'z',
            b'A' => b'a',
            b't' => b'u',
            code => code,
        });
        plain.extend_from_slice(&token[1..]);
    }
    plain
}

/// The type bytes without flags.
pub(crate) fn type_bytes(bytes: &[u8]) -> Vec<u8> {
    tokens(bytes).map(|token| token[0] & !FLAG_REF).collect()
}

/// The type bytes, each with what belongs to it; items of containers are tokens of their own.
fn tokens(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let code = rest.first()? & !FLAG_REF;
        let (token, behind) = rest.split_at(1 + length(code, &rest[1..]));
        rest = behind;
        Some(token)
    })
}

fn length(code: u8, rest: &[u8]) -> usize {
    let number = || i32::from_le_bytes(rest[..4].try_into().unwrap()).unsigned_abs() as usize;
    match code {
        b'i' | b'r' | b'R' | b'(' | b'[' | b'<' | b'>' => 4,
        b'I' | b'g' => 8,
        b'y' => 16,
        b')' => 1,
        b'l' => 4 + 2 * number(),
        b's' | b't' | b'u' | b'a' | b'A' => 4 + number(),
        b'z' | b'Z' | b'f' => 1 + usize::from(rest[0]),
        b'x' => {
            let real = 1 + usize::from(rest[0]);
            real + 1 + usize::from(rest[real])
        }
        b'0' | b'N' | b'T' | b'F' | b'S' | b'.' | b'{' => 0,
        other => panic!("type byte {other:#x}"),
    }
}
