//! One INVOKE message: a call, a batch of calls, or a oneway call, and its answer.

use std::sync::Arc;

use ferropyro_formats::{Dict, Instance, Value};
use ferropyro_wire::{Flags, OwnedAnnotations};
use uuid::Uuid;

use super::failure::{Failure, write_exception};
use super::member::{call_member, protect};
use crate::arguments::{self, Head, Source};
use crate::context::Context;
use crate::core::Core;
use crate::error::{Raise, TRACEBACK};
use crate::logging::logger;
use crate::object::{Call, Frame, Member, Object, Sink, find_method, reply_header, traceback};
use crate::registry::SessionObjects;
use crate::serializer::Codec;
use crate::transport::Peer;

/// One INVOKE message.
pub(super) struct Request<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) codec: Codec,
    pub(super) context: &'a Context<'a>,
    pub(super) payload: &'a [u8],
}

impl<'a> Request<'a> {
    /// Runs the call and writes its RESULT, or its exception, into `out`.
    pub(super) fn answer(&self, objects: &mut SessionObjects, out: &mut Vec<u8>) {
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
        if self.context.flags.contains(Flags::KEEPSERIALIZED) {
            let text = "this server does not take arguments that stay serialized (SerializedBlob)";
            return Err(Failure::early(Raise::new("NotImplementedError", text), None));
        }
        Head::read(&self.codec, self.payload)
            .map_err(|error| Failure::early(Raise::new("ValueError", error.to_string()), None))
    }

    fn find(&self, objects: &mut SessionObjects, head: &Head<'_>) -> Result<Arc<dyn Object>, Failure> {
        protect(|| objects.find(&self.core.registry, &head.object)).map_err(|raise| Failure::early(raise, Some(head)))
    }

    /// Runs the calls of a batch until one raises; that exception is the last result.
    fn batch(&self, object: &dyn Object, sink: Sink<'_>) -> Result<(), Raise> {
        let (calls, _) = arguments::read_values(Source::Payload(self.codec, self.payload))?;
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
                    let lines = traceback(&raise, &object.members().class, &method, self.codec.dialect);
                    exception.attributes.insert(TRACEBACK, lines);
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
    pub(super) fn run_oneway(&self, objects: &mut SessionObjects) {
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
                    let thread = std::thread::Builder::new().name("pyro-oneway".to_owned());
                    let spawned = thread.spawn(move || {
                        oneway.run();
                        drop(permit);
                    });
                    if let Err(error) = spawned {
                        tracing::error!(target: logger::SERVER, "a oneway call is lost, no thread can be started: {error}");
                    }
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
