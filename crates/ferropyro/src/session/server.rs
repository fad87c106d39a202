//! One connection as the server sees it: bytes in, answers out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ferropyro_formats::{Dict, Exception, Instance, Value};
use ferropyro_wire::{
    Deframer, Dialect, Flags, FrameBuilder, FrameError, FrameErrorKind, Header, Message, MessageKind, NO_ANNOTATIONS,
    OwnedAnnotations,
};
use uuid::Uuid;

use super::handshake::{self, Refusal};
use crate::arguments::{self, Head, Signature, Source, Text};
use crate::context::Context;
use crate::core::Core;
use crate::error::{Raise, TRACEBACK};
use crate::logging::logger;
use crate::members::Param;
use crate::object::{Call, Frame, Member, Object, Sink, find_method, reply_header, traceback};
use crate::registry::SessionObjects;
use crate::serializer::{Codec, Serializer};
use crate::transport::Peer;

/// The server's side of one connection.
pub(crate) struct ServerSession {
    core: Arc<Core>,
    peer: Peer,
    deframer: Deframer,
    connected: bool,
    objects: SessionObjects,
    ids: CorrelationIds,
    /// What is to be sent. The driver writes it and clears it after every step.
    pub(crate) out: Vec<u8>,
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

const CONNECT: &[MessageKind] = &[MessageKind::CONNECT];
const CALLS: &[MessageKind] = &[MessageKind::INVOKE, MessageKind::PING];

impl ServerSession {
    pub(crate) fn new(core: Arc<Core>, peer: Peer) -> ServerSession {
        let mut deframer = Deframer::for_dialects(core.dialects());
        deframer
            .set_hmac_key(core.frame_settings.hmac_key.clone())
            .set_max_message_size(
                core.config
                    .max_handshake_size
                    .or(core.config.max_message_size)
                    .map(|size| size as u64),
            )
            .expect(CONNECT);
        ServerSession {
            core,
            peer,
            deframer,
            connected: false,
            objects: SessionObjects::default(),
            ids: CorrelationIds::new(),
            out: Vec::new(),
        }
    }

    /// Whether the handshake is done.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Looks at the bytes that have arrived: serves the message at their front, if it is complete.
    pub(crate) fn step(&mut self, input: &[u8]) -> Step {
        match self.deframer.next(input) {
            Ok(None) => Step::Read(self.deframer.wanted()),
            Ok(Some((length, message))) if self.connected => self.serve(length, &message),
            Ok(Some((length, message))) => self.greet(length, &message),
            Err(error) if self.connected => self.fail(&error),
            Err(error) => self.refuse_frame(&error),
        }
    }

    /// The peer was silent for too long. Before the handshake it is told.
    pub(crate) fn time_out(&mut self) {
        if !self.connected {
            let dialect = self.deframer.dialect().unwrap_or(self.core.dialects()[0]);
            self.refuse("receiving: timeout".to_owned(), dialect, 0);
        }
    }

    /// Answers the CONNECT message with a refusal, because nobody is free to serve this client.
    pub(crate) fn refuse_next(&mut self, input: &[u8], text: &str) -> Step {
        match self.deframer.next(input) {
            Ok(None) => Step::Read(self.deframer.wanted()),
            Ok(Some((_, message))) => {
                self.refuse(text.to_owned(), message.header.dialect, message.header.seq);
                Step::Close
            }
            Err(error) => self.refuse_frame(&error),
        }
    }

    fn greet(&mut self, length: usize, message: &Message<'_>) -> Step {
        let correlation_id = message.header.correlation_id.unwrap_or_else(|| self.ids.next());
        match handshake::accept(&self.core, &self.peer, message, correlation_id, &mut self.out) {
            Ok(()) => {
                tracing::debug!(target: logger::SERVER, "{} connected, {}", self.peer, message.header.dialect);
                self.connected = true;
                self.deframer
                    .set_max_message_size(self.core.config.max_message_size.map(|size| size as u64))
                    .expect(CALLS);
                Step::Continue(length)
            }
            Err(refusal) => {
                tracing::warn!(target: logger::SERVER, "{} refused: {}", self.peer, refusal.text);
                refusal.write(&self.core, message.header.seq, Some(correlation_id), &mut self.out);
                Step::Close
            }
        }
    }

