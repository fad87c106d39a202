//! What a client says and hears on one connection, without the connection: a driver sends what stands in `out`, and fills the inbox.

use std::sync::Arc;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags, Message};
use uuid::Uuid;

use super::hooks::Hooks;
use super::no_kwargs;
use super::reply::{Payload, Reading};
use super::settings::{Settings, Target};
use crate::arguments::{Arguments, ListOf};
use crate::classes::proxy::read_with;
use crate::config::Config;
use crate::context::{self, AnnotationList, Luggage};
use crate::daemon::registry::DAEMON_ID;
use crate::description::Description;
use crate::logging::{WireData, each_message, logger};
use crate::session::client::{ClientSession, Greeting, Outcome, Request, read_exception};
use crate::session::metadata::Metadata;
use crate::transport::Inbox;
use crate::{Error, ErrorKind, Result, Uri};

/// A buffer for requests above this size goes when it is not needed.
const OUT_KEEP: usize = 1 << 20;

/// The most bytes of a call's annotations that the CONNECT message before it carries as well: servers take only small ones from strangers.
const GREETING_ANNOTATIONS: usize = 16 << 10;
/// What an annotation takes besides its value, at the most.
const CHUNK_HEADER: usize = 8;

/// One connection's conversation.
///
/// It begins with [`greet`](Conversation::greet) and [`welcome`](Conversation::welcome). After that each [`ask`](Conversation::ask) is followed by an
/// [`answer`](Conversation::answer), if there will be one. What hears gives `None` as long as a message has not arrived in full.
pub(crate) struct Conversation {
    pub(crate) session: ClientSession,
    /// What has arrived.
    pub(crate) inbox: Inbox,
    /// What is to be sent now: see [`Conversation::outgoing`].
    pub(crate) out: Vec<u8>,
    pub(crate) uri: Uri,
    /// The object id in the URI.
    pub(crate) object: String,
    /// What the object exposes, names sorted; `None` when METADATA is off.
    pub(crate) metadata: Option<Arc<Metadata>>,
    /// What the server's handshake said.
    pub(crate) answer: Value,
    /// For the proxies in answers, when connections are encrypted.
    config: Option<Arc<Config>>,
    /// The setting LOGWIRE.
    logs_messages: bool,
}

/// A call on its way: what is in it, and which names the object must have.
pub(crate) struct Outgoing<'a, A> {
    /// `None` is the object of the proxy.
    pub(crate) object: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) args: A,
    pub(crate) kwargs: Option<&'a Dict>,
    pub(crate) flags: Flags,
    pub(crate) check: Check<'a>,
}

#[derive(Clone, Copy)]
pub(crate) enum Check<'a> {
    Method,
    Attribute(&'a str),
    Nothing,
}

impl<A> Outgoing<'_, A> {
    /// Whether nobody can tell if such a call has come through, so that it must not be sent again.
    pub(crate) fn is_oneway(&self, target: &Target) -> bool {
        let declared = || target.metadata.oneway.iter().any(|name| name == self.method);
        self.flags.contains(Flags::ONEWAY) || (self.object.is_none() && declared())
    }
}

/// How a call was answered.
pub(crate) enum Answer<R> {
    Result(R),
    /// The result is an iterator with this id.
    Stream(String),
}

impl Conversation {
    /// One with the object of a resolved URI. The last sequence number of the proxy was `seq`.
    pub(crate) fn new(settings: &Settings, dialect: Dialect, uri: &Uri, seq: u16) -> Conversation {
        Conversation {
            session: ClientSession::new(settings.codec(dialect), settings.frames(dialect), seq),
            inbox: Inbox::default().waiting_for_all(settings.config.use_msg_waitall),
            out: Vec::new(),
            uri: uri.clone(),
            object: uri.object().into_owned(),
            metadata: None,
            answer: Value::None,
            config: settings.tls.as_ref().map(|_| Arc::clone(&settings.config)),
            logs_messages: settings.config.logwire,
        }
    }

