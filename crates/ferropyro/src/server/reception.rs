//! Where clients come in: connections are accepted, and kept until their first message is there. Whoever says nothing, or half of a message, costs
//! some memory for a while, and nobody's thread.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::Hosts;
use super::capacity::{Seat, Seats};
use super::signal::Signal;
use crate::config::ServerType;
use crate::daemon::core::Core;
#[cfg(unix)]
use crate::daemon::watch::Watch;
use crate::logging::logger;
use crate::ration::Ration;
use crate::session::server::{Front, ServerSession};
use crate::tls;
use crate::transport::{AsyncListener, AsyncStream, Entry, Inbox, Listener};

/// The pause after the first error of accepting.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The door of a daemon.
pub(super) struct Reception {
    core: Arc<Core>,
    listener: Listener,
    stopping: Signal,
    waiting: Arc<WaitingRoom>,
    seats: Seats,
    /// Whose turn it is to be greeted by the program's hook without having said anything.
    hooks: Arc<Semaphore>,
}

/// A client that has connected, and what it has sent so far. Boxed, because it is passed from hand to hand, and every hand would have room for it.
pub(super) struct Visitor {
    pub(super) stream: AsyncStream,
    pub(super) session: Box<ServerSession>,
    pub(super) inbox: Inbox,
    /// `None` for the one that the program has brought along.
    pub(super) seat: Option<Seat>,
}

/// What a client reads that has no TLS where it is wanted.
const TLS_WANTED: &str = "this server accepts encrypted connections only (TLS): switch SSL on";

impl Reception {
    pub(super) fn new(core: Arc<Core>, listener: Listener) -> Reception {
        let at_a_time = match core.config.servertype {
            ServerType::Thread => core.config.threadpool_size,
            ServerType::Multiplex => core.config.workers,
        };
        Reception {
            hooks: Arc::new(Semaphore::new(at_a_time.clamp(1, Semaphore::MAX_PERMITS))),
            core,
            listener,
            stopping: Signal::default(),
            waiting: Arc::default(),
            seats: Seats::new(),
        }
    }

    pub(super) fn address(&self) -> Option<std::net::SocketAddr> {
        self.listener.address()
    }

    #[cfg(unix)]
    pub(super) fn be_watched(&self, watch: &Watch) {
        watch.add(&self.listener);
    }

    pub(super) fn stop(&self) {
        self.stopping.set();
    }

    /// Lets clients in until [`Reception::stop`].
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub(super) async fn run(&self, hosts: &Hosts) -> io::Result<()> {
        if !self.stopping.is_set() {
            let door = AsyncListener::new(&self.listener)?;
            tokio::select! {
                biased;
                () = self.stopping.wait() => {}
                () = self.accept_all(&door, hosts) => {}
            }
        }
        self.close();
        Ok(())
    }

    /// Sends those away who wait. The socket listens no more.
    pub(super) fn close(&self) {
        self.listener.close();
        self.waiting.close();
    }

