//! SHA-256 of files, as hexadecimal text.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// The checksum of what has come so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest(Sha256);

/// Read and hashed at a time.
const BLOCK: usize = 256 << 10;

impl Digest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes in so many bytes of a file, or all of them when it is shorter; gives how many there were.
    pub(crate) fn read(&mut self, file: &mut impl Read, length: u64) -> io::Result<u64> {
        let mut block = vec![0; BLOCK];
        let mut done = 0;
        while done < length {
            let wanted = usize::try_from(length - done).unwrap_or(BLOCK).min(BLOCK);
            match file.read(&mut block[..wanted]) {
                Ok(0) => break,
                Ok(count) => {
                    self.update(&block[..count]);
                    done += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// The checksum up to now.
    pub(crate) fn hex(&self) -> String {
        let sum = self.0.clone().finalize();
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The checksum itself, for comparisons.
    pub(crate) fn of(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_what_sha256sum_prints() {
        let mut digest = Digest::default();
        digest.update(b"a");
        assert_eq!(digest.read(&mut &b"bcdef"[..], 2).unwrap(), 2);
        assert_eq!(
            digest.hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.read(&mut &b"z"[..], 9).unwrap(), 1);
    }
}
