//! What callers pass, checked as Pyro checks it, with Pyro's texts.

use std::collections::BTreeSet;
use std::time::Duration;

use ferropyro::{Raise, Uri, Value, formats};

use crate::Pattern;
use crate::store::{MAX_TAGS, MAX_TEXT, Select};

/// A text; or the bytes that a Python 2 client with marshal sends for one.
fn text(value: Value) -> Result<String, Value> {
    match value {
        Value::Str(text) => Ok(text.into_string()),
        Value::Bytes(bytes) => String::from_utf8(bytes).map_err(|error| Value::Bytes(error.into_bytes())),
        other => Err(other),
    }
}

fn type_error(text: impl Into<String>) -> Raise {
    Raise::new("TypeError", text)
}

fn checked(what: &str, text: String) -> Result<String, Raise> {
    match text.len() {
        0..=MAX_TEXT => Ok(text),
        _ => Err(Raise::new(
            "ValueError",
            format!("{what} is longer than {MAX_TEXT} bytes"),
        )),
    }
}

/// The name in `register` and `set_metadata`.
pub(crate) fn name(value: Value) -> Result<String, Raise> {
    let name = text(value).map_err(|_| type_error("name must be a str"))?;
    checked("the name", name)
}

/// The URI in `register`, an object or a text, which is kept as it is.
pub(crate) fn uri(value: Value) -> Result<String, Raise> {
    let uri = match text(value) {
        Ok(uri) => uri,
        Err(value) => formats::from_value::<Uri>(value)
            .map_err(|_| type_error("only URIs or strings can be registered"))?
            .to_string(),
    };
    let uri = checked("the URI", uri)?;
    let parsed: Result<Uri, _> = uri.parse();
    parsed.map_err(ferropyro::Error::from)?;
    Ok(uri)
}

/// The longest time to live, and the longest that a call waits for changes.
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 3600);
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The time to live in `register`, in seconds.
pub(crate) fn ttl(value: Option<Value>) -> Result<Option<Duration>, Raise> {
    match seconds("ttl", value)? {
        Some(ttl) if ttl.is_zero() || ttl > MAX_TTL => {
            let text = format!("ttl must be more than 0 and at most {} seconds", MAX_TTL.as_secs());
            Err(Raise::new("ValueError", text))
        }
        ttl => Ok(ttl),
    }
}

/// How long `changes` may wait, in seconds.
pub(crate) fn wait(value: Option<Value>) -> Result<Duration, Raise> {
    Ok(seconds("wait", value)?.unwrap_or_default().min(MAX_WAIT))
}

fn seconds(parameter: &str, value: Option<Value>) -> Result<Option<Duration>, Raise> {
    let seconds = match value.unwrap_or_default() {
        Value::None => return Ok(None),
        Value::Int(seconds) => seconds as f64,
        Value::Float(seconds) => seconds,
        other => {
            return Err(type_error(format!(
                "{parameter} must be a number, not {}",
                other.type_name()
            )));
        }
    };
    let time = Duration::try_from_secs_f64(seconds);
    let negative = |_| {
        Raise::new(
            "ValueError",
            format!("{parameter} must be a number of seconds, not {seconds}"),
        )
    };
    time.map(Some).map_err(negative)
}

/// The revision in `changes`.
pub(crate) fn revision(value: Option<Value>) -> Result<Option<u64>, Raise> {
    match value.unwrap_or_default() {
        Value::None => Ok(None),
        value => {
            let revision = value.as_int().and_then(|revision| u64::try_from(revision).ok());
            let error = || type_error("since must be a revision, which is a positive int, or None");
            revision.map(Some).ok_or_else(error)
        }
    }
}

/// A literal start of names.
pub(crate) fn prefix(value: Option<Value>) -> Result<String, Raise> {
    let prefix = value.map_or(Ok(String::new()), text);
    prefix.map_err(|_| type_error("prefix must be a str"))
}

/// The tags in `register` and `set_metadata`.
pub(crate) fn tags(value: Option<Value>) -> Result<BTreeSet<String>, Raise> {
    tags_called("metadata", value.unwrap_or_default())
}

/// Tags, whose parameter has this name in error texts.
fn tags_called(parameter: &str, value: Value) -> Result<BTreeSet<String>, Raise> {
    let items = match value {
        Value::None => return Ok(BTreeSet::new()),
        Value::Str(_) | Value::Bytes(_) => {
            return Err(type_error(format!(
                "{parameter} should not be a str, but another iterable (set, list, etc)"
            )));
        }
        Value::Dict(dict) => dict.into_iter().map(|(key, _)| key).collect(),
        other => other
            .into_items()
            .map_err(|other| type_error(format!("'{}' object is not iterable", other.type_name())))?,
    };
    let tags: BTreeSet<String> = items
        .into_iter()
        .map(|item| match text(item) {
            Ok(tag) => checked("a metadata tag", tag),
            Err(other) => Err(type_error(format!(
                "metadata tags must be str, not {}",
                other.type_name()
            ))),
        })
        .collect::<Result<_, _>>()?;
    if tags.len() > MAX_TAGS {
        return Err(Raise::new("ValueError", format!("more than {MAX_TAGS} metadata tags")));
    }
    Ok(tags)
}

/// The filters of `list`, `yplookup` and `remove`; absent and empty ones select nothing.
#[derive(Default)]
pub(crate) struct Filters {
    pub(crate) prefix: Option<Value>,
    pub(crate) regex: Option<Value>,
    pub(crate) all_of: Option<Value>,
    pub(crate) any_of: Option<Value>,
}

impl Filters {
    /// How many were given, so that they are not None.
    pub(crate) fn given(&self) -> usize {
        self.count(|value| *value != Value::None)
    }

    /// How many are not empty.
    pub(crate) fn used(&self) -> usize {
        self.count(Value::is_true)
    }

    fn count(&self, counts: impl Fn(&Value) -> bool) -> usize {
        let filters = [&self.prefix, &self.regex, &self.all_of, &self.any_of];
        filters.into_iter().flatten().filter(|value| counts(value)).count()
    }

    /// The first one that is not empty, in Pyro's order.
    pub(crate) fn select(self) -> Result<Option<Select>, Raise> {
        let used = |filter: Option<Value>| filter.filter(Value::is_true);
        Ok(if let Some(prefix) = used(self.prefix) {
            Some(Select::Prefix(self::prefix(Some(prefix))?))
        } else if let Some(regex) = used(self.regex) {
            let regex = text(regex).map_err(|_| type_error("regex must be a str"))?;
            Some(Select::Matching(Pattern::new(&regex)?))
        } else if let Some(tags) = used(self.all_of) {
            Some(Select::AllOf(tags_called("metadata_all", tags)?))
        } else if let Some(tags) = used(self.any_of) {
            Some(Select::AnyOf(tags_called("metadata_any", tags)?))
        } else {
            None
        })
    }
}
