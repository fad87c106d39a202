//! What a method can know about the call that it is serving.

use std::cell::RefCell;

use ferropyro_wire::{AnnotationKey, Annotations, Dialect, Flags};
use uuid::Uuid;

use crate::Serializer;
use crate::peer::Peer;

/// The call that is being served: Pyro's `current_context` (manual chapter "Tips & Tricks").
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) dialect: Dialect,
    pub(crate) serializer: Serializer,
    pub(crate) seq: u16,
    pub(crate) flags: Flags,
    pub(crate) correlation_id: Uuid,
    pub(crate) annotations: Annotations<'a>,
    pub(crate) response: RefCell<Vec<(AnnotationKey, Vec<u8>)>>,
}

impl<'a> Context<'a> {
    /// Where the caller is.
    pub fn peer(&self) -> &'a Peer {
        self.peer
    }

    /// The protocol that the caller speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The serializer of the request, in which the answer goes back.
    pub fn serializer(&self) -> Serializer {
        self.serializer
    }

    /// The sequence number of the request.
    pub fn seq(&self) -> u16 {
        self.seq
    }

    /// The flags of the request.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The id that follows a chain of calls; made by the server when the caller sent none.
    pub fn correlation_id(&self) -> Uuid {
        self.correlation_id
    }

    /// The annotations of the request, those of Pyro itself among them.
    pub fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    /// Adds an annotation to the answer. It goes out with this answer only, and not with an exception.
    pub fn annotate(&self, key: AnnotationKey, value: impl Into<Vec<u8>>) {
        self.response.borrow_mut().push((key, value.into()));
    }
}
