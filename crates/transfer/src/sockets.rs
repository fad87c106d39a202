//! Raw sockets beside a daemon: a second, temporary port, where whoever brings a ticket gets a connection for bytes outside of the protocol.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::{Daemon, Error, ErrorKind, Location, Raise, Result};
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream as GuestStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use crate::LOGGER;
use crate::digest::Digest;
use crate::permits::{Permit, Permits};

/// The bytes of a ticket, with which a connection begins.
const TICKET: usize = 36;
/// How long a connection may take to bring its ticket.
const PATIENCE: Duration = Duration::from_secs(10);
/// The rest after a connection could not be accepted, for lack of descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// Gives out tickets for connections beside a daemon's own port, over which bytes go as they are. (Pyro's manual, chapter "Tips & Tricks", names this as
/// the fastest way to transfer files; its example `filetransfer` works like this.)
///
/// A method [offers](RawSockets::offer) a job and gives the [`Offer`] back to its caller: a ticket and an address. The caller connects there, sends the
/// 36 bytes of the ticket, and then has the connection with the job at the other end. A ticket is random, is good for one connection, and expires. The
/// port is open only as long as there are tickets.
///
/// Nothing of the daemon's protection holds there: what goes over a raw socket is neither signed nor encrypted. So a daemon whose messages are makes no
/// offers, unless [`RawSocketsBuilder::allow_clear`] says otherwise.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
///
/// use ferropyro::{Daemon, Proxy, Raise, expose};
/// use ferropyro_transfer::{Offer, RawSockets};
///
/// struct Camera(RawSockets);
///
/// #[expose]
/// impl Camera {
///     pub fn picture(&self) -> Result<Offer, Raise> {
///         self.0.offer(|mut stream| stream.write_all(&[7; 100_000]))
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let uri = daemon.register("camera", Camera(RawSockets::beside(&daemon)?))?;
/// let running = daemon.start();
///
/// let (ticket, address): (String, (String, u16)) = Proxy::new(uri)?.call("picture", ())?;
/// let mut stream = TcpStream::connect(address)?;
/// stream.write_all(ticket.as_bytes())?;
/// let mut picture = Vec::new();
/// stream.read_to_end(&mut picture)?;
/// assert_eq!(picture.len(), 100_000);
/// # running.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RawSockets {
    shared: Arc<Shared>,
}

/// Settings of [`RawSockets`].
#[derive(Debug)]
pub struct RawSocketsBuilder {
    ip: IpAddr,
    host: String,
    port: u16,
    ticket_life: Duration,
    stall: Duration,
    most: usize,
    most_per_connection: Option<usize>,
    most_silent: usize,
    /// Whether the daemon's messages are what bytes on a raw socket are not.
    is_protected: bool,
    allow_clear: bool,
}

/// What a caller needs for a raw connection. It travels as `(ticket, (host, port))`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer(String, (String, u16));

type Job = Box<dyn FnOnce(TcpStream) -> io::Result<()> + Send>;

struct Shared {
    settings: RawSocketsBuilder,
    permits: Arc<Permits>,
    state: Mutex<State>,
    /// Something is to be looked after before the next ticket expires.
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// By the checksums of the tickets: how long a look-up takes tells nothing about a ticket.
    tickets: HashMap<[u8; 32], Ticket>,
    /// Where it is open.
    address: Option<SocketAddr>,
}

struct Ticket {
    expires: Instant,
    job: Job,
    permit: Permit,
}

impl RawSockets {
    /// Raw sockets at the address of this daemon, with the usual settings.
    ///
    /// # Errors
    /// `Communication` when the daemon listens on a Unix domain socket.
    pub fn beside(daemon: &Daemon) -> Result<RawSockets> {
        Ok(RawSockets::builder(daemon)?.build())
    }

    /// Settings for raw sockets at the address of this daemon.
    ///
    /// # Errors
    /// As for [`RawSockets::beside`].
    pub fn builder(daemon: &Daemon) -> Result<RawSocketsBuilder> {
        let outside = daemon.uri_for("raw")?;
        match (daemon.address(), outside.location()) {
            (Some(address), Some(Location::Tcp { host, .. })) => Ok(RawSocketsBuilder {
                ip: address.ip(),
                host: host.clone(),
                port: 0,
                ticket_life: Duration::from_secs(30),
                stall: Duration::from_secs(30),
                most: 64,
                most_per_connection: None,
                most_silent: 250,
                is_protected: daemon.is_protected(),
                allow_clear: false,
            }),
            _ => {
                let text = "there are no raw sockets beside a daemon that listens on a Unix domain socket";
                Err(Error::new(ErrorKind::Communication, text).with("daemon", daemon.location()))
            }
        }
    }

