//! How TLS begins in the event loop.

use std::io;
use std::sync::Arc;

#[cfg(unix)]
use rustix::net::{RecvFlags, recv};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Connection, ServerConfig};
#[cfg(unix)]
use tokio::io::Interest;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::AsyncStream;
use super::tls::{CLOSED_IN_HANDSHAKE, peer_certificate};
use crate::tls::Certificate;

/// The first byte of every message of Pyro, as which no TLS begins.
const PYRO: u8 = b'P';

/// The most bytes that are encrypted before they are sent. It counts as progress of a peer that takes bytes slowly only when all of these have gone.
const KEPT_BACK: usize = 16 << 10;

/// How a client has come in.
pub(crate) enum Entry {
    /// With the certificate that it has shown, if that was demanded.
    Encrypted(AsyncStream, Option<Arc<Certificate>>),
    /// It speaks Pyro in the clear, and has to be told.
    Plain(AsyncStream),
}

impl AsyncStream {
    /// Makes the server's part of the TLS handshake.
    ///
    /// # Errors
    /// Those of the socket, and those that [`tls::explain`] has words for.
    pub(crate) async fn accept_tls(self, config: Arc<ServerConfig>) -> io::Result<Entry> {
        if self.peek().await? == Some(PYRO) {
            return Ok(Entry::Plain(self));
        }
        let mut stream = TlsAcceptor::from(config).accept(self).await.map_err(worded)?;
        let (_, connection) = stream.get_mut();
        connection.set_buffer_limit(Some(KEPT_BACK));
        let certificate = peer_certificate(connection)?;
        Ok(Entry::Encrypted(AsyncStream::Tls(Box::new(stream.into())), certificate))
    }

    /// Makes the client's part of the TLS handshake, and gives the certificate of the server too.
    ///
    /// # Errors
    /// As for [`AsyncStream::accept_tls`].
    pub(crate) async fn connect_tls(
        self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<(AsyncStream, Option<Arc<Certificate>>)> {
        let mut stream = TlsConnector::from(config).connect(name, self).await.map_err(worded)?;
        let (_, connection) = stream.get_mut();
        connection.set_buffer_limit(Some(KEPT_BACK));
        let certificate = peer_certificate(connection)?;
        Ok((AsyncStream::Tls(Box::new(stream.into())), certificate))
    }

    /// The first byte, which stays where it is; `None` at the end of the stream.
    async fn peek(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let count = match self {
            AsyncStream::Tcp(stream, _) => stream.peek(&mut first).await?,
            #[cfg(unix)]
            AsyncStream::Unix(stream) => {
                let mut peek = || Ok(recv(stream, &mut first, RecvFlags::PEEK)?.1);
                stream.async_io(Interest::READABLE, &mut peek).await?
            }
            // Whoever is in need not be looked at again.
            AsyncStream::Tls(_) => 0,
        };
        Ok(first.first().copied().filter(|_| count > 0))
    }
}

fn worded(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), CLOSED_IN_HANDSHAKE),
        _ => error,
    }
}

/// The stream below, and the state of the encryption.
pub(super) fn into_parts(stream: TlsStream<AsyncStream>) -> (AsyncStream, Connection) {
    match stream {
        TlsStream::Client(stream) => {
            let (socket, connection) = stream.into_inner();
            (socket, connection.into())
        }
        TlsStream::Server(stream) => {
            let (socket, connection) = stream.into_inner();
            (socket, connection.into())
        }
    }
}
