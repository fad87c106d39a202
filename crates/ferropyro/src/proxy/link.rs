//! A proxy's connection: a request goes out, its answer comes back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Flags, Message};
use uuid::Uuid;

use super::hooks::Hooks;
use super::reply::{FromReply, Payload};
use crate::arguments::Arguments;
use crate::context::{self, AnnotationList, Luggage};
use crate::session::client::{ClientSession, Outcome, Request};
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
    pub(super) metadata: Option<Arc<Metadata>>,
    pub(super) answer: Value,
}

/// A call on its way: what is in it, and which names the object must have.
pub(super) struct Outgoing<'a, A> {
    /// `None` is the object of the proxy.
    pub(super) object: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) args: &'a A,
    pub(super) kwargs: Option<&'a Dict>,
    pub(super) flags: Flags,
    pub(super) check: Check<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Check<'a> {
    Method,
    Attribute(&'a str),
    Nothing,
}

/// How a call was answered.
pub(super) enum Answer<R> {
    Result(R),
    /// The result is an iterator with this id.
    Stream(String),
}

impl Link {
    /// Makes a call, and waits for its answer if there will be one.
    pub(super) fn perform<R: FromReply, A: Arguments>(
        &mut self,
        call: &Outgoing<'_, A>,
        luggage: &Luggage,
        hooks: &Hooks,
    ) -> Result<Answer<R>> {
        self.check(call.check, call.method)?;
        let mut flags = call.flags;
        if call.object.is_none() && self.is_oneway(call.method) {
            flags |= Flags::ONEWAY;
        }
        let annotations = hooks.annotations(luggage);
        self.begin(call, flags, luggage.correlation_id, &annotations)?;
        if flags.contains(Flags::ONEWAY) {
            return oneway_result(call.method).map(Answer::Result);
        }
        self.receive(|session, message| {
            if !message.annotations.is_empty() {
                context::remember_response(&message.annotations);
            }
            hooks.show_annotations(&message.annotations, message.header.kind);
            match session.result(message)? {
                Outcome::Result(codec) => {
                    let bytes = &message.payload;
                    R::from_payload(Payload { codec, bytes }).map(Answer::Result)
                }
                Outcome::Stream(id) => Ok(Answer::Stream(id)),
            }
        })
    }

    /// Sends a call, and waits for nothing.
    pub(super) fn begin<A: Arguments>(
        &mut self,
        call: &Outgoing<'_, A>,
        flags: Flags,
        correlation_id: Option<Uuid>,
        annotations: &AnnotationList,
    ) -> Result<()> {
        let request = Request {
            object: call.object.unwrap_or(&self.object),
            method: call.method,
            args: call.args,
            kwargs: call.kwargs,
            flags,
            correlation_id,
            annotations,
        };
        self.session.invoke(&request, &mut self.out)?;
        self.send()
    }

    /// Waits for the next message and hands it on.
    pub(super) fn receive<T>(&mut self, read: impl FnOnce(&mut ClientSession, &Message<'_>) -> Result<T>) -> Result<T> {
        loop {
            // Usually nothing is there yet, which the deframer need not be asked about.
            if !self.inbox.bytes().is_empty()
                && let Some((length, message)) = self.session.deframer().next(self.inbox.bytes())?
            {
                let result = read(&mut self.session, &message);
                self.inbox.consume(length);
                return result;
            }
            let wanted = self.session.deframer().wanted();
            match self.inbox.fill(&self.stream, wanted) {
                Ok(0) => return Err(Error::new(ErrorKind::ConnectionClosed, "receiving: not enough data")),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => return Err(Error::new(ErrorKind::Timeout, "receiving: timeout")),
                Err(error) => return Err(lost("receiving: connection lost", error)),
            }
        }
    }

    fn check(&self, check: Check<'_>, method: &str) -> Result<()> {
        let Some(metadata) = &self.metadata else { return Ok(()) };
        let (known, name) = match check {
            Check::Method => (contains(&metadata.methods, method), method),
            Check::Attribute(name) => (contains(&metadata.attributes, name), name),
            Check::Nothing => return Ok(()),
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

    /// How long to wait for the other side to take or send some bytes.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        let set = self.stream.set_read_timeout(timeout);
        set.and_then(|()| self.stream.set_write_timeout(timeout))
            .map_err(|error| lost("connection lost", error))
    }

    pub(super) fn send(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        self.out.shrink_to(OUT_KEEP);
        sent.map_err(|error| {
            if is_timeout(&error) {
                return Error::new(ErrorKind::Timeout, "sending: timeout");
            }
            lost("sending: connection lost", error)
        })
    }
}

fn lost(what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::ConnectionClosed, format!("{what}: {error}")).caused_by(error)
}

/// What stands for the answer that nobody sends.
fn oneway_result<R: FromReply>(method: &str) -> Result<R> {
    R::from_oneway().map_err(|error| error.with("reason", format_args!("{method} is oneway and gives no result")))
}

/// The names are sorted when they arrive.
fn contains(names: &[String], name: &str) -> bool {
    names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
}
