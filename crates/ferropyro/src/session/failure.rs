//! Calls that fail, and the exception replies that tell of them.

use ferropyro_formats::Exception;
use ferropyro_wire::{Flags, FrameBuilder, Header};

use crate::arguments::Head;
use crate::context::Context;
use crate::core::Core;
use crate::error::{Raise, TRACEBACK};
use crate::logging::logger;
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
}

impl Failure {
    /// A call that came to no object.
    pub(super) fn early(raise: Raise, head: Option<&Head<'_>>) -> Failure {
        let (object, method) = head.map_or(("?", "?"), |head| (&head.object, &head.method));
        Failure::at(raise, object, "Daemon", method)
    }

    pub(super) fn of(raise: Raise, head: &Head<'_>, object: &dyn Object) -> Failure {
        Failure::at(raise, &head.object, &object.members().class, &head.method)
    }

    fn at(raise: Raise, object: &str, class: &str, method: &str) -> Failure {
        let place = Place {
            object: object.to_owned(),
            class: class.to_owned(),
            method: method.to_owned(),
        };
        Failure {
            raise,
            place: Box::new(place),
        }
    }

    /// An error on the server must not stay unseen there.
    pub(super) fn log(&self, context: &Context) {
        tracing::warn!(
            target: logger::SERVER,
            "{}.{} called by {} (correlation id {}) raised {}",
            self.place.object, self.place.method, context.peer(), context.correlation_id(), self.raise
        );
    }
}

/// Writes an exception reply. An exception that the serializer cannot carry is replaced by one that says so, as in Pyro.
/// False when not even that can be written: the connection has to end then, or the client would wait for ever.
#[must_use]
pub(super) fn write_exception(
    core: &Core,
    header: &Header,
    codec: &Codec,
    failure: &Failure,
    out: &mut Vec<u8>,
) -> bool {
    let mut exception = failure.raise.0.clone();
    let lines = traceback(
        &failure.raise,
        &failure.place.class,
        &failure.place.method,
        codec.dialect,
    );
    exception.attributes.insert(TRACEBACK, lines.clone());
    let Err(why) = try_write_exception(core, header, codec, &exception, out) else {
        return true;
    };
    let text = format!(
        "Error serializing exception: {why}. Original exception: <class '{}'>: {}",
        exception.class,
        exception.text()
    );
    let replacement = Exception::new("Pyro5.errors.PyroError", text).attribute(TRACEBACK, lines);
    let written = try_write_exception(core, header, codec, &replacement, out);
    if let Err(error) = &written {
        tracing::error!(target: logger::SERVER, "no reply could be written: {error}");
    }
    written.is_ok()
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
    let mut frame = FrameBuilder::begin(out, &header, core.annotations(Vec::new()), &core.frame_settings)
        .map_err(|e| e.to_string())?;
    codec
        .append(frame.payload(), exception)
        .map_err(|error| error.to_string())?;
    frame.finish().map(drop).map_err(|error| error.to_string())
}
