//! Standard base64 with padding: the form of bytes in serpent.

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
use std::sync::LazyLock;

use ::base64::Engine as _;
use ::base64::engine::general_purpose;

/// With the wide registers of the processor, if it has them.
#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
static ENGINE: LazyLock<::base64::engine::Simd> =
    LazyLock::new(|| ::base64::engine::Simd::standard(general_purpose::PAD));

#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
static ENGINE: general_purpose::GeneralPurpose = general_purpose::STANDARD;

/// Bytes that are encoded at a time: a multiple of three, so that there is padding at the end alone.
const PIECE: usize = 3 << 10;

/// Appends the text for some bytes.
pub(crate) fn append_base64(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ::base64::EncodeSliceError> {
    // And for what stands behind it: when the text just fits, the next byte would double the room, and copy it.
    out.reserve(bytes.len().div_ceil(3) * 4 + 32);
    // By way of a piece that stays near: the room need not be filled with zeros first.
    let mut text = [0; PIECE / 3 * 4];
    for piece in bytes.chunks(PIECE) {
        let length = ENGINE.encode_slice(piece, &mut text)?;
        out.extend_from_slice(&text[..length]);
    }
    Ok(())
}

/// The bytes that a text stands for.
pub(crate) fn decode_base64(text: impl AsRef<[u8]>) -> Result<Vec<u8>, String> {
    ENGINE.decode(text).map_err(|error| format!("invalid base64: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_comes_back_as_it_went_there() {
        let bytes: Vec<u8> = (0..3 * PIECE).map(|number| (number * number / 7) as u8).collect();
        for length in (0..200).chain(PIECE - 2..PIECE + 3).chain([2 * PIECE, 3 * PIECE]) {
            let mut text = b"before".to_vec();
            append_base64(&mut text, &bytes[..length]).unwrap();
            assert_eq!(
                text[6..],
                *general_purpose::STANDARD.encode(&bytes[..length]).as_bytes()
            );
            assert_eq!(decode_base64(&text[6..]).unwrap(), bytes[..length]);
        }
    }

    #[test]
    fn a_wrong_character_is_told_wherever_it_is() {
        let text = general_purpose::STANDARD.encode([7; 300]);
        for at in 0..text.len() {
            for wrong in [b'\\', b'\'', b' ', b'=', b'\n', 0, 0x80] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = wrong;
                let is_padding = wrong == b'=' && at + 1 == text.len();
                let wanted = general_purpose::STANDARD
                    .decode(&bytes)
                    .map_err(|error| format!("invalid base64: {error}"));
                assert_eq!(decode_base64(&bytes), wanted, "{wrong} at {at}");
                assert!(wanted.is_err() || is_padding, "{wrong} at {at}");
            }
        }
    }
}
