//! Keys, and the one that all parts of a program share.

use std::env;
use std::fmt;
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock};

use crate::{Error, Result};

/// A key that both ends have: any bytes, also none. It never travels, and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthKey(Vec<u8>);

impl AuthKey {
    /// A new one of 32 random bytes, as the keys of Python's processes are.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn random() -> Result<AuthKey> {
        random_bytes(32).map(AuthKey)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes that nobody can guess.
pub(super) fn random_bytes(count: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::io("cannot get random bytes", error.into())),
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey(…)")
    }
}

impl From<&[u8]> for AuthKey {
    fn from(bytes: &[u8]) -> AuthKey {
        AuthKey(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for AuthKey {
    fn from(bytes: &[u8; N]) -> AuthKey {
        AuthKey(bytes.to_vec())
    }
}

impl From<Vec<u8>> for AuthKey {
    fn from(bytes: Vec<u8>) -> AuthKey {
        AuthKey(bytes)
    }
}

impl From<&str> for AuthKey {
    fn from(text: &str) -> AuthKey {
        AuthKey(text.as_bytes().to_vec())
    }
}

impl From<String> for AuthKey {
    fn from(text: String) -> AuthKey {
        AuthKey(text.into_bytes())
    }
}

/// The environment variable with the key that a process has from the one that started it, in hexadecimal digits.
const VARIABLE: &str = "FERROPYRO_AUTHKEY";

/// The key that was set; before that, there is the one that the process was started with.
static SET: RwLock<Option<AuthKey>> = RwLock::new(None);
static FIRST: OnceLock<AuthKey> = OnceLock::new();

/// The key of this process (Python's `currentProcess().getAuthKey()`, `current_process().authkey`): what listeners and clients take that are to authenticate and
/// have no key of their own ([`Options::authenticate`](crate::Options::authenticate)).
///
/// It is random, unless [`set_process_key`] has set it, or the parent process has handed its own down ([`hand_down_process_key`]).
///
/// # Errors
/// When the system has no randomness, and when the key that was handed down is none.
pub fn process_key() -> Result<AuthKey> {
    if let Some(key) = SET.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
        return Ok(key.clone());
    }
    if let Some(key) = FIRST.get() {
        return Ok(key.clone());
    }
    let key = match env::var(VARIABLE) {
        Ok(digits) => from_hex(&digits).ok_or_else(|| {
            // The digits are a secret, so they are not in the text.
            Error::authentication(format!(
                "the key in the environment variable {VARIABLE} is not in hexadecimal digits"
            ))
        })?,
        Err(_) => AuthKey::random()?,
    };
    Ok(FIRST.get_or_init(|| key).clone())
}

/// Sets the key of this process.
pub fn set_process_key(key: impl Into<AuthKey>) {
    *SET.write().unwrap_or_else(PoisonError::into_inner) = Some(key.into());
}

/// Lets a child process have the key of this one, as the processes have that Python's package starts.
///
/// The key is put into the child's environment (`FERROPYRO_AUTHKEY`), where the system may show it to other programs of the same user; the child's own children inherit it too.
/// Children that are started without this have keys of their own.
///
/// # Errors
/// As for [`process_key`].
///
/// ```no_run
/// use std::process::Command;
/// use ferropyro_connection::hand_down_process_key;
///
/// let mut worker = Command::new("worker");
/// hand_down_process_key(&mut worker)?;
/// worker.spawn()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hand_down_process_key(child: &mut Command) -> Result<()> {
    let digits: String = process_key()?.0.iter().map(|byte| format!("{byte:02x}")).collect();
    child.env(VARIABLE, digits);
    Ok(())
}

fn from_hex(digits: &str) -> Option<AuthKey> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    bytes.collect::<Option<Vec<u8>>>().map(AuthKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", AuthKey::from("secret")), "AuthKey(…)");
    }

    #[test]
    fn hexadecimal_digits_are_bytes_or_nothing() {
        assert_eq!(from_hex("00fF7a"), Some(AuthKey(vec![0, 255, 122])));
        assert_eq!(from_hex(""), Some(AuthKey(vec![])));
        for digits in ["0", "0g", "+1", "00 1", "ää"] {
            assert_eq!(from_hex(digits), None, "{digits}");
        }
    }
}
