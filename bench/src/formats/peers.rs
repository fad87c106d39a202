//! Who writes and reads.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use super::Direction;
use crate::Problem;
use crate::peer::{Helper, Peer, Sample, repeat_in_batches};

/// A format on one of its roads: a document, what writes it and what reads it.
pub(super) struct Codec<T, E> {
    document: T,
    bytes: Vec<u8>,
    write: fn(&T) -> Result<Vec<u8>, E>,
    read: fn(&[u8]) -> Result<T, E>,
}

impl<T: PartialEq, E> Codec<T, E>
where
    Problem: From<E>,
{
    /// Refuses a format that loses something.
    pub(super) fn new(
        document: T,
        write: fn(&T) -> Result<Vec<u8>, E>,
        read: fn(&[u8]) -> Result<T, E>,
    ) -> Result<Rc<Codec<T, E>>, Problem> {
        let codec = Codec::inexact(document, write, read)?;
        match (codec.read)(&codec.bytes)? == codec.document {
            true => Ok(codec),
            false => Err("a document comes back as another".into()),
        }
    }

    /// One that need not give back what it was given.
    pub(super) fn inexact(
        document: T,
        write: fn(&T) -> Result<Vec<u8>, E>,
        read: fn(&[u8]) -> Result<T, E>,
    ) -> Result<Rc<Codec<T, E>>, Problem> {
        Ok(Rc::new(Codec {
            bytes: write(&document)?,
            document,
            write,
            read,
        }))
    }
}

impl<T, E> Codec<T, E> {
    fn work(&self, direction: Direction) -> Result<(), E> {
        match direction {
            Direction::Write => std::hint::black_box(&(self.write)(&self.document)?).len(),
            Direction::Read => std::hint::black_box((&(self.read)(&self.bytes)?, 0)).1,
            Direction::Both => std::hint::black_box((&(self.read)(&(self.write)(&self.document)?)?, 0)).1,
        };
        Ok(())
    }
}

/// A codec in one direction.
pub(super) struct OneWay<T, E>(pub(super) Rc<Codec<T, E>>, pub(super) Direction);

impl<T, E> Peer for OneWay<T, E>
where
    Problem: From<E>,
{
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat_in_batches(1, time, || Ok(self.0.work(self.1)?))
    }
}

/// One of Python's serializers in one direction.
pub(super) struct PythonOneWay(pub(super) Rc<RefCell<Helper>>, pub(super) Direction);

impl Peer for PythonOneWay {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        let mut python = self.0.borrow_mut();
        writeln!(python.input, "{} {}", self.1.name(), time.as_secs_f64())?;
        Sample::from_line(&python.line()?)
    }
}
