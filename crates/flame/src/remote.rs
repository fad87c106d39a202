//! Modules and builtins of a Flame server.

use ferropyro::{Arguments, Dict, FromReply, Result};
use serde::ser::{Serialize, SerializeTuple as _, Serializer};

use crate::Flame;

/// A module of the server's Python, whose functions are called by name.
///
/// ```no_run
/// # let flame = ferropyro_flame::Flame::connect("localhost:9999")?;
/// let root: f64 = flame.module("math")?.call("sqrt", (2.0,))?;
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Module<'f> {
    flame: &'f Flame,
    name: &'f str,
}

/// A builtin function of the server's Python.
///
/// ```no_run
/// # let flame = ferropyro_flame::Flame::connect("localhost:9999")?;
/// let highest: i64 = flame.builtin("max").call(([3, 1, 2],))?;
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Builtin<'f> {
    flame: &'f Flame,
    name: &'f str,
}

impl<'f> Module<'f> {
    pub(crate) fn new(flame: &'f Flame, name: &'f str) -> Module<'f> {
        Module { flame, name }
    }

    /// The name of the module.
    pub fn name(&self) -> &'f str {
        self.name
    }

    /// Calls a function of the module, or a method of something in it (`path.join` of `os`), with positional arguments: a tuple, such as `(1, "two")` or `()`.
    ///
    /// # Errors
    /// The exception that it raised ([`ferropyro::Error::as_remote`]), such as `AttributeError` when the module has no such name; `Serialize` for a
    /// result that is no `R`; errors of the connection.
    pub fn call<R: FromReply>(&self, function: &str, args: impl Arguments) -> Result<R> {
        self.call_with(function, args, &Dict::new())
    }

    /// As [`Module::call`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Module::call`].
    pub fn call_with<R: FromReply>(&self, function: &str, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        let name = format!("{}.{function}", self.name);
        let proxy = self.flame.proxy();
        proxy.call("invokeModule", (name, Positional(args), kwargs))
    }
}

impl<'f> Builtin<'f> {
    pub(crate) fn new(flame: &'f Flame, name: &'f str) -> Builtin<'f> {
        Builtin { flame, name }
    }

    /// The name of the function.
    pub fn name(&self) -> &'f str {
        self.name
    }

    /// Calls the function with positional arguments: a tuple.
    ///
    /// # Errors
    /// As for [`Module::call`].
    pub fn call<R: FromReply>(&self, args: impl Arguments) -> Result<R> {
        self.call_with(args, &Dict::new())
    }

    /// As [`Builtin::call`], with keyword arguments.
    ///
    /// # Errors
    /// As for [`Module::call`].
    pub fn call_with<R: FromReply>(&self, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        let proxy = self.flame.proxy();
        proxy.call("invokeBuiltin", (self.name, Positional(args), kwargs))
    }
}

/// The arguments of a call as one argument of another one: a tuple, an empty one too.
struct Positional<A>(A);

impl<A: Arguments> Serialize for Positional<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.count())?;
        self.0.write(&mut tuple)?;
        tuple.end()
    }
}
