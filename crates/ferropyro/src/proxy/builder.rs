//! Settings of proxies.

use std::sync::Arc;
use std::time::Duration;

use ferropyro_formats::Value;
use ferropyro_wire::{Annotations, Dialect, HmacKey, MessageKind, Serializer};

use super::Proxy;
use super::hooks::Hooks;
use super::settings::{Settings, Target, limit};
use super::shared::Shared;
use crate::config::Config;
use crate::context::AnnotationList;
use crate::tls::{self, Certificate};
use crate::{Error, ErrorKind, Result, Uri, aio};

/// Settings of a [`Proxy`]; what is not set comes from the configuration.
#[derive(Default)]
pub struct ProxyBuilder {
    config: Option<Config>,
    serializer: Option<Serializer>,
    dialect: Option<Dialect>,
    tries_pyro4_first: bool,
    hmac_key: Option<HmacKey>,
    handshake: Option<Value>,
    timeout: Option<Duration>,
    connect_timeout: Option<Duration>,
    max_retries: Option<u32>,
    hooks: Hooks,
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

    /// Try Pyro4's protocol before that of Pyro5 with a server of which nothing is known, and which may speak both: for programs that expect what Pyro4 gives.
    #[must_use]
    pub fn try_pyro4_first(self) -> ProxyBuilder {
        self.pyro4_first(true)
    }

    pub(crate) fn pyro4_first(mut self, is_tried: bool) -> ProxyBuilder {
        self.tries_pyro4_first = is_tried;
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

    /// What is sent to the server in the handshake. Default: the text `hello`. Servers of the protocols 46 and 47 cannot be sent any.
    #[must_use]
    pub fn handshake(mut self, data: impl Into<Value>) -> ProxyBuilder {
        self.handshake = Some(data.into());
        self
    }

    /// How long the other side may be silent before a call gives up with a `Timeout` error, see [`Proxy::set_timeout`]; zero is for ever. Default:
    /// COMMTIMEOUT of the configuration, which is for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> ProxyBuilder {
        self.timeout = Some(timeout);
        self
    }

