//! Connections to objects, and which of them are used again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferropyro::{InstanceMode, Metadata, Serializer, Uri, aio};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;
use crate::gateway::Core;

/// How long a connection is kept that nobody uses.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// The most of them, of all objects.
const MOST_IDLE: usize = 1024;
/// How long an object's server may take to tell whether one instance serves all.
const TELLING: Duration = Duration::from_secs(5);
/// How long what is known of an object counts: its members, and whether its connections can be used again.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// The most objects of which that is known.
const MOST_KNOWN: usize = 10_000;

/// Whether requests use connections to objects that earlier ones have made. An object of the instance mode "session" is a new one for each connection: who
/// uses one again meets what others have left in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reuse {
    /// Each request makes its own, as Pyro's gateways do.
    Never,
    /// Where the object's server tells that one instance serves all, as those of this library do.
    #[default]
    WhereKnown,
    /// Of all objects.
    Always,
}

/// A connection to an object, for one request.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) proxy: aio::Proxy,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) uri: Arc<Uri>,
    /// Whether one instance serves all.
    is_for_all: bool,
    opened: Instant,
}

/// Those that nobody uses at present.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    idle: HashMap<Arc<Uri>, Vec<(Connection, Instant)>>,
    /// How many these are: every request asks.
    count: usize,
    /// Objects whose connections are not used again, and since when that is known.
    not_for_all: HashMap<Arc<Uri>, Instant>,
    /// Whether somebody will drop those that were kept for too long.
    is_swept: bool,
}

impl Connection {
    /// To an object that is there.
    pub(crate) async fn to(core: &Core, uri: Arc<Uri>) -> Result<Connection, Failure> {
        if let Some(kept) = core.connections.take(&uri) {
            core.metrics.reused.add();
            return Ok(kept);
        }
        core.metrics.opened.add();
        let proxy = aio::Proxy::builder()
            .config(core.settings.config.clone())
            .serializer(Serializer::Json)
            .hmac_key(&core.settings.hmac_key)
            .build_async(Uri::clone(&uri))?;
        Ok(Connection {
            metadata: Arc::new(proxy.metadata().await?),
            proxy,
            uri,
            is_for_all: false,
            opened: Instant::now(),
        })
    }

    /// The request is done with it.
    pub(crate) fn done(self, core: &Arc<Core>) {
        // It has broken; or it is as old as what is known of the object may be.
        if !self.proxy.is_free() || self.opened.elapsed() >= KNOWN_FOR {
            return;
        }
        match core.settings.reuse {
            Reuse::Never => {}
            Reuse::Always => core.keep(self),
            Reuse::WhereKnown if self.is_for_all => core.keep(self),
            // Nobody waits for that.
            Reuse::WhereKnown if core.connections.begins_to_ask(&self.uri) => {
                tokio::spawn(self.find_out(Arc::clone(core)));
            }
            Reuse::WhereKnown => {}
        }
    }

    /// Asks the object's server whether one instance serves all.
    async fn find_out(mut self, core: Arc<Core>) {
        let told = timeout(TELLING, self.proxy.describe()).await;
        let told = told.ok().and_then(Result::ok).flatten();
        self.is_for_all = told.is_some_and(|told| told.instance_mode == InstanceMode::Single);
        if self.is_for_all {
            core.connections.forget_not_for_all(&self.uri);
            core.keep(self);
        }
    }
}

impl Core {
    fn keep(self: &Arc<Core>, connection: Connection) {
        if self.connections.put_back(connection, self.settings.idle_connections) {
            let core = Arc::downgrade(self);
            tokio::spawn(async move {
                loop {
                    sleep(KEPT_FOR / 2).await;
                    let Some(core) = core.upgrade() else { return };
                    if core.connections.sweep() {
                        return;
                    }
                }
            });
        }
    }
}

impl Connections {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.state().count
    }

    fn take(&self, uri: &Uri) -> Option<Connection> {
        loop {
            let mut state = self.state();
            let (connection, _) = state.idle.get_mut(uri)?.pop()?;
            state.count -= 1;
            drop(state);
            if connection.proxy.is_free() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for later. Gives whether somebody has to begin sweeping.
    fn put_back(&self, connection: Connection, most: usize) -> bool {
        let mut state = self.state();
        if state.count >= MOST_IDLE {
            return false;
        }
        match state.idle.get_mut(&connection.uri) {
            Some(kept) if kept.len() >= most => return false,
            Some(kept) => kept.push((connection, Instant::now())),
            None if most == 0 => return false,
            None => {
                let uri = Arc::clone(&connection.uri);
                state.idle.insert(uri, vec![(connection, Instant::now())]);
            }
        }
        state.count += 1;
        !std::mem::replace(&mut state.is_swept, true)
    }

    /// Drops those that were kept for too long. Gives whether none is left, and nobody sweeps any more.
    fn sweep(&self) -> bool {
        let mut state = self.state();
        state.idle.retain(|_, kept| {
            kept.retain(|(_, since)| since.elapsed() < KEPT_FOR);
            !kept.is_empty()
        });
        state.count = state.idle.values().map(Vec::len).sum();
        state.is_swept = !state.idle.is_empty();
        !state.is_swept
    }

    /// Whether an object is one of which nothing is known. From now on it counts as one whose connections are not used again, until it has told otherwise.
    fn begins_to_ask(&self, uri: &Arc<Uri>) -> bool {
        let mut state = self.state();
        let known = state.not_for_all.get(uri);
        if known.is_some_and(|since| since.elapsed() < KNOWN_FOR) {
            return false;
        }
        if state.not_for_all.len() >= MOST_KNOWN {
            state.not_for_all.clear();
        }
        state.not_for_all.insert(Arc::clone(uri), Instant::now());
        true
    }

    fn forget_not_for_all(&self, uri: &Uri) {
        self.state().not_for_all.remove(uri);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
