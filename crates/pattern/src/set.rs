//! Sets of characters: what one character of a name has to be.

use super::case::Case;
use super::flags::Flags;
use super::unicode::{self, Ranges};

/// A set of characters, with case already taken into account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    negated: bool,
    /// In order, and apart from each other. Code points and not characters: Python's patterns may name surrogates, which no name of ours has.
    ranges: Ranges,
    categories: Vec<Category>,
}

/// `\d`, `\s`, `\w` or their opposites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Category {
    pub(super) kind: Kind,
    pub(super) ascii: bool,
    pub(super) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Digit,
    Space,
    Word,
}

/// One thing between the brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Char(u32),
    Range(u32, u32),
    Category(Category),
}

impl Set {
    pub(super) fn new(negated: bool, items: &[Item], case: Case) -> Set {
        let mut ranges = Ranges::new();
        let mut categories = Vec::new();
        for item in items {
            match *item {
                Item::Char(code) => ranges.push((code, code)),
                Item::Range(low, high) => ranges.push((low, high)),
                Item::Category(category) if categories.contains(&category) => {}
                Item::Category(category) => categories.push(category),
            }
        }
        Set {
            negated,
            ranges: merged(case.close(merged(ranges))),
            categories,
        }
    }

    pub(super) fn of_char(code: u32, case: Case) -> Set {
        Set::new(false, &[Item::Char(code)], case)
    }

    /// `.`
    pub(super) fn dot(flags: Flags) -> Set {
        match flags.has(Flags::DOT_ALL) {
            true => Set::new(true, &[], Case::Exact),
            false => Set::new(true, &[Item::Char('\n'.into())], Case::Exact),
        }
    }

    pub(super) fn contains(&self, c: char) -> bool {
        let listed =
            unicode::includes(&self.ranges, c.into()) || self.categories.iter().any(|category| category.contains(c));
        listed != self.negated
    }

    /// In the notation of the crate regex.
    pub(super) fn write(&self, text: &mut String) {
        const ALL: &str = r"\x{0}-\x{10FFFF}";
        let start = text.len();
        for (low, high) in self.ranges.iter().flat_map(|range| without_surrogates(*range)) {
            *text += &format!("\\x{{{low:X}}}-\\x{{{high:X}}}");
        }
        for category in &self.categories {
            category.write(text);
        }
        // An empty pair of brackets is not in that notation.
        let empty = text.len() == start;
        if empty {
            *text += ALL;
        }
        text.insert_str(start, if self.negated == empty { "[" } else { "[^" });
        text.push(']');
    }
}

impl Category {
    /// The category that a letter behind a backslash stands for.
    pub(super) fn of_escape(letter: char, flags: Flags) -> Option<Category> {
        let kind = match letter.to_ascii_lowercase() {
            'd' => Kind::Digit,
            's' => Kind::Space,
            'w' => Kind::Word,
            _ => return None,
        };
        Some(Category {
            kind,
            ascii: flags.has(Flags::ASCII),
            negated: letter.is_ascii_uppercase(),
        })
    }

    pub(super) fn contains(self, c: char) -> bool {
        let belongs = match self.kind {
            _ if self.ascii && !c.is_ascii() => false,
            Kind::Space if self.ascii => matches!(c, '\t'..='\r' | ' '),
            Kind::Digit => unicode::is_digit(c),
            Kind::Space => unicode::is_space(c),
            Kind::Word => unicode::is_word(c),
        };
        belongs != self.negated
    }

    fn write(self, text: &mut String) {
        let inner = match (self.kind, self.ascii) {
            (Kind::Digit, true) => "0-9",
            (Kind::Digit, false) => r"\p{Nd}",
            (Kind::Space, true) => r"\t-\r\x20",
            (Kind::Space, false) => r"\p{White_Space}\x1C-\x1F",
            (Kind::Word, true) => "0-9A-Za-z_",
            (Kind::Word, false) => r"\p{L}\p{N}_",
        };
        *text += if self.negated { "[^" } else { "[" };
        *text += inner;
        text.push(']');
    }
}

/// In order, with those that touch made one.
fn merged(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    let mut merged = Ranges::with_capacity(ranges.len());
    for (low, high) in ranges {
        match merged.last_mut() {
            Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
            _ => merged.push((low, high)),
        }
    }
    merged
}

fn without_surrogates((low, high): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
    let parts = [(low, high.min(0xd7ff)), (low.max(0xe000), high)];
    parts.into_iter().filter(|(low, high)| low <= high)
}
