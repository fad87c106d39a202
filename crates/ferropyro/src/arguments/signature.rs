//! What a method is called and takes, for the texts of TypeErrors.

use std::fmt;

use crate::error::Raise;
use crate::object::members::Param;

/// A function in Python's error texts: `Class.method`, and its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature<'a> {
    pub(crate) class: &'a str,
    pub(crate) method: &'a str,
    pub(crate) params: &'a [Param],
}

/// The texts of Python's TypeErrors. A method's own object counts as an argument there.
impl Signature<'_> {
    pub(super) fn type_error(&self, problem: fmt::Arguments<'_>) -> Raise {
        Raise::new("TypeError", format!("{}.{}() {problem}", self.class, self.method))
    }

    pub(super) fn wrong_type(&self, index: usize, error: &ferropyro_formats::Error) -> Raise {
        let name = self.params.get(index).map_or("?", |param| &param.name);
        self.type_error(format_args!("argument '{name}': {}", error.message()))
    }

    pub(super) fn check_given(&self, given: usize) -> Result<(), Raise> {
        let most = self.params.len();
        if given <= most {
            return Ok(());
        }
        let optional = self.params.iter().filter(|param| param.optional).count();
        let takes = match optional {
            0 => (most + 1).to_string(),
            _ => format!("from {} to {}", most + 1 - optional, most + 1),
        };
        let plural = if most == 0 && optional == 0 { "" } else { "s" };
        let given = given + 1;
        Err(self.type_error(format_args!(
            "takes {takes} positional argument{plural} but {given} were given"
        )))
    }

    pub(super) fn check_missing(&self, is_filled: impl Fn(usize) -> bool) -> Result<(), Raise> {
        let missing: Vec<String> = self
            .params
            .iter()
            .enumerate()
            .filter(|(index, param)| !param.optional && !is_filled(*index))
            .map(|(_, param)| format!("'{}'", param.name))
            .collect();
        let names = match missing.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            [first, second] => format!("{first} and {second}"),
            [front @ .., last] => format!("{}, and {last}", front.join(", ")),
        };
        let plural = if missing.len() == 1 { "" } else { "s" };
        Err(self.type_error(format_args!(
            "missing {} required positional argument{plural}: {names}",
            missing.len()
        )))
    }
}
