//! The blocking connection.

use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferropyro_formats::pickle;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::{Auth, Handshake};
use crate::frame::Inbox;
use crate::halves::{Receiver, Sender, State, Waker};
use crate::objects::{negotiated, pickle_options};
use crate::options::Terms;
use crate::socket::{Socket, send_at_once};
use crate::{Address, AuthKey, Digests, Error, Options, Result};

/// A connection: messages go in at one end and come out at the other, whole and in order.
///
/// [`Client::connect`](crate::Client::connect) and [`Listener::accept`](crate::Listener::accept) make one; a connected socket becomes one by `Connection::from`. It is closed when
/// it is dropped. Both directions are independent: [`Connection::split`] lets two threads use them.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    receiver: Receiver,
}

impl Connection {
    /// A connection over this socket, to which some bytes have come already.
    pub(crate) fn new(socket: Socket, inbox: Inbox, pickle: pickle::Options) -> Connection {
        let socket = Arc::new(socket);
        Connection {
            sender: Sender {
                socket: Arc::clone(&socket),
                timeout: None,
                pickle,
                state: State::Open,
            },
            receiver: Receiver {
                socket,
                inbox,
                timeout: None,
                state: State::Open,
                may_be_challenged: false,
            },
        }
    }

    /// A client's, which proves that it has the key if there is one.
    pub(crate) fn of_client(
        socket: Socket,
        auth: Option<Auth>,
        terms: Terms,
        deadline: Option<Instant>,
    ) -> Result<Connection> {
        let pickle = pickle_options(terms.pickle_protocol);
        let mut connection = Connection::new(socket, Inbox::new(terms.max_message_size, terms.reads_ahead), pickle);
        match auth {
            Some(auth) => {
                let mut handshake = Handshake::of_client(auth);
                let Connection { sender, receiver } = &mut connection;
                sender.authenticate(receiver, &mut handshake, deadline)?;
                connection.sender.pickle = negotiated(terms.pickle_protocol, &handshake);
            }
            None => connection.receiver.may_be_challenged = true,
        }
        Ok(connection)
    }

    /// Sends a value as an object of Python's (Python's `send`), in the protocol of pickle that [`Options::pickle_protocol`] says.
    ///
    /// # Errors
    /// [`Error::Pickle`] for what cannot be pickled: then nothing is sent. Else as for [`Connection::send_bytes`].
    pub fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.sender.send(value)
    }

    /// Waits for the next message and reads the object in it (Python's `recv`), as a type of the program's own or as a [`Value`](ferropyro_formats::Value). Nothing is imported or called for that: classes
    /// and functions are data.
    ///
    /// # Errors
    /// [`Error::Pickle`] when the message is no pickle, or not of such a value; the next message can be received. Else as for [`Connection::recv_bytes`].
    pub fn recv<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.receiver.recv()
    }

    /// Sends these bytes as one message (Python's `send_bytes`, in processing `sendBytes`).
    ///
    /// # Errors
    /// When the other end has closed the connection, when this one has, and when [`Connection::set_send_timeout`] does not leave enough time; then the connection cannot be used
    /// any more to send.
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<()> {
        self.sender.send_bytes(message)
    }

    /// Waits for the next message (Python's `recv_bytes`, in processing `recvBytes`).
    ///
    /// # Errors
    /// [`Error::Eof`] when the other end has closed the connection; [`Error::Protocol`] when that has happened inside a message, when one is announced that is longer than
    /// [`Options::max_message_size`](crate::Options::max_message_size), and when what comes is no message; after either nothing can be received any more. [`Error::TimedOut`] when
    /// [`Connection::set_recv_timeout`] does not leave enough time: then a later call gets the message. [`Error::Authentication`] when the first message is a challenge: the
    /// listener wants a key, and this client has none.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>> {
        self.receiver.recv_bytes()
    }

    /// Waits for the next message and writes it to the front of the buffer; gives its length (Python's `recv_bytes_into`, in processing `recvBytesInto`). For an offset, pass a part of the
    /// buffer.
    ///
    /// # Errors
    /// [`Error::BufferTooShort`], with the message in it, when the buffer is too short; the next message can be received. Else as for [`Connection::recv_bytes`].
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.receiver.recv_bytes_into(buffer)
    }

    /// Waits until there is something to receive, so that `recv_bytes` would not wait, or until the time is over; `None`: for as long as it takes. Something to receive is a whole message, the
    /// end of the connection, or an error.
    ///
    /// # Errors
    /// When this end has closed the connection. Errors of the other end are left for whoever receives.
    pub fn poll(&mut self, time: impl Into<Option<Duration>>) -> Result<bool> {
        self.receiver.poll(time)
    }

    /// How long sending a message may take; `None`, as long as it likes, unless set.
    pub fn set_send_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.sender.set_timeout(time);
    }

    /// How long a message may be waited for; `None`, as long as it likes, unless set.
    pub fn set_recv_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.receiver.set_timeout(time);
    }

    /// Closes it. Whatever is done with it then is an error, "handle is closed".
    pub fn close(&mut self) {
        self.sender.state = State::Closed;
        self.receiver.state = State::Closed;
        self.sender.socket.shut_down(Shutdown::Both);
    }

    /// Whether this end has closed it.
    pub fn is_closed(&self) -> bool {
        self.sender.state == State::Closed
    }

    /// The address of the other end; `None` with Unix domain sockets, whose clients have none.
    pub fn peer(&self) -> Option<Address> {
        self.sender.socket.peer()
    }

    /// The protocol of pickle that objects are sent in: see [`Options::pickle_protocol`].
    pub fn pickle_protocol(&self) -> u8 {
        self.sender.pickle.protocol
    }

    /// What ends the waits of both directions, wherever they are.
    pub fn waker(&self) -> Waker {
        self.sender.waker()
    }

    /// Both directions, for two threads. The connection is closed when both are dropped.
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }
}

