//! How many files, and so connections, may be open.

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
