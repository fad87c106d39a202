//! Making a connection: the dialect, the handshake, the metadata.

use std::sync::Arc;
use std::time::Duration;

use ferropyro_wire::Dialect;

use super::conversation::Conversation;
use super::dialects::Attempts;
use super::failure::no_encryption;
use super::link::Link;
use super::settings::{Settings, Target, location};
use crate::context::Luggage;
use crate::logging::logger;
use crate::transport::{Stream, TlsStream};
use crate::uri::Protocol;
use crate::{Location, Result, Uri, naming, tls};

impl Settings {
    /// Connects to the object: resolves its URI, finds out the dialect, passes the handshake.
    pub(super) fn connect(&self, target: &Target, seq: u16, luggage: &Luggage) -> Result<Box<Link>> {
        let uri = self.resolve(target)?;
        let greeter = Greeter {
            settings: self,
            uri: &uri,
            location: location(&uri)?,
            timeout: self.time_to_connect(target),
            seq,
            luggage,
        };
        let mut link = greeter.connect_in_any_dialect()?;
        if link.conversation.judge_welcome(self)? {
            link.conversation.ask_for_metadata(luggage)?;
            link.send()?;
            link.receive(Conversation::hear_metadata)?;
        }
        link.conversation.require_members()?;
        link.set_timeout(target.timeout)?;
        let dialect = link.conversation.session.dialect();
        tracing::debug!(target: logger::CLIENT, "connected to {uri}, {dialect}");
        Ok(link)
    }

    /// The URI of an object, which a name server may have to be asked for.
    pub(super) fn resolve(&self, target: &Target) -> Result<Uri> {
        if target.uri.protocol() == Protocol::Pyro {
            return Ok(target.uri.clone());
        }
        naming::resolve_with(&target.uri, &self.naming(target))
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
    /// Tries one dialect after the other until the server agrees.
    fn connect_in_any_dialect(&self) -> Result<Box<Link>> {
        let mut attempts = Attempts::new(self.settings, self.location);
        loop {
            let dialect = attempts.next()?;
            let mut link = self.open(dialect)?;
            if let Some(patience) = attempts.patience() {
                link.set_timeout(Some(self.timeout.map_or(patience, |timeout| timeout.min(patience))))?;
            }
            match self.shake_hands(&mut link) {
                Ok(()) => {
                    attempts.succeeded(dialect);
                    link.set_timeout(self.timeout)?;
                    return Ok(link);
                }
                Err(error) => attempts.failed(error)?,
            }
        }
    }

    fn open(&self, dialect: Dialect) -> Result<Box<Link>> {
        let stream = self.encrypted(Stream::connect(self.location, &self.settings.config, self.timeout)?)?;
        self.settings.judge_certificate(stream.peer_certificate())?;
        let link = Box::new(Link {
            stream,
            conversation: Conversation::new(self.settings, dialect, self.uri, self.seq),
        });
        link.set_timeout(self.timeout)?;
        Ok(link)
    }

    /// The same stream with TLS, if that is switched on.
    fn encrypted(&self, stream: Stream) -> Result<Stream> {
        let Some(tls) = &self.settings.tls else {
            return Ok(stream);
        };
        let name = tls::server_name(self.location)?;
        let encrypted = TlsStream::connect(stream, Arc::clone(tls), name, self.timeout);
        encrypted
            .map(Stream::Tls)
            .map_err(|error| no_encryption(self.location, error))
    }

    fn shake_hands(&self, link: &mut Link) -> Result<()> {
        link.conversation.greet(self.settings, self.luggage)?;
        link.send()?;
        link.receive(|conversation| conversation.welcome(&self.settings.hooks))
    }
}
