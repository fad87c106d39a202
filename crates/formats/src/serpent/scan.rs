use crate::stack::with_stack;
use crate::{Error, ErrorKind, Limits};

/// Walks over the text of a Python literal: the layer below serde.
pub(super) struct Scanner<'de> {
    pub(super) input: &'de [u8],
    /// Where the walk is, in bytes.
    pub(super) at: usize,
    /// The open brackets.
    pub(super) depth: usize,
    pub(super) limits: Limits,
    /// How many values may still come.
    items: usize,
    /// A tuple without parentheses is to come, the whole text.
    bare_tuple: bool,
    ahead: Ahead,
}

/// What looking ahead has found out, so that no text is looked at more than once.
#[derive(Default)]
struct Ahead {
    active: bool,
    /// All brackets that stand before this position are known.
    until: usize,
    /// The positions of parentheses without a tuple and of braces without a dict, ascending.
    unusual: Vec<usize>,
}

impl<'de> Scanner<'de> {
    pub(super) fn new(input: &'de [u8], limits: &Limits) -> Scanner<'de> {
        let mut scanner = Scanner {
            input,
            at: 0,
            depth: 0,
            limits: *limits,
            items: limits.items,
            bare_tuple: false,
            ahead: Ahead::default(),
        };
        scanner.prologue();
        scanner
    }

    pub(super) fn bare_tuple(input: &'de [u8], limits: &Limits) -> Scanner<'de> {
        Scanner {
            bare_tuple: true,
            ..Scanner::new(input, limits)
        }
    }

    /// Skips the header, other comments and blank lines. Blanks before the first value are taken at the very start only, as Python does.
    fn prologue(&mut self) {
        if self.input.starts_with(super::HEADER) {
            self.at = super::HEADER.len();
        } else {
            self.at = self.input.iter().take_while(|byte| is_blank(**byte)).count();
        }
        loop {
            let indent = self.input[self.at..].iter().take_while(|byte| is_blank(**byte)).count();
            match self.input.get(self.at + indent) {
                Some(b'\n' | b'\r' | b'#') => {
                    self.at += indent;
                    self.skip_lines();
                }
                // A form feed sets Python's count of blanks back to none.
                Some(_) if self.input[self.at..self.at + indent].ends_with(b"\x0C") => {
                    self.at += indent;
                    return;
                }
                _ => return,
            }
        }
    }

    /// The first byte of the next value or sign, behind blanks; 0 at the end of the text.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        match self.input.get(self.at) {
            // What Pyro writes has no blanks: all that may need skipping is a backslash or sorts up to `#`.
            Some(&byte) if byte > b'#' && byte != b'\\' && !self.bare_tuple => byte,
            _ => self.peek_behind_blanks(),
        }
    }

    fn peek_behind_blanks(&mut self) -> u8 {
        if self.bare_tuple {
            return b'(';
        }
        self.skip_blanks();
        self.byte(0)
    }

    /// The byte so far ahead; 0 behind the end of the text.
    #[inline]
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.input.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_blanks(&mut self) {
        if self.depth == 0 && self.at_line_start() {
            return;
        }
        loop {
            match self.byte(0) {
                b' ' | b'\t' | 0x0C => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'\\' if self.input[self.at + 1..].starts_with(b"\r\n") => self.at += 3,
                b'\n' | b'\r' | b'#' if self.depth > 0 => self.skip_lines(),
                _ => return,
            }
        }
    }

    fn at_line_start(&self) -> bool {
        self.at > 0 && matches!(self.input[self.at - 1], b'\n' | b'\r')
    }

