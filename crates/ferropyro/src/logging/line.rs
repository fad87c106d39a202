//! How a message looks in the log.

use std::fmt::{self, Write as _};

use tracing::Event;
use tracing::field::{Field, Visit};

use super::Level;

/// The line of an event: `[YYYY-MM-DD hh:mm:ss.mmm,LOGGER,LEVEL] text`.
pub(super) fn line(event: &Event<'_>) -> String {
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%3f");
    let metadata = event.metadata();
    let text = text(event);
    format!(
        "[{now},{},{}] {text}\n",
        metadata.target(),
        level_name(metadata.level())
    )
}

/// What an event says, as the log has it: its message, then its other fields as ` name=value`, in one line. For programs and bindings with a log of their own.
#[must_use]
pub fn text(event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    one_line(&(fields.message + &fields.others))
}

/// Python has no name for what is finer than DEBUG.
fn level_name(level: &tracing::Level) -> Level {
    Level::of(level).max(Level::Debug)
}

/// The text with its line breaks escaped: what a peer sends must not be able to look like a line of the log.
fn one_line(text: &str) -> String {
    text.replace('\r', "\\r").replace('\n', "\\n")
}

/// The message of an event, and its other fields as ` name=value`.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = field.name();
        let text = if name == "message" {
            &mut self.message
        } else {
            &mut self.others
        };
        // Writing to a String does not fail.
        let _ = if name == "message" {
            write!(text, "{value:?}")
        } else {
            write!(text, " {name}={value:?}")
        };
    }
}

/// A text from elsewhere, of which only so much goes into a line of the log.
pub(crate) struct Clipped<'a>(pub(crate) &'a str);

/// The most characters of it.
const MOST_CHARACTERS: usize = 1000;

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MOST_CHARACTERS) {
            None => f.write_str(self.0),
            Some((end, _)) => write!(
                f,
                "{}... ({} bytes)",
                self.0.get(..end).unwrap_or_default(),
                self.0.len()
            ),
        }
    }
}
