//! Files: what the system says of this machine (its name, and how many files, and so connections, may be open), and how one is written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Takes as many as the system grants on demand: its usual limit is meant for programs that do not ask.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    // Where that is not allowed, servers take as many connections as they have files for.
    let _ = setrlimit(Resource::Nofile, wanted);
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

/// How many files this process may have open: as it was started, and on demand. `None` within is no limit; where the system has none, there is nothing.
#[cfg(unix)]
pub(crate) fn limits() -> Option<(Option<u64>, Option<u64>)> {
    use rustix::process::{Resource, getrlimit};

    let limit = getrlimit(Resource::Nofile);
    Some((limit.current, limit.maximum))
}

#[cfg(not(unix))]
pub(crate) fn limits() -> Option<(Option<u64>, Option<u64>)> {
    None
}

/// The machine's own name, if the system tells it.
#[cfg(unix)]
pub(crate) fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(unix))]
pub(crate) fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Writes a file beside it first, so that an older document is replaced by a whole one or not at all.
pub(crate) fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A device or a pipe is written to as it is.
    if file.exists() && !file.is_file() {
        return fs::write(file, text);
    }
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let result = fs::File::create(&part).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        fs::rename(&part, file)
    });
    if result.is_err() {
        // It may be there or not.
        let _ = fs::remove_file(&part);
    }
    result
}
