//! What stands in square brackets.

use super::Parser;
use crate::ast::Node;
use crate::flags::Flags;
use crate::mistake::{Mistake, Result};
use crate::set::{Item, Set};
use crate::source::Token;

impl Parser {
    /// A set, from behind its bracket. In it `[`, `&&`, `--` and `[:alpha:]` are characters like others; Python only warns of them.
    pub(super) fn set(&mut self, flags: Flags) -> Result<Node> {
        let start = self.source.position() - 1;
        let negated = self.source.eat('^')?;
        let mut items = Vec::new();
        loop {
            let first = self.set_token(start)?;
            if first == Token::Char(']') && !items.is_empty() {
                break;
            }
            let low = self.set_item(first, flags)?;
            if !self.source.eat('-')? {
                items.push(low);
                continue;
            }
            let last = self.set_token(start)?;
            if last == Token::Char(']') {
                items.extend([low, Item::Char('-'.into())]);
                break;
            }
            match (low, self.set_item(last, flags)?) {
                (Item::Char(low), Item::Char(high)) if low <= high => items.push(Item::Range(low, high)),
                _ => {
                    let what = format!("bad character range {first}-{last}");
                    return Err(self.source.mistake(first.len() + 1 + last.len(), what));
                }
            }
        }
        Ok(Node::One(Set::new(negated, &items, flags.case())))
    }

    fn set_token(&mut self, start: usize) -> Result<Token> {
        let token = self.source.take()?;
        token.ok_or_else(|| Mistake::at(start, "unterminated character set"))
    }

    fn set_item(&mut self, token: Token, flags: Flags) -> Result<Item> {
        match token {
            Token::Escape(letter) => self.set_escape(letter, flags),
            Token::Char(c) => Ok(Item::Char(c.into())),
        }
    }
}
