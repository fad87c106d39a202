//! Runs programs by trying one way after the other, as Python does. This can take very long, so steps are counted, and there is a limit.

use super::ast::{Greed, Place};
use super::program::{Inner, Program, Step};
use super::set::{Category, Kind};

/// The most that can be noted to come back to: about 10 MiB.
const MAX_NOTES: usize = 250_000;
const NOWHERE: usize = usize::MAX;

/// The program has taken too many steps, or too much memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Whether a text matches from its start, and how many steps that took.
pub(super) fn run(program: &Program, text: &str, max_steps: u64) -> Result<(bool, u64), Exhausted> {
    let mut machine = Machine {
        text: text.chars().collect(),
        at: 0,
        next: 0,
        groups: vec![NOWHERE; 2 * program.groups],
        counters: vec![Counter::default(); program.counters],
        notes: Vec::new(),
        left: max_steps,
    };
    loop {
        machine.spend(1)?;
        let Some(step) = program.steps.get(machine.next) else {
            return Ok((false, max_steps - machine.left));
        };
        if matches!(step, Step::Match) {
            return Ok((true, max_steps - machine.left));
        }
        machine.next += 1;
        if !machine.step(step)? && !machine.back(program)? {
            return Ok((false, max_steps - machine.left));
        }
    }
}

struct Machine {
    text: Vec<char>,
    /// In the text.
    at: usize,
    /// In the program.
    next: usize,
    /// Where the groups start and end.
    groups: Vec<usize>,
    counters: Vec<Counter>,
    notes: Vec<Note>,
    /// The steps that are left.
    left: u64,
}

/// A repeat that is going on.
#[derive(Debug, Clone, Copy)]
struct Counter {
    rounds: u32,
    /// Where the last round began that need not have been.
    began: usize,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter {
            rounds: 0,
            began: NOWHERE,
        }
    }
}

/// What is to be done when the machine cannot go on: the last note first.
#[derive(Debug, Clone, Copy)]
enum Note {
    /// Go on otherwise.
    Try {
        next: usize,
        at: usize,
    },
    /// Go on with one character less, down to the lowest place.
    Less {
        next: usize,
        lowest: usize,
        at: usize,
    },
    /// Go on with one character more of the set of that span.
    More {
        span: usize,
        at: usize,
        left: usize,
    },
    /// A part that is matched for itself began here.
    Inner {
        at: usize,
        failed: Option<usize>,
    },
    /// Undo: this is what was there before.
    Group {
        slot: usize,
        was: usize,
    },
    Counter {
        counter: usize,
        was: Counter,
    },
}

impl Machine {
    /// Does a step. False when it cannot be done.
    fn step(&mut self, step: &Step) -> Result<bool, Exhausted> {
        match step {
            Step::One(set) => {
                let fits = self.text.get(self.at).is_some_and(|c| set.contains(*c));
                self.at += usize::from(fits);
                return Ok(fits);
            }
            Step::At(place) => return Ok(self.is_at(*place)),
            Step::Save(slot) => {
                let was = std::mem::replace(&mut self.groups[*slot], self.at);
                self.note(Note::Group { slot: *slot, was })?;
            }
            Step::Jump(next) => self.next = *next,
            Step::Try { there } => self.note(Note::Try {
                next: *there,
                at: self.at,
            })?,
            Step::Span { set, min, max, greed } => {
                let most = match greed {
                    Greed::Lazy => *min,
                    Greed::Greedy | Greed::Possessive => *max,
                };
                let rest = self.text[self.at..].iter();
                let found = rest.take(most).take_while(|c| set.contains(**c)).count();
                self.spend(found)?;
                return self.span(found, *min, *max, *greed);
            }
            Step::Reset(counter) => self.set_counter(*counter, Counter::default())?,
            Step::Repeat {
                counter,
                min,
                lazy,
                done,
            } => {
                let Counter { rounds, began } = self.counters[*counter];
                let again = self.next;
                if rounds < *min {
                    self.next = again + 1;
                    let rounds = rounds + 1;
                    self.set_counter(*counter, Counter { rounds, began })?;
                } else {
                    let (first, second) = if *lazy { (*done, again) } else { (again, *done) };
                    self.next = first;
                    self.note(Note::Try {
                        next: second,
                        at: self.at,
                    })?;
                }
            }
            Step::Again { counter, max } => {
                let Counter { rounds, began } = self.counters[*counter];
                if began == self.at || max.is_some_and(|max| rounds >= max) {
                    return Ok(false);
                }
                let rounds = rounds.saturating_add(1);
                self.set_counter(*counter, Counter { rounds, began: self.at })?;
            }
            Step::BackReference(group, case) => {
                let Some((start, end)) = self.group(*group) else {
                    return Ok(false);
                };
                self.spend(end - start)?;
                let (before, rest) = (&self.text[start..end], &self.text[self.at..]);
                let same = before.len() <= rest.len()
                    && before.iter().zip(rest).all(|(a, b)| case.lower(*a) == case.lower(*b));
                self.at += if same { end - start } else { 0 };
                return Ok(same);
            }
            Step::IfGroup { group, no } => {
                if self.group(*group).is_none() {
                    self.next = *no;
                }
            }
            Step::Enter { behind, failed } => match (self.at.checked_sub(*behind), failed) {
                (Some(start), failed) => {
                    self.note(Note::Inner {
                        at: self.at,
                        failed: *failed,
                    })?;
                    self.at = start;
                }
                (None, Some(next)) => self.next = *next,
                (None, None) => return Ok(false),
            },
            Step::Leave(inner) => return self.leave(*inner),
            Step::Match => {}
        }
        Ok(true)
    }

