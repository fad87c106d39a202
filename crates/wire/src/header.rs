//! A message's header: what it says, and how both layouts are read and written.

use uuid::Uuid;

use crate::error::FrameErrorKind;
use crate::{Dialect, Flags, MessageKind, SerializerId};

pub(crate) const MAGIC: [u8; 4] = *b"PYRO";
/// Magic and version: enough to know the dialect.
pub(crate) const PREAMBLE_LEN: usize = 6;

const CHECKSUM_SEED: u16 = 0x34e9;
const V502_MAGIC_NUMBER: u16 = 0x4dc5;

/// What a header says, apart from the lengths: these the [`Deframer`](crate::Deframer) and the
/// [`FrameBuilder`](crate::FrameBuilder) look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How the message is written.
    pub dialect: Dialect,
    /// The message's type.
    pub kind: MessageKind,
    /// The flags. In a received message `COMPRESSED` tells how the payload travelled. In one to be written
    /// `COMPRESSED` and `CORR_ID` are ignored: the [`FrameBuilder`](crate::FrameBuilder) sets them as needed.
    pub flags: Flags,
    /// The sequence number; a reply carries that of its request.
    pub seq: u16,
    /// The serializer of the payload.
    pub serializer: SerializerId,
    /// The correlation id: a header field in Pyro5, the annotation `CORR` in Pyro4.
    pub correlation_id: Option<Uuid>,
}

impl Header {
    /// A header with no flags, sequence number 0 and no correlation id.
    #[must_use]
    pub const fn new(dialect: Dialect, kind: MessageKind, serializer: SerializerId) -> Header {
        Header {
            dialect,
            kind,
            flags: Flags::NONE,
            seq: 0,
            serializer,
            correlation_id: None,
        }
    }

    /// The meaning of the serializer number, if the dialect gives it one.
    #[must_use]
    pub const fn serializer_kind(&self) -> Option<crate::Serializer> {
        self.serializer.kind(self.dialect)
    }
}

/// A header with the lengths that follow it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizedHeader {
    pub(crate) header: Header,
    /// Signed as on the wire of Pyro4.
    pub(crate) payload_len: i64,
    pub(crate) annotations_len: u32,
}

impl SizedHeader {
    /// Reads the header at the front of `input`: `None` until it is complete.
    ///
    /// The caller has looked at the first six bytes already; what can still be wrong is the checksum, or Pyro5's magic
    /// number.
    pub(crate) fn parse(dialect: Dialect, input: &[u8]) -> Result<Option<SizedHeader>, FrameErrorKind> {
        let sized = if dialect.is_pyro5() {
            input.first_chunk::<40>().map(parse_v502)
        } else {
            input.first_chunk::<24>().map(|bytes| parse_v4(dialect, bytes))
        };
        sized.transpose()
    }

    /// Writes the header over `place`, which has room for exactly one.
    pub(crate) fn write(&self, place: &mut [u8]) {
        if self.header.dialect.is_pyro5() {
            place.copy_from_slice(&self.to_v502());
        } else {
            place.copy_from_slice(&self.to_v4());
        }
    }

    fn to_v4(self) -> [u8; 24] {
        let header = &self.header;
        let version = header.dialect.version();
        let flags = header.flags.to_bits(header.dialect);
        let payload_len = self.payload_len as u32;
        let annotations_len = self.annotations_len as u16;
        let mut bytes = [0; 24];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&version.to_be_bytes());
        bytes[6..8].copy_from_slice(&header.kind.0.to_be_bytes());
        bytes[8..10].copy_from_slice(&flags.to_be_bytes());
        bytes[10..12].copy_from_slice(&header.seq.to_be_bytes());
        bytes[12..16].copy_from_slice(&payload_len.to_be_bytes());
        bytes[16..18].copy_from_slice(&header.serializer.0.to_be_bytes());
        bytes[18..20].copy_from_slice(&annotations_len.to_be_bytes());
        let checksum = v4_checksum(&bytes);
        bytes[22..24].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn to_v502(self) -> [u8; 40] {
        let header = &self.header;
        let flags = header.flags.to_bits(header.dialect);
        let payload_len = self.payload_len as u32;
        let mut bytes = [0; 40];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&header.dialect.version().to_be_bytes());
        bytes[6] = header.kind.0 as u8;
        bytes[7] = header.serializer.0 as u8;
        bytes[8..10].copy_from_slice(&flags.to_be_bytes());
        bytes[10..12].copy_from_slice(&header.seq.to_be_bytes());
        bytes[12..16].copy_from_slice(&payload_len.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.annotations_len.to_be_bytes());
        if let Some(id) = header.correlation_id {
            bytes[20..36].copy_from_slice(id.as_bytes());
        }
        bytes[38..40].copy_from_slice(&V502_MAGIC_NUMBER.to_be_bytes());
        bytes
    }
}

fn parse_v4(dialect: Dialect, bytes: &[u8; 24]) -> Result<SizedHeader, FrameErrorKind> {
    if v4_checksum(bytes) != u16_at(bytes, 22) {
        return Err(FrameErrorKind::BadChecksum);
    }
    let header = Header {
        dialect,
        kind: MessageKind(u16_at(bytes, 6)),
        flags: Flags::from_bits(u16_at(bytes, 8), dialect),
        seq: u16_at(bytes, 10),
        serializer: SerializerId(u16_at(bytes, 16)),
        correlation_id: None,
    };
    let payload_len = i64::from(u32_at(bytes, 12) as i32);
    Ok(SizedHeader {
        header,
        payload_len,
        annotations_len: u32::from(u16_at(bytes, 18)),
    })
}

fn parse_v502(bytes: &[u8; 40]) -> Result<SizedHeader, FrameErrorKind> {
    if u16_at(bytes, 38) != V502_MAGIC_NUMBER {
        return Err(FrameErrorKind::BadChecksum);
    }
    let flags = Flags::from_bits(u16_at(bytes, 8), Dialect::V502);
    let header = Header {
        dialect: Dialect::V502,
        kind: MessageKind(u16::from(bytes[6])),
        flags,
        seq: u16_at(bytes, 10),
        serializer: SerializerId(u16::from(bytes[7])),
        correlation_id: flags.contains(Flags::CORR_ID).then(|| correlation_id(bytes)),
    };
    let payload_len = i64::from(u32_at(bytes, 12));
    Ok(SizedHeader {
        header,
        payload_len,
        annotations_len: u32_at(bytes, 16),
    })
}

/// The sum of every field but the magic, the reserved one and itself. Only the low half of the payload length survives
/// the modulus.
fn v4_checksum(bytes: &[u8; 24]) -> u16 {
    [4, 6, 8, 10, 14, 16, 18]
        .into_iter()
        .fold(CHECKSUM_SEED, |sum, offset| sum.wrapping_add(u16_at(bytes, offset)))
}

fn correlation_id(bytes: &[u8; 40]) -> Uuid {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[20..36]);
    Uuid::from_bytes(id)
}

fn u16_at<const N: usize>(bytes: &[u8; N], offset: usize) -> u16 {
    u16::from_be_bytes([bytes[offset], bytes[offset + 1]])
}

fn u32_at<const N: usize>(bytes: &[u8; N], offset: usize) -> u32 {
    u32::from_be_bytes([bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]])
}