    async fn accept_all(&self, door: &AsyncListener, hosts: &Hosts) {
        let mut pause = SHORTEST_PAUSE;
        // They come in thousands: one line a second is enough.
        let trouble = Ration::new(1);
        let at_a_time = match &self.core.tls {
            Some(_) => 1,
            None => self.core.config.accepts_per_turn.max(1),
        };
        for count in 1usize.. {
            match door.accept(&self.core.config).await {
                Ok(stream) => {
                    pause = SHORTEST_PAUSE;
                    self.core.watch_stream(&stream);
                    self.receive(stream, hosts.clone());
                }
                // The client went again before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, most likely: others have to close theirs first.
                    if trouble.is_due() {
                        tracing::error!(target: logger::SERVER, "cannot accept a connection: {error}");
                    }
                    self.core.wake_after(pause);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(self.core.config.accept_pause);
                }
            }
            if count.is_multiple_of(at_a_time) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn receive(&self, stream: AsyncStream, hosts: Hosts) {
        let core = Arc::clone(&self.core);
        let (greetings, seat) = (Arc::clone(&self.hooks), self.seats.take());
        let ticket = self.waiting.ticket();
        let number = ticket.number;
        let task = tokio::spawn(async move {
            // Boxed, so that those who are served need no room for it.
            let Some((visitor, outcome)) = Box::pin(Visitor::wait_for(&core, stream, seat, &greetings)).await else {
                return;
            };
            if !ticket.leave() {
                return;
            }
            match outcome {
                Ok(Front::Complete) => hosts.serve(visitor).await,
                Ok(_) => Box::pin(visitor.turn_away(&core)).await,
                Err(error) => tracing::debug!(target: logger::SERVER, "{} lost: {error}", visitor.stream.peer()),
            }
        });
        let most = self.core.config.max_unfinished_handshakes;
        self.waiting.enter(number, task.abort_handle(), most);
        if self.seats.are_too_few() {
            self.waiting.dismiss_longest();
        }
    }
}

impl Visitor {
    /// Waits for the first message of a client, within the time that the settings allow. `None` when nobody is there to talk to, or has been refused.
    async fn wait_for(
        core: &Arc<Core>,
        stream: AsyncStream,
        seat: Seat,
        hooks: &Semaphore,
    ) -> Option<(Box<Visitor>, io::Result<Front>)> {
        let begun = Instant::now();
        let peer = stream.peer();
        let entry = match &core.tls {
            Some(tls) => encrypt(core, stream, tls.current()).await,
            None => Ok(Entry::Encrypted(stream, None)),
        };
        let is_in_the_clear = matches!(entry, Ok(Entry::Plain(_)));
        let (stream, certificate) = match entry {
            Ok(Entry::Encrypted(stream, certificate)) => (stream, certificate),
            Ok(Entry::Plain(stream)) => (stream, None),
            Err(error) => {
                let reason = tls::explain(&error).unwrap_or_else(|| error.to_string());
                let log = || tracing::warn!(target: logger::SERVER, "{peer} refused in the TLS handshake: {reason}");
                core.refusals.log(log);
                return None;
            }
        };
        let mut visitor = Visitor {
            session: Box::new(ServerSession::new(Arc::clone(core), peer)),
            stream,
            inbox: Inbox::default(),
            seat: Some(seat),
        };
        if let Some(certificate) = certificate {
            visitor.session.set_certificate(certificate);
        }
        // Whoever has no TLS where it is wanted is told nothing before it has spoken.
        let hooks = (!is_in_the_clear).then_some(hooks);
        let outcome = visitor.wait_for_message(core, begun.elapsed(), hooks).await;
        if is_in_the_clear && matches!(outcome, Ok(Front::Complete)) {
            visitor.refuse(core, TLS_WANTED).await;
            return None;
        }
        Some((Box::new(visitor), outcome))
    }

    /// Waits for the first message, of whose time this much has been spent. Who says nothing is greeted if there is something for that.
    async fn wait_for_message(&mut self, core: &Core, spent: Duration, hooks: Option<&Semaphore>) -> io::Result<Front> {
        if let Some(hooks) = hooks
            && let Some(front) = self.greet_if_silent(core, hooks).await?
        {
            return Ok(front);
        }
        let Some(time) = handshake_time(core) else {
            return self.read_message().await;
        };
        match timeout(time.saturating_sub(spent), self.read_message()).await {
            Ok(result) => result,
            Err(_) => {
                self.session.time_out();
                Ok(Front::Broken)
            }
        }
    }

