//! The client's end.

use ferropyro::{Bytes, FromReply, Location, Proxy, ProxyBuilder, Result, Serializer, Uri};
use serde::de::IgnoredAny;

use crate::console::Console;
use crate::content::Content;
use crate::remote::{Builtin, Module};
use crate::{FLAME_ID, LOGGER};

/// A Flame server, as its client sees it: a Python that does what it is asked.
///
/// ```no_run
/// use ferropyro::Proxy;
/// use ferropyro_flame::Flame;
///
/// let flame = Flame::connect_with("localhost:9999", Proxy::builder().hmac_key("a long random text"))?;
/// let version: String = flame.evaluate("__import__('sys').version")?;
/// let names: Vec<String> = flame.module("os")?.call("listdir", ("/srv",))?;
/// flame.execute("import logging; logging.warning('somebody was here')")?;
/// # let _ = (version, names);
/// # Ok::<(), ferropyro::Error>(())
/// ```
///
/// Threads may share it: calls wait for each other, as those of a [`Proxy`] do.
#[derive(Debug, Clone)]
pub struct Flame {
    proxy: Proxy,
}

impl Flame {
    /// Connects to the Flame server at a location (`localhost:9999`, `./u:unixsock`), or to the object of a URI. Python's is at the URI that it prints,
    /// `PYRO:Pyro.Flame@localhost:9999`.
    ///
    /// # Errors
    /// When the text is neither a location nor a URI; those of connecting. A server that does not accept pickle is no Flame server, and refuses the
    /// connection.
    pub fn connect(target: &str) -> Result<Flame> {
        Flame::connect_with(target, Proxy::builder())
    }

    /// As [`Flame::connect`], with settings: a key, a configuration, time limits. The serializer is pickle whatever they say.
    ///
    /// # Errors
    /// As for [`Flame::connect`].
    pub fn connect_with(target: &str, settings: ProxyBuilder) -> Result<Flame> {
        let proxy = settings.serializer(Serializer::Pickle).build(uri(target)?)?;
        proxy.bind()?;
        tracing::debug!(target: LOGGER, "connected to {}", proxy.uri());
        Ok(Flame { proxy })
    }

    /// The proxy, for whatever else is to be called or set.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// A module of the server, which imports it. Its functions are called through the result; for its attributes there is [`Flame::evaluate`].
    ///
    /// # Errors
    /// `ModuleNotFoundError` and whatever else importing it raises ([`ferropyro::Error::as_remote`]); errors of the connection.
    pub fn module<'f>(&'f self, name: &'f str) -> Result<Module<'f>> {
        self.proxy.call::<IgnoredAny>("module", (name,))?;
        Ok(Module::new(self, name))
    }

    /// A builtin function of the server's Python. Nothing is sent before it is called.
    pub fn builtin<'f>(&'f self, name: &'f str) -> Builtin<'f> {
        Builtin::new(self, name)
    }

    /// Executes code. The names that it makes are there for later calls.
    ///
    /// # Errors
    /// The exception that it raised; errors of the connection.
    pub fn execute(&self, code: &str) -> Result<()> {
        self.proxy.call("execute", (code,))
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// The exception that it raised; `Serialize` for a value that is no `R`; errors of the connection.
    pub fn evaluate<R: FromReply>(&self, expression: &str) -> Result<R> {
        self.proxy.call("evaluate", (expression,))
    }

    /// Makes a module of this source at the server, in the place of the one that it has sent before. It has to be imported there to be used:
    /// [`Flame::module`].
    ///
    /// # Errors
    /// The exception that the source raised; errors of the connection.
    pub fn sendmodule(&self, name: &str, source: &str) -> Result<()> {
        self.proxy.call("sendmodule", (name, source))
    }

    /// The source of a module of the server, which imports it.
    ///
    /// # Errors
    /// The exception that was raised, such as `OSError` for a module without source; errors of the connection.
    pub fn getmodule(&self, name: &str) -> Result<String> {
        self.proxy.call("getmodule", (name,))
    }

    /// Stores a file at the server, in the place of one that has the name. It goes over in one piece: see [`ferropyro_transfer`] for large ones.
    ///
    /// # Errors
    /// The exception that was raised, such as `PermissionError`; errors of the connection.
    pub fn sendfile(&self, name: &str, content: &[u8]) -> Result<()> {
        self.proxy.call("sendfile", (name, Bytes(content.to_vec())))
    }

    /// The bytes of a file of the server.
    ///
    /// # Errors
    /// The exception that was raised, such as `FileNotFoundError`; errors of the connection.
    pub fn getfile(&self, name: &str) -> Result<Vec<u8>> {
        let Content(bytes) = self.proxy.call("getfile", (name,))?;
        Ok(bytes)
    }

    /// A new console of the server. Its connection is one of its own.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn console(&self) -> Result<Console> {
        Console::open(&self.proxy)
    }
}

/// The URI, or that of the Flame server at a location.
fn uri(target: &str) -> Result<Uri> {
    if target.starts_with("PYRO") {
        return Ok(target.parse()?);
    }
    Ok(Uri::pyro(FLAME_ID, Location::parse(target, None)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_and_a_uri_lead_to_the_same_server() {
        for target in ["localhost:9999", "PYRO:Pyro.Flame@localhost:9999"] {
            assert_eq!(uri(target).unwrap().to_string(), "PYRO:Pyro.Flame@localhost:9999");
        }
        assert_eq!(
            uri("./u:/run/flame").unwrap().to_string(),
            "PYRO:Pyro.Flame@./u:/run/flame"
        );
        assert_eq!(uri("PYRONAME:flame").unwrap().to_string(), "PYRONAME:flame");
        for target in ["", "localhost", "localhost:port", "PYRO:Pyro.Flame"] {
            assert!(uri(target).is_err(), "{target}");
        }
    }
}
