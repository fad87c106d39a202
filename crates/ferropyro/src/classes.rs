//! Class dicts: what Pyro makes of objects that the formats cannot carry, and back.
//!
//! On the way out, class names go through [`class_names`], so that each generation gets its own. On the way in, [`recreate`] turns the dicts of exceptions into
//! [`Value::Exception`] and those of any other class into [`Value::Instance`]: a class that nobody knows is data, never an error.

use std::borrow::Cow;

use ferropyro_formats::{ClassNames, Dict, Exception, Instance, Value};
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

/// How the formats translate class names for a peer of this dialect.
pub(crate) fn class_names(dialect: Dialect) -> ClassNames {
    if dialect.is_pyro5() { pyro5_name } else { pyro4_name }
}

/// Turns the class dicts in a decoded value into objects, inside containers too, but not inside the contents of another class dict but for an
/// exception's wrapper: that is how far Pyro's own `recreate_classes` goes.
pub fn recreate(value: Value) -> Value {
    match value {
        Value::Dict(dict) => match dict.get("__class__").and_then(Value::as_str) {
            Some(_) => recreate_object(dict),
            None => Value::Dict(dict.into_iter().map(|(key, value)| (key, recreate(value))).collect()),
        },
        Value::List(items) => Value::List(items.into_iter().map(recreate).collect()),
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(recreate).collect()),
        // Members of a set are hashable, and so no dicts.
        other => other,
    }
}

fn recreate_object(mut dict: Dict) -> Value {
    let class = match dict.remove("__class__") {
        Some(Value::Str(class)) => class,
        _ => String::new(),
    };
    if dict.get("__exception__") == Some(&Value::Bool(true)) || is_pyro_error(&class) {
        return Value::Exception(Box::new(recreate_exception(class, dict)));
    }
    if class.ends_with("._ExceptionWrapper")
        && let Some(inner) = dict.remove("exception")
    {
        return recreate(inner);
    }
    Value::Instance(Box::new(Instance {
        class,
        attributes: dict,
    }))
}

fn is_pyro_error(class: &str) -> bool {
    class.starts_with("Pyro4.errors.") || class.starts_with("Pyro5.errors.")
}

fn recreate_exception(class: String, mut dict: Dict) -> Exception {
    let args = dict
        .remove("args")
        .and_then(|args| args.into_items().ok())
        .unwrap_or_default();
    let attributes = match dict.remove("attributes") {
        Some(Value::Dict(attributes)) => attributes,
        _ => Dict::new(),
    };
    // A bare name is one of Python's own, or one of Pyro's.
    let class = match class.strip_prefix("exceptions.") {
        Some(name) => format!("builtins.{name}"),
        None if class.contains('.') => class,
        None => format!("builtins.{class}"),
    };
    Exception {
        class,
        args,
        attributes,
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
}
