//! Messages in a stream of bytes: a length and so many bytes. No IO in here.

use crate::{Error, Result};

/// The length in front of a message: 4 bytes, or -1 in them and then 8 bytes, which Python reads from 3.8 on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    bytes: [u8; 12],
    len: usize,
}

impl Head {
    pub(crate) const SHORT: usize = 4;
    const LONG: usize = 12;

    /// Of a message of so many bytes.
    pub(crate) fn of(length: usize) -> Head {
        let mut bytes = [0xff; 12];
        let len = match i32::try_from(length) {
            Ok(length) => {
                bytes[..4].copy_from_slice(&length.to_be_bytes());
                4
            }
            Err(_) => {
                bytes[4..].copy_from_slice(&(length as u64).to_be_bytes());
                12
            }
        };
        Head { bytes, len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Puts messages together from bytes as they come.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Bytes that have come and belong to no body yet: from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    body: Option<Body>,
    /// The longest message that is read.
    pub(crate) longest: usize,
    /// Whether bytes may be taken that belong to later messages.
    pub(crate) reads_ahead: bool,
    /// Why it is not known any more where the next message begins.
    lost: Option<String>,
}

/// A message whose length is known.
#[derive(Debug)]
struct Body {
    /// As much of it as has come, and room for more behind that.
    bytes: Vec<u8>,
    filled: usize,
    length: usize,
}

/// Enough for many small messages at a time.
const BUFFER: usize = 8 << 10;
/// The room that a long message gets at first; later as much again as has come, so that memory grows with what arrives and not with what is announced.
const STEP: usize = 64 << 10;

impl Inbox {
    pub(crate) fn new(longest: usize, reads_ahead: bool) -> Inbox {
        Inbox {
            buffer: Vec::new(),
            start: 0,
            end: 0,
            body: None,
            longest,
            reads_ahead,
            lost: None,
        }
    }

    /// The next message, if all of it has come; no longer one than `longest`, and than the limit of this inbox.
    pub(crate) fn next(&mut self, longest: usize) -> Result<Option<Vec<u8>>> {
        self.begin(longest)?;
        match self.body.take() {
            Some(mut body) if body.filled == body.length => {
                body.bytes.truncate(body.length);
                Ok(Some(body.bytes))
            }
            body => {
                self.body = body;
                Ok(None)
            }
        }
    }

    /// Whether [`Inbox::next`] has something to give: a message or an error.
    pub(crate) fn has_something(&mut self) -> bool {
        let begun = self.begin(usize::MAX);
        begun.is_err() || self.body.as_ref().is_some_and(|body| body.filled == body.length)
    }

    /// Reads the head of the next message, if there is one.
    fn begin(&mut self, longest: usize) -> Result<()> {
        if let Some(text) = &self.lost {
            return Err(Error::Protocol(text.clone()));
        }
        if self.body.is_some() {
            return Ok(());
        }
        let waiting = &self.buffer[self.start..self.end];
        let (length, head) = match *waiting {
            [0xff, 0xff, 0xff, 0xff, a, b, c, d, e, f, g, h, ..] => {
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), Head::LONG)
            }
            [0xff, 0xff, 0xff, 0xff, ..] => return Ok(()),
            [a, b, c, d, ..] => (u64::from(u32::from_be_bytes([a, b, c, d])), Head::SHORT),
            _ => return Ok(()),
        };
        let is_negative = head == Head::SHORT && length > i32::MAX as u64;
        let longest = longest.min(self.longest);
        match usize::try_from(length) {
            Ok(length) if length <= longest && !is_negative => {
                self.start += head;
                self.body = Some(self.begin_body(length));
                Ok(())
            }
            _ => {
                let text = bad_length(length, longest, is_negative);
                self.lost = Some(text.clone());
                Err(Error::Protocol(text))
            }
        }
    }

    fn begin_body(&mut self, length: usize) -> Body {
        let there = length.min(self.end - self.start);
        let bytes = self.buffer[self.start..self.start + there].to_vec();
        self.start += there;
        Body {
            bytes,
            filled: there,
            length,
        }
    }

