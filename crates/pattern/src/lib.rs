//! Regular expressions as Python's `re.match` takes them: the rule by which names are listed and exposed.
#![forbid(unsafe_code)]

mod ast;
mod budget;
mod case;
mod flags;
mod linear;
mod machine;
mod mistake;
mod parser;
mod program;
mod set;
mod source;
#[cfg(test)]
mod tests;
mod unicode;

use std::fmt;
use std::sync::Arc;

use ferropyro::{Error, ErrorKind, Result};

use budget::Budget;
use linear::Linear;
use program::Program;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;
/// The most steps for one name.
const MAX_STEPS: u64 = 1_000_000;

/// A regular expression that is matched from the start of a name, and need not reach its end: Python's `re.match`, of CPython 3.11.
///
/// Names are matched in time linear in their length, unless the pattern has look-ahead, look-behind, back references, conditions, atomic groups or
/// possessive repeats, is very large, or has `\b` and the name is not ASCII, or `$` and the name ends with a line break. Then steps are counted, and there is a
/// limit: 1,000,000 for a name, and 10,000,000 (without 100 for each name) for all names that [`Pattern::matches`] is asked about.
///
/// Python takes these patterns, and they are refused here:
/// - names of characters, `\N{EM DASH}`;
/// - the flag `t`, which has no meaning and is gone in Python 3.13;
/// - numbers of groups in conditions that are not plain digits, `(?( 1 )a)`: Python 3.12 refuses them too;
/// - more than 100 brackets within each other, and patterns of more than 4096 bytes.
///
/// Which characters are letters, digits and so on is that of a newer version of Unicode than Python's. With the flag `i`, capital letters beyond U+FFFF in a
/// set, or among branches of one character, match their small ones, where CPython 3.11 lets them match nothing.
#[derive(Clone)]
pub struct Pattern {
    compiled: Arc<Compiled>,
    budget: Budget,
}

struct Compiled {
    text: String,
    linear: Option<Linear>,
    program: Program,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// `Naming`, `invalid regex: ` and the reason, in Python's words where it has some.
    pub fn new(pattern: &str) -> Result<Pattern> {
        if pattern.len() > MAX_PATTERN {
            return Err(invalid(format_args!("longer than {MAX_PATTERN} bytes")));
        }
        let parsed = parser::parse(pattern).map_err(|mistake| invalid(mistake.explain(pattern)))?;
        Ok(Pattern {
            compiled: Arc::new(Compiled {
                text: pattern.to_owned(),
                linear: Linear::new(&parsed.root),
                program: Program::new(&parsed),
            }),
            budget: Budget::default(),
        })
    }

    /// Whether a name matches, from its start. False also when the limit is exceeded, with this name or one before: [`Pattern::check`] tells, and
    /// must be asked when all names are through.
    pub fn matches(&self, name: &str) -> bool {
        if self.exceeded() {
            return false;
        }
        let answer = self.compiled.run(name);
        self.budget.spend(answer.ok().map(|(_, steps)| steps));
        answer.is_ok_and(|(matches, _)| matches)
    }

    /// Whether a name matches, from its start. What other names have cost does not count: for patterns that are kept.
    ///
    /// # Errors
    /// `Naming` when that takes too many steps.
    pub fn try_matches(&self, name: &str) -> Result<bool> {
        self.compiled
            .run(name)
            .map_or_else(|_| Err(too_slow()), |(matches, _)| Ok(matches))
    }

    /// Whether [`Pattern::matches`], of this or any clone, has come to its limit, so that its answers are not to be trusted.
    pub fn exceeded(&self) -> bool {
        self.budget.exceeded()
    }

    /// That the answers of [`Pattern::matches`] are right.
    ///
    /// # Errors
    /// `Naming` when they are not, because the limit is exceeded.
    pub fn check(&self) -> Result<()> {
        if self.exceeded() { Err(too_slow()) } else { Ok(()) }
    }
}

/// The pattern as it was given: what it is compiled to is long.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.compiled.text).finish()
    }
}

impl Compiled {
    /// Whether a name matches, and how many steps that took.
    fn run(&self, name: &str) -> std::result::Result<(bool, u64), machine::Exhausted> {
        match self.linear.as_ref().and_then(|linear| linear.matches(name)) {
            Some(matches) => Ok((matches, 0)),
            None => machine::run(&self.program, name, MAX_STEPS),
        }
    }
}

fn invalid(reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Naming, format!("invalid regex: {reason}"))
}

fn too_slow() -> Error {
    Error::new(
        ErrorKind::Naming,
        "the regex takes too long: give one with fewer ways to match the same name",
    )
}
