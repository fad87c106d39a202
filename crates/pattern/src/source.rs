//! A pattern as a row of tokens: characters, and backslashes with the character behind them.

use std::fmt;

use super::mistake::{Mistake, Result};

/// The smallest piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    /// A backslash and this character.
    Escape(char),
}

impl Token {
    /// In characters.
    pub(super) fn len(self) -> usize {
        match self {
            Token::Char(_) => 1,
            Token::Escape(_) => 2,
        }
    }

    /// The character, if no backslash stands before it.
    pub(super) fn plain(self) -> Option<char> {
        match self {
            Token::Char(c) => Some(c),
            Token::Escape(_) => None,
        }
    }
}

/// As it stands in the pattern.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Char(c) => write!(f, "{c}"),
            Token::Escape(c) => write!(f, "\\{c}"),
        }
    }
}

/// Reads a pattern, one token ahead as Python does: a backslash at the end is noticed before anything that is wrong with the token in front of it.
#[derive(Debug)]
pub(super) struct Source {
    chars: Vec<char>,
    /// Behind the token that comes next.
    index: usize,
    next: Option<Token>,
}

impl Source {
    pub(super) fn new(pattern: &str) -> Result<Source> {
        let mut source = Source {
            chars: pattern.chars().collect(),
            index: 0,
            next: None,
        };
        source.advance()?;
        Ok(source)
    }

    /// What comes next.
    pub(super) fn next(&self) -> Option<Token> {
        self.next
    }

    /// Whether this character comes next, without a backslash.
    pub(super) fn sees(&self, wanted: char) -> bool {
        self.next == Some(Token::Char(wanted))
    }

    /// Where the next token begins, in characters.
    pub(super) fn position(&self) -> usize {
        self.index - self.next.map_or(0, Token::len)
    }

    pub(super) fn take(&mut self) -> Result<Option<Token>> {
        let taken = self.next;
        self.advance()?;
        Ok(taken)
    }

    /// Takes the next token if it is this character.
    pub(super) fn eat(&mut self, wanted: char) -> Result<bool> {
        let found = self.sees(wanted);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Takes characters of a kind, at most so many.
    pub(super) fn take_while(&mut self, most: usize, kind: impl Fn(char) -> bool) -> Result<String> {
        let mut taken = String::new();
        for _ in 0..most {
            match self.next {
                Some(Token::Char(c)) if kind(c) => taken.push(c),
                _ => break,
            }
            self.advance()?;
        }
        Ok(taken)
    }

    /// Takes a name and the character that ends it.
    pub(super) fn take_name(&mut self, end: char, what: &str) -> Result<String> {
        let mut name = String::new();
        loop {
            let token = self.take()?;
            match token {
                None if name.is_empty() => return Err(self.mistake(0, format!("missing {what}"))),
                None => {
                    let text = format!("missing {end}, unterminated name");
                    return Err(self.mistake(name.chars().count(), text));
                }
                Some(Token::Char(c)) if c == end => break,
                Some(token) => name.push_str(&token.to_string()),
            }
        }
        if name.is_empty() {
            return Err(self.mistake(1, format!("missing {what}")));
        }
        Ok(name)
    }

    /// Goes back to a position.
    pub(super) fn seek(&mut self, position: usize) -> Result<()> {
        self.index = position;
        self.advance()
    }

    /// A mistake so many characters before the next token.
    pub(super) fn mistake(&self, back: usize, what: impl Into<String>) -> Mistake {
        Mistake::at(self.position().saturating_sub(back), what)
    }

    fn advance(&mut self) -> Result<()> {
        let at = self.index;
        self.next = match (self.chars.get(at), self.chars.get(at + 1)) {
            (None, _) => None,
            (Some('\\'), None) => return Err(Mistake::at(at, "bad escape (end of pattern)")),
            (Some('\\'), Some(c)) => Some(Token::Escape(*c)),
            (Some(c), _) => Some(Token::Char(*c)),
        };
        self.index = at + self.next.map_or(0, Token::len);
        Ok(())
    }
}
