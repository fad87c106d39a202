//! Texts, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The text of UTF-8 bytes.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // It does not say where.
        Err(_) => std::str::from_utf8(bytes),
    }
}

/// How many bytes come before the first quote, backslash or byte below `limit`.
#[inline]
pub(crate) fn plain_length(text: &[u8], quote: u8, limit: u8) -> usize {
    let below = |eight: u64, limit: u8| eight.wrapping_sub(ONES * u64::from(limit)) & !eight;
    let mut length = 0;
    for eight in text.as_chunks().0 {
        let eight = u64::from_le_bytes(*eight);
        let ends = below(eight, limit)
            | below(eight ^ (ONES * u64::from(quote)), 1)
            | below(eight ^ (ONES * u64::from(b'\\')), 1);
        match ends & HIGHS {
            0 => length += 8,
            // Only the lowest mark is sure to be right: above it there may be a borrow.
            marks => return length + (marks.trailing_zeros() / 8) as usize,
        }
    }
    let plain = |byte: &u8| *byte != quote && *byte != b'\\' && *byte >= limit;
    length + text[length..].iter().take_while(|byte| plain(byte)).count()
}
