//! What all connections of a daemon share.

use std::sync::atomic::AtomicUsize;

use ferropyro_formats::Value;
use ferropyro_wire::{Dialect, FrameSettings, Header};

use crate::config::{Config, ServerType};
use crate::error::Raise;
use crate::logging::logger;
use crate::peer::Peer;
use crate::registry::Registry;
use crate::serializer::{Codec, Serializer};
use crate::session::metadata::Metadata;
use crate::{ErrorKind, Location};

/// Judges a client's handshake data: gives the answer for it, or refuses with an exception's text.
pub(crate) type ValidateHandshake = Box<dyn Fn(&Value, &Peer) -> Result<Value, Raise> + Send + Sync>;
/// Is told what the operator should see.
pub(crate) type Warn = Box<dyn Fn(&str) + Send + Sync>;

pub(crate) struct Core {
    pub(crate) registry: Registry,
    pub(crate) config: Config,
    pub(crate) frame_settings: FrameSettings,
    pub(crate) serializers: Vec<Serializer>,
    pub(crate) location: Location,
    pub(crate) nat: Option<Location>,
    pub(crate) validate: Option<ValidateHandshake>,
    pub(crate) warn: Option<Warn>,
    /// Threads of the pool, for `Pyro.Daemon.info()`.
    pub(crate) workers: AtomicUsize,
    /// Connections that are served, for the same.
    pub(crate) connections: AtomicUsize,
}

impl Core {
    /// The dialects that clients may speak, the one for refusing strangers first. A key is worth nothing if Pyro5, which has no
    /// signatures, goes around it.
    pub(crate) fn dialects(&self) -> &'static [Dialect] {
        match self.frame_settings.hmac_key {
            Some(_) => &[Dialect::V48],
            None => &[Dialect::V502, Dialect::V48],
        }
    }

    pub(crate) fn codec(&self, serializer: Serializer, dialect: Dialect) -> Codec {
        Codec {
            serializer,
            dialect,
            bytes_repr: self.config.serpent_bytes_repr,
        }
    }

    /// The codec of a message, or the text of the refusal.
    pub(crate) fn accepted_codec(&self, header: &Header) -> Result<Codec, String> {
        match Serializer::from_id(header.dialect, header.serializer) {
            Some(serializer) if self.serializers.contains(&serializer) => Ok(self.codec(serializer, header.dialect)),
            _ => {
                let text = format!("message used serializer that is not accepted: {}", header.serializer);
                tracing::error!(target: logger::SERVER, "{text}");
                self.warn(&format!("Pyro protocol error occurred: {text}"));
                Err(text)
            }
        }
    }

    /// How many connections are served at a time. A multiplex server has no pool that could be used up.
    pub(crate) fn max_connections(&self) -> usize {
        match self.config.servertype {
            ServerType::Multiplex => self.config.max_connections.unwrap_or(usize::MAX),
            ServerType::Thread => self.config.threadpool_size,
        }
    }

    /// Tells the operator.
    pub(crate) fn warn(&self, text: &str) {
        if let Some(warn) = &self.warn {
            warn(text);
        }
    }

    /// The answer to a client's handshake data; without a hook everybody is welcome.
    pub(crate) fn validate_handshake(&self, data: &Value, peer: &Peer) -> Result<Value, Raise> {
        match &self.validate {
            Some(validate) => validate(data, peer),
            None => Ok(Value::from("hello")),
        }
    }

    /// What is exposed under an id.
    pub(crate) fn metadata(&self, id: &str) -> Result<Metadata, Raise> {
        match self.registry.get(id) {
            Some(entry) => Ok(entry.with_members(Metadata::of)),
            None => Err(Raise::new(ErrorKind::Daemon.class(), "unknown object")),
        }
    }
}
