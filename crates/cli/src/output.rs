//! The one place that prints: data on standard output, messages on standard error.
//!
//! What is printed is there at once, also in a pipe. A reader that has gone away, as `head` does, is no error: servers go on, tools end anyway.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line of data to standard output.
pub(crate) fn line(text: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes data without a line break behind it, such as a prompt, to standard output.
pub(crate) fn text(text: impl Display) {
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes a line for the user's eyes to standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