    fn refuse_frame(&mut self, error: &FrameError) -> Step {
        // Pyro4 closes without a word when a message is too large.
        if error.dialect().is_pyro5() || !matches!(error.kind(), FrameErrorKind::TooLarge { .. }) {
            self.refuse(error.to_string(), error.dialect(), error.refusal_seq());
        }
        Step::Close
    }

    fn refuse(&mut self, text: String, dialect: Dialect, seq: u16) {
        tracing::warn!(target: logger::SERVER, "{} refused: {text}", self.peer);
        let codec = self.core.codec(Serializer::Marshal, dialect);
        Refusal { text, codec }.write(&self.core, seq, None, &mut self.out);
    }

    /// A frame that cannot be accepted, on an established connection.
    fn fail(&mut self, error: &FrameError) -> Step {
        tracing::warn!(target: logger::SERVER, "{}: {error}", self.peer);
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
        write_exception(&self.core, &header, &codec, &failure, &mut self.out);
        Step::Continue(length)
    }

    fn serve(&mut self, length: usize, message: &Message<'_>) -> Step {
        if message.header.kind == MessageKind::PING {
            self.pong(&message.header);
            return Step::Continue(length);
        }
        let codec = match self.core.accepted_codec(&message.header) {
            Ok(codec) => codec,
            Err(text) => return self.refuse_call(message, text),
        };
        let context = Context {
            peer: &self.peer,
            dialect: codec.dialect,
            serializer: codec.serializer,
            seq: message.header.seq,
            flags: message.header.flags,
            correlation_id: message.header.correlation_id.unwrap_or_else(|| self.ids.next()),
            annotations: message.annotations,
            response: Default::default(),
        };
        let request = Request {
            core: &self.core,
            codec,
            context: &context,
            payload: &message.payload,
        };
        if message.header.flags.contains(Flags::ONEWAY) {
            request.run_oneway(&mut self.objects);
        } else {
            request.answer(&mut self.objects, &mut self.out);
        }
        Step::Continue(length)
    }

    fn pong(&mut self, ping: &Header) {
        let correlation_id = ping.correlation_id.unwrap_or_else(|| self.ids.next());
        let header = Header {
            seq: ping.seq,
            correlation_id: Some(correlation_id),
            ..Header::new(ping.dialect, MessageKind::PING, ping.serializer)
        };
        let frame = FrameBuilder::begin(&mut self.out, &header, NO_ANNOTATIONS, &self.core.frame_settings);
        if let Ok(mut frame) = frame {
            frame.payload().extend_from_slice(b"pong");
            // Four bytes exceed no limit that a call could live with.
            let _ = frame.finish();
        }
    }

    /// The call cannot even be read; a reply goes out in marshal, which a client of any kind has.
    fn refuse_call(&mut self, message: &Message<'_>, text: String) -> Step {
        let codec = self.core.codec(Serializer::Marshal, message.header.dialect);
        let header = Header {
            seq: message.header.seq,
            correlation_id: message.header.correlation_id,
            ..Header::new(codec.dialect, MessageKind::RESULT, codec.id())
        };
        let failure = Failure::early(Raise::new("Pyro5.errors.SerializeError", text), None);
        write_exception(&self.core, &header, &codec, &failure, &mut self.out);
        Step::Close
    }
}

/// One INVOKE message.
struct Request<'a> {
    core: &'a Arc<Core>,
    codec: Codec,
    context: &'a Context<'a>,
    payload: &'a [u8],
}

