//! What the system says of this machine: its name, and how many files, and so connections, may be open.

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