    pub(super) async fn read_message(&mut self) -> io::Result<Front> {
        loop {
            match self.session.front(self.inbox.bytes()) {
                Front::Incomplete(wanted) => {
                    let Visitor { stream, inbox, .. } = self;
                    if poll_fn(|cx| stream.poll_fill(cx, inbox, wanted)).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                front => return Ok(front),
            }
        }
    }

    /// Tells the client why it cannot be let in, unless that has been said.
    async fn turn_away(mut self, core: &Core) {
        if self.session.out.is_empty() {
            self.session.step(self.inbox.bytes());
        }
        self.say_goodbye(core).await;
    }

    /// Refuses a client with this text in its own dialect.
    pub(super) async fn refuse(mut self, core: &Core, text: &str) {
        self.session.refuse_next(self.inbox.bytes(), text);
        self.say_goodbye(core).await;
    }

    async fn say_goodbye(mut self, core: &Core) {
        let sent = self
            .stream
            .send(self.session.outgoing(), core.config.write_timeout)
            .await;
        // Who goes before being refused needs no refusal.
        if sent.is_ok() {
            self.stream.linger().await;
        }
    }
}

/// Lets a client in with TLS, within the time that the settings allow.
async fn encrypt(core: &Core, stream: AsyncStream, tls: Arc<ServerConfig>) -> io::Result<Entry> {
    let limits = [core.config.tls_handshake_timeout, handshake_time(core)];
    match limits.into_iter().flatten().min() {
        Some(time) => timeout(time, stream.accept_tls(tls)).await?,
        None => stream.accept_tls(tls).await,
    }
}

fn handshake_time(core: &Core) -> Option<Duration> {
    match (core.config.handshake_timeout, core.config.commtimeout) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The clients that have not said what they want. There is room for so many; when one more comes, the one goes that has been waiting longest.
#[derive(Default)]
struct WaitingRoom(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// `None` for one that has left before it was entered.
    tasks: BTreeMap<u64, Option<AbortHandle>>,
    next: u64,
    is_closed: bool,
}

impl Waiting {
    /// Makes room: the one goes that has been waiting longest.
    fn dismiss_longest(&mut self) {
        if let Some((_, Some(longest))) = self.tasks.pop_first() {
            tracing::debug!(target: logger::SERVER, "too many clients that say nothing: the one that waited longest is disconnected");
            longest.abort();
        }
    }
}

/// A place in the waiting room, given back on drop.
struct Ticket {
    room: Arc<WaitingRoom>,
    number: u64,
}

impl Ticket {
    /// Leaves the room; from then on nobody sends its holder away. False when that has happened already.
    fn leave(self) -> bool {
        self.room.lock().tasks.remove(&self.number).is_some()
    }
}

impl WaitingRoom {
    fn ticket(self: &Arc<Self>) -> Ticket {
        let mut waiting = self.lock();
        waiting.next += 1;
        let number = waiting.next;
        waiting.tasks.insert(number, None);
        Ticket {
            room: Arc::clone(self),
            number,
        }
    }

    fn enter(&self, number: u64, task: AbortHandle, most: Option<usize>) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return task.abort();
        }
        // It may be through already.
        if let Some(place) = waiting.tasks.get_mut(&number) {
            *place = Some(task);
        }
        if most.is_some_and(|most| waiting.tasks.len() > most) {
            waiting.dismiss_longest();
        }
    }

    fn dismiss_longest(&self) {
        self.lock().dismiss_longest();
    }

    /// Sends all away who wait.
    fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.tasks.values().flatten().for_each(AbortHandle::abort);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.room.lock().tasks.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn enter(room: &Arc<WaitingRoom>, most: Option<usize>) -> (Ticket, tokio::task::JoinHandle<()>) {
        let ticket = room.ticket();
        let task = tokio::spawn(pending());
        room.enter(ticket.number, task.abort_handle(), most);
        (ticket, task)
    }

    #[tokio::test]
    async fn whoever_has_left_the_waiting_room_is_not_sent_away() {
        let room = Arc::<WaitingRoom>::default();
        let (through, served) = enter(&room, Some(1));
        assert!(through.leave());
        let (longest, dismissed) = enter(&room, Some(1));
        let (last, waits) = enter(&room, Some(1));
        assert!(dismissed.await.is_err_and(|error| error.is_cancelled()));
        assert!(!longest.leave());
        room.close();
        assert!(waits.await.is_err_and(|error| error.is_cancelled()));
        drop(last);
        assert!(!served.is_finished());
        served.abort();
    }

    #[tokio::test]
    async fn room_is_made_by_the_one_that_waited_longest() {
        let room = Arc::<WaitingRoom>::default();
        let (_first, longest) = enter(&room, None);
        let (other, waits) = enter(&room, None);
        room.dismiss_longest();
        assert!(longest.await.is_err_and(|error| error.is_cancelled()));
        assert!(other.leave() && !waits.is_finished());
        // Nobody is left.
        room.dismiss_longest();
        waits.abort();
    }
}
