//! What an object lets others use: its methods, their parameters, its attributes.

use std::borrow::Cow;
use std::mem;

use super::{Member, find_method};
use crate::error::Raise;

/// What an object exposes. [`expose`](crate::expose) makes one; written by hand it is a constant.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Members {
    /// The name of the class, for error texts.
    pub class: Cow<'static, str>,
    /// The methods that can be called.
    pub methods: Cow<'static, [Method]>,
    /// The attributes that can be read, and perhaps set.
    pub attributes: Cow<'static, [Attribute]>,
    /// Names that exist but are not exposed: they are refused with a text of their own.
    pub unexposed: Cow<'static, [Cow<'static, str>]>,
    /// What the object is for, in words for people.
    pub doc: Option<Cow<'static, str>>,
    /// Whether the exceptions of its methods have the traceback that callers get already, in the attribute `_pyroTraceback`, because they were raised in another language. Otherwise
    /// what they have is that of another server.
    pub own_tracebacks: bool,
}

/// An exposed method.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Method {
    /// The name that callers use.
    pub name: Cow<'static, str>,
    /// Whether callers get no answer, and do not wait for one.
    pub oneway: bool,
    /// Whether an error in it is raised on both sides: at the caller, and in this program ([`DaemonBuilder::on_error`](crate::DaemonBuilder::on_error)). The connection ends
    /// after it, as in Pyro.
    pub callback: bool,
    /// Whether it is run by [`Object::call_async`](crate::Object::call_async), not by [`Object::call`](crate::Object::call).
    pub asynchronous: bool,
    /// Whether it answers at once, from memory: it waits for nothing, and takes hardly longer than the reading of its call. The event loop runs it in place, though it has
    /// [workers](crate::Config::workers) for methods of which it cannot know that.
    pub quick: bool,
    /// The parameters in order, the object itself left out.
    pub params: Cow<'static, [Param]>,
    /// The type of the result in Python's words, as `list[int]`, if it is told.
    pub returns: Option<Cow<'static, str>>,
    /// What it does, in words for people.
    pub doc: Option<Cow<'static, str>>,
}

/// A parameter of a method.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Param {
    /// The name, for keyword arguments and error texts.
    pub name: Cow<'static, str>,
    /// Whether a call may leave it out.
    pub optional: bool,
    /// Its type in Python's words, as `dict[str, float]`, if it is told.
    pub type_name: Option<Cow<'static, str>>,
    /// What it is where a call leaves it out, as a literal of Python (`None`, `0.5`, `'x'`), if it is told.
    pub default: Option<Cow<'static, str>>,
}

/// An exposed attribute.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attribute {
    /// The name that callers use.
    pub name: Cow<'static, str>,
    /// Whether callers may set it.
    pub writable: bool,
    /// Its type in Python's words, if it is told.
    pub type_name: Option<Cow<'static, str>>,
    /// What it is, in words for people.
    pub doc: Option<Cow<'static, str>>,
}

impl Members {
    /// Members of a class of this name with these methods and no attributes.
    pub const fn new(class: &'static str, methods: &'static [Method]) -> Members {
        Members::full(class, methods, &[], &[])
    }

    /// Members of a class of this name with these methods and attributes, and these names that are there but not exposed.
    pub const fn full(
        class: &'static str,
        methods: &'static [Method],
        attributes: &'static [Attribute],
        unexposed: &'static [Cow<'static, str>],
    ) -> Members {
        Members {
            class: Cow::Borrowed(class),
            methods: Cow::Borrowed(methods),
            attributes: Cow::Borrowed(attributes),
            unexposed: Cow::Borrowed(unexposed),
            doc: None,
            own_tracebacks: false,
        }
    }

    /// The same with these words about the object.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Members {
        tell(&mut self.doc, doc);
        self
    }

    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }

    /// The method of this name.
    ///
    /// # Errors
    /// The `AttributeError` that Pyro raises for a name that is not exposed.
    pub fn find(&self, name: &str) -> Result<&Method, Raise> {
        match find_method(self, name) {
            Member::Method(method) => Ok(method),
            Member::Missing(raise) => Err(raise),
        }
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl Method {
    /// A method of this name with these parameters that answers its caller.
    pub const fn new(name: &'static str, params: &'static [Param]) -> Method {
        Method {
            name: Cow::Borrowed(name),
            oneway: false,
            callback: false,
            asynchronous: false,
            quick: false,
            params: Cow::Borrowed(params),
            returns: None,
            doc: None,
        }
    }

    /// The same with a result of this type, in Python's words.
    #[must_use]
    pub const fn returns(mut self, type_name: &'static str) -> Method {
        tell(&mut self.returns, type_name);
        self
    }

    /// The same with these words about the method.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Method {
        tell(&mut self.doc, doc);
        self
    }

    /// The same as a oneway method.
    #[must_use]
    pub const fn oneway(mut self) -> Method {
        self.oneway = true;
        self
    }

    /// The same as a callback: an error in it is raised on both sides.
    #[must_use]
    pub const fn callback(mut self) -> Method {
        self.callback = true;
        self
    }

    /// The same as an async method, which [`Object::call_async`](crate::Object::call_async) runs.
    #[must_use]
    pub const fn asynchronous(mut self) -> Method {
        self.asynchronous = true;
        self
    }

    /// The same as a [quick](Method::quick) method.
    #[must_use]
    pub const fn quick(mut self) -> Method {
        self.quick = true;
        self
    }
}

