//! The two directions of a blocking connection.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ferropyro_formats::pickle;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::{Auth, Handshake, LONGEST_MESSAGE, Part, Then, is_challenge};
use crate::connection::while_authenticating;
use crate::frame::{Head, Inbox};
use crate::objects::pickled;
use crate::socket::Socket;
use crate::{AuthKey, BufferTooShort, Digests, Error, Options, Result};

/// The end of a connection that sends.
#[derive(Debug)]
pub struct Sender {
    pub(crate) socket: Arc<Socket>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) pickle: pickle::Options,
    pub(crate) state: State,
}

/// The end of a connection that receives.
#[derive(Debug)]
pub struct Receiver {
    pub(crate) socket: Arc<Socket>,
    pub(crate) inbox: Inbox,
    pub(crate) timeout: Option<Duration>,
    pub(crate) state: State,
    /// Nothing has come yet, and this end has no key: the first message may be a challenge.
    pub(crate) may_be_challenged: bool,
}

/// Ends a connection whose two directions are in use elsewhere: [`Connection::waker`](crate::Connection::waker). It keeps nothing open.
#[derive(Debug, Clone)]
pub struct Waker(pub(crate) Weak<Socket>);

impl Waker {
    /// Ends both directions; whoever waits in them gets an error, and the other end the end of the connection.
    pub fn wake(&self) {
        if let Some(socket) = self.0.upgrade() {
            socket.shut_down(Shutdown::Both);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
    /// A message was sent in part: the other end would take the next one for the rest of it.
    Broken,
}

impl State {
    fn check(self) -> Result<()> {
        match self {
            State::Open => Ok(()),
            State::Closed => Err(Error::Closed("handle is closed")),
            State::Broken => Err(Error::Closed(
                "the connection is broken: a message could be sent only in part",
            )),
        }
    }
}

impl Sender {
    /// As [`Connection::send`](crate::Connection::send).
    ///
    /// # Errors
    /// As there.
    pub fn send<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.send_bytes(&pickled(value, &self.pickle)?)
    }

    /// As [`Connection::send_bytes`](crate::Connection::send_bytes).
    ///
    /// # Errors
    /// As there.
    pub fn send_bytes(&mut self, message: &[u8]) -> Result<()> {
        let deadline = self.timeout.and_then(|time| Instant::now().checked_add(time));
        self.send_until(message, deadline)
    }

    /// The same, for programs that have something to look after meanwhile: every so often while the other end takes nothing it asks whether to go on.
    ///
    /// # Errors
    /// As there; [`Error::TimedOut`] when it is not to go on, and the connection cannot be used any more to send.
    pub fn send_bytes_while(&mut self, message: &[u8], every: Duration, mut go_on: impl FnMut() -> bool) -> Result<()> {
        self.state.check()?;
        let head = Head::of(message.len());
        let sent = self.socket.write_while([head.as_bytes(), message], every, &mut go_on);
        self.unless_in_part(sent)
    }

    /// As [`deliver_challenge`](crate::deliver_challenge), with the other half of the same connection.
    ///
    /// # Errors
    /// As there.
    pub fn deliver_challenge(&mut self, receiver: &mut Receiver, key: &AuthKey, digests: Digests) -> Result<()> {
        self.take_part(receiver, key, digests, Part::Deliver)
    }

    /// As [`answer_challenge`](crate::answer_challenge), with the other half of the same connection.
    ///
    /// # Errors
    /// As there.
    pub fn answer_challenge(&mut self, receiver: &mut Receiver, key: &AuthKey, digests: Digests) -> Result<()> {
        receiver.may_be_challenged = false;
        self.take_part(receiver, key, digests, Part::Answer)
    }

    fn take_part(&mut self, receiver: &mut Receiver, key: &AuthKey, digests: Digests, part: Part) -> Result<()> {
        let auth = Auth {
            key: key.clone(),
            digests,
        };
        let deadline = Options::new().terms.handshake_deadline();
        self.authenticate(receiver, &mut Handshake::of_part(auth, part), deadline)
    }

    pub(crate) fn authenticate(
        &mut self,
        receiver: &mut Receiver,
        handshake: &mut Handshake,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let mut turn = handshake.begin();
        loop {
            if let Some(message) = &turn.send {
                self.send_until(message, deadline)?;
            }
            match turn.then {
                Then::Finish(result) => return result,
                Then::Receive => {
                    let message = receiver
                        .receive_until(LONGEST_MESSAGE, deadline)
                        .map_err(while_authenticating)?;
                    turn = handshake.receive(&message);
                }
            }
        }
    }

    /// As [`Connection::waker`](crate::Connection::waker).
    pub fn waker(&self) -> Waker {
        Waker(Arc::downgrade(&self.socket))
    }

    /// Ends this direction: the other end has received all there is, and can still send.
    pub fn close(&mut self) {
        self.state = State::Closed;
        self.socket.shut_down(Shutdown::Write);
    }

    /// As [`Connection::set_send_timeout`](crate::Connection::set_send_timeout).
    pub fn set_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.timeout = time.into();
    }

