//! One connection as the server sees it: bytes in, answers out.

use std::sync::Arc;

use ferropyro_wire::{
    Deframer, Dialect, EncodeError, Flags, FrameBuilder, FrameError, FrameErrorKind, Header, Message, MessageKind,
    Serializer,
};
use uuid::Uuid;

use super::MAX_ANNOTATIONS;
use super::failure::{Failure, write_exception};
use super::handshake::{self, Refusal};
use super::incoming::Incoming;
use super::legacy;
use crate::ErrorKind;
use crate::config::Config;
use crate::connection::Connection;
use crate::context::{Context, Facts};
use crate::daemon::core::Core;
use crate::daemon::registry::SessionObjects;
use crate::error::Raise;
use crate::logging::{Clipped, WireData, each_message, logger};
use crate::peer::Peer;
use crate::tls::Certificate;

/// The server's side of one connection.
pub(crate) struct ServerSession {
    pub(crate) core: Arc<Core>,
    pub(super) connection: Arc<Connection>,
    /// Of the last call; the next one takes its place.
    pub(super) context: Option<Context>,
    pub(super) deframer: Deframer,
    connected: bool,
    /// Whether the program has made the connection, and goes on to use it.
    given: bool,
    pub(super) objects: SessionObjects,
    ids: CorrelationIds,
    /// What is to be sent: see [`ServerSession::outgoing`].
    pub(crate) out: Vec<u8>,
}

/// What came of the bytes that have arrived.
pub(crate) enum Progress<'a> {
    Step(Step),
    /// A call, which is to be run and gives the next step.
    Call(Incoming<'a>),
}

/// What the driver does next, after it has sent what is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read some bytes; about so many are missing.
    Read(usize),
    /// Drop so many bytes and go on.
    Continue(usize),
    /// Close the connection.
    Close,
}

/// What the bytes are that have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// A message that is not complete; about so many bytes are missing.
    Incomplete(usize),
    /// A message.
    Complete,
    /// Nothing that could be accepted.
    Broken,
}

const KEY_WANTED: &str =
    "this server takes messages signed with its key only (HMAC), and Pyro5 has no signatures: use Pyro4";
/// A message of more bytes is not checked where it would hold up others.
const HEAVY: usize = 100 << 10;
const CONNECT: &[MessageKind] = &[MessageKind::CONNECT];
const CALLS: &[MessageKind] = &[MessageKind::INVOKE, MessageKind::PING];

impl ServerSession {
    pub(crate) fn new(core: Arc<Core>, peer: Peer) -> ServerSession {
        let mut deframer = deframer(&core, core.dialects());
        deframer
            .set_max_message_size(handshake_limit(&core.config))
            .expect(CONNECT);
        ServerSession {
            connection: Connection::new(peer, &core),
            core,
            context: None,
            deframer,
            connected: false,
            given: false,
            objects: SessionObjects::default(),
            ids: CorrelationIds::new(),
            out: Vec::new(),
        }
    }

    /// The client has shown this certificate.
    pub(crate) fn set_certificate(&self, certificate: Arc<Certificate>) {
        self.connection.set_certificate(certificate);
    }

    /// On a connection that the program has made there is no handshake: the first message is a call.
    pub(crate) fn without_handshake(core: Arc<Core>, peer: Peer) -> ServerSession {
        let mut session = ServerSession::new(core, peer);
        session.given = true;
        session.begin();
        session
    }

    /// Takes calls from now on.
    pub(super) fn begin(&mut self) {
        self.connected = true;
        self.deframer
            .set_max_message_size(self.core.config.max_message_size.map(|size| size as u64))
            .expect(CALLS);
    }

    /// Whether the program has made the connection.
    pub(crate) fn is_given(&self) -> bool {
        self.given
    }

    /// Whether the handshake is done.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Looks at the bytes that have arrived: answers the message at their front, if it is complete, or gives the call that it is.
    pub(crate) fn step<'a>(&'a mut self, input: &'a [u8]) -> Progress<'a> {
        let step = match self.deframer.next(input) {
            Ok(None) => Step::Read(self.deframer.wanted()),
            Ok(Some((length, message))) if self.connected => return self.serve(length, message),
            Ok(Some((length, message))) => self.greet(length, &message),
            Err(error) if self.connected => self.fail(&error),
            Err(error) => self.refuse_frame(&error),
        };
        Progress::Step(step)
    }

    /// Looks at the bytes that have arrived, and does nothing: it is measured what they are, and no more.
    pub(crate) fn front(&mut self, input: &[u8]) -> Front {
        match self.deframer.measure(input) {
            Ok(None) => Front::Incomplete(self.deframer.wanted()),
            Ok(Some(_)) => Front::Complete,
            Err(_) => Front::Broken,
        }
    }

