//! The inside of an async proxy: the connection that its calls queue for.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard as StdMutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};

use super::Proxy;
use super::connect::connect;
#[cfg(unix)]
use super::connected::take_over;
use super::items::RemoteItems;
use super::link::Link;
#[cfg(unix)]
use crate::ConnectedSocket;
use crate::arguments::Arguments;
use crate::context::{self, Luggage};
use crate::logging::logger;
use crate::proxy::closing::Unwanted;
use crate::proxy::conversation::{Answer, Outgoing};
use crate::proxy::failure::{self, ends_connection, is_transient};
use crate::proxy::items::{RemoteStream, Source};
use crate::proxy::reply::Reading;
use crate::proxy::settings::{Settings, Target};
#[cfg(unix)]
use crate::transport::CONNECTED_SOCKET;
use crate::{Error, ErrorKind, Result};

/// The inside of a proxy, which the streams that came from it hold as well.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// Apart from the connection, so that nobody has to wait for a call in order to know it.
    target: StdMutex<Target>,
    state: Mutex<State>,
    /// The streams that have to be closed when nobody holds the state any more.
    unwanted: Unwanted,
    /// The connection that the program has made itself, before it is used.
    #[cfg(unix)]
    given: StdMutex<Option<ConnectedSocket>>,
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
            target: StdMutex::new(target),
            state: Mutex::default(),
            unwanted: Unwanted::default(),
            #[cfg(unix)]
            given: StdMutex::default(),
        })
    }

    /// The same settings and the same target, and no connection yet.
    pub(super) fn another(&self) -> Arc<Shared> {
        Shared::new(self.settings.clone(), self.target().clone())
    }

    pub(super) fn target(&self) -> StdMutexGuard<'_, Target> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to be used, of a proxy that makes none.
    #[cfg(unix)]
    pub(super) fn give_socket(&self, socket: ConnectedSocket) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
    }

    /// Waits for the calls that came before.
    pub(super) async fn state(&self) -> Held<'_> {
        // Made first, since it may have become this one's turn when it is given up.
        let afterwards = Afterwards(self);
        Held {
            state: self.state.lock().await,
            _afterwards: afterwards,
        }
    }

    /// Whether there is a connection; `None` while a call is on its way.
    pub(super) fn is_connected_now(&self) -> Option<bool> {
        let state = self.state.try_lock().ok()?;
        let held = Held {
            state,
            _afterwards: Afterwards(self),
        };
        Some(held.is_connected())
    }

    /// Whether a call could begin at once on the connection, as far as this end knows.
    pub(super) fn is_free(self: &Arc<Self>) -> bool {
        if Arc::strong_count(self) > 1 {
            return false;
        }
        let Ok(state) = self.state.try_lock() else {
            return false;
        };
        let mut held = Held {
            state,
            _afterwards: Afterwards(self),
        };
        held.link.as_mut().is_some_and(|link| link.stream.is_silent())
    }

    /// Makes a call. After an error of the connection it is sent again, on a new one, as often as `retries` says.
    ///
    /// The call is borrowed for changing only so that the future can go to other threads when the arguments can.
    pub(super) async fn call<R: Reading, A: Arguments>(
        self: &Arc<Self>,
        call: &mut Outgoing<'_, A>,
        luggage: &Luggage,
        retries: u32,
        mut reading: R,
    ) -> Result<R::Result> {
        let mut state = self.state().await;
        let mut tries_left = retries;
        let answer = loop {
            match self.once(&mut state, call, luggage, &mut reading).await {
                Err(error) if tries_left > 0 && is_transient(&error) && !call.is_oneway(&self.target()) => {
                    tries_left -= 1;
                }
                other => break other?,
            }
        };
        drop(state);
        match answer {
            Answer::Result(result) => Ok(result),
            Answer::Stream(id) => reading.stream(RemoteStream(Source::Aio(RemoteItems::new(Arc::clone(self), id)))),
        }
    }

    /// The link is taken out while it is in use, so that dropping this future ends the connection, as does a panic in a hook.
    async fn once<R: Reading, A: Arguments>(
        &self,
        state: &mut State,
        call: &mut Outgoing<'_, A>,
        luggage: &Luggage,
        reading: &mut R,
    ) -> Result<Answer<R::Result>> {
        let mut link = match state.link.take() {
            Some(link) => link,
            None => {
                let link = self.connect(state, luggage).await?;
                // What the server's greeting brought is not the answer of the call.
                context::forget_response();
                link
            }
        };
        link.timeout = self.target().timeout;
        let result = link.perform(call, luggage, &self.settings.hooks, reading).await;
        state.seq = link.conversation.session.seq();
        if !result.as_ref().is_err_and(ends_connection) {
            link.rest();
            state.link = Some(link);
        }
        result
    }

    /// Makes sure that there is a connection, and shows it.
    pub(super) async fn with_link<T>(&self, read: impl FnOnce(&Link) -> T) -> Result<T> {
        let luggage = Luggage::lend(Luggage::clone);
        let mut state = self.state().await;
        let link = match state.link.take() {
            Some(link) => link,
            None => self.connect(&mut state, &luggage).await?,
        };
        Ok(read(state.link.insert(link)))
    }

    /// In a box, since it is rare and large.
    async fn connect(&self, state: &mut State, luggage: &Luggage) -> Result<Box<Link>> {
        let connected = Box::pin(self.try_to_connect(state, luggage)).await;
        if connected.is_err() {
            context::forget_response();
        }
        connected
    }

    async fn try_to_connect(&self, state: &mut State, luggage: &Luggage) -> Result<Box<Link>> {
        require_runtime()?;
        let target = self.target().clone();
        let mut link = Box::new(self.new_link(&target, state.seq, luggage).await?);
        if let Some(metadata) = &link.conversation.metadata {
            self.target().metadata = Arc::clone(metadata);
        }
        if state.was_connected {
            link = self.tell_of_reconnect(target, link).await?;
        }
        state.was_connected = true;
        Ok(link)
    }

    #[cfg(unix)]
    async fn new_link(&self, target: &Target, seq: u16, luggage: &Luggage) -> Result<Link> {
        if target.uri.host() == Some(CONNECTED_SOCKET) {
            let socket = self.given.lock().unwrap_or_else(PoisonError::into_inner).take();
            return take_over(&self.settings, socket, target, seq, luggage).await;
        }
        connect(&self.settings, target, seq, luggage).await
    }

    #[cfg(not(unix))]
    async fn new_link(&self, target: &Target, seq: u16, luggage: &Luggage) -> Result<Link> {
        connect(&self.settings, target, seq, luggage).await
    }

    /// Lends the connection to the program's hook, which may make calls over it.
    async fn tell_of_reconnect(&self, target: Target, link: Box<Link>) -> Result<Box<Link>> {
        let Some(hook) = &self.settings.hooks.on_reconnect_async else {
            return Ok(link);
        };
        let mut settings = self.settings.clone();
        settings.hooks.on_reconnect_async = None;
        let borrowed = Shared::new(settings, target);
        borrowed.state().await.link = Some(link);
        hook(Proxy::from(Arc::clone(&borrowed))).await?;
        let returned = borrowed.state().await.link.take();
        returned.ok_or_else(failure::lost_while_reconnecting)
    }

    /// Closes a stream: at once, or, when a call is on its way, after that. Waits for nothing.
    pub(super) fn close_stream(&self, id: String) {
        self.unwanted.add(id);
        self.close_unwanted();
    }

    /// Whoever lets go of the connection calls this, and whoever adds a stream: so either of them sees it, however their steps mix.
    fn close_unwanted(&self) {
        while self.unwanted.are_there() {
            let Ok(mut state) = self.state.try_lock() else { return };
            let unwanted = self.unwanted.take();
            // Without a connection they are forgotten: the server drops the streams of one that has been gone for a while.
            let Some(link) = &mut state.link else { continue };
            if let Err(error) = link.close_streams(&unwanted) {
                tracing::debug!(target: logger::CLIENT, "item streams could not be closed: {error}");
                state.disconnect();
            }
        }
    }
}

