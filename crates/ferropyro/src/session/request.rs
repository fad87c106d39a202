//! One INVOKE message: a call, a batch of calls, or a oneway call, and its answer.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use ferropyro_formats::{Dict, Instance, Value};
use ferropyro_wire::{AnnotationKey, Flags};

use super::failure::{Failure, write_exception};
use super::member::{call_member, cannot_wait, is_asynchronous, is_attribute_access, protect};
use crate::arguments::{self, Head, HeadPlace, Source};
use crate::blob::{SerializedBlob, read_label};
use crate::context::Context;
use crate::daemon::core::Core;
use crate::daemon::registry::{SessionObjects, is_last, let_go};
use crate::error::Raise;
use crate::object::members::Members;
use crate::object::{Call, Frame, Member, Object, Sink, find_method, reply_header};
use crate::serializer::Codec;

/// One INVOKE message.
pub(super) struct Request<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) codec: Codec,
    pub(super) context: &'a Context,
    pub(super) payload: &'a [u8],
    /// Where the front of the payload stands, if it has been read before.
    pub(super) head: HeadPlace,
}

impl<'a> Request<'a> {
    /// Runs the call and writes its RESULT, or its exception, into `out`. False when the connection is to end after that.
    pub(super) fn answer(&self, objects: &mut SessionObjects, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let result = self.perform(objects, self.frame(out));
        self.end(result, start, out)
    }

    /// The same for an async method.
    pub(super) async fn answer_async(&self, objects: &mut SessionObjects, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let result = self.perform_async(objects, self.frame(out)).await;
        self.end(result, start, out)
    }

    fn frame<'o>(&'o self, out: &'o mut Vec<u8>) -> Sink<'o> {
        Sink::Frame(Frame {
            out,
            codec: self.codec,
            core: self.core,
        })
    }

    fn end(&self, result: Result<(), Failure>, start: usize, out: &mut Vec<u8>) -> bool {
        let Err(failure) = result else {
            return true;
        };
        out.truncate(start);
        failure.report(self.core, self.context);
        let header = reply_header(&self.codec, self.context);
        write_exception(self.core, &header, &self.codec, &failure, Some(self.context), out) && !failure.is_callback()
    }

    /// Whether Pyro lets this oneway call run apart from its connection.
    pub(super) fn runs_apart(&self) -> bool {
        let is_method = || self.head().is_ok_and(|head| !is_attribute_access(&head.method));
        self.core.config.oneway_threaded && !self.is_batch() && is_method()
    }

    /// Whether an async method is called, be it in a batch.
    pub(super) fn is_asynchronous(&self, objects: &SessionObjects) -> bool {
        if !self.core.registry.has_asynchronous() {
            return false;
        }
        let Ok(head) = self.head() else { return false };
        let has_asynchronous = |members: &Members| match self.is_batch() && !self.keeps_serialized() {
            true => members.methods.iter().any(|method| method.asynchronous) && self.batch_has_asynchronous(members),
            false => is_asynchronous(members, &head.method),
        };
        objects.with_members(&self.core.registry, &head.object, has_asynchronous) == Some(true)
    }

    /// Whether this is one call of a method that answers at once, on an object that is there.
    pub(super) fn is_quick(&self, objects: &SessionObjects) -> bool {
        let Ok(head) = self.head() else { return false };
        let registry = &self.core.registry;
        let is_quick = |members: &Members| members.method(&head.method).is_some_and(|method| method.quick);
        !self.is_batch()
            && objects.with_members(registry, &head.object, is_quick) == Some(true)
            && !objects.needs_instance(registry, &head.object)
    }

    /// Reads the batch for the names alone: plain methods must not get to where async ones are awaited, as they may block.
    fn batch_has_asynchronous(&self, members: &Members) -> bool {
        let calls = arguments::read_values(Source::Payload(self.codec, self.payload));
        let mut calls = calls.map(|(calls, _)| calls).unwrap_or_default().into_iter();
        calls.any(|call| batch_call(call).is_ok_and(|(method, ..)| is_asynchronous(members, &method)))
    }

    /// Whether the call needs an instance of a class that has to be made first, or that somebody else is making.
    pub(super) fn needs_instance(&self, objects: &SessionObjects) -> bool {
        self.head()
            .is_ok_and(|head| objects.needs_instance(&self.core.registry, &head.object))
    }

    /// Finds the object, or makes it, for the call that comes next.
    pub(super) fn prepare(&self, objects: &mut SessionObjects) {
        let _entered = self.context.enter();
        if let Ok(head) = self.head() {
            let found = protect(|| objects.find(&self.core.registry, &head.object));
            objects.prepare(found);
        }
    }

    /// Runs the call: finds the object, and calls it.
    pub(super) fn perform(&self, objects: &mut SessionObjects, sink: Sink<'_>) -> Result<(), Failure> {
        let _entered = self.context.enter();
        let head = self.head()?;
        let object = self.find(objects, &head)?;
        let result = self.call(&*object, &head, sink);
        let_go(object);
        result
    }

    /// The same for an async method.
    pub(super) async fn perform_async(&self, objects: &mut SessionObjects, sink: Sink<'_>) -> Result<(), Failure> {
        let head = self.head()?;
        let object = match objects.again(&self.core.registry, &head.object) {
            Some(object) => object,
            None => {
                let _entered = self.context.enter();
                self.find(objects, &head)?
            }
        };
        let result = self.call_async(&*object, &head, sink).await;
        if is_last(&object) {
            let _entered = self.context.enter();
            let_go(object);
        }
        result
    }

