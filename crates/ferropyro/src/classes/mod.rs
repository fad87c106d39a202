//! The names of classes: Pyro4 and Pyro5 call the same things by different ones.
//!
//! Names that go out pass through [`class_names`], so that each generation gets its own. What comes in keeps the name that it was sent with.

pub(crate) mod dict;
pub(crate) mod proxy;
mod uri;

use std::borrow::Cow;

use ferropyro_formats::ClassNames;
use ferropyro_wire::Dialect;

/// Pairs of class names that mean the same: Pyro4's, Pyro5's. Names in the `errors` and `util` modules agree but for the package.
const RENAMED: [(&str, &str); 4] = [
    ("Pyro4.core.Proxy", "Pyro5.client.Proxy"),
    ("Pyro4.core.Daemon", "Pyro5.server.Daemon"),
    ("Pyro4.futures._ExceptionWrapper", "Pyro5.core._ExceptionWrapper"),
    ("Pyro4.naming.NameServer", "Pyro5.nameserver.NameServer"),
];

/// The class name that a program of Pyro5 knows.
pub(crate) fn pyro5_name(class: &str) -> Cow<'_, str> {
    let Some(rest) = class.strip_prefix("Pyro4.") else {
        return Cow::Borrowed(class);
    };
    match RENAMED.iter().find(|(pyro4, _)| *pyro4 == class) {
        Some((_, pyro5)) => Cow::Borrowed(pyro5),
        None => Cow::Owned(format!("Pyro5.{rest}")),
    }
}

/// The class name that a program of Pyro4 knows.
pub(crate) fn pyro4_name(class: &str) -> Cow<'_, str> {
    let Some(rest) = class.strip_prefix("Pyro5.") else {
        return Cow::Borrowed(class);
    };
    match RENAMED.iter().find(|(_, pyro5)| *pyro5 == class) {
        Some((pyro4, _)) => Cow::Borrowed(pyro4),
        None => Cow::Owned(format!("Pyro4.{rest}")),
    }
}

/// The class name that a program of Pyro4 up to 4.25 knows. It finds Python's own exceptions only by the module that they have in its own version of Python, or
/// without any.
fn oldest_name(class: &str) -> Cow<'_, str> {
    match class.strip_prefix("builtins.") {
        Some(name) => Cow::Borrowed(name),
        None => pyro4_name(class),
    }
}

/// How the formats translate class names for a peer of this dialect.
pub(crate) fn class_names(dialect: Dialect) -> ClassNames {
    match dialect {
        Dialect::V46 => oldest_name,
        Dialect::V47 | Dialect::V48 => pyro4_name,
        Dialect::V502 => pyro5_name,
    }
}

/// The class of an exception as Python 3 names it: Python 2 calls the module of its own exceptions otherwise, and a bare name is one of them.
pub(crate) fn exception_class(class: String) -> String {
    match class.strip_prefix("exceptions.") {
        Some(name) => format!("builtins.{name}"),
        None if class.contains('.') => class,
        None => format!("builtins.{class}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated_both_ways() {
        for (pyro4, pyro5) in [
            ("Pyro4.core.URI", "Pyro5.core.URI"),
            ("Pyro4.core.Proxy", "Pyro5.client.Proxy"),
            ("Pyro4.errors.NamingError", "Pyro5.errors.NamingError"),
            ("Pyro4.futures._ExceptionWrapper", "Pyro5.core._ExceptionWrapper"),
            ("builtins.ValueError", "builtins.ValueError"),
            ("my.Thing", "my.Thing"),
        ] {
            assert_eq!(pyro5_name(pyro4), pyro5);
            assert_eq!(pyro4_name(pyro5), pyro4);
        }
    }

    #[test]
    fn the_oldest_need_pythons_own_exceptions_without_a_module() {
        let name = class_names(Dialect::V46);
        assert_eq!(name("builtins.ValueError"), "ValueError");
        assert_eq!(name("Pyro5.errors.NamingError"), "Pyro4.errors.NamingError");
    }
}
