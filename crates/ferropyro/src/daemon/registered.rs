//! Registered objects that know where they are registered, so that they can travel: whoever gets one gets a proxy for it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::ser::{self, Serialize, Serializer};

use crate::classes::proxy::ProxyState;
use crate::connection::Connection;
use crate::context::Context;
use crate::daemon::core::Core;
use crate::daemon::registry::Entry;
use crate::object::Object;
use crate::{Error, ErrorKind, Result, Uri, Value, uri};

/// An object that is registered with a daemon. In the arguments or the result of a call it becomes a proxy at the other end (Pyro's autoproxy, manual
/// chapter "Servers"), alone or in a list, dict or struct.
///
/// [`Daemon::share`](crate::Daemon::share) makes one; so does [`Context::lease`], whose objects live only as long as the connection of the client that got
/// them. It is a handle, and clones stand for the same object. Dropping it changes nothing: the daemon has the object until
/// [`Registered::unregister`]. The object itself is [`Registered::object`].
///
/// ```
/// use ferropyro::{Daemon, Proxy, Registered, expose};
///
/// struct Account(i64);
///
/// #[expose]
/// impl Account {
///     pub fn balance(&self) -> i64 {
///         self.0
///     }
/// }
///
/// struct Bank(Registered<Account>);
///
/// #[expose]
/// impl Bank {
///     pub fn account(&self) -> Registered<Account> {
///         self.0.clone()
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let account = daemon.share(Account(100))?;
/// let bank = Proxy::new(daemon.register("bank", Bank(account))?)?;
/// let _running = daemon.start();
/// let account: Proxy = bank.call("account", ())?;
/// assert_eq!(account.call::<i64>("balance", ())?, 100);
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub struct Registered<T> {
    object: Arc<T>,
    registration: Arc<Registration>,
}

struct Registration {
    core: Weak<Core>,
    id: String,
    /// The connection that the object lives as long as.
    lessee: Option<Weak<Connection>>,
}

impl<T: Object> Registered<T> {
    pub(crate) fn new(core: &Arc<Core>, id: &str, object: T) -> Result<Registered<T>> {
        let object = Arc::new(object);
        core.register(id, Entry::Object(Arc::clone(&object) as Arc<dyn Object>))?;
        let registration = Registration {
            core: Arc::downgrade(core),
            id: id.to_owned(),
            lessee: None,
        };
        Ok(Registered {
            object,
            registration: Arc::new(registration),
        })
    }

    fn leased(connection: &Arc<Connection>, object: T, time: Option<Duration>) -> Result<Registered<T>> {
        let core = connection.core.upgrade().ok_or_else(gone)?;
        let object = Arc::new(object);
        let id = uri::generate_object_id();
        core.register(&id, Entry::Object(Arc::clone(&object) as Arc<dyn Object>))?;
        let lessee = Arc::downgrade(connection);
        if let Some(time) = time {
            core.leases.add(&id, &lessee, time);
        }
        // The last step: from now on the end of the connection finds all that there is to undo.
        if let Err(error) = connection.lease(&id, core.config.max_leases) {
            core.leases.forget([id.as_str()]);
            core.registry.remove(&id);
            return Err(error);
        }
        let registration = Registration {
            core: Arc::downgrade(&core),
            id,
            lessee: Some(lessee),
        };
        Ok(Registered {
            object,
            registration: Arc::new(registration),
        })
    }
}

impl<T: Object> Registered<T> {
    /// The object, which lives as long as somebody holds it, registered or not.
    pub fn object(&self) -> &Arc<T> {
        &self.object
    }

    /// The id under which the object is registered.
    pub fn id(&self) -> &str {
        &self.registration.id
    }

    /// The URI that clients use, as [`Daemon::uri_for`](crate::Daemon::uri_for) gives it.
    ///
    /// # Errors
    /// `Daemon` when the daemon is gone, or has the object no more.
    pub fn uri(&self) -> Result<Uri> {
        self.core()?.uri_for(self.id())
    }

    /// The URI with the daemon's own address, as [`Daemon::internal_uri_for`](crate::Daemon::internal_uri_for) gives it.
    ///
    /// # Errors
    /// As for [`Registered::uri`].
    pub fn internal_uri(&self) -> Result<Uri> {
        Ok(Uri::pyro(self.id(), self.core()?.location.clone())?)
    }

    /// The daemon, as long as it has the object.
    fn core(&self) -> Result<Arc<Core>> {
        let core = self.registration.core()?;
        if !core.registry.has(self.id(), &*self.object) {
            return Err(Error::new(ErrorKind::Daemon, "object isn't registered in this daemon"));
        }
        Ok(core)
    }

    /// Whether the daemon still has the object: it was not unregistered, and its lease has not ended.
    pub fn is_registered(&self) -> bool {
        let core = self.registration.core.upgrade();
        core.is_some_and(|core| core.registry.has(self.id(), &*self.object))
    }

