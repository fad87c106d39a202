//! What a proxy is made of, whichever way it waits: its settings, and where it leads.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ferropyro_formats::Value;
use ferropyro_wire::{Dialect, FrameSettings, HmacKey, Serializer};
use rustls::ClientConfig;

use super::hooks::Hooks;
use crate::classes::proxy::ProxyState;
use crate::config::Config;
use crate::serializer::Codec;
use crate::session::metadata::Metadata;
use crate::tls::Certificate;
use crate::{Error, ErrorKind, Location, Result, Uri, naming};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: Arc<Config>,
    pub(crate) serializer: Serializer,
    /// Whether the serializer was chosen for this proxy, and is not just that of the configuration.
    pub(crate) is_serializer_own: bool,
    pub(crate) dialect: Option<Dialect>,
    /// Which one to begin with, if nothing is known.
    pub(crate) tries_pyro4_first: bool,
    pub(crate) hmac_key: Option<HmacKey>,
    pub(crate) handshake: Value,
    /// `None` is that of the calls.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_retries: u32,
    pub(crate) hooks: Hooks,
    /// `None` when connections are not encrypted.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

/// Where a proxy leads, and for how long it waits.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) timeout: Option<Duration>,
    /// What is known of the object: that of the last connection, or what came with the proxy.
    pub(crate) metadata: Arc<Metadata>,
}

impl Settings {
    /// How long each step of connecting may take.
    pub(crate) fn time_to_connect(&self, target: &Target) -> Option<Duration> {
        limit(self.connect_timeout.or(target.timeout))
    }

    /// Judges what the server has shown of itself, before it is told anything.
    pub(crate) fn judge_certificate(&self, certificate: Option<&Certificate>) -> Result<()> {
        match (&self.hooks.validate_certificate, certificate) {
            (Some(validate), Some(certificate)) => validate(certificate),
            (Some(_), None) => Err(Error::new(ErrorKind::Security, "the server has shown no certificate")),
            (None, _) => Ok(()),
        }
    }

    /// How the name server is asked for the target's URI.
    pub(crate) fn naming(&self, target: &Target) -> naming::Settings {
        let config = Config {
            commtimeout: self.time_to_connect(target),
            ..Config::clone(&self.config)
        };
        naming::Settings {
            hmac_key: self.hmac_key.clone(),
            tries_pyro4_first: self.tries_pyro4_first,
            ..naming::Settings::new(config)
        }
    }

    /// A proxy as data.
    pub(crate) fn as_state<'s>(&'s self, uri: Cow<'s, Uri>, metadata: &'s Metadata) -> ProxyState<'s> {
        ProxyState {
            uri,
            metadata: Cow::Borrowed(metadata),
            handshake: Cow::Borrowed(&self.handshake),
            serializer: self.is_serializer_own.then(|| self.serializer.name()),
        }
    }

    pub(crate) fn codec(&self, dialect: Dialect) -> Codec {
        Codec::new(&self.config, self.serializer, dialect)
    }

    pub(crate) fn frames(&self, dialect: Dialect) -> FrameSettings {
        FrameSettings {
            hmac_key: self.hmac_key.clone().filter(|_| !dialect.is_pyro5()),
            max_message_size: self.config.max_message_size.map(|size| size as u64),
            compression: self.config.compression,
        }
    }
}

/// Where the object of a resolved URI is.
pub(crate) fn location(uri: &Uri) -> Result<&Location> {
    uri.location().ok_or_else(|| Error::new(ErrorKind::Pyro, "invalid uri"))
}

/// A time limit as the configuration has it: zero is none.
pub(crate) fn limit(timeout: Option<Duration>) -> Option<Duration> {
    timeout.filter(|timeout| !timeout.is_zero())
}
