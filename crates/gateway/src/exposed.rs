//! The names that can be called.

use ferropyro::Result;
use ferropyro::logging::logger;
use ferropyro_pattern::Pattern;

/// The names that are exposed unless something else is said, which are none of those that Pyro itself has: `http.` and whatever follows.
pub const DEFAULT_EXPOSE: &str = r"http\.";

/// A regular expression that names match from their start; an empty text is all names.
#[derive(Debug)]
pub(crate) struct Exposed {
    text: String,
    /// `None` matches nothing.
    pattern: Option<Pattern>,
}

impl Exposed {
    pub(crate) fn new(text: &str) -> Result<Exposed> {
        Ok(Exposed {
            pattern: Some(Pattern::new(text)?),
            text: text.to_owned(),
        })
    }

    /// The regular expression as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn includes(&self, name: &str) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let Some(pattern) = &self.pattern else { return false };
        pattern.try_matches(name).unwrap_or_else(|error| {
            tracing::warn!(target: logger::HTTPGATEWAY, "{name:?} counts as not exposed: {error}");
            false
        })
    }
}

impl Default for Exposed {
    fn default() -> Exposed {
        Exposed {
            text: DEFAULT_EXPOSE.to_owned(),
            pattern: Pattern::new(DEFAULT_EXPOSE).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: GW-05
    #[test]
    fn names_match_from_their_start_and_only_an_empty_pattern_exposes_all() -> Result<()> {
        let cases: [(Exposed, &[&str], &[&str]); 4] = [
            (
                Exposed::default(),
                &["http.", "http.test"],
                &["", "httpx", "my.http.test", "test.echoserver"],
            ),
            (
                Exposed::new(r"Pyro\.|test\.")?,
                &["Pyro.NameServer", "test.echoserver"],
                &["http.test", "a.test.b"],
            ),
            (Exposed::new("other")?, &["other", "other.test"], &["another"]),
            (Exposed::new("")?, &["", "anything"], &[]),
        ];
        for (exposed, included, others) in cases {
            for name in included {
                assert!(exposed.includes(name), "{exposed:?} {name}");
            }
            for name in others {
                assert!(!exposed.includes(name), "{exposed:?} {name}");
            }
        }
        Ok(())
    }
}
