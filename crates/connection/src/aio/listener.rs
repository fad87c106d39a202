//! The listener for tokio, and the reception of every listener.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Connection;
use super::socket::AsyncSocket;
use crate::auth::{Auth, Handshake};
use crate::connection::while_authenticating;
#[cfg(unix)]
use crate::listening::SocketFile;
use crate::listening::{Listening, ListeningSocket};
use crate::options::Terms;
use crate::{Address, Error, LOGGER, Options, Result};

/// A [`Listener`](crate::Listener) whose connections are awaited.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncListeningSocket,
    address: Address,
    last_accepted: Option<Address>,
    auth: Option<Auth>,
    terms: Terms,
    /// Clients that are about to authenticate.
    unfinished: JoinSet<Admission>,
    /// The same, the one first that has come first. Some may be done.
    order: VecDeque<AbortHandle>,
    #[cfg(unix)]
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum AsyncListeningSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// Who has come, and what has become of it.
type Admission = (Option<Address>, Result<Connection>);

/// How long nobody is accepted when the system cannot; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Listener {
    /// As [`Listener::bind`](crate::Listener::bind).
    ///
    /// # Errors
    /// As there.
    pub async fn bind(address: impl Into<Address>, options: &Options) -> Result<Listener> {
        let auth = options.auth_of_listener()?;
        let listening = Listening::bind(Some(address.into()), options.family, options.backlog)?;
        Listener::new(listening, auth, options.terms)
    }

    /// As [`Listener::bind_anywhere`](crate::Listener::bind_anywhere).
    ///
    /// # Errors
    /// As there.
    pub async fn bind_anywhere(options: &Options) -> Result<Listener> {
        let auth = options.auth_of_listener()?;
        let listening = Listening::bind(None, options.family, options.backlog)?;
        Listener::new(listening, auth, options.terms)
    }

    /// Must be called in a runtime.
    pub(crate) fn new(listening: Listening, auth: Option<Auth>, terms: Terms) -> Result<Listener> {
        let address = listening.address;
        let socket = AsyncListeningSocket::new(listening.socket);
        let socket = socket.map_err(|error| Error::io(format_args!("cannot listen on {address}"), error))?;
        Ok(Listener {
            socket,
            address,
            last_accepted: None,
            auth,
            terms,
            unfinished: JoinSet::new(),
            order: VecDeque::new(),
            #[cfg(unix)]
            _file: listening.file,
        })
    }

    /// As [`Listener::accept`](crate::Listener::accept). This may be dropped before it is done: nothing is lost.
    ///
    /// # Errors
    /// As there.
    pub async fn accept(&mut self) -> Result<Connection> {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                Some(done) = self.unfinished.join_next() => {
                    // Those that were dropped have nothing to say.
                    let Ok((peer, admitted)) = done else { continue };
                    match admitted {
                        Ok(connection) => {
                            self.last_accepted = peer;
                            return Ok(connection);
                        }
                        Err(error) if error.is_authentication() => {
                            self.last_accepted = peer;
                            return Err(error);
                        }
                        // It has not tried: a port scan, or a client that has given up, or that has stopped.
                        Err(error) => tell(peer, &error),
                    }
                }
                accepted = self.socket.accept() => match accepted {
                    Ok((socket, peer)) => {
                        pause = FIRST_PAUSE;
                        let peer = peer.map(Address::from);
                        let connection = Connection::new(socket, self.terms);
                        match &self.auth {
                            None => {
                                self.last_accepted = peer;
                                return Ok(connection);
                            }
                            Some(auth) => self.authenticate(connection, peer, Handshake::of_listener(auth.clone())),
                        }
                    }
                    Err(error) if is_about_the_client(&error) => {}
                    Err(error) => {
                        tracing::warn!(target: LOGGER, "cannot accept connections for {pause:?}: {error}");
                        // It is files that are missing, most likely: of those who have not authenticated in the first pause, the oldest one has to go.
                        if pause > FIRST_PAUSE {
                            self.disconnect_oldest();
                        }
                        sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        }
    }

    fn authenticate(&mut self, mut connection: Connection, peer: Option<Address>, handshake: Handshake) {
        self.order.retain(|client| !client.is_finished());
        if self.order.len() >= self.terms.unfinished_handshakes {
            self.disconnect_oldest();
        }
        let terms = self.terms;
        self.order.push_back(self.unfinished.spawn(async move {
            let admitted = within(terms.handshake_timeout, connection.authenticate(handshake, terms)).await;
            (peer, admitted.map(|()| connection))
        }));
    }

    fn disconnect_oldest(&mut self) {
        while let Some(oldest) = self.order.pop_front() {
            if !oldest.is_finished() {
                return oldest.abort();
            }
        }
    }

    /// Where it listens: the real port if 0 was asked for, and an IP address for a host name.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where the last connection came from that [`Listener::accept`] gave, or refused; `None` before the first one, and with Unix domain sockets, whose clients have no address.
    pub fn last_accepted(&self) -> Option<&Address> {
        self.last_accepted.as_ref()
    }
}

/// As long as it may take.
pub(super) async fn within<T>(limit: Option<Duration>, handshake: impl Future<Output = Result<T>>) -> Result<T> {
    match limit {
        None => handshake.await,
        Some(limit) => match timeout(limit, handshake).await {
            Ok(done) => done,
            Err(_) => Err(while_authenticating(Error::TimedOut(String::new()))),
        },
    }
}

fn tell(peer: Option<Address>, error: &Error) {
    match peer {
        Some(peer) => tracing::info!(target: LOGGER, "a client at {peer} has not authenticated: {error}"),
        None => tracing::info!(target: LOGGER, "a client has not authenticated: {error}"),
    }
}

/// A connection that was gone before it was accepted is nobody's trouble.
fn is_about_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied
    )
}

impl AsyncListeningSocket {
    fn new(socket: ListeningSocket) -> io::Result<AsyncListeningSocket> {
        match socket {
            ListeningSocket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(AsyncListeningSocket::Tcp)
            }
            #[cfg(unix)]
            ListeningSocket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(AsyncListeningSocket::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<(AsyncSocket, Option<SocketAddr>)> {
        match self {
            AsyncListeningSocket::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // It may be closed already, which is noticed soon enough.
                let _ = stream.set_nodelay(true);
                Ok((AsyncSocket::Tcp(stream), Some(peer)))
            }
            #[cfg(unix)]
            AsyncListeningSocket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((AsyncSocket::Unix(stream), None))
            }
        }
    }
}