    /// Whether a part of a message has come, and not all of it.
    pub(crate) fn is_inside(&self) -> bool {
        self.body.is_some() || self.start < self.end
    }

    /// Room for more bytes, never none; what was read into it is then said to [`Inbox::filled`].
    pub(crate) fn room(&mut self) -> &mut [u8] {
        match &mut self.body {
            Some(body) => {
                if body.filled == body.bytes.len() {
                    let more = body.filled.max(STEP).min(body.length - body.filled);
                    body.bytes.resize(body.filled + more, 0);
                }
                &mut body.bytes[body.filled..]
            }
            None => {
                // What is left is the beginning of a head.
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                self.buffer.resize(BUFFER, 0);
                let enough = match (self.reads_ahead, self.end) {
                    (true, _) => BUFFER,
                    (false, 0..Head::SHORT) => Head::SHORT,
                    (false, _) => Head::LONG,
                };
                &mut self.buffer[self.end..enough]
            }
        }
    }

    /// So many bytes are there now.
    pub(crate) fn filled(&mut self, count: usize) {
        match &mut self.body {
            Some(body) => body.filled += count,
            None => self.end += count,
        }
    }

    /// What the end of the stream means.
    pub(crate) fn end(&self) -> Error {
        match self.is_inside() {
            true => Error::Protocol("got end of file during message".to_owned()),
            false => Error::Eof,
        }
    }
}

