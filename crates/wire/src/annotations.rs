//! Annotations: small named byte strings that travel between a message's header and its payload.

use std::fmt;

use crate::Dialect;
use crate::error::AnnotationFault;

/// An annotation's key: four ASCII characters.
///
/// ```
/// use ferropyro_wire::{AnnotationKey, Dialect};
/// let key = AnnotationKey::try_from("XYZZ").unwrap();
/// assert_eq!(key.as_str(), "XYZZ");
/// let error = AnnotationKey::try_from("short").unwrap_err();
/// assert_eq!(error.text(Dialect::V48), "annotation key must be of length 4");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnnotationKey([u8; 4]);

impl AnnotationKey {
    /// The correlation id of a Pyro4 message: 16 bytes. (Pyro5 has a header field for it.)
    pub const CORR: AnnotationKey = AnnotationKey(*b"CORR");
    /// The signature of a Pyro4 message: 20 bytes.
    pub const HMAC: AnnotationKey = AnnotationKey(*b"HMAC");
    /// The id of the stream that a result announces.
    pub const STRM: AnnotationKey = AnnotationKey(*b"STRM");
    /// What a serialised blob is for.
    pub const BLBI: AnnotationKey = AnnotationKey(*b"BLBI");

    /// A key of these bytes; `None` unless all are ASCII.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Option<AnnotationKey> {
        if bytes.is_ascii() {
            Some(AnnotationKey(bytes))
        } else {
            None
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The key as it stands on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// True for the four keys that Pyro itself uses; applications take others.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        [Self::CORR, Self::HMAC, Self::STRM, Self::BLBI].contains(self)
    }
}

impl TryFrom<&str> for AnnotationKey {
    type Error = AnnotationKeyError;

    fn try_from(key: &str) -> Result<AnnotationKey, AnnotationKeyError> {
        let bytes = <[u8; 4]>::try_from(key.as_bytes()).map_err(|_| AnnotationKeyError)?;
        AnnotationKey::new(bytes).ok_or(AnnotationKeyError)
    }
}

impl fmt::Display for AnnotationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AnnotationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnnotationKey({:?})", self.as_str())
    }
}

/// The text is not a key: keys have exactly four ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnotationKeyError;

impl AnnotationKeyError {
    /// The text that Pyro has for it. Pyro4 and Pyro5 word it differently; the Display form is Pyro5's.
    #[must_use]
    pub const fn text(self, dialect: Dialect) -> &'static str {
        if dialect.is_pyro5() {
            "annotation identifier must be 4 ascii characters"
        } else {
            "annotation key must be of length 4"
        }
    }
}

impl fmt::Display for AnnotationKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Dialect::V502))
    }
}

impl std::error::Error for AnnotationKeyError {}

/// The annotations of a received message, borrowed from the bytes that were read.
///
/// Nothing is left out: `CORR` and `HMAC` are among them, and so is a key that came twice.
#[derive(Clone, Copy)]
pub struct Annotations<'b> {
    dialect: Dialect,
    chunks: &'b [u8],
    count: usize,
}

/// The annotations of a message that is gone. Default: none.
#[derive(Clone)]
pub struct OwnedAnnotations {
    dialect: Dialect,
    chunks: Vec<u8>,
    count: usize,
}

/// The most memory in bytes that [`OwnedAnnotations`] keep when they are empty.
const KEEP: usize = 64 << 10;

impl OwnedAnnotations {
    /// None at all.
    pub const EMPTY: OwnedAnnotations = OwnedAnnotations {
        dialect: Dialect::V502,
        chunks: Vec::new(),
        count: 0,
    };

    /// The annotations, to be read.
    #[must_use]
    pub fn borrow(&self) -> Annotations<'_> {
        Annotations {
            dialect: self.dialect,
            chunks: &self.chunks,
            count: self.count,
        }
    }

    /// Every annotation, in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (AnnotationKey, &[u8])> {
        self.borrow().iter()
    }

    /// The value of a key, see [`Annotations::get`].
    #[must_use]
    pub fn get(&self, key: AnnotationKey) -> Option<&[u8]> {
        self.borrow().get(key)
    }

    /// How many chunks there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Those of another message in the place of these, and of their memory.
    pub fn replace(&mut self, annotations: &Annotations<'_>) {
        self.dialect = annotations.dialect;
        self.chunks.clear();
        self.chunks.shrink_to(KEEP);
        self.chunks.extend_from_slice(annotations.chunks);
        self.count = annotations.count;
    }

    /// Forgets them, and keeps some of their memory for the next ones.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.chunks.shrink_to(KEEP);
        self.count = 0;
    }
}