    /// A ticket for the caller. When it is brought, in time, the job runs in a thread of its own, with the connection; that is closed when the job is done.
    /// Reading and writing fail there when the other end is silent for too long ([`RawSocketsBuilder::stall`]).
    ///
    /// # Errors
    /// `SecurityError` when the daemon's messages are signed or encrypted, as the connection would not be; `RuntimeError` when there are too many tickets and
    /// connections already; `OSError` when the port cannot be opened.
    pub fn offer(&self, job: impl FnOnce(TcpStream) -> io::Result<()> + Send + 'static) -> Result<Offer, Raise> {
        let settings = &self.shared.settings;
        if settings.is_protected && !settings.allow_clear {
            return Err(Raise::from(Error::new(ErrorKind::Security, IN_THE_CLEAR)));
        }
        let permit = self.shared.permits.take()?;
        let ticket = Uuid::new_v4().to_string();
        let address = self.shared.add(&ticket, Box::new(job), permit)?;
        Ok(Offer(ticket, (settings.host.clone(), address.port())))
    }

    /// The tickets that are out, and the connections that they have led to.
    pub fn in_use(&self) -> usize {
        self.shared.permits.taken()
    }

    /// Where it listens; `None` while there are no tickets.
    pub fn address(&self) -> Option<SocketAddr> {
        self.shared.state().address
    }
}

const IN_THE_CLEAR: &str = "what goes over a raw socket is neither signed nor encrypted, as the messages of this daemon are: \
                            transfer by annotations, or let the server allow it";

/// The tickets are worthless from now on. Connections that they have led to go on.
impl Drop for RawSockets {
    fn drop(&mut self) {
        self.shared.state().tickets.clear();
        self.shared.changed.notify_one();
    }
}

impl fmt::Debug for RawSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawSockets({:?}, {} in use)", self.address(), self.in_use())
    }
}

impl Offer {
    /// What is to be sent first on the connection.
    pub fn ticket(&self) -> &str {
        &self.0
    }

    /// The host and the port to connect to.
    pub fn address(&self) -> (&str, u16) {
        (&self.1.0, self.1.1)
    }
}

