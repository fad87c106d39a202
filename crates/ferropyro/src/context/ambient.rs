//! What belongs to a thread: the call that it serves, and what goes along with the calls that it makes.

use std::cell::{Cell, RefCell};

use ferropyro_wire::{AnnotationKey, Annotations, OwnedAnnotations};
use uuid::Uuid;

use super::{AnnotationList, Context};

/// One thread's part. Every call looks at it, and most find it empty: hence the cells, which are cheaper to swap than the whole.
struct Ambient {
    served: RefCell<Option<Context>>,
    correlation_id: Cell<Option<Uuid>>,
    /// For the next call that the thread makes.
    request: RefCell<AnnotationList>,
    /// Of the last reply that the thread got.
    response: RefCell<OwnedAnnotations>,
}

thread_local! {
    static AMBIENT: Ambient = const {
        Ambient {
            served: RefCell::new(None),
            correlation_id: Cell::new(None),
            request: RefCell::new(Vec::new()),
            response: RefCell::new(OwnedAnnotations::EMPTY),
        }
    };
}

/// The call that this thread serves; `None` outside of a remote call.
pub fn current() -> Option<Context> {
    AMBIENT.with(|ambient| ambient.served.borrow().clone())
}

/// The correlation id that goes along with the calls of this thread: in a remote call that of the call, unless it was set anew; else what was set.
pub fn correlation_id() -> Option<Uuid> {
    AMBIENT.with(|ambient| ambient.correlation_id.get())
}

/// Sets the correlation id that goes along with the calls of this thread, until it is set anew. Servers hand it on to those that they
/// call in turn. In a remote call it holds until the end of that call.
pub fn set_correlation_id(id: Option<Uuid>) {
    AMBIENT.with(|ambient| ambient.correlation_id.set(id));
}

/// Adds an annotation to the next call that this thread makes, and to no other. The four keys that Pyro itself uses
/// ([`AnnotationKey::is_reserved`]) are left out.
///
/// For a Pyro4 server all annotations of a message, with 6 bytes more for each, must fit into 65,535 bytes; a call that exceeds that
/// fails before anything is sent. Pyro5 has no such limit.
pub fn annotate(key: AnnotationKey, value: impl Into<Vec<u8>>) {
    if !key.is_reserved() {
        let value = value.into();
        AMBIENT.with(|ambient| ambient.request.borrow_mut().push((key, value)));
    }
}

/// The annotations of the last reply that this thread got, those of Pyro itself among them; empty after a oneway call, and once a new call has begun.
pub fn response_annotations() -> OwnedAnnotations {
    AMBIENT.with(|ambient| ambient.response.borrow().clone())
}

/// Forgets the annotations for the next call and those of the last reply, which may take up much memory.
pub fn clear() {
    AMBIENT.with(|ambient| {
        ambient.request.take();
        ambient.response.take();
    });
}

/// What goes along with a call, taken from its thread when the call begins.
#[derive(Debug, Default)]
pub(crate) struct Luggage {
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) annotations: AnnotationList,
}

impl Luggage {
    /// Takes what is there for the next call; the annotations of the last reply are gone then.
    pub(crate) fn take() -> Luggage {
        AMBIENT.with(|ambient| {
            ambient.response.borrow_mut().clear();
            Luggage {
                correlation_id: ambient.correlation_id.get(),
                annotations: ambient.request.take(),
            }
        })
    }

    /// Does something with what is there for the next call, and leaves it there.
    pub(crate) fn lend<T>(borrow: impl FnOnce(&Luggage) -> T) -> T {
        let luggage = Luggage::take();
        let result = borrow(&luggage);
        AMBIENT.with(|ambient| {
            let later = ambient.request.replace(luggage.annotations);
            ambient.request.borrow_mut().extend(later);
        });
        result
    }
}

/// Keeps the annotations of a reply for [`response_annotations`].
pub(crate) fn remember_response(annotations: &Annotations<'_>) {
    AMBIENT.with(|ambient| ambient.response.borrow_mut().replace(annotations));
}

/// There is no reply whose annotations [`response_annotations`] could give.
pub(crate) fn forget_response() {
    AMBIENT.with(|ambient| ambient.response.borrow_mut().clear());
}

/// A context is current while this lives, see [`Context::enter`]. What was there before comes back afterwards.
#[must_use]
pub struct Entered {
    served: Option<Context>,
    correlation_id: Option<Uuid>,
    annotations: Option<Box<Annotated>>,
    /// What is put into a thread must be taken out of the same one.
    not_send: std::marker::PhantomData<*const ()>,
}

/// The annotations of a thread.
#[derive(Default)]
struct Annotated {
    request: AnnotationList,
    response: OwnedAnnotations,
}

impl Entered {
    pub(super) fn new(context: Context) -> Entered {
        AMBIENT.with(|ambient| Entered {
            annotations: ambient.take_annotations(),
            correlation_id: ambient.correlation_id.replace(Some(context.correlation_id())),
            served: ambient.served.replace(Some(context)),
            not_send: std::marker::PhantomData,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        AMBIENT.with(|ambient| {
            ambient.served.replace(self.served.take());
            ambient.correlation_id.set(self.correlation_id);
            drop(ambient.take_annotations());
            if let Some(before) = self.annotations.take() {
                ambient.request.replace(before.request);
                ambient.response.replace(before.response);
            }
        });
    }
}

impl Ambient {
    fn take_annotations(&self) -> Option<Box<Annotated>> {
        if self.request.borrow().is_empty() && self.response.borrow().is_empty() {
            return None;
        }
        Some(Box::new(Annotated {
            request: self.request.take(),
            response: self.response.take(),
        }))
    }
}

impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entered")
    }
}
