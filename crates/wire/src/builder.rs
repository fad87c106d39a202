//! From messages to bytes.

use crate::annotations::Annotations;
use crate::compression::compress;
use crate::error::EncodeError;
use crate::header::SizedHeader;
use crate::hmac::DIGEST_LEN;
use crate::{AnnotationKey, Dialect, Flags, Header, HmacKey};

/// For [`FrameBuilder::begin`]: a message without annotations.
pub const NO_ANNOTATIONS: [(AnnotationKey, &[u8]); 0] = [];

/// How frames are written: the same for every message of a connection, so one value serves many.
#[derive(Debug, Clone, Default)]
pub struct FrameSettings {
    /// Sign every Pyro4 message with this key. Default: none. Pyro5 has no signatures and ignores it.
    pub hmac_key: Option<HmacKey>,
    /// Refuse to write a message with more bytes of payload (as it travels) and annotations. Default: no limit.
    pub max_message_size: Option<u64>,
    /// Compress payloads where Pyro does: in Pyro4 those of CONNECT, CONNECTOK, INVOKE and normal RESULT from 200
    /// bytes on, in Pyro5 all above 100 bytes. Only when it makes them shorter: Pyro5 itself sends the stream even
    /// when it is longer, but any receiver takes both. Default: off.
    pub compression: bool,
}

/// Writes one frame at the end of a buffer, the payload straight into its place.
///
/// A builder that is dropped without [`finish`](FrameBuilder::finish), or fails, leaves the buffer as it was found.
/// Several frames may be written into one buffer, one after the other.
///
/// ```
/// use ferropyro_wire::{AnnotationKey, Dialect, FrameBuilder, FrameSettings, Header, MessageKind, Serializer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dialect = Dialect::V502;
/// let serializer = Serializer::Json.id(dialect).ok_or("Pyro5 has json")?;
/// let header = Header { seq: 7, ..Header::new(dialect, MessageKind::INVOKE, serializer) };
/// let annotations = [(AnnotationKey::try_from("XYZZ")?, b"magic")];
/// let settings = FrameSettings::default();
/// let mut buffer = Vec::new();
/// let mut frame = FrameBuilder::begin(&mut buffer, &header, annotations, &settings)?;
/// frame.payload().extend_from_slice(br#"{"object": "obj", "method": "echo"}"#);
/// let len = frame.finish()?;
/// assert_eq!(len, 40 + (8 + 5) + 35);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FrameBuilder<'v, 's> {
    buffer: &'v mut Vec<u8>,
    settings: &'s FrameSettings,
    header: Header,
    start: usize,
    payload_start: usize,
    signs: bool,
    finished: bool,
}

impl<'v, 's> FrameBuilder<'v, 's> {
    /// Puts a frame's header and annotations at the end of `buffer`.
    ///
    /// In Pyro4 the header's correlation id goes out as the annotation `CORR`, behind the given ones, unless it is
    /// among them: then that one stands where it is. Protocol 46 has none; its programs sign annotations in an order of
    /// their own, so that each one less is better. With a key the signature is the last annotation; a given `HMAC` is
    /// left out.
    ///
    /// # Errors
    ///
    /// [`EncodeError::AnnotationsTooLong`] and [`EncodeError::NumberTooBig`].
    pub fn begin<V: AsRef<[u8]>>(
        buffer: &'v mut Vec<u8>,
        header: &Header,
        annotations: impl IntoIterator<Item = (AnnotationKey, V)>,
        settings: &'s FrameSettings,
    ) -> Result<FrameBuilder<'v, 's>, EncodeError> {
        let start = buffer.len();
        let signs = settings.hmac_key.is_some() && !header.dialect.is_pyro5();
        let mut header = *header;
        header.flags = own_flags(&header);
        // From here on an error drops the frame, and that truncates the buffer.
        let mut frame = FrameBuilder {
            buffer,
            settings,
            header,
            start,
            payload_start: start,
            signs,
            finished: false,
        };
        frame.check_numbers()?;
        let chunks_start = start + header.dialect.header_len();
        frame.buffer.resize(chunks_start, 0);
        frame.write_chunks(annotations);
        frame.payload_start = frame.buffer.len();
        frame.check_annotations_len()?;
        Ok(frame)
    }

    /// The buffer, for the payload to be appended to. What stands in it already belongs to this frame and those before
    /// it.
    pub fn payload(&mut self) -> &mut Vec<u8> {
        self.buffer
    }

    /// Compresses and signs as the settings say, and fills in the header. Gives the length of the frame in bytes.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] and [`EncodeError::PayloadTooLong`]; [`EncodeError::PayloadLost`] when the buffer was
    /// made shorter.
    pub fn finish(mut self) -> Result<usize, EncodeError> {
        if self.settings.compression {
            self.compress();
        }
        let sized = self.sized_header()?;
        self.sign();
        let dialect = self.header.dialect;
        let place = self.buffer.get_mut(self.start..self.start + dialect.header_len());
        sized.write(place.ok_or(EncodeError::PayloadLost)?);
        self.finished = true;
        Ok(self.buffer.len() - self.start)
    }

    fn check_numbers(&self) -> Result<(), EncodeError> {
        let numbers = [self.header.kind.0, self.header.serializer.0];
        match numbers
            .into_iter()
            .find(|number| self.header.dialect.is_pyro5() && *number > 255)
        {
            Some(number) => Err(EncodeError::NumberTooBig { number }),
            None => Ok(()),
        }
    }