fn bad_length(length: u64, longest: usize, is_negative: bool) -> String {
    match is_negative {
        true => format!(
            "bad message length: {}; the other end does not speak this protocol, probably",
            length as u32 as i32
        ),
        false => format!("bad message length: the other end announces {length} bytes, and {longest} are acceptable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: usize = 1 << 20;

    /// What comes of these pieces: the messages, or the error after them.
    fn read(pieces: impl IntoIterator<Item = Vec<u8>>) -> (Vec<Vec<u8>>, Option<String>) {
        read_into(Inbox::new(LONGEST, true), pieces)
    }

    fn read_into(mut inbox: Inbox, pieces: impl IntoIterator<Item = Vec<u8>>) -> (Vec<Vec<u8>>, Option<String>) {
        let mut messages = Vec::new();
        for piece in pieces {
            let mut rest = piece.as_slice();
            loop {
                match inbox.next(usize::MAX) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) if rest.is_empty() => break,
                    Ok(None) => {
                        let room = inbox.room();
                        let count = room.len().min(rest.len());
                        room[..count].copy_from_slice(&rest[..count]);
                        inbox.filled(count);
                        rest = &rest[count..];
                    }
                    Err(error) => return (messages, Some(error.to_string())),
                }
            }
        }
        (messages, Some(inbox.end().to_string()))
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [Head::of(message.len()).as_bytes(), message].concat()
    }

    /// The form with 8 bytes, which Python reads for short messages too.
    fn framed_long(message: &[u8]) -> Vec<u8> {
        [
            b"\xff\xff\xff\xff".as_slice(),
            &(message.len() as u64).to_be_bytes(),
            message,
        ]
        .concat()
    }

    // Conformance: MP-22
    #[test]
    fn a_length_has_4_bytes_or_12() {
        assert_eq!(Head::of(0).as_bytes(), [0, 0, 0, 0]);
        assert_eq!(Head::of(300).as_bytes(), [0, 0, 1, 44]);
        assert_eq!(Head::of(0x7fff_ffff).as_bytes(), [0x7f, 0xff, 0xff, 0xff]);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(
            Head::of(0x8000_0000).as_bytes(),
            [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0]
        );
    }

    // Conformance: MP-18, MP-22
    #[test]
    fn messages_are_what_was_sent_however_the_bytes_come() {
        let long: Vec<u8> = (0..200_000u32).map(|number| number as u8).collect();
        let sent = [b"hello".to_vec(), vec![], long, vec![7; 8192], vec![], b"bye".to_vec()];
        for framed in [framed, framed_long] {
            let stream: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
            for size in [1, 2, 3, 5, 7, 4096, 8192, 8193, 70_000, stream.len()] {
                let (messages, end) = read(stream.chunks(size).map(<[u8]>::to_vec));
                assert_eq!(messages, sent, "in pieces of {size}");
                assert_eq!(end.as_deref(), Some("the other end has closed the connection"));
            }
        }
    }

    #[test]
    fn without_reading_ahead_nothing_of_a_later_message_is_taken() {
        let sent = [b"hello".to_vec(), vec![], vec![7; 200_000], b"bye".to_vec()];
        for framed in [framed, framed_long] {
            let mut inbox = Inbox::new(LONGEST, false);
            for message in &sent {
                let stream = framed(message);
                let mut rest = stream.as_slice();
                while !rest.is_empty() {
                    assert_eq!(inbox.next(usize::MAX).unwrap(), None);
                    let room = inbox.room();
                    assert!(
                        (1..=rest.len()).contains(&room.len()),
                        "room for {} of {}",
                        room.len(),
                        rest.len()
                    );
                    let (taken, left) = rest.split_at(room.len());
                    room.copy_from_slice(taken);
                    inbox.filled(taken.len());
                    rest = left;
                }
                assert_eq!(inbox.next(usize::MAX).unwrap().as_ref(), Some(message));
            }
            let stream: Vec<u8> = sent.iter().flat_map(|message| framed(message)).collect();
            for size in [1, 3, 70_000] {
                let pieces = stream.chunks(size).map(<[u8]>::to_vec);
                assert_eq!(read_into(Inbox::new(LONGEST, false), pieces).0, sent);
            }
        }
    }

    // Conformance: MP-22
    #[test]
    fn every_prefix_of_a_stream_ends_between_messages_or_inside_one() {
        let stream = [framed(b"abc"), framed_long(b"de"), framed(b"")].concat();
        let boundaries = [0, 7, 21, 25];
        for end in 0..=stream.len() {
            let (messages, error) = read([stream[..end].to_vec()]);
            let text = match boundaries.iter().position(|at| *at == end) {
                Some(count) => {
                    assert_eq!(messages.len(), count);
                    "the other end has closed the connection"
                }
                None => "got end of file during message",
            };
            assert_eq!(error.as_deref(), Some(text), "after {end} bytes");
        }
    }

    // Conformance: MP-22
    #[test]
    fn absurd_lengths_are_refused_without_memory_for_them() {
        for head in [
            [0x00, 0x10, 0x00, 0x01].as_slice(),
            &[0x7f, 0xff, 0xff, 0xff],
            &[0x80, 0, 0, 0],
            &[0xff, 0xff, 0xff, 0xfe],
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\0\0\0\0\0\x10\0\x01",
            b"GET / HTTP/1.1\r\n",
        ] {
            let (messages, error) = read([head.to_vec()]);
            let error = error.unwrap_or_default();
            assert!(
                messages.is_empty() && error.starts_with("bad message length: "),
                "{error}"
            );
        }
        // Nor is it read any further.
        let mut inbox = Inbox::new(10, true);
        inbox.room()[..8].copy_from_slice(b"\0\0\0\x0b\0\0\0\0");
        inbox.filled(8);
        assert!(inbox.next(usize::MAX).is_err());
        assert!(inbox.next(usize::MAX).is_err());
    }

    // Conformance: MP-22
    #[test]
    fn memory_grows_with_what_has_come() {
        let mut inbox = Inbox::new(1 << 30, true);
        inbox.room()[..4].copy_from_slice(Head::of(1 << 30).as_bytes());
        inbox.filled(4);
        let mut come = 0;
        while come < 10 << 20 {
            assert!(inbox.next(usize::MAX).unwrap().is_none());
            let room = inbox.room().len();
            assert!(room <= STEP.max(come), "{room} bytes of room after {come}");
            inbox.filled(room);
            come += room;
        }
    }
}
