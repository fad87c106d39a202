//! Proxies over a connected socket of the program's own, where nobody greets anybody.

use super::Proxy;
use super::link::Link;
use crate::context::Luggage;
use crate::proxy::connected::{no_ssl, uri_of, used_up};
use crate::proxy::conversation::Conversation;
use crate::proxy::failure::lost;
use crate::proxy::settings::{Settings, Target};
use crate::{ConnectedSocket, Error, ProxyBuilder, Result};

impl ProxyBuilder {
    /// As [`ProxyBuilder::connected_socket`], for an async proxy. The socket does not block while the proxy uses it, whoever else holds it.
    ///
    /// A call that is given up on its way takes the proxy's socket along, as after an error; and its answer may still come, so a socket that was
    /// lent should not be used any more then.
    ///
    /// # Errors
    /// As for [`ProxyBuilder::connected_socket`].
    pub fn connected_socket_async<S>(self, object: &str, socket: S) -> Result<Proxy>
    where
        S: TryInto<ConnectedSocket>,
        Error: From<S::Error>,
    {
        self.async_over(object, socket.try_into()?)
    }

    fn async_over(self, object: &str, socket: ConnectedSocket) -> Result<Proxy> {
        let proxy = self.build_async(uri_of(object)?)?;
        if proxy.shared.settings.config.ssl {
            return Err(no_ssl());
        }
        proxy.shared.give_socket(socket);
        Ok(proxy)
    }
}

/// Begins to use the connection that the program has made.
pub(super) async fn take_over(
    settings: &Settings,
    socket: Option<ConnectedSocket>,
    target: &Target,
    seq: u16,
    luggage: &Luggage,
) -> Result<Link> {
    let socket = socket.ok_or_else(used_up)?;
    let (stream, blocking_again) = socket
        .into_asynchronous()
        .map_err(|error| lost("connection lost", error))?;
    let mut link = Link {
        stream,
        conversation: settings.without_greeting(target, seq),
        timeout: settings.time_to_connect(target),
        _blocking_again: Some(blocking_again),
    };
    if settings.config.metadata {
        link.conversation.ask_for_metadata(luggage)?;
        link.send().await?;
        link.receive(Conversation::hear_metadata).await?;
        link.conversation.require_members()?;
    }
    Ok(link)
}