impl Default for OwnedAnnotations {
    fn default() -> OwnedAnnotations {
        OwnedAnnotations::EMPTY
    }
}

impl fmt::Debug for OwnedAnnotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrow().fmt(f)
    }
}

impl<'b> Annotations<'b> {
    /// Checks the chunks once, so that reading them later cannot fail.
    pub(crate) fn parse(dialect: Dialect, chunks: &'b [u8], max_count: usize) -> Result<Self, AnnotationFault> {
        let mut count = 0;
        let mut rest = chunks;
        while !rest.is_empty() {
            if count == max_count {
                return Err(AnnotationFault::TooMany { max: max_count });
            }
            rest = split_chunk(dialect, rest)?.2;
            count += 1;
        }
        Ok(Annotations { dialect, chunks, count })
    }

    /// Every annotation, in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (AnnotationKey, &'b [u8])> + use<'b> {
        let dialect = self.dialect;
        let mut rest = self.chunks;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (key, value, after) = split_chunk(dialect, rest).ok()?;
            rest = after;
            Some((key, value))
        })
    }

    /// The value of a key. Where a key came twice the later one holds, as in Pyro.
    #[must_use]
    pub fn get(&self, key: AnnotationKey) -> Option<&'b [u8]> {
        self.iter()
            .filter(|(found, _)| *found == key)
            .last()
            .map(|(_, value)| value)
    }

    /// How many bytes they take in the message.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.chunks.len()
    }

    /// A copy that outlives the message.
    #[must_use]
    pub fn to_owned(&self) -> OwnedAnnotations {
        OwnedAnnotations {
            dialect: self.dialect,
            chunks: self.chunks.to_vec(),
            count: self.count,
        }
    }

    /// How many chunks there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Debug for Annotations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The first chunk's key and value, and what follows it.
///
/// Pyro5 insists that a chunk lies within the announced total. Pyro4 takes the shorter value that slicing gives in
/// Python.
fn split_chunk(dialect: Dialect, chunks: &[u8]) -> Result<(AnnotationKey, &[u8], &[u8]), AnnotationFault> {
    let (key, len, rest) = split_chunk_header(dialect, chunks)?;
    let key = AnnotationKey::new(key).ok_or(AnnotationFault::NotAscii { key })?;
    if len > rest.len() && dialect.is_pyro5() {
        return Err(AnnotationFault::BeyondTotal);
    }
    let (value, rest) = rest.split_at(len.min(rest.len()));
    Ok((key, value, rest))
}

fn split_chunk_header(dialect: Dialect, chunks: &[u8]) -> Result<([u8; 4], usize, &[u8]), AnnotationFault> {
    if dialect.is_pyro5() {
        let ([a, b, c, d, len @ ..], rest) = chunks.split_first_chunk::<8>().ok_or(AnnotationFault::BeyondTotal)?;
        let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| AnnotationFault::BeyondTotal)?;
        Ok(([*a, *b, *c, *d], len, rest))
    } else {
        let ([a, b, c, d, len @ ..], rest) = chunks.split_first_chunk::<6>().ok_or(AnnotationFault::Torn)?;
        Ok(([*a, *b, *c, *d], usize::from(u16::from_be_bytes(*len)), rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_large_annotations_is_given_back() {
        let chunks = [b"BULK".as_slice(), &(1_u32 << 20).to_be_bytes(), &vec![0; 1 << 20]].concat();
        let large = Annotations::parse(Dialect::V502, &chunks, 1).expect("one annotation");
        let mut owned = large.to_owned();
        assert_eq!(owned.borrow().size(), 8 + (1 << 20));
        owned.replace(&OwnedAnnotations::EMPTY.borrow());
        assert!(owned.is_empty() && owned.chunks.capacity() <= KEEP);
    }
}
