//! Configuration: Pyro's config items as a value, and the `PYRO_*` environment variables that preset them.
//!
//! There is no global configuration. A [`Config`] is made once, changed in code where needed, and given to what uses it; what the
//! code sets wins over the environment, and what already runs keeps the configuration it was started with.
//! The items are those of Pyro4 4.82 and Pyro5 5.17 (manual chapter "Configuring Pyro"), and a few limits of ferropyro.
//!
//! ```
//! use ferropyro::config::{Config, ServerType, UnknownItems};
//! use std::time::Duration;
//!
//! let mut config = Config::default();
//! config.apply_vars([("PYRO_SERVERTYPE", "multiplex")], UnknownItems::Refuse)?;
//! let config = config.host("0.0.0.0").commtimeout(Duration::from_secs(5));
//! assert_eq!(config.servertype, ServerType::Multiplex);
//! # Ok::<(), ferropyro::config::InvalidConfig>(())
//! ```

mod items;
mod setting;

use std::ffi::OsString;
use std::fmt;

pub use items::{Config, ITEMS};
pub(crate) use setting::check_protocols;
pub use setting::{IpVersion, Secret, ServerType};

/// What the names of the environment variables start with.
pub const PREFIX: &str = "PYRO_";

/// Variables that share the prefix but are no config items: the keys of the message signature and of the HTTP gateway, which
/// the tools read themselves. They are never refused and never dumped.
const OTHER_VARIABLES: [&str; 2] = ["HMAC_KEY", "HTTPGATEWAY_KEY"];

/// One generation of Pyro, where the two differ in their configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Pyro4, as of 4.82.
    Pyro4,
    /// Pyro5, as of 5.17.
    Pyro5,
}

/// Who has a config item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Pyro4 and Pyro5.
    Both,
    /// Pyro4 alone.
    Pyro4,
    /// Pyro5 alone.
    Pyro5,
    /// Neither: an item of ferropyro.
    Ferropyro,
}

/// What to do with a variable that starts with `PYRO_` and is not the name of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownItems {
    /// It is an error, as in Pyro5: a misspelt item must not go unnoticed. [`Config::from_env`] does this.
    Refuse,
    /// It is left alone, as in Pyro4.
    Ignore,
}

/// A config item: a row of the table [`ITEMS`] that drives the environment, the dump and the documentation.
pub struct Item {
    /// The name, as in `PYRO_NAME` and in the dump.
    pub name: &'static str,
    /// One paragraph on what the item does.
    pub doc: &'static str,
    /// Which generations have it.
    pub origin: Origin,
    get: fn(&Config, Style) -> String,
    set: fn(&mut Config, &str) -> Result<(), setting::Refusal>,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As an environment variable would set it.
    Variable,
    /// As Python's own dump prints it.
    Dump(Generation),
}

/// Why an environment variable was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidConfig {
    /// There is no item of this name.
    UnknownItem {
        /// The name of the variable.
        variable: String,
        /// The variable that was perhaps meant.
        suggestion: Option<String>,
    },
    /// An item that is on or off was given something else.
    Boolean {
        /// The name of the variable.
        variable: String,
        /// Its value.
        value: String,
    },
    /// The item does not take this value.
    Value {
        /// The name of the variable.
        variable: String,
        /// Its value.
        value: String,
        /// What is wrong with it, or what would be allowed.
        reason: String,
    },
}

impl Config {
    /// The configuration of the environment: [`Config::default`] with every `PYRO_*` variable applied.
    ///
    /// # Errors
    /// When a variable has a value that its item does not take, or is unknown ([`UnknownItems::Refuse`]).
    pub fn from_env() -> Result<Config, InvalidConfig> {
        let mut config = Config::default();
        config.apply_env(UnknownItems::Refuse)?;
        Ok(config)
    }

