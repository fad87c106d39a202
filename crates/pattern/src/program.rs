//! A pattern as a list of steps for the machine. Repeats are counted and not written out, so a program is never longer than a few times its pattern.

use super::ast::{Greed, Node, Place};
use super::case::Case;
use super::parser::Parsed;
use super::set::Set;

/// A step. Without a word about where to go on, it is with the next step.
#[derive(Debug)]
pub(super) enum Step {
    /// The next character is one of these.
    One(Set),
    At(Place),
    /// Remembers the place as the start (even) or the end (odd) of a group.
    Save(usize),
    Jump(usize),
    /// Goes on here, and there if that fails.
    Try {
        there: usize,
    },
    /// As many characters of a set, without a counter.
    Span {
        set: Set,
        min: usize,
        max: usize,
        greed: Greed,
    },
    /// Begins to count with a counter.
    Reset(usize),
    /// Counts on at the start of a repeat: either once more, with the step behind the next one, or it is enough and goes on at `done`.
    Repeat {
        counter: usize,
        min: u32,
        lazy: bool,
        done: usize,
    },
    /// Once more, though there need not be: if it may be, and the last time has found more than nothing.
    Again {
        counter: usize,
        max: Option<u32>,
    },
    BackReference(usize, Case),
    /// Goes on at `no` if the group has not matched.
    IfGroup {
        group: usize,
        no: usize,
    },
    /// What comes up to `Leave` is matched for itself, so many characters behind. If `failed` is given, it goes on there when that fails.
    Enter {
        behind: usize,
        failed: Option<usize>,
    },
    Leave(Inner),
    Match,
}

/// What becomes of a part that was matched for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inner {
    /// It goes on behind it.
    Atomic,
    /// It goes on from where it began.
    Look,
    /// That was wrong.
    NegatedLook,
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) groups: usize,
    pub(super) counters: usize,
}

impl Program {
    pub(super) fn new(parsed: &Parsed) -> Program {
        let mut program = Program {
            steps: Vec::new(),
            groups: parsed.groups,
            counters: 0,
        };
        program.add(&parsed.root);
        program.steps.push(Step::Match);
        program
    }

    fn add(&mut self, node: &Node) {
        match node {
            Node::One(set) => self.steps.push(Step::One(set.clone())),
            Node::At(place) => self.steps.push(Step::At(*place)),
            Node::Group(None, node) => self.add(node),
            Node::Group(Some(group), node) => {
                self.steps.push(Step::Save(2 * group));
                self.add(node);
                self.steps.push(Step::Save(2 * group + 1));
            }
            Node::Concat(nodes) => nodes.iter().for_each(|node| self.add(node)),
            Node::Alternate(nodes) => self.alternate(nodes),
            Node::Repeat { node, min, max, greed } => self.repeat(node, *min, *max, *greed),
            Node::Atomic(node) => self.inner(node, 0, Inner::Atomic),
            Node::Look { node, negated, behind } => {
                let inner = if *negated { Inner::NegatedLook } else { Inner::Look };
                self.inner(node, behind.unwrap_or(0), inner);
            }
            Node::BackReference(group, case) => self.steps.push(Step::BackReference(*group, *case)),
            Node::Conditional { group, yes, no } => {
                let test = self.hold();
                self.add(yes);
                let jump = self.hold();
                self.steps[test] = Step::IfGroup {
                    group: *group,
                    no: self.steps.len(),
                };
                self.add(no);
                self.steps[jump] = Step::Jump(self.steps.len());
            }
        }
    }

    /// A step that is replaced when it is known where to go on.
    fn hold(&mut self) -> usize {
        self.steps.push(Step::Match);
        self.steps.len() - 1
    }

    fn alternate(&mut self, nodes: &[Node]) {
        let Some((last, nodes)) = nodes.split_last() else {
            return;
        };
        let mut jumps = Vec::new();
        for node in nodes {
            let choice = self.hold();
            self.add(node);
            jumps.push(self.hold());
            self.steps[choice] = Step::Try {
                there: self.steps.len(),
            };
        }
        self.add(last);
        for jump in jumps {
            self.steps[jump] = Step::Jump(self.steps.len());
        }
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, greed: Greed) {
        let mut single = node;
        while let Node::Group(None, inner) = single {
            single = inner;
        }
        if let Node::One(set) = single {
            return self.steps.push(Step::Span {
                set: set.clone(),
                min: usize::try_from(min).unwrap_or(usize::MAX),
                max: max.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX),
                greed,
            });
        }
        if greed != Greed::Possessive {
            return self.count(min, max, greed == Greed::Lazy, |program| program.add(node));
        }
        // Neither is a round tried otherwise once there is the next one, nor their number.
        let enter = self.hold();
        self.count(min, max, false, |program| program.inner(node, 0, Inner::Atomic));
        self.leave(enter, 0, Inner::Atomic);
    }

    fn count(&mut self, min: u32, max: Option<u32>, lazy: bool, round: impl FnOnce(&mut Program)) {
        let counter = self.counters;
        self.counters += 1;
        self.steps.push(Step::Reset(counter));
        let start = self.hold();
        self.steps.push(Step::Again { counter, max });
        round(self);
        self.steps.push(Step::Jump(start));
        self.steps[start] = Step::Repeat {
            counter,
            min,
            lazy,
            done: self.steps.len(),
        };
    }

    fn inner(&mut self, node: &Node, behind: usize, inner: Inner) {
        let enter = self.hold();
        self.add(node);
        self.leave(enter, behind, inner);
    }

    fn leave(&mut self, enter: usize, behind: usize, inner: Inner) {
        self.steps.push(Step::Leave(inner));
        self.steps[enter] = Step::Enter {
            behind,
            failed: (inner == Inner::NegatedLook).then_some(self.steps.len()),
        };
    }
}
