//! Calling a method of an object, or reading or setting an attribute.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::arguments::{self, Signature, Source, Text};
use crate::context::Context;
use crate::error::Raise;
use crate::object::members::Param;
use crate::object::{Call, Member, Object, Sink, find_method};
use crate::panics::panic_text;

/// Calls a method, or reads or sets an attribute.
pub(super) fn call_member<'a>(
    object: &dyn Object,
    name: &str,
    source: Source<'a>,
    context: &'a Context,
    sink: Sink<'a>,
) -> Result<(), Raise> {
    let members = object.members();
    if is_attribute_access(name) {
        return access_attribute(object, name == "__setattr__", source, context, sink);
    }
    let method = match find_method(members, name) {
        Member::Method(method) => method,
        Member::Missing(raise) => return Err(raise),
    };
    let call = Call {
        class: &members.class,
        member: &method.name,
        params: &method.params,
        source,
        context,
        sink,
    };
    protect(|| object.call(call)).map(drop)
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