    /// Skips line ends and comments. Stops at a NUL, which Python takes nowhere.
    fn skip_lines(&mut self) {
        loop {
            match self.byte(0) {
                b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let rest = &self.input[self.at..];
                    self.at += memchr::memchr3(b'\n', b'\r', 0, rest).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// Takes this byte if it comes next, after blanks.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && self.at < self.input.len();
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Error> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("'{}'", char::from(byte)))),
        }
    }

    /// Checks that nothing but comments and blank lines is left.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        while self.at < self.input.len() {
            let start = self.at;
            while is_blank(self.byte(0)) {
                self.at += 1;
            }
            self.skip_lines();
            if self.at == start {
                return Err(self.unexpected("the end"));
            }
        }
        Ok(())
    }

    /// The error of finding something else than `expected`.
    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let Some(rest) = self.input.get(self.at..).filter(|rest| !rest.is_empty()) else {
            return Error::eof(format!("the text ends where {expected} should be"), self.at);
        };
        let text = String::from_utf8_lossy(&rest[..rest.len().min(4)]);
        match text.chars().next().unwrap_or('\0') {
            ' ' | '\t' if self.depth == 0 => Error::syntax("unexpected indent", self.at),
            found => Error::syntax(format!("invalid syntax: {found:?} where {expected} should be"), self.at),
        }
    }

    /// Counts one value.
    #[inline]
    pub(super) fn count_item(&mut self) -> Result<(), Error> {
        match self.items.checked_sub(1) {
            Some(left) => self.items = left,
            None => return Err(self.too_many_items()),
        }
        Ok(())
    }

    #[cold]
    fn too_many_items(&self) -> Error {
        self.limit(format!("more than {} values", self.limits.items))
    }

    pub(super) fn limit(&self, message: String) -> Error {
        Error::at(ErrorKind::Limit, message, self.at)
    }

    /// Takes an opening bracket. Gives the bracket that closes; 0 for the end of the text.
    pub(super) fn open(&mut self) -> Result<u8, Error> {
        if self.depth >= self.limits.depth {
            return Err(self.limit("too many nested parentheses".to_owned()));
        }
        self.depth += 1;
        if std::mem::take(&mut self.bare_tuple) {
            return Ok(0);
        }
        let close = match self.byte(0) {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        self.at += 1;
        Ok(close)
    }

    /// Goes to the next item of a container. False at its end, with the closing bracket taken.
    #[inline]
    pub(super) fn next_item(&mut self, first: bool, close: u8) -> Result<bool, Error> {
        let mut byte = self.peek();
        if !first && byte == b',' {
            self.at += 1;
            byte = self.peek();
        } else if !first && byte != close {
            return Err(self.no_comma(close));
        }
        if byte == close {
            self.at += usize::from(close != 0);
            self.depth -= 1;
            return Ok(false);
        }
        Ok(true)
    }

    #[cold]
    fn no_comma(&self, close: u8) -> Error {
        self.unexpected(&format!("',' or {}", bracket(close)))
    }

    /// Whether a parenthesis comes next, and a text behind it.
    pub(super) fn text_in_parentheses(&self) -> bool {
        self.byte(0) == b'(' && matches!(self.byte(1), b'\'' | b'"')
    }

    /// Whether the bracket that comes next opens a tuple or dict, and not a group in parentheses or a set.
    pub(super) fn is_usual(&mut self) -> Result<bool, Error> {
        let open = self.at;
        if self.bare_tuple {
            return Ok(true);
        }
        if open < self.ahead.until {
            return Ok(self.ahead.unusual.binary_search(&open).is_err());
        }
        let (depth, items) = (self.depth, self.items);
        self.ahead.unusual.clear();
        self.ahead.active = true;
        let usual = self.look_ahead();
        self.ahead.active = false;
        self.ahead.until = self.at;
        self.ahead.unusual.sort_unstable();
        (self.at, self.depth, self.items) = (open, depth, items);
        usual
    }

    fn look_ahead(&mut self) -> Result<bool, Error> {
        let close = self.open()?;
        if self.peek() == close {
            return Ok(true);
        }
        self.skip_value()?;
        Ok(self.usual_after_first(close))
    }

    /// Whether what stands behind the first item makes the container a tuple or a dict.
    fn usual_after_first(&mut self, close: u8) -> bool {
        match close {
            b')' => self.peek() == b',',
            _ => self.peek() == b':',
        }
    }

    /// Skips a value, checking its grammar.
    pub(super) fn skip_value(&mut self) -> Result<(), Error> {
        self.count_item()?;
        match self.peek() {
            b'[' | b'(' | b'{' => with_stack(|| self.skip_container()),
            b'\'' | b'"' => self.skip_text(),
            b'0'..=b'9' | b'+' | b'-' => self.skip_number(),
            b'.' if self.byte(1).is_ascii_digit() => self.skip_number(),
            _ if self.at_text() => self.skip_text(),
            _ => self.word().map(drop),
        }
    }

    fn skip_container(&mut self) -> Result<(), Error> {
        let start = self.at;
        let close = self.open()?;
        let mut usual = true;
        let mut first = true;
        while self.next_item(first, close)? {
            self.skip_value()?;
            if first {
                usual = self.after_first(start, close);
                first = false;
            }
            match (close, usual) {
                (b')', false) => return self.close_group(),
                (b'}', true) => {
                    self.expect(b':')?;
                    self.skip_value()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Closes the parentheses around a single value.
    pub(super) fn close_group(&mut self) -> Result<(), Error> {
        self.expect(b')')?;
        self.depth -= 1;
        Ok(())
    }

    /// Notes what the container at `start` is, while looking ahead, and gives whether it is a usual one.
    fn after_first(&mut self, start: usize, close: u8) -> bool {
        let usual = close == b']' || close == 0 || self.usual_after_first(close);
        if !usual && self.ahead.active {
            self.ahead.unusual.push(start);
        }
        usual
    }

    /// Takes a word such as `None`.
    pub(super) fn word(&mut self) -> Result<Word, Error> {
        if self.byte(0) == b'.' {
            if self.input[self.at..].starts_with(b"...") {
                self.at += 3;
                return Ok(Word::Ellipsis);
            }
            return Err(self.unexpected("a value"));
        }
        let rest = &self.input[self.at..];
        let length = rest.iter().take_while(|byte| is_name(**byte)).count();
        let word = match &rest[..length] {
            b"" => return Err(self.unexpected("a value")),
            b"None" => Word::None,
            b"True" => Word::True,
            b"False" => Word::False,
            b"set" => {
                self.at += length;
                return self.empty_set();
            }
            name => {
                let name = String::from_utf8_lossy(&name[..name.len().min(40)]);
                return Err(Error::syntax(format!("malformed node or string: {name}"), self.at));
            }
        };
        self.at += length;
        Ok(word)
    }

    fn empty_set(&mut self) -> Result<Word, Error> {
        self.expect(b'(')?;
        self.depth += 1;
        self.expect(b')')?;
        self.depth -= 1;
        Ok(Word::EmptySet)
    }
}

/// The values that are written as names.
pub(super) enum Word {
    None,
    True,
    False,
    Ellipsis,
    EmptySet,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0C)
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn bracket(close: u8) -> String {
    match close {
        0 => "the end".to_owned(),
        _ => format!("'{}'", char::from(close)),
    }
}
