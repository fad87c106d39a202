use std::collections::BTreeMap;

use super::document::Node;

/// The values that the pickle has numbered, to be used again.
///
/// Numbers usually follow each other, from 0 or from 1; any other number takes no more room than one entry. Python numbers all it can and uses little of it, so
/// that an entry is as small as can be.
#[derive(Debug, Default)]
pub(super) struct Memo<'de> {
    dense: Vec<Entry<'de>>,
    sparse: BTreeMap<usize, Node<'de>>,
    /// What fits into no entry.
    others: Vec<Node<'de>>,
    count: usize,
}

#[derive(Debug, Clone, Copy)]
enum Entry<'de> {
    Text(&'de str),
    Number(Number),
}

/// Half of an entry: what tells it from a text takes no room.
#[derive(Debug, Clone, Copy)]
enum Number {
    Object(u32),
    Other(u32),
    /// There is no value of this number, or it is among the sparse ones.
    None,
}

const NONE: Entry<'static> = Entry::Number(Number::None);

impl<'de> Memo<'de> {
    pub(super) fn put(&mut self, nr: usize, node: Node<'de>) {
        self.count += usize::from(self.get(nr).is_none());
        self.sparse.remove(&nr);
        if nr >= self.dense.len() && nr <= self.dense.len() + 1 {
            self.dense.resize(nr + 1, NONE);
        }
        if nr < self.dense.len() {
            let entry = self.entry(node);
            self.dense[nr] = entry.unwrap_or(NONE);
            if entry.is_some() {
                return;
            }
        }
        self.sparse.insert(nr, node);
    }

    /// Gives the value the number that Python gives it: how many there are.
    #[inline]
    pub(super) fn memoize(&mut self, node: Node<'de>) {
        if self.count == self.dense.len()
            && self.sparse.is_empty()
            && let Some(entry) = self.entry(node)
        {
            self.dense.push(entry);
            self.count += 1;
        } else {
            self.put(self.count, node);
        }
    }

    #[inline]
    fn entry(&mut self, node: Node<'de>) -> Option<Entry<'de>> {
        let number = match node {
            Node::Str(text) => return Some(Entry::Text(text)),
            Node::Object(nr) => Number::Object(u32::try_from(nr).ok()?),
            other => {
                let nr = u32::try_from(self.others.len()).ok()?;
                self.others.push(other);
                Number::Other(nr)
            }
        };
        Some(Entry::Number(number))
    }

    #[inline]
    pub(super) fn get(&self, nr: usize) -> Option<Node<'de>> {
        match self.dense.get(nr) {
            Some(Entry::Text(text)) => Some(Node::Str(text)),
            Some(Entry::Number(Number::Object(object))) => Some(Node::Object(*object as usize)),
            Some(Entry::Number(Number::Other(other))) => self.others.get(*other as usize).copied(),
            Some(Entry::Number(Number::None)) | None => self.sparse.get(&nr).copied(),
        }
    }
}