    /// Whether the message at the front takes its time even before it is served: it is to be inflated, or it is long and perhaps signed.
    pub(crate) fn is_heavy(&mut self, input: &[u8]) -> bool {
        match self.deframer.measure(input) {
            Ok(Some((length, header))) => length > HEAVY || header.flags.contains(Flags::COMPRESSED),
            _ => false,
        }
    }

    /// For [`Deframer::prepare`] in another thread. The session gets it back with [`ServerSession::put_deframer`], and is of no use until then.
    pub(crate) fn take_deframer(&mut self) -> Deframer {
        std::mem::replace(&mut self.deframer, Deframer::for_dialects(&[]))
    }

    pub(crate) fn put_deframer(&mut self, deframer: Deframer) {
        self.deframer = deframer;
    }

    /// The peer was silent for too long. Before the handshake it is told.
    pub(crate) fn time_out(&mut self) {
        if !self.connected {
            let dialect = self.deframer.dialect().unwrap_or(self.core.dialects()[0]);
            self.refuse("receiving: timeout".to_owned(), dialect, 0);
        }
    }

    /// Answers the first message with a refusal, because nobody is free to serve this client.
    pub(crate) fn refuse_next(&mut self, input: &[u8], text: &str) -> Step {
        match self.deframer.measure(input) {
            Ok(None) => Step::Read(self.deframer.wanted()),
            // It has been greeted already, and this is its first call.
            Ok(Some((_, header))) if self.connected => {
                let raise = Raise::new(ErrorKind::Communication.class(), text);
                self.refuse_call(&header, raise)
            }
            Ok(Some((_, header))) => {
                self.refuse(text.to_owned(), header.dialect, header.seq);
                Step::Close
            }
            Err(_) if self.connected => Step::Close,
            Err(error) => self.refuse_frame(&error),
        }
    }

    fn greet(&mut self, length: usize, message: &Message<'_>) -> Step {
        self.log_received(message);
        let correlation_id = message.header.correlation_id.unwrap_or_else(|| self.ids.next());
        match handshake::accept(&self.core, &self.connection, message, correlation_id, &mut self.out) {
            Ok(()) => {
                let dialect = message.header.dialect;
                self.core
                    .log_connection(format_args!("{} connected, {dialect}", self.peer()));
                self.begin();
                Step::Continue(length)
            }
            Err(refusal) => {
                self.log_refusal(&refusal.text);
                refusal.write(&self.core, message.header.seq, Some(correlation_id), &mut self.out);
                Step::Close
            }
        }
    }

    /// What is to be sent. The driver writes it and clears it after every step.
    pub(crate) fn outgoing(&self) -> &[u8] {
        if self.core.config.logwire {
            each_message(&self.out, self.core.frame_settings.hmac_key.clone(), |sent| {
                tracing::debug!(target: logger::SERVER, "daemon wiredata sending to {}: {sent}", self.peer());
            });
        }
        &self.out
    }

    fn log_received(&self, message: &Message<'_>) {
        if self.core.config.logwire {
            let (peer, received) = (self.peer(), WireData(message));
            tracing::debug!(target: logger::SERVER, "daemon wiredata received from {peer}: {received}");
        }
    }

    fn peer(&self) -> &Peer {
        self.connection.peer()
    }

    fn refuse_frame(&mut self, error: &FrameError) -> Step {
        match error.kind() {
            // Pyro4 closes without a word when a message is too large.
            FrameErrorKind::TooLarge { .. } if !error.dialect().is_pyro5() => {}
            FrameErrorKind::BadVersion(version) if self.wants_key_of(*version) => {
                self.refuse(KEY_WANTED.to_owned(), Dialect::V502, 0);
            }
            _ => self.refuse(error.to_string(), error.dialect(), error.refusal_seq()),
        }
        Step::Close
    }

    /// Whether this is a client of Pyro5 that comes to a server with a key: told in words that it can read.
    fn wants_key_of(&self, version: u16) -> bool {
        self.core.frame_settings.hmac_key.is_some() && Dialect::from_version(version) == Some(Dialect::V502)
    }

    fn refuse(&mut self, text: String, dialect: Dialect, seq: u16) {
        self.log_refusal(&text);
        let codec = self.core.codec(Serializer::Marshal, dialect);
        Refusal { text, codec }.write(&self.core, seq, None, &mut self.out);
    }

    pub(super) fn log_refusal(&self, text: &str) {
        let log = || tracing::warn!(target: logger::SERVER, "{} refused: {}", self.peer(), Clipped(text));
        self.core.refusals.log(log);
    }

