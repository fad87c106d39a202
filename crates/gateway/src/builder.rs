//! Settings of a gateway.

use std::time::Duration;

use ferropyro::config::Generation;
use ferropyro::{Config, Error, ErrorKind, Result};
use hyper::header::HeaderValue;

use crate::connections::Reuse;
use crate::exposed::Exposed;
use crate::gateway::{Gateway, Settings};
use crate::hosts::Hosts;
use crate::key::Key;
use crate::permissions::Permissions;

/// The most bytes of a request's body.
const MAX_BODY: usize = 2 << 20;
/// How long the body of a request may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The most connections to an object that are kept while nobody uses them.
const IDLE_CONNECTIONS: usize = 16;

/// Settings of a [`Gateway`], from [`Gateway::builder`].
#[derive(Debug)]
pub struct GatewayBuilder {
    settings: Settings,
}

impl GatewayBuilder {
    /// How name server and objects are reached. Its COMMTIMEOUT says how long an object may be silent before the answer is an error. Default: [`Config::default`].
    #[must_use]
    pub fn config(mut self, config: Config) -> GatewayBuilder {
        self.settings.config = config;
        self
    }

    /// How long an object may be silent before the answer is an error; zero is for ever. Default: COMMTIMEOUT of the configuration, which is for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> GatewayBuilder {
        self.settings.config.commtimeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        self
    }

    /// The key that messages to Pyro4's objects and name server are signed with; an empty one is none.
    #[must_use]
    pub fn hmac_key(mut self, key: impl AsRef<[u8]>) -> GatewayBuilder {
        self.settings.hmac_key = key.as_ref().to_vec();
        self
    }

    /// Which names can be called: those that match this regular expression of Python from their start, as in the lists of a name server. An empty one exposes all
    /// of them. Default: [`DEFAULT_EXPOSE`](crate::DEFAULT_EXPOSE).
    ///
    /// # Errors
    /// `Naming` when it is no regular expression, with the reason.
    pub fn expose(mut self, pattern: &str) -> Result<GatewayBuilder> {
        self.settings.permissions.exposed = Exposed::new(pattern)?;
        Ok(self)
    }

    /// Lets callers use only these members of the object of this name, and what other calls of this name. The name must be exposed as well. Objects of which nothing is
    /// said here can be used whole.
    #[must_use]
    pub fn allow<M: Into<String>>(mut self, object: &str, members: impl IntoIterator<Item = M>) -> GatewayBuilder {
        let members = members.into_iter().map(Into::into);
        self.settings.permissions.allow(object, members);
        self
    }

    /// Whether nothing is to be changed: attributes are read and not set, and no methods are called but those that were [allowed](GatewayBuilder::allow) one by one, since
    /// nobody knows what the others do. Default: false.
    #[must_use]
    pub fn read_only(mut self, is_read_only: bool) -> GatewayBuilder {
        self.settings.permissions.read_only = is_read_only;
        self
    }

    /// Which connections to objects are used for later requests too. Default: those to objects whose server tells that one instance serves all.
    #[must_use]
    pub fn reuse(mut self, reuse: Reuse) -> GatewayBuilder {
        self.settings.reuse = reuse;
        self
    }

    /// The most connections to an object that are kept while nobody uses them, for ten seconds. Thread servers have a thread for each, and no more threads than their
    /// configuration says. Default: 16.
    #[must_use]
    pub fn idle_connections(mut self, most: usize) -> GatewayBuilder {
        self.settings.idle_connections = most;
        self
    }

    /// The key that callers must know, for a header `X-Pyro-Gateway-Key` or, in the routes that Pyro's gateways have too, a parameter `$key`; an empty one is none. The page at
    /// `/pyro/` needs none, nor do `/healthz` and `/metrics`.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> GatewayBuilder {
        self.settings.key = Key::new(key.as_ref());
        self
    }

    /// Lets the pages of this origin, such as `https://example.org`, call objects and read answers; `*` is every site there is, and an empty text none. Default: none but the
    /// gateway's own page.
    ///
    /// # Errors
    /// `Value` for what is no origin: a scheme and a host, and nothing behind them.
    pub fn cors(mut self, origin: &str) -> Result<GatewayBuilder> {
        let is_origin = |text: &str| {
            let authority = text.split_once("://").map(|(_, authority)| authority);
            matches!(text, "" | "*") || authority.is_some_and(|name| !name.is_empty() && !name.contains('/'))
        };
        let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin(origin));
        let value = value.ok_or_else(|| {
            let text = format!("an origin looks like https://example.org, or is *, not {origin:?}");
            Error::new(ErrorKind::Value, text)
        })?;
        self.settings.cors = Some(value).filter(|value| !value.is_empty());
        Ok(self)
    }

    /// Answers requests for this host too, which is what stands in the header `Host`; `*` is every host. Those for `localhost`, and for an IP address, are always
    /// answered; others only if they are allowed here, since a site can give its own name the address of this machine, and then its scripts count as ours (DNS rebinding).
    #[must_use]
    pub fn allow_host(mut self, host: &str) -> GatewayBuilder {
        self.settings.hosts.allow(host);
        self
    }

    /// The most bytes of a request's body. Default: 2 MiB.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> GatewayBuilder {
        self.settings.max_body = bytes;
        self
    }

    /// How long the body of a request may take to arrive. Default: 30 seconds.
    #[must_use]
    pub fn body_time(mut self, time: Duration) -> GatewayBuilder {
        self.settings.body_time = time;
        self
    }

    /// Whose names the gateway's own errors have, `Pyro4.errors...` or `Pyro5.errors...`. Those of objects keep theirs. Default: Pyro5.
    #[must_use]
    pub fn generation(mut self, generation: Generation) -> GatewayBuilder {
        self.settings.generation = generation;
        self
    }

    /// The gateway.
    pub fn build(self) -> Gateway {
        Gateway::new(self.settings)
    }
}

impl Default for GatewayBuilder {
    fn default() -> GatewayBuilder {
        GatewayBuilder {
            settings: Settings {
                config: Config::default(),
                hmac_key: Vec::new(),
                permissions: Permissions::default(),
                key: None,
                cors: None,
                hosts: Hosts::default(),
                max_body: MAX_BODY,
                body_time: BODY_TIME,
                generation: Generation::Pyro5,
                reuse: Reuse::default(),
                idle_connections: IDLE_CONNECTIONS,
            },
        }
    }
}
