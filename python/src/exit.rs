//! The end of the program: threads of the library must not come to an interpreter that is being taken down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Raise;
use pyo3::prelude::*;
use send_wrapper::SendWrapper;

/// Whether nobody may come in any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);
/// Those who run code of Python's, or are about to.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// The threads of the library that are threads of Python's as well.
static THREADS: AtomicUsize = AtomicUsize::new(0);

const LOOK: Duration = Duration::from_millis(2);
/// For those who were about to come in.
const LAST_WAIT: Duration = Duration::from_millis(100);

/// Counts for as long as it lives.
struct Counted(&'static AtomicUsize);

impl Counted {
    fn new(count: &'static AtomicUsize) -> Counted {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Not below zero: after a fork the count began anew.
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
    }
}

/// Runs code of Python's in a thread of the library; `None` when the program is at its end.
pub(crate) fn attach<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Counted::new(&INSIDE);
    match IS_OVER.load(Ordering::SeqCst) {
        true => None,
        false => Some(Python::attach(run)),
    }
}

/// Calls code of Python's. When Python is taken down meanwhile it ends the thread that runs it by unwinding its stack, which nothing of ours survives: then the thread stays where it is until
/// the process is gone.
pub(crate) fn calling<T>(call: impl FnOnce() -> T) -> T {
    /// Dropped when the call does not return.
    struct NoWayBack;
    impl Drop for NoWayBack {
        fn drop(&mut self) {
            while !thread::panicking() {
                thread::park();
            }
        }
    }
    let guard = NoWayBack;
    let result = call();
    std::mem::forget(guard);
    result
}

/// Makes a thread of the library one of Python's for as long as it lives: to do so anew at every call takes longer than a call.
pub(crate) fn attach_thread(work: &mut dyn FnMut()) {
    let _thread = Counted::new(&THREADS);
    if IS_OVER.load(Ordering::SeqCst) {
        return;
    }
    Python::attach(|py| {
        let work = SendWrapper::new(work);
        py.detach(move || {
            (work.take())();
            while IS_OVER.load(Ordering::SeqCst) {
                // There is no way back.
                thread::park();
            }
        });
    });
}

/// What callers are told who come too late.
pub(crate) fn over() -> Raise {
    Raise::new("Pyro5.errors.CommunicationError", "the server's program is at its end")
}

/// Waits for so many seconds at the most until the threads of daemons that were shut down have ended. After that nobody runs code of Python's any more.
#[pyfunction]
pub(crate) fn end(py: Python<'_>, seconds: f64) {
    let patience = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| {
        wait(patience, &[&THREADS, &INSIDE]);
        IS_OVER.store(true, Ordering::SeqCst);
        wait(LAST_WAIT, &[&INSIDE]);
    });
}

fn wait(patience: Duration, counts: &[&AtomicUsize]) {
    let begun = Instant::now();
    while counts.iter().any(|count| count.load(Ordering::SeqCst) > 0) && begun.elapsed() < patience {
        thread::sleep(LOOK);
    }
}

/// In a child process there are none of its parent's threads.
#[pyfunction]
pub(crate) fn forget_threads() {
    INSIDE.store(0, Ordering::SeqCst);
    THREADS.store(0, Ordering::SeqCst);
}