    /// Writes the CONNECT message, if the client is the first one to speak.
    pub(crate) fn greet(&mut self, settings: &Settings, luggage: &Luggage) -> Result<()> {
        let Settings { hooks, config, .. } = settings;
        let none = Luggage::default();
        let sizes = luggage.annotations.iter().map(|(_, value)| CHUNK_HEADER + value.len());
        let annotations = match sizes.sum::<usize>() > GREETING_ANNOTATIONS {
            true => hooks.annotations(&none)?,
            false => hooks.annotations(luggage)?,
        };
        let greeting = Greeting {
            object: &self.object,
            handshake: &settings.handshake,
            wants_metadata: config.metadata,
            correlation_id: luggage.correlation_id,
            annotations: &annotations,
        };
        self.session.connect(&greeting, &mut self.out)
    }

    /// Hears how the server answers the greeting.
    pub(crate) fn welcome(&mut self, hooks: &Hooks) -> Result<Option<()>> {
        let heard = self.hear(|session, message| {
            let connected = session.connected(message)?;
            context::remember_response(&message.annotations);
            hooks.show_annotations(&message.annotations, message.header.kind)?;
            Ok(connected)
        })?;
        let Some((answer, metadata)) = heard else {
            return Ok(None);
        };
        self.answer = answer;
        self.metadata = metadata.map(|metadata| Arc::new(metadata.sorted()));
        Ok(Some(()))
    }

    /// Judges what came with the welcome. Gives whether the metadata have to be asked for, with [`ask_for_metadata`](Self::ask_for_metadata).
    pub(crate) fn judge_welcome(&self, settings: &Settings) -> Result<bool> {
        if let Some(validate) = &settings.hooks.validate_handshake {
            validate(&self.answer)?;
        }
        Ok(self.metadata.is_none() && settings.config.metadata && self.session.has_metadata())
    }

    /// Writes the call to the daemon for what the handshake did not bring.
    pub(crate) fn ask_for_metadata(&mut self, luggage: &Luggage) -> Result<()> {
        let object = self.object.clone();
        let call = daemon_call("get_metadata", ListOf([object.as_str()]), Flags::NONE);
        self.begin(&call, call.flags, luggage.correlation_id, &AnnotationList::new())
    }

    /// Hears the answer to that.
    pub(crate) fn hear_metadata(&mut self) -> Result<Option<()>> {
        let heard = self.hear(|session, message| match session.result(message)? {
            Outcome::Result(codec) => Ok(Some(codec.read::<Metadata>(&message.payload)?.sorted())),
            Outcome::Stream(_) => Err(Error::new(ErrorKind::Protocol, "the metadata are no iterator")),
            Outcome::Exception(codec) => match read_exception(&codec, &message.payload) {
                error if session.dialect() == Dialect::V47 && is_attribute_error(&error) => Ok(None),
                error => Err(error),
            },
        })?;
        let Some(metadata) = heard else { return Ok(None) };
        self.metadata = metadata.map(Arc::new);
        Ok(Some(()))
    }

