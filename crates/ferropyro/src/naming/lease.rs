//! Names that go when the program goes that registered them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::NameServer;
use crate::logging::logger;
use crate::{Error, ErrorKind, Result, Uri};

/// A registration that is kept alive in the background, see [`NameServer::register_leased`]. Dropping it takes the name out.
pub struct Lease {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    nameserver: NameServer,
    name: String,
    uri: Uri,
    metadata: BTreeSet<String>,
    ttl: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    /// Why the name is not kept at the moment.
    trouble: Option<Error>,
}

impl Lease {
    pub(super) fn new(
        nameserver: NameServer,
        name: &str,
        uri: &Uri,
        ttl: Duration,
        metadata: &BTreeSet<String>,
    ) -> Result<Lease> {
        let shared = Arc::new(Shared {
            nameserver,
            name: name.to_owned(),
            uri: uri.clone(),
            metadata: metadata.clone(),
            ttl,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        shared.register()?;
        let keeper = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.keep())
        };
        Ok(Lease {
            shared,
            keeper: Some(keeper),
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Why the name is not kept alive at the moment, if it is not: the name server cannot be reached, or somebody else has the name now.
    pub fn trouble(&self) -> Option<Error> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .trouble
            .clone()
    }
}

impl Shared {
    fn register(&self) -> Result<()> {
        self.nameserver
            .register_for(&self.name, &self.uri, true, &self.metadata, self.ttl)
    }

    /// Renews three times within the time to live, so that one failure does no harm.
    fn keep(&self) {
        while !self.wait(self.ttl / 3) {
            let trouble = self.renew().err();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match (&trouble, &state.trouble) {
                (Some(error), None) => {
                    tracing::warn!(target: logger::NAMING, "the name {} is not kept alive: {error}", self.name);
                }
                (None, Some(_)) => tracing::info!(target: logger::NAMING, "the name {} is kept alive again", self.name),
                _ => {}
            }
            state.trouble = trouble;
        }
    }

    fn renew(&self) -> Result<()> {
        if self.nameserver.renew(&self.name, &self.uri)? {
            return Ok(());
        }
        // It is gone: the name server was away for longer than the time to live, or has forgotten everything. Or it is somebody else's now.
        self.register().map_err(|error| match error.as_remote() {
            Some(_) => Error::new(ErrorKind::Naming, format!("the name {} is taken", self.name)).caused_by(error),
            None => error,
        })
    }

    /// Waits for the end; false when it has not come in this time.
    fn wait(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.is_over);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shared = &self.shared;
        shared.state.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        shared.changed.notify_all();
        if let Some(keeper) = self.keeper.take() {
            // A panic has been reported where it happened.
            let _ = keeper.join();
        }
        let is_ours = shared
            .nameserver
            .lookup(&shared.name)
            .is_ok_and(|uri| uri == shared.uri);
        if is_ours && let Err(error) = shared.nameserver.remove(&shared.name) {
            tracing::debug!(target: logger::NAMING, "the name {} goes later: {error}", shared.name);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({} -> {})", self.shared.name, self.shared.uri)
    }
}