impl RawSocketsBuilder {
    /// The host name or address that callers are told. Default: that in the daemon's URIs.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> RawSocketsBuilder {
        self.host = host.into();
        self
    }

    /// The port. Default: 0, a free one, which may be another one each time that it is opened. A firewall or a network address translation needs a fixed one,
    /// and must lead the same port here.
    #[must_use]
    pub fn port(mut self, port: u16) -> RawSocketsBuilder {
        self.port = port;
        self
    }

    /// How long a ticket is good. Default: 30 seconds.
    #[must_use]
    pub fn ticket_life(mut self, life: Duration) -> RawSocketsBuilder {
        self.ticket_life = life;
        self
    }

    /// How long the other end of a connection may be silent, or take no byte. Default: 30 seconds. Zero is not possible, and means the default.
    #[must_use]
    pub fn stall(mut self, stall: Duration) -> RawSocketsBuilder {
        if !stall.is_zero() {
            self.stall = stall;
        }
        self
    }

    /// The most tickets and connections together. Default: 64.
    #[must_use]
    pub fn most(mut self, most: usize) -> RawSocketsBuilder {
        self.most = most;
        self
    }

    /// The most tickets and connections that the calls of one client's connection have asked for, so that one client does not take them all. Default, and what
    /// zero means: a quarter of [`RawSocketsBuilder::most`], and at least one. What is offered outside of calls does not count.
    #[must_use]
    pub fn most_per_connection(mut self, most: usize) -> RawSocketsBuilder {
        self.most_per_connection = (most > 0).then_some(most);
        self
    }

    /// The most connections that have not brought a ticket yet. They cost some memory and a descriptor each, and no thread. When one more comes, the one goes that
    /// has been waiting longest; after 10 seconds it goes anyway. Default: 250, as many systems give a program 1024 descriptors for everything.
    #[must_use]
    pub fn most_silent(mut self, most: usize) -> RawSocketsBuilder {
        self.most_silent = most.max(1);
        self
    }

    /// Whether there are raw sockets beside a daemon with a key or with TLS, although they have neither. Default: no.
    #[must_use]
    pub fn allow_clear(mut self, allow: bool) -> RawSocketsBuilder {
        self.allow_clear = allow;
        self
    }

    /// The raw sockets. No port is opened yet.
    #[must_use]
    pub fn build(self) -> RawSockets {
        RawSockets {
            shared: Arc::new(Shared {
                permits: Permits::new(self.most, self.most_per_connection),
                state: Mutex::default(),
                changed: Notify::new(),
                settings: self,
            }),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a ticket, and sees to it that somebody listens.
    fn add(self: &Arc<Shared>, ticket: &str, job: Job, permit: Permit) -> io::Result<SocketAddr> {
        let mut state = self.state();
        let address = match state.address {
            Some(address) => address,
            None => self.open()?,
        };
        state.address = Some(address);
        let expires = Instant::now() + self.settings.ticket_life;
        let ticket_id = Digest::of(ticket.as_bytes());
        state.tickets.insert(ticket_id, Ticket { expires, job, permit });
        Ok(address)
    }

    /// Listens, in a thread of its own.
    fn open(self: &Arc<Shared>) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind((self.settings.ip, self.settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(self);
        thread::Builder::new().name("raw sockets".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(shared.listen(listener)) {
                tracing::error!(target: LOGGER, "raw sockets at {address}: {error}");
                *shared.state() = State::default();
            }
        })?;
        tracing::debug!(target: LOGGER, "raw sockets open at {address}");
        Ok(address)
    }

    /// Lets connections in as long as there are tickets for them.
    async fn listen(self: &Arc<Shared>, listener: std::net::TcpListener) -> io::Result<()> {
        let mut listener = Some(TcpListener::from_std(listener)?);
        let mut guests = Guests::default();
        loop {
            let expiry = self.close_unless_wanted(&mut listener);
            let (Some(expiry), Some(listener)) = (expiry, &listener) else {
                return Ok(());
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => guests.let_in(admit(Arc::clone(self), stream, peer), self.settings.most_silent),
                    Err(error) => {
                        tracing::warn!(target: LOGGER, "raw sockets: cannot accept a connection: {error}");
                        if error.kind() != io::ErrorKind::ConnectionAborted {
                            guests.send_longest_away();
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(_) = guests.tasks.join_next() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep_until(expiry.into()) => {}
            }
        }
    }

    /// Drops the tickets that have expired, and tells when the next one will; closes the port when there is none left. Who offers something then opens it anew,
    /// and must find the port free.
    fn close_unless_wanted(&self, listener: &mut Option<TcpListener>) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let expired: Vec<Ticket> = state
            .tickets
            .extract_if(|_, ticket| ticket.expires <= now)
            .map(|(_, ticket)| ticket)
            .collect();
        let next = state.tickets.values().map(|ticket| ticket.expires).min();
        if next.is_none() {
            *listener = None;
            state.address = None;
        }
        // Jobs that are dropped may do anything.
        drop(state);
        drop(expired);
        next
    }

    /// The job of a ticket, which is worth nothing from now on.
    fn redeem(&self, ticket: &[u8]) -> Option<(Job, Permit)> {
        let ticket = self.state().tickets.remove(&Digest::of(ticket))?;
        (ticket.expires > Instant::now()).then_some((ticket.job, ticket.permit))
    }

    fn run(&self, stream: GuestStream, peer: SocketAddr, job: Job, permit: Permit) -> io::Result<()> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(self.settings.stall))?;
        stream.set_write_timeout(Some(self.settings.stall))?;
        thread::Builder::new().name("raw socket".to_owned()).spawn(move || {
            let _permit = permit;
            if let Err(error) = job(stream) {
                tracing::warn!(target: LOGGER, "raw socket of {peer}: {error}");
            }
        })?;
        Ok(())
    }
}

/// The connections that have not brought a ticket yet.
#[derive(Default)]
struct Guests {
    tasks: JoinSet<()>,
    /// In the order in which they came, those that are through among them.
    order: VecDeque<AbortHandle>,
}

impl Guests {
    /// One more. If they are too many then, the one goes that has been waiting longest: whoever is silent must not keep those out who are not.
    fn let_in(&mut self, guest: impl Future<Output = ()> + Send + 'static, most: usize) {
        while self.tasks.try_join_next().is_some() {}
        let task = self.tasks.spawn(guest);
        self.order.push_back(task);
        if self.tasks.len() > most {
            self.send_longest_away();
        }
        if self.order.len() > 2 * self.tasks.len() + 16 {
            self.order.retain(|guest| !guest.is_finished());
        }
    }

    /// Makes room for another one.
    fn send_longest_away(&mut self) {
        while let Some(longest) = self.order.pop_front() {
            if !longest.is_finished() {
                tracing::debug!(target: LOGGER, "raw sockets: too many connections without a ticket: the one that waited longest is closed");
                return longest.abort();
            }
        }
    }
}

/// Waits for a connection's ticket, and hands the connection over to its job.
async fn admit(shared: Arc<Shared>, mut stream: GuestStream, peer: SocketAddr) {
    let mut ticket = [0; TICKET];
    match tokio::time::timeout(PATIENCE, stream.read_exact(&mut ticket)).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) | Err(_) => {
            tracing::warn!(target: LOGGER, "raw socket of {peer}: no ticket");
            return;
        }
    }
    let Some((job, permit)) = shared.redeem(&ticket) else {
        tracing::warn!(target: LOGGER, "raw socket of {peer}: unknown ticket, or used, or too old");
        return;
    };
    if let Err(error) = shared.run(stream, peer, job, permit) {
        tracing::warn!(target: LOGGER, "raw socket of {peer}: {error}");
    }
}
