//! Which server the tests run on. They run twice in CI: what holds for one holds for all.

use ferropyro::{Daemon, DaemonBuilder};

/// The settings of a daemon on the server that the variable `FERROPYRO_TEST_SERVER` names: `thread`, as without it, or `multiplex`, with workers, as there are tests
/// in which one call waits for another.
pub(crate) fn daemon() -> DaemonBuilder {
    match std::env::var("FERROPYRO_TEST_SERVER").as_deref() {
        Ok("multiplex") => Daemon::builder().multiplex().workers(64),
        Ok("thread") | Err(_) => Daemon::builder(),
        Ok(other) => panic!("FERROPYRO_TEST_SERVER is thread or multiplex, not {other}"),
    }
}
