//! Making a connection: the dialect, the handshake, the metadata.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferropyro_wire::Dialect;

use super::link::Link;
use super::naming;
use crate::context::Luggage;
use crate::logging::logger;
use crate::proxy::conversation::Conversation;
use crate::proxy::dialects::Attempts;
use crate::proxy::failure::no_encryption;
use crate::proxy::settings::{Settings, Target, location};
use crate::transport::{AsyncStream, within};
use crate::uri::Protocol;
use crate::{Location, Result, Uri, tls};

/// Connects to the object: resolves its URI, finds out the dialect, passes the handshake.
pub(super) async fn connect(settings: &Settings, target: &Target, seq: u16, luggage: &Luggage) -> Result<Link> {
    let uri = resolve(settings, target).await?;
    let greeter = Greeter {
        settings,
        uri: &uri,
        location: location(&uri)?,
        timeout: settings.time_to_connect(target),
        seq,
        luggage,
    };
    let mut link = greeter.connect_in_any_dialect().await?;
    if link.conversation.judge_welcome(settings)? {
        link.conversation.ask_for_metadata(luggage)?;
        link.send().await?;
        link.receive(Conversation::hear_metadata).await?;
    }
    link.conversation.require_members()?;
    let dialect = link.conversation.session.dialect();
    tracing::debug!(target: logger::CLIENT, "connected to {uri}, {dialect}");
    Ok(link)
}

/// The URI of an object, which a name server may have to be asked for.
pub(super) async fn resolve(settings: &Settings, target: &Target) -> Result<Uri> {
    if target.uri.protocol() == Protocol::Pyro {
        return Ok(target.uri.clone());
    }
    naming::resolve_with(&target.uri, &settings.naming(target)).await
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
    async fn connect_in_any_dialect(&self) -> Result<Link> {
        let mut attempts = Attempts::new(self.settings, self.location);
        loop {
            let dialect = attempts.next()?;
            let mut link = self.open(dialect).await?;
            if let Some(patience) = attempts.patience() {
                link.timeout = Some(self.timeout.map_or(patience, |timeout| timeout.min(patience)));
            }
            match self.shake_hands(&mut link).await {
                Ok(()) => {
                    attempts.succeeded(dialect);
                    link.timeout = self.timeout;
                    return Ok(link);
                }
                Err(error) => attempts.failed(error)?,
            }
        }
    }

    async fn open(&self, dialect: Dialect) -> Result<Link> {
        let stream = AsyncStream::connect(self.location, &self.settings.config, self.timeout).await?;
        Ok(Link {
            stream: self.encrypted(stream).await?,
            conversation: Conversation::new(self.settings, dialect, self.uri, self.seq),
            timeout: self.timeout,
            #[cfg(unix)]
            _blocking_again: None,
        })
    }

    /// The same stream with TLS, if that is switched on, once the server's certificate has been judged.
    async fn encrypted(&self, stream: AsyncStream) -> Result<AsyncStream> {
        let Some(tls) = &self.settings.tls else {
            return Ok(stream);
        };
        let name = tls::server_name(self.location)?;
        let encrypting = within(self.timeout, stream.connect_tls(Arc::clone(tls), name)).await;
        let encrypted = encrypting.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()));
        let (stream, certificate) = encrypted.map_err(|error| no_encryption(self.location, error))?;
        self.settings.judge_certificate(certificate.as_deref())?;
        Ok(stream)
    }

    async fn shake_hands(&self, link: &mut Link) -> Result<()> {
        link.conversation.greet(self.settings, self.luggage)?;
        link.send().await?;
        link.receive(|conversation| conversation.welcome(&self.settings.hooks))
            .await
    }
}
