//! Making a connection: the dialect, the handshake, the metadata.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ferropyro_formats::Value;
use ferropyro_wire::{Dialect, Flags, FrameErrorKind, FrameSettings, HmacKey};

use super::hooks::Hooks;
use super::link::{Check, Link, Outgoing};
use super::no_kwargs;
use super::shared::{Target, limit};
use crate::arguments::ListOf;
use crate::config::Config;
use crate::context::{self, AnnotationList, Luggage};
use crate::daemon::registry::DAEMON_ID;
use crate::logging::logger;
use crate::serializer::{Codec, Serializer};
use crate::session::client::{ClientSession, Greeting, Outcome};
use crate::session::metadata::Metadata;
use crate::transport::{Inbox, Stream};
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Location, Result, Uri, naming};

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) config: Arc<Config>,
    pub(super) serializer: Serializer,
    /// Whether the serializer was chosen for this proxy, and is not just that of the configuration.
    pub(super) is_serializer_own: bool,
    pub(super) dialect: Option<Dialect>,
    pub(super) hmac_key: Option<HmacKey>,
    pub(super) handshake: Value,
    /// `None` is that of the calls.
    pub(super) connect_timeout: Option<Duration>,
    pub(super) max_retries: u32,
    pub(super) hooks: Hooks,
}

/// The most bytes of a call's annotations that the CONNECT message before it carries as well: servers take only small ones from strangers.
const GREETING_ANNOTATIONS: usize = 16 << 10;
/// What an annotation takes besides its value, at the most.
const CHUNK_HEADER: usize = 8;

impl Settings {
    /// Connects to the object: resolves its URI, finds out the dialect, passes the handshake.
    pub(super) fn connect(&self, target: &Target, seq: u16, luggage: &Luggage) -> Result<Box<Link>> {
        let uri = self.resolve(target)?;
        let Some(location) = uri.location() else {
            return Err(Error::new(ErrorKind::Pyro, "invalid uri"));
        };
        let attempt = Greeter {
            settings: self,
            uri: &uri,
            location,
            timeout: self.time_to_connect(target),
            seq,
            luggage,
        };
        let mut link = attempt.connect_in_any_dialect()?;
        if let Some(validate) = &self.hooks.validate_handshake {
            validate(&link.answer)?;
        }
        if link.metadata.is_none() && self.config.metadata {
            link.metadata = Some(Arc::new(link.fetch_metadata(luggage)?));
        }
        if link.metadata.as_ref().is_some_and(|metadata| metadata.is_empty()) {
            let text = format!(
                "remote object '{uri}' doesn't expose any methods or attributes. Did you forget setting @expose on them?"
            );
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        link.set_timeout(target.timeout)?;
        tracing::debug!(target: logger::CLIENT, "connected to {uri}, {}", link.session.dialect());
        Ok(link)
    }

    /// How long each step of connecting may take.
    fn time_to_connect(&self, target: &Target) -> Option<Duration> {
        limit(self.connect_timeout.or(target.timeout))
    }

    /// The URI of an object, which a name server may have to be asked for.
    pub(super) fn resolve(&self, target: &Target) -> Result<Uri> {
        if target.uri.protocol() == Protocol::Pyro {
            return Ok(target.uri.clone());
        }
        let config = Config {
            commtimeout: self.time_to_connect(target),
            ..Config::clone(&self.config)
        };
        let settings = naming::Settings {
            config,
            hmac_key: self.hmac_key.clone(),
        };
        naming::resolve_with(&target.uri, &settings)
    }
}

/// Makes one connection.
struct Greeter<'a> {
    settings: &'a Settings,
    /// A concrete one.
    uri: &'a Uri,
    location: &'a Location,
    timeout: Option<Duration>,
    seq: u16,
    luggage: &'a Luggage,
}

impl Greeter<'_> {
    /// Tries one dialect after the other until the server agrees, and remembers which one that was.
    fn connect_in_any_dialect(&self) -> Result<Box<Link>> {
        let mut candidates = self.candidates();
        let mut reason: Option<Error> = None;
        while let Some(dialect) = candidates.pop() {
            let error = match self.connect_in(dialect) {
                Ok(link) => {
                    remember(
                        &mut known_dialects().lock().unwrap_or_else(PoisonError::into_inner),
                        self.location,
                        dialect,
                    );
                    return Ok(link);
                }
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Stranger(error)) => error,
            };
            // That the other side speaks another dialect is no reason once that one has been tried.
            if reason.as_ref().is_none_or(|first| foreign_version(first).is_some()) {
                reason = Some(error);
            }
        }
        Err(reason.unwrap_or_else(|| Error::new(ErrorKind::Protocol, "no dialect to speak")))
    }

    /// The dialects to try, the first one last. A key is only known to Pyro4.
    fn candidates(&self) -> Vec<Dialect> {
        let known = known_dialects()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(self.location)
            .copied();
        match (self.settings.dialect, &self.settings.hmac_key, known) {
            (Some(dialect), _, _) => vec![dialect],
            (None, Some(_), _) => vec![Dialect::V48],
            (None, None, Some(Dialect::V48)) => vec![Dialect::V502, Dialect::V48],
            (None, None, _) => vec![Dialect::V48, Dialect::V502],
        }
    }

    fn connect_in(&self, dialect: Dialect) -> std::result::Result<Box<Link>, Attempt> {
        let Settings { config, hmac_key, .. } = self.settings;
        let stream = Stream::connect(self.location, config, self.timeout).map_err(Attempt::Final)?;
        let codec = Codec {
            serializer: self.settings.serializer,
            dialect,
            bytes_repr: config.serpent_bytes_repr,
        };
        let frames = FrameSettings {
            hmac_key: hmac_key.clone().filter(|_| !dialect.is_pyro5()),
            max_message_size: config.max_message_size.map(|size| size as u64),
            compression: config.compression,
        };
        let mut link = Box::new(Link {
            stream,
            session: ClientSession::new(codec, frames, self.seq),
            inbox: Inbox::default(),
            out: Vec::new(),
            uri: self.uri.clone(),
            object: self.uri.object().into_owned(),
            metadata: None,
            answer: Value::None,
        });
        link.set_timeout(self.timeout).map_err(Attempt::Final)?;
        self.shake_hands(&mut link)
            .map_err(|error| attempt(error, self.location))?;
        Ok(link)
    }

    fn shake_hands(&self, link: &mut Link) -> Result<()> {
        let Settings { hooks, config, .. } = self.settings;
        let none = Luggage::default();
        let sizes = self
            .luggage
            .annotations
            .iter()
            .map(|(_, value)| CHUNK_HEADER + value.len());
        let annotations = match sizes.sum::<usize>() > GREETING_ANNOTATIONS {
            true => hooks.annotations(&none),
            false => hooks.annotations(self.luggage),
        };
        let greeting = Greeting {
            object: &link.object,
            handshake: &self.settings.handshake,
            wants_metadata: config.metadata,
            correlation_id: self.luggage.correlation_id,
            annotations: &annotations,
        };
        link.session.connect(&greeting, &mut link.out)?;
        link.send()?;
        let (answer, metadata) = link.receive(|session, message| {
            let connected = session.connected(message)?;
            context::remember_response(&message.annotations);
            hooks.show_annotations(&message.annotations, message.header.kind);
            Ok(connected)
        })?;
        link.answer = answer;
        link.metadata = metadata.map(|metadata| Arc::new(metadata.sorted()));
        Ok(())
    }
}

