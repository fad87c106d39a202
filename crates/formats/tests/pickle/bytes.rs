//! Takes pickles apart, independently of the decoder, so that bytes of different writers can be compared.

/// The pickle without what tells nothing about the value: frames, and the numbers of the memo. `None` if it takes something from the memo.
pub(crate) fn without_memo(pickle: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    for opcode in opcodes(pickle) {
        match opcode[0] {
            b'p' | b'q' | b'r' | 0x94 | 0x95 => {}
            b'g' | b'h' | b'j' => return None,
            _ => plain.extend_from_slice(opcode),
        }
    }
    Some(plain)
}

/// Each opcode with its argument.
pub(crate) fn opcodes(pickle: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = pickle;
    std::iter::from_fn(move || {
        let (opcode, behind) = rest.split_at(1 + argument(*rest.first()?, &rest[1..]));
        rest = behind;
        Some(opcode)
    })
}

fn argument(opcode: u8, rest: &[u8]) -> usize {
    let lines = |count: usize| {
        let ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        ends.map(|(at, _)| at + 1).nth(count - 1).expect("a line")
    };
    let u8 = || usize::from(rest[0]);
    let u32 = || u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
    let u64 = || u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
    match opcode {
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' | b'p' => lines(1),
        b'c' | b'i' => lines(2),
        b'K' | b'h' | b'q' | 0x80 | 0x82 => 1,
        b'M' | 0x83 => 2,
        b'J' | b'j' | b'r' | 0x84 => 4,
        b'G' | 0x95 => 8,
        b'U' | b'C' | 0x8C | 0x8A => 1 + u8(),
        b'T' | b'X' | b'B' | 0x8B => 4 + u32(),
        0x8D | 0x8E | 0x96 => 8 + u64(),
        _ => 0,
    }
}
