//! The log: Pyro's `PYRO_LOGLEVEL` and `PYRO_LOGFILE` over [`tracing`] (manual chapter "Logging").
//!
//! The library writes its messages through [`tracing`], under the logger names in [`logger`]. Without configuration nothing is
//! logged, and nothing is printed about that. [`init_from_env`] switches the log on as the import of Pyro does in Python, for the
//! messages of the library and of the program alike; a program that installs a subscriber of its own needs nothing of this module.
//!
//! A line of the log looks like Pyro's, in local time:
//!
//! ```text
//! [2026-11-20 18:51:07.042,Pyro.core,INFO] starting server
//! ```

mod line;
mod wire;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{Registry, reload};

pub(crate) use self::line::Clipped;
use self::line::line;
pub use self::line::text;
pub(crate) use self::wire::{WireData, each_message};
use crate::config::{Config, InvalidConfig, UnknownItems};

/// The logger names of the library: tracing targets, named after the modules of Pyro. A dot makes a child, as in Python.
pub mod logger {
    /// The parent of all others.
    pub const PYRO: &str = "Pyro";
    /// What no other name covers: URIs, proxies and daemons.
    pub const CORE: &str = "Pyro.core";
    /// Proxies: connecting, calls; with `LOGWIRE`, their messages.
    pub const CLIENT: &str = "Pyro.client";
    /// Daemons: handshakes, requests, registered objects; with `LOGWIRE`, their messages.
    pub const SERVER: &str = "Pyro.server";
    /// The server that has a thread for each connection.
    pub const THREADPOOLSERVER: &str = "Pyro.threadpoolserver";
    /// The server that has one event loop for all connections.
    pub const MULTIPLEXSERVER: &str = "Pyro.multiplexserver";
    /// The daemon over a socket that was already connected.
    pub const EXISTINGCONNECTIONSERVER: &str = "Pyro.existingconnectionserver";
    /// Messages.
    pub const PROTOCOL: &str = "Pyro.protocol";
    /// Serializers.
    pub const SERIALIZERS: &str = "Pyro.serializers";
    /// The name server, and the search for one.
    pub const NAMING: &str = "Pyro.naming";
    /// The storage of the name server.
    pub const NAMING_STORAGE: &str = "Pyro.naming_storage";
    /// The HTTP gateway.
    pub const HTTPGATEWAY: &str = "Pyro.httpgateway";

    /// All of them, the parent first.
    pub const ALL: [&str; 12] = [
        PYRO,
        CORE,
        CLIENT,
        SERVER,
        THREADPOOLSERVER,
        MULTIPLEXSERVER,
        EXISTINGCONNECTIONSERVER,
        PROTOCOL,
        SERIALIZERS,
        NAMING,
        NAMING_STORAGE,
        HTTPGATEWAY,
    ];
}

/// The name of a log level in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Everything, also what is finer than DEBUG.
    NotSet,
    /// What helps to find a defect: connections, and the way of each message.
    Debug,
    /// What happens now and then in normal work: a server starts.
    Info,
    /// What should not happen but is coped with.
    Warning,
    /// What failed.
    Error,
    /// Nothing: neither Pyro nor this library has messages of this level.
    Critical,
}

/// Which messages are logged: a level for all, and levels for some loggers and their children.
///
/// Written as in `PYRO_LOGLEVEL`: a level name of Python, followed or replaced by settings for single loggers, separated by commas.
/// Without a level for all, the other loggers are silent. `Pyro4` and `Pyro5` are taken as `Pyro`.
///
/// ```
/// use ferropyro::logging::Levels;
///
/// let levels: Levels = "INFO,Pyro.naming=DEBUG".parse()?;
/// assert_eq!(levels.to_string(), "INFO,Pyro.naming=DEBUG");
/// assert_eq!("Pyro5.core=ERROR".parse::<Levels>()?.to_string(), "Pyro.core=ERROR");
/// assert!("LOUD".parse::<Levels>().is_err());
/// # Ok::<(), ferropyro::logging::UnknownLevel>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    root: Option<Level>,
    loggers: Vec<(String, Level)>,
}

/// A text that is no level name; holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLevel(pub String);

/// Where the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Standard error, `{stderr}` in `PYRO_LOGFILE`.
    Stderr,
    /// A file; new lines are appended to it.
    File(PathBuf),
}

/// Switches the log on if `PYRO_LOGLEVEL` says so, into the file that `PYRO_LOGFILE` names (`pyro.log` in the current directory
/// when it names none). Gives true if the log was switched on, and false if there is nothing to do, or if the program has
/// installed a tracing subscriber already: that one is left alone.
///
/// Call it once, early; the environment is read then.
///
/// # Errors
/// When `PYRO_LOGLEVEL` has no level name of Python's.
pub fn init_from_env() -> Result<bool, InvalidConfig> {
    let mut config = Config::default();
    let vars = ["PYRO_LOGLEVEL", "PYRO_LOGFILE"];
    let vars = vars
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?.to_string_lossy().into_owned())));
    config.apply_vars(vars, UnknownItems::Refuse)?;
    Ok(init_from_config(&config))
}

/// As [`init_from_env`], with the items `LOGLEVEL` and `LOGFILE` of a configuration.
pub fn init_from_config(config: &Config) -> bool {
    match &config.loglevel {
        Some(levels) => init(levels.clone(), Output::from_name(config.logfile.as_deref())),
        None => false,
    }
}

