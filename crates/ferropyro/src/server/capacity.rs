//! How many connections a server lets in.

use crate::config::Config;

/// What a client reads when there are too many others.
const TOO_MANY: &str = "too many connections, increase server MAX_CONNECTIONS";
const TOO_MANY_FILES: &str = "too many connections, increase the server's limit of open files (ulimit -n)";
/// Files that are left for everything else in the program.
const SPARE_FILES: usize = 64;

/// The most connections, and the words for those that come then.
pub(super) struct Capacity {
    pub(super) most: usize,
    pub(super) refusal: &'static str,
}

impl Capacity {
    /// What the settings allow, and the system as it is now.
    pub(super) fn new(config: &Config) -> Capacity {
        Capacity::within(config.max_connections.unwrap_or(usize::MAX), open_files())
    }

    fn within(wanted: usize, files: Option<usize>) -> Capacity {
        // Where there are few files at all, a half of them.
        let possible = files.map_or(usize::MAX, |files| files.saturating_sub(SPARE_FILES).max(files / 2));
        match wanted <= possible {
            true => Capacity {
                most: wanted,
                refusal: TOO_MANY,
            },
            false => Capacity {
                most: possible,
                refusal: TOO_MANY_FILES,
            },
        }
    }
}

/// How many files this process may have open; `None` for any number.
#[cfg(unix)]
fn open_files() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};

    getrlimit(Resource::Nofile)
        .current
        .map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_some_files_for_the_rest_of_the_program() {
        let most = |wanted, files| Capacity::within(wanted, files).most;
        assert_eq!(most(10_000, None), 10_000);
        assert_eq!(most(10_000, Some(20_000)), 10_000);
        assert_eq!(most(10_000, Some(1024)), 960);
        assert_eq!(most(10_000, Some(64)), 32);
        assert_eq!(most(usize::MAX, Some(1024)), 960);
        assert_eq!(Capacity::within(10_000, Some(1024)).refusal, TOO_MANY_FILES);
        assert_eq!(Capacity::within(960, Some(1024)).refusal, TOO_MANY);
    }
}