    /// Takes the object out of the daemon, before its lease ends if it has one: proxies for it get `unknown object` from now on. Harmless when it is
    /// out already.
    pub fn unregister(&self) {
        if let Some(lessee) = self.registration.lessee.as_ref().and_then(Weak::upgrade) {
            lessee.end_lease(self.id());
        }
        if let Some(core) = self.registration.core.upgrade() {
            core.leases.forget([self.id()]);
            core.registry.remove_object(self.id(), &*self.object);
        }
    }
}

impl Registration {
    fn core(&self) -> Result<Arc<Core>> {
        self.core.upgrade().ok_or_else(gone)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Daemon, "the daemon is gone")
}

impl Context {
    /// Registers an object that is made only to be given to the caller, as (part of) the result of this call: it lives as long as the caller's connection, and the daemon
    /// drops it when that ends, however it ends. [`Registered::unregister`] drops it before.
    ///
    /// The proxy that the caller gets opens a connection of its own; it is the connection of the call at hand that counts.
    ///
    /// # Errors
    /// `Pyro` when the connection has ended already, as it may have in a oneway call; `Daemon` when the daemon is gone; `Runtime` when the client has
    /// as many leases as it may (MAX_LEASES).
    ///
    /// ```
    /// use ferropyro::{Context, Raise, Registered, expose};
    ///
    /// struct Cursor;
    ///
    /// #[expose]
    /// impl Cursor {
    ///     pub fn row(&self) -> u32 {
    ///         1
    ///     }
    /// }
    ///
    /// struct Database;
    ///
    /// #[expose]
    /// impl Database {
    ///     pub fn query(&self, context: &Context) -> Result<Registered<Cursor>, Raise> {
    ///         Ok(context.lease(Cursor)?)
    ///     }
    /// }
    /// ```
    pub fn lease<T: Object>(&self, object: T) -> Result<Registered<T>> {
        Registered::leased(self.connection(), object, None)
    }

    /// As [`Context::lease`], but at most for this time. It is looked after every POLLTIMEOUT.
    ///
    /// # Errors
    /// As for [`Context::lease`].
    pub fn lease_for<T: Object>(&self, time: Duration, object: T) -> Result<Registered<T>> {
        Registered::leased(self.connection(), object, Some(time))
    }
}

/// The leases that end at some time, by the ids of their objects.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<String, Lease>>);

struct Lease {
    /// `None` is never.
    ends: Option<Instant>,
    lessee: Weak<Connection>,
}

impl Leases {
    fn add(&self, id: &str, lessee: &Weak<Connection>, time: Duration) {
        let lease = Lease {
            ends: Instant::now().checked_add(time),
            lessee: Weak::clone(lessee),
        };
        self.lock().insert(id.to_owned(), lease);
    }

    /// These have ended in another way: nothing of them may stay until their time is over.
    pub(crate) fn forget<'i>(&self, ids: impl IntoIterator<Item = &'i str>) {
        let mut leases = self.lock();
        for id in ids {
            leases.remove(id);
        }
    }

    /// Takes the leases away that are over, and gives the ids of their objects.
    pub(crate) fn take_ended(&self) -> Vec<String> {
        let now = Instant::now();
        let ended: Vec<(String, Lease)> = self
            .lock()
            .extract_if(|_, lease| lease.ends.is_some_and(|ends| ends <= now))
            .collect();
        let mut ids = Vec::new();
        for (id, lease) in ended {
            if let Some(lessee) = lease.lessee.upgrade() {
                lessee.end_lease(&id);
            }
            ids.push(id);
        }
        ids
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Object> Serialize for Registered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let core = self.registration.core().map_err(ser::Error::custom)?;
        if !core.config.autoproxy {
            let text =
                "a registered object does not travel as a proxy, because the setting AUTOPROXY is off: send its URI";
            return Err(ser::Error::custom(text));
        }
        let metadata = core
            .registry
            .has(self.id(), &*self.object)
            .then(|| core.metadata(self.id()));
        let metadata = metadata.and_then(std::result::Result::ok).ok_or_else(|| {
            let id = self.id();
            ser::Error::custom(format_args!(
                "the object {id} is not registered any more, so there can be no proxy for it"
            ))
        })?;
        let uri = core.uri_for(self.id()).map_err(ser::Error::custom)?;
        let state = ProxyState {
            uri: Cow::Owned(uri),
            metadata: Cow::Owned(metadata),
            handshake: Cow::Owned(Value::from("hello")),
            serializer: None,
        };
        state.serialize(serializer)
    }
}

impl<T> Clone for Registered<T> {
    fn clone(&self) -> Registered<T> {
        Registered {
            object: Arc::clone(&self.object),
            registration: Arc::clone(&self.registration),
        }
    }
}

impl<T: Object> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registered({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_of_a_lease_that_has_ended() {
        const LONG: Duration = Duration::from_secs(1_000_000);
        let leases = Leases::default();
        for (id, time) in [("one", LONG), ("two", LONG), ("three", LONG), ("over", Duration::ZERO)] {
            leases.add(id, &Weak::new(), time);
        }
        leases.forget(["two", "unknown"]);
        assert_eq!(leases.take_ended(), ["over"]);
        leases.forget(["three", "one"]);
        assert!(leases.lock().is_empty());
    }
}
