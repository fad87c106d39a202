//! Where the items of containers stand.

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

#[cfg(test)]
mod tests {
    use super::super::document::Object;
    use super::super::{LIMITS, machine};
    use super::Contents;

    /// For how many nodes all containers of a pickle have room.
    fn room(pickle: &[u8]) -> usize {
        let document = machine::run(pickle, 0, &LIMITS, None, None).unwrap();
        let own = document.objects.iter().map(|object| match object {
            Object::List(Contents::Own(nodes)) | Object::Dict(Contents::Own(nodes)) => nodes.capacity(),
            _ => 0,
        });
        document.nodes.capacity() + own.sum::<usize>()
    }

    // Conformance: SEC-04
    #[test]
    fn containers_that_grow_in_turn_take_memory_in_proportion() {
        for count in [1000, 10_000, 100_000] {
            // Two lists, which get items in turn: h takes one from the memo, 0 drops it.
            let turns = b"h\0K\x01a0h\x01K\x02a0".repeat(count);
            let lists = [b"]q\0]q\x01", turns.as_slice(), b"\x86."].concat();
            assert!(room(&lists) <= 6 * count, "{} for {count}", room(&lists));
            // The same with a list in a dict.
            let turns = b"h\0NNs0h\x01Na0".repeat(count);
            let both = [b"}q\0]q\x01", turns.as_slice(), b"\x86."].concat();
            assert!(room(&both) <= 9 * count, "{} for {count}", room(&both));
            // Lists that get their second item when the next ones are there.
            let lists = [b"(", b"]Na]a".repeat(count).as_slice(), b"l."].concat();
            assert!(room(&lists) <= 16 * count, "{} for {count}", room(&lists));
        }
    }
}