/// A call that did not succeed: what to tell the caller, and where it happened.
struct Failure {
    raise: Raise,
    object: String,
    class: String,
    method: String,
}

impl Failure {
    /// A call that came to no object.
    fn early(raise: Raise, head: Option<&Head<'_>>) -> Failure {
        let (object, method) = head.map_or(("?", "?"), |head| (&head.object, &head.method));
        Failure {
            raise,
            object: object.to_owned(),
            class: "Daemon".to_owned(),
            method: method.to_owned(),
        }
    }

    fn of(raise: Raise, head: &Head<'_>, object: &dyn Object) -> Failure {
        let class = object.members().class.to_string();
        Failure {
            raise,
            object: head.object.to_string(),
            class,
            method: head.method.to_string(),
        }
    }

    /// An error on the server must not stay unseen there.
    fn log(&self, context: &Context<'_>) {
        tracing::warn!(
            target: logger::SERVER,
            "{}.{} called by {} (correlation id {}) raised {}",
            self.object, self.method, context.peer, context.correlation_id, self.raise
        );
    }
}

impl<'a> Request<'a> {
    /// Runs the call and writes its RESULT, or its exception, into `out`.
    fn answer(&self, objects: &mut SessionObjects, out: &mut Vec<u8>) {
        let start = out.len();
        if let Err(failure) = self.try_answer(objects, out) {
            out.truncate(start);
            failure.log(self.context);
            let header = reply_header(&self.codec, self.context);
            write_exception(self.core, &header, &self.codec, &failure, out);
        }
    }

    fn try_answer(&self, objects: &mut SessionObjects, out: &mut Vec<u8>) -> Result<(), Failure> {
        let head = self.head()?;
        let object = self.find(objects, &head)?;
        let _turn = self.core.await_turn();
        let sink = Sink::Frame(Frame {
            out,
            codec: self.codec,
            settings: &self.core.frame_settings,
        });
        if self.context.flags.contains(Flags::BATCH) {
            self.batch(&*object, sink)
        } else {
            call_member(
                &*object,
                &head.method,
                Source::Payload(self.codec, self.payload),
                self.context,
                sink,
            )
        }
        .map_err(|raise| Failure::of(raise, &head, &*object))
    }

    fn head(&self) -> Result<Head<'a>, Failure> {
        Head::read(&self.codec, self.payload)
            .map_err(|error| Failure::early(Raise::new("ValueError", error.to_string()), None))
    }

    fn find(&self, objects: &mut SessionObjects, head: &Head<'_>) -> Result<Arc<dyn Object>, Failure> {
        objects
            .find(&self.core.registry, &head.object)
            .map_err(|raise| Failure::early(raise, Some(head)))
    }

    /// Runs the calls of a batch until one raises; that exception is the last result.
    fn batch(&self, object: &dyn Object, sink: Sink<'_>) -> Result<(), Raise> {
        let (args, _) = arguments::read_values(Source::Payload(self.codec, self.payload))?;
        let calls = args
            .into_iter()
            .next()
            .and_then(|calls| calls.into_items().ok())
            .unwrap_or_default();
        if self.core.config.max_batch_calls.is_some_and(|most| calls.len() > most) {
            return Err(Raise::new(
                "ValueError",
                format!("a batch of {} calls is too long", calls.len()),
            ));
        }
        let mut results = Vec::new();
        for call in calls {
            let (method, args, kwargs) = batch_call(call)?;
            if let Member::Missing(raise) = find_method(object.members(), &method) {
                return Err(raise);
            }
            let mut result = Value::None;
            let source = Source::Values(&args, &kwargs);
            match call_member(object, &method, source, self.context, Sink::Value(&mut result)) {
                Ok(()) => results.push(result),
                Err(raise) => {
                    let mut exception = raise.0.clone();
                    exception
                        .attributes
                        .insert(TRACEBACK, traceback(&raise, &object.members().class, &method));
                    results.push(exception_wrapper(exception.into()));
                    break;
                }
            }
        }
        // Nobody but the batch itself answers here, so a call is made up that has no arguments.
        let call = Call {
            class: &object.members().class,
            member: "<batch>",
            params: &[],
            source: Source::Values(&[], &Dict::new()),
            context: self.context,
            sink,
        };
        call.reply(&results).map(drop)
    }

    /// Runs a call that nobody waits for; in a thread of its own, so that the connection goes on.
    fn run_oneway(&self, objects: &mut SessionObjects) {
        let started = self.head().and_then(|head| {
            let object = self.find(objects, &head)?;
            if self.context.flags.contains(Flags::BATCH) {
                return self
                    .batch(&*object, Sink::Nowhere)
                    .map_err(|raise| Failure::of(raise, &head, &*object));
            }
            let oneway = Oneway {
                core: Arc::clone(self.core),
                codec: self.codec,
                peer: self.context.peer.clone(),
                seq: self.context.seq,
                flags: self.context.flags,
                correlation_id: self.context.correlation_id,
                annotations: self.context.annotations.to_owned(),
                payload: self.payload.to_vec(),
                object,
            };
            match self.core.oneways.try_enter() {
                Some(permit) if self.core.config.oneway_threaded => {
                    std::thread::spawn(move || {
                        oneway.run();
                        drop(permit);
                    });
                }
                // Too many are running: whoever sends more has to wait for this one.
                _ => oneway.run(),
            }
            Ok(())
        });
        if let Err(failure) = started {
            failure.log(self.context);
        }
    }
}

