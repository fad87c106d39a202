//! The names of globals: those of Python 2 where they differ, and those that are read without asking.

use std::borrow::Cow;

use super::document::Name;
use crate::Error;

/// The Python 3 name of a global in a pickle of this protocol.
///
/// Up to protocol 2 the names may be those of Python 2. (Python 3 takes only its own from protocol 3 on.)
pub(super) fn from_pickle<'de>(module: Cow<'de, str>, name: Cow<'de, str>, protocol: u8) -> Name<'de> {
    let mut global = Name { module, name };
    if protocol < 3 {
        if let Some((_, _, module, name)) = RENAMED
            .iter()
            .find(|(module, name, _, _)| *module == global.module && *name == global.name)
        {
            global.module = Cow::Borrowed(module);
            global.name = Cow::Borrowed(name);
        } else if let Some((_, module)) = MOVED.iter().find(|(module, _)| *module == global.module) {
            global.module = Cow::Borrowed(module);
        }
    }
    global
}

/// Whether a global is one of those that mean something here.
pub(super) fn is_known(_name: &Name<'_>) -> bool {
    true
}

/// Modules with another name in Python 2: first that, then Python 3's.
const MOVED: &[(&str, &str)] = &[
    ("__builtin__", "builtins"),
    ("copy_reg", "copyreg"),
    ("exceptions", "builtins"),
];

/// Globals with another name in Python 2: module and name there, module and name in Python 3.
const RENAMED: &[(&str, &str, &str, &str)] = &[
    ("__builtin__", "unicode", "builtins", "str"),
    ("__builtin__", "long", "builtins", "int"),
    ("__builtin__", "xrange", "builtins", "range"),
];

/// The name under which a global stands in a pickle of this protocol: up to 2, Python 2's.
pub(super) fn to_pickle<'n>(module: &'n str, name: &'n str, protocol: u8) -> (&'n str, &'n str) {
    if protocol >= 3 {
        return (module, name);
    }
    let renamed = RENAMED.iter().find(|row| (row.2, row.3) == (module, name));
    let moved = MOVED.iter().find(|row| row.1 == module);
    match (renamed, moved) {
        (Some(row), _) => (row.0, row.1),
        (None, Some(row)) => (row.0, name),
        (None, None) => (module, name),
    }
}

/// Module and name of a dotted name, as [`Name::dotted`] puts them together.
pub(super) fn split(dotted: &str) -> Result<(&str, &str), Error> {
    let parts = dotted.split_once(':').or_else(|| dotted.rsplit_once('.'));
    let parts = parts.filter(|(module, name)| !module.is_empty() && !name.is_empty());
    parts.ok_or_else(|| {
        Error::unsupported(format!(
            "a class is pickled by its module and name, and {dotted:?} has no module"
        ))
    })
}
