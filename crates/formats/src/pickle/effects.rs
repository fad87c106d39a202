//! What opcodes do to the machine's stack, and to the objects.

use std::borrow::Cow;

use super::contents::Contents;
use super::document::{By, Change, Document, Entry, Made, Name, Node, Object, Step, What};
use super::machine::Machine;
use super::names;
use crate::plain::utf8;
use crate::{BigInt, Error, ErrorKind, Surrogates, refusal};

impl<'de> Machine<'de, '_> {
    #[inline(always)] // so that nodes are put together where they shall stand
    pub(super) fn push(&mut self, node: Node<'de>) -> Result<(), Error> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(self.too_many()),
        }
        self.stack.push(node);
        Ok(())
    }

    #[cold]
    fn too_many(&self) -> Error {
        Error::limit(format!("more than {} values", self.limits.items))
    }

    /// Pushes a new object.
    #[inline]
    pub(super) fn add(&mut self, object: Object<'de>) -> Result<(), Error> {
        let nr = self.document.objects.len();
        self.push(Node::Object(nr))?;
        self.document.objects.push(object);
        Ok(())
    }

    /// Makes a container of what stands from here on, and pushes it in its place.
    #[inline]
    pub(super) fn gather(&mut self, start: usize, make: fn(Contents<'de>) -> Object<'de>) -> Result<(), Error> {
        let mut contents = Contents::EMPTY;
        contents.add(&mut self.document.nodes, &self.stack[start..]);
        self.stack.truncate(start);
        self.add(make(contents))
    }

    /// How high the stack was at the last mark: what is below is out of reach.
    #[inline]
    pub(super) fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    #[inline]
    pub(super) fn top(&self) -> Result<Node<'de>, Error> {
        match self.stack.last() {
            Some(top) if self.stack.len() > self.floor() => Ok(*top),
            _ => Err(underflow()),
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<Node<'de>, Error> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Where the last nodes, so many, start on the stack.
    #[inline]
    pub(super) fn last(&self, count: usize) -> Result<usize, Error> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(start),
            _ => Err(underflow()),
        }
    }

    /// Where the stack starts above the last mark, which is taken away.
    #[inline]
    pub(super) fn pop_mark(&mut self) -> Result<usize, Error> {
        self.marks.pop().ok_or_else(no_mark)
    }

    /// The keys and values from here on.
    #[inline]
    pub(super) fn pairs(&self, start: usize) -> Result<&[Entry<'de>], Error> {
        match self.stack[start..].as_chunks() {
            (pairs, []) => Ok(pairs),
            _ => Err(odd_number()),
        }
    }

    /// Drops the top of the stack, or a mark. The result of a call that was made for what it does is remembered with the object that it did it to.
    pub(super) fn drop_top(&mut self) -> Result<(), Error> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        let dropped = self.pop()?;
        let just_called = self.called_at.checked_add(1) == Some(self.start);
        if !just_called || self.is_taken_from_memo(dropped) {
            return Ok(());
        }
        let first = match self.document.object(dropped) {
            Some(Object::Made(call)) => self.first_argument(call),
            _ => None,
        };
        let is_made = |node: &Node<'de>| matches!(self.document.object(*node), Some(Object::Made(_)));
        match (
            self.top().ok().filter(is_made).or_else(|| first.filter(is_made)),
            dropped,
        ) {
            (Some(changed), Node::Object(call)) => self.add_step(changed, Step::Call, What::Call(call), "a call"),
            _ => Err(cannot_change("a call")),
        }
    }

    /// Whether the object that was just made is dropped because it was made already, on the way to itself: the memo has it.
    pub(super) fn is_taken_from_memo(&self, dropped: Node<'de>) -> bool {
        let next = self.input.peek_get().and_then(|nr| self.memo.get(nr));
        match (
            self.document.object(dropped),
            next.and_then(|node| self.document.object(node)),
        ) {
            (Some(Object::Made(one)), Some(Object::Made(other))) => self.is_same_global(one.callee, other.callee),
            _ => false,
        }
    }

    pub(super) fn is_same_global(&self, one: Node<'de>, other: Node<'de>) -> bool {
        match (one, other) {
            (Node::Object(one), Node::Object(other)) if one == other => true,
            _ => match (self.document.object(one), self.document.object(other)) {
                (Some(Object::Global(one)), Some(Object::Global(other))) => one == other,
                _ => false,
            },
        }
    }

    pub(super) fn first_argument(&self, call: &Made<'de>) -> Option<Node<'de>> {
        self.document.tuple(call.args)?.first().copied()
    }

    #[inline]
    pub(super) fn text(&mut self, length: usize) -> Result<(), Error> {
        let bytes = self.input.bytes(length)?;
        match utf8(bytes) {
            Ok(text) => self.push(Node::Str(text)),
            Err(_) => self.wtf8(bytes),
        }
    }

    pub(super) fn wtf8(&mut self, bytes: &'de [u8]) -> Result<(), Error> {
        match Surrogates::from_wtf8(bytes.to_vec()) {
            Ok(Ok(text)) => self.add(Object::Text(text)),
            Ok(Err(text)) => self.add(Object::Wtf8(text.as_bytes().to_vec())),
            Err(at) => {
                let start = self.input.at() - bytes.len();
                refusal::utf8(&bytes[at..], start + at, at)?;
                Err(Error::syntax("text that is not UTF-8", start + at))
            }
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize, node: fn(&'de [u8]) -> Node<'de>) -> Result<(), Error> {
        let bytes = self.input.bytes(length)?;
        self.push(node(bytes))
    }

    #[inline]
    pub(super) fn long(&mut self, length: usize) -> Result<(), Error> {
        let bytes = self.input.bytes(length)?;
        let negative = bytes.last().is_some_and(|last| *last >= 0x80);
        let mut small = if negative { [0xFF; 8] } else { [0; 8] };
        match small.get_mut(..bytes.len()) {
            Some(start) => {
                start.copy_from_slice(bytes);
                self.push(Node::Int(i64::from_le_bytes(small)))
            }
            None => self.push(Node::Long(bytes)),
        }
    }

    /// A line with an int, or with a bool as protocols 0 and 1 write it.
    pub(super) fn int_line(&mut self) -> Result<(), Error> {
        match self.input.text_line()? {
            "00" => self.push(Node::Bool(false)),
            "01" => self.push(Node::Bool(true)),
            digits => self.digits(digits),
        }
    }

    pub(super) fn long_line(&mut self) -> Result<(), Error> {
        let digits = self.input.text_line()?;
        self.digits(digits.strip_suffix('L').unwrap_or(digits))
    }

    pub(super) fn digits(&mut self, text: &str) -> Result<(), Error> {
        let text = text.trim();
        if let Ok(number) = text.parse() {
            return self.push(Node::Int(number));
        }
        refusal::check_digits(text.trim_start_matches(['-', '+']).len(), &self.limits)?;
        let number = text.parse();
        let number = number.map_err(|_| {
            let message = format!("invalid literal for int() with base 10: {text:?}");
            Error::new(ErrorKind::Syntax, message)
        })?;
        self.add(Object::BigInt(Box::new(BigInt(number))))
    }

    #[inline]
    pub(super) fn tuple(&mut self, count: usize) -> Result<(), Error> {
        let start = self.last(count)?;
        self.gather(start, Object::Tuple)
    }

    /// Appends what stands from here on to the object below it.
    pub(super) fn append(&mut self, start: usize) -> Result<(), Error> {
        let (nr, items) = (self.number_below(start), &self.stack[start..]);
        let Document { objects, nodes, .. } = &mut self.document;
        match objects.get_mut(nr) {
            Some(Object::List(list)) => list.add(nodes, items),
            Some(Object::Made(made)) => made.add(Step::Append(items.to_vec())),
            _ => return Err(cannot_change("APPENDS")),
        }
        self.remember(nr, What::Append(items.len()));
        self.stack.truncate(start);
        Ok(())
    }

    pub(super) fn add_items(&mut self) -> Result<(), Error> {
        let start = self.pop_mark()?;
        let (nr, items) = (self.number_below(start), &self.stack[start..]);
        let Document { objects, nodes, .. } = &mut self.document;
        match objects.get_mut(nr) {
            Some(Object::Set(members)) => members.add(nodes, items),
            _ => return Err(cannot_change("ADDITEMS")),
        }
        self.remember(nr, What::Append(items.len()));
        self.stack.truncate(start);
        Ok(())
    }

    /// Sets what stands from here on as keys and values in the object below it.
    pub(super) fn set_items(&mut self, start: usize) -> Result<(), Error> {
        let count = self.pairs(start)?.len();
        let (nr, items) = (self.number_below(start), &self.stack[start..]);
        let Document { objects, nodes, .. } = &mut self.document;
        match objects.get_mut(nr) {
            Some(Object::Dict(dict)) => dict.add(nodes, items),
            Some(Object::Made(made)) => made.add(Step::SetItems(items.as_chunks().0.to_vec())),
            _ => return Err(cannot_change("SETITEMS")),
        }
        self.remember(nr, What::SetItems(count));
        self.stack.truncate(start);
        Ok(())
    }

    /// The number of the object that stands just below this place of the stack; if there is none, one that no object has.
    #[inline]
    fn number_below(&self, start: usize) -> usize {
        match self.stack[..start].last() {
            Some(Node::Object(nr)) if start > self.floor() => *nr,
            _ => usize::MAX,
        }
    }

    #[inline]
    fn remember(&mut self, object: usize, what: What<'de>) {
        let time = self.document.objects.len();
        self.document.log.push(Change { object, time, what });
    }

    /// Sets the state of the object on top.
    pub(super) fn build(&mut self, state: Node<'de>) -> Result<(), Error> {
        let top = self.top()?;
        self.add_step(top, Step::State(state), What::State(state), "BUILD")
    }

    fn add_step(&mut self, node: Node<'de>, step: Step<'de>, what: What<'de>, name: &str) -> Result<(), Error> {
        let Node::Object(nr) = node else {
            return Err(cannot_change(name));
        };
        match self.document.objects.get_mut(nr) {
            Some(Object::Made(made)) => made.add(step),
            _ => return Err(cannot_change(name)),
        }
        self.remember(nr, what);
        Ok(())
    }

    pub(super) fn make(
        &mut self,
        by: By,
        callee: Node<'de>,
        args: Node<'de>,
        kwargs: Option<Node<'de>>,
    ) -> Result<(), Error> {
        self.add(Object::Made(Box::new(Made {
            by,
            callee,
            args,
            kwargs,
            steps: Vec::new(),
        })))
    }

    /// The name of a type of Python's own that dill names by a call.
    pub(super) fn loaded_type(&self, callee: Node<'de>, args: Node<'de>) -> Option<Cow<'de, str>> {
        let callee = self.document.global(callee)?;
        match self.document.tuple(args)? {
            [name] if callee.is("dill._dill", "_load_type") => {
                self.name_part(*name).filter(|name| Name::builtin(name).is_known())
            }
            _ => None,
        }
    }

    /// An instance as Python 2 pickles those of old-style classes.
    pub(super) fn instance(&mut self, callee: Node<'de>, args: &[Node<'de>]) -> Result<(), Error> {
        let start = self.stack.len();
        self.stack.extend_from_slice(args);
        self.gather(start, Object::Tuple)?;
        let args = self.pop()?;
        self.make(By::Old, callee, args, None)
    }

    pub(super) fn stack_global(&mut self) -> Result<(), Error> {
        let name = self.pop()?;
        let module = self.pop()?;
        match (self.name_part(module), self.name_part(name)) {
            (Some(module), Some(name)) => self.global(module, name),
            _ => Err(Error::new(ErrorKind::Syntax, "STACK_GLOBAL requires str")),
        }
    }

    pub(super) fn name_part(&self, node: Node<'de>) -> Option<Cow<'de, str>> {
        match node {
            Node::Str(text) => Some(text.into()),
            _ => match self.document.object(node)? {
                Object::Text(text) => Some(text.clone().into()),
                _ => None,
            },
        }
    }

    pub(super) fn global(&mut self, module: Cow<'de, str>, name: Cow<'de, str>) -> Result<(), Error> {
        let name = names::from_pickle(module, name, self.protocol);
        if let Some(accept) = self.accept
            && !name.is_known()
        {
            let dotted = name.dotted();
            if !accept(&dotted) {
                let message = format!("{dotted} is not among the classes that are read from pickles here");
                return Err(Error::new(ErrorKind::Security, message));
            }
        }
        self.add(Object::Global(Box::new(name)))
    }

    #[inline]
    pub(super) fn get(&mut self, nr: usize) -> Result<(), Error> {
        let message = || Error::new(ErrorKind::Syntax, format!("Memo value not found at index {nr}"));
        let node = self.memo.get(nr).ok_or_else(message)?;
        self.repeat(node)
    }

    /// Pushes what is there already.
    #[inline]
    pub(super) fn repeat(&mut self, node: Node<'de>) -> Result<(), Error> {
        self.document.repeats |= matches!(node, Node::Object(_));
        self.push(node)
    }

    pub(super) fn put(&mut self, nr: usize) -> Result<(), Error> {
        let top = self.top()?;
        self.memo.put(nr, top);
        Ok(())
    }
}

#[cold]
fn odd_number() -> Error {
    Error::new(ErrorKind::Syntax, "odd number of items for SETITEMS")
}

#[cold]
fn no_mark() -> Error {
    Error::new(ErrorKind::Syntax, "could not find MARK")
}

#[cold]
pub(super) fn underflow() -> Error {
    Error::new(ErrorKind::Syntax, "unpickling stack underflow")
}

#[cold]
fn cannot_change(what: &str) -> Error {
    Error::new(ErrorKind::Syntax, format!("{what} for an object that cannot take it"))
}
