//! The one place that prints: data on standard output, messages on standard error.
//!
//! What is printed is there at once, also in a pipe. A reader that has gone away, as `head` does, is no error: servers go on, tools end anyway.
//! Names, texts and tracebacks come from other programs, and a terminal obeys control characters: those are shown, not sent.

use std::borrow::Cow;
use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes a line of data to standard output.
pub(crate) fn line(text: impl Display) {
    let _ = try_line(text);
}

/// The same for what has no end: an error says that nobody reads it any more.
pub(crate) fn try_line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", harmless(&text.to_string())).and_then(|()| stdout.flush())
}

/// The colour of a word.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    Green,
    Yellow,
    Red,
    Grey,
}

/// As [`line`], with a word before it that has a colour, if a person looks at it who did not forbid that (NO_COLOR).
pub(crate) fn marked(colour: Colour, word: impl Display, text: impl Display) {
    let mut stdout = io::stdout().lock();
    let (begin, end) = match has_colours(stdout.is_terminal()) {
        true => (colour.code(), "\x1b[0m"),
        false => ("", ""),
    };
    let (word, text) = (word.to_string(), text.to_string());
    let _ = writeln!(stdout, "{begin}{}{end} {}", harmless(&word), harmless(&text)).and_then(|()| stdout.flush());
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Colour::Green => "\x1b[32m",
            Colour::Yellow => "\x1b[33m",
            Colour::Red => "\x1b[31m",
            Colour::Grey => "\x1b[90m",
        }
    }
}

fn has_colours(is_terminal: bool) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    is_terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Writes data without a line break behind it, such as a prompt, to standard output.
pub(crate) fn text(text: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "{}", harmless(&text.to_string())).and_then(|()| stdout.flush());
}

/// Writes a line for the user's eyes to standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&text.to_string()));
}

/// The text with its control characters escaped as Python does it, but for line breaks and tabs.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_harmful(c) => shown += &format!("\\x{:02x}", u32::from(c)),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(harmless("plain, äöü,\ttwo\nlines"), "plain, äöü,\ttwo\nlines");
        assert_eq!(
            harmless("\x1b]0;title\x07\r\u{9b}2J\x7f"),
            "\\x1b]0;title\\x07\\x0d\\x9b2J\\x7f"
        );
    }
}
