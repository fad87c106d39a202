//! One connection as the client sees it: calls become bytes, bytes become results.

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{
    Deframer, Dialect, Flags, FrameBuilder, FrameSettings, Header, Message, MessageKind, NO_ANNOTATIONS, SerializerId,
};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeStruct};

use super::metadata::Metadata;
use crate::arguments::{Arguments, Invoke};
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
}

/// A call to be sent.
pub(crate) struct Request<'a, A: ?Sized> {
    pub(crate) object: &'a str,
    pub(crate) method: &'a str,
    pub(crate) args: &'a A,
    pub(crate) kwargs: Option<&'a Dict>,
    pub(crate) flags: Flags,
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
            .expect(CONNECT_REPLIES);
        ClientSession {
            codec,
            settings,
            deframer,
            seq,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.codec.dialect
    }

    pub(crate) fn seq(&self) -> u16 {
        self.seq
    }

    pub(crate) fn deframer(&mut self) -> &mut Deframer {
        &mut self.deframer
    }

    /// Writes the CONNECT message.
    pub(crate) fn connect(&self, object: &str, handshake: &Value, metadata: bool, out: &mut Vec<u8>) -> Result<()> {
        let wants_metadata = metadata || self.dialect().is_pyro5();
        let header = Header {
            seq: self.seq,
            flags: if wants_metadata {
                Flags::META_ON_CONNECT
            } else {
                Flags::NONE
            },
            ..Header::new(self.dialect(), MessageKind::CONNECT, self.codec.id())
        };
        let mut frame = FrameBuilder::begin(out, &header, NO_ANNOTATIONS, &self.settings)?;
        self.codec.append(
            frame.payload(),
            &Connect {
                handshake,
                object: wants_metadata.then_some(object),
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
                Ok(Value::Str(text)) => text,
                // A server on Python 2 sends bytes.
                Ok(Value::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => "?".to_owned(),
            };
            return Err(Error::new(ErrorKind::Communication, text));
        }
        self.deframer.expect(RESULTS);
        if !self.dialect().is_pyro5() && !message.header.flags.contains(Flags::META_ON_CONNECT) {
            return Ok((codec.read(&message.payload)?, None));
        }
        let ConnectOk { handshake, meta } = codec.read(&message.payload)?;
        Ok((handshake, meta))
    }

    /// Writes the INVOKE message.
    pub(crate) fn invoke<A: Arguments + ?Sized>(&mut self, request: &Request<'_, A>, out: &mut Vec<u8>) -> Result<()> {
        self.seq = self.seq.wrapping_add(1);
        let header = Header {
            seq: self.seq,
            flags: request.flags,
            ..Header::new(self.dialect(), MessageKind::INVOKE, self.codec.id())
        };
        let mut frame = FrameBuilder::begin(out, &header, NO_ANNOTATIONS, &self.settings)?;
        let invoke = Invoke {
            object: request.object,
            method: request.method,
            args: request.args,
            kwargs: request.kwargs,
            serializer: self.codec.serializer,
        };
        self.codec.append(frame.payload(), &invoke)?;
        frame.finish()?;
        Ok(())
    }

    /// Reads the RESULT message of the last request.
    pub(crate) fn result<R: DeserializeOwned>(&self, message: &Message<'_>) -> Result<R> {
        let header = &message.header;
        if header.seq != self.seq {
            let text = format!(
                "invoke: reply sequence out of sync, got {} expected {}",
                header.seq, self.seq
            );
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        if header.serializer != self.codec.id() {
            return Err(self.foreign_serializer(message));
        }
        if header.flags.contains(Flags::ITEMSTREAMRESULT) {
            let text = "the result of the call is an iterator, which this client cannot receive yet";
            return Err(Error::new(ErrorKind::Protocol, text));
        }
        if header.flags.contains(Flags::EXCEPTION) {
            return Err(read_exception(&self.codec, &message.payload));
        }
        Ok(self.codec.read(&message.payload)?)
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
        match crate::Serializer::from_id(self.dialect(), id) {
            Some(serializer) => Ok(Codec {
                serializer,
                ..self.codec
            }),
            None => Err(Error::new(
                ErrorKind::Serialize,
                format!("invalid serializer in response: {id}"),
            )),
        }
    }
}

fn read_exception(codec: &Codec, payload: &[u8]) -> Error {
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
}

impl Serialize for Connect<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct("Connect", 1 + usize::from(self.object.is_some()))?;
        dict.serialize_field("handshake", self.handshake)?;
        if let Some(object) = self.object {
            dict.serialize_field("object", object)?;
        }
        dict.end()
    }
}

#[derive(serde::Deserialize)]
struct ConnectOk {
    handshake: Value,
    meta: Option<Metadata>,
}
