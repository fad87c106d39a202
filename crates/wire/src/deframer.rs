//! From bytes to messages.

use std::borrow::Cow;

use uuid::Uuid;

use crate::compression::Inflater;
use crate::error::{FrameError, FrameErrorKind};
use crate::header::{MAGIC, PREAMBLE_LEN, SizedHeader};
use crate::{AnnotationKey, Annotations, Dialect, Flags, Header, HmacKey, MessageKind};

/// The most bytes that [`Deframer::wanted`] asks for at once while no more than these have arrived.
pub const READ_STEP: usize = 64 << 10;

/// Bytes of payload and annotations that a [`Deframer`] accepts unless told otherwise: 1 GiB, Pyro5's default.
pub const DEFAULT_MAX_MESSAGE_SIZE: u64 = 1 << 30;

/// Annotation chunks that a [`Deframer`] accepts unless told otherwise.
pub const DEFAULT_MAX_ANNOTATIONS: usize = 64;

/// A received message. Annotations and an uncompressed payload are borrowed from the input.
#[derive(Debug, Clone)]
pub struct Message<'b> {
    /// What the header says. In Pyro4 the correlation id comes from the annotation `CORR`.
    pub header: Header,
    /// The annotations, all of them.
    pub annotations: Annotations<'b>,
    /// The payload, inflated if it was compressed.
    pub payload: Cow<'b, [u8]>,
}

/// Finds messages in bytes as they arrive, and checks them as Pyro does.
///
/// The caller keeps the bytes and shows them from the start of a message on; [`next`](Deframer::next) answers with a
/// message and its length, or that more bytes are needed. One `Deframer` belongs to one direction of one connection.
///
/// ```
/// use ferropyro_wire::{Deframer, Dialect, MessageKind};
/// let ping = b"PYRO\0\x30\0\x06\0\0\0\0\0\0\0\x04\0\x2a\0\0\0\0\x35\x4dping";
/// let mut deframer = Deframer::for_dialects(&[Dialect::V48, Dialect::V502]);
/// assert!(deframer.next(&ping[..10]).unwrap().is_none());
/// let (len, message) = deframer.next(ping).unwrap().unwrap();
/// assert_eq!((len, message.header.kind), (28, MessageKind::PING));
/// assert_eq!(&*message.payload, b"ping");
/// assert_eq!(deframer.dialect(), Some(Dialect::V48));
/// ```
#[derive(Debug)]
pub struct Deframer {
    accepted: Vec<Dialect>,
    dialect: Option<Dialect>,
    expected: &'static [MessageKind],
    max_message_size: Option<u64>,
    max_inflated: Option<u64>,
    max_annotations: usize,
    hmac_key: Option<HmacKey>,
    inflater: Inflater,
    wanted: usize,
    prepared: Option<Prepared>,
}

/// What [`Deframer::prepare`] has found: a message, and its payload if that was compressed.
type Prepared = Result<Option<Vec<u8>>, FrameError>;

impl Deframer {
    /// Reads one dialect only, as a client does and a server of one generation.
    #[must_use]
    pub fn for_dialect(dialect: Dialect) -> Deframer {
        let mut deframer = Deframer::for_dialects(&[dialect]);
        deframer.dialect = Some(dialect);
        deframer
    }

    /// Reads any of these dialects and stays with that of the first message. The first of the list is the preferred
    /// one: strangers are refused in it. An empty list means every dialect, Pyro4's 48 preferred.
    #[must_use]
    pub fn for_dialects(dialects: &[Dialect]) -> Deframer {
        let every = [Dialect::V48, Dialect::V502, Dialect::V47, Dialect::V46];
        Deframer {
            accepted: if dialects.is_empty() {
                every.to_vec()
            } else {
                dialects.to_vec()
            },
            dialect: None,
            expected: &[],
            max_message_size: Some(DEFAULT_MAX_MESSAGE_SIZE),
            max_inflated: None,
            max_annotations: DEFAULT_MAX_ANNOTATIONS,
            hmac_key: None,
            inflater: Inflater::default(),
            wanted: PREAMBLE_LEN,
            prepared: None,
        }
    }

    /// The longest message to accept: bytes of payload (as it travels) and annotations. `None`: no limit. Default:
    /// 1 GiB. May be changed between messages, so that a stranger gets less than a client who has been let in.
    pub fn set_max_message_size(&mut self, max: Option<u64>) -> &mut Deframer {
        self.max_message_size = max;
        self
    }

    /// The longest payload to inflate to, in bytes. `None`, the default: that of the message, or 1 GiB if it has none.
    pub fn set_max_inflated(&mut self, max: Option<u64>) -> &mut Deframer {
        self.max_inflated = max;
        self
    }

    /// How many annotation chunks a message may have. Default: 64.
    pub fn set_max_annotations(&mut self, max: usize) -> &mut Deframer {
        self.max_annotations = max;
        self
    }

