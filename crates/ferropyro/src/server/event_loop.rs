//! Pyro's multiplex server: every connection is a task of a loop, and costs memory but no thread. Calls run one at a time as in Pyro, or as
//! many at a time as the setting WORKERS says (manual chapter "Servers", server types).

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::{Notify, Semaphore};
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::timeout;

use super::beside::beside_loop;
use super::capacity::Capacity;
use super::oneways::Oneways;
use super::reception::Visitor;
use super::signal::Signal;
use crate::daemon::core::Core;
use crate::logging::logger;
use crate::session::incoming::Detached;
use crate::session::server::{Progress, ServerSession, Step};
use crate::transport::{AsyncStream, Inbox};

/// Messages of one connection that are served before others get their turn.
const MESSAGES_A_TURN: usize = 64;
/// What is kept of a buffer for answers between calls.
const OUT_KEEP: usize = 256;
/// A buffer above this size goes as a whole. What is left of one that is cut short stays where the long one was: in memory that belongs to the thread that wrote
/// the answer, and with workers that is another one each time, so that less of it can be used again.
const OUT_CUT: usize = 4 << 10;

/// The tasks that serve a daemon's connections.
pub(super) struct EventLoop {
    core: Arc<Core>,
    /// Whose turn it is to run a call.
    turns: Semaphore,
    /// Whose turn it is to be let in by the program's hook, or to have a message inflated. Calls, which may take as long as they like, keep nobody from that.
    preludes: Semaphore,
    oneways: Arc<Oneways>,
    capacity: Capacity,
    stopping: Signal,
    /// Nobody waits any longer for the calls that run.
    giving_up: Signal,
    connections: AtomicUsize,
    left: Notify,
}

impl EventLoop {
    pub(super) fn new(core: Arc<Core>) -> Arc<EventLoop> {
        let workers = core.config.workers.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(EventLoop {
            turns: Semaphore::new(workers),
            preludes: Semaphore::new(workers),
            oneways: Arc::new(Oneways::new(&core.config)),
            capacity: Capacity::new(&core.config),
            core,
            stopping: Signal::default(),
            giving_up: Signal::default(),
            connections: AtomicUsize::new(0),
            left: Notify::new(),
        })
    }

    /// Serves a client until it goes, or does something that ends the connection.
    pub(super) async fn serve(&self, visitor: Box<Visitor>) {
        let Some(place) = self.place() else {
            let (peer, refusal) = (visitor.stream.peer(), self.capacity.refusal);
            let log = || tracing::warn!(target: logger::MULTIPLEXSERVER, "{peer} refused: {refusal}");
            self.core.refusals.log(log);
            return Box::pin(visitor.refuse(&self.core, refusal)).await;
        };
        self.host(visitor).await;
        drop(place);
    }

    /// As [`EventLoop::serve`], on a connection that the program has made.
    #[cfg(unix)]
    pub(super) async fn serve_given(&self, stream: AsyncStream, session: Box<ServerSession>) {
        let place = self.place();
        let inbox = Inbox::default();
        self.host(Box::new(Visitor {
            stream,
            session,
            inbox,
            seat: None,
        }))
        .await;
        drop(place);
    }

    async fn host(&self, mut visitor: Box<Visitor>) {
        let peer = visitor.stream.peer();
        let served = {
            let mut given_up = pin!(self.giving_up.wait());
            let mut conversation = pin!(self.converse(&mut visitor));
            poll_fn(|cx| match conversation.as_mut().poll(cx) {
                Poll::Pending => given_up.as_mut().poll(cx).map(Ok),
                ready => ready,
            })
            .await
        };
        if let Err(error) = served {
            tracing::debug!(target: logger::MULTIPLEXSERVER, "connection with {peer} lost: {error}");
        }
        if self.has_pool() {
            // Boxed, so that connections need no room for it before.
            Box::pin(see_off(visitor)).await;
        }
    }

    /// Reads no more from any connection, and lets nobody in.
    pub(super) fn stop(&self) {
        self.stopping.set();
    }

    /// Waits for the calls that run, as long as SHUTDOWN_TIMEOUT says; who has not been answered by then loses the connection.
    pub(super) async fn drain(&self) {
        self.stop();
        let time = self.core.config.shutdown_timeout;
        let begun = std::time::Instant::now();
        if timeout(time, self.wait_until_empty()).await.is_err() {
            let count = self.connections.load(Ordering::Acquire);
            tracing::warn!(target: logger::MULTIPLEXSERVER, "{count} calls did not end in time");
            self.give_up();
        }
        let oneways = Arc::clone(&self.oneways);
        let left = time.saturating_sub(begun.elapsed());
        // An error would be a panic, which has been reported where it happened.
        if let Ok(running @ 1..) = spawn_blocking(move || oneways.wait(left)).await {
            tracing::warn!(target: logger::MULTIPLEXSERVER, "{running} oneway calls did not end in time");
        }
    }

