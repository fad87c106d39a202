//! Frames of the Pyro4 and Pyro5 wire protocols: bytes in, messages out.
//!
//! This crate is sans-io. It knows no socket, no clock and no thread, and it does not look into payloads: whoever has
//! bytes shows them to a [`Deframer`], and whoever has a message writes it with a [`FrameBuilder`] into a buffer of
//! theirs.
//!
//! # The frames
//!
//! A frame is a header, annotation chunks (possibly none), and the payload. Nothing separates frames. Numbers are
//! big-endian.
//!
//! | offset | Pyro4 (46, 47, 48) | offset | Pyro5 (502) |
//! |---|---|---|---|
//! | 0 | `PYRO` | 0 | `PYRO` |
//! | 4 | u16 version | 4 | u16 version |
//! | 6 | u16 message type | 6 | u8 message type |
//! | 8 | u16 flags | 7 | u8 serializer id |
//! | 10 | u16 sequence number | 8 | u16 flags |
//! | 12 | i32 payload length | 10 | u16 sequence number |
//! | 16 | u16 serializer id | 12 | u32 payload length |
//! | 18 | u16 annotations length | 16 | u32 annotations length |
//! | 20 | u16 reserved | 20 | 16 bytes correlation id |
//! | 22 | u16 checksum | 36 | u16 reserved |
//! | 24 | annotations, payload | 38 | u16 magic number 0x4dc5 |
//! | | | 40 | annotations, payload |
//!
//! An annotation chunk is 4 ASCII bytes of key, the value's length (u16 in Pyro4, u32 in Pyro5), and the value. Pyro4
//! keeps the correlation id in a chunk `CORR` and a signature of the message in a chunk `HMAC`.
//!
//! # Example
//!
//! A call travels from one [`Vec`] to another side that does not know yet which Pyro it is talking to:
//!
//! ```
//! use ferropyro_wire::{Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, MessageKind};
//! use ferropyro_wire::{NO_ANNOTATIONS, Serializer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serializer = Serializer::Serpent.id(Dialect::V48).ok_or("every Pyro has serpent")?;
//! let header = Header { flags: Flags::ONEWAY, seq: 1, ..Header::new(Dialect::V48, MessageKind::INVOKE, serializer) };
//! let settings = FrameSettings::default();
//! let mut buffer = Vec::new();
//! let mut frame = FrameBuilder::begin(&mut buffer, &header, NO_ANNOTATIONS, &settings)?;
//! frame.payload().extend_from_slice(b"('obj', 'log', ('hello',), {})");
//! frame.finish()?;
//!
//! let mut deframer = Deframer::for_dialects(&[Dialect::V48, Dialect::V502]);
//! deframer.expect(&[MessageKind::INVOKE, MessageKind::PING]);
//! let (len, message) = deframer.next(&buffer)?.ok_or("all bytes are there")?;
//! assert_eq!(len, buffer.len());
//! assert_eq!(message.header, header);
//! assert_eq!(&*message.payload, b"('obj', 'log', ('hello',), {})");
//! # Ok(())
//! # }
//! ```
//!
//! # Trust
//!
//! Everything that arrives is checked, with Pyro's error texts in Pyro's order. No memory is taken for a length that
//! is only announced: the caller's buffer grows by [`Deframer::wanted`], and a compressed payload is inflated under a
//! limit.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

mod annotations;
mod builder;
mod compression;
mod deframer;
mod dialect;
mod error;
mod header;
mod hmac;
mod numbers;

pub use annotations::{AnnotationKey, AnnotationKeyError, Annotations, OwnedAnnotations};
pub use builder::{FrameBuilder, FrameSettings, NO_ANNOTATIONS};
pub use deframer::{DEFAULT_MAX_ANNOTATIONS, DEFAULT_MAX_MESSAGE_SIZE, Deframer, Message, READ_STEP};
pub use dialect::Dialect;
pub use error::{AnnotationFault, EncodeError, FrameError, FrameErrorKind};
pub use header::Header;
pub use hmac::HmacKey;
pub use numbers::{Flags, MessageKind, Serializer, SerializerId, UnknownSerializer};
