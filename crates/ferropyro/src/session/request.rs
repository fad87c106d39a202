//! One INVOKE message: a call, a batch of calls, or a oneway call, and its answer.

use std::borrow::Cow;
use std::sync::Arc;

use ferropyro_formats::{Dict, Instance, Value};
use ferropyro_wire::{AnnotationKey, Flags};

use super::Runner;
use super::failure::{Failure, write_exception};
use super::member::{call_member, is_attribute_access, protect};
use crate::arguments::{self, Head, Source};
use crate::blob::{SerializedBlob, read_label};
use crate::context::Context;
use crate::daemon::core::Core;
use crate::daemon::registry::SessionObjects;
use crate::error::Raise;
use crate::object::{Call, Frame, Member, Object, Sink, find_method, reply_header};
use crate::panics::drop_contained;
use crate::serializer::Codec;

/// One INVOKE message.
pub(super) struct Request<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) codec: Codec,
    pub(super) context: &'a Context,
    pub(super) payload: &'a [u8],
}

impl<'a> Request<'a> {
    /// Runs the call and writes its RESULT, or its exception, into `out`. False when the connection is to end after that.
    pub(super) fn answer(&self, objects: &mut SessionObjects, runner: &impl Runner, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let Err(failure) = self.try_answer(objects, runner, out) else {
            return true;
        };
        out.truncate(start);
        failure.report(self.core, self.context);
        let header = reply_header(&self.codec, self.context);
        write_exception(self.core, &header, &self.codec, &failure, Some(self.context), out) && !failure.is_callback()
    }

    fn try_answer(&self, objects: &mut SessionObjects, runner: &impl Runner, out: &mut Vec<u8>) -> Result<(), Failure> {
        let head = self.head()?;
        let sink = Sink::Frame(Frame {
            out,
            codec: self.codec,
            core: self.core,
        });
        runner.run(|| self.find_and_perform(objects, &head, sink))
    }

    /// Runs a call that nobody waits for: apart from its connection, so that this one goes on, unless Pyro does otherwise too.
    pub(super) fn run_oneway(&self, objects: &mut SessionObjects, runner: &impl Runner) {
        if let Err(failure) = self.try_oneway(objects, runner) {
            failure.report(self.core, self.context);
        }
    }

    fn try_oneway(&self, objects: &mut SessionObjects, runner: &impl Runner) -> Result<(), Failure> {
        let head = self.head()?;
        if self.is_batch() || is_attribute_access(&head.method) || !self.core.config.oneway_threaded {
            return runner.run(|| self.find_and_perform(objects, &head, Sink::Nowhere));
        }
        let object = runner.run(|| {
            let _entered = self.context.enter();
            self.find(objects, &head)
        })?;
        runner.run_apart(Oneway {
            core: Arc::clone(self.core),
            codec: self.codec,
            context: self.context.clone(),
            payload: self.payload.to_vec(),
            object,
        });
        Ok(())
    }

    fn find_and_perform(&self, objects: &mut SessionObjects, head: &Head<'_>, sink: Sink<'_>) -> Result<(), Failure> {
        let _entered = self.context.enter();
        let object = self.find(objects, head)?;
        let result = self.perform(&*object, head, sink);
        // It was made for this call only, or somebody has taken it out meanwhile.
        if Arc::strong_count(&object) == 1 {
            drop_contained("dropping an instance", object);
        }
        result
    }

    fn is_batch(&self) -> bool {
        self.context.flags().contains(Flags::BATCH)
    }

    fn perform(&self, object: &dyn Object, head: &Head<'_>, sink: Sink<'_>) -> Result<(), Failure> {
        let result = if self.keeps_serialized() {
            self.blob()
                .and_then(|blob| call_member(object, &head.method, Source::Blob(&blob), self.context, sink))
        } else if self.is_batch() {
            self.batch(object, &head.object, sink)
        } else {
            let source = Source::Payload(self.codec, self.payload);
            call_member(object, &head.method, source, self.context, sink)
        };
        result.map_err(|raise| Failure::of(raise, head, object))
    }

    fn head(&self) -> Result<Head<'a>, Failure> {
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

    fn find(&self, objects: &mut SessionObjects, head: &Head<'_>) -> Result<Arc<dyn Object>, Failure> {
        protect(|| objects.find(&self.core.registry, &head.object)).map_err(|raise| Failure::early(raise, Some(head)))
    }

    /// Runs the calls of a batch until one raises; that exception is the last result.
    fn batch(&self, object: &dyn Object, id: &str, sink: Sink<'_>) -> Result<(), Raise> {
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

/// A oneway call that has all it needs to run anywhere.
pub(crate) struct Oneway {
    core: Arc<Core>,
    codec: Codec,
    context: Context,
    payload: Vec<u8>,
    object: Arc<dyn Object>,
}

impl Oneway {
    /// The bytes of its arguments and annotations.
    pub(crate) fn size(&self) -> usize {
        self.payload.len() + self.context.annotations().size()
    }

    pub(crate) fn run(&self) {
        let request = Request {
            core: &self.core,
            codec: self.codec,
            context: &self.context,
            payload: &self.payload,
        };
        let _entered = self.context.enter();
        let result = request
            .head()
            .and_then(|head| request.perform(&*self.object, &head, Sink::Nowhere));
        if let Err(failure) = result {
            failure.report(&self.core, &self.context);
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