/// Switches the log on. Gives false, and does nothing, if a tracing subscriber is installed already.
///
/// If the file cannot be written the log goes to standard error, and says so first, as Pyro4 does.
pub fn init(levels: Levels, output: Output) -> bool {
    if tracing::dispatcher::has_been_set() {
        return false;
    }
    let opened = Sink::open(&output);
    let is_open = opened.is_ok();
    let text = levels.to_string();
    let log = Log {
        levels,
        sink: Mutex::new(opened.unwrap_or(Sink::Stderr)),
    };
    let (log, handle) = reload::Layer::new(log);
    if tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log)).is_err() {
        return false;
    }
    // It is empty: this is the first time that a subscriber is installed.
    let _ = HANDLE.set(handle);
    if !is_open {
        tracing::warn!(target: logger::PYRO, "unable to write to the desired logfile (access rights?), falling back to console logger");
    }
    tracing::info!(target: logger::PYRO, "Pyro log configured using built-in defaults, level={text}");
    true
}

/// Takes over the items `LOGLEVEL` and `LOGFILE` of a configuration while the program runs, and opens the file anew: it may have been moved away meanwhile, as
/// programs that rotate logs do. No message is lost. Gives whether there is a log from then on that this module has to do with, as [`init_from_config`] does, which this is
/// if there was none.
///
/// # Errors
/// When the file cannot be opened. Everything stays as it was then.
pub fn reload_from_config(config: &Config) -> io::Result<bool> {
    let Some(handle) = HANDLE.get() else {
        return Ok(init_from_config(config));
    };
    let sink = Sink::open(&Output::from_name(config.logfile.as_deref()))?;
    let levels = config.loglevel.clone().unwrap_or_else(Levels::none);
    let change = |log: &mut Log| {
        log.levels = levels;
        log.sink = Mutex::new(sink);
    };
    Ok(handle.modify(change).is_ok())
}

/// Of the log that this module has installed.
static HANDLE: OnceLock<reload::Handle<Log, Registry>> = OnceLock::new();

impl Output {
    /// The output that `PYRO_LOGFILE` names: `{stderr}`, or a file; `pyro.log` when it names none.
    pub fn from_name(name: Option<&str>) -> Output {
        match name {
            Some("{stderr}") => Output::Stderr,
            Some(path) if !path.is_empty() => Output::File(path.into()),
            _ => Output::File("pyro.log".into()),
        }
    }
}

impl Levels {
    /// One level for all loggers.
    pub fn all(level: Level) -> Levels {
        Levels {
            root: Some(level),
            loggers: Vec::new(),
        }
    }

    /// Nothing is logged.
    fn none() -> Levels {
        Levels {
            root: None,
            loggers: Vec::new(),
        }
    }

    /// Whether a message of this logger and level is logged: the longest name that is the logger's own or an ancestor's decides.
    fn allows(&self, logger: &str, level: &tracing::Level) -> bool {
        let own = self.loggers.iter().filter(|(name, _)| is_same_or_child(logger, name));
        let own = own.max_by_key(|(name, _)| name.len()).map(|&(_, level)| level);
        own.or(self.root).is_some_and(|threshold| Level::of(level) >= threshold)
    }
}

/// Whether a logger is the named one or below it. Targets of Rust programs have `::` where Python's loggers have a dot.
fn is_same_or_child(logger: &str, name: &str) -> bool {
    let rest = logger.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with("::"))
}

impl Level {
    /// Python's level of a tracing level.
    fn of(level: &tracing::Level) -> Level {
        match *level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::NotSet,
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    /// The names of Python's module `logging`, in capitals; `WARN` and `FATAL` are its other names for two of them.
    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        match text {
            "NOTSET" => Ok(Level::NotSet),
            "DEBUG" => Ok(Level::Debug),
            "INFO" => Ok(Level::Info),
            "WARNING" | "WARN" => Ok(Level::Warning),
            "ERROR" => Ok(Level::Error),
            "CRITICAL" | "FATAL" => Ok(Level::Critical),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}

impl FromStr for Levels {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Levels, UnknownLevel> {
        let mut levels = Levels::none();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((logger, level)) => levels
                    .loggers
                    .push((generic_name(logger.trim()), level.trim().parse()?)),
                None => levels.root = Some(part.parse()?),
            }
        }
        Ok(levels)
    }
}

/// The library's name of a logger that was written in the words of Pyro4 or Pyro5.
fn generic_name(logger: &str) -> String {
    for parent in ["Pyro4", "Pyro5"] {
        if is_same_or_child(logger, parent) {
            return logger.replacen(parent, logger::PYRO, 1);
        }
    }
    logger.to_owned()
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::NotSet => "NOTSET",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        })
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.map(|level| level.to_string());
        let loggers = self.loggers.iter().map(|(name, level)| format!("{name}={level}"));
        f.write_str(&root.into_iter().chain(loggers).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unknown log level '{}': DEBUG, INFO, WARNING, ERROR or CRITICAL",
            self.0
        )
    }
}

impl std::error::Error for UnknownLevel {}

/// The subscriber's layer that writes the lines.
struct Log {
    levels: Levels,
    sink: Mutex<Sink>,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.levels.allows(metadata.target(), metadata.level())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = line(event);
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        // A program does not fail because its log cannot be written.
        let _ = sink.write(line.as_bytes());
    }
}

/// An open [`Output`].
enum Sink {
    Stderr,
    File(File),
}

impl Sink {
    fn open(output: &Output) -> io::Result<Sink> {
        match output {
            Output::Stderr => Ok(Sink::Stderr),
            Output::File(path) => Sink::append(path),
        }
    }

    fn append(path: &Path) -> io::Result<Sink> {
        OpenOptions::new().append(true).create(true).open(path).map(Sink::File)
    }

    /// Writes a line in one go, so that lines of several programs do not mix in one file.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Sink::Stderr => io::stderr().write_all(line),
            Sink::File(file) => file.write_all(line),
        }
    }
}