/// A oneway call on its way into a thread.
struct Oneway {
    core: Arc<Core>,
    codec: Codec,
    peer: Peer,
    seq: u16,
    flags: Flags,
    correlation_id: Uuid,
    annotations: OwnedAnnotations,
    payload: Vec<u8>,
    object: Arc<dyn Object>,
}

impl Oneway {
    fn run(&self) {
        let context = Context {
            peer: &self.peer,
            dialect: self.codec.dialect,
            serializer: self.codec.serializer,
            seq: self.seq,
            flags: self.flags,
            correlation_id: self.correlation_id,
            annotations: self.annotations.borrow(),
            response: Default::default(),
        };
        let request = Request {
            core: &self.core,
            codec: self.codec,
            context: &context,
            payload: &self.payload,
        };
        let result = request.head().and_then(|head| {
            let source = Source::Payload(self.codec, &self.payload);
            call_member(&*self.object, &head.method, source, &context, Sink::Nowhere)
                .map_err(|raise| Failure::of(raise, &head, &*self.object))
        });
        if let Err(failure) = result {
            failure.log(&context);
        }
    }
}

/// Calls a method, or reads or sets an attribute.
fn call_member<'a>(
    object: &dyn Object,
    name: &str,
    source: Source<'a>,
    context: &'a Context<'a>,
    sink: Sink<'a>,
) -> Result<(), Raise> {
    let members = object.members();
    if name == "__getattr__" || name == "__setattr__" {
        return access_attribute(object, name == "__setattr__", source, context, sink);
    }
    let method = match find_method(members, name) {
        Member::Method(method) => method,
        Member::Missing(raise) => return Err(raise),
    };
    let call = Call {
        class: &members.class,
        member: &method.name,
        params: &method.params,
        source,
        context,
        sink,
    };
    protect(|| object.call(call))
}

