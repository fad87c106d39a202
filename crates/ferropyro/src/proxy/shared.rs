//! The inside of a blocking proxy: the connection that its calls wait for.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Proxy;
use super::closing::Unwanted;
use super::conversation::{Answer, Outgoing};
use super::failure::{self, ends_connection, is_transient};
use super::items::{RemoteItems, RemoteStream, Source};
use super::link::Link;
use super::reply::Reading;
use super::settings::{Settings, Target};
use crate::arguments::Arguments;
use crate::context::{self, Luggage};
use crate::transport::{CONNECTED_SOCKET, Stream};
use crate::{Error, ErrorKind, Result};

/// The inside of a proxy, which the streams that came from it hold as well.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// Apart from the connection, so that nobody has to wait for a call in order to know it.
    target: Mutex<Target>,
    state: Mutex<State>,
    /// The streams that have to be closed when nobody holds the state any more.
    pub(super) unwanted: Unwanted,
    /// The connection that the program has made itself, before it is used.
    given: Mutex<Option<Stream>>,
    /// The thread that holds the state, as [`this_thread`] names it; 0 is none.
    owner: AtomicUsize,
}

/// What those get who would wait for themselves.
const USED_WITHIN: &str = "the proxy is used by code that runs within a call of its own (a hook, or what writes an argument or reads a result): use a copy of the proxy there";

/// A number that no other thread has meanwhile.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

/// The connection. Whoever makes a call holds it for as long as the call takes.
#[derive(Default)]
pub(super) struct State {
    link: Option<Box<Link>>,
    /// The last sequence number; a new connection goes on counting.
    seq: u16,
    was_connected: bool,
}

impl Shared {
    pub(super) fn new(settings: Settings, target: Target) -> Arc<Shared> {
        Arc::new(Shared {
            settings,
            target: Mutex::new(target),
            state: Mutex::default(),
            unwanted: Unwanted::default(),
            given: Mutex::default(),
            owner: AtomicUsize::new(0),
        })
    }

    /// The same settings and the same target, and no connection yet.
    pub(super) fn another(&self) -> Arc<Shared> {
        Shared::new(self.settings.clone(), self.target().clone())
    }

    pub(super) fn target(&self) -> MutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to be used, of a proxy that makes none.
    #[cfg(unix)]
    pub(super) fn give_stream(&self, stream: Stream) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }

    /// Waits for the call that is on its way.
    pub(super) fn state(&self) -> Held<'_> {
        let state = match self.take_state() {
            Some(state) => state,
            None => {
                let wait = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
                self.settings.hooks.wait(wait)
            }
        };
        self.hold(state)
    }

    /// The state, unless a call is on its way.
    pub(super) fn try_state(&self) -> Option<Held<'_>> {
        self.take_state().map(|state| self.hold(state))
    }

    /// Whether it is this very thread that holds the state: in a hook, or in code that writes an argument or reads a result, it would wait for itself.
    pub(super) fn is_within(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == this_thread()
    }

    fn refuse_within(&self) -> Result<()> {
        match self.is_within() {
            true => Err(Error::new(ErrorKind::Runtime, USED_WITHIN)),
            false => Ok(()),
        }
    }

    fn hold<'s>(&'s self, state: MutexGuard<'s, State>) -> Held<'s> {
        self.owner.store(this_thread(), Ordering::Relaxed);
        Held {
            state,
            _afterwards: Afterwards(self),
        }
    }

    /// As `try_state`, and nothing happens afterwards.
    pub(super) fn take_state(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// Makes a call. After an error of the connection it is sent again, on a new one, as often as `retries` says.
    pub(super) fn call<R: Reading, A: Arguments>(
        self: &Arc<Self>,
        call: &Outgoing<'_, A>,
        retries: u32,
        mut reading: R,
    ) -> Result<R::Result> {
        self.refuse_within()?;
        let luggage = Luggage::take();
        let mut state = self.state();
        let mut tries_left = retries;
        let answer = loop {
            match self.once(&mut state, call, &luggage, &mut reading) {
                Err(error) if tries_left > 0 && is_transient(&error) && !call.is_oneway(&self.target()) => {
                    tries_left -= 1
                }
                other => break other?,
            }
        };
        drop(state);
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Stream(id) => reading.stream(RemoteStream(Source::Proxy(RemoteItems::new(Arc::clone(self), id)))),
        }
    }

    /// The link is taken out while it is in use, so that a panic on the way (in a hook) ends the connection.
    fn once<R: Reading, A: Arguments>(
        &self,
        state: &mut State,
        call: &Outgoing<'_, A>,
        luggage: &Luggage,
        reading: &mut R,
    ) -> Result<Answer<R::Result>> {
        let mut link = match state.link.take() {
            Some(link) => link,
            None => {
                let link = self.connect(state, luggage)?;
                // What the server's greeting brought is not the answer of the call.
                context::forget_response();
                link
            }
        };
        let result = link.perform(call, luggage, &self.settings.hooks, reading);
        state.seq = link.conversation.session.seq();
        if !result.as_ref().is_err_and(ends_connection) {
            state.link = Some(link);
        }
        result
    }

    /// Makes sure that there is a connection, and shows it.
    pub(super) fn with_link<T>(&self, read: impl FnOnce(&Link) -> T) -> Result<T> {
        self.refuse_within()?;
        let mut state = self.state();
        let link = match state.link.take() {
            Some(link) => link,
            None => Luggage::lend(|luggage| self.connect(&mut state, luggage))?,
        };
        Ok(read(state.link.insert(link)))
    }

    fn connect(&self, state: &mut State, luggage: &Luggage) -> Result<Box<Link>> {
        let target = self.target().clone();
        let mut link = self.settings.hooks.wait(|| {
            if target.uri.host() == Some(CONNECTED_SOCKET) {
                let stream = self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.settings.take_over(stream, &target, state.seq, luggage)
            } else {
                self.settings.connect(&target, state.seq, luggage)
            }
        })?;
        if let Some(metadata) = &link.conversation.metadata {
            self.target().metadata = Arc::clone(metadata);
        }
        if state.was_connected {
            link = self.tell_of_reconnect(target, link)?;
        }
        state.was_connected = true;
        Ok(link)
    }

    /// Lends the connection to the program's hook, which may make calls over it.
    fn tell_of_reconnect(&self, target: Target, link: Box<Link>) -> Result<Box<Link>> {
        let Some(hook) = &self.settings.hooks.on_reconnect else {
            return Ok(link);
        };
        let mut settings = self.settings.clone();
        settings.hooks.on_reconnect = None;
        let borrowed = Shared::new(settings, target);
        borrowed.state().link = Some(link);
        hook(&Proxy::from(Arc::clone(&borrowed)))?;
        let returned = borrowed.state().link.take();
        returned.ok_or_else(failure::lost_while_reconnecting)
    }
}

/// The state, for as long as somebody uses it. The fields are dropped in this order.
pub(super) struct Held<'s> {
    state: MutexGuard<'s, State>,
    _afterwards: Afterwards<'s>,
}

/// Closes the streams that were dropped meanwhile.
struct Afterwards<'s>(&'s Shared);

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self._afterwards.0.owner.store(0, Ordering::Relaxed);
    }
}

impl Drop for Afterwards<'_> {
    fn drop(&mut self) {
        self.0.close_unwanted();
    }
}

impl State {
    pub(super) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn link(&mut self) -> Option<&mut Link> {
        self.link.as_deref_mut()
    }

    pub(super) fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            self.seq = link.conversation.session.seq();
        }
    }
}
