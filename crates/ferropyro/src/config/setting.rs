//! The types that config items have, and how each is read from and written as text.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use ferropyro_wire::{Dialect, Serializer};

use super::{Generation, Style};
use crate::logging::Levels;

/// A type that a config item can have.
pub(super) trait Setting: Sized {
    /// Reads the text of an environment variable.
    fn from_text(text: &str) -> Result<Self, Refusal>;

    /// The value that is meant: a zero that stands for "none" becomes absent.
    fn normal(self) -> Self {
        self
    }

    /// Writes the value so that [`Setting::from_text`] reads it again.
    fn to_text(&self) -> String;

    /// Writes the value as Python's dump prints it.
    fn to_dump(&self, _generation: Generation) -> String {
        self.to_text()
    }
}

/// Why a text is no value of a type.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It should have been on or off.
    Boolean,
    /// The reason, or what would be allowed.
    Other(String),
}

pub(super) fn write<T: Setting>(value: &T, style: Style) -> String {
    match style {
        Style::Variable => value.to_text(),
        Style::Dump(generation) => value.to_dump(generation),
    }
}

/// How a daemon serves its connections (`SERVERTYPE`; manual chapter "Server types and Concurrency model").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerType {
    /// A pool of threads, one a connection.
    Thread,
    /// One event loop for all connections.
    Multiplex,
}

/// Which version of IP a host name is resolved to (`PREFER_IP_VERSION`; manual chapter "IPV6 support").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// The one that the operating system puts first (0).
    Any,
    /// IPv4 (4).
    V4,
    /// IPv6 (6).
    V6,
}

/// A password. It is not shown by `Debug`, nor in a dump.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// The password itself; empty when there is none.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Secret {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl Setting for bool {
    /// Pyro's eight words, in any case.
    fn from_text(text: &str) -> Result<bool, Refusal> {
        match text.to_lowercase().as_str() {
            "0" | "off" | "no" | "false" => Ok(false),
            "1" | "on" | "yes" | "true" => Ok(true),
            _ => Err(Refusal::Boolean),
        }
    }

    fn to_text(&self) -> String {
        if *self { "True" } else { "False" }.to_owned()
    }
}

