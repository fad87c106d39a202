//! What a pattern says, with all flags resolved.

use super::case::Case;
use super::set::Set;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One character.
    One(Set),
    /// A place between characters.
    At(Place),
    /// Brackets; with a number, if what they matched can be referred to.
    Group(Option<usize>, Box<Node>),
    /// One after the other.
    Concat(Vec<Node>),
    /// The first that fits.
    Alternate(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        /// None: as often as it fits.
        max: Option<u32>,
        greed: Greed,
    },
    /// Once it has matched it is not tried otherwise.
    Atomic(Box<Node>),
    /// Looks ahead, or so many characters behind.
    Look {
        node: Box<Node>,
        negated: bool,
        behind: Option<usize>,
    },
    /// What a group has matched.
    BackReference(usize, Case),
    /// One or the other, as a group has matched or not.
    Conditional {
        group: usize,
        yes: Box<Node>,
        no: Box<Node>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greed {
    Greedy,
    Lazy,
    Possessive,
}

/// A place between characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    LineStart,
    End,
    /// The end, or in front of a line break that ends the text.
    NearEnd,
    LineEnd,
    WordBoundary {
        ascii: bool,
        negated: bool,
    },
}

impl Node {
    pub(super) fn empty() -> Node {
        Node::Concat(Vec::new())
    }

    /// The fewest and the most characters that can match; `groups` are the widths of the groups so far.
    pub(super) fn width(&self, groups: &[Option<Width>]) -> Width {
        match self {
            Node::One(_) => Width::exactly(1),
            Node::At(_) | Node::Look { .. } => Width::exactly(0),
            Node::Group(_, node) | Node::Atomic(node) => node.width(groups),
            Node::Concat(nodes) => {
                let widths = nodes.iter().map(|node| node.width(groups));
                widths.fold(Width::exactly(0), |sum, width| Width {
                    min: sum.min.saturating_add(width.min),
                    max: sum.max.saturating_add(width.max),
                })
            }
            Node::Alternate(nodes) => {
                let widths = nodes.iter().map(|node| node.width(groups));
                widths.reduce(Width::or).unwrap_or(Width::exactly(0))
            }
            Node::Repeat { node, min, max, .. } => {
                let width = node.width(groups);
                Width {
                    min: width.min.saturating_mul((*min).into()),
                    max: match max {
                        Some(max) => width.max.saturating_mul((*max).into()),
                        None if width.max == 0 => 0,
                        None => u64::MAX,
                    },
                }
            }
            Node::BackReference(group, _) => groups.get(*group).copied().flatten().unwrap_or(Width::exactly(0)),
            Node::Conditional { yes, no, .. } => yes.width(groups).or(no.width(groups)),
        }
    }
}

/// How many characters a piece of a pattern can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Width {
    fn exactly(width: u64) -> Width {
        Width { min: width, max: width }
    }

    fn or(self, other: Width) -> Width {
        Width {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}
