//! What can be wrong with a frame, in Pyro's words.

use std::fmt;

use crate::{Dialect, Header, MessageKind};

/// A received frame that cannot be accepted.
///
/// Display gives the text of the Pyro of [`dialect`](FrameError::dialect): it is what a refusal carries and what a
/// caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameError {
    pub(crate) kind: FrameErrorKind,
    pub(crate) dialect: Dialect,
    pub(crate) header: Option<Header>,
    pub(crate) accepted_len: Option<usize>,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameErrorKind {
    /// The bytes do not begin with `PYRO`.
    BadMagic,
    /// The peer speaks another version of the protocol, this one. A client may try again in that one.
    BadVersion(u16),
    /// The header's checksum (Pyro4) or magic number (Pyro5) is wrong.
    BadChecksum,
    /// Payload and annotations together are longer than allowed. Bytes.
    TooLarge {
        /// What the header announces.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The payload's length is negative (it is a signed number in Pyro4).
    NegativeLength,
    /// A message of this type is not expected now.
    UnexpectedKind {
        /// The type that came.
        received: MessageKind,
        /// The types that would have been right.
        expected: &'static [MessageKind],
    },
    /// The annotations cannot be read.
    BadAnnotations(AnnotationFault),
    /// The signature is wrong: the peer has another key.
    HmacMismatch,
    /// A signature without a key here, or a key here without a signature.
    HmacAsymmetric,
    /// The annotation `CORR` does not hold 16 bytes.
    BadCorrelationId,
    /// The payload is flagged as compressed but is no zlib stream; the text is zlib's.
    BadCompression(String),
    /// The payload grows beyond this many bytes when it is inflated.
    InflatedTooLarge {
        /// The limit.
        max: u64,
    },
}

/// Why annotations cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnotationFault {
    /// A piece at the end is too short for a chunk (Pyro4).
    Torn,
    /// A chunk goes beyond the announced total (Pyro5).
    BeyondTotal,
    /// A key is not ASCII.
    NotAscii {
        /// The bytes of the key.
        key: [u8; 4],
    },
    /// More chunks than allowed.
    TooMany {
        /// The limit.
        max: usize,
    },
}

impl FrameError {
    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &FrameErrorKind {
        &self.kind
    }

    /// The dialect to write a refusal in: that of the frame, or the preferred one of this side when the frame's is not
    /// spoken.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The header, when it could be read.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The sequence number that Pyro puts into a refusal: the request's when only the message's contents were wrong (a
    /// bad `CORR`, a bad zlib stream in Pyro4), else 0, even where the header could be read.
    #[must_use]
    pub fn refusal_seq(&self) -> u16 {
        match (self.accepted_len, &self.header) {
            (Some(_), Some(header)) => header.seq,
            _ => 0,
        }
    }

    /// The bytes to drop from the input to go on with the next message; `None` when the connection must be closed.
    ///
    /// Pyro4 looks at `CORR` and at a zlib stream after it has accepted the message, so during a call these give an
    /// exception reply and the connection lives on. (In a handshake they end it like anything else.)
    #[must_use]
    pub const fn skip(&self) -> Option<usize> {
        self.accepted_len
    }

    /// True for the two kinds that are Pyro's SecurityError; the others are its ProtocolError, or a plain Python error
    /// when [`skip`](FrameError::skip) is given.
    #[must_use]
    pub const fn is_security(&self) -> bool {
        matches!(self.kind, FrameErrorKind::HmacMismatch | FrameErrorKind::HmacAsymmetric)
    }
}

