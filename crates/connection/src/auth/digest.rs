//! The digests with which the ends prove that they have the key, and which of them are acceptable.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac, SimpleHmac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use sha3::{Sha3_256, Sha3_384};

use super::AuthKey;
use crate::{Error, Result};

/// What an HMAC is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// All that Python's multiprocessing knows up to Python 3.11. Acceptable only where it is [allowed](crate::Options::allow).
    Md5,
    /// All that `processing` 0.52 knows. Acceptable only where it is [allowed](crate::Options::allow).
    Sha1,
    /// What Python takes from 3.12 on, and ferropyro.
    Sha256,
    /// Known to Python from 3.12 on.
    Sha384,
    /// Known to Python from 3.12 on.
    Sha3_256,
    /// Known to Python from 3.12 on.
    Sha3_384,
}

/// The digests of multiprocessing, from 3.12 on; the one that comes first is asked for.
const NAMED: [Digest; 5] = [
    Digest::Sha256,
    Digest::Sha384,
    Digest::Sha3_256,
    Digest::Sha3_384,
    Digest::Md5,
];

impl Digest {
    /// The name in Python's hashlib.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Md5 => "md5",
            Digest::Sha1 => "sha1",
            Digest::Sha256 => "sha256",
            Digest::Sha384 => "sha384",
            Digest::Sha3_256 => "sha3_256",
            Digest::Sha3_384 => "sha3_384",
        }
    }

    /// The digest that a message of multiprocessing names in braces at its front, and the rest of the message.
    pub(super) fn named_in(message: &[u8]) -> Option<(Digest, &[u8])> {
        NAMED.into_iter().find_map(|digest| {
            let rest = message.strip_prefix(b"{")?;
            let rest = rest.strip_prefix(digest.name().as_bytes())?;
            Some((digest, rest.strip_prefix(b"}")?))
        })
    }

    /// As it stands at the front of messages of multiprocessing.
    pub(super) fn in_braces(self) -> Vec<u8> {
        format!("{{{}}}", self.name()).into_bytes()
    }

    pub(super) fn mac(self, key: &AuthKey, message: &[u8]) -> Vec<u8> {
        match self {
            Digest::Md5 => mac::<Hmac<Md5>>(key, message),
            Digest::Sha1 => mac::<Hmac<Sha1>>(key, message),
            Digest::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Digest::Sha384 => mac::<Hmac<Sha384>>(key, message),
            Digest::Sha3_256 => mac::<SimpleHmac<Sha3_256>>(key, message),
            Digest::Sha3_384 => mac::<SimpleHmac<Sha3_384>>(key, message),
        }
    }

    /// Compares in constant time.
    pub(super) fn accepts(self, key: &AuthKey, message: &[u8], mac: &[u8]) -> bool {
        match self {
            Digest::Md5 => accepts::<Hmac<Md5>>(key, message, mac),
            Digest::Sha1 => accepts::<Hmac<Sha1>>(key, message, mac),
            Digest::Sha256 => accepts::<Hmac<Sha256>>(key, message, mac),
            Digest::Sha384 => accepts::<Hmac<Sha384>>(key, message, mac),
            Digest::Sha3_256 => accepts::<SimpleHmac<Sha3_256>>(key, message, mac),
            Digest::Sha3_384 => accepts::<SimpleHmac<Sha3_384>>(key, message, mac),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &AuthKey, message: &[u8]) -> Vec<u8> {
    // A key of any length will do; without one there would be nothing that anybody accepts.
    M::new_from_slice(key.as_bytes()).map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(message).finalize().into_bytes().to_vec(),
    )
}

fn accepts<M: Mac + KeyInit>(key: &AuthKey, message: &[u8], mac: &[u8]) -> bool {
    M::new_from_slice(key.as_bytes()).is_ok_and(|own| own.chain_update(message).verify_slice(mac).is_ok())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// From the name in Python's hashlib.
impl FromStr for Digest {
    type Err = Error;

    fn from_str(name: &str) -> Result<Digest> {
        let found = NAMED
            .into_iter()
            .chain([Digest::Sha1])
            .find(|digest| digest.name() == name);
        found.ok_or_else(|| {
            Error::authentication(format!(
                "unknown digest {name}: there are md5, sha1, sha256, sha384, sha3_256 and sha3_384"
            ))
        })
    }
}

/// The digests that are acceptable: by default all but MD5 and SHA-1.
///
/// ```
/// use ferropyro_connection::{Digest, Digests};
///
/// assert!(Digests::default().has(Digest::Sha256));
/// assert!(!Digests::default().has(Digest::Md5));
/// assert!(Digests::default().with(Digest::Md5).has(Digest::Md5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests(u8);

impl Digests {
    /// None at all, to begin with.
    pub const NONE: Digests = Digests(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, digest: Digest) -> Digests {
        Digests(self.0 | 1 << digest as u8)
    }

    /// Whether it is one of them.
    pub const fn has(self, digest: Digest) -> bool {
        self.0 & 1 << digest as u8 != 0
    }

    /// The one that is asked for in a challenge of multiprocessing. With none at all, no answer will do.
    pub(super) fn preferred(self) -> Digest {
        NAMED
            .into_iter()
            .find(|digest| self.has(*digest))
            .unwrap_or(Digest::Sha256)
    }
}

impl Default for Digests {
    fn default() -> Digests {
        Digests::NONE
            .with(Digest::Sha256)
            .with(Digest::Sha384)
            .with(Digest::Sha3_256)
            .with(Digest::Sha3_384)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_those_that_python_allows_and_no_others() {
        for digest in NAMED {
            let message = [&digest.in_braces(), b"rest".as_slice()].concat();
            assert_eq!(Digest::named_in(&message), Some((digest, b"rest".as_slice())));
            assert_eq!(digest.name().parse::<Digest>().unwrap(), digest);
        }
        for message in [
            "{sha1}rest",
            "{sha512}rest",
            "sha256}rest",
            "{sha256rest",
            "{SHA256}rest",
            "{}rest",
            "",
        ] {
            assert_eq!(Digest::named_in(message.as_bytes()), None, "{message}");
        }
        assert!("sha512".parse::<Digest>().is_err());
    }

    #[test]
    fn macs_are_those_of_the_standards() {
        // RFC 2202 and RFC 4231, second test cases; SHA-3 by Python's hmac.
        let key = AuthKey::from("Jefe");
        let hex = |digest: Digest| -> String {
            let mac = digest.mac(&key, b"what do ya want for nothing?");
            assert!(digest.accepts(&key, b"what do ya want for nothing?", &mac));
            assert!(!digest.accepts(&key, b"what do ya want for nothing!", &mac));
            mac.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(hex(Digest::Md5), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(hex(Digest::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            hex(Digest::Sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(Digest::Sha384),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
        );
        assert_eq!(
            hex(Digest::Sha3_256),
            "c7d4072e788877ae3596bbb0da73b887c9171f93095b294ae857fbe2645e1ba5"
        );
        assert_eq!(
            hex(Digest::Sha3_384),
            "f1101f8cbf9766fd6764d2ed61903f21ca9b18f57cf3e1a23ca13508a93243ce48c045dc007f26a21b3f5e0e9df4c20a"
        );
    }
}