    /// The key that every Pyro4 message must be signed with; without one, signed messages are refused.
    ///
    /// Pyro5 has no signatures, so its messages pass. A server that relies on its key must not accept that dialect.
    pub fn set_hmac_key(&mut self, key: Option<HmacKey>) -> &mut Deframer {
        self.hmac_key = key;
        self
    }

    /// The types that the next message may have, in the order in which an error shall name them. Empty, the default:
    /// any.
    pub fn expect(&mut self, kinds: &'static [MessageKind]) -> &mut Deframer {
        self.expected = kinds;
        self
    }

    /// The connection's dialect: given at the start, or found in the first message.
    #[must_use]
    pub const fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// After [`next`](Deframer::next) found no whole message: how many further bytes complete what is being read, at
    /// most [`READ_STEP`], or as many again as have arrived. A buffer that grows by this much at a time never takes more
    /// than twice what has arrived, or one step, whatever a header announces.
    #[must_use]
    pub const fn wanted(&self) -> usize {
        self.wanted
    }

    /// Looks for the message that `input` begins with. Gives the number of bytes it takes and the message, or `None`
    /// while it is incomplete. The caller drops these bytes before the next call.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, in Pyro's order of checks: magic and version (six bytes are enough), checksum,
    /// size, type, annotations, signature, correlation id, compression. Unless [`FrameError::skip`] says otherwise the
    /// connection is of no more use.
    pub fn next<'b>(&mut self, input: &'b [u8]) -> Result<Option<(usize, Message<'b>)>, FrameError> {
        let prepared = self.prepared.take();
        let Some(sized) = self.size_up(input)? else {
            return Ok(None);
        };
        let dialect = sized.header.dialect;
        let refuse = |kind| FrameError {
            header: Some(sized.header),
            ..error(kind, dialect)
        };
        let frame_len = self.check_sizes_and_kind(&sized).map_err(refuse)?;
        let Some(frame) = input.get(..frame_len) else {
            return self.want(frame_len, input);
        };
        let prepared = prepared.transpose()?;
        let mut message = self.split(&sized, frame).map_err(refuse)?;
        if prepared.is_none() {
            self.check_hmac(&message).map_err(refuse)?;
        }
        self.finish(&mut message, prepared).map_err(|kind| FrameError {
            header: Some(message.header),
            // Pyro5 inflates while it reads the frame, Pyro4 when it uses the payload: only there can the connection
            // go on.
            accepted_len: (!dialect.is_pyro5()).then_some(frame_len),
            ..error(kind, dialect)
        })?;
        self.wanted = PREAMBLE_LEN;
        Ok(Some((frame_len, message)))
    }

    /// Only measures the message that `input` begins with: gives its length and header, or `None` while it is
    /// incomplete. That takes no time to speak of, however long the message is. Its annotations, its signature and a
    /// compressed payload are not looked at, so [`next`](Deframer::next) may still refuse it; in Pyro4 the header has
    /// no correlation id yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the header: magic, version, checksum, size, type.
    pub fn measure(&mut self, input: &[u8]) -> Result<Option<(usize, Header)>, FrameError> {
        let Some(sized) = self.size_up(input)? else {
            return Ok(None);
        };
        let frame_len = self.check_sizes_and_kind(&sized).map_err(|kind| FrameError {
            header: Some(sized.header),
            ..error(kind, sized.header.dialect)
        })?;
        match input.len() < frame_len {
            true => self.want(frame_len, input),
            false => Ok(Some((frame_len, sized.header))),
        }
    }

    /// Checks and inflates the message that `input` begins with, and keeps what comes of it: [`next`](Deframer::next),
    /// which must be shown the same bytes then, has little to do any more. For the work that takes its time to be done
    /// in another thread.
    pub fn prepare(&mut self, input: &[u8]) {
        self.prepared = None;
        self.prepared = match self.next(input) {
            Ok(None) => None,
            Ok(Some((_, message))) => Some(Ok(match message.payload {
                Cow::Owned(inflated) => Some(inflated),
                Cow::Borrowed(_) => None,
            })),
            Err(error) => Some(Err(error)),
        };
    }

    /// The header at the front, when it is there.
    fn size_up(&mut self, input: &[u8]) -> Result<Option<SizedHeader>, FrameError> {
        let Some(preamble) = input.first_chunk::<PREAMBLE_LEN>() else {
            return self.want(PREAMBLE_LEN, input);
        };
        let dialect = self.check_preamble(preamble)?;
        let sized = SizedHeader::parse(dialect, input).map_err(|kind| error(kind, dialect))?;
        match sized {
            Some(sized) => Ok(Some(sized)),
            None => self.want(dialect.header_len(), input),
        }
    }

    fn want<T>(&mut self, len: usize, input: &[u8]) -> Result<Option<T>, FrameError> {
        self.wanted = (len - input.len()).min(READ_STEP.max(input.len()));
        Ok(None)
    }

    fn check_preamble(&mut self, preamble: &[u8; PREAMBLE_LEN]) -> Result<Dialect, FrameError> {
        let own = self.dialect.or(self.accepted.first().copied()).unwrap_or(Dialect::V48);
        let [magic @ .., high, low] = preamble;
        if *magic != MAGIC {
            return Err(error(FrameErrorKind::BadMagic, own));
        }
        let version = u16::from_be_bytes([*high, *low]);
        match (Dialect::from_version(version), self.dialect) {
            (Some(found), Some(fixed)) if found == fixed => Ok(found),
            (Some(found), None) if self.accepted.contains(&found) => {
                self.dialect = Some(found);
                Ok(found)
            }
            _ => Err(error(FrameErrorKind::BadVersion(version), own)),
        }
    }

    /// Gives the length of the whole frame.
    fn check_sizes_and_kind(&self, sized: &SizedHeader) -> Result<usize, FrameErrorKind> {
        let size = sized.payload_len.max(0) as u64 + u64::from(sized.annotations_len);
        let max = self.max_message_size.unwrap_or(u64::MAX);
        if size > max {
            return Err(FrameErrorKind::TooLarge { size, max });
        }
        let received = sized.header.kind;
        if !self.expected.is_empty() && !self.expected.contains(&received) {
            return Err(FrameErrorKind::UnexpectedKind {
                received,
                expected: self.expected,
            });
        }
        if sized.payload_len < 0 {
            return Err(FrameErrorKind::NegativeLength);
        }
        let frame_len = size.checked_add(sized.header.dialect.header_len() as u64);
        // Only a machine with 32-bit addresses gets here without having a limit set.
        let addressable = frame_len.and_then(|len| usize::try_from(len).ok());
        addressable.ok_or(FrameErrorKind::TooLarge {
            size,
            max: usize::MAX as u64,
        })
    }

    fn split<'b>(&self, sized: &SizedHeader, frame: &'b [u8]) -> Result<Message<'b>, FrameErrorKind> {
        let dialect = sized.header.dialect;
        let body = frame.get(dialect.header_len()..).unwrap_or_default();
        let (chunks, payload) = body.split_at((sized.annotations_len as usize).min(body.len()));
        let annotations =
            Annotations::parse(dialect, chunks, self.max_annotations).map_err(FrameErrorKind::BadAnnotations)?;
        Ok(Message {
            header: sized.header,
            annotations,
            payload: Cow::Borrowed(payload),
        })
    }

    fn check_hmac(&self, message: &Message<'_>) -> Result<(), FrameErrorKind> {
        if message.header.dialect.is_pyro5() {
            return Ok(());
        }
        match (message.annotations.get(AnnotationKey::HMAC), &self.hmac_key) {
            (None, None) => Ok(()),
            (Some(digest), Some(key)) if key.accepts(digest, &message.payload, message.annotations) => Ok(()),
            (Some(_), Some(_)) => Err(FrameErrorKind::HmacMismatch),
            _ => Err(FrameErrorKind::HmacAsymmetric),
        }
    }

    /// What Pyro4 does with a message once it has accepted it, and Pyro5 while it reads it; unless the payload
    /// has been prepared.
    fn finish(&mut self, message: &mut Message<'_>, prepared: Option<Option<Vec<u8>>>) -> Result<(), FrameErrorKind> {
        let pyro5 = message.header.dialect.is_pyro5();
        if !pyro5 {
            message.header.correlation_id = v4_correlation_id(message)?;
        }
        if let Some(inflated) = prepared {
            inflated
                .into_iter()
                .for_each(|payload| message.payload = Cow::Owned(payload));
            return Ok(());
        }
        // Pyro4 never looks into a ping.
        let untouched = !pyro5 && message.header.kind == MessageKind::PING;
        if message.header.flags.contains(Flags::COMPRESSED) && !untouched {
            let max = self
                .max_inflated
                .or(self.max_message_size)
                .unwrap_or(DEFAULT_MAX_MESSAGE_SIZE);
            message.payload = Cow::Owned(self.inflater.inflate(&message.payload, max)?);
        }
        Ok(())
    }
}

/// Servers read `CORR` and insist on its length; clients never look at it.
fn v4_correlation_id(message: &Message<'_>) -> Result<Option<Uuid>, FrameErrorKind> {
    let Some(bytes) = message.annotations.get(AnnotationKey::CORR) else {
        return Ok(None);
    };
    let to_server = [MessageKind::CONNECT, MessageKind::INVOKE, MessageKind::PING].contains(&message.header.kind);
    match Uuid::from_slice(bytes) {
        Ok(id) => Ok(Some(id)),
        Err(_) if to_server => Err(FrameErrorKind::BadCorrelationId),
        Err(_) => Ok(None),
    }
}

fn error(kind: FrameErrorKind, dialect: Dialect) -> FrameError {
    FrameError {
        kind,
        dialect,
        header: None,
        accepted_len: None,
    }
}