    /// As [`Config::from_env`], with the given variables in place of the environment.
    ///
    /// # Errors
    /// As for [`Config::from_env`].
    pub fn from_vars<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<Config, InvalidConfig>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut config = Config::default();
        config.apply_vars(vars, UnknownItems::Refuse)?;
        Ok(config)
    }

    /// Applies every `PYRO_*` variable of the environment to this configuration.
    ///
    /// # Errors
    /// As for [`Config::apply_vars`]; text that is not Unicode is refused as well.
    pub fn apply_env(&mut self, unknown: UnknownItems) -> Result<(), InvalidConfig> {
        let mut vars = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            vars.push((name.to_owned(), unicode(name, value)?));
        }
        self.apply_vars(vars, unknown)
    }

    /// Applies variables to this configuration; those whose names do not start with `PYRO_` are passed over.
    ///
    /// # Errors
    /// When an item does not take its value, or a variable is unknown and `unknown` says to refuse it. The configuration is
    /// left as it was then.
    pub fn apply_vars<N, V>(
        &mut self,
        vars: impl IntoIterator<Item = (N, V)>,
        unknown: UnknownItems,
    ) -> Result<(), InvalidConfig>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut changed = self.clone();
        for (variable, value) in vars {
            let Some(name) = variable.as_ref().strip_prefix(PREFIX) else {
                continue;
            };
            match Item::find(name) {
                Some(item) => item.set(&mut changed, value.as_ref())?,
                None if OTHER_VARIABLES.contains(&name) || unknown == UnknownItems::Ignore => {}
                None => return Err(InvalidConfig::unknown(name)),
            }
        }
        *self = changed;
        Ok(())
    }

    /// Every item as a line `NAME = value`, sorted by name, the value as an environment variable would set it.
    /// Passwords are not shown.
    pub fn dump(&self) -> String {
        dump_lines(self, Style::Variable, |_| true)
    }

    /// The items that one generation has, in the words of its own dump (`python -m Pyro4.configuration`,
    /// `pyro5-check-config`): the lines behind "configuration settings:". Passwords are not shown, though Python shows them.
    pub fn dump_as(&self, generation: Generation) -> String {
        dump_lines(self, Style::Dump(generation), |item| item.is_of(generation))
    }
}

/// The text of a variable. It is not shown when it is not Unicode: it may be a key.
fn unicode(name: &str, value: OsString) -> Result<String, InvalidConfig> {
    value.into_string().map_err(|_| InvalidConfig::Value {
        variable: name.to_owned(),
        value: "<not shown>".to_owned(),
        reason: "it is not valid UTF-8".to_owned(),
    })
}

fn dump_lines(config: &Config, style: Style, wanted: impl Fn(&Item) -> bool) -> String {
    let mut items: Vec<&Item> = ITEMS.iter().filter(|item| wanted(item)).collect();
    items.sort_by_key(|item| item.name);
    let lines: Vec<String> = items
        .iter()
        .map(|item| format!("{} = {}", item.name, (item.get)(config, style)))
        .collect();
    lines.join("\n")
}

impl Item {
    /// The item of this name (without `PYRO_`).
    pub fn find(name: &str) -> Option<&'static Item> {
        ITEMS.iter().find(|item| item.name == name)
    }

    /// Whether a generation of Pyro has this item.
    pub fn is_of(&self, generation: Generation) -> bool {
        match self.origin {
            Origin::Both => true,
            Origin::Pyro4 => generation == Generation::Pyro4,
            Origin::Pyro5 => generation == Generation::Pyro5,
            Origin::Ferropyro => false,
        }
    }

    /// The item's value in a configuration, as an environment variable would set it; a password is not shown.
    pub fn get(&self, config: &Config) -> String {
        (self.get)(config, Style::Variable)
    }

    /// Sets the item in a configuration from the text of an environment variable.
    ///
    /// # Errors
    /// When the item does not take this value.
    pub fn set(&self, config: &mut Config, value: &str) -> Result<(), InvalidConfig> {
        (self.set)(config, value).map_err(|refusal| {
            let variable = format!("{PREFIX}{}", self.name);
            match refusal {
                // Python lowers the value before it looks at it, and that is what its text shows.
                setting::Refusal::Boolean => InvalidConfig::Boolean {
                    variable,
                    value: value.to_lowercase(),
                },
                setting::Refusal::Other(reason) => InvalidConfig::Value {
                    variable,
                    value: value.to_owned(),
                    reason,
                },
            }
        })
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl InvalidConfig {
    fn unknown(name: &str) -> InvalidConfig {
        let nearest = ITEMS
            .iter()
            .map(|item| (edit_distance(name, item.name), item.name))
            .min();
        let suggestion = nearest
            .filter(|&(distance, _)| distance <= name.len() / 3)
            .map(|(_, near)| near);
        InvalidConfig::UnknownItem {
            variable: format!("{PREFIX}{name}"),
            suggestion: suggestion.map(|near| format!("{PREFIX}{near}")),
        }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidConfig::UnknownItem { variable, suggestion } => {
                write!(f, "invalid Pyro environment config variable: {variable}")?;
                match suggestion {
                    Some(name) => write!(f, " (did you mean {name}?)"),
                    None => Ok(()),
                }
            }
            InvalidConfig::Boolean { variable, value } => write!(f, "invalid boolean value: {variable}={value}"),
            InvalidConfig::Value {
                variable,
                value,
                reason,
            } => {
                write!(
                    f,
                    "invalid Pyro environment config value: {variable}={value} ({reason})"
                )
            }
        }
    }
}

impl std::error::Error for InvalidConfig {}

/// How many bytes must be changed, put in or left out to make one name from the other (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