impl std::error::Error for FrameError {}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pyro5 = self.dialect.is_pyro5();
        match &self.kind {
            FrameErrorKind::BadMagic if pyro5 => f.write_str("invalid data"),
            FrameErrorKind::BadVersion(version) if pyro5 => write!(f, "invalid protocol version: {version}"),
            FrameErrorKind::BadMagic | FrameErrorKind::BadVersion(_) => {
                f.write_str("invalid data or unsupported protocol version")
            }
            FrameErrorKind::BadChecksum if pyro5 => f.write_str("invalid message or protocol version"),
            FrameErrorKind::BadChecksum => f.write_str("header checksum mismatch"),
            FrameErrorKind::TooLarge { size, max } => write_too_large(f, self.dialect, *size, *max),
            FrameErrorKind::NegativeLength => f.write_str("negative buffersize in recv"),
            FrameErrorKind::UnexpectedKind { received, expected } => {
                write!(f, "invalid msg type {received} received")?;
                if pyro5 { write_expected(f, expected) } else { Ok(()) }
            }
            FrameErrorKind::BadAnnotations(fault) => fault.fmt(f),
            FrameErrorKind::HmacMismatch => f.write_str("message hmac mismatch"),
            FrameErrorKind::HmacAsymmetric => f.write_str("hmac key config not symmetric"),
            FrameErrorKind::BadCorrelationId => f.write_str("bytes is not a 16-char string"),
            FrameErrorKind::BadCompression(text) => f.write_str(text),
            FrameErrorKind::InflatedTooLarge { max } => {
                write!(f, "message too large when decompressed (max={max})")
            }
        }
    }
}

fn write_expected(f: &mut fmt::Formatter<'_>, expected: &[MessageKind]) -> fmt::Result {
    f.write_str(" (expected: ")?;
    for (index, kind) in expected.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(f, "{comma}{kind}")?;
    }
    f.write_str(")")
}

fn write_too_large(f: &mut fmt::Formatter<'_>, dialect: Dialect, size: u64, max: u64) -> fmt::Result {
    if dialect.is_pyro5() {
        write!(f, "message too large ({size}, max={max})")
    } else {
        write!(f, "max message size exceeded ({size} where max={max})")
    }
}

impl fmt::Display for AnnotationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnnotationFault::Torn => f.write_str("unpack requires a buffer of 6 bytes"),
            AnnotationFault::BeyondTotal => f.write_str("annotation chunk length exceeds remaining data"),
            AnnotationFault::NotAscii { key } => {
                let position = key.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
                let byte = key[position];
                write!(
                    f,
                    "'ascii' codec can't decode byte 0x{byte:02x} in position {position}: ordinal not in range(128)"
                )
            }
            AnnotationFault::TooMany { max } => write!(f, "too many annotations (max={max})"),
        }
    }
}

/// A message that cannot be written. Nothing of it stays in the caller's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Payload and annotations together are longer than this side allows. Bytes.
    TooLarge {
        /// The dialect, which decides the wording.
        dialect: Dialect,
        /// What the message would have.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The payload's length does not fit the header: 2 GiB in Pyro4, 4 GiB in Pyro5. Bytes.
    PayloadTooLong {
        /// The dialect, which decides the limit.
        dialect: Dialect,
        /// The payload's length.
        size: u64,
    },
    /// The annotations' length does not fit the header: 65535 bytes in Pyro4, 4 GiB in Pyro5.
    AnnotationsTooLong {
        /// The dialect, which decides the limit.
        dialect: Dialect,
        /// The length of all chunks, each with its key and length.
        size: u64,
    },
    /// A message type or serializer id above 255 in Pyro5, which has one byte for it.
    NumberTooBig {
        /// The number.
        number: u16,
    },
    /// Whoever wrote the payload cut away bytes in front of it.
    PayloadLost,
}

impl std::error::Error for EncodeError {}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::TooLarge { dialect, size, max } => write_too_large(f, *dialect, *size, *max),
            EncodeError::PayloadTooLong {
                dialect: Dialect::V502,
                size,
            } => {
                write!(
                    f,
                    "invalid message size: the payload has {size} bytes, Pyro5 allows 4294967295"
                )
            }
            EncodeError::PayloadTooLong { .. } => f.write_str("invalid message size (outside range 0..2Gb)"),
            EncodeError::AnnotationsTooLong { dialect, size } => {
                let (generation, max) = if dialect.is_pyro5() {
                    ("Pyro5", u32::MAX)
                } else {
                    ("Pyro4", 65535)
                };
                write!(
                    f,
                    "the annotations take {size} bytes, a {generation} message has room for {max}"
                )
            }
            EncodeError::NumberTooBig { number } => {
                write!(
                    f,
                    "message type or serializer id {number} does not fit the one byte that Pyro5 has for it"
                )
            }
            EncodeError::PayloadLost => f.write_str("bytes in front of the payload were removed while it was written"),
        }
    }
}
