//! A client's connection as the program may see it: who is there, and what is to be freed when it ends.

use std::any::Any;
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use indexmap::IndexMap;

use crate::context::{self, Context};
use crate::daemon::core::Core;
use crate::panics::contain;
use crate::peer::Peer;
use crate::tls::Certificate;
use crate::{Error, ErrorKind, Result};

/// Something to be closed when the connection of the client that uses it ends, however it ends: see [`Connection::track_resource`].
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Shutter(AtomicBool);
///
/// impl ferropyro::Resource for Shutter {
///     fn close(&self) {
///         self.0.store(false, Ordering::Relaxed);
///     }
/// }
/// ```
pub trait Resource: Any + Send + Sync {
    /// Frees what is held. A panic here does not keep the other resources from being closed.
    fn close(&self);
}

/// The connection of a client with a daemon.
pub struct Connection {
    number: u64,
    peer: Peer,
    certificate: OnceLock<Arc<Certificate>>,
    pub(crate) core: Weak<Core>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    /// By their addresses, which nobody else has as long as there is a weak reference.
    resources: IndexMap<usize, Weak<dyn Resource>>,
    /// With so many it is time to forget those that are gone.
    resources_to_look_after: usize,
    /// The ids of objects that live as long as the connection.
    leases: HashSet<String>,
    /// The ids of the item streams that the client got.
    streams: HashSet<String>,
}

/// What a connection leaves behind.
pub(crate) struct Estate {
    pub(crate) leases: Vec<String>,
    pub(crate) streams: Vec<String>,
}

impl Connection {
    pub(crate) fn new(peer: Peer, core: &Arc<Core>) -> Arc<Connection> {
        Connection::with(peer, Arc::downgrade(core))
    }

    /// With nobody, and no daemon.
    pub(crate) fn detached() -> Arc<Connection> {
        Connection::with(Peer::Nobody, Weak::new())
    }

