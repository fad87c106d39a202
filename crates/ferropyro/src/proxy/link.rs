//! A proxy's connection: a request goes out, its answer comes back.

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Flags, Message};
use serde::de::DeserializeOwned;

use crate::arguments::Arguments;
use crate::session::client::{ClientSession, Request};
use crate::session::metadata::Metadata;
use crate::transport::{Inbox, Stream, is_timeout};
use crate::{Error, ErrorKind, Result, Uri};

/// A buffer for requests above this size is not kept between calls.
const OUT_KEEP: usize = 1 << 20;

/// A connection that has passed the handshake.
pub(super) struct Link {
    pub(super) stream: Stream,
    pub(super) session: ClientSession,
    pub(super) inbox: Inbox,
    pub(super) out: Vec<u8>,
    pub(super) uri: Uri,
    /// The object id in the URI.
    pub(super) object: String,
    /// What the object exposes, names sorted; `None` when METADATA is off.
    pub(super) metadata: Option<Metadata>,
    pub(super) answer: Value,
}

/// A call on its way: what is in it, and which names the object must have.
pub(super) struct Outgoing<'a, A> {
    pub(super) method: &'a str,
    pub(super) args: &'a A,
    pub(super) kwargs: Option<&'a Dict>,
    pub(super) oneway: bool,
    pub(super) check: Check<'a>,
}

pub(super) enum Check<'a> {
    Method,
    Attribute(&'a str),
}

impl Link {
    pub(super) fn perform<R: DeserializeOwned, A: Arguments>(&mut self, request: &Outgoing<'_, A>) -> Result<R> {
        self.check(request)?;
        let oneway = request.oneway || self.is_oneway(request.method);
        let flags = if oneway { Flags::ONEWAY } else { Flags::NONE };
        let message = Request {
            object: &self.object,
            method: request.method,
            args: request.args,
            kwargs: request.kwargs,
            flags,
        };
        self.session.invoke(&message, &mut self.out)?;
        self.send()?;
        if oneway {
            return R::deserialize(Value::None).map_err(|error| {
                Error::from(error).with(
                    "reason",
                    format_args!("{} is oneway and gives no result", request.method),
                )
            });
        }
        self.receive(|session, message| session.result(message))
    }

    /// Waits for the next message and hands it on.
    pub(super) fn receive<T>(&mut self, read: impl FnOnce(&mut ClientSession, &Message<'_>) -> Result<T>) -> Result<T> {
        loop {
            if let Some((length, message)) = self.session.deframer().next(self.inbox.bytes())? {
                let result = read(&mut self.session, &message);
                self.inbox.consume(length);
                return result;
            }
            let wanted = self.session.deframer().wanted();
            match self.inbox.fill(&self.stream, wanted) {
                Ok(0) => return Err(Error::new(ErrorKind::ConnectionClosed, "receiving: not enough data")),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => return Err(Error::new(ErrorKind::Timeout, "receiving: timeout")),
                Err(error) => {
                    let text = format!("receiving: connection lost: {error}");
                    return Err(Error::new(ErrorKind::ConnectionClosed, text).caused_by(error));
                }
            }
        }
    }

    fn check<A>(&self, request: &Outgoing<'_, A>) -> Result<()> {
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let (known, name) = match request.check {
            Check::Method => (contains(&metadata.methods, request.method), request.method),
            Check::Attribute(name) => (contains(&metadata.attributes, name), name),
        };
        if known {
            return Ok(());
        }
        let text = format!(
            "remote object '{}' has no exposed attribute or method '{name}'",
            self.uri
        );
        Err(Error::new(ErrorKind::Attribute, text))
    }

    fn is_oneway(&self, method: &str) -> bool {
        self.metadata
            .as_ref()
            .is_some_and(|metadata| contains(&metadata.oneway, method))
    }

    pub(super) fn send(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        self.out.shrink_to(OUT_KEEP);
        sent.map_err(|error| {
            if is_timeout(&error) {
                return Error::new(ErrorKind::Timeout, "sending: timeout");
            }
            Error::new(
                ErrorKind::ConnectionClosed,
                format!("sending: connection lost: {error}"),
            )
            .caused_by(error)
        })
    }
}

/// The names are sorted when they arrive.
fn contains(names: &[String], name: &str) -> bool {
    names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
}