    /// Takes what was found for a repeat of single characters, and notes what else it could be.
    fn span(&mut self, found: usize, min: usize, max: usize, greed: Greed) -> Result<bool, Exhausted> {
        if found < min {
            return Ok(false);
        }
        let next = self.next;
        let lowest = self.at + min;
        self.at += found;
        match greed {
            Greed::Greedy if found > min => self.note(Note::Less {
                next,
                lowest,
                at: self.at,
            })?,
            Greed::Lazy if max > min => self.note(Note::More {
                span: next - 1,
                at: self.at,
                left: max - min,
            })?,
            _ => {}
        }
        Ok(true)
    }

    /// Goes back to the last place where there is another way. False if there is none.
    fn back(&mut self, program: &Program) -> Result<bool, Exhausted> {
        while let Some(note) = self.notes.pop() {
            self.spend(1)?;
            match note {
                Note::Try { next, at } => (self.next, self.at) = (next, at),
                Note::Less { next, lowest, at } => {
                    (self.next, self.at) = (next, at - 1);
                    if self.at > lowest {
                        self.note(Note::Less {
                            next,
                            lowest,
                            at: self.at,
                        })?;
                    }
                }
                Note::More { span, at, left } => {
                    let Some(Step::Span { set, .. }) = program.steps.get(span) else {
                        continue;
                    };
                    if !self.text.get(at).is_some_and(|c| set.contains(*c)) {
                        continue;
                    }
                    (self.next, self.at) = (span + 1, at + 1);
                    if left > 1 {
                        self.note(Note::More {
                            span,
                            at: at + 1,
                            left: left - 1,
                        })?;
                    }
                }
                Note::Inner { at, failed: Some(next) } => (self.next, self.at) = (next, at),
                Note::Inner { failed: None, .. } | Note::Group { .. } | Note::Counter { .. } => {
                    self.undo(note);
                    continue;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Ends the innermost part that is matched for itself: there is no way back into it, but what it has changed can still be undone.
    fn leave(&mut self, inner: Inner) -> Result<bool, Exhausted> {
        let start = self.notes.iter().rposition(|note| matches!(note, Note::Inner { .. }));
        let mut notes = self.notes.split_off(start.unwrap_or(0)).into_iter();
        self.spend(notes.len())?;
        if let (Some(Note::Inner { at, .. }), Inner::Look) = (notes.next(), inner) {
            self.at = at;
        }
        if inner == Inner::NegatedLook {
            notes.rev().for_each(|note| self.undo(note));
            return Ok(false);
        }
        self.notes
            .extend(notes.filter(|note| matches!(note, Note::Group { .. } | Note::Counter { .. })));
        Ok(true)
    }

    fn undo(&mut self, note: Note) {
        match note {
            Note::Group { slot, was } => self.groups[slot] = was,
            Note::Counter { counter, was } => self.counters[counter] = was,
            Note::Try { .. } | Note::Less { .. } | Note::More { .. } | Note::Inner { .. } => {}
        }
    }

    fn set_counter(&mut self, counter: usize, value: Counter) -> Result<(), Exhausted> {
        let was = std::mem::replace(&mut self.counters[counter], value);
        self.note(Note::Counter { counter, was })
    }

    fn note(&mut self, note: Note) -> Result<(), Exhausted> {
        if self.notes.len() >= MAX_NOTES {
            return Err(Exhausted);
        }
        self.notes.push(note);
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        let steps = u64::try_from(steps).map_err(|_| Exhausted)?;
        self.left = self.left.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// What a group has matched. A group that has begun again behind its end has not.
    fn group(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.groups.get(2 * group)?, *self.groups.get(2 * group + 1)?);
        (start != NOWHERE && end != NOWHERE && start <= end).then_some((start, end))
    }

    fn is_at(&self, place: Place) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.get(at)).copied();
        let rest = &self.text[self.at..];
        match place {
            Place::Start => self.at == 0,
            Place::LineStart => matches!(before, None | Some('\n')),
            Place::End => rest.is_empty(),
            Place::NearEnd => matches!(rest, [] | ['\n']),
            Place::LineEnd => matches!(rest, [] | ['\n', ..]),
            Place::WordBoundary { ascii, negated } => {
                let word = Category {
                    kind: Kind::Word,
                    ascii,
                    negated: false,
                };
                let is_word = |c: Option<char>| c.is_some_and(|c| word.contains(c));
                let boundary = is_word(before) != is_word(rest.first().copied());
                // In an empty text there is neither a boundary nor anything else.
                !self.text.is_empty() && boundary != negated
            }
        }
    }
}
