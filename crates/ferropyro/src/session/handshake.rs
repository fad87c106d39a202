//! The server's side of the handshake: a CONNECT message is answered by CONNECTOK or CONNECTFAIL (manual chapter "Tips & Tricks", connection handshake).

use std::sync::Arc;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags, FrameBuilder, Header, Message, MessageKind, OwnedAnnotations, Serializer};
use serde::ser::{Serialize, SerializeStruct};
use uuid::Uuid;

use super::PICKLE_PROTOCOL;
use super::member::protect;
use super::metadata::{Containers, Metadata};
use crate::connection::Connection;
use crate::context::{Context, Facts};
use crate::daemon::core::Core;
use crate::error::Raise;
use crate::serializer::Codec;

/// Answers a CONNECT message. The error is the text of the refusal, and the codec that the client can read.
pub(super) fn accept(
    core: &Core,
    connection: &Arc<Connection>,
    message: &Message<'_>,
    correlation_id: Uuid,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let header = &message.header;
    let marshal = core.codec(Serializer::Marshal, header.dialect);
    let codec = core
        .accepted_codec(header)
        .map_err(|text| Refusal { text, codec: marshal })?
        .for_the_writer_of(&message.payload);
    let facts = Facts {
        dialect: codec.dialect,
        serializer: codec.serializer,
        seq: header.seq,
        flags: header.flags,
        correlation_id,
    };
    let context = Context::new(Arc::clone(connection), facts, &message.annotations);
    let answer = answer(core, &context, message, &codec).map_err(|raise| Refusal {
        text: raise.0.text(),
        codec,
    })?;
    write(core, header, &context, &answer, out).map_err(|text| Refusal { text, codec })
}

/// Greets a client of a dialect whose clients wait for that. It can send no handshake data; the hook for these gets None.
pub(super) fn speak_first(
    core: &Core,
    connection: &Arc<Connection>,
    dialect: Dialect,
    correlation_id: Uuid,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let codec = core.codec(Serializer::Marshal, dialect);
    let facts = Facts {
        dialect,
        serializer: codec.serializer,
        seq: GREETING_SEQ,
        flags: Flags::NONE,
        correlation_id,
    };
    let context = Context::new(Arc::clone(connection), facts, &OwnedAnnotations::EMPTY.borrow());
    let judged = protect(|| {
        let _entered = context.enter();
        core.validate_handshake(&Value::None, &context)
    });
    judged.map_err(|raise| Refusal {
        text: raise.0.text(),
        codec,
    })?;
    let header = Header {
        seq: GREETING_SEQ,
        ..Header::new(dialect, MessageKind::CONNECTOK, codec.id())
    };
    write_greeting(core, &header, &codec, &context, out).map_err(|text| Refusal { text, codec })
}

/// The sequence number of such a greeting.
const GREETING_SEQ: u16 = 1;

fn write_greeting(
    core: &Core,
    header: &Header,
    codec: &Codec,
    context: &Context,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let annotations = core.answer_annotations(context);
    let mut frame = FrameBuilder::begin(out, header, annotations, &core.frame_settings).map_err(|e| e.to_string())?;
    codec.append(frame.payload(), "ok").map_err(|error| error.to_string())?;
    frame.finish().map(drop).map_err(|error| error.to_string())
}

/// Why a client is not let in.
pub(super) struct Refusal {
    pub(super) text: String,
    pub(super) codec: Codec,
}

impl Refusal {
    /// Writes the CONNECTFAIL message.
    pub(super) fn write(&self, core: &Core, seq: u16, correlation_id: Option<Uuid>, out: &mut Vec<u8>) {
        let header = Header {
            seq,
            correlation_id,
            ..Header::new(self.codec.dialect, MessageKind::CONNECTFAIL, self.codec.id())
        };
        let annotations = core.bearable_annotations(&header, None);
        let Ok(mut frame) = FrameBuilder::begin(out, &header, annotations, &core.frame_settings) else {
            return;
        };
        if self.codec.append(frame.payload(), self.text.as_str()).is_ok() {
            // A text that is too long for the peer's limit cannot be told; the connection is closed all the same.
            let _ = frame.finish();
        }
    }
}

struct Answer {
    handshake: Value,
    metadata: Option<Metadata>,
    codec: Codec,
}

fn answer(core: &Core, context: &Context, message: &Message<'_>, codec: &Codec) -> Result<Answer, Raise> {
    let dialect = message.header.dialect;
    let request: Dict = match codec.read(&message.payload) {
        Ok(Value::Dict(request)) => request,
        Ok(other) => {
            let text = format!(
                "the handshake is a {} where a dict with 'handshake' and 'object' belongs",
                other.type_name()
            );
            return Err(Raise::new("TypeError", text));
        }
        Err(error) => return Err(Raise::new("ValueError", error.to_string())),
    };
    let told = request.get(PICKLE_PROTOCOL).and_then(Value::as_int);
    let codec = match told.and_then(|protocol| u8::try_from(protocol).ok()) {
        Some(protocol) => core.codec(codec.serializer, dialect).for_a_reader_of(protocol),
        None => *codec,
    };
    // The texts of the KeyErrors that Python raises.
    let key = |name: &str| request.get(name).ok_or_else(|| Raise::new("KeyError", name));
    let data = key("handshake")?;
    let handshake = protect(|| {
        let _entered = context.enter();
        core.validate_handshake(data, context)
    })?;
    let wants_metadata = dialect.is_pyro5() || message.header.flags.contains(Flags::META_ON_CONNECT);
    let metadata = match wants_metadata {
        true => Some(core.metadata(key("object")?.as_str().unwrap_or_default())?),
        false => None,
    };
    Ok(Answer {
        handshake,
        metadata,
        codec,
    })
}

fn write(core: &Core, request: &Header, context: &Context, answer: &Answer, out: &mut Vec<u8>) -> Result<(), String> {
    let codec = &answer.codec;
    let with_metadata = answer.metadata.is_some() && !request.dialect.is_pyro5();
    let header = Header {
        seq: request.seq,
        correlation_id: Some(context.correlation_id()),
        flags: if with_metadata {
            Flags::META_ON_CONNECT
        } else {
            Flags::NONE
        },
        ..Header::new(request.dialect, MessageKind::CONNECTOK, codec.id())
    };
    let annotations = core.answer_annotations(context);
    let mut frame = FrameBuilder::begin(out, &header, annotations, &core.frame_settings).map_err(|e| e.to_string())?;
    match answer.metadata {
        Some(_) => codec.append(frame.payload(), answer),
        None => codec.append(frame.payload(), &answer.handshake),
    }
    .map_err(|error| error.to_string())?;
    frame.finish().map(drop).map_err(|error| error.to_string())
}

impl Serialize for Answer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let containers = if self.codec.dialect.is_pyro5() {
            Containers::Sets
        } else {
            Containers::Lists
        };
        let mut dict = serializer.serialize_struct("ConnectOk", 2)?;
        dict.serialize_field("handshake", &self.handshake)?;
        dict.serialize_field(
            "meta",
            &self.metadata.as_ref().map(|metadata| metadata.wire(containers)),
        )?;
        dict.end()
    }
}
