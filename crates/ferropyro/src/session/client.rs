//! One connection as the client sees it: calls become bytes, bytes become results.
//!
//! With protocols 46 and 47 there is no CONNECT message: the server sends its CONNECTOK at once, and the client only listens.

use ferropyro_formats::{self as formats, Dict, Value};
use ferropyro_wire::{
    AnnotationKey, Annotations, Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, HmacKey, Message,
    MessageKind, Serializer, SerializerId,
};
use serde::ser::{Error as _, Serialize, SerializeStruct};
use uuid::Uuid;

use super::metadata::Metadata;
use super::{MAX_ANNOTATIONS, PICKLE_PROTOCOL};
use crate::arguments::{Arguments, ForeignCall, Invoke};
use crate::blob::{ONLY_ARGUMENT, SerializedBlob};
use crate::context::AnnotationList;
use crate::error::RemoteError;
use crate::serializer::Codec;
use crate::{Error, ErrorKind, Result};

/// The client's side of one connection.
#[derive(Debug)]
pub(crate) struct ClientSession {
    codec: Codec,
    settings: FrameSettings,
    deframer: Deframer,
    /// The sequence number of the last request.
    seq: u16,
    /// How the last request was serialized, and its answer will be.
    requested: Codec,
}

/// A call to be sent.
pub(crate) struct Request<'a, A: ?Sized> {
    pub(crate) object: &'a str,
    pub(crate) method: &'a str,
    pub(crate) args: &'a A,
    pub(crate) kwargs: Option<&'a Dict>,
    pub(crate) flags: Flags,
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) annotations: &'a AnnotationList,
}

impl<A: Arguments + ?Sized> Request<'_, A> {
    /// Adds the payload, which a binding may write by itself.
    fn write_payload(&self, codec: &Codec, message: &mut Vec<u8>) -> Result<()> {
        let call = ForeignCall {
            object: self.object,
            method: self.method,
            serializer: codec.serializer,
        };
        match (self.args.payload(&call, message), self.args.blob()) {
            (Some(written), _) => written,
            (None, Some(blob)) => Ok(codec.append(message, &self.payload(blob, codec.serializer))?),
            (None, None) => Ok(codec.append(message, &self.payload(self.args, codec.serializer))?),
        }
    }

    fn payload<'b, B: ?Sized>(&'b self, args: &'b B, serializer: Serializer) -> Invoke<'b, B> {
        Invoke {
            object: self.object,
            method: self.method,
            args,
            kwargs: self.kwargs,
            serializer,
        }
    }
}

/// What goes along with the CONNECT message.
pub(crate) struct Greeting<'a> {
    pub(crate) object: &'a str,
    pub(crate) handshake: &'a Value,
    /// Whether the object's metadata shall come with the answer. Pyro5 sends it in any case.
    pub(crate) wants_metadata: bool,
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) annotations: &'a AnnotationList,
}

/// What a RESULT message is.
pub(crate) enum Outcome {
    /// A value, to be read with this codec.
    Result(Codec),
    /// An exception, for [`read_exception`].
    Exception(Codec),
    /// An iterator with this id.
    Stream(String),
}

const CONNECT_REPLIES: &[MessageKind] = &[MessageKind::CONNECTOK, MessageKind::CONNECTFAIL];
const RESULTS: &[MessageKind] = &[MessageKind::RESULT];

