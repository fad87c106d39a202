//! Proxies over a connected socket of the program's own, where nobody greets anybody.

use ferropyro_wire::{Dialect, MessageKind};

use super::conversation::Conversation;
use super::link::Link;
use super::settings::{Settings, Target};
#[cfg(unix)]
use super::{Proxy, ProxyBuilder};
#[cfg(unix)]
use crate::Uri;
use crate::context::Luggage;
#[cfg(unix)]
use crate::transport::ConnectedSocket;
use crate::transport::{CONNECTED_SOCKET, Stream};
use crate::{Error, ErrorKind, Result};

#[cfg(unix)]
impl ProxyBuilder {
    /// A proxy for an object of the daemon at the other end of a connected socket (Pyro's `Proxy(name, connected_socket=s)`). `object` is the object's
    /// name in that daemon alone, without protocol and location.
    ///
    /// There is no handshake on such a connection: its hooks are not called, and the two sides do not find out by themselves what the other one speaks. That
    /// is Pyro5, or Pyro4 with a key, unless [`ProxyBuilder::dialect`] says something else. The first message is a call for the object's metadata; as always
    /// it is sent when the proxy is used.
    ///
    /// A socket that is only lent ([`ConnectedSocket`]) is free for another proxy when this one is dropped or released; two at the same time would hear each
    /// other's answers. A proxy has its socket once: after an error of the connection, or [`Proxy::release`], there is nothing that it could connect to, and its
    /// clones have no socket either.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    ///
    /// use ferropyro::{Daemon, Proxy, expose};
    ///
    /// struct Echo;
    ///
    /// #[expose]
    /// impl Echo {
    ///     pub fn echo(&self, text: String) -> String {
    ///         text
    ///     }
    /// }
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// let daemon = Daemon::builder().connected_socket(far).bind()?;
    /// daemon.register("echo", Echo)?;
    /// let running = daemon.start();
    /// let echo = Proxy::builder().connected_socket("echo", &near)?;
    /// assert_eq!(echo.call::<String>("echo", ("hello",))?, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Communication` when the socket is not connected or no stream socket, and with SSL, which this socket does not speak; others as for
    /// [`ProxyBuilder::build`].
    pub fn connected_socket<S>(self, object: &str, socket: S) -> Result<Proxy>
    where
        S: TryInto<ConnectedSocket>,
        Error: From<S::Error>,
    {
        self.over(object, socket.try_into()?)
    }

    fn over(self, object: &str, socket: ConnectedSocket) -> Result<Proxy> {
        let proxy = self.build(uri_of(object)?)?;
        if proxy.shared.settings.config.ssl {
            return Err(no_ssl());
        }
        proxy.shared.give_stream(socket.into_stream()?);
        Ok(proxy)
    }
}

/// What is said when SSL is on: in Pyro's words.
#[cfg(unix)]
pub(crate) fn no_ssl() -> Error {
    let text = "SSL configured for Pyro but existing socket is not a SSL socket";
    Error::new(ErrorKind::Communication, text)
}

/// What is said to those who want to connect once more.
pub(crate) fn used_up() -> Error {
    let text = format!(
        "cannot connect to ('{CONNECTED_SOCKET}', 0): a proxy has the connected socket of the program only once"
    );
    Error::new(ErrorKind::Communication, text)
}

impl Settings {
    /// Begins to use the connection that the program has made.
    pub(super) fn take_over(
        &self,
        stream: Option<Stream>,
        target: &Target,
        seq: u16,
        luggage: &Luggage,
    ) -> Result<Box<Link>> {
        let mut link = Box::new(Link {
            stream: stream.ok_or_else(used_up)?,
            conversation: self.without_greeting(target, seq),
        });
        link.set_timeout(self.time_to_connect(target))?;
        if self.config.metadata {
            link.conversation.ask_for_metadata(luggage)?;
            link.send()?;
            link.receive(Conversation::hear_metadata)?;
            link.conversation.require_members()?;
        }
        link.set_timeout(target.timeout)?;
        Ok(link)
    }

    /// A conversation that begins with the first call.
    pub(crate) fn without_greeting(&self, target: &Target, seq: u16) -> Conversation {
        let dialect = match (self.dialect, &self.hmac_key) {
            (Some(dialect), _) => dialect,
            (None, Some(_)) => Dialect::V48,
            (None, None) => Dialect::V502,
        };
        let mut conversation = Conversation::new(self, dialect, &target.uri, seq);
        conversation.session.deframer().expect(&[MessageKind::RESULT]);
        conversation
    }
}

/// The URI of an object at the other end of a connected socket.
#[cfg(unix)]
pub(crate) fn uri_of(object: &str) -> Result<Uri> {
    Ok(format!("PYRO:{object}@{CONNECTED_SOCKET}:0").parse()?)
}
