//! Methods that give back iterators.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferropyro::wire::AnnotationKey;
use ferropyro::{Bytes, ItemStream, Raise, context, expose};

const ITEM: AnnotationKey = AnnotationKey::new(*b"ITEM").unwrap();

#[derive(Default)]
pub(super) struct Streams {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Items that iterators have made.
    made: AtomicU64,
    /// Iterators that are there.
    alive: AtomicU64,
}

#[expose]
impl Streams {
    pub fn made(&self) -> u64 {
        self.counts.made.load(Ordering::SeqCst)
    }

    pub fn alive(&self) -> u64 {
        self.counts.alive.load(Ordering::SeqCst)
    }

    pub fn count(&self, to: u64) -> ItemStream {
        ItemStream::new(self.iterate(1..=to))
    }

    /// An error after so many items, with more behind it that nobody may see.
    pub fn count_and_fail(&self, to: u64) -> ItemStream {
        let last = to + 1;
        ItemStream::fallible(self.iterate(1..=to + 10).map(move |number| {
            if number == last {
                return Err(Raise::new("ValueError", format!("no more than {to}")));
            }
            Ok(number)
        }))
    }

    pub fn count_and_panic(&self, to: u64) -> ItemStream {
        ItemStream::new(
            self.iterate(1..=to + 10)
                .inspect(move |number| assert!(*number <= to, "out of numbers")),
        )
    }

    /// The number of each item comes as its annotation, too.
    pub fn annotated(&self, to: u64) -> ItemStream {
        ItemStream::new(self.iterate(1..=to).inspect(|number| {
            if let Some(context) = context::current() {
                context.annotate(ITEM, number.to_string());
            }
        }))
    }

    pub fn chunks(&self, count: u64, size: usize) -> ItemStream {
        ItemStream::new(self.iterate(1..=count).map(move |_| Bytes::from(vec![b'x'; size])))
    }

    /// Iterators in an iterator.
    pub fn rows(&self, count: u64) -> ItemStream {
        let counts = Arc::clone(&self.counts);
        ItemStream::new(self.iterate(1..=count).map(move |row| {
            let columns = Counted::new(&counts, (1..=row).map(move |column| row * column));
            ItemStream::new(columns)
        }))
    }

    #[expose(get)]
    pub fn numbers(&self) -> ItemStream {
        self.count(3)
    }

    #[expose(oneway)]
    pub fn for_nobody(&self) -> ItemStream {
        self.count(3)
    }
}

impl Streams {
    fn iterate<I: Iterator>(&self, items: I) -> Counted<I> {
        Counted::new(&self.counts, items)
    }
}

/// An iterator that is counted while it lives, as are its items.
struct Counted<I> {
    counts: Arc<Counts>,
    items: I,
}

impl<I> Counted<I> {
    fn new(counts: &Arc<Counts>, items: I) -> Counted<I> {
        counts.alive.fetch_add(1, Ordering::SeqCst);
        Counted {
            counts: Arc::clone(counts),
            items,
        }
    }
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let item = self.items.next()?;
        self.counts.made.fetch_add(1, Ordering::SeqCst);
        Some(item)
    }
}

impl<I> Drop for Counted<I> {
    fn drop(&mut self) {
        self.counts.alive.fetch_sub(1, Ordering::SeqCst);
    }
}
