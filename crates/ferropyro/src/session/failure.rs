//! Calls that fail, and the exception replies that tell of them.

use ferropyro_formats::{Exception, Value};
use ferropyro_wire::{Flags, FrameBuilder, Header};

use crate::arguments::Head;
use crate::context::Context;
use crate::daemon::core::Core;
use crate::daemon::failed_call::FailedCall;
use crate::daemon::registry::DAEMON_ID;
use crate::error::{Raise, TRACEBACK};
use crate::logging::{Clipped, logger};
use crate::object::answer::STOP;
use crate::object::{Object, traceback};
use crate::serializer::Codec;

/// A call that did not succeed: what to tell the caller, and where it happened.
pub(super) struct Failure {
    pub(super) raise: Raise,
    place: Box<Place>,
}

struct Place {
    object: String,
    class: String,
    method: String,
    is_callback: bool,
    /// Whether the exception has its traceback already.
    has_traceback: bool,
}

impl Failure {
    /// A call that came to no object.
    pub(super) fn early(raise: Raise, head: Option<&Head<'_>>) -> Failure {
        let (object, method) = head.map_or(("?", "?"), |head| (&head.object, &head.method));
        Failure::at(raise, object, "Daemon", method)
    }

    pub(super) fn of(raise: Raise, head: &Head<'_>, object: &dyn Object) -> Failure {
        Failure::in_method(raise, &head.object, object, &head.method)
    }

    /// A call that failed in the object's own code, or on the way to it.
    pub(super) fn in_method(raise: Raise, id: &str, object: &dyn Object, method: &str) -> Failure {
        let members = object.members();
        let mut failure = Failure::at(raise, id, &members.class, method);
        failure.place.is_callback = members.method(method).is_some_and(|method| method.callback);
        failure.place.has_traceback = members.own_tracebacks && failure.raise.0.attributes.get(TRACEBACK).is_some();
        failure
    }

    fn at(raise: Raise, object: &str, class: &str, method: &str) -> Failure {
        let place = Place {
            object: object.to_owned(),
            class: class.to_owned(),
            method: method.to_owned(),
            is_callback: false,
            has_traceback: false,
        };
        Failure {
            raise,
            place: Box::new(place),
        }
    }

    /// Whether the program that has the object is concerned as much as the caller: the connection ends then, as in Pyro.
    pub(super) fn is_callback(&self) -> bool {
        self.place.is_callback
    }

    /// An error on the server must not stay unseen there.
    pub(super) fn report(&self, core: &Core, context: &Context) {
        // The end of an item stream is no error.
        if self.place.object == DAEMON_ID && self.raise.0.class == STOP {
            return;
        }
        tracing::warn!(
            target: logger::SERVER,
            "{}.{} called by {} (correlation id {}) raised {}",
            Clipped(&self.place.object), Clipped(&self.place.method), context.peer(), context.correlation_id(),
            Clipped(&self.raise.to_string())
        );
        core.failed(&FailedCall {
            object: &self.place.object,
            method: &self.place.method,
            is_callback: self.place.is_callback,
            error: &self.raise,
            context,
        });
    }

    /// The exception with the traceback that goes to the client: ours, and behind it the one that it brought from another server. None when the setting
    /// SEND_TRACEBACK is off.
    pub(super) fn exception(&self, core: &Core, codec: &Codec) -> Exception {
        let mut exception = self.raise.0.clone();
        let brought = exception.attributes.remove(TRACEBACK);
        if let (true, true, Some(lines)) = (core.config.send_traceback, self.place.has_traceback, &brought) {
            exception.attributes.insert(TRACEBACK, lines.clone());
        } else if core.config.send_traceback {
            let mut lines = traceback(&self.raise, &self.place.class, &self.place.method, codec.dialect);
            lines.extend(brought.iter().flat_map(from_afar));
            exception.attributes.insert(TRACEBACK, lines);
        }
        exception
    }
}

/// The traceback of another server, as part of ours.
fn from_afar(brought: &Value) -> impl Iterator<Item = Value> {
    let lines = brought.as_sequence().unwrap_or_default();
    let indented = lines.iter().filter_map(Value::as_str).map(|line| format!(" |  {line}"));
    let framed = !lines.is_empty();
    let first = framed.then(|| " +--- It came from another server, whose traceback is:\n".to_owned());
    let last = framed.then(|| " +--- End of that traceback\n".to_owned());
    let all: Vec<String> = first.into_iter().chain(indented).chain(last).collect();
    all.into_iter().map(Value::from)
}

/// Writes an exception reply. An exception that the serializer cannot carry is replaced by one that says so, as in Pyro.
/// False when not even that can be written: the connection has to end then, or the client would wait for ever.
#[must_use]
pub(super) fn write_exception(
    core: &Core,
    header: &Header,
    codec: &Codec,
    failure: &Failure,
    context: Option<&Context>,
    out: &mut Vec<u8>,
) -> bool {
    let header = Header {
        flags: Flags::EXCEPTION,
        // Pyro4 puts none into exception replies.
        correlation_id: header.correlation_id.filter(|_| header.dialect.is_pyro5()),
        ..*header
    };
    let annotations = core.bearable_annotations(&header, context);
    let mut write_payload = |append: &dyn Fn(&mut Vec<u8>) -> Result<(), String>| {
        let annotations = annotations.iter().map(|(key, value)| (*key, value));
        let mut frame =
            FrameBuilder::begin(out, &header, annotations, &core.frame_settings).map_err(|error| error.to_string())?;
        append(frame.payload())?;
        frame.finish().map(drop).map_err(|error| error.to_string())
    };
    let written = failure.raise.payload(codec.serializer).map(|payload| {
        write_payload(&|out| {
            out.extend_from_slice(payload);
            Ok(())
        })
    });
    if let Some(Ok(())) = written {
        return true;
    }
    let mut write =
        |exception: &Exception| write_payload(&|out| codec.append(out, exception).map_err(|error| error.to_string()));
    let exception = failure.exception(core, codec);
    let Err(why) = write(&exception) else {
        return true;
    };
    let text = format!(
        "Error serializing exception: {why}. Original exception: <class '{}'>: {}",
        exception.class,
        exception.text()
    );
    let mut replacement = Exception::new("Pyro5.errors.PyroError", text);
    if let Some(lines) = exception.attributes.get(TRACEBACK) {
        replacement = replacement.attribute(TRACEBACK, lines.clone());
    }
    let written = write(&replacement);
    if let Err(error) = &written {
        tracing::error!(target: logger::SERVER, "no reply could be written: {error}");
    }
    written.is_ok()
}