    fn write_chunks<V: AsRef<[u8]>>(&mut self, annotations: impl IntoIterator<Item = (AnnotationKey, V)>) {
        let in_chunk = |_: &uuid::Uuid| matches!(self.header.dialect, Dialect::V47 | Dialect::V48);
        let mut correlation_id = self.header.correlation_id.filter(in_chunk);
        for (key, value) in annotations {
            if self.signs && key == AnnotationKey::HMAC {
                continue;
            }
            if key == AnnotationKey::CORR {
                correlation_id = None;
            }
            self.write_chunk(key, value.as_ref());
        }
        if let Some(id) = correlation_id {
            self.write_chunk(AnnotationKey::CORR, id.as_bytes());
        }
        if self.signs {
            self.write_chunk(AnnotationKey::HMAC, &[0; DIGEST_LEN]);
        }
    }

    /// A value too long for its length field is found by [`check_annotations_len`](Self::check_annotations_len).
    fn write_chunk(&mut self, key: AnnotationKey, value: &[u8]) {
        self.buffer.extend_from_slice(key.as_bytes());
        if self.header.dialect.is_pyro5() {
            self.buffer.extend_from_slice(&(value.len() as u32).to_be_bytes());
        } else {
            self.buffer.extend_from_slice(&(value.len() as u16).to_be_bytes());
        }
        self.buffer.extend_from_slice(value);
    }

    fn check_annotations_len(&self) -> Result<(), EncodeError> {
        let dialect = self.header.dialect;
        let size = self.annotations_len() as u64;
        let max = if dialect.is_pyro5() {
            u64::from(u32::MAX)
        } else {
            u64::from(u16::MAX)
        };
        if size > max {
            Err(EncodeError::AnnotationsTooLong { dialect, size })
        } else {
            Ok(())
        }
    }

    fn annotations_len(&self) -> usize {
        self.payload_start - self.chunks_start()
    }

    fn chunks_start(&self) -> usize {
        self.start + self.header.dialect.header_len()
    }

    fn compress(&mut self) {
        let payload = self.buffer.get(self.payload_start..).unwrap_or_default();
        if let Some(shorter) = compress(&self.header, payload) {
            self.buffer.truncate(self.payload_start);
            self.buffer.extend_from_slice(&shorter);
            self.header.flags |= Flags::COMPRESSED;
        }
    }

    fn sized_header(&self) -> Result<SizedHeader, EncodeError> {
        let dialect = self.header.dialect;
        let payload_len = self
            .buffer
            .len()
            .checked_sub(self.payload_start)
            .ok_or(EncodeError::PayloadLost)?;
        let size = payload_len as u64 + self.annotations_len() as u64;
        match self.settings.max_message_size {
            Some(max) if size > max => return Err(EncodeError::TooLarge { dialect, size, max }),
            _ => {}
        }
        Ok(SizedHeader {
            header: self.header,
            payload_len: checked_payload_len(dialect, payload_len as u64)?,
            annotations_len: self.annotations_len() as u32,
        })
    }

    /// The room for the digest is at the end of the annotations; its zeros do not count, because no signature covers
    /// itself.
    fn sign(&mut self) {
        let Some(key) = self.settings.hmac_key.as_ref().filter(|_| self.signs) else {
            return;
        };
        let (front, payload) = self.buffer.split_at_mut(self.payload_start);
        let chunks = front
            .get(self.start + self.header.dialect.header_len()..)
            .unwrap_or_default();
        let Ok(annotations) = Annotations::parse(self.header.dialect, chunks, usize::MAX) else {
            return;
        };
        let digest = key.digest(payload, annotations);
        if let Some(room) = front.last_chunk_mut::<DIGEST_LEN>() {
            *room = digest;
        }
    }
}

impl Drop for FrameBuilder<'_, '_> {
    fn drop(&mut self) {
        if !self.finished {
            self.buffer.truncate(self.start);
        }
    }
}

/// The payload's length as the header has it: a signed number in Pyro4, which ends at 2 GiB, an unsigned one in Pyro5, which ends at 4 GiB.
fn checked_payload_len(dialect: Dialect, size: u64) -> Result<i64, EncodeError> {
    let max = if dialect.is_pyro5() {
        u64::from(u32::MAX)
    } else {
        i32::MAX as u64
    };
    if size > max {
        return Err(EncodeError::PayloadTooLong { dialect, size });
    }
    Ok(size as i64)
}

/// The flags without those that the builder decides.
fn own_flags(header: &Header) -> Flags {
    let flags = header.flags.without(Flags::COMPRESSED | Flags::CORR_ID);
    match (header.dialect, header.correlation_id) {
        (Dialect::V502, Some(_)) => flags.with(Flags::CORR_ID),
        _ => flags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: SER-04
    #[test]
    fn a_payload_longer_than_the_header_can_say_is_refused_before_it_is_sent() {
        let pyro4_most = 0x7fff_ffff;
        assert_eq!(checked_payload_len(Dialect::V48, pyro4_most), Ok(0x7fff_ffff));
        let error = checked_payload_len(Dialect::V48, pyro4_most + 1).unwrap_err();
        assert_eq!(error.to_string(), "invalid message size (outside range 0..2Gb)");
        let pyro5_most = 0xffff_ffff;
        assert_eq!(checked_payload_len(Dialect::V502, pyro5_most), Ok(0xffff_ffff));
        assert!(checked_payload_len(Dialect::V502, pyro5_most + 1).is_err());
    }
}
