//! The signature of Pyro4 messages (Pyro5 has none; it relies on TLS).

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::{AnnotationKey, Annotations};

pub(crate) const DIGEST_LEN: usize = 20;

/// A key that both sides share. With one, every Pyro4 message is signed, and only signed ones are accepted.
///
/// The signature is HMAC-SHA1 over the payload as it travels and the values of the other annotations in the order of
/// their keys. It does not cover the header or the keys, and it hides nothing.
#[derive(Clone)]
pub struct HmacKey(Hmac<Sha1>);

impl HmacKey {
    /// The key of these bytes (Pyro encodes a text as UTF-8). An empty key means no key, as in Pyro.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<HmacKey> {
        if key.is_empty() {
            return None;
        }
        Hmac::new_from_slice(key).ok().map(HmacKey)
    }

    pub(crate) fn digest(&self, payload: &[u8], annotations: Annotations<'_>) -> [u8; DIGEST_LEN] {
        self.mac(payload, annotations).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(crate) fn accepts(&self, digest: &[u8], payload: &[u8], annotations: Annotations<'_>) -> bool {
        self.mac(payload, annotations).verify_slice(digest).is_ok()
    }

    fn mac(&self, payload: &[u8], annotations: Annotations<'_>) -> Hmac<Sha1> {
        let mut mac = self.0.clone();
        mac.update(payload);
        // Python keeps annotations in a dict: of a key that came twice only the later value is signed.
        let sorted: BTreeMap<AnnotationKey, &[u8]> = annotations.iter().collect();
        for (key, value) in sorted {
            if key != AnnotationKey::HMAC {
                mac.update(value);
            }
        }
        mac
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(…)")
    }
}