    /// An object without a name that could be called is a mistake of its server's.
    pub(crate) fn require_members(&self) -> Result<()> {
        if self.metadata.as_ref().is_some_and(|metadata| metadata.is_empty()) {
            let text = format!(
                "remote object '{}' doesn't expose any methods or attributes. Did you forget setting @expose on them?",
                self.uri
            );
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        Ok(())
    }

    /// Writes a call. Gives whether there will be an answer.
    pub(crate) fn ask<A: Arguments>(
        &mut self,
        call: &Outgoing<'_, A>,
        luggage: &Luggage,
        hooks: &Hooks,
    ) -> Result<bool> {
        self.check(call.check, call.method)?;
        let mut flags = call.flags;
        if call.object.is_none() && self.is_oneway(call.method) {
            flags |= Flags::ONEWAY;
        }
        let annotations = hooks.annotations(luggage)?;
        self.begin(call, flags, luggage.correlation_id, &annotations)?;
        Ok(!flags.contains(Flags::ONEWAY))
    }

    /// Writes a call as it is, with these flags.
    pub(crate) fn begin<A: Arguments>(
        &mut self,
        call: &Outgoing<'_, A>,
        flags: Flags,
        correlation_id: Option<Uuid>,
        annotations: &AnnotationList,
    ) -> Result<()> {
        let request = Request {
            object: call.object.unwrap_or(&self.object),
            method: call.method,
            args: &call.args,
            kwargs: call.kwargs,
            flags,
            correlation_id,
            annotations,
        };
        self.session.invoke(&request, &mut self.out)
    }

    /// Writes the oneway call that closes an item stream. Nothing of the caller's context goes along: this may happen at any time.
    pub(crate) fn begin_close(&mut self, stream: &str) -> Result<()> {
        let call = daemon_call("close_stream", ListOf([stream]), Flags::ONEWAY);
        self.begin(&call, call.flags, None, &AnnotationList::new())
    }

    /// Hears the answer of the last call.
    pub(crate) fn answer<R: Reading>(&mut self, hooks: &Hooks, reading: &mut R) -> Result<Option<Answer<R::Result>>> {
        self.hear(|session, message| {
            if !message.annotations.is_empty() {
                context::remember_response(&message.annotations);
            }
            hooks.show_annotations(&message.annotations, message.header.kind)?;
            let bytes = &message.payload;
            match session.result(message)? {
                Outcome::Result(codec) => reading.payload(Payload { codec, bytes }).map(Answer::Result),
                Outcome::Exception(codec) => reading.exception(Payload { codec, bytes }).map(Answer::Result),
                Outcome::Stream(id) => Ok(Answer::Stream(id)),
            }
        })
    }

    /// Hands the next message on, if it has arrived.
    fn hear<T>(&mut self, read: impl FnOnce(&mut ClientSession, &Message<'_>) -> Result<T>) -> Result<Option<T>> {
        // Usually nothing is there yet, which the deframer need not be asked about.
        if self.inbox.bytes().is_empty() {
            return Ok(None);
        }
        let Some((length, message)) = self.session.deframer().next(self.inbox.bytes())? else {
            return Ok(None);
        };
        if self.logs_messages {
            let (uri, received) = (&self.uri, WireData(&message));
            tracing::debug!(target: logger::CLIENT, "proxy wiredata received from {uri}: {received}");
        }
        let result = match &self.config {
            Some(config) => read_with(config, || read(&mut self.session, &message)),
            None => read(&mut self.session, &message),
        };
        self.inbox.consume(length);
        result.map(Some)
    }

    /// What is to be sent now.
    pub(crate) fn outgoing(&self) -> &[u8] {
        if self.logs_messages {
            each_message(&self.out, self.session.hmac_key(), |sent| {
                tracing::debug!(target: logger::CLIENT, "proxy wiredata sending to {}: {sent}", self.uri);
            });
        }
        &self.out
    }

    /// How many bytes the next message lacks, as far as it is known yet.
    pub(crate) fn wanted(&mut self) -> usize {
        self.session.deframer().wanted()
    }

    /// What was to be sent has been sent, or never will be. The buffer keeps its memory while requests are long: to get as much again from the system
    /// takes longer than to send it.
    pub(crate) fn clear_out(&mut self) {
        let is_needed = self.out.len() >= OUT_KEEP / 4;
        self.out.clear();
        if !is_needed {
            self.out.shrink_to(OUT_KEEP);
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
}

/// The answer to `describe`, which Pyro's own daemons do not have.
pub(crate) fn without_description(answer: Result<Description>) -> Result<Option<Description>> {
    match answer {
        Err(error) if is_attribute_error(&error) => Ok(None),
        other => other.map(Some),
    }
}

/// What Pyro4 4.26 answers to `get_metadata`, which it does not have though it speaks protocol 47.
fn is_attribute_error(error: &Error) -> bool {
    error
        .as_remote()
        .is_some_and(|remote| remote.class_name() == "AttributeError")
}

/// A call of the daemon's own object.
pub(crate) fn daemon_call<A>(method: &str, args: A, flags: Flags) -> Outgoing<'_, A> {
    Outgoing {
        object: Some(DAEMON_ID),
        method,
        args,
        kwargs: Some(no_kwargs()),
        flags,
        check: Check::Nothing,
    }
}

/// The names are sorted when they arrive.
fn contains(names: &[String], name: &str) -> bool {
    names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
}

impl Metadata {
    /// Calls look names up.
    fn sorted(mut self) -> Metadata {
        self.methods.sort_unstable();
        self.oneway.sort_unstable();
        self.attributes.sort_unstable();
        self
    }
}
