//! Which server the tests run on. They run three times in CI: what holds for one holds for all.

use ferropyro::{Daemon, DaemonBuilder};

/// The settings of a daemon on the server that the variable `FERROPYRO_TEST_SERVER` names: `thread`, as without it, `multiplex`, or `workers`, which is
/// multiplex with three calls at a time.
pub(crate) fn daemon() -> DaemonBuilder {
    match std::env::var("FERROPYRO_TEST_SERVER").as_deref() {
        Ok("multiplex") => Daemon::builder().multiplex(),
        Ok("workers") => Daemon::builder().multiplex().workers(3),
        Ok("thread") | Err(_) => Daemon::builder(),
        Ok(other) => panic!("FERROPYRO_TEST_SERVER is thread, multiplex or workers, not {other}"),
    }
}
