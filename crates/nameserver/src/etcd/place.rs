//! Where the names are: which endpoints, and under which keys.

use std::fmt;

use ferropyro::{Error, ErrorKind, Result};

/// The start of all keys, unless something else is asked for.
const PREFIX: &str = "/ferropyro/names/";

/// `HOST:PORT[,HOST:PORT...][/PREFIX]`, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `HOST:PORT` each; at least one.
    pub(super) endpoints: Vec<String>,
    pub(super) keys: Keys,
}

impl Place {
    /// # Errors
    /// `Value` for what does not look like that.
    pub(super) fn parse(text: &str) -> Result<Place> {
        let (endpoints, prefix) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text, PREFIX),
        };
        let endpoints: Vec<String> = endpoints
            .split(',')
            .map(|endpoint| endpoint.trim().to_owned())
            .collect();
        if let Some(wrong) = endpoints.iter().find(|endpoint| !is_endpoint(endpoint)) {
            let text = format!(
                "invalid storage type 'etcd:{text}': '{wrong}' is not HOST:PORT; the form is etcd:HOST:PORT[,HOST:PORT...][/PREFIX]"
            );
            return Err(Error::new(ErrorKind::Value, text));
        }
        Ok(Place {
            endpoints,
            keys: Keys::new(prefix),
        })
    }
}

fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.is_empty() && (is_bracketed || !host.contains(':'));
    is_host && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// How names become keys: a prefix, then the bytes of the name.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys that start with this text, and a slash behind it.
    fn new(prefix: &str) -> Keys {
        Keys {
            prefix: format!("{}/", prefix.trim_end_matches('/')),
        }
    }

    /// The key of a name.
    pub(super) fn key(&self, name: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), name.as_bytes()].concat()
    }

    /// The first key of the names that start with this text, and the first one behind them.
    pub(super) fn range(&self, start: &str) -> (Vec<u8>, Vec<u8>) {
        let first = self.key(start);
        let mut end = first.clone();
        // Texts have no bytes of 255, and there is a slash at least.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        (first, end)
    }

    /// The name of a key; `None` when it is no text, so that none of ours made it.
    pub(super) fn name<'k>(&self, key: &'k [u8]) -> Option<&'k str> {
        std::str::from_utf8(key.strip_prefix(self.prefix.as_bytes())?).ok()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_endpoints_and_a_prefix() {
        for (text, endpoints, prefix) in [
            ("h:2379", &["h:2379"][..], "/ferropyro/names/"),
            ("a:1, b:2,[::1]:3", &["a:1", "b:2", "[::1]:3"], "/ferropyro/names/"),
            ("h:1/", &["h:1"], "/"),
            ("h:1/team", &["h:1"], "/team/"),
            ("h:1/team/names//", &["h:1"], "/team/names/"),
        ] {
            let place = Place::parse(text).unwrap();
            assert_eq!(place.endpoints, endpoints, "{text}");
            assert_eq!(place.keys.prefix, prefix, "{text}");
        }
        for text in [
            "",
            "h",
            "h:",
            ":1",
            "h:0",
            "h:70000",
            "h:1,",
            "a:b:1",
            "http://h:1",
            "h h:1",
            "/x",
        ] {
            let error = Place::parse(text).unwrap_err();
            assert!(error.message().contains("HOST:PORT"), "{text}: {error}");
        }
    }

    #[test]
    fn names_and_keys_are_each_others() {
        let keys = Keys::new("/n");
        for name in ["", "a", "é/ñ", "\u{0}\u{10ffff}"] {
            let key = keys.key(name);
            assert_eq!(keys.name(&key), Some(name));
            let (first, end) = keys.range(name);
            assert!(first <= key && key < end, "{name:?}");
            assert!(keys.key(&format!("{name}\u{10ffff}x")) < end, "{name:?}");
        }
        assert_eq!(keys.name(b"/n/\xff"), None);
        assert_eq!(keys.name(b"/other"), None);
    }
}
