//! Making a connection: the dialect, the handshake, the metadata.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::{Dialect, Flags, FrameErrorKind, FrameSettings, HmacKey};

use super::link::Link;
use crate::config::Config;
use crate::logging::logger;
use crate::registry::DAEMON_ID;
use crate::serializer::{Codec, Serializer};
use crate::session::client::{ClientSession, Request};
use crate::session::metadata::Metadata;
use crate::transport::{Inbox, Stream};
use crate::uri::Protocol;
use crate::{Error, ErrorKind, Location, Result, Uri, naming};

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) config: Arc<Config>,
    pub(super) serializer: Serializer,
    pub(super) dialect: Option<Dialect>,
    pub(super) hmac_key: Option<HmacKey>,
    pub(super) handshake: Value,
    pub(super) timeout: Option<Duration>,
}

impl Settings {
    /// Connects to the object: resolves its URI, finds out the dialect, passes the handshake.
    pub(super) fn connect(&self, uri: &Uri, seq: u16) -> Result<Link> {
        let uri = match uri.protocol() {
            Protocol::Pyro => uri.clone(),
            _ => naming::resolve_with(uri, &self.ns_settings())?,
        };
        let Some(location) = uri.location() else {
            return Err(Error::new(ErrorKind::Pyro, "invalid uri"));
        };
        let mut link = self.connect_in_any_dialect(&uri, location, seq)?;
        if link.metadata.is_none() && self.config.metadata {
            link.metadata = Some(link.fetch_metadata()?);
        }
        link.sort_metadata();
        if link.metadata.as_ref().is_some_and(Metadata::is_empty) {
            let text = format!(
                "remote object '{uri}' doesn't expose any methods or attributes. Did you forget setting @expose on them?"
            );
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        tracing::debug!(target: logger::CLIENT, "connected to {uri}, {}", link.session.dialect());
        Ok(link)
    }

    /// Tries one dialect after the other until the server agrees, and remembers which one that was.
    fn connect_in_any_dialect(&self, uri: &Uri, location: &Location, seq: u16) -> Result<Link> {
        let mut candidates = self.candidates(location);
        let mut first_error = None;
        while let Some(dialect) = candidates.pop() {
            let error = match self.connect_in(dialect, uri, location, seq) {
                Ok(link) => {
                    remember(
                        &mut known_dialects().lock().unwrap_or_else(PoisonError::into_inner),
                        location,
                        dialect,
                    );
                    return Ok(link);
                }
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Stranger(error)) => error,
            };
            first_error.get_or_insert(error);
        }
        Err(first_error.unwrap_or_else(|| Error::new(ErrorKind::Protocol, "no dialect to speak")))
    }

    /// The dialects to try, the first one last. A key is only known to Pyro4.
    fn candidates(&self, location: &Location) -> Vec<Dialect> {
        let known = known_dialects()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(location)
            .copied();
        match (self.dialect, &self.hmac_key, known) {
            (Some(dialect), _, _) => vec![dialect],
            (None, Some(_), _) => vec![Dialect::V48],
            (None, None, Some(Dialect::V48)) => vec![Dialect::V502, Dialect::V48],
            (None, None, _) => vec![Dialect::V48, Dialect::V502],
        }
    }

    fn connect_in(
        &self,
        dialect: Dialect,
        uri: &Uri,
        location: &Location,
        seq: u16,
    ) -> std::result::Result<Link, Attempt> {
        let stream = Stream::connect(location, &self.config, self.timeout).map_err(Attempt::Final)?;
        stream
            .set_read_timeout(self.timeout)
            .map_err(|error| cannot_connect(location, &error.to_string()))?;
        stream
            .set_write_timeout(self.timeout)
            .map_err(|error| cannot_connect(location, &error.to_string()))?;
        let codec = Codec {
            serializer: self.serializer,
            dialect,
            bytes_repr: self.config.serpent_bytes_repr,
        };
        let frames = FrameSettings {
            hmac_key: self.hmac_key.clone().filter(|_| !dialect.is_pyro5()),
            max_message_size: self.config.max_message_size.map(|size| size as u64),
            compression: self.config.compression,
        };
        let mut link = Link {
            stream,
            session: ClientSession::new(codec, frames, seq),
            inbox: Inbox::default(),
            out: Vec::new(),
            uri: uri.clone(),
            object: uri.object().into_owned(),
            metadata: None,
            answer: Value::None,
        };
        link.shake_hands(&self.handshake, self.config.metadata)
            .map_err(|error| attempt(error, location))?;
        Ok(link)
    }

    /// How the name server is reached when the URI needs one.
    pub(super) fn ns_settings(&self) -> naming::Settings {
        naming::Settings {
            config: Config::clone(&self.config),
            hmac_key: self.hmac_key.clone(),
        }
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
    fn shake_hands(&mut self, handshake: &Value, metadata: bool) -> Result<()> {
        self.session.connect(&self.object, handshake, metadata, &mut self.out)?;
        self.send()?;
        (self.answer, self.metadata) = self.receive(|session, message| session.connected(message))?;
        Ok(())
    }

    /// Asks the daemon for what the handshake did not bring.
    fn fetch_metadata(&mut self) -> Result<Metadata> {
        // Pyro sends a list of arguments here.
        let object = self.object.clone();
        let args = [object.as_str()];
        let request = Request {
            object: DAEMON_ID,
            method: "get_metadata",
            args: &args,
            kwargs: Some(&Dict::new()),
            flags: Flags::NONE,
        };
        self.session.invoke(&request, &mut self.out)?;
        self.send()?;
        self.receive(|session, message| session.result(message))
    }

    fn sort_metadata(&mut self) {
        if let Some(metadata) = &mut self.metadata {
            metadata.methods.sort_unstable();
            metadata.oneway.sort_unstable();
            metadata.attributes.sort_unstable();
        }
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
