//! Connections to objects, and which of them are used again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferropyro::{InstanceMode, Metadata, Serializer, Uri, aio};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::gateway::Core;

/// How long a connection is kept that nobody uses.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// How long an object is known as one whose connections cannot be used again.
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
    pub(crate) uri: Uri,
    /// Whether one instance serves all.
    is_for_all: bool,
}

/// Those that nobody uses at present.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    idle: HashMap<Uri, Vec<(Connection, Instant)>>,
    /// Objects whose connections are not used again, and since when that is known.
    not_for_all: HashMap<Uri, Instant>,
    /// Whether somebody will drop those that were kept for too long.
    is_swept: bool,
}

impl Connection {
    /// To an object that is there.
    pub(crate) async fn to(core: &Core, uri: Uri) -> Result<Connection, Failure> {
        if let Some(kept) = core.connections.take(&uri) {
            core.metrics.reused.add();
            return Ok(kept);
        }
        core.metrics.opened.add();
        let proxy = aio::Proxy::builder()
            .config(core.settings.config.clone())
            .serializer(Serializer::Json)
            .hmac_key(&core.settings.hmac_key)
            .build_async(uri.clone())?;
        Ok(Connection {
            metadata: Arc::new(proxy.metadata().await?),
            proxy,
            uri,
            is_for_all: false,
        })
    }

    /// The request is done with it.
    pub(crate) fn done(self, core: &Arc<Core>) {
        match core.settings.reuse {
            // It has broken.
            _ if !self.proxy.is_free() => {}
            Reuse::Never => {}
            Reuse::Always => core.keep(self),
            Reuse::WhereKnown if self.is_for_all => core.keep(self),
            Reuse::WhereKnown if core.connections.is_not_for_all(&self.uri) => {}
            // Nobody waits for that.
            Reuse::WhereKnown => drop(tokio::spawn(self.find_out(Arc::clone(core)))),
        }
    }

    /// Asks the object's server whether one instance serves all.
    async fn find_out(mut self, core: Arc<Core>) {
        let told = self.proxy.describe().await.ok().flatten();
        self.is_for_all = told.is_some_and(|told| told.instance_mode == InstanceMode::Single);
        match self.is_for_all {
            true => core.keep(self),
            false => core.connections.remember_not_for_all(self.uri),
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
        self.state().idle.values().map(Vec::len).sum()
    }

    fn take(&self, uri: &Uri) -> Option<Connection> {
        loop {
            let (connection, _) = self.state().idle.get_mut(uri)?.pop()?;
            if connection.proxy.is_free() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for later. Gives whether somebody has to begin sweeping.
    fn put_back(&self, connection: Connection, most: usize) -> bool {
        let mut state = self.state();
        let kept = state.idle.entry(connection.uri.clone()).or_default();
        if kept.len() >= most {
            return false;
        }
        kept.push((connection, Instant::now()));
        !std::mem::replace(&mut state.is_swept, true)
    }

    /// Drops those that were kept for too long. Gives whether none is left, and nobody sweeps any more.
    fn sweep(&self) -> bool {
        let mut state = self.state();
        state.idle.retain(|_, kept| {
            kept.retain(|(_, since)| since.elapsed() < KEPT_FOR);
            !kept.is_empty()
        });
        state.is_swept = !state.idle.is_empty();
        !state.is_swept
    }

    fn is_not_for_all(&self, uri: &Uri) -> bool {
        let known = self.state().not_for_all.get(uri).copied();
        known.is_some_and(|since| since.elapsed() < KNOWN_FOR)
    }

    fn remember_not_for_all(&self, uri: Uri) {
        let mut state = self.state();
        if state.not_for_all.len() >= MOST_KNOWN {
            state.not_for_all.clear();
        }
        state.not_for_all.insert(uri, Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
