//! What is kept under a key: a small JSON document, which a person can read with etcdctl.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::Entry;

/// Members that are not known are ignored, so that later versions can add some.
#[derive(Serialize, Deserialize)]
struct Document<'d> {
    uri: Cow<'d, str>,
    #[serde(default, skip_serializing_if = "tags_are_empty")]
    tags: Cow<'d, BTreeSet<String>>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<f64>,
}

fn tags_are_empty(tags: &BTreeSet<String>) -> bool {
    tags.is_empty()
}

/// The document of an entry.
pub(super) fn write(entry: &Entry) -> Vec<u8> {
    let document = Document {
        uri: Cow::Borrowed(&entry.uri),
        tags: Cow::Borrowed(&entry.tags),
        ttl: entry.ttl.map(|ttl| ttl.as_secs_f64()),
    };
    // Texts and a finite number always have a form in JSON.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The entry of a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Entry, String> {
    let document: Document<'_> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let ttl = document.ttl.map(Duration::try_from_secs_f64).transpose();
    Ok(Entry {
        uri: document.uri.into_owned(),
        tags: document.tags.into_owned(),
        ttl: ttl.map_err(|error| error.to_string())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let mut entry = Entry::new("PYRO:ö@h:1", BTreeSet::new());
        assert_eq!(write(&entry), "{\"uri\":\"PYRO:ö@h:1\"}".as_bytes());
        assert_eq!(read(&write(&entry)).unwrap(), entry);
        entry.tags = BTreeSet::from(["a b".to_owned(), "\u{0}\"".to_owned()]);
        entry.ttl = Some(Duration::from_millis(2500));
        let text = String::from_utf8(write(&entry)).unwrap();
        assert!(text.ends_with("\"ttl\":2.5}"), "{text}");
        assert_eq!(read(text.as_bytes()).unwrap(), entry);
    }

    #[test]
    fn ignores_members_that_it_does_not_know_and_refuses_what_is_no_document() {
        let entry = read(br#"{"new": [1], "uri": "PYRO:a@h:1", "tags": ["x", "x"]}"#).unwrap();
        assert_eq!(entry, Entry::new("PYRO:a@h:1", BTreeSet::from(["x".to_owned()])));
        for wrong in ["", "PYRO:a@h:1", "{}", r#"{"uri": 1}"#, r#"{"uri": "a", "ttl": -1}"#] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
