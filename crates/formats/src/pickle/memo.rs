use std::collections::HashMap;

use super::document::Node;

/// The values that the pickle has numbered, to be used again.
///
/// Numbers usually follow each other, from 0 or from 1; any other number takes no more room than one entry.
#[derive(Debug, Default)]
pub(super) struct Memo<'de> {
    dense: Vec<Option<Node<'de>>>,
    sparse: HashMap<usize, Node<'de>>,
    count: usize,
}

impl<'de> Memo<'de> {
    pub(super) fn put(&mut self, nr: usize, node: Node<'de>) {
        let old = if nr < self.dense.len() {
            self.dense[nr].replace(node).or_else(|| self.sparse.remove(&nr))
        } else if nr <= self.dense.len() + 1 && !self.sparse.contains_key(&nr) {
            self.dense.resize(nr, None);
            self.dense.push(Some(node));
            None
        } else {
            self.sparse.insert(nr, node)
        };
        self.count += usize::from(old.is_none());
    }

    /// Gives the value the number that Python gives it: how many there are.
    #[inline]
    pub(super) fn memoize(&mut self, node: Node<'de>) {
        if self.count == self.dense.len() && self.sparse.is_empty() {
            self.dense.push(Some(node));
            self.count += 1;
        } else {
            self.put(self.count, node);
        }
    }

    #[inline]
    pub(super) fn get(&self, nr: usize) -> Option<Node<'de>> {
        match self.dense.get(nr) {
            Some(Some(node)) => Some(*node),
            _ => self.sparse.get(&nr).copied(),
        }
    }
}
