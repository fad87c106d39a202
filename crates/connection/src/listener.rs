//! The blocking listener. Its reception is an event loop in a thread of its own, so that clients authenticate beside each other and hold up nobody.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use crate::auth::Auth;
use crate::listening::Listening;
use crate::options::Terms;
use crate::{Address, Connection, Error, LOGGER, Options, Result, aio};

/// Waits for clients (Python's class of this name).
///
/// Clients authenticate in the background while [`Listener::accept`] waits for one that is done, each within [`Options::handshake_timeout`]: one that is slow or silent holds up nobody.
///
/// ```
/// use ferropyro_connection::{Client, Listener, Options};
///
/// let options = Options::new().authkey("secret password");
/// let listener = Listener::bind(("localhost", 0), &options)?;
/// # let address = listener.address().clone();
/// # let client = std::thread::spawn(move || Client::connect(address, &options)?.recv_bytes());
/// let mut conn = listener.accept()?;
/// println!("connection accepted from {}", listener.last_accepted().unwrap());
/// conn.send_bytes(b"hello")?;
/// # assert_eq!(client.join().unwrap()?, b"hello");
/// # Ok::<(), ferropyro_connection::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    reception: Arc<Reception>,
    address: Address,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Between those who wait in `accept` and the thread.
#[derive(Debug)]
struct Reception {
    desk: Mutex<Desk>,
    /// Somebody has been accepted, or it is over.
    accepted: Condvar,
    /// Somebody waits, or it is over.
    asked: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: usize,
    accepted: VecDeque<(Option<Address>, Result<Connection>)>,
    last_accepted: Option<Address>,
    is_closed: bool,
}

impl Listener {
    /// Listens at this address: others can connect from now on, though nobody accepts them yet.
    ///
    /// The file of a Unix domain socket can be used by nobody but this user; programs that want to let others in change its rights afterwards. A file that a
    /// dead listener has left is replaced.
    ///
    /// # Errors
    /// [`Error::Address`] for an address that cannot be one here, or not of the family that [`Options::family`] says; an error of the system when the address is in use, or
    /// not of this machine.
    pub fn bind(address: impl Into<Address>, options: &Options) -> Result<Listener> {
        Listener::start(Some(address.into()), options)
    }

    /// Listens at a free address of the family that [`Options::family`] says: of Unix domain sockets unless it is set, which are the fastest, where there are any. [`Listener::address`] tells it.
    ///
    /// # Errors
    /// As for [`Listener::bind`].
    pub fn bind_anywhere(options: &Options) -> Result<Listener> {
        Listener::start(None, options)
    }

    fn start(address: Option<Address>, options: &Options) -> Result<Listener> {
        let auth = options.auth_of_listener()?;
        let listening = Listening::bind(address, options.family, options.backlog)?;
        let address = listening.address.clone();
        let cannot = |error| Error::io("cannot start the thread of a listener", error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let reception = Arc::new(Reception {
            desk: Mutex::default(),
            accepted: Condvar::new(),
            asked: Notify::new(),
        });
        let shared = Arc::clone(&reception);
        let terms = options.terms;
        let thread = thread::Builder::new().name("listener".to_owned());
        let thread = thread
            .spawn(move || shared.run(&runtime, listening, auth, terms))
            .map_err(cannot)?;
        Ok(Listener {
            reception,
            address,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits for the next client; with a key, for the next one that has proved that it has it, or has tried to and failed.
    ///
    /// Clients that leave without trying, as a port scan does, or that take too long, are passed over; the log tells of them.
    ///
    /// # Errors
    /// [`Error::Authentication`] when a client has failed: it has been told so and is disconnected, and the next one can be waited for. ([`Listener::incoming`] does that by
    /// itself.) [`Error::Closed`] when the listener is closed, meanwhile too.
    pub fn accept(&self) -> Result<Connection> {
        self.accept_until(None)
    }

    /// The same, but waits no longer than this.
    ///
    /// # Errors
    /// As for [`Listener::accept`]; [`Error::TimedOut`].
    pub fn accept_timeout(&self, time: Duration) -> Result<Connection> {
        self.accept_until(Instant::now().checked_add(time))
    }

    fn accept_until(&self, deadline: Option<Instant>) -> Result<Connection> {
        let mut desk = self.reception.desk();
        desk.waiting += 1;
        self.reception.asked.notify_one();
        loop {
            if desk.is_closed {
                return Err(Error::Closed("listener is closed"));
            }
            if let Some((peer, accepted)) = desk.accepted.pop_front() {
                desk.waiting -= 1;
                desk.last_accepted = peer;
                return accepted;
            }
            desk = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self
                    .reception
                    .accepted
                    .wait(desk)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    desk.waiting -= 1;
                    return Err(Error::TimedOut("no client in time".to_owned()));
                }
                Some(left) => {
                    let woken = self.reception.accepted.wait_timeout(desk, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The clients one after the other, those that fail to authenticate left out. It ends when the listener is closed.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// Where it listens: the real port if 0 was asked for, and an IP address for a host name.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where the last connection came from that [`Listener::accept`] gave, or refused; `None` before the first one, and with Unix domain sockets, whose clients have no address.
    pub fn last_accepted(&self) -> Option<Address> {
        self.reception.desk().last_accepted.clone()
    }

    /// Lets nobody in any more, removes the file of a Unix domain socket, and wakes up who waits in [`Listener::accept`]. Connections stay as they are. Happens at the latest when the
    /// listener is dropped; a second time does nothing.
    pub fn close(&self) {
        self.reception.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // When it has ended the socket is closed.
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

/// See [`Listener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a>(&'a Listener);

impl Iterator for Incoming<'_> {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        loop {
            match self.0.accept() {
                Ok(connection) => return Some(connection),
                Err(Error::Closed(_)) => return None,
                Err(error) => tracing::warn!(target: LOGGER, "a client was refused: {error}"),
            }
        }
    }
}

impl Reception {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.desk().is_closed = true;
        self.accepted.notify_all();
        self.asked.notify_one();
    }

    /// The thread.
    fn run(&self, runtime: &Runtime, listening: Listening, auth: Option<Auth>, terms: Terms) {
        runtime.block_on(async {
            match aio::Listener::new(listening, auth, terms) {
                Ok(listener) => self.receive(listener).await,
                Err(error) => self.hand_over(None, Err(error)),
            }
        });
        self.close();
    }

    /// Accepts as many as are waited for. Who is about to authenticate goes on meanwhile.
    async fn receive(&self, mut listener: aio::Listener) {
        loop {
            let (is_closed, is_wanted) = {
                let desk = self.desk();
                (desk.is_closed, desk.accepted.len() < desk.waiting)
            };
            if is_closed {
                return;
            }
            tokio::select! {
                () = self.asked.notified() => {}
                accepted = listener.accept(), if is_wanted => {
                    let accepted = accepted.and_then(aio::Connection::into_blocking);
                    self.hand_over(listener.last_accepted().cloned(), accepted);
                }
            }
        }
    }

    fn hand_over(&self, peer: Option<Address>, accepted: Result<Connection>) {
        self.desk().accepted.push_back((peer, accepted));
        self.accepted.notify_one();
    }
}
