//! The buffer that bytes are read into.

use std::io;

use ferropyro_wire::READ_STEP;

use super::Stream;
use super::interrupt::interrupted;

/// Bytes that have arrived and not been used yet. It grows with what arrives, never with what is announced.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the system waits for all of what is wanted, when that is much (MSG_WAITALL).
    wait_for_all: bool,
}

/// What an idle connection keeps.
const INBOX_SIZE: usize = 8 << 10;
/// What an idle connection of the event loop keeps at the most.
const RESTING: usize = 256;
/// A buffer above this size goes when it is not needed.
const INBOX_KEEP: usize = 1 << 20;

impl Inbox {
    /// One that reads as the setting USE_MSG_WAITALL says.
    pub(crate) fn waiting_for_all(mut self, wait: bool) -> Inbox {
        self.wait_for_all = wait;
        self
    }

    /// The unused bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops so many bytes from the front.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > INBOX_KEEP && count < INBOX_KEEP / 4 {
                self.bytes = vec![0; INBOX_SIZE];
            }
        }
    }

    /// Reads once from the stream, with room for up to `wanted` bytes, which are known to come. Gives the number read; 0 is the end of the stream.
    pub(crate) fn fill(&mut self, stream: &Stream, wanted: usize) -> io::Result<usize> {
        // Who only announces much gets no more room than as much again as has come.
        let wanted = wanted.min(self.bytes().len().max(INBOX_SIZE));
        self.make_room(wanted);
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        // It is one message then, so nothing else can be hidden behind what is waited for.
        let waits = self.wait_for_all && wanted >= READ_STEP;
        let count = loop {
            let read = match room.get_mut(..wanted) {
                Some(whole) if waits => stream.read_full(whole),
                _ => stream.read(room),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupted()?,
                other => break other?,
            }
        };
        self.end += count;
        Ok(count)
    }

    /// Room for at least `wanted` bytes, to be read into.
    pub(crate) fn room(&mut self, wanted: usize) -> &mut [u8] {
        self.make_room(wanted);
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// So many bytes were read into the room.
    pub(crate) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Adds bytes that have arrived, and takes no more memory than they need.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(bytes);
        self.end = self.bytes.len();
    }

    /// Gives memory back that an idle connection need not hold.
    pub(crate) fn rest(&mut self) {
        if self.start == self.end && self.bytes.capacity() > RESTING {
            *self = Inbox::default();
        }
    }

    /// How much memory it holds.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn make_room(&mut self, wanted: usize) {
        if self.bytes.len() - self.end >= wanted.max(1) {
            return;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.bytes.len() - self.end < wanted.max(1) {
            let size = (self.end + wanted).max(grown(self.end)).max(INBOX_SIZE);
            self.bytes.reserve_exact(size - self.bytes.len());
            self.bytes.resize(size, 0);
        }
    }
}

/// The next size of a buffer: twice as much while it is small; a long message gets a quarter more at a time, so that it never takes much more than itself.
fn grown(size: usize) -> usize {
    if size < INBOX_KEEP / 2 {
        size * 2
    } else {
        size + size / 4
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    /// Receives messages of this size, and gives the longest that the buffer was.
    fn longest_buffer(size: usize, messages: usize) -> usize {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        let near = Stream::Unix(near);
        let sender = thread::spawn(move || (0..messages).all(|_| (&far).write_all(&vec![1; size]).is_ok()));
        let mut inbox = Inbox::default();
        let mut longest = 0;
        for _ in 0..messages {
            while inbox.bytes().len() < size {
                let arrived = inbox.bytes().len();
                let wanted = (size - arrived).min(READ_STEP.max(arrived));
                assert_ne!(inbox.fill(&near, wanted).expect("the other end writes"), 0);
                longest = longest.max(inbox.bytes.capacity());
            }
            inbox.consume(size);
        }
        assert!(sender.join().expect("no panic"));
        longest
    }

    // Conformance: SER-05
    #[test]
    fn a_long_message_takes_little_more_memory_than_itself() {
        for size in [1 << 20, 3_000_000, 16 << 20] {
            let longest = longest_buffer(size, 3);
            assert!(longest <= size + size / 4 + 2 * READ_STEP, "{longest} for {size}");
        }
    }
}