    pub(crate) fn send_until(&mut self, message: &[u8], deadline: Option<Instant>) -> Result<()> {
        self.state.check()?;
        let head = Head::of(message.len());
        let sent = self.socket.write_all([head.as_bytes(), message], deadline);
        self.unless_in_part(sent)
    }

    fn unless_in_part(&mut self, sent: io::Result<()>) -> Result<()> {
        sent.map_err(|error| {
            self.state = State::Broken;
            match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    Error::TimedOut("the other end has not taken the message in time".to_owned())
                }
                _ => Error::io("cannot send", error),
            }
        })
    }
}

impl Receiver {
    /// As [`Connection::recv`](crate::Connection::recv).
    ///
    /// # Errors
    /// As there.
    pub fn recv<T: DeserializeOwned>(&mut self) -> Result<T> {
        Ok(pickle::from_slice(&self.recv_bytes()?)?)
    }

    /// As [`Connection::recv_bytes`](crate::Connection::recv_bytes).
    ///
    /// # Errors
    /// As there.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>> {
        let deadline = self.timeout.and_then(|time| Instant::now().checked_add(time));
        self.receive_until(usize::MAX, deadline)
    }

    /// As [`Connection::recv_bytes_into`](crate::Connection::recv_bytes_into).
    ///
    /// # Errors
    /// As there.
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        into_buffer(self.recv_bytes()?, buffer)
    }

    /// As [`Connection::poll`](crate::Connection::poll).
    ///
    /// # Errors
    /// As there.
    pub fn poll(&mut self, time: impl Into<Option<Duration>>) -> Result<bool> {
        self.state.check()?;
        let deadline = time.into().and_then(|time| Instant::now().checked_add(time));
        loop {
            if self.inbox.has_something() {
                return Ok(true);
            }
            match self.socket.read(self.inbox.room(), deadline) {
                Ok(count @ 1..) => self.inbox.filled(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                // Whoever receives is told.
                Ok(0) | Err(_) => return Ok(true),
            }
        }
    }

    /// As [`Connection::set_recv_timeout`](crate::Connection::set_recv_timeout).
    pub fn set_timeout(&mut self, time: impl Into<Option<Duration>>) {
        self.timeout = time.into();
    }

    /// The longest message that is received, in bytes: see [`Options::max_message_size`](crate::Options::max_message_size). Gives what it was before.
    pub fn set_max_message_size(&mut self, bytes: usize) -> usize {
        std::mem::replace(&mut self.inbox.longest, bytes)
    }

    /// Whether more than one message may be taken from the system at a time: see [`Options::read_ahead`](crate::Options::read_ahead). What has been taken already stays.
    pub fn set_read_ahead(&mut self, yes: bool) {
        self.inbox.reads_ahead = yes;
    }

    pub(crate) fn receive_until(&mut self, longest: usize, deadline: Option<Instant>) -> Result<Vec<u8>> {
        self.state.check()?;
        loop {
            if let Some(message) = self.inbox.next(longest)? {
                return unless_challenged(message, &mut self.may_be_challenged);
            }
            match self.socket.read(self.inbox.room(), deadline) {
                Ok(0) => return Err(self.inbox.end()),
                Ok(count) => self.inbox.filled(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Error::TimedOut("no message in time".to_owned()));
                }
                Err(error) => return Err(Error::io("cannot receive", error)),
            }
        }
    }
}

/// The first message, unless it says that the listener wants a key that this end does not have.
pub(crate) fn unless_challenged(message: Vec<u8>, may_be_challenged: &mut bool) -> Result<Vec<u8>> {
    match std::mem::take(may_be_challenged) && is_challenge(&message) {
        true => Err(Error::authentication(
            "the listener asks for a key, and this client has none: Options::authkey",
        )),
        false => Ok(message),
    }
}

/// A message, in the buffer or in the error.
pub(crate) fn into_buffer(message: Vec<u8>, buffer: &mut [u8]) -> Result<usize> {
    match buffer.get_mut(..message.len()) {
        Some(front) => {
            front.copy_from_slice(&message);
            Ok(message.len())
        }
        None => Err(BufferTooShort(message).into()),
    }
}