/// Without one tokio's sockets panic.
pub(super) fn require_runtime() -> Result<()> {
    let text = "an aio::Proxy can only be used in a tokio runtime";
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::Pyro, text)),
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

impl Drop for Afterwards<'_> {
    fn drop(&mut self) {
        self.0.close_unwanted();
    }
}

impl State {
    pub(super) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub(super) fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            self.seq = link.conversation.session.seq();
        }
    }
}

#[cfg(test)]
#[allow(unreachable_pub)] // #[expose] goes by `pub`
mod tests {
    use crate::{Bytes, Daemon, Result, expose};

    use super::*;

    struct Echo;

    #[expose(crate = crate)]
    impl Echo {
        pub fn echo(&self, data: Bytes) -> Bytes {
            data
        }
    }

    #[tokio::test]
    async fn an_idle_proxy_holds_little_memory() -> Result<()> {
        let daemon = Daemon::new()?;
        let uri = daemon.register("echo", Echo)?;
        let _running = daemon.start();
        let proxy = Proxy::new(uri)?;
        for size in [1, 10_000, 5_000_000] {
            let data = Bytes::from(vec![7; size]);
            let back: Bytes = proxy.call("echo", (&data,)).await?;
            assert_eq!(back, data);
            let held = proxy
                .shared
                .with_link(|link| link.conversation.inbox.capacity() + link.conversation.out.capacity())
                .await?;
            assert!(held <= 16 << 10, "{held} bytes after {size}");
        }
        Ok(())
    }
}
