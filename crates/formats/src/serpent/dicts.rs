//! The dicts that stand for something else: floats and complex numbers without a literal, and bytes.

use super::number::Number;
use super::scan::Scanner;
use super::text::Text;
use crate::value::decode_base64;
use crate::{Complex, Error};

enum Token {
    Sign(u8),
    /// In single or double quotes.
    Text(&'static str),
}

use Token::Sign;

impl<'de> Scanner<'de> {
    /// Takes `{'__class__':'float','value':'nan'}`; nothing if something else comes next.
    pub(super) fn float_dict(&mut self) -> Result<Option<f64>, Error> {
        self.attempt(5, |scan| {
            scan.take_all(&class_dict("float", "value"))?;
            match scan.text().ok()? {
                Text::Str(text) => text.parse().ok(),
                _ => None,
            }
        })
    }

    /// Takes `{'__class__':'complex','real':...,'imag':...}`; nothing if something else comes next.
    pub(super) fn complex_dict(&mut self) -> Result<Option<Complex>, Error> {
        self.attempt(7, |scan| {
            scan.take_all(&class_dict("complex", "real"))?;
            let re = scan.part()?;
            scan.take_all(&[Sign(b','), Token::Text("imag"), Sign(b':')])?;
            let im = scan.part()?;
            Some(Complex { re, im })
        })
    }

    fn part(&mut self) -> Option<f64> {
        if self.peek() == b'{' {
            return self.float_dict().ok()?;
        }
        match self.number().ok()? {
            Number::Float(number) => Some(number),
            Number::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    /// Takes `{'data': '...', 'encoding': 'base64'}`, in either order, and gives the base64 text; nothing if something else comes next.
    pub(super) fn base64_dict(&mut self) -> Result<Option<Text<'de>>, Error> {
        self.attempt(5, |scan| scan.base64_form(|scan| scan.text().ok()))
    }

    /// As [`Scanner::base64_dict`], and gives the bytes; nothing too if the text is not as plain as it is written everywhere: then that method has a closer look.
    pub(super) fn plain_base64_dict(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let most = self.limits.bytes;
        self.attempt(5, |scan| {
            let text = scan.base64_form(Scanner::up_to_quote)?;
            // It is looked at once: of what must not stand in a text nothing stands in base64.
            decode_base64(text).ok().filter(|_| text.len() <= most)
        })
    }

    /// What is behind `{'data': `, and all around it but the closing brace.
    fn base64_form<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        const DATA: [Token; 2] = [Token::Text("data"), Sign(b':')];
        const ENCODING: [Token; 3] = [Token::Text("encoding"), Sign(b':'), Token::Text("base64")];
        self.take_all(&[Sign(b'{')])?;
        let encoding = self.take_all(&ENCODING);
        encoding.map_or(Some(()), |()| self.take_all(&[Sign(b',')]))?;
        self.take_all(&DATA)?;
        let data = read(self)?;
        if encoding.is_none() {
            self.take_all(&[Sign(b',')])?;
            self.take_all(&ENCODING)?;
        }
        Some(data)
    }

    /// What stands between two quotes.
    fn up_to_quote(&mut self) -> Option<&'de [u8]> {
        let quote = self.peek();
        let rest = self.input.get(self.at + 1..)?;
        if !matches!(quote, b'\'' | b'"') {
            return None;
        }
        let length = memchr::memchr(quote, rest)?;
        self.at += length + 2;
        Some(&rest[..length])
    }

    /// Takes a dict of a certain form, of which `read` takes all but the closing brace; nothing if the form is another.
    ///
    /// `values`: for how many it counts, itself included.
    fn attempt<T>(&mut self, values: usize, read: impl FnOnce(&mut Self) -> Option<T>) -> Result<Option<T>, Error> {
        if self.peek() != b'{' {
            return Ok(None);
        }
        let start = self.at;
        self.depth += 1;
        let found = read(self).filter(|_| self.take(b'}'));
        self.depth -= 1;
        match found {
            Some(_) => (0..values).try_for_each(|_| self.count_item())?,
            None => self.at = start,
        }
        Ok(found)
    }

    /// Takes these tokens if all of them come next; nothing otherwise.
    fn take_all(&mut self, tokens: &[Token]) -> Option<()> {
        let start = self.at;
        let found = tokens.iter().all(|token| match token {
            Sign(sign) => self.take(*sign),
            Token::Text(text) => self.take_quoted(text),
        });
        if !found {
            self.at = start;
        }
        found.then_some(())
    }

    fn take_quoted(&mut self, text: &str) -> bool {
        let quote = self.peek();
        let rest = self.input.get(self.at + 1..).unwrap_or_default();
        let behind = rest.strip_prefix(text.as_bytes()).and_then(|rest| rest.first());
        let found = matches!(quote, b'\'' | b'"') && behind == Some(&quote);
        if found {
            self.at += text.len() + 2;
        }
        found
    }
}

/// The start of a class dict, up to the value of its first attribute.
fn class_dict(class: &'static str, attribute: &'static str) -> [Token; 7] {
    [
        Sign(b'{'),
        Token::Text("__class__"),
        Sign(b':'),
        Token::Text(class),
        Sign(b','),
        Token::Text(attribute),
        Sign(b':'),
    ]
}