    fn with(peer: Peer, core: Weak<Core>) -> Arc<Connection> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Connection {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            peer,
            certificate: OnceLock::new(),
            core,
            state: Mutex::default(),
        })
    }

    /// Where the client is.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Who the client is, if that was demanded (`SSL_REQUIRECLIENTCERT`); `None` otherwise.
    pub fn peer_certificate(&self) -> Option<&Certificate> {
        self.certificate.get().map(Arc::as_ref)
    }

    /// The client has shown this certificate.
    pub(crate) fn set_certificate(&self, certificate: Arc<Certificate>) {
        // It is shown once, at the beginning.
        let _ = self.certificate.set(certificate);
    }

    /// A number that no other connection of this program has.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether the connection has ended. Calls that were under way, and oneway calls, may still run.
    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Ties a resource to this connection (Pyro's `track_resource`, since 4.63): when the connection ends, its [`Resource::close`] is called, once.
    ///
    /// Tracking does not keep the resource alive. Once nobody else holds it, it is dropped as always and `close` is not called.
    ///
    /// # Errors
    /// `Pyro` when the connection has ended already.
    pub fn track_resource<R: Resource>(&self, resource: &Arc<R>) -> Result<()> {
        let weak: Weak<dyn Resource> = Arc::downgrade(resource) as _;
        let mut state = self.state();
        if state.is_closed {
            let text = "cannot track a resource: the client's connection has ended already";
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        if state.resources.len() >= state.resources_to_look_after {
            state.resources.retain(|_, known| known.strong_count() > 0);
            state.resources_to_look_after = 2 * state.resources.len() + 16;
        }
        state.resources.insert(address(resource), weak);
        Ok(())
    }

    /// Takes a resource out again; harmless when it is not tracked.
    pub fn untrack_resource<R: Resource>(&self, resource: &Arc<R>) {
        self.state().resources.swap_remove(&address(resource));
    }

    /// The resources that are tracked and alive. Which ones they are tells `(resource as Arc<dyn Any + Send + Sync>).downcast::<Telescope>()`.
    pub fn tracked_resources(&self) -> Vec<Arc<dyn Resource>> {
        self.state().resources.values().filter_map(Weak::upgrade).collect()
    }

    /// Ties the life of a registered object to this connection.
    pub(crate) fn lease(&self, id: &str, most: Option<usize>) -> Result<()> {
        let mut state = self.state();
        if state.is_closed {
            let text = "cannot lease an object to a client whose connection has ended already";
            return Err(Error::new(ErrorKind::Pyro, text));
        }
        if let Some(most) = most.filter(|most| state.leases.len() >= *most) {
            let text = format!("this connection has {most} leased objects, and may not have more (setting MAX_LEASES)");
            return Err(Error::new(ErrorKind::Runtime, text));
        }
        state.leases.insert(id.to_owned());
        Ok(())
    }

    /// The object lives on without the connection, or is gone.
    pub(crate) fn end_lease(&self, id: &str) {
        self.state().leases.remove(id);
    }

    /// The client gets an item stream. False when it has so many already, and when the connection has ended: nobody would ever end the stream then.
    pub(crate) fn add_stream(&self, id: &str, most: Option<usize>) -> bool {
        let mut state = self.state();
        let has_room = !state.is_closed && most.is_none_or(|most| state.streams.len() < most);
        if has_room {
            state.streams.insert(id.to_owned());
        }
        has_room
    }

    pub(crate) fn remove_stream(&self, id: &str) {
        self.state().streams.remove(id);
    }

    /// The connection is over: nothing more can be tied to it.
    pub(crate) fn set_closed(&self) {
        self.state().is_closed = true;
    }

    /// Frees what was tied to the connection: closes the resources, and gives what has to end somewhere else.
    pub(crate) fn close(&self) -> Estate {
        let closed = State {
            is_closed: true,
            ..State::default()
        };
        let State {
            resources,
            leases,
            streams,
            ..
        } = std::mem::replace(&mut *self.state(), closed);
        for resource in resources.values().filter_map(Weak::upgrade) {
            contain("closing a resource", || {
                resource.close();
                drop(resource);
            });
        }
        Estate {
            leases: leases.into_iter().collect(),
            streams: streams.into_iter().collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// Ties a resource to the caller's connection, see [`Connection::track_resource`].
    ///
    /// # Errors
    /// `Pyro` when the connection has ended already, as it may have in a oneway call.
    pub fn track_resource<R: Resource>(&self, resource: &Arc<R>) -> Result<()> {
        self.connection().track_resource(resource)
    }

    /// Takes a resource out again; harmless when it is not tracked.
    pub fn untrack_resource<R: Resource>(&self, resource: &Arc<R>) {
        self.connection().untrack_resource(resource);
    }
}

/// Ties a resource to the connection of the call that this thread serves, see [`Connection::track_resource`].
///
/// # Errors
/// `Pyro` outside of a remote call, and when the connection has ended already.
pub fn track_resource<R: Resource>(resource: &Arc<R>) -> Result<()> {
    match context::current() {
        Some(context) => context.track_resource(resource),
        None => Err(Error::new(
            ErrorKind::Pyro,
            "cannot track resource on a connectionless call",
        )),
    }
}

/// Takes a resource out again; harmless when it is not tracked, and outside of a remote call.
pub fn untrack_resource<R: Resource>(resource: &Arc<R>) {
    if let Some(context) = context::current() {
        context.untrack_resource(resource);
    }
}

fn address<R>(resource: &Arc<R>) -> usize {
    Arc::as_ptr(resource).addr()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} from {})", self.number, self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_has_ended_takes_nothing_more() {
        let connection = Connection::detached();
        assert!(connection.add_stream("one", Some(1)) && connection.lease("one", None).is_ok());
        assert!(!connection.add_stream("two", Some(1)));
        connection.set_closed();
        let Estate { leases, streams } = connection.close();
        assert_eq!((leases, streams), (vec!["one".to_owned()], vec!["one".to_owned()]));
        assert!(!connection.add_stream("two", None) && connection.lease("two", None).is_err());
    }
}
