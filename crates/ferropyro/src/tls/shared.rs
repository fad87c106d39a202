//! What clients need for TLS is made once for all that have the same settings: authorities take memory, and sessions go on where another proxy left off.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::SystemTime;

use rustls::ClientConfig;

use crate::Result;
use crate::config::{Config, Secret};

/// The settings that count, and the state of their files.
#[derive(PartialEq)]
struct Key {
    certificate: Option<Source>,
    key: Option<Source>,
    password: Secret,
    trusted: Option<Source>,
}

/// A file, or a folder with its files.
#[derive(PartialEq)]
struct Source {
    itself: State,
    /// A folder does not change when a file in it is written anew.
    files: Vec<State>,
}

/// What tells that a file has been replaced.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct State {
    path: PathBuf,
    changed: Option<SystemTime>,
    size: Option<u64>,
}

impl Key {
    fn of(config: &Config) -> Key {
        let source = |path: &Option<PathBuf>| path.as_deref().map(Source::of);
        Key {
            certificate: source(&config.ssl_clientcert),
            key: source(&config.ssl_clientkey),
            password: config.ssl_clientkeypasswd.clone(),
            trusted: source(&config.ssl_cacerts),
        }
    }
}

impl Source {
    fn of(path: &Path) -> Source {
        let entries = path.read_dir().into_iter().flatten().flatten();
        let mut files: Vec<State> = entries.map(|entry| State::of(&entry.path())).collect();
        files.sort_unstable();
        Source {
            itself: State::of(path),
            files,
        }
    }
}

impl State {
    fn of(path: &Path) -> State {
        let file = path.metadata().ok();
        State {
            path: path.to_owned(),
            changed: file.as_ref().and_then(|file| file.modified().ok()),
            size: file.map(|file| file.len()),
        }
    }
}

type Made = (Key, Weak<ClientConfig>);

/// What others have made of the same settings and still use, or else what `make` gives.
pub(super) fn or_make(config: &Config, make: impl FnOnce() -> Result<ClientConfig>) -> Result<Arc<ClientConfig>> {
    static MADE: OnceLock<Mutex<Vec<Made>>> = OnceLock::new();
    let key = Key::of(config);
    let mut made = MADE
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    made.retain(|(_, known)| known.strong_count() > 0);
    let known = made.iter().find(|(known, _)| *known == key);
    if let Some(known) = known.and_then(|(_, known)| known.upgrade()) {
        return Ok(known);
    }
    let new = Arc::new(make()?);
    made.push((key, Arc::downgrade(&new)));
    Ok(new)
}
