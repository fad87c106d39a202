//! Instances of classes whose pickles hold something else than their attributes: Pyro's own, slices and ranges.

use serde::Serialize;

use super::object::SLICE_ATTRIBUTES;
use super::pyro;
use crate::{Error, Value, to_value};

/// What makes such an instance.
pub(super) enum Form {
    /// It is made without a call of the class, and has this state.
    State(Value),
    /// The class is called with these arguments.
    Call(Value),
}

/// The form of an instance of this class, if it is such a class and `content` is the class dict of one.
pub(super) fn form<T: Serialize + ?Sized>(class: &str, content: &T) -> Result<Option<Form>, Error> {
    let read: fn(&str, &Value) -> Option<Form> = match class {
        "builtins.slice" | "builtins.range" => slice,
        _ if pyro::is_special(class) => pyro::form,
        _ => return Ok(None),
    };
    Ok(read(class, &to_value(content)?))
}

fn slice(_class: &str, dict: &Value) -> Option<Form> {
    let dict = dict.as_dict()?;
    let args: Option<Vec<Value>> = SLICE_ATTRIBUTES.iter().map(|name| dict.get(name).cloned()).collect();
    Some(Form::Call(Value::Tuple(args?)))
}
