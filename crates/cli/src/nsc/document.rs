//! Names in a JSON document: what `nsc export` writes and `nsc import` reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferropyro::formats::json as format;
use ferropyro::naming::{NAMESERVER_ID, Registration};
use ferropyro::{Dict, Uri, Value};
use ferropyro_nameserver::store::{MAX_TAGS, MAX_TEXT};

use crate::exit::{Exit, Failure};
use crate::json;

/// What says that a document is one of these.
const FORMAT: &str = "ferropyro names";
/// Its version; raised when older readers would misunderstand it.
const VERSION: i64 = 1;
/// How many mistakes are told of.
const TOLD: usize = 10;

/// A name in a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) uri: Uri,
    pub(super) tags: BTreeSet<String>,
    /// How long it is kept unless somebody renews it.
    pub(super) ttl: Option<Duration>,
}

/// A document, with a name on each line.
pub(super) fn write(names: &BTreeMap<String, Registration>) -> Result<String, Failure> {
    let line = |(name, entry): (&String, &Registration)| {
        let tags = entry.metadata.iter().map(|tag| Value::from(tag.as_str()));
        let item = Dict::from([
            ("name", Value::from(name.as_str())),
            ("uri", Value::from(entry.uri.as_str())),
            ("metadata", Value::List(tags.collect())),
        ]);
        json::to_json(Value::Dict(item))
    };
    let lines: Vec<String> = names.iter().map(line).collect::<Result<_, _>>()?;
    let names = match lines.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n{}\n]", lines.join(",\n")),
    };
    Ok(format!(
        "{{\"format\": \"{FORMAT}\", \"version\": {VERSION}, \"names\": {names}}}"
    ))
}

/// Reads a document and checks all of it; the name server's own name is left out.
pub(super) fn read(text: &[u8]) -> Result<Vec<Item>, Failure> {
    let refuse = |text: String| Failure::new(Exit::Failed, format_args!("nothing is imported: {text}"));
    let document: Value = format::from_slice(text).map_err(|error| refuse(format!("this is no JSON: {error}")))?;
    let field = |name| document.as_dict().and_then(|dict| dict.get(name));
    if field("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(refuse(format!(
            "this is no document of `nsc export`: it should be an object with \"format\": \"{FORMAT}\""
        )));
    }
    match field("version").and_then(Value::as_int) {
        Some(VERSION) => {}
        Some(version) => {
            return Err(refuse(format!(
                "the document has version {version}, and this program reads version {VERSION}; use a newer one"
            )));
        }
        None => return Err(refuse("the document has no \"version\"".to_owned())),
    }
    let Some(names) = field("names").and_then(Value::as_sequence) else {
        return Err(refuse("the document has no list \"names\"".to_owned()));
    };
    let (mut items, mut mistakes, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, value) in names.iter().enumerate() {
        match item(value) {
            Ok(item) if !seen.insert(item.name.clone()) => {
                mistakes.push(format!("names[{index}]: '{}' is there twice", item.name));
            }
            Ok(item) if item.name == NAMESERVER_ID => {}
            Ok(item) => items.push(item),
            Err(text) => mistakes.push(format!("names[{index}]: {text}")),
        }
    }
    match mistakes.len() {
        0 => Ok(items),
        count => Err(refuse(format!(
            "the document has {}",
            listed(&mistakes, count, "mistakes")
        ))),
    }
}

fn item(value: &Value) -> Result<Item, String> {
    let dict = value.as_dict().ok_or("it is no object")?;
    let text = |key: &str| match dict.get(key) {
        Some(Value::Str(text)) if text.len() > MAX_TEXT => Err(format!("\"{key}\" has more than {MAX_TEXT} bytes")),
        Some(Value::Str(text)) if !text.is_empty() => Ok(text.as_str()),
        _ => Err(format!("\"{key}\" should be a text")),
    };
    let (name, uri) = (text("name")?, text("uri")?);
    let uri = uri
        .parse()
        .map_err(|error| format!("'{name}' leads to '{uri}': {error}"))?;
    Ok(Item {
        name: name.to_owned(),
        uri,
        tags: tags(dict.get("metadata")).ok_or_else(|| {
            format!("\"metadata\" of '{name}' should be an array of at most {MAX_TAGS} texts, each of at most {MAX_TEXT} bytes")
        })?,
        ttl: ttl(dict.get("ttl")).ok_or_else(|| format!("\"ttl\" of '{name}' should be a number of seconds above 0"))?,
    })
}

