//! What stands behind a backslash.

use super::{Parser, literal};
use crate::ast::{Node, Place};
use crate::case::Case;
use crate::flags::Flags;
use crate::mistake::{Mistake, Result};
use crate::set::{Category, Item, Set};

impl Parser {
    /// An escape outside of a set, from behind its letter.
    pub(super) fn escape(&mut self, letter: char, flags: Flags) -> Result<Node> {
        let word_boundary = |negated| Place::WordBoundary {
            ascii: flags.has(Flags::ASCII),
            negated,
        };
        if let Some(category) = Category::of_escape(letter, flags) {
            return Ok(Node::One(Set::new(false, &[Item::Category(category)], Case::Exact)));
        }
        match letter {
            'A' => Ok(Node::At(Place::Start)),
            'Z' => Ok(Node::At(Place::End)),
            'b' => Ok(Node::At(word_boundary(false))),
            'B' => Ok(Node::At(word_boundary(true))),
            '0' => Ok(literal(self.octal(letter)?, flags)),
            '1'..='9' => self.number(letter, flags),
            _ => Ok(literal(self.character(letter)?, flags)),
        }
    }

    /// An escape inside of a set.
    pub(super) fn set_escape(&mut self, letter: char, flags: Flags) -> Result<Item> {
        if let Some(category) = Category::of_escape(letter, flags) {
            return Ok(Item::Category(category));
        }
        Ok(Item::Char(match letter {
            'b' => 8,
            '0'..='7' => self.octal(letter)?,
            '8' | '9' => return Err(self.bad(&format!("\\{letter}"))),
            _ => self.character(letter)?,
        }))
    }

    /// What means one character, inside of sets and outside.
    fn character(&mut self, letter: char) -> Result<u32> {
        Ok(match letter {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => self.hex(letter, 2)?,
            'u' => self.hex(letter, 4)?,
            'U' => self.hex(letter, 8)?,
            'N' => return Err(self.named()),
            _ if letter.is_ascii_alphabetic() => return Err(self.bad(&format!("\\{letter}"))),
            _ => letter.into(),
        })
    }

    /// Exactly so many hexadecimal digits.
    fn hex(&mut self, letter: char, count: usize) -> Result<u32> {
        let digits = self.source.take_while(count, |c| c.is_ascii_hexdigit())?;
        let escape = format!("\\{letter}{digits}");
        if digits.len() != count {
            return Err(self.source.mistake(escape.len(), format!("incomplete escape {escape}")));
        }
        match u32::from_str_radix(&digits, 16) {
            Ok(code) if code <= char::MAX.into() => Ok(code),
            _ => Err(self.bad(&escape)),
        }
    }

    /// At most two more octal digits.
    fn octal(&mut self, first: char) -> Result<u32> {
        let more = self.source.take_while(2, |c| matches!(c, '0'..='7'))?;
        self.octal_value(&format!("{first}{more}"))
    }

    fn octal_value(&self, digits: &str) -> Result<u32> {
        match u32::from_str_radix(digits, 8) {
            Ok(code) if code <= 0o377 => Ok(code),
            _ => {
                let what = format!("octal escape value \\{digits} outside of range 0-0o377");
                Err(self.source.mistake(digits.len() + 1, what))
            }
        }
    }

    /// Three octal digits are a character, anything else is the number of a group.
    fn number(&mut self, first: char, flags: Flags) -> Result<Node> {
        let is_octal = |c| matches!(c, '0'..='7');
        let mut digits = String::from(first);
        digits += &self.source.take_while(1, |c| c.is_ascii_digit())?;
        if digits.len() == 2 && digits.chars().all(is_octal) {
            digits += &self.source.take_while(1, is_octal)?;
            if digits.len() == 3 {
                return Ok(literal(self.octal_value(&digits)?, flags));
            }
        }
        match digits.parse() {
            Ok(group) if group < self.groups.len() => self.back_reference(group, digits.len() + 1, flags),
            _ => {
                let what = format!("invalid group reference {digits}");
                Err(self.source.mistake(digits.len(), what))
            }
        }
    }

    /// What a group has matched; `back` is the length of the reference.
    pub(super) fn back_reference(&mut self, group: usize, back: usize, flags: Flags) -> Result<Node> {
        if !self.is_closed(group) {
            return Err(self.source.mistake(back, "cannot refer to an open group"));
        }
        self.check_behind(group)?;
        Ok(Node::BackReference(group, flags.case()))
    }

    pub(super) fn is_closed(&self, group: usize) -> bool {
        self.groups.get(group).is_some_and(Option::is_some)
    }

    /// The width of a look-behind must not depend on a group inside of it.
    pub(super) fn check_behind(&self, group: usize) -> Result<()> {
        match self.behind {
            None => Ok(()),
            Some(_) if !self.is_closed(group) => Err(self.source.mistake(0, "cannot refer to an open group")),
            Some(before) if group >= before => {
                let what = "cannot refer to group defined in the same lookbehind subpattern";
                Err(self.source.mistake(0, what))
            }
            Some(_) => Ok(()),
        }
    }

    /// `\N{EM DASH}`: the names of all characters are a table of a megabyte, so it is always a mistake.
    fn named(&mut self) -> Mistake {
        let name = match self.source.eat('{') {
            Ok(true) => self.source.take_name('}', "character name"),
            Ok(false) => return self.source.mistake(0, "missing {"),
            Err(mistake) => return mistake,
        };
        match name {
            Ok(name) => {
                let what = r"names of characters (\N{...}) are not supported";
                self.source.mistake(name.chars().count() + 4, what)
            }
            Err(mistake) => mistake,
        }
    }

    fn bad(&self, escape: &str) -> Mistake {
        self.source
            .mistake(escape.chars().count(), format!("bad escape {escape}"))
    }
}
