//! The one place that prints: data on standard output, messages on standard error.
//!
//! What is printed is there at once, also in a pipe. A reader that has gone away, as `head` does, is no error: servers go on, tools end anyway.
//! Names, texts and tracebacks come from other programs, and a terminal obeys control characters: those are shown, not sent.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line of data to standard output.
pub(crate) fn line(text: impl Display) {
    let _ = try_line(text);
}

/// The same for what has no end: an error says that nobody reads it any more.
pub(crate) fn try_line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", harmless(&text.to_string())).and_then(|()| stdout.flush())
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