    /// Ends the connections whose calls still run.
    pub(super) fn give_up(&self) {
        self.giving_up.set();
    }

    async fn wait_until_empty(&self) {
        loop {
            let left = self.left.notified();
            if self.connections.load(Ordering::Acquire) == 0 {
                return;
            }
            left.await;
        }
    }

    /// A place for one more connection.
    fn place(&self) -> Option<Place<'_>> {
        let count = self.connections.fetch_add(1, Ordering::AcqRel) + 1;
        let place = Place(self);
        self.core.connections.store(count, Ordering::Relaxed);
        (count <= self.capacity.most).then_some(place)
    }

    async fn converse(&self, visitor: &mut Visitor) -> io::Result<()> {
        let mut stopped = pin!(self.stopping.wait());
        let mut messages = 0usize;
        let mut greeted = None;
        if self.has_pool() && self.core.hooks.validate_handshake.is_some() && !visitor.session.is_connected() {
            // Boxed, as all that follows of which connections that wait need no part.
            greeted = Some(Box::pin(self.greet_in_pool(visitor)).await?);
        }
        let Visitor {
            stream, session, inbox, ..
        } = visitor;
        loop {
            let next = match greeted.take() {
                Some(step) => step,
                None => self.step(session, inbox).await?,
            };
            if !session.out.is_empty() {
                if self.has_pool() {
                    // The answers of a turn leave together: each one by itself would wake a client that is quicker than this loop, and waking somebody costs
                    // more than a call. Where methods run on the loop, an answer would wait for them.
                    others_first().await;
                }
                let sent = stream.send(session.outgoing(), self.core.config.write_timeout).await;
                rest(&mut session.out);
                sent?;
            }
            let wanted = match next {
                Step::Continue(length) => {
                    inbox.consume(length);
                    // Usually that was all.
                    inbox.bytes().is_empty().then_some(0)
                }
                Step::Read(wanted) => Some(wanted),
                // The program closes what it has opened.
                Step::Close if session.is_given() => return Ok(()),
                Step::Close => {
                    Box::pin(stream.linger()).await;
                    return Ok(());
                }
            };
            if let Some(wanted) = wanted {
                inbox.rest();
                if !self.read(stream, inbox, wanted, stopped.as_mut()).await? {
                    return Ok(());
                }
            }
            messages += 1;
            if messages.is_multiple_of(MESSAGES_A_TURN) {
                yield_now().await;
            }
        }
    }

    /// False when the connection is over.
    async fn read(
        &self,
        stream: &mut AsyncStream,
        inbox: &mut Inbox,
        wanted: usize,
        mut stopped: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<bool> {
        let read = poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Ok(0)),
            Poll::Pending => stream.poll_fill(cx, inbox, wanted),
        });
        let count = match self.core.config.commtimeout {
            None => read.await?,
            Some(time) => timeout(time, read).await.map_err(|_| io::ErrorKind::TimedOut)??,
        };
        Ok(count > 0)
    }

    /// Serves the message at the front, if it is complete.
    async fn step(&self, session: &mut ServerSession, inbox: &mut Inbox) -> io::Result<Step> {
        if self.has_pool() && session.is_heavy(inbox.bytes()) {
            Box::pin(self.check_in_pool(session, inbox)).await?;
        }
        let call = match session.step(inbox.bytes()) {
            Progress::Step(step) => return Ok(step),
            Progress::Call(call) => call,
        };
        if self.has_pool() && call.is_quick() {
            return Ok(call.run(&*self.oneways));
        }
        let is_asynchronous = call.is_asynchronous();
        // Usually nobody has to wait for a turn.
        let turn = match self.turns.try_acquire() {
            Ok(turn) => Ok(turn),
            Err(_) => self.turns.acquire().await,
        };
        if is_asynchronous && self.has_pool() && call.needs_instance() {
            let call = call.detach();
            return Box::pin(self.run_on_instance(call, session, inbox)).await;
        }
        if is_asynchronous {
            // Boxed, so that connections that never come here need no room for it.
            return Ok(Box::pin(call.run_async(&*self.oneways)).await);
        }
        if !self.has_pool() {
            return Ok(call.run(&*self.oneways));
        }
        let call = call.detach();
        let step = Box::pin(self.run_in_pool(call, session, inbox)).await;
        drop(turn);
        step
    }

    /// Runs a call in the pool of the runtime. No more get there at a time than the turns allow.
    async fn run_in_pool(
        &self,
        mut call: Detached,
        session: &mut ServerSession,
        inbox: &mut Inbox,
    ) -> io::Result<Step> {
        let (input, oneways) = (std::mem::take(inbox), Arc::clone(&self.oneways));
        let run = beside_loop(&self.core, move || {
            call.run(input.bytes(), &*oneways);
            (call, input)
        });
        let (call, input) = run.await?;
        *inbox = input;
        Ok(session.attach(call))
    }

    /// Has the message at the front checked and inflated in the pool.
    async fn check_in_pool(&self, session: &mut ServerSession, inbox: &mut Inbox) -> io::Result<()> {
        let _turn = self.preludes.acquire().await;
        let (mut deframer, input) = (session.take_deframer(), std::mem::take(inbox));
        let prepare = beside_loop(&self.core, move || {
            deframer.prepare(input.bytes());
            (deframer, input)
        });
        let (deframer, input) = prepare.await?;
        session.put_deframer(deframer);
        *inbox = input;
        Ok(())
    }

    /// Runs the call of an async method here, after its instance was made in the pool.
    async fn run_on_instance(
        &self,
        mut call: Detached,
        session: &mut ServerSession,
        inbox: &mut Inbox,
    ) -> io::Result<Step> {
        let input = std::mem::take(inbox);
        let prepare = beside_loop(&self.core, move || {
            call.prepare(input.bytes());
            (call, input)
        });
        let (mut call, input) = prepare.await?;
        *inbox = input;
        call.run_async(inbox.bytes(), &*self.oneways).await;
        Ok(session.attach(call))
    }

    /// The greeting is the program's code too, if it has a hook for it.
    async fn greet_in_pool(&self, visitor: &mut Visitor) -> io::Result<Step> {
        let _turn = self.preludes.acquire().await;
        let input = std::mem::take(&mut visitor.inbox);
        let (step, input) = visitor
            .in_pool(move |session| {
                let step = match session.step(input.bytes()) {
                    Progress::Step(step) => step,
                    // It was not connected, so it was no call.
                    Progress::Call(_) => Step::Close,
                };
                (step, input)
            })
            .await?;
        visitor.inbox = input;
        Ok(step)
    }

    /// Whether plain methods run in threads beside the loop, so that they never block it.
    fn has_pool(&self) -> bool {
        self.core.config.workers > 1
    }
}

