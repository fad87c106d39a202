//! Patterns that the crate regex can match, in time linear in the length of the name.

use regex::{Regex, RegexBuilder};

use super::ast::{Node, Place};

/// The most memory for a compiled pattern, and for the automaton that it becomes while it runs.
const MAX_COMPILED: usize = 1 << 20;
/// Four levels of that crate's for each of ours, and the few around them.
const MAX_DEPTH: u32 = 500;

/// A pattern as that crate takes it, for the names to which it means the same.
#[derive(Debug)]
pub(super) struct Linear {
    regex: Regex,
    /// It has word boundaries, which are others here than in Python unless the name is ASCII, or is empty.
    words: bool,
    /// It has a `$`, which in Python also matches in front of a line break at the end.
    near_end: bool,
}

impl Linear {
    /// None if the pattern has what that crate has not, or is too large for it.
    pub(super) fn new(root: &Node) -> Option<Linear> {
        let mut writer = Writer::default();
        writer.write(root)?;
        let regex = RegexBuilder::new(&format!(r"\A(?:{})", writer.text))
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .nest_limit(MAX_DEPTH)
            .build()
            .ok()?;
        Some(Linear {
            regex,
            words: writer.words,
            near_end: writer.near_end,
        })
    }

    /// Whether a name matches. None if this must be found out otherwise.
    pub(super) fn matches(&self, name: &str) -> Option<bool> {
        let other_words = self.words && (name.is_empty() || !name.is_ascii());
        let other_end = self.near_end && name.ends_with('\n');
        (!other_words && !other_end).then(|| self.regex.is_match(name))
    }
}

/// Writes a pattern in the notation of the crate regex. Whether something matches does not depend on greed, so that is left out.
#[derive(Default)]
struct Writer {
    text: String,
    words: bool,
    near_end: bool,
}

impl Writer {
    fn write(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::One(set) => set.write(&mut self.text),
            Node::At(place) => self.place(*place),
            Node::Group(_, node) => self.brackets(node)?,
            Node::Concat(nodes) => nodes.iter().try_for_each(|node| self.write(node))?,
            Node::Alternate(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        self.text.push('|');
                    }
                    self.write(node)?;
                }
            }
            Node::Repeat { greed, .. } if *greed == super::ast::Greed::Possessive => return None,
            Node::Repeat { node, min, max, .. } => {
                self.brackets(node)?;
                let max = max.map_or_else(String::new, |max| max.to_string());
                self.text += &format!("{{{min},{max}}}");
            }
            Node::Atomic(_) | Node::Look { .. } | Node::BackReference(..) | Node::Conditional { .. } => return None,
        }
        Some(())
    }

    fn brackets(&mut self, node: &Node) -> Option<()> {
        self.text += "(?:";
        self.write(node)?;
        self.text.push(')');
        Some(())
    }

    fn place(&mut self, place: Place) {
        self.text += match place {
            Place::Start => r"\A",
            Place::LineStart => "(?m:^)",
            Place::End => r"\z",
            Place::LineEnd => "(?m:$)",
            Place::NearEnd => {
                self.near_end = true;
                r"\z"
            }
            Place::WordBoundary { negated, .. } => {
                self.words = true;
                if negated { r"(?-u:\B)" } else { r"(?-u:\b)" }
            }
        };
    }
}
