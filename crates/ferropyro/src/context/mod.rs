//! The call context: what is known about the call that is being served, and what goes along with the calls that this thread makes
//! (Pyro's `current_context`, manual chapter "Tips & Tricks").
//!
//! On a server a method asks for its [`Context`] with a parameter of the type `&Context`, and code deeper down finds it with [`current`]. On a client
//! the functions of this module set what goes along with the calls of this thread:
//!
//! ```
//! use ferropyro::context;
//! use ferropyro::wire::AnnotationKey;
//!
//! let id = uuid::Uuid::new_v4();
//! context::set_correlation_id(Some(id)); // stays until it is changed
//! context::annotate(AnnotationKey::try_from("XYZZ")?, *b"magic"); // goes with the next call only
//! // ... proxy.call(...)
//! for (key, value) in context::response_annotations().iter() {
//!     println!("{key}: {} bytes came back", value.len());
//! }
//! assert_eq!(context::correlation_id(), Some(id));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! While a call is served, the calls that it makes itself carry its correlation id on, so that the id follows a chain of calls through
//! several servers. Nothing else is handed on, and nothing stays behind when the call is over.

mod ambient;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferropyro_wire::{AnnotationKey, Annotations, Dialect, Flags, OwnedAnnotations};
use uuid::Uuid;

pub use crate::connection::{track_resource, untrack_resource};
pub use ambient::{Entered, annotate, clear, correlation_id, current, response_annotations, set_correlation_id};
pub(crate) use ambient::{Luggage, Suspended, forget_response, remember_response};

use crate::Serializer;
use crate::connection::Connection;
use crate::peer::Peer;
use crate::tls::Certificate;

/// Annotations that are to be sent.
pub type AnnotationList = Vec<(AnnotationKey, Vec<u8>)>;

/// The call that is being served. A handle: clones stand for the same call, and may be kept and sent to other threads.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    connection: Arc<Connection>,
    facts: Facts,
    annotations: OwnedAnnotations,
    /// Whether there is anything in `response`: most calls add nothing, and need no lock to know it.
    has_response: AtomicBool,
    response: Mutex<AnnotationList>,
}

/// What the header of a request says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) dialect: Dialect,
    pub(crate) serializer: Serializer,
    pub(crate) seq: u16,
    pub(crate) flags: Flags,
    pub(crate) correlation_id: Uuid,
}

impl Context {
    pub(crate) fn new(connection: Arc<Connection>, facts: Facts, annotations: &Annotations<'_>) -> Context {
        Context(Arc::new(Inner {
            connection,
            facts,
            annotations: annotations.to_owned(),
            has_response: AtomicBool::new(false),
            response: Mutex::default(),
        }))
    }

    /// The context of no call, for programs that call the methods of their own objects, such as tests. Nothing can be leased with it, and its resources
    /// are not closed by anybody.
    pub fn detached() -> Context {
        let facts = Facts {
            dialect: Dialect::V502,
            serializer: Serializer::default(),
            seq: 0,
            flags: Flags::NONE,
            correlation_id: Uuid::new_v4(),
        };
        let none = OwnedAnnotations::EMPTY;
        Context::new(Connection::detached(), facts, &none.borrow())
    }

    /// Makes this the context of the connection's next call: in the same memory, unless somebody has kept it.
    pub(crate) fn renew(&mut self, facts: Facts, annotations: &Annotations<'_>) {
        match Arc::get_mut(&mut self.0) {
            Some(inner) => {
                inner.facts = facts;
                inner.annotations.replace(annotations);
                if std::mem::take(inner.has_response.get_mut()) {
                    let response = inner.response.get_mut().unwrap_or_else(PoisonError::into_inner);
                    response.clear();
                }
            }
            None => *self = Context::new(Arc::clone(&self.0.connection), facts, annotations),
        }
    }

    /// Where the caller is. Known from the moment of the connection, so it is right in a oneway call whose caller has gone, too.
    pub fn peer(&self) -> &Peer {
        self.0.connection.peer()
    }

    /// The caller's certificate, which has been checked, if the daemon demands certificates (`SSL_REQUIRECLIENTCERT`); `None` otherwise.
    pub fn peer_certificate(&self) -> Option<&Certificate> {
        self.0.connection.peer_certificate()
    }

    /// The connection that the call came over.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    /// The protocol that the caller speaks.
    pub fn dialect(&self) -> Dialect {
        self.0.facts.dialect
    }

    /// The serializer of the request, in which the answer goes back.
    pub fn serializer(&self) -> Serializer {
        self.0.facts.serializer
    }

    /// The sequence number of the request: one more at each call of a proxy, 0 after 65535.
    pub fn seq(&self) -> u16 {
        self.0.facts.seq
    }

    /// The flags of the request.
    pub fn flags(&self) -> Flags {
        self.0.facts.flags
    }

    /// The id that follows a chain of calls; made by the server when the caller sent none.
    pub fn correlation_id(&self) -> Uuid {
        self.0.facts.correlation_id
    }

    /// The annotations of the request, those of Pyro itself among them.
    pub fn annotations(&self) -> Annotations<'_> {
        self.0.annotations.borrow()
    }

    /// Adds an annotation to the answer. It goes out with this answer only, and not with an exception. The four keys that Pyro itself uses
    /// ([`AnnotationKey::is_reserved`]) are left out.
    ///
    /// For a Pyro4 caller all annotations of a message, with 6 bytes more for each, must fit into 65,535 bytes; a reply that exceeds that
    /// becomes a `ProtocolError` at the caller. Pyro5 has no such limit.
    pub fn annotate(&self, key: AnnotationKey, value: impl Into<Vec<u8>>) {
        if !key.is_reserved() {
            let value = value.into();
            let mut response = self.response();
            response.push((key, value));
            self.0.has_response.store(true, Ordering::Release);
        }
    }

    /// What the call has added to its answer, taken away.
    pub(crate) fn take_response(&self) -> AnnotationList {
        match self.0.has_response.load(Ordering::Acquire) {
            true => std::mem::take(&mut *self.response()),
            false => AnnotationList::new(),
        }
    }

    fn response(&self) -> MutexGuard<'_, AnnotationList> {
        self.0.response.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this the [`current`] context of this thread until the result is dropped. The server does that for every call; it is of use for
    /// threads that a method starts.
    #[must_use = "the context is current until this is dropped"]
    pub fn enter(&self) -> Entered {
        Entered::new(self.clone())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("peer", self.peer())
            .field("facts", &self.0.facts)
            .field("annotations", &self.annotations())
            .finish_non_exhaustive()
    }
}
