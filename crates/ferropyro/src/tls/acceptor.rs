//! What a server accepts encrypted connections with, which can be made anew while it runs: certificates have an end.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

use crate::config::Config;
use crate::{Error, ErrorKind, Result};

pub(crate) struct Acceptor(RwLock<Arc<ServerConfig>>);

impl Acceptor {
    /// `None` when SSL is off.
    ///
    /// # Errors
    /// Those of [`super::acceptor`].
    pub(crate) fn new(config: &Config) -> Result<Option<Acceptor>> {
        let made = super::acceptor(config)?;
        Ok(made.map(|made| Acceptor(RwLock::new(made))))
    }

    /// For a connection that begins now.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files anew, for the connections that begin from now on.
    ///
    /// # Errors
    /// When they cannot be used. Everything stays as it was then.
    pub(crate) fn renew(&self, config: &Config) -> Result<()> {
        let Some(made) = super::acceptor(config)? else {
            return Err(Error::new(ErrorKind::Value, "SSL is off"));
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = made;
        Ok(())
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}