impl Param {
    /// A parameter that every call must give.
    pub const fn required(name: &'static str) -> Param {
        Param {
            name: Cow::Borrowed(name),
            optional: false,
            type_name: None,
            default: None,
        }
    }

    /// A parameter that has a default.
    pub const fn optional(name: &'static str) -> Param {
        Param {
            name: Cow::Borrowed(name),
            optional: true,
            type_name: None,
            default: None,
        }
    }

    /// The same of this type, in Python's words.
    #[must_use]
    pub const fn type_name(mut self, type_name: &'static str) -> Param {
        tell(&mut self.type_name, type_name);
        self
    }

    /// The same with this default, a literal of Python.
    #[must_use]
    pub const fn default(mut self, literal: &'static str) -> Param {
        tell(&mut self.default, literal);
        self
    }
}

impl Attribute {
    /// An attribute that can only be read.
    pub const fn readable(name: &'static str) -> Attribute {
        Attribute {
            name: Cow::Borrowed(name),
            writable: false,
            type_name: None,
            doc: None,
        }
    }

    /// The same, but that it can be set if `writable`.
    #[must_use]
    pub const fn writable_if(mut self, writable: bool) -> Attribute {
        self.writable = writable;
        self
    }

    /// An attribute that can also be set.
    pub const fn writable(name: &'static str) -> Attribute {
        Attribute {
            name: Cow::Borrowed(name),
            writable: true,
            type_name: None,
            doc: None,
        }
    }

    /// The same of this type, in Python's words.
    #[must_use]
    pub const fn type_name(mut self, type_name: &'static str) -> Attribute {
        tell(&mut self.type_name, type_name);
        self
    }

    /// The same with these words about the attribute.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Attribute {
        tell(&mut self.doc, doc);
        self
    }
}

/// What was there before is not dropped, which constants cannot; it is a constant's as well.
const fn tell(place: &mut Option<Cow<'static, str>>, text: &'static str) {
    mem::forget(place.replace(Cow::Borrowed(text)));
}

/// Names that Pyro never lets through, whatever they are (manual chapter "Servers: hosting Pyro objects").
const PRIVATE: &[&str] = &[
    "__init__",
    "__init_subclass__",
    "__class__",
    "__module__",
    "__weakref__",
    "__call__",
    "__new__",
    "__del__",
    "__repr__",
    "__unicode__",
    "__str__",
    "__format__",
    "__nonzero__",
    "__bool__",
    "__coerce__",
    "__cmp__",
    "__eq__",
    "__ne__",
    "__hash__",
    "__ge__",
    "__gt__",
    "__le__",
    "__lt__",
    "__dir__",
    "__enter__",
    "__exit__",
    "__copy__",
    "__deepcopy__",
    "__sizeof__",
    "__getattr__",
    "__setattr__",
    "__hasattr__",
    "__getattribute__",
    "__delattr__",
    "__instancecheck__",
    "__subclasscheck__",
    "__getinitargs__",
    "__getnewargs__",
    "__getstate__",
    "__setstate__",
    "__reduce__",
    "__reduce_ex__",
    "__getstate_for_dict__",
    "__setstate_from_dict__",
    "__subclasshook__",
];

/// Whether a name is private: starts with an underscore, unless it is one of Python's double-underscore names that may be exposed.
pub(crate) fn is_private(name: &str) -> bool {
    if PRIVATE.contains(&name) {
        return true;
    }
    let dunder = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    name.starts_with('_') && !dunder
}
