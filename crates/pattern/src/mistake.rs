//! Why a pattern is refused, in Python's words.

use std::fmt;

/// What is wrong with a pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    what: String,
    /// In characters from the start of the pattern; Python states none for what it only notices after it has read everything.
    position: Option<usize>,
}

pub(super) type Result<T> = std::result::Result<T, Mistake>;

impl Mistake {
    pub(super) fn at(position: usize, what: impl Into<String>) -> Mistake {
        Mistake {
            what: what.into(),
            position: Some(position),
        }
    }

    pub(super) fn somewhere(what: impl Into<String>) -> Mistake {
        Mistake {
            what: what.into(),
            position: None,
        }
    }

    /// As Python's `re.error` prints it; line and column only where the pattern has lines.
    pub(super) fn explain(&self, pattern: &str) -> impl fmt::Display {
        let Some(position) = self.position else {
            return self.what.clone();
        };
        let text = format!("{} at position {position}", self.what);
        if !pattern.contains('\n') {
            return text;
        }
        let before = pattern.chars().take(position).enumerate();
        let breaks = before.filter(|(_, c)| *c == '\n').map(|(index, _)| index);
        let (line, start) = breaks.fold((1, 0), |(line, _), index| (line + 1, index + 1));
        format!("{text} (line {line}, column {})", position + 1 - start)
    }
}