/// Lets all other connections get on that have something to do.
async fn others_first() {
    let mut waited = false;
    poll_fn(|cx| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Gives memory back that an idle connection need not hold.
fn rest(out: &mut Vec<u8>) {
    out.clear();
    match out.capacity() {
        ..=OUT_CUT => out.shrink_to(OUT_KEEP),
        _ => *out = Vec::new(),
    }
}

/// The end of a connection is the program's code too: its hook is told, its resources are closed, and objects that only this client had are dropped.
async fn see_off(visitor: Box<Visitor>) {
    let Visitor { stream, session, .. } = *visitor;
    drop(stream);
    // An error would be a panic, which has been reported where it happened.
    let _ = spawn_blocking(move || drop(session)).await;
}

/// The place of a connection, given back on drop.
struct Place<'l>(&'l EventLoop);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let before = self.0.connections.fetch_sub(1, Ordering::AcqRel);
        self.0.core.connections.store(before - 1, Ordering::Relaxed);
        if before == 1 {
            self.0.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<F>(_: fn(&'static EventLoop, Box<Visitor>) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand clients that wait shall take no more than 32 MiB, with what is on the heap and what the system's allocator adds.
    #[test]
    fn a_connection_that_waits_takes_little_memory() {
        let size = size_of_future(EventLoop::serve);
        assert!(size <= 768, "{size} bytes");
    }

    #[test]
    fn of_the_buffer_of_a_long_answer_nothing_is_kept() {
        let mut out = vec![1; OUT_CUT + 1];
        rest(&mut out);
        assert_eq!(out.capacity(), 0);
        let mut out = vec![1; OUT_CUT];
        rest(&mut out);
        assert!(out.is_empty() && (OUT_KEEP..OUT_CUT).contains(&out.capacity()));
    }
}
