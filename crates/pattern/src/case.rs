//! Upper and lower case as `re.IGNORECASE` sees it: two characters are the same if they have the same lower case. A few more are, whose upper case is the same.

use std::sync::OnceLock;

use super::unicode::Ranges;

/// What else a character stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Itself only.
    Exact,
    /// The letters from A to Z stand for their small ones and the other way round.
    Ascii,
    /// All letters do.
    Unicode,
}

/// Small letters that share a capital one, though each is its own lower case.
const SAME_CAPITAL: [&str; 24] = [
    "iı",
    "sſ",
    "µμ",
    "\u{345}ι\u{1fbe}",
    "\u{390}\u{1fd3}",
    "\u{3b0}\u{1fe3}",
    "βϐ",
    "εϵ",
    "θϑ",
    "κϰ",
    "πϖ",
    "ρϱ",
    "ςσ",
    "φϕ",
    "вᲀ",
    "дᲁ",
    "оᲂ",
    "сᲃ",
    "тᲄᲅ",
    "ъᲆ",
    "ѣᲇ",
    "ꙋᲈ",
    "ṡẛ",
    "\u{fb05}\u{fb06}",
];

impl Case {
    /// The lower case of a character, by which back references compare.
    pub(super) fn lower(self, c: char) -> char {
        match self {
            Case::Exact => c,
            Case::Ascii => c.to_ascii_lowercase(),
            Case::Unicode => lower(c),
        }
    }

    /// Whatever stands for one of these characters, itself included.
    pub(super) fn close(self, ranges: Ranges) -> Ranges {
        match self {
            Case::Exact => ranges,
            Case::Ascii => close_ascii(ranges),
            Case::Unicode => close_unicode(ranges),
        }
    }
}

/// Python takes the first character where the lower case is more than one (that of İ).
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn close_ascii(mut ranges: Ranges) -> Ranges {
    for index in 0..ranges.len() {
        let (low, high) = ranges[index];
        for (first, other) in [('a', 'A'), ('A', 'a')].map(|(first, other)| (u32::from(first), u32::from(other))) {
            let (low, high) = (low.max(first), high.min(first + 25));
            if low <= high {
                ranges.push((low - first + other, high - first + other));
            }
        }
    }
    ranges
}

fn close_unicode(mut ranges: Ranges) -> Ranges {
    let capitals = Capitals::table();
    for index in 0..ranges.len() {
        ranges.extend(others(&capitals.by_capital, ranges[index]));
    }
    for same in SAME_CAPITAL {
        let codes = || same.chars().map(u32::from);
        if codes().any(|code| ranges.iter().any(|(low, high)| (*low..=*high).contains(&code))) {
            ranges.extend(codes().map(|code| (code, code)));
        }
    }
    for index in 0..ranges.len() {
        ranges.extend(others(&capitals.by_small, ranges[index]));
    }
    ranges
}

/// All characters that have a lower case, and their lower cases.
struct Capitals {
    by_capital: Vec<(u32, u32)>,
    by_small: Vec<(u32, u32)>,
}

impl Capitals {
    fn table() -> &'static Capitals {
        static TABLE: OnceLock<Capitals> = OnceLock::new();
        TABLE.get_or_init(|| {
            let all = '\0'..=char::MAX;
            let by_capital: Vec<_> = all
                .map(|c| (u32::from(c), u32::from(lower(c))))
                .filter(|(capital, small)| capital != small)
                .collect();
            let mut by_small: Vec<_> = by_capital.iter().map(|(capital, small)| (*small, *capital)).collect();
            by_small.sort_unstable();
            Capitals { by_capital, by_small }
        })
    }
}

/// What the characters of a range stand for, as far as that is not in the range itself.
fn others(pairs: &[(u32, u32)], (low, high): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
    let start = pairs.partition_point(|(code, _)| *code < low);
    let end = pairs.partition_point(|(code, _)| *code <= high);
    let others = pairs[start..end].iter().map(|(_, other)| *other);
    others
        .filter(move |other| !(low..=high).contains(other))
        .map(|other| (other, other))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_letters_with_the_same_capital_are_all_there() {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for c in ('\0'..=char::MAX).filter(|c| lower(*c) == *c) {
            let capital: String = c.to_uppercase().collect();
            if capital != c.to_string() {
                found.entry(capital).or_default().push(c);
            }
        }
        let mut found: Vec<_> = found.into_values().filter(|same| same.chars().count() > 1).collect();
        let sorted = |same: &str| {
            let mut chars: Vec<_> = same.chars().collect();
            chars.sort_unstable();
            String::from_iter(chars)
        };
        let mut listed = SAME_CAPITAL.map(sorted).to_vec();
        found.sort_unstable();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }
}
