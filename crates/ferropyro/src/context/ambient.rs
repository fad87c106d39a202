//! What belongs to a thread: the call that it serves, and what goes along with the calls that it makes.

use std::cell::RefCell;

use ferropyro_wire::{AnnotationKey, Annotations, OwnedAnnotations};
use uuid::Uuid;

use super::{AnnotationList, Context};

/// One thread's part.
#[derive(Default)]
struct Ambient {
    served: Option<Context>,
    correlation_id: Option<Uuid>,
    /// For the next call that the thread makes.
    request: AnnotationList,
    /// Of the last reply that the thread got.
    response: OwnedAnnotations,
}

thread_local! {
    static AMBIENT: RefCell<Ambient> = RefCell::default();
}

/// The call that this thread serves; `None` outside of a remote call.
pub fn current() -> Option<Context> {
    AMBIENT.with_borrow(|ambient| ambient.served.clone())
}

/// The correlation id that goes along with the calls of this thread: in a remote call that of the call, unless it was set anew; else what was set.
pub fn correlation_id() -> Option<Uuid> {
    AMBIENT.with_borrow(|ambient| ambient.correlation_id)
}

/// Sets the correlation id that goes along with the calls of this thread, until it is set anew. Servers hand it on to those that they
/// call in turn. In a remote call it holds until the end of that call.
pub fn set_correlation_id(id: Option<Uuid>) {
    AMBIENT.with_borrow_mut(|ambient| ambient.correlation_id = id);
}

/// Adds an annotation to the next call that this thread makes, and to no other. The four keys that Pyro itself uses
/// ([`AnnotationKey::is_reserved`]) are left out.
///
/// For a Pyro4 server all annotations of a message, with 6 bytes more for each, must fit into 65,535 bytes; a call that exceeds that
/// fails before anything is sent. Pyro5 has no such limit.
pub fn annotate(key: AnnotationKey, value: impl Into<Vec<u8>>) {
    if !key.is_reserved() {
        AMBIENT.with_borrow_mut(|ambient| ambient.request.push((key, value.into())));
    }
}

/// The annotations of the last reply that this thread got, those of Pyro itself among them; empty after a oneway call, and once a new call has begun.
pub fn response_annotations() -> OwnedAnnotations {
    AMBIENT.with_borrow(|ambient| ambient.response.clone())
}

/// Forgets the annotations for the next call and those of the last reply, which may take up much memory.
pub fn clear() {
    AMBIENT.with_borrow_mut(|ambient| {
        ambient.request = Vec::new();
        ambient.response = OwnedAnnotations::default();
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
        AMBIENT.with_borrow_mut(|ambient| {
            ambient.response.clear();
            Luggage {
                correlation_id: ambient.correlation_id,
                annotations: std::mem::take(&mut ambient.request),
            }
        })
    }

    /// Does something with what is there for the next call, and leaves it there.
    pub(crate) fn lend<T>(borrow: impl FnOnce(&Luggage) -> T) -> T {
        let luggage = Luggage::take();
        let result = borrow(&luggage);
        AMBIENT.with_borrow_mut(|ambient| {
            let later = std::mem::replace(&mut ambient.request, luggage.annotations);
            ambient.request.extend(later);
        });
        result
    }
}

/// Keeps the annotations of a reply for [`response_annotations`].
pub(crate) fn remember_response(annotations: &Annotations<'_>) {
    AMBIENT.with_borrow_mut(|ambient| ambient.response.replace(annotations));
}

/// There is no reply whose annotations [`response_annotations`] could give.
pub(crate) fn forget_response() {
    AMBIENT.with_borrow_mut(|ambient| ambient.response.clear());
}

/// A context is current while this lives, see [`Context::enter`]. What was there before comes back afterwards.
#[must_use]
pub struct Entered {
    before: Option<Ambient>,
    /// What is put into a thread must be taken out of the same one.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Entered {
    pub(super) fn new(context: Context) -> Entered {
        let ambient = Ambient {
            correlation_id: Some(context.correlation_id()),
            served: Some(context),
            ..Ambient::default()
        };
        Entered {
            before: Some(AMBIENT.replace(ambient)),
            not_send: std::marker::PhantomData,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // Dropped outside of the borrow: the last handle of a context may go with it.
            drop(AMBIENT.replace(before));
        }
    }
}

impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entered")
    }
}
