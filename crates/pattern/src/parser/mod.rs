//! Reads patterns as CPython 3.11 does, and finds the same mistakes in the same places.

mod escape;
mod group;
mod set;

use std::collections::BTreeMap;

use super::ast::{Greed, Node, Place, Width};
use super::flags::Flags;
use super::mistake::{Mistake, Result};
use super::set::Set;
use super::source::{Source, Token};

/// The most brackets within each other. Python's own limit is its stack: about 490.
const MAX_DEPTH: usize = 100;
/// The first number that Python does not repeat.
const MAX_REPEAT: u32 = u32::MAX;

/// A pattern that was understood.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    /// The number of groups, with the whole as group 0.
    pub(super) groups: usize,
}

/// What a pattern says.
pub(super) fn parse(pattern: &str) -> Result<Parsed> {
    let mut parser = Parser {
        source: Source::new(pattern)?,
        flags: Flags::default(),
        groups: vec![None],
        names: BTreeMap::new(),
        behind: None,
        conditions: Vec::new(),
        late: None,
    };
    let root = parser.alternation(Flags::default(), 0)?;
    parser.finish()?;
    Ok(Parsed {
        root,
        groups: parser.groups.len(),
    })
}

struct Parser {
    source: Source,
    /// The flags of the whole pattern.
    flags: Flags,
    /// The widths of the groups that are closed, by number.
    groups: Vec<Option<Width>>,
    names: BTreeMap<String, usize>,
    /// Inside of a look-behind: the number of groups in front of it.
    behind: Option<usize>,
    /// The numbers of groups that are asked for, and where. Such groups may come later.
    conditions: Vec<(usize, usize)>,
    /// What Python notices after it has read everything.
    late: Option<Mistake>,
}

impl Parser {
    /// Branches, up to the end or a closing bracket.
    fn alternation(&mut self, flags: Flags, depth: usize) -> Result<Node> {
        let mut branches = vec![self.sequence(flags, depth, depth == 0)?];
        while self.source.eat('|')? {
            let flags = if depth == 0 { self.flags } else { flags };
            branches.push(self.sequence(flags, depth, false)?);
        }
        Ok(match branches.len() {
            1 => branches.remove(0),
            _ => Node::Alternate(branches),
        })
    }

    /// One branch. Only at the start of the `first` one there can be flags for all.
    fn sequence(&mut self, mut flags: Flags, depth: usize, first: bool) -> Result<Node> {
        if depth > MAX_DEPTH {
            return Err(self
                .source
                .mistake(0, format!("more than {MAX_DEPTH} brackets within each other")));
        }
        let mut nodes = Vec::new();
        while !self.source.sees('|') && !self.source.sees(')') {
            let Some(token) = self.source.take()? else { break };
            match token {
                Token::Escape(letter) => nodes.push(self.escape(letter, flags)?),
                Token::Char(c) if flags.has(Flags::VERBOSE) && is_blank(c) => {}
                Token::Char('#') if flags.has(Flags::VERBOSE) => self.skip_line()?,
                Token::Char('[') => nodes.push(self.set(flags)?),
                Token::Char(c @ ('*' | '+' | '?' | '{')) => self.repeat(c, flags, &mut nodes)?,
                Token::Char('.') => nodes.push(Node::One(Set::dot(flags))),
                Token::Char('^') if flags.has(Flags::MULTI_LINE) => nodes.push(Node::At(Place::LineStart)),
                Token::Char('^') => nodes.push(Node::At(Place::Start)),
                Token::Char('$') if flags.has(Flags::MULTI_LINE) => nodes.push(Node::At(Place::LineEnd)),
                Token::Char('$') => nodes.push(Node::At(Place::NearEnd)),
                Token::Char('(') => {
                    let start = self.source.position() - 1;
                    match self.brackets(flags, depth, start)? {
                        group::Brackets::Node(node) => nodes.push(node),
                        group::Brackets::Comment => {}
                        group::Brackets::Flags(on) if first && nodes.is_empty() => {
                            self.flags = self.flags.with(on);
                            flags = self.flags;
                        }
                        group::Brackets::Flags(_) => {
                            let what = "global flags not at the start of the expression";
                            return Err(Mistake::at(start, what));
                        }
                    }
                }
                Token::Char(c) => nodes.push(literal(c.into(), flags)),
            }
        }
        Ok(match nodes.len() {
            1 => nodes.remove(0),
            _ => Node::Concat(nodes),
        })
    }

    /// The rest of a comment, of those with a `#`.
    fn skip_line(&mut self) -> Result<()> {
        while !matches!(self.source.take()?, None | Some(Token::Char('\n'))) {}
        Ok(())
    }

    /// Repeats the last one of the nodes. A `{` with no numbers behind it is a character like others.
    fn repeat(&mut self, sign: char, flags: Flags, nodes: &mut Vec<Node>) -> Result<()> {
        let here = self.source.position();
        let (min, max) = match sign {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            _ => match self.counts(here)? {
                Some(counts) => counts,
                None => {
                    nodes.push(literal(sign.into(), flags));
                    return Ok(());
                }
            },
        };
        let node = match nodes.pop() {
            None | Some(Node::At(_)) => return Err(Mistake::at(here - 1, "nothing to repeat")),
            Some(Node::Repeat { .. }) => return Err(Mistake::at(here - 1, "multiple repeat")),
            Some(node) => Box::new(node),
        };
        let greed = if self.source.eat('?')? {
            Greed::Lazy
        } else if self.source.eat('+')? {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        nodes.push(Node::Repeat { node, min, max, greed });
        Ok(())
    }

    /// The numbers of `{1,2}`, from behind the `{`, if there are any.
    fn counts(&mut self, here: usize) -> Result<Option<(u32, Option<u32>)>> {
        if self.source.sees('}') {
            return Ok(None);
        }
        let digits = |source: &mut Source| source.take_while(usize::MAX, |c| c.is_ascii_digit());
        let low = digits(&mut self.source)?;
        let high = match self.source.eat(',')? {
            true => digits(&mut self.source)?,
            false => low.clone(),
        };
        if !self.source.eat('}')? {
            self.source.seek(here)?;
            return Ok(None);
        }
        let min = count(&low)?.unwrap_or(0);
        let max = count(&high)?;
        if max.is_some_and(|max| max < min) {
            return Err(Mistake::at(here, "min repeat greater than max repeat"));
        }
        Ok(Some((min, max)))
    }

    /// What can only be said at the end, in Python's order.
    fn finish(&mut self) -> Result<()> {
        if self.flags.has(Flags::ASCII) && self.flags.has(Flags::UNICODE) {
            return Err(Mistake::somewhere("ASCII and UNICODE flags are incompatible"));
        }
        if self.source.next().is_some() {
            return Err(self.source.mistake(0, "unbalanced parenthesis"));
        }
        for (group, position) in &self.conditions {
            if *group >= self.groups.len() {
                return Err(Mistake::at(*position, format!("invalid group reference {group}")));
            }
        }
        if self.flags.has(Flags::TEMPLATE) {
            return Err(Mistake::somewhere("the flag t is not supported"));
        }
        self.late.take().map_or(Ok(()), Err)
    }
}

fn literal(code: u32, flags: Flags) -> Node {
    Node::One(Set::of_char(code, flags.case()))
}

fn count(digits: &str) -> Result<Option<u32>> {
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(MAX_REPEAT) | Err(_) => Err(Mistake::somewhere("the repetition number is too large")),
        Ok(count) => Ok(Some(count)),
    }
}

/// What the flag x skips.
fn is_blank(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ')
}
