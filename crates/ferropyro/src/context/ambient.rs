//! What belongs to a thread: the call that it serves, and what goes along with the calls that it makes.

use std::cell::{Cell, RefCell};

use ferropyro_wire::{AnnotationKey, Annotations, OwnedAnnotations};
use uuid::Uuid;

use super::{AnnotationList, Context};

/// One thread's part. Every call looks at it, and most find nothing but the call that is served: that must be cheap.
struct Ambient {
    served: Cell<Option<Context>>,
    /// Whether there is anything in `own`.
    has_own: Cell<bool>,
    own: RefCell<Own>,
}

/// What the code that runs in a thread has set, and got.
#[derive(Default)]
struct Own {
    /// In the place of that of the call that is served.
    correlation_id: Option<Option<Uuid>>,
    /// For the next call that the thread makes.
    request: AnnotationList,
    /// Of the last reply that the thread got.
    response: OwnedAnnotations,
}

thread_local! {
    static AMBIENT: Ambient = const {
        Ambient {
            served: Cell::new(None),
            has_own: Cell::new(false),
            own: RefCell::new(Own {
                correlation_id: None,
                request: Vec::new(),
                response: OwnedAnnotations::EMPTY,
            }),
        }
    };
}

impl Ambient {
    /// Looks at the context that is current.
    fn with_served<T>(&self, look: impl FnOnce(Option<&Context>) -> T) -> T {
        let served = self.served.take();
        let result = look(served.as_ref());
        self.served.set(served);
        result
    }

    /// Looks at what is the thread's own, if there is any.
    fn with_own<T: Default>(&self, look: impl FnOnce(&mut Own) -> T) -> T {
        match self.has_own.get() {
            true => look(&mut self.own.borrow_mut()),
            false => T::default(),
        }
    }

    fn set_own(&self, set: impl FnOnce(&mut Own)) {
        self.has_own.set(true);
        set(&mut self.own.borrow_mut());
    }

    fn take_own(&self) -> Option<Box<Own>> {
        self.has_own.replace(false).then(|| Box::new(self.own.take()))
    }

    fn correlation_id(&self) -> Option<Uuid> {
        match self.with_own(|own| own.correlation_id) {
            Some(set) => set,
            None => self.with_served(|served| served.map(Context::correlation_id)),
        }
    }
}

/// The call that this thread serves; `None` outside of a remote call.
pub fn current() -> Option<Context> {
    AMBIENT.with(|ambient| ambient.with_served(|served| served.cloned()))
}

/// The correlation id that goes along with the calls of this thread: in a remote call that of the call, unless it was set anew; else what was set.
pub fn correlation_id() -> Option<Uuid> {
    AMBIENT.with(Ambient::correlation_id)
}

/// Sets the correlation id that goes along with the calls of this thread, until it is set anew. Servers hand it on to those that they
/// call in turn. In a remote call it holds until the end of that call.
pub fn set_correlation_id(id: Option<Uuid>) {
    AMBIENT.with(|ambient| ambient.set_own(|own| own.correlation_id = Some(id)));
}

/// Adds an annotation to the next call that this thread makes, and to no other. The four keys that Pyro itself uses
/// ([`AnnotationKey::is_reserved`]) are left out.
///
/// For a Pyro4 server all annotations of a message, with 6 bytes more for each, must fit into 65,535 bytes; a call that exceeds that
/// fails before anything is sent. Pyro5 has no such limit.
pub fn annotate(key: AnnotationKey, value: impl Into<Vec<u8>>) {
    if !key.is_reserved() {
        let value = value.into();
        AMBIENT.with(|ambient| ambient.set_own(|own| own.request.push((key, value))));
    }
}

/// The annotations of the last reply that this thread got, those of Pyro itself among them; empty after a oneway call, and once a new call has begun.
pub fn response_annotations() -> OwnedAnnotations {
    AMBIENT.with(|ambient| ambient.with_own(|own| own.response.clone()))
}

/// Forgets the annotations for the next call and those of the last reply, which may take up much memory.
pub fn clear() {
    AMBIENT.with(|ambient| {
        ambient.with_own(|own| {
            own.request = AnnotationList::new();
            own.response = OwnedAnnotations::EMPTY;
        });
    });
}

/// What goes along with a call, taken from its thread when the call begins.
#[derive(Debug, Default, Clone)]
pub(crate) struct Luggage {
    pub(crate) correlation_id: Option<Uuid>,
    pub(crate) annotations: AnnotationList,
}

impl Luggage {
    /// Takes what is there for the next call; the annotations of the last reply are gone then.
    pub(crate) fn take() -> Luggage {
        AMBIENT.with(|ambient| Luggage {
            correlation_id: ambient.correlation_id(),
            annotations: ambient.with_own(|own| {
                own.response.clear();
                std::mem::take(&mut own.request)
            }),
        })
    }

    /// Does something with what is there for the next call, and leaves it there.
    pub(crate) fn lend<T>(borrow: impl FnOnce(&Luggage) -> T) -> T {
        let luggage = Luggage::take();
        let result = borrow(&luggage);
        if !luggage.annotations.is_empty() {
            AMBIENT.with(|ambient| ambient.set_own(|own| _ = own.request.splice(..0, luggage.annotations)));
        }
        result
    }
}

/// Keeps the annotations of a reply for [`response_annotations`].
pub(crate) fn remember_response(annotations: &Annotations<'_>) {
    if !annotations.is_empty() {
        AMBIENT.with(|ambient| ambient.set_own(|own| own.response.replace(annotations)));
    }
}

/// There is no reply whose annotations [`response_annotations`] could give.
pub(crate) fn forget_response() {
    AMBIENT.with(|ambient| ambient.with_own(|own| own.response.clear()));
}

/// A context is current while this lives, see [`Context::enter`]. What was there before comes back afterwards.
#[must_use]
pub struct Entered {
    served: Option<Context>,
    own: Option<Box<Own>>,
    /// What is put into a thread must be taken out of the same one.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Entered {
    pub(super) fn new(context: Context) -> Entered {
        AMBIENT.with(|ambient| Entered {
            served: ambient.served.replace(Some(context)),
            own: ambient.take_own(),
            not_send: std::marker::PhantomData,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

impl Entered {
    /// Gives what the code has set meanwhile.
    fn leave(&mut self) -> Option<Box<Own>> {
        AMBIENT.with(|ambient| {
            ambient.served.set(self.served.take());
            let own = ambient.take_own();
            if let Some(own) = self.own.take() {
                ambient.set_own(|place| *place = *own);
            }
            own
        })
    }

    /// Leaves the context, and gives what its code has set, for [`Context::resume`].
    pub(crate) fn suspend(mut self) -> Suspended {
        let suspended = Suspended(self.leave());
        std::mem::forget(self);
        suspended
    }
}

/// What the code of a call has set and got, while it waits for something and others run in its thread.
#[derive(Default)]
pub(crate) struct Suspended(Option<Box<Own>>);

impl Context {
    /// As [`Context::enter`], and goes on where the code of the call was suspended.
    pub(crate) fn resume(&self, suspended: Suspended) -> Entered {
        let entered = self.enter();
        if let Some(own) = suspended.0 {
            AMBIENT.with(|ambient| ambient.set_own(|place| *place = *own));
        }
        entered
    }
}

impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entered")
    }
}
