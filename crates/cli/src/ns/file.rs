//! The configuration file of the name server: TOML.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ferropyro::Config;
use ferropyro::config::{InvalidConfig, Item, PREFIX, UnknownItems};
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::exit::{Exit, Failure};

/// What stands in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    host: Option<Spanned<Value>>,
    port: Option<Spanned<Value>>,
    unixsocket: Option<String>,
    storage: Option<String>,
    bchost: Option<Spanned<Value>>,
    bcport: Option<Spanned<Value>>,
    nathost: Option<Spanned<Value>>,
    natport: Option<Spanned<Value>>,
    #[serde(default)]
    nobc: bool,
    key_file: Option<PathBuf>,
    metrics_addr: Option<String>,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    settings: BTreeMap<Spanned<String>, Value>,
}

/// A file that has been read, or none.
#[derive(Debug, Default)]
pub(super) struct File {
    path: PathBuf,
    text: String,
    content: Content,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<File, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("cannot read {}: {error}", path.display())))?;
        let mut file = File {
            path: path.to_owned(),
            text,
            content: Content::default(),
        };
        file.content = toml::from_str(&file.text).map_err(|error| file.wrong(error.span(), error.message()))?;
        Ok(file)
    }

    /// Changes the settings that the file has an opinion about.
    pub(super) fn apply(&self, config: &mut Config) -> Result<(), Failure> {
        for (name, value) in &self.content.settings {
            self.set(config, name.get_ref(), name.get_ref(), value, name.span())?;
        }
        let content = &self.content;
        for (key, name, value) in [
            ("host", "HOST", &content.host),
            ("port", "NS_PORT", &content.port),
            ("bchost", "NS_BCHOST", &content.bchost),
            ("bcport", "NS_BCPORT", &content.bcport),
            ("nathost", "NATHOST", &content.nathost),
            ("natport", "NATPORT", &content.natport),
        ] {
            if let Some(value) = value {
                self.set(config, key, name, value.get_ref(), value.span())?;
            }
        }
        Ok(())
    }

    /// Sets the item of this name; the file has another name for it, perhaps.
    fn set(
        &self,
        config: &mut Config,
        key: &str,
        name: &str,
        value: &Value,
        span: Range<usize>,
    ) -> Result<(), Failure> {
        let wrong = |text: &dyn Display| self.wrong(Some(span.clone()), text);
        let text = text(value).ok_or_else(|| wrong(&format_args!("{key} cannot be {}", value.type_str())))?;
        let variable = [(format!("{PREFIX}{name}"), &text)];
        config
            .apply_vars(variable, UnknownItems::Refuse)
            .map_err(|error| match error {
                InvalidConfig::UnknownItem { suggestion, .. } => {
                    let near = suggestion.as_deref().and_then(|near| near.strip_prefix(PREFIX));
                    let near = near.map_or(String::new(), |near| format!(" (did you mean {near}?)"));
                    wrong(&format_args!(
                        "there is no setting '{name}'{near}; `ferropyro check-config` lists them"
                    ))
                }
                InvalidConfig::Boolean { .. } => wrong(&format_args!("{key} is true or false, not {text}")),
                InvalidConfig::Value { reason, .. } => wrong(&format_args!("{key} cannot be {text}: {reason}")),
            })?;
        // Variables of the tools are no settings, but pass.
        match Item::find(name) {
            Some(_) => Ok(()),
            None => Err(wrong(&format_args!("'{name}' cannot be set in this file"))),
        }
    }

    pub(super) fn unixsocket(&self) -> Option<&str> {
        self.content.unixsocket.as_deref()
    }

    pub(super) fn storage(&self) -> Option<&str> {
        self.content.storage.as_deref()
    }

    pub(super) fn nobc(&self) -> bool {
        self.content.nobc
    }

    pub(super) fn metrics_addr(&self) -> Option<&str> {
        self.content.metrics_addr.as_deref()
    }

    pub(super) fn read_only(&self) -> bool {
        self.content.read_only
    }

    /// The key in the file that the file names. The end of its last line does not belong to it.
    pub(super) fn key(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.content.key_file else {
            return Ok(None);
        };
        let key = fs::read_to_string(path).map_err(|error| {
            let text = format_args!("cannot read the key_file {}: {error}", path.display()).to_string();
            Failure::new(Exit::Usage, text)
        })?;
        match key.trim_end_matches(['\r', '\n']) {
            "" => Err(Failure::usage(format_args!(
                "there is no key in the key_file {}",
                path.display()
            ))),
            key => Ok(Some(key.to_owned())),
        }
    }

    fn wrong(&self, place: Option<Range<usize>>, text: impl Display) -> Failure {
        let before = place.and_then(|place| self.text.get(..place.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        let line = line.map_or(String::new(), |line| format!(", line {line}"));
        Failure::usage(format_args!("{}{line}: {text}", self.path.display()))
    }
}

/// What an environment variable would have in the place of this value.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(is_on) => Some(is_on.to_string()),
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(text).collect();
            Some(texts?.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}
