use super::document::{Entry, Node};

/// What stands in a container: its items, or its keys and values in turn.
#[derive(Debug)]
pub(super) enum Contents<'de> {
    /// So many nodes of the document's, from here on. Containers are many and small, and cost no memory of their own this way.
    Shared { start: usize, count: usize },
    /// More came when other nodes stood behind the first ones already.
    Own(Vec<Node<'de>>),
}

impl<'de> Contents<'de> {
    pub(super) const EMPTY: Contents<'de> = Contents::Shared { start: 0, count: 0 };

    /// Adds these, of which `shared`, the document's nodes, may take some.
    ///
    /// No node is copied more often than a growing vector copies it, in whatever order containers grow.
    pub(super) fn add(&mut self, shared: &mut Vec<Node<'de>>, more: &[Node<'de>]) {
        match self {
            Contents::Shared { start, count } if *count == 0 || *start + *count == shared.len() => {
                *start = shared.len() - *count;
                *count += more.len();
                shared.extend_from_slice(more);
            }
            Contents::Shared { .. } => *self = Contents::Own([self.nodes(shared), more].concat()),
            Contents::Own(nodes) => nodes.extend_from_slice(more),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Contents::Shared { count, .. } => *count == 0,
            Contents::Own(nodes) => nodes.is_empty(),
        }
    }

    #[inline]
    pub(super) fn nodes<'a>(&'a self, shared: &'a [Node<'de>]) -> &'a [Node<'de>] {
        match self {
            Contents::Shared { start, count } => shared.get(*start..*start + *count).unwrap_or_default(),
            Contents::Own(nodes) => nodes,
        }
    }

    #[inline]
    pub(super) fn entries<'a>(&'a self, shared: &'a [Node<'de>]) -> &'a [Entry<'de>] {
        self.nodes(shared).as_chunks().0
    }
}