impl ClientSession {
    /// A session that has not begun. `seq` is where the proxy's last connection left off.
    pub(crate) fn new(codec: Codec, settings: FrameSettings, seq: u16) -> ClientSession {
        let mut deframer = Deframer::for_dialect(codec.dialect);
        deframer
            .set_hmac_key(settings.hmac_key.clone())
            .set_max_message_size(settings.max_message_size)
            .set_max_annotations(MAX_ANNOTATIONS)
            .expect(CONNECT_REPLIES);
        ClientSession {
            codec,
            settings,
            deframer,
            seq,
            requested: codec,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.codec.dialect
    }

    pub(crate) fn seq(&self) -> u16 {
        self.seq
    }

    /// What messages are signed with.
    pub(crate) fn hmac_key(&self) -> Option<HmacKey> {
        self.settings.hmac_key.clone()
    }

    pub(crate) fn deframer(&mut self) -> &mut Deframer {
        &mut self.deframer
    }

    /// Whether a daemon of this dialect tells what its objects expose.
    pub(crate) fn has_metadata(&self) -> bool {
        self.dialect() != Dialect::V46
    }

    /// Writes the CONNECT message, where there is one.
    pub(crate) fn connect(&self, greeting: &Greeting<'_>, out: &mut Vec<u8>) -> Result<()> {
        if self.dialect().server_speaks_first() {
            return Ok(());
        }
        let wants_metadata = greeting.wants_metadata || self.dialect().is_pyro5();
        let header = Header {
            seq: self.seq,
            flags: if wants_metadata {
                Flags::META_ON_CONNECT
            } else {
                Flags::NONE
            },
            correlation_id: greeting.correlation_id,
            ..Header::new(self.dialect(), MessageKind::CONNECT, self.codec.id())
        };
        let mut frame = FrameBuilder::begin(out, &header, borrowed(greeting.annotations), &self.settings)?;
        self.codec.for_a_stranger().append(
            frame.payload(),
            &Connect {
                handshake: greeting.handshake,
                object: wants_metadata.then_some(greeting.object),
                pickle_protocol: self.codec.pickle_protocol(),
            },
        )?;
        frame.finish()?;
        Ok(())
    }

    /// Reads the answer to CONNECT: the server's handshake data, and the metadata if it sent some.
    ///
    /// The error of a refusal has the server's text alone; the caller knows who refused.
    pub(crate) fn connected(&mut self, message: &Message<'_>) -> Result<(Value, Option<Metadata>)> {
        // The answer may be in another serializer than the request, and refusals are.
        let codec = self.codec_of(message.header.serializer)?;
        if message.header.kind == MessageKind::CONNECTFAIL {
            let text = match codec.read(&message.payload) {
                Ok(Value::Str(text)) => text.into_string(),
                // A server on Python 2 sends bytes.
                Ok(Value::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => "?".to_owned(),
            };
            return Err(Error::new(ErrorKind::Communication, text));
        }
        self.deframer.expect(RESULTS);
        if codec.serializer == self.codec.serializer {
            self.codec = self.codec.for_the_writer_of(&message.payload);
        }
        if !self.dialect().is_pyro5() && !message.header.flags.contains(Flags::META_ON_CONNECT) {
            return Ok((codec.read(&message.payload)?, None));
        }
        let ConnectOk { handshake, meta } = codec.read(&message.payload)?;
        Ok((handshake, meta))
    }

    /// Writes the INVOKE message.
    pub(crate) fn invoke<A: Arguments + ?Sized>(&mut self, request: &Request<'_, A>, out: &mut Vec<u8>) -> Result<()> {
        if let Some(blob) = request.args.blob() {
            return self.invoke_blob(blob, request, out);
        }
        let header = self.invoke_header(request, request.flags, self.codec);
        let mut frame = FrameBuilder::begin(out, &header, borrowed(request.annotations), &self.settings)?;
        request.write_payload(&self.codec, frame.payload())?;
        frame.finish()?;
        self.seq = header.seq;
        self.requested = self.codec;
        Ok(())
    }

    /// Data that stay serialized; what is passed on goes as it came.
    fn invoke_blob<A: Arguments + ?Sized>(
        &mut self,
        blob: &SerializedBlob,
        request: &Request<'_, A>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if request.kwargs.is_some_and(|kwargs| !kwargs.is_empty()) {
            return Err(formats::Error::custom(ONLY_ARGUMENT).into());
        }
        if self.dialect().server_speaks_first() {
            let text = format!("the server speaks {}, which has no SerializedBlob", self.dialect());
            return Err(Error::new(ErrorKind::Serialize, text));
        }
        let mut codec = self.codec;
        if let Some((received, _)) = blob.payload() {
            codec = codec.with(received.serializer);
            codec.check()?;
        }
        let header = self.invoke_header(request, request.flags | Flags::KEEPSERIALIZED, codec);
        let label = blob.label(self.dialect(), request.object, request.method)?;
        let annotations = borrowed(request.annotations).chain([(AnnotationKey::BLBI, label.as_slice())]);
        let mut frame = FrameBuilder::begin(out, &header, annotations, &self.settings)?;
        match blob.payload() {
            Some((_, payload)) => frame.payload().extend_from_slice(payload),
            None => request.write_payload(&codec, frame.payload())?,
        }
        frame.finish()?;
        self.seq = header.seq;
        self.requested = codec;
        Ok(())
    }

    fn invoke_header<A: ?Sized>(&self, request: &Request<'_, A>, flags: Flags, codec: Codec) -> Header {
        Header {
            seq: self.seq.wrapping_add(1),
            flags,
            correlation_id: request.correlation_id,
            ..Header::new(self.dialect(), MessageKind::INVOKE, codec.id())
        }
    }

    /// Judges the RESULT message of the last request.
    pub(crate) fn result(&self, message: &Message<'_>) -> Result<Outcome> {
        let header = &message.header;
        if header.seq != self.seq {
            let text = format!(
                "invoke: reply sequence out of sync, got {} expected {}",
                header.seq, self.seq
            );
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        if header.serializer != self.requested.id() {
            return Err(self.foreign_serializer(message));
        }
        // The announcement of a stream is an exception as well.
        if header.flags.contains(Flags::ITEMSTREAMRESULT) {
            return stream_id(&message.annotations).map(Outcome::Stream);
        }
        if header.flags.contains(Flags::EXCEPTION) {
            return Ok(Outcome::Exception(self.requested));
        }
        Ok(Outcome::Result(self.requested))
    }

    /// A server that does not accept our serializer says so in one that everybody has.
    fn foreign_serializer(&self, message: &Message<'_>) -> Error {
        let text = format!("invalid serializer in response: {}", message.header.serializer);
        let error = Error::new(ErrorKind::Serialize, text);
        match self.codec_of(message.header.serializer) {
            Ok(codec) if message.header.flags.contains(Flags::EXCEPTION) => {
                error.with("the server says", read_exception(&codec, &message.payload))
            }
            _ => error,
        }
    }

    fn codec_of(&self, id: SerializerId) -> Result<Codec> {
        // Who has not asked for pickles gets none.
        let is_expected = |serializer: &Serializer| !serializer.is_pickle() || *serializer == self.codec.serializer;
        match Serializer::from_id(self.dialect(), id).filter(is_expected) {
            Some(serializer) => Ok(self.codec.with(serializer)),
            None => Err(Error::new(
                ErrorKind::Serialize,
                format!("invalid serializer in response: {id}"),
            )),
        }
    }
}

fn borrowed(annotations: &AnnotationList) -> impl Iterator<Item = (AnnotationKey, &[u8])> {
    annotations.iter().map(|(key, value)| (*key, value.as_slice()))
}

fn stream_id(annotations: &Annotations<'_>) -> Result<String> {
    match annotations.get(AnnotationKey::STRM).map(String::from_utf8_lossy) {
        Some(id) if !id.is_empty() => Ok(id.into_owned()),
        _ => {
            let text = "result of call is an iterator, but the server is not configured to allow streaming";
            Err(Error::new(ErrorKind::Protocol, text))
        }
    }
}

/// The error that an exception of the server's becomes.
pub(crate) fn read_exception(codec: &Codec, payload: &[u8]) -> Error {
    match codec.read::<Value>(payload) {
        Ok(Value::Exception(exception)) => Error::remote(RemoteError::new(*exception)),
        Ok(other) => Error::new(
            ErrorKind::Protocol,
            format!("the server raised something that is no exception: {other}"),
        ),
        Err(error) => Error::from(error).with("in", "an exception of the server's"),
    }
}

struct Connect<'a> {
    handshake: &'a Value,
    object: Option<&'a str>,
    /// What a client reads that has pickled this in a lower protocol, for everybody. Pyro does not look at it.
    pickle_protocol: Option<u8>,
}

impl Serialize for Connect<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let count = 1 + usize::from(self.object.is_some()) + usize::from(self.pickle_protocol.is_some());
        let mut dict = serializer.serialize_struct("Connect", count)?;
        dict.serialize_field("handshake", self.handshake)?;
        if let Some(object) = self.object {
            dict.serialize_field("object", object)?;
        }
        if let Some(protocol) = self.pickle_protocol {
            dict.serialize_field(PICKLE_PROTOCOL, &protocol)?;
        }
        dict.end()
    }
}

#[derive(serde::Deserialize)]
struct ConnectOk {
    handshake: Value,
    meta: Option<Metadata>,
}
