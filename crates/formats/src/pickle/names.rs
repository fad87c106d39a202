//! The names of globals: Python 2's where they differ, and those that mean something here.

use std::borrow::Cow;

use super::document::Name;
use super::python2::{EXCEPTIONS, MOVED, RENAMED};
use crate::Error;

/// Whether a pair of names holds for reading what Python 2 wrote, for writing what it can read, or for both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Both,
    From2,
    To2,
}

/// A module's names in Python 2 and 3.
pub(super) struct Moved(pub(super) Direction, pub(super) &'static str, pub(super) &'static str);

/// The module and name of something in Python 2 and 3.
pub(super) struct Renamed(
    pub(super) Direction,
    pub(super) (&'static str, &'static str),
    pub(super) (&'static str, &'static str),
);

/// The Python 3 name of a global in a pickle of this protocol.
///
/// Up to protocol 2 the names may be those of Python 2. (Python 3 takes only its own from protocol 3 on.)
pub(super) fn from_pickle<'de>(module: Cow<'de, str>, name: Cow<'de, str>, protocol: u8) -> Name<'de> {
    let old = (&*module, &*name);
    let renamed = |row: &&Renamed| row.0 != Direction::To2 && row.1 == old;
    let moved = |row: &&Moved| row.0 != Direction::To2 && row.1 == module;
    if protocol >= 3 {
        Name { module, name }
    } else if let Some(Renamed(_, _, (module, name))) = RENAMED.iter().find(renamed) {
        Name {
            module: Cow::Borrowed(module),
            name: Cow::Borrowed(name),
        }
    } else if module == "exceptions" {
        Name {
            module: Cow::Borrowed("builtins"),
            name,
        }
    } else {
        let module = MOVED.iter().find(moved).map_or(module, |row| Cow::Borrowed(row.2));
        Name { module, name }
    }
}

/// The name under which a global stands in a pickle of this protocol: up to 2, Python 2's.
pub(super) fn to_pickle<'n>(module: &'n str, name: &'n str, protocol: u8) -> (&'n str, &'n str) {
    if protocol >= 3 {
        return (module, name);
    }
    let renamed = |row: &&Renamed| row.0 != Direction::From2 && row.2 == (module, name);
    let moved = |row: &&Moved| row.0 != Direction::From2 && row.2 == module;
    if let Some(row) = RENAMED.iter().find(renamed) {
        row.1
    } else if module == "builtins" && EXCEPTIONS.contains(&name) {
        ("exceptions", name)
    } else {
        (MOVED.iter().find(moved).map_or(module, |row| row.1), name)
    }
}

/// Module and name of a dotted name, as [`Name::dotted`] puts them together.
pub(super) fn split(dotted: &str) -> Result<(&str, &str), Error> {
    let parts = dotted.split_once(':').or_else(|| dotted.rsplit_once('.'));
    let parts = parts.filter(|(module, name)| !module.is_empty() && !name.is_empty());
    parts.ok_or_else(|| {
        let message = format!("a class is pickled by its module and its name, and {dotted:?} has no module");
        Error::unsupported(message)
    })
}

impl<'n> Name<'n> {
    /// The name of one of Python's builtins.
    pub(super) fn builtin(name: &'n str) -> Name<'n> {
        Name {
            module: Cow::Borrowed("builtins"),
            name: Cow::Borrowed(name),
        }
    }

    /// Module and name with a dot between them; with a colon where the name itself has dots.
    pub(super) fn dotted(&self) -> String {
        let dot = if self.name.contains('.') { ':' } else { '.' };
        format!("{}{dot}{}", self.module, self.name)
    }

    /// Whether this is one of the globals that mean something here, all of which are harmless.
    pub(super) fn is_known(&self) -> bool {
        let known: &[&str] = match &*self.module {
            "builtins" => BUILTINS,
            "_codecs" => &["encode"],
            "copyreg" => &["_reconstructor", "__newobj__"],
            "datetime" => &["datetime", "date", "time", "timedelta", "timezone"],
            "decimal" => &["Decimal"],
            "uuid" => &["UUID"],
            "array" => &["array", "_array_reconstructor"],
            "collections" => &["OrderedDict", "defaultdict", "deque", "Counter"],
            "Pyro4.core" | "Pyro5.core" | "Pyro5.client" | "Pyro5.server" => {
                &["URI", "Proxy", "Daemon", "_ExceptionWrapper"]
            }
            "Pyro4.futures" => &["_ExceptionWrapper"],
            "Pyro4.util" => &[
                "SerpentSerializer",
                "JsonSerializer",
                "MarshalSerializer",
                "MsgpackSerializer",
                "PickleSerializer",
                "CloudpickleSerializer",
                "DillSerializer",
            ],
            "Pyro4.utils.flame" => &["FlameModule", "FlameBuiltin", "RemoteInteractiveConsole"],
            _ => &[],
        };
        known.contains(&&*self.name) || self.is_known_exception()
    }

    /// Whether this is an exception class that everybody knows: Python's own and Pyro's.
    fn is_known_exception(&self) -> bool {
        match &*self.module {
            "builtins" => looks_like_exception(&self.name),
            "Pyro4.errors" | "Pyro5.errors" | "sqlite3" => looks_like_exception(&self.name),
            "struct" | "socket" => self.name == "error",
            "decimal" => DECIMAL_SIGNALS.contains(&&*self.name),
            _ => false,
        }
    }

    /// Whether this is an exception class, as far as its name tells.
    pub(super) fn is_exception(&self) -> bool {
        self.is_known_exception() || looks_like_exception(&self.name)
    }
}

/// Whether a class has such a name as Python's exceptions have.
fn looks_like_exception(name: &str) -> bool {
    let endings = [
        "Error",
        "Exception",
        "Warning",
        "Interrupt",
        "Exit",
        "Iteration",
        "ExceptionGroup",
    ];
    endings.iter().any(|ending| name.ends_with(ending)) && !name.contains('.')
}

/// Types and constants.
const BUILTINS: &[&str] = &[
    "object",
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "bytearray",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "range",
    "slice",
    "Ellipsis",
    "NotImplemented",
];

/// The exceptions of decimal, whose names tell nothing.
const DECIMAL_SIGNALS: &[&str] = &[
    "DecimalException",
    "InvalidOperation",
    "DivisionByZero",
    "DivisionUndefined",
    "DivisionImpossible",
    "ConversionSyntax",
    "Inexact",
    "Rounded",
    "Subnormal",
    "Overflow",
    "Underflow",
    "Clamped",
    "FloatOperation",
];