/// Integer types: blanks around the number are allowed, as in Python.
macro_rules! integer_settings {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn from_text(text: &str) -> Result<$type, Refusal> {
                let allowed = || Refusal::Other(format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX));
                text.trim().parse().map_err(|_| allowed())
            }

            fn to_text(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

integer_settings!(i8, u16, u32);

/// The size of a thread pool.
impl Setting for usize {
    fn from_text(text: &str) -> Result<usize, Refusal> {
        let size = text.trim().parse().ok().filter(|&size| size > 0);
        size.ok_or_else(|| Refusal::Other("threadpool sizes must be greater than zero".to_owned()))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

/// A limit; zero means that there is none.
impl Setting for Option<usize> {
    fn from_text(text: &str) -> Result<Option<usize>, Refusal> {
        let limit = text
            .trim()
            .parse()
            .map_err(|_| Refusal::Other("a whole number, or 0 for no limit".to_owned()))?;
        Ok(Some(limit).normal())
    }

    fn normal(self) -> Option<usize> {
        self.filter(|&limit| limit > 0)
    }

    fn to_text(&self) -> String {
        self.unwrap_or(0).to_string()
    }
}

impl Setting for Duration {
    fn from_text(text: &str) -> Result<Duration, Refusal> {
        let seconds = text.trim().parse::<f64>().ok();
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or_else(|| Refusal::Other("a number of seconds, zero or more".to_owned()))
    }

    /// As Python writes a float: always with a decimal point.
    fn to_text(&self) -> String {
        format!("{:?}", self.as_secs_f64())
    }
}

/// A timeout or an interval; zero means that there is none.
impl Setting for Option<Duration> {
    fn from_text(text: &str) -> Result<Option<Duration>, Refusal> {
        Ok(Some(Duration::from_text(text)?).normal())
    }

    fn normal(self) -> Option<Duration> {
        self.filter(|duration| !duration.is_zero())
    }

    fn to_text(&self) -> String {
        self.unwrap_or_default().to_text()
    }
}

impl Setting for String {
    fn from_text(text: &str) -> Result<String, Refusal> {
        Ok(text.to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

/// A text that may be absent, which the empty text also means.
impl Setting for Option<String> {
    fn from_text(text: &str) -> Result<Option<String>, Refusal> {
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    fn to_text(&self) -> String {
        self.clone().unwrap_or_default()
    }

    fn to_dump(&self, _generation: Generation) -> String {
        self.clone().unwrap_or_else(|| "None".to_owned())
    }
}

/// The path of a file; the empty text means that there is none.
impl Setting for Option<PathBuf> {
    fn from_text(text: &str) -> Result<Option<PathBuf>, Refusal> {
        Ok(Some(PathBuf::from(text)).filter(|_| !text.is_empty()))
    }

    fn to_text(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

/// Addresses, separated by commas; `''` stands for the empty address.
impl Setting for Vec<String> {
    fn from_text(text: &str) -> Result<Vec<String>, Refusal> {
        let address = |text: &str| if text == "''" { String::new() } else { text.to_owned() };
        Ok(text.split(',').map(|part| address(part.trim())).collect())
    }

    fn to_text(&self) -> String {
        let address = |text: &String| if text.is_empty() { "''".to_owned() } else { text.clone() };
        self.iter().map(address).collect::<Vec<_>>().join(", ")
    }

    fn to_dump(&self, generation: Generation) -> String {
        match generation {
            Generation::Pyro4 => self.to_text(),
            Generation::Pyro5 => format!("[{}]", quoted(self)),
        }
    }
}

impl Setting for BTreeSet<Serializer> {
    fn from_text(text: &str) -> Result<BTreeSet<Serializer>, Refusal> {
        text.split(',').map(|name| Serializer::from_text(name.trim())).collect()
    }

    fn to_text(&self) -> String {
        self.iter().map(|name| name.name()).collect::<Vec<_>>().join(",")
    }

    fn to_dump(&self, _generation: Generation) -> String {
        format!("{{{}}}", quoted(self))
    }
}

/// Numbers of protocols.
impl Setting for BTreeSet<Dialect> {
    fn from_text(text: &str) -> Result<BTreeSet<Dialect>, Refusal> {
        let protocol = |number: &str| {
            let known = number.trim().parse().ok().and_then(Dialect::from_version);
            known.ok_or_else(|| Refusal::Other(format!("'{}' is no protocol: 46, 47, 48 or 502", number.trim())))
        };
        let protocols = text.split(',').map(protocol).collect::<Result<_, _>>()?;
        check_protocols(&protocols).map_err(|text| Refusal::Other(text.to_owned()))?;
        Ok(protocols)
    }

    fn to_text(&self) -> String {
        let numbers = self.iter().map(|protocol| protocol.version().to_string());
        numbers.collect::<Vec<_>>().join(",")
    }
}

/// Whether one daemon can serve them all.
pub(crate) fn check_protocols(protocols: &BTreeSet<Dialect>) -> Result<(), &'static str> {
    match protocols
        .iter()
        .filter(|protocol| protocol.server_speaks_first())
        .count()
    {
        0 if protocols.is_empty() => Err("at least one protocol is needed"),
        0 | 1 => Ok(()),
        _ => Err("46 and 47 exclude each other: the server speaks first there, and names its protocol"),
    }
}

impl Setting for Serializer {
    fn from_text(text: &str) -> Result<Serializer, Refusal> {
        let serializer = Serializer::from_name(text);
        serializer.ok_or_else(|| Refusal::Other(format!("serializer '{text}' is unknown or not available")))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Setting for ServerType {
    fn from_text(text: &str) -> Result<ServerType, Refusal> {
        match text {
            "thread" => Ok(ServerType::Thread),
            "multiplex" => Ok(ServerType::Multiplex),
            _ => Err(Refusal::Other(format!(
                "invalid server type '{text}': thread or multiplex"
            ))),
        }
    }

    fn to_text(&self) -> String {
        match self {
            ServerType::Thread => "thread".to_owned(),
            ServerType::Multiplex => "multiplex".to_owned(),
        }
    }
}

impl Setting for IpVersion {
    fn from_text(text: &str) -> Result<IpVersion, Refusal> {
        match text.trim() {
            "0" => Ok(IpVersion::Any),
            "4" => Ok(IpVersion::V4),
            "6" => Ok(IpVersion::V6),
            _ => Err(Refusal::Other(
                "4, 6, or 0 to let the operating system choose".to_owned(),
            )),
        }
    }

    fn to_text(&self) -> String {
        match self {
            IpVersion::Any => "0".to_owned(),
            IpVersion::V4 => "4".to_owned(),
            IpVersion::V6 => "6".to_owned(),
        }
    }
}

impl Setting for Secret {
    fn from_text(text: &str) -> Result<Secret, Refusal> {
        Ok(Secret(text.to_owned()))
    }

    fn to_text(&self) -> String {
        if self.0.is_empty() { "" } else { "<not shown>" }.to_owned()
    }
}

/// The levels of the log; the empty text means that nothing is logged.
impl Setting for Option<Levels> {
    fn from_text(text: &str) -> Result<Option<Levels>, Refusal> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|error: crate::logging::UnknownLevel| Refusal::Other(error.to_string()))
    }

    fn to_text(&self) -> String {
        self.as_ref().map(Levels::to_string).unwrap_or_default()
    }

    fn to_dump(&self, _generation: Generation) -> String {
        self.as_ref().map_or_else(|| "None".to_owned(), Levels::to_string)
    }
}

/// Items in Python's quotes, separated as in a Python list.
fn quoted<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|item| format!("'{item}'"))
        .collect::<Vec<_>>()
        .join(", ")
}