fn access_attribute<'a>(
    object: &dyn Object,
    set: bool,
    source: Source<'a>,
    context: &'a Context<'a>,
    sink: Sink<'a>,
) -> Result<(), Raise> {
    const PARAMS: [Param; 2] = [Param::required("name"), Param::optional("value")];
    let members = object.members();
    let signature = Signature {
        class: &members.class,
        method: "__getattr__",
        params: &PARAMS,
    };
    let (name, _) = arguments::read::<(Text<'a>, serde::de::IgnoredAny)>(source, &signature)?;
    let name = name.unwrap_or(Text("".into()));
    let Some(attribute) = members.attribute(&name) else {
        let text = format!("attempt to access unexposed or unknown remote attribute '{}'", &*name);
        return Err(Raise::new("AttributeError", text));
    };
    if set && !attribute.writable {
        let text = format!(
            "property '{}' of '{}' object has no setter",
            attribute.name, members.class
        );
        return Err(Raise::new("AttributeError", text));
    }
    let call = Call {
        class: &members.class,
        member: &attribute.name,
        params: &PARAMS,
        source,
        context,
        sink,
    };
    protect(|| {
        if set {
            object.set_attribute(call)
        } else {
            object.get_attribute(call)
        }
    })
}

/// A panic in a method is an exception at the caller, and nothing more.
fn protect<R>(method: impl FnOnce() -> Result<R, Raise>) -> Result<(), Raise> {
    match catch_unwind(AssertUnwindSafe(method)) {
        Ok(result) => result.map(drop),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or(panic.downcast_ref::<String>().map(String::as_str));
            Err(Raise::new(
                "RuntimeError",
                format!("the method panicked: {}", text.unwrap_or("no message")),
            ))
        }
    }
}

/// The parts of one call of a batch.
fn batch_call(call: Value) -> Result<(String, Vec<Value>, Dict), Raise> {
    let malformed = || {
        Raise::new(
            "TypeError",
            "a batch consists of (method, arguments, keyword arguments)",
        )
    };
    let mut parts = call.into_items().map_err(|_| malformed())?.into_iter();
    let (Some(Value::Str(method)), Some(args), kwargs) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    let kwargs = match kwargs {
        Some(Value::Dict(kwargs)) => kwargs,
        Some(Value::None) | None => Dict::new(),
        Some(_) => return Err(malformed()),
    };
    Ok((method, args.into_items().map_err(|_| malformed())?, kwargs))
}

/// How an exception stands in the results of a batch.
fn exception_wrapper(exception: Value) -> Value {
    let class = "Pyro5.core._ExceptionWrapper".to_owned();
    Value::from(Instance {
        class,
        attributes: Dict::from([("exception", exception)]),
    })
}

/// Writes an exception reply. An exception that the serializer cannot carry is replaced by one that says so, as in Pyro.
fn write_exception(core: &Core, header: &Header, codec: &Codec, failure: &Failure, out: &mut Vec<u8>) {
    let mut exception = failure.raise.0.clone();
    let lines = traceback(&failure.raise, &failure.class, &failure.method);
    exception.attributes.insert(TRACEBACK, lines.clone());
    let Err(why) = try_write_exception(core, header, codec, &exception, out) else {
        return;
    };
    let text = format!(
        "Error serializing exception: {why}. Original exception: <class '{}'>: {}",
        exception.class,
        exception.text()
    );
    let replacement = Exception::new("Pyro5.errors.PyroError", text).attribute(TRACEBACK, lines);
    if let Err(error) = try_write_exception(core, header, codec, &replacement, out) {
        tracing::error!(target: logger::SERVER, "no reply could be written: {error}");
    }
}

fn try_write_exception(
    core: &Core,
    header: &Header,
    codec: &Codec,
    exception: &Exception,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let header = Header {
        flags: Flags::EXCEPTION,
        // Pyro4 puts none into exception replies.
        correlation_id: header.correlation_id.filter(|_| header.dialect.is_pyro5()),
        ..*header
    };
    let mut frame =
        FrameBuilder::begin(out, &header, NO_ANNOTATIONS, &core.frame_settings).map_err(|e| e.to_string())?;
    codec
        .append(frame.payload(), exception)
        .map_err(|error| error.to_string())?;
    frame.finish().map(drop).map_err(|error| error.to_string())
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