/// Why a connection did not come about.
enum Attempt {
    /// Another dialect would not help.
    Final(Error),
    /// The other side may speak another dialect.
    Stranger(Error),
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Attempt {
        Attempt::Final(error)
    }
}

/// Judges an error of the handshake, and words it as Pyro does.
fn attempt(error: Error, location: &Location) -> Attempt {
    if let Some(version) = foreign_version(&error) {
        return match Dialect::from_version(version) {
            Some(Dialect::V48 | Dialect::V502) => Attempt::Stranger(error),
            _ => Attempt::Final(error.with("the server speaks protocol version", version)),
        };
    }
    match error.kind() {
        // A server that does not understand the first bytes may close before its answer has got through.
        ErrorKind::ConnectionClosed => Attempt::Stranger(cannot_connect(location, &error.to_string())),
        // From the session: the text of a refusal.
        ErrorKind::Communication => {
            let place = place(location);
            Attempt::Final(Error::new(
                ErrorKind::Communication,
                format!("connection to {place} rejected: {error}"),
            ))
        }
        ErrorKind::Security => Attempt::Final(cannot_connect(location, &error.to_string())),
        _ => Attempt::Final(error),
    }
}

fn foreign_version(error: &Error) -> Option<u16> {
    let frame = std::error::Error::source(error)?.downcast_ref::<ferropyro_wire::FrameError>()?;
    match frame.kind() {
        FrameErrorKind::BadVersion(version) => Some(*version),
        _ => None,
    }
}

fn cannot_connect(location: &Location, reason: &str) -> Error {
    Error::new(
        ErrorKind::Communication,
        format!("cannot connect to {}: {reason}", place(location)),
    )
}

/// A location as Python's error texts have it.
fn place(location: &Location) -> String {
    match location {
        Location::Tcp { host, port } => format!("('{host}', {port})"),
        Location::Unix(path) => path.clone(),
    }
}

/// Locations whose dialect is remembered. A program may meet any number of them in its life; to forget one costs it one more connection.
const MAX_KNOWN: usize = 4096;

fn remember(known: &mut HashMap<Location, Dialect>, location: &Location, dialect: Dialect) {
    if known.len() >= MAX_KNOWN && !known.contains_key(location) {
        known.clear();
    }
    known.insert(location.clone(), dialect);
}

/// Which dialect was spoken where, so that the next connection begins with the right one.
fn known_dialects() -> &'static Mutex<HashMap<Location, Dialect>> {
    static KNOWN: OnceLock<Mutex<HashMap<Location, Dialect>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

impl Link {
    /// Asks the daemon for what the handshake did not bring.
    fn fetch_metadata(&mut self, luggage: &Luggage) -> Result<Metadata> {
        let object = self.object.clone();
        let call = Outgoing {
            object: Some(DAEMON_ID),
            method: "get_metadata",
            args: &ListOf([object.as_str()]),
            kwargs: Some(no_kwargs()),
            flags: Flags::NONE,
            check: Check::Nothing,
        };
        self.begin(&call, call.flags, luggage.correlation_id, &AnnotationList::new())?;
        self.receive(|session, message| match session.result(message)? {
            Outcome::Result(codec) => Ok(codec.read::<Metadata>(&message.payload)?.sorted()),
            Outcome::Stream(_) => Err(Error::new(ErrorKind::Protocol, "the metadata are no iterator")),
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_dialects_has_a_bound() {
        let mut known = HashMap::new();
        for number in 0..=MAX_KNOWN {
            remember(&mut known, &Location::unix(format!("/{number}")), Dialect::V48);
            assert!(known.len() <= MAX_KNOWN);
        }
        let last = Location::unix(format!("/{MAX_KNOWN}"));
        remember(&mut known, &last, Dialect::V502);
        assert_eq!(known, HashMap::from([(last, Dialect::V502)]));
    }
}