/// Challenges the other end of a connection to prove that it has the key (Python's `deliver_challenge`, in processing `deliverChallenge`): sends a random message, and a welcome if what comes back
/// is the right digest of it.
///
/// Listeners and clients do this by themselves; it is for connections that are made in another way. A SHA-1 among the digests makes it a challenge of `processing`.
///
/// # Errors
/// [`Error::Authentication`] when it is not: then the other end has been told so. Errors of the connection.
pub fn deliver_challenge(connection: &mut Connection, key: &AuthKey, digests: Digests) -> Result<()> {
    connection
        .sender
        .deliver_challenge(&mut connection.receiver, key, digests)
}

/// Proves to the other end of a connection that this one has the key (Python's `answer_challenge`, in processing `answerChallenge`): waits for the challenge, and sends its digest.
///
/// # Errors
/// [`Error::Authentication`] when what comes is no challenge, or one that asks for a digest that is not among `digests`, and when the answer to that is no welcome. Errors of
/// the connection.
pub fn answer_challenge(connection: &mut Connection, key: &AuthKey, digests: Digests) -> Result<()> {
    connection
        .sender
        .answer_challenge(&mut connection.receiver, key, digests)
}

/// Why the other end may be silent, or gone.
pub(crate) fn while_authenticating(error: Error) -> Error {
    match error {
        Error::TimedOut(_) => Error::TimedOut(
            "no message of the other end while authenticating: it has no key, probably, or is busy with somebody else"
                .to_owned(),
        ),
        other => other,
    }
}

impl From<Socket> for Connection {
    fn from(socket: Socket) -> Connection {
        let terms = Options::new().terms;
        Connection::new(
            socket,
            Inbox::new(terms.max_message_size, terms.reads_ahead),
            pickle_options(terms.pickle_protocol),
        )
    }
}

/// A connection over a socket that is there already. Nobody authenticates: see [`deliver_challenge`] and [`answer_challenge`].
impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Connection {
        send_at_once(&stream);
        Connection::from(Socket::Tcp(stream))
    }
}

/// A connection over a socket that is there already; two of them over `UnixStream::pair()` are what Python's `Pipe()` gives.
#[cfg(unix)]
impl From<UnixStream> for Connection {
    fn from(stream: UnixStream) -> Connection {
        Connection::from(Socket::Unix(stream))
    }
}

#[cfg(unix)]
mod handles {
    use std::os::fd::{AsFd, BorrowedFd};

    use super::Connection;

    /// Python's `fileno`. That there is nothing to read from it does not mean that there is nothing to receive: see [`Connection::poll`].
    impl AsFd for Connection {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.sender.socket.as_fd()
        }
    }
}
