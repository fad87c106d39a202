//! Settings of proxies.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferropyro_formats::Value;
use ferropyro_wire::{Dialect, HmacKey};

use super::connect::Settings;
use super::{Proxy, State};
use crate::config::Config;
use crate::serializer::Serializer;
use crate::{Error, Result, Uri};

/// Settings of a [`Proxy`]; what is not set comes from the configuration.
#[derive(Default)]
pub struct ProxyBuilder {
    config: Option<Config>,
    serializer: Option<Serializer>,
    dialect: Option<Dialect>,
    hmac_key: Option<HmacKey>,
    handshake: Option<Value>,
    timeout: Option<Duration>,
}

impl ProxyBuilder {
    /// The configuration. Default: [`Config::default`], which does not look at the environment.
    #[must_use]
    pub fn config(mut self, config: Config) -> ProxyBuilder {
        self.config = Some(config);
        self
    }

    /// The serializer for arguments and results. Default: that of the configuration.
    #[must_use]
    pub fn serializer(mut self, serializer: Serializer) -> ProxyBuilder {
        self.serializer = Some(serializer);
        self
    }

    /// The protocol to speak. Default: what the other side speaks, found out when connecting.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> ProxyBuilder {
        self.dialect = Some(dialect);
        self
    }

    /// The key that all messages are signed with; both sides need the same. Only Pyro4 has this; an empty key is none.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> ProxyBuilder {
        self.hmac_key = HmacKey::new(key.as_ref());
        self
    }

    pub(crate) fn hmac(mut self, key: Option<HmacKey>) -> ProxyBuilder {
        self.hmac_key = key;
        self
    }

    /// What is sent to the server in the handshake. Default: the text `hello`.
    #[must_use]
    pub fn handshake(mut self, data: impl Into<Value>) -> ProxyBuilder {
        self.handshake = Some(data.into());
        self
    }

    /// How long to wait for the other side before giving up with a `Timeout` error. Default: COMMTIMEOUT of the configuration.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> ProxyBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// The proxy. It connects when it is used.
    ///
    /// # Errors
    /// When the text is no URI, or the configured serializer is not available; when SSL is configured, which is not available yet.
    pub fn build<U>(self, uri: U) -> Result<Proxy>
    where
        U: TryInto<Uri>,
        Error: From<U::Error>,
    {
        let uri = uri.try_into()?;
        let config = self.config.unwrap_or_default();
        config.check_ssl()?;
        let settings = Settings {
            serializer: match self.serializer {
                Some(serializer) => serializer,
                None => Serializer::try_from(config.serializer)?,
            },
            dialect: self.dialect,
            hmac_key: self.hmac_key,
            handshake: self.handshake.unwrap_or_else(|| Value::from("hello")),
            timeout: self.timeout.or(config.commtimeout),
            config: Arc::new(config),
        };
        Ok(Proxy {
            settings,
            state: Mutex::new(State {
                uri,
                link: None,
                seq: 0,
            }),
        })
    }
}
