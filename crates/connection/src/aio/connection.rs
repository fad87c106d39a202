//! The connection for tokio.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use ferropyro_formats::pickle;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::socket::AsyncSocket;
use crate::auth::{Auth, Handshake, LONGEST_MESSAGE, Then};
use crate::connection::while_authenticating;
use crate::frame::{Head, Inbox};
use crate::halves::{into_buffer, unless_challenged};
use crate::objects::{negotiated, pickle_options, pickled};
use crate::options::Terms;
use crate::{Address, Error, Result};

/// A [`Connection`](crate::Connection) whose methods are awaited.
///
/// There are no limits of time to set: what is to take no longer than some time is put into `tokio::time::timeout`.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    receiver: Receiver,
}

/// The end of a connection that sends.
#[derive(Debug)]
pub struct Sender {
    socket: Arc<AsyncSocket>,
    pickle: pickle::Options,
    state: State,
}

/// The end of a connection that receives.
#[derive(Debug)]
pub struct Receiver {
    socket: Arc<AsyncSocket>,
    inbox: Inbox,
    is_closed: bool,
    may_be_challenged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    /// A message was begun: unless all of it has been sent, the other end would take the next one for the rest of it.
    Sending,
}

impl Connection {
    pub(super) fn new(socket: AsyncSocket, terms: Terms) -> Connection {
        let socket = Arc::new(socket);
        Connection {
            sender: Sender {
                socket: Arc::clone(&socket),
                pickle: pickle_options(terms.pickle_protocol),
                state: State::Open,
            },
            receiver: Receiver {
                socket,
                inbox: Inbox::new(terms.max_message_size, terms.reads_ahead),
                is_closed: false,
                may_be_challenged: false,
            },
        }
    }

    /// A client's, which proves that it has the key if there is one.
    pub(super) async fn of_client(socket: AsyncSocket, auth: Option<Auth>, terms: Terms) -> Result<Connection> {
        let mut connection = Connection::new(socket, terms);
        match auth {
            Some(auth) => connection.authenticate(Handshake::of_client(auth), terms).await?,
            None => connection.receiver.may_be_challenged = true,
        }
        Ok(connection)
    }

    pub(super) async fn authenticate(&mut self, mut handshake: Handshake, terms: Terms) -> Result<()> {
        let mut turn = handshake.begin();
        loop {
            if let Some(message) = &turn.send {
                self.sender.send_bytes(message).await?;
            }
            match turn.then {
                Then::Finish(result) => {
                    self.sender.pickle = negotiated(terms.pickle_protocol, &handshake);
                    return result;
                }
                Then::Receive => {
                    let message = self
                        .receiver
                        .receive(LONGEST_MESSAGE)
                        .await
                        .map_err(while_authenticating)?;
                    turn = handshake.receive(&message);
                }
            }
        }
    }