    /// A frame that cannot be accepted, on an established connection.
    fn fail(&mut self, error: &FrameError) -> Step {
        let log = || tracing::warn!(target: logger::SERVER, "{}: {error}", self.peer());
        self.core.refusals.log(log);
        let (Some(length), Some(header)) = (error.skip(), error.header()) else {
            return Step::Close;
        };
        let codec = self
            .core
            .accepted_codec(header)
            .unwrap_or(self.core.codec(Serializer::Marshal, header.dialect));
        let header = Header {
            seq: header.seq,
            ..Header::new(header.dialect, MessageKind::RESULT, codec.id())
        };
        let failure = Failure::early(Raise::new("ValueError", error.to_string()), None);
        match write_exception(&self.core, &header, &codec, &failure, None, &mut self.out) {
            true => Step::Continue(length),
            false => Step::Close,
        }
    }

    fn serve<'a>(&'a mut self, length: usize, message: Message<'a>) -> Progress<'a> {
        self.log_received(&message);
        if message.header.kind == MessageKind::PING {
            return Progress::Step(match self.pong(&message.header) {
                Ok(()) => Step::Continue(length),
                // The program's annotations are too long for any message.
                Err(_) => Step::Close,
            });
        }
        let codec = match self.core.accepted_codec(&message.header) {
            Ok(codec) => codec.for_the_writer_of(&message.payload),
            Err(text) => {
                let raise = Raise::new(legacy::serialize_error(message.header.dialect), text);
                let step = self.refuse_call(&message.header, raise);
                // Nobody could make another connection.
                return Progress::Step(if self.given { Step::Continue(length) } else { step });
            }
        };
        let facts = Facts {
            dialect: codec.dialect,
            serializer: codec.serializer,
            seq: message.header.seq,
            flags: message.header.flags,
            correlation_id: message.header.correlation_id.unwrap_or_else(|| self.ids.next()),
        };
        let context = match self.context.take() {
            Some(mut context) => {
                context.renew(facts, &message.annotations);
                context
            }
            None => Context::new(Arc::clone(&self.connection), facts, &message.annotations),
        };
        Progress::Call(Incoming::new(self, codec, context, message.payload, length))
    }

    fn pong(&mut self, ping: &Header) -> Result<(), EncodeError> {
        let correlation_id = ping.correlation_id.unwrap_or_else(|| self.ids.next());
        let header = Header {
            seq: ping.seq,
            correlation_id: Some(correlation_id),
            ..Header::new(ping.dialect, MessageKind::PING, ping.serializer)
        };
        let annotations = self.core.annotations(Vec::new(), None);
        let mut frame = FrameBuilder::begin(&mut self.out, &header, annotations, &self.core.frame_settings)?;
        frame.payload().extend_from_slice(b"pong");
        frame.finish().map(drop)
    }

    /// The call is not even looked at. If its serializer is not known the reply goes out in marshal, which a client of any kind has.
    fn refuse_call(&mut self, call: &Header, raise: Raise) -> Step {
        let marshal = || self.core.codec(Serializer::Marshal, call.dialect);
        let codec = self.core.known_codec(call).unwrap_or_else(marshal);
        let header = Header {
            seq: call.seq,
            correlation_id: call.correlation_id,
            ..Header::new(codec.dialect, MessageKind::RESULT, codec.id())
        };
        let failure = Failure::early(raise, None);
        let _ = write_exception(&self.core, &header, &codec, &failure, None, &mut self.out);
        Step::Close
    }
}

/// Nothing that the client had may outlive its connection, however that ended.
impl Drop for ServerSession {
    fn drop(&mut self) {
        self.core.connection_ended(&self.connection, self.connected);
    }
}

pub(super) fn deframer(core: &Core, dialects: &[Dialect]) -> Deframer {
    let mut deframer = Deframer::for_dialects(dialects);
    deframer
        .set_hmac_key(core.frame_settings.hmac_key.clone())
        .set_max_annotations(MAX_ANNOTATIONS);
    deframer
}

/// A handshake may be no larger than MAX_HANDSHAKE_SIZE, nor than any other message.
fn handshake_limit(config: &Config) -> Option<u64> {
    let limits = [config.max_handshake_size, config.max_message_size];
    limits.into_iter().flatten().min().map(|size| size as u64)
}

/// Correlation ids for requests that bring none: unique, and cheaper than asking the system for randomness at every call.
struct CorrelationIds {
    base: u128,
    count: u128,
}

impl CorrelationIds {
    fn new() -> CorrelationIds {
        CorrelationIds {
            base: Uuid::new_v4().as_u128(),
            count: 0,
        }
    }

    fn next(&mut self) -> Uuid {
        self.count += 1;
        // An odd factor permutes the numbers of 128 bits, so no id comes twice.
        let bits = self
            .base
            .wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}
