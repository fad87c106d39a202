//! Calling a method of an object, or reading or setting an attribute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use crate::arguments::{self, Signature, Source, Text};
use crate::context::{Context, Suspended};
use crate::error::Raise;
use crate::object::members::{Members, Param};
use crate::object::{BoxFuture, Call, Member, Object, Reply, Sink, find_method};
use crate::panics::panic_text;

/// How far a call has come.
pub(super) enum Course<'a> {
    Done(Result<(), Raise>),
    /// An async method, which has not begun.
    Later(Within<'a>),
}

impl Course<'_> {
    /// The result of a method that is not async.
    pub(super) fn now(self) -> Result<(), Raise> {
        match self {
            Course::Done(result) => result,
            Course::Later(_) => Err(cannot_wait()),
        }
    }
}

impl<'a> IntoFuture for Course<'a> {
    type Output = Result<(), Raise>;
    type IntoFuture = Awaiting<'a>;

    fn into_future(self) -> Awaiting<'a> {
        match self {
            Course::Done(result) => Awaiting::Done(Some(result)),
            Course::Later(method) => Awaiting::Later(method),
        }
    }
}

/// A call that is awaited.
pub(super) enum Awaiting<'a> {
    /// It is taken once.
    Done(Option<Result<(), Raise>>),
    Later(Within<'a>),
}

impl Future for Awaiting<'_> {
    type Output = Result<(), Raise>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Raise>> {
        match self.get_mut() {
            Awaiting::Done(result) => Poll::Ready(result.take().unwrap_or(Ok(()))),
            Awaiting::Later(method) => method.poll(cx),
        }
    }
}

/// An async method: its context is current whenever it runs, and a panic in it is an exception.
pub(super) struct Within<'a> {
    context: &'a Context,
    luggage: Suspended,
    method: BoxFuture<'a, Result<Reply, Raise>>,
}

impl Within<'_> {
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Raise>> {
        let entered = self.context.resume(std::mem::take(&mut self.luggage));
        let polled = protect(|| match self.method.as_mut().poll(cx) {
            Poll::Ready(result) => result.map(Some),
            Poll::Pending => Ok(None),
        });
        self.luggage = entered.suspend();
        match polled {
            Ok(Some(_)) => Poll::Ready(Ok(())),
            Ok(None) => Poll::Pending,
            Err(raise) => Poll::Ready(Err(raise)),
        }
    }
}

/// What a method meets that became an async one after it was decided where it is run.
pub(super) fn cannot_wait() -> Raise {
    Raise::new(
        "RuntimeError",
        "the object was exchanged for another one during the call; try again",
    )
}

/// Calls a method, or reads or sets an attribute.
pub(super) fn call_member<'a>(
    object: &'a dyn Object,
    name: &str,
    source: Source<'a>,
    context: &'a Context,
    sink: Sink<'a>,
) -> Course<'a> {
    let members = object.members();
    if is_attribute_access(name) {
        return Course::Done(access_attribute(object, name == "__setattr__", source, context, sink));
    }
    let method = match find_method(members, name) {
        Member::Method(method) => method,
        Member::Missing(raise) => return Course::Done(Err(raise)),
    };
    let call = Call {
        class: &members.class,
        member: &method.name,
        params: &method.params,
        source,
        context,
        sink,
    };
    if !method.asynchronous {
        return Course::Done(protect(|| object.call(call)).map(drop));
    }
    let _entered = context.enter();
    match protect(|| Ok(object.call_async(call))) {
        Ok(method) => Course::Later(Within {
            context,
            luggage: Suspended::default(),
            method,
        }),
        Err(raise) => Course::Done(Err(raise)),
    }
}

/// Whether this is the name of an async method.
pub(super) fn is_asynchronous(members: &Members, name: &str) -> bool {
    members.method(name).is_some_and(|method| method.asynchronous)
}

/// Whether this is no method but the way to an attribute.
pub(super) fn is_attribute_access(name: &str) -> bool {
    name == "__getattr__" || name == "__setattr__"
}

fn access_attribute<'a>(
    object: &dyn Object,
    set: bool,
    source: Source<'a>,
    context: &'a Context,
    sink: Sink<'a>,
) -> Result<(), Raise> {
    const PARAMS: [Param; 2] = [Param::required("name"), Param::optional("value")];
    let members = object.members();
    let signature = Signature {
        class: &members.class,
        method: "__getattr__",
        params: &PARAMS,
    };
    let (name, _) = arguments::read::<(Text<'a>, serde::de::IgnoredAny)>(source, &signature)?;
    let name = name.unwrap_or(Text("".into()));
    let Some(attribute) = members.attribute(&name) else {
        let text = format!("attempt to access unexposed or unknown remote attribute '{}'", &*name);
        return Err(Raise::new("AttributeError", text));
    };
    if set && !attribute.writable {
        let text = format!(
            "property '{}' of '{}' object has no setter",
            attribute.name, members.class
        );
        return Err(Raise::new("AttributeError", text));
    }
    let call = Call {
        class: &members.class,
        member: &attribute.name,
        params: &PARAMS,
        source,
        context,
        sink,
    };
    protect(|| {
        if set {
            object.set_attribute(call)
        } else {
            object.get_attribute(call)
        }
    })
    .map(drop)
}

/// A panic in the program's code is an exception at the caller, and nothing more.
pub(super) fn protect<R>(code: impl FnOnce() -> Result<R, Raise>) -> Result<R, Raise> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => result,
        Err(panic) => {
            let text = format!("the method panicked: {}", panic_text(&*panic));
            Err(Raise::new("RuntimeError", text))
        }
    }
}
