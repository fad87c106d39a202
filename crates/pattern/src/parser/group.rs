//! What stands in round brackets.

use super::Parser;
use crate::ast::Node;
use crate::flags::{Flags, Inline};
use crate::mistake::{Mistake, Result};
use crate::source::Token;
use crate::unicode::{is_identifier, repr};

/// The widest look-behind that Python takes.
const MAX_BEHIND: u64 = u32::MAX as u64;
/// The first number of a group that Python takes for none.
const MAX_GROUPS: usize = 0x7fff_ffff;

/// What brackets can be.
pub(super) enum Brackets {
    Node(Node),
    Comment,
    /// Flags for the whole pattern.
    Flags(Flags),
}

impl Parser {
    /// Brackets, from behind the one that opens them at `start`.
    pub(super) fn brackets(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Brackets> {
        if !self.source.eat('?')? {
            return self.capture(None, flags, depth, start);
        }
        let sign = self.extension_token()?;
        let node = match sign {
            Token::Char('P') => return self.named_extension(flags, depth, start),
            Token::Char('#') => return self.comment(start),
            Token::Char(':') => self.plain(flags, depth, start)?,
            Token::Char('>') => Node::Atomic(Box::new(self.content(flags, depth, start)?)),
            Token::Char('=') => self.look_ahead(false, flags, depth, start)?,
            Token::Char('!') => self.look_ahead(true, flags, depth, start)?,
            Token::Char('<') => self.look_behind(flags, depth, start)?,
            Token::Char('(') => self.conditional(flags, depth, start)?,
            _ if Inline::begins(sign) => match Inline::read(&mut self.source, sign)? {
                Inline::Global(on) => return Ok(Brackets::Flags(on)),
                Inline::Scoped { on, off } => self.plain(flags.changed(on, off), depth, start)?,
            },
            _ => {
                let what = format!("unknown extension ?{sign}");
                return Err(self.source.mistake(sign.len() + 1, what));
            }
        };
        Ok(Brackets::Node(node))
    }

    fn extension_token(&mut self) -> Result<Token> {
        let token = self.source.take()?;
        token.ok_or_else(|| self.source.mistake(0, "unexpected end of pattern"))
    }

    /// The rest of the brackets.
    fn content(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Node> {
        let node = self.alternation(flags, depth + 1)?;
        self.close(start)?;
        Ok(node)
    }

    fn close(&mut self, start: usize) -> Result<()> {
        match self.source.eat(')')? {
            true => Ok(()),
            false => Err(Mistake::at(start, "missing ), unterminated subpattern")),
        }
    }

    fn plain(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Node> {
        Ok(Node::Group(None, Box::new(self.content(flags, depth, start)?)))
    }

    /// A group with a number.
    fn capture(&mut self, name: Option<&str>, flags: Flags, depth: usize, start: usize) -> Result<Brackets> {
        let group = self.groups.len();
        if let Some(name) = name {
            if let Some(before) = self.names.get(name) {
                let what = format!(
                    "redefinition of group name {} as group {group}; was group {before}",
                    repr(name)
                );
                return Err(self.source.mistake(name.chars().count() + 1, what));
            }
            self.names.insert(name.to_owned(), group);
        }
        self.groups.push(None);
        let node = self.content(flags, depth, start)?;
        self.groups[group] = Some(node.width(&self.groups));
        Ok(Brackets::Node(Node::Group(Some(group), Box::new(node))))
    }

    /// `(?P<name>...)` and `(?P=name)`.
    fn named_extension(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Brackets> {
        if self.source.eat('<')? {
            let name = self.source.take_name('>', "group name")?;
            self.check_name(&name)?;
            return self.capture(Some(&name), flags, depth, start);
        }
        if self.source.eat('=')? {
            let name = self.source.take_name(')', "group name")?;
            self.check_name(&name)?;
            let group = self.group_named(&name)?;
            let node = self.back_reference(group, name.chars().count() + 1, flags)?;
            return Ok(Brackets::Node(node));
        }
        let sign = self.extension_token()?;
        let what = format!("unknown extension ?P{sign}");
        Err(self.source.mistake(sign.len() + 2, what))
    }

    fn check_name(&self, name: &str) -> Result<()> {
        if is_identifier(name) {
            return Ok(());
        }
        let what = format!("bad character in group name {}", repr(name));
        Err(self.source.mistake(name.chars().count() + 1, what))
    }

    fn group_named(&self, name: &str) -> Result<usize> {
        self.names.get(name).copied().ok_or_else(|| {
            let what = format!("unknown group name {}", repr(name));
            self.source.mistake(name.chars().count() + 1, what)
        })
    }

    fn comment(&mut self, start: usize) -> Result<Brackets> {
        loop {
            match self.source.take()? {
                Some(Token::Char(')')) => return Ok(Brackets::Comment),
                Some(_) => {}
                None => return Err(Mistake::at(start, "missing ), unterminated comment")),
            }
        }
    }

    fn look_ahead(&mut self, negated: bool, flags: Flags, depth: usize, start: usize) -> Result<Node> {
        Ok(Node::Look {
            node: Box::new(self.content(flags, depth, start)?),
            negated,
            behind: None,
        })
    }

    fn look_behind(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Node> {
        let sign = self.extension_token()?;
        if !matches!(sign, Token::Char('=' | '!')) {
            let what = format!("unknown extension ?<{sign}");
            return Err(self.source.mistake(sign.len() + 2, what));
        }
        let outer = self.behind;
        self.behind = outer.or(Some(self.groups.len()));
        let node = self.alternation(flags, depth + 1)?;
        self.behind = outer;
        self.close(start)?;
        let width = node.width(&self.groups);
        let mistake = if width.min > MAX_BEHIND {
            Some("looks too much behind")
        } else if width.min != width.max {
            Some("look-behind requires fixed-width pattern")
        } else {
            None
        };
        self.late = self.late.take().or(mistake.map(Mistake::somewhere));
        Ok(Node::Look {
            node: Box::new(node),
            negated: sign == Token::Char('!'),
            // One that looks too far is refused at the end.
            behind: Some(usize::try_from(width.min).unwrap_or(usize::MAX)),
        })
    }

    /// `(?(group)yes|no)`.
    fn conditional(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Node> {
        let name = self.source.take_name(')', "group name")?;
        let group = match is_identifier(&name) {
            true => self.group_named(&name)?,
            false => self.group_numbered(&name)?,
        };
        self.check_behind(group)?;
        let yes = self.sequence(flags, depth + 1, false)?;
        let mut no = Node::empty();
        if self.source.eat('|')? {
            no = self.sequence(flags, depth + 1, false)?;
            if self.source.sees('|') {
                let what = "conditional backref with more than two branches";
                return Err(self.source.mistake(0, what));
            }
        }
        self.close(start)?;
        Ok(Node::Conditional {
            group,
            yes: Box::new(yes),
            no: Box::new(no),
        })
    }

    /// Of numbers written otherwise than in plain digits Python 3.11 warns, and 3.12 refuses them with these words.
    fn group_numbered(&mut self, name: &str) -> Result<usize> {
        let back = name.chars().count() + 1;
        if !name.bytes().all(|c| c.is_ascii_digit()) {
            let what = format!("bad character in group name {}", repr(name));
            return Err(self.source.mistake(back, what));
        }
        let number = name.trim_start_matches('0');
        if number.is_empty() {
            return Err(self.source.mistake(back, "bad group number"));
        }
        match number.parse() {
            Ok(group) if group < MAX_GROUPS => {
                self.conditions.push((group, self.source.position() - back));
                Ok(group)
            }
            _ => Err(self.source.mistake(back, format!("invalid group reference {number}"))),
        }
    }
}
