//! The lines of an index of `dbm.dumb`: a key, as Python writes a text, and where its value is.

use ferropyro::Value;
use ferropyro::formats::serpent;

use crate::local::Trouble;

/// Where a value is in the data file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// The line for a key, whose bytes Python takes for those of Latin-1.
pub(super) fn line(key: &[u8], place: Place) -> Vec<u8> {
    let key: String = key.iter().copied().map(char::from).collect();
    let line = format!("{}, ({}, {})\n", Value::from(key), place.start, place.length);
    // All of it is in Latin-1: the key is, and Python's repr writes nothing else.
    line.chars().map(|char| char as u8).collect()
}

/// What a line says.
///
/// # Errors
/// When it is none that Python's module writes.
pub(super) fn parse(line: &[u8]) -> Result<(Vec<u8>, Place), Trouble> {
    let damaged = || format!("it is damaged: the index has the line {}", line.escape_ascii());
    let text: String = line.iter().copied().map(char::from).collect();
    let literal = format!("({})", text.trim_end());
    let read = serpent::from_slice::<(String, (u64, u64))>(literal.as_bytes());
    let (key, (start, length)) = read.map_err(|_| damaged())?;
    let key: Option<Vec<u8>> = key.chars().map(|char| u8::try_from(char).ok()).collect();
    Ok((key.ok_or_else(damaged)?, Place { start, length }))
}
