//! The flags of a pattern: `(?i)` for all of it, `(?i-s:...)` for a part.

use super::case::Case;
use super::mistake::Result;
use super::source::{Source, Token};
use super::unicode;

/// A set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const IGNORE_CASE: Flags = Flags(1);
    pub(super) const MULTI_LINE: Flags = Flags(2);
    pub(super) const DOT_ALL: Flags = Flags(4);
    pub(super) const VERBOSE: Flags = Flags(8);
    pub(super) const ASCII: Flags = Flags(16);
    pub(super) const UNICODE: Flags = Flags(32);
    const LOCALE: Flags = Flags(64);
    /// Without a meaning, but Python 3.11 still knows it.
    pub(super) const TEMPLATE: Flags = Flags(128);
    /// Of these only one can be on.
    const TYPES: Flags = Flags(16 | 32 | 64);

    pub(super) fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 != 0
    }

    pub(super) fn with(self, flags: Flags) -> Flags {
        Flags(self.0 | flags.0)
    }

    /// What is in force in a part with flags of its own.
    pub(super) fn changed(self, on: Flags, off: Flags) -> Flags {
        let types = if on.has(Flags::TYPES) { Flags::TYPES.0 } else { 0 };
        Flags(((self.0 & !types) | on.0) & !off.0)
    }

    pub(super) fn case(self) -> Case {
        match (self.has(Flags::IGNORE_CASE), self.has(Flags::ASCII)) {
            (false, _) => Case::Exact,
            (true, true) => Case::Ascii,
            (true, false) => Case::Unicode,
        }
    }

    fn of(token: Token) -> Option<Flags> {
        Some(match token.plain()? {
            'a' => Flags::ASCII,
            'i' => Flags::IGNORE_CASE,
            'L' => Flags::LOCALE,
            'm' => Flags::MULTI_LINE,
            's' => Flags::DOT_ALL,
            't' => Flags::TEMPLATE,
            'u' => Flags::UNICODE,
            'x' => Flags::VERBOSE,
            _ => return None,
        })
    }
}

/// Flags that stand in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inline {
    /// For the whole pattern: the brackets are closed.
    Global(Flags),
    /// For what follows in the same brackets.
    Scoped { on: Flags, off: Flags },
}

impl Inline {
    /// Whether flags begin with this token.
    pub(super) fn begins(token: Token) -> bool {
        token == Token::Char('-') || Flags::of(token).is_some()
    }

    /// Reads flags from behind their first token.
    pub(super) fn read(source: &mut Source, first: Token) -> Result<Inline> {
        let mut on = Flags::default();
        let mut token = first;
        while let Some(flag) = Flags::of(token) {
            if flag == Flags::LOCALE {
                return Err(source.mistake(0, "bad inline flags: cannot use 'L' flag with a str pattern"));
            }
            on = on.with(flag);
            if flag.has(Flags::TYPES) && on.0 & Flags::TYPES.0 != flag.0 {
                return Err(source.mistake(0, "bad inline flags: flags 'a', 'u' and 'L' are incompatible"));
            }
            token = next(source, "missing -, : or )", &[')', '-', ':'])?;
        }
        if token == Token::Char(')') {
            return Ok(Inline::Global(on));
        }
        if on.has(Flags::TEMPLATE) {
            return Err(source.mistake(1, "bad inline flags: cannot turn on global flag"));
        }
        let mut off = Flags::default();
        if token == Token::Char('-') {
            off = read_off(source)?;
        }
        if off.has(Flags::TEMPLATE) {
            return Err(source.mistake(1, "bad inline flags: cannot turn off global flag"));
        }
        if on.has(off) {
            return Err(source.mistake(1, "bad inline flags: flag turned on and off"));
        }
        Ok(Inline::Scoped { on, off })
    }
}

/// The flags behind the minus, and the colon.
fn read_off(source: &mut Source) -> Result<Flags> {
    let mut off = Flags::default();
    let mut token = next(source, "missing flag", &[])?;
    while let Some(flag) = Flags::of(token) {
        if flag.has(Flags::TYPES) {
            return Err(source.mistake(0, "bad inline flags: cannot turn off flags 'a', 'u' and 'L'"));
        }
        off = off.with(flag);
        token = next(source, "missing :", &[':'])?;
    }
    Ok(off)
}

/// A flag, or one of the ends; anything else is a mistake.
fn next(source: &mut Source, missing: &str, ends: &[char]) -> Result<Token> {
    let Some(token) = source.take()? else {
        return Err(source.mistake(0, missing));
    };
    if Flags::of(token).is_some() || token.plain().is_some_and(|c| ends.contains(&c)) {
        return Ok(token);
    }
    let what = match token.plain() {
        Some(c) if unicode::is_letter(c) => "unknown flag",
        _ => missing,
    };
    Err(source.mistake(token.len(), what))
}