    /// The same for each step of making a connection: the network's own connection, and the server's answer to the greeting; zero is for ever.
    /// Default: the timeout of calls.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> ProxyBuilder {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How often a call is sent again on a new connection when its connection broke or it timed out; the server may then execute it twice. Oneway calls,
    /// batches and the items of [`Items`](crate::Items) are never repeated. Default: MAX_RETRIES of the configuration, which is 0.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> ProxyBuilder {
        self.max_retries = Some(retries);
        self
    }

    /// Adds annotations to every message of the proxy, the greeting among them (Pyro's `_pyroAnnotations`). They come on top of those of
    /// [`context::annotate`](crate::context::annotate), and where both have a key these hold. The four keys that Pyro itself uses are left out.
    ///
    /// The hooks of a proxy run in the midst of its call: a call of the same proxy from there would wait for itself.
    #[must_use]
    pub fn annotations(self, hook: impl Fn() -> AnnotationList + Send + Sync + 'static) -> ProxyBuilder {
        self.try_annotations(move || Ok(hook()))
    }

    /// As [`ProxyBuilder::annotations`], with a hook that may fail, as one does that has to fetch a token: then nothing is sent, and its error is what the caller gets.
    #[must_use]
    pub fn try_annotations(
        mut self,
        hook: impl Fn() -> Result<AnnotationList> + Send + Sync + 'static,
    ) -> ProxyBuilder {
        self.hooks.annotations = Some(Arc::new(hook));
        self
    }

    /// Is shown the annotations of every answer that has some, and the kind of message: `CONNECTOK` when the server accepts the connection, `RESULT`
    /// for the answer of a call (Pyro's `_pyroResponseAnnotations`). Those of Pyro itself are among them.
    #[must_use]
    pub fn on_response_annotations(
        self,
        hook: impl Fn(&Annotations<'_>, MessageKind) + Send + Sync + 'static,
    ) -> ProxyBuilder {
        self.try_response_annotations(move |annotations, kind| {
            hook(annotations, kind);
            Ok(())
        })
    }

    /// As [`ProxyBuilder::on_response_annotations`], with a hook that may refuse an answer, such as one without the right signature: its error is what the caller gets.
    #[must_use]
    pub fn try_response_annotations(
        mut self,
        hook: impl Fn(&Annotations<'_>, MessageKind) -> Result<()> + Send + Sync + 'static,
    ) -> ProxyBuilder {
        self.hooks.response_annotations = Some(Arc::new(hook));
        self
    }

    /// Judges what the server answered in the handshake, at every connection (Pyro's `_pyroValidateHandshake`). An error closes the connection,
    /// and is what the caller gets.
    #[must_use]
    pub fn validate_handshake(mut self, hook: impl Fn(&Value) -> Result<()> + Send + Sync + 'static) -> ProxyBuilder {
        self.hooks.validate_handshake = Some(Arc::new(hook));
        self
    }

    /// Judges the certificate of the server, at every connection, before anything is sent to it: whether it is the one that is meant, beyond what the
    /// settings say (`SSL_CACERTS`; the certificate is for the host of the URI). An error closes the connection, and is what the caller gets.
    ///
    /// ```
    /// use ferropyro::{Config, Error, ErrorKind, Proxy};
    ///
    /// let builder = Proxy::builder().config(Config::default().ssl(true)).validate_certificate(|certificate| {
    ///     match certificate.subject().get("organizationName") {
    ///         Some("Razorvine.net") => Ok(()),
    ///         _ => Err(Error::new(ErrorKind::Security, format!("not our server: {}", certificate.subject()))),
    ///     }
    /// });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn validate_certificate(
        mut self,
        hook: impl Fn(&Certificate) -> Result<()> + Send + Sync + 'static,
    ) -> ProxyBuilder {
        self.hooks.validate_certificate = Some(Arc::new(hook));
        self
    }

    /// Runs after each connection that is not the first one, before the call that needed it: to log in again, for example, when the server keeps
    /// something for each connection. The hook gets a proxy that has the new connection for so long, so that it can make calls
    /// over it. An error closes the connection, and is what the caller gets.
    ///
    /// ```
    /// use ferropyro::Proxy;
    ///
    /// let builder = Proxy::builder().on_reconnect(|proxy| proxy.call("login", ("irmen",)));
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn on_reconnect(mut self, hook: impl Fn(&Proxy) -> Result<()> + Send + Sync + 'static) -> ProxyBuilder {
        self.hooks.on_reconnect = Some(Arc::new(hook));
        self
    }

    /// As [`ProxyBuilder::on_reconnect`], for async proxies, which wait for the future that the hook gives.
    ///
    /// ```
    /// use ferropyro::aio;
    ///
    /// let builder = aio::Proxy::builder().on_reconnect_async(|proxy| async move { proxy.call("login", ("irmen",)).await });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn on_reconnect_async<F, R>(mut self, hook: F) -> ProxyBuilder
    where
        F: Fn(aio::Proxy) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.on_reconnect_async = Some(Arc::new(move |proxy| Box::pin(hook(proxy))));
        self
    }

    /// Runs everything of a blocking proxy that waits: for the connection, for the other side, for a call of another thread. The hook is handed what is to be run, and has to run it
    /// once, in this thread. For programs that hold something which others need meanwhile, such as the lock of an interpreter. Arguments are written and results read outside of it.
    ///
    /// ```
    /// use ferropyro::Proxy;
    ///
    /// let builder = Proxy::builder().around_waits(|wait| {
    ///     // ... let go of the lock ...
    ///     wait();
    ///     // ... and take it again
    /// });
    /// # let _ = builder;
    /// ```
    #[must_use]
    pub fn around_waits(mut self, hook: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> ProxyBuilder {
        self.hooks.around_waits = Some(Arc::new(hook));
        self
    }

    /// Is asked, in the thread of the call, when a signal has interrupted a wait of a blocking proxy: true ends the wait with an error, and the connection with it. Without this hook, waits go
    /// on whatever signals come. For programs whose signal handlers leave a note that has to be looked at, such as interpreters.
    #[must_use]
    pub fn on_interrupt(mut self, hook: impl Fn() -> bool + Send + Sync + 'static) -> ProxyBuilder {
        self.hooks.on_interrupt = Some(Arc::new(hook));
        self
    }

    /// The proxy. It connects when it is used.
    ///
    /// # Errors
    /// When the text is no URI, or the configured serializer is not available; with SSL when the certificates cannot be used; when certificates shall be
    /// [validated](ProxyBuilder::validate_certificate) and SSL is off.
    pub fn build<U>(self, uri: U) -> Result<Proxy>
    where
        U: TryInto<Uri>,
        Error: From<U::Error>,
    {
        if self.hooks.on_reconnect_async.is_some() {
            return Err(of_another_kind("on_reconnect_async", "on_reconnect"));
        }
        let (settings, target) = self.parts(uri.try_into()?)?;
        Ok(Proxy::from(Shared::new(settings, target)))
    }

    /// The async proxy. It connects when it is used.
    ///
    /// # Errors
    /// As for [`ProxyBuilder::build`].
    pub fn build_async<U>(self, uri: U) -> Result<aio::Proxy>
    where
        U: TryInto<Uri>,
        Error: From<U::Error>,
    {
        if self.hooks.on_reconnect.is_some() {
            return Err(of_another_kind("on_reconnect", "on_reconnect_async"));
        }
        let (settings, target) = self.parts(uri.try_into()?)?;
        Ok(aio::Proxy::from_parts(settings, target))
    }

    fn parts(self, uri: Uri) -> Result<(Settings, Target)> {
        let config = self.config.unwrap_or_default();
        let tls = tls::connector(&config)?;
        if tls.is_none() && self.hooks.validate_certificate.is_some() {
            let text = "a server has a certificate that could be validated with SSL only: switch it on (PYRO_SSL=1)";
            return Err(Error::new(ErrorKind::Value, text));
        }
        let timeout = limit(self.timeout.or(config.commtimeout));
        let settings = Settings {
            serializer: self.serializer.unwrap_or(config.serializer),
            is_serializer_own: self.serializer.is_some(),
            dialect: self.dialect,
            tries_pyro4_first: self.tries_pyro4_first,
            hmac_key: self.hmac_key,
            handshake: self.handshake.unwrap_or_else(|| Value::from("hello")),
            connect_timeout: self.connect_timeout,
            max_retries: self.max_retries.unwrap_or(config.max_retries),
            hooks: self.hooks,
            tls,
            config: Arc::new(config),
        };
        let target = Target {
            uri,
            timeout,
            metadata: Arc::default(),
        };
        Ok((settings, target))
    }
}

/// A hook that could never be called.
fn of_another_kind(hook: &str, other: &str) -> Error {
    let text = format!("{hook} is for the other kind of proxy: give this one {other}");
    Error::new(ErrorKind::Value, text)
}