    /// As [`Connection::send`](crate::Connection::send). For dropping it see [`Connection::send_bytes`].
    ///
    /// # Errors
    /// As there.
    pub async fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.sender.send(value).await
    }

    /// As [`Connection::recv`](crate::Connection::recv). This may be dropped before it is done: nothing is lost.
    ///
    /// # Errors
    /// As there.
    pub async fn recv<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.receiver.recv().await
    }

    /// Sends these bytes as one message.
    ///
    /// If this is dropped before it is done, the connection cannot be used any more to send.
    ///
    /// # Errors
    /// As for [`Connection::send_bytes`](crate::Connection::send_bytes).
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<()> {
        self.sender.send_bytes(message).await
    }

    /// Waits for the next message. This may be dropped before it is done: nothing is lost.
    ///
    /// # Errors
    /// As for [`Connection::recv_bytes`](crate::Connection::recv_bytes).
    pub async fn recv_bytes(&mut self) -> Result<Vec<u8>> {
        self.receiver.recv_bytes().await
    }

    /// Waits for the next message and writes it to the front of the buffer; gives its length. This may be dropped before it is done: nothing is lost.
    ///
    /// # Errors
    /// As for [`Connection::recv_bytes_into`](crate::Connection::recv_bytes_into).
    pub async fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.receiver.recv_bytes_into(buffer).await
    }

    /// As [`Connection::poll`](crate::Connection::poll).
    ///
    /// # Errors
    /// As there.
    pub async fn poll(&mut self, time: impl Into<Option<Duration>>) -> Result<bool> {
        self.receiver.poll(time).await
    }

    /// Closes it. Whatever is done with it then is an error, "handle is closed".
    pub fn close(&mut self) {
        self.sender.state = State::Closed;
        self.receiver.is_closed = true;
        self.sender.socket.shut_down(Shutdown::Both);
    }

    /// Whether this end has closed it.
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed
    }

    /// The address of the other end; `None` with Unix domain sockets, whose clients have none.
    pub fn peer(&self) -> Option<Address> {
        self.sender.socket.peer()
    }

    /// Both directions, for two tasks. The connection is closed when both are dropped.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// The same connection for threads that block.
    ///
    /// # Errors
    /// When the system cannot make the socket block.
    pub fn into_blocking(self) -> Result<crate::Connection> {
        let Connection { sender, receiver } = self;
        let pickle = sender.pickle;
        drop(sender.socket);
        let cannot = |error| Error::io("cannot make the socket block", error);
        let socket = Arc::into_inner(receiver.socket).ok_or_else(|| cannot(io::Error::other("it is in use")))?;
        let socket = socket.into_blocking().map_err(cannot)?;
        Ok(crate::Connection::new(socket, receiver.inbox, pickle))
    }
}

impl Sender {
    /// As [`Connection::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let message = pickled(value, &self.pickle)?;
        self.send_bytes(&message).await
    }

    /// As [`Connection::send_bytes`].
    ///
    /// # Errors
    /// As there.
    pub async fn send_bytes(&mut self, message: &[u8]) -> Result<()> {
        match self.state {
            State::Open => {}
            State::Closed => return Err(Error::Closed("handle is closed")),
            State::Sending => {
                return Err(Error::Closed(
                    "the connection is broken: a message could be sent only in part",
                ));
            }
        }
        self.state = State::Sending;
        let head = Head::of(message.len());
        let sent = self.socket.write_all([head.as_bytes(), message]).await;
        sent.map_err(|error| Error::io("cannot send", error))?;
        self.state = State::Open;
        Ok(())
    }

    /// Ends this direction: the other end has received all there is, and can still send.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.socket.shut_down(Shutdown::Write);
    }
}

impl Receiver {
    /// As [`Connection::recv`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv<T: DeserializeOwned>(&mut self) -> Result<T> {
        Ok(pickle::from_slice(&self.recv_bytes().await?)?)
    }

    /// As [`Connection::recv_bytes`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv_bytes(&mut self) -> Result<Vec<u8>> {
        self.receive(usize::MAX).await
    }

    /// As [`Connection::recv_bytes_into`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        into_buffer(self.recv_bytes().await?, buffer)
    }

    /// As [`Connection::poll`].
    ///
    /// # Errors
    /// As there.
    pub async fn poll(&mut self, time: impl Into<Option<Duration>>) -> Result<bool> {
        self.check()?;
        match time.into() {
            None => Ok(self.wait().await),
            Some(time) => Ok(timeout(time, self.wait()).await.unwrap_or(false)),
        }
    }

    /// Until there is something to receive, of whatever sort.
    async fn wait(&mut self) -> bool {
        while !self.inbox.has_something() {
            match self.socket.read(self.inbox.room()).await {
                Ok(count @ 1..) => self.inbox.filled(count),
                // Whoever receives is told.
                Ok(0) | Err(_) => break,
            }
        }
        true
    }

    fn check(&self) -> Result<()> {
        match self.is_closed {
            false => Ok(()),
            true => Err(Error::Closed("handle is closed")),
        }
    }

    async fn receive(&mut self, longest: usize) -> Result<Vec<u8>> {
        self.check()?;
        loop {
            if let Some(message) = self.inbox.next(longest)? {
                return unless_challenged(message, &mut self.may_be_challenged);
            }
            match self.socket.read(self.inbox.room()).await {
                Ok(0) => return Err(self.inbox.end()),
                Ok(count) => self.inbox.filled(count),
                Err(error) => return Err(Error::io("cannot receive", error)),
            }
        }
    }
}