    fn is_batch(&self) -> bool {
        self.context.flags().contains(Flags::BATCH)
    }

    /// Calls the object, which was found before.
    pub(super) fn call(&self, object: &dyn Object, head: &Head<'_>, sink: Sink<'_>) -> Result<(), Failure> {
        let result = if self.keeps_serialized() {
            self.blob()
                .and_then(|blob| call_member(object, &head.method, Source::Blob(&blob), self.context, sink).now())
        } else if self.is_batch() {
            now(self.batch(object, &head.object, sink))
        } else {
            let source = Source::Payload(self.codec, self.payload);
            call_member(object, &head.method, source, self.context, sink).now()
        };
        result.map_err(|raise| Failure::of(raise, head, object))
    }

    /// The same, and waits for an async method.
    pub(super) async fn call_async(&self, object: &dyn Object, head: &Head<'_>, sink: Sink<'_>) -> Result<(), Failure> {
        let result = if self.keeps_serialized() {
            match self.blob() {
                Ok(blob) => {
                    let source = Source::Blob(&blob);
                    call_member(object, &head.method, source, self.context, sink).await
                }
                Err(raise) => Err(raise),
            }
        } else if self.is_batch() {
            self.batch(object, &head.object, sink).await
        } else {
            let source = Source::Payload(self.codec, self.payload);
            call_member(object, &head.method, source, self.context, sink).await
        };
        result.map_err(|raise| Failure::of(raise, head, object))
    }

    pub(super) fn head(&self) -> Result<Head<'a>, Failure> {
        if let Some(head) = self.head.head(self.payload) {
            return Ok(head);
        }
        if self.keeps_serialized() {
            let (_, object, method) = self.blob_label().map_err(|raise| Failure::early(raise, None))?;
            return Ok(Head { object, method });
        }
        Head::read(&self.codec, self.payload)
            .map_err(|error| Failure::early(Raise::new("ValueError", error.to_string()), None))
    }

    /// Whether the payload is to stay as it is; then an annotation says what it is for.
    fn keeps_serialized(&self) -> bool {
        self.context.flags().contains(Flags::KEEPSERIALIZED)
    }

    fn blob(&self) -> Result<SerializedBlob, Raise> {
        let (info, ..) = self.blob_label()?;
        Ok(SerializedBlob::received(info, self.codec, self.payload))
    }

    fn blob_label(&self) -> Result<(Value, Cow<'a, str>, Cow<'a, str>), Raise> {
        let label = self.context.annotations().get(AnnotationKey::BLBI);
        let label = label.ok_or_else(|| Raise::new("KeyError", "BLBI"))?;
        let (info, object, method) = read_label(label).map_err(|error| Raise::new("ValueError", error.to_string()))?;
        Ok((info, object.0, method.0))
    }

    pub(super) fn find(&self, objects: &mut SessionObjects, head: &Head<'_>) -> Result<Arc<dyn Object>, Failure> {
        protect(|| objects.find(&self.core.registry, &head.object)).map_err(|raise| Failure::early(raise, Some(head)))
    }

    /// Runs the calls of a batch until one raises; that exception is the last result.
    async fn batch(&self, object: &dyn Object, id: &str, sink: Sink<'_>) -> Result<(), Raise> {
        if object.takes_batches(self.codec.serializer) {
            let call = Call {
                class: &object.members().class,
                member: "<batch>",
                params: &[],
                source: Source::Payload(self.codec, self.payload),
                context: self.context,
                sink,
            };
            return protect(|| object.call_batch(call)).map(drop);
        }
        let (calls, _) = arguments::read_values(Source::Payload(self.codec, self.payload))?;
        if let Some(most) = self.core.config.max_batch_calls.filter(|most| calls.len() > *most) {
            let text = format!(
                "a batch of {} calls is too long: {most} are allowed (setting MAX_BATCH_CALLS)",
                calls.len()
            );
            return Err(Raise::new("ValueError", text));
        }
        let mut results = Vec::new();
        for call in calls {
            let (method, args, kwargs) = batch_call(call)?;
            if let Member::Missing(raise) = find_method(object.members(), &method) {
                return Err(raise);
            }
            let mut result = Value::None;
            let source = Source::Values(&args, &kwargs);
            match call_member(object, &method, source, self.context, Sink::Value(&mut result)).await {
                Ok(()) => results.push(result),
                Err(raise) => {
                    let failure = Failure::in_method(raise, id, object, &method);
                    failure.report(self.core, self.context);
                    results.push(exception_wrapper(failure.exception(self.core, &self.codec).into()));
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
}

/// The result of a future that waits for nothing, as nothing that it calls is an async method.
fn now<T>(future: impl Future<Output = Result<T, Raise>>) -> Result<T, Raise> {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(cannot_wait()),
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
    let args = args.into_items().map_err(|_| malformed())?;
    Ok((method.into_string(), args, kwargs))
}

/// How an exception stands in the results of a batch.
fn exception_wrapper(exception: Value) -> Value {
    let class = "Pyro5.core._ExceptionWrapper".to_owned();
    Value::from(Instance {
        class,
        attributes: Dict::from([("exception", exception)]),
    })
}