fn tags(value: Option<&Value>) -> Option<BTreeSet<String>> {
    let Some(value) = value.filter(|value| **value != Value::None) else {
        return Some(BTreeSet::new());
    };
    let tag = |tag: &Value| tag.as_str().filter(|tag| tag.len() <= MAX_TEXT).map(str::to_owned);
    let tags = value
        .as_sequence()?
        .iter()
        .map(tag)
        .collect::<Option<BTreeSet<String>>>()?;
    (tags.len() <= MAX_TAGS).then_some(tags)
}

/// The inner one is none where the document has none.
fn ttl(value: Option<&Value>) -> Option<Option<Duration>> {
    let seconds = match value {
        None | Some(Value::None) => return Some(None),
        Some(Value::Int(seconds)) => *seconds as f64,
        Some(Value::Float(seconds)) => *seconds,
        Some(_) => return None,
    };
    let ttl = Duration::try_from_secs_f64(seconds).ok()?;
    (!ttl.is_zero()).then_some(Some(ttl))
}

/// `12 mistakes: ` and the first of them.
pub(super) fn listed(texts: &[String], count: usize, what: &str) -> String {
    let shown = texts
        .iter()
        .take(TOLD)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match count.saturating_sub(TOLD) {
        0 => format!("{count} {what}: {shown}"),
        more => format!("{count} {what}: {shown}, and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(names: &str) -> String {
        format!("{{\"format\": \"ferropyro names\", \"version\": 1, \"names\": {names}}}")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entry = |uri: &str, tags: &[&str]| Registration {
            uri: uri.to_owned(),
            metadata: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        let names = BTreeMap::from([
            ("a \"b\"\n".to_owned(), entry("PYRO:x@h:1", &["t", "ü"])),
            ("c".to_owned(), entry("PYRONAME:d", &[])),
            (NAMESERVER_ID.to_owned(), entry("PYRO:Pyro.NameServer@h:2", &[])),
        ]);
        let items = read(write(&names).unwrap().as_bytes()).unwrap();
        assert_eq!(items.len(), 2);
        for item in items {
            assert_eq!(
                (&item.uri.to_string(), &item.tags),
                (&names[&item.name].uri, &names[&item.name].metadata)
            );
        }
        assert_eq!(read(write(&BTreeMap::new()).unwrap().as_bytes()).unwrap(), []);
    }

    #[test]
    fn every_mistake_is_found_before_anything_is_done() {
        for (text, expected) in [
            ("", "no JSON"),
            ("[]", "no document"),
            ("{\"format\": \"ferropyro names\", \"names\": []}", "no \"version\""),
            (
                "{\"format\": \"ferropyro names\", \"version\": 2, \"names\": []}",
                "version 2",
            ),
            ("{\"format\": \"ferropyro names\", \"version\": 1}", "no list \"names\""),
        ] {
            let error = format!("{:?}", read(text.as_bytes()).unwrap_err());
            assert!(error.contains(&expected.replace('"', "\\\"")), "{text}: {error}");
        }
        for (names, expected) in [
            ("[1]", "names[0]: it is no object"),
            ("[{\"uri\": \"PYRO:a@h:1\"}]", "name"),
            ("[{\"name\": \"\", \"uri\": \"PYRO:a@h:1\"}]", "name"),
            ("[{\"name\": \"a\", \"uri\": \"nonsense\"}]", "'a' leads to 'nonsense'"),
            (
                "[{\"name\": \"a\", \"uri\": \"PYRO:a@h:1\", \"metadata\": \"x\"}]",
                "metadata",
            ),
            (
                "[{\"name\": \"a\", \"uri\": \"PYRO:a@h:1\", \"metadata\": [1]}]",
                "metadata",
            ),
            ("[{\"name\": \"a\", \"uri\": \"PYRO:a@h:1\", \"ttl\": 0}]", "ttl"),
            (
                "[{\"name\": \"a\", \"uri\": \"PYRO:a@h:1\"}, {\"name\": \"a\", \"uri\": \"PYRO:a@h:1\"}]",
                "twice",
            ),
            ("[1, 2]", "2 mistakes"),
        ] {
            let error = format!("{:?}", read(document(names).as_bytes()).unwrap_err());
            assert!(error.contains(expected), "{names}: {error}");
        }
    }

    #[test]
    fn every_prefix_of_a_document_is_refused() {
        let whole = document("[{\"name\": \"a\", \"uri\": \"PYRO:a@h:1\", \"metadata\": [\"x\"], \"ttl\": 1.5}]");
        assert_eq!(
            read(whole.as_bytes()).unwrap()[0].ttl,
            Some(Duration::from_millis(1500))
        );
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
    }
}
