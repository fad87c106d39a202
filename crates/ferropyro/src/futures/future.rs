//! A calculation that is yet to be started.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::result::{FutureResult, Promise, pending};
use super::schedule::{Schedule, already_evaluated};
use crate::context::{self, Luggage};
use crate::{Error, ErrorKind, Result};

/// A callable that is evaluated in the background, once: Pyro4's `Future`.
///
/// [`start`](Future::start), [`delay`](Future::delay) and [`cancel`](Future::cancel) take `&self`, so that threads can share the future (in an
/// `Arc`), and the one that cancels need not be the one that started it. Dropping the future changes nothing about a calculation that was started.
///
/// ```
/// use std::time::Duration;
/// use ferropyro::futures::Future;
///
/// let future = Future::new(|| Ok("never said"));
/// future.delay(Duration::from_secs(3600));
/// let result = future.start()?;
/// assert!(future.cancel());
/// assert_eq!(result.value().unwrap_err().message(), "future has been cancelled");
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub struct Future<T> {
    schedule: Arc<Schedule>,
    /// The signal that it is time, and what comes of it; gone once the future has been started.
    work: Mutex<Option<(Promise<()>, FutureResult<T>)>>,
}

impl<T: Send + 'static> Future<T> {
    /// A future for this callable, not started. A callable that panics counts as one that failed.
    pub fn new(call: impl FnOnce() -> Result<T> + Send + 'static) -> Future<T> {
        let (turn, its_turn) = pending();
        Future {
            schedule: Arc::default(),
            work: Mutex::new(Some((turn, its_turn.then(|()| call())))),
        }
    }

    /// As [`Future::new`], for a remote call in the background: the annotations that this thread has for its next call go with that one.
    pub(crate) fn with_luggage(call: impl FnOnce() -> Result<T> + Send + 'static) -> Future<T> {
        let luggage = Luggage::take();
        Future::new(move || {
            for (key, value) in luggage.annotations {
                context::annotate(key, value);
            }
            call()
        })
    }

    /// Starts the evaluation in a thread of its own, and returns at once. The [correlation id](crate::context::correlation_id) of this thread goes along.
    ///
    /// # Errors
    /// `the future has already been evaluated` when it was started before, whose result this does not change; `the future has been cancelled`;
    /// an error of the operating system when there can be no more threads, and the future is used up then.
    pub fn start(&self) -> Result<FutureResult<T>> {
        self.schedule.start()?;
        let (turn, result) = self.take_work().ok_or_else(already_evaluated)?;
        let schedule = Arc::clone(&self.schedule);
        let correlation_id = context::correlation_id();
        thread::Builder::new()
            .name("Pyro future".to_owned())
            .spawn(move || {
                context::set_correlation_id(correlation_id);
                turn.resolve(schedule.wait_for_turn());
            })
            .map_err(|error| {
                let text = format!("cannot start a thread for the future: {error}");
                Error::new(ErrorKind::Runtime, text).caused_by(error)
            })?;
        Ok(result)
    }

    /// Postpones the evaluation: to so long after the start, or, once started, to so long after now. The last delay that was set holds.
    ///
    /// Returns true if successful, otherwise false if the evaluation has already begun, or was cancelled.
    pub fn delay(&self, delay: Duration) -> bool {
        self.schedule.delay(delay)
    }

    /// Cancels the evaluation altogether: the callable will never run. Handlers given to [`iferror`](Future::iferror) are told if the
    /// future has been started.
    ///
    /// Returns true if successful, otherwise false if the evaluation has already begun: nothing stops it then.
    pub fn cancel(&self) -> bool {
        self.schedule.cancel()
    }

    /// Adds a call, which gets the result of the one before. Calls run one after another in the background; the first that fails is the last.
    ///
    /// Without effect on a future that has been started: add to its [`FutureResult`] then.
    #[must_use = "the call belongs to the future that is returned"]
    pub fn then<U: Send + 'static>(self, call: impl FnOnce(T) -> Result<U> + Send + 'static) -> Future<U> {
        self.map_result(|result| result.then(call))
    }

    /// Adds a handler, which is called once with the error when the callable or an added call fails. Every handler that was added is called.
    /// Without one, nobody hears of an error before the value is read.
    ///
    /// Without effect on a future that has been started: add to its [`FutureResult`] then.
    #[must_use = "the handler belongs to the future that is returned"]
    pub fn iferror(self, handler: impl FnOnce(&Error) + Send + 'static) -> Future<T> {
        self.map_result(|result| result.iferror(handler))
    }

    fn map_result<U>(self, map: impl FnOnce(FutureResult<T>) -> FutureResult<U>) -> Future<U> {
        let work = self.take_work().map(|(turn, result)| (turn, map(result)));
        Future {
            schedule: self.schedule,
            work: Mutex::new(work),
        }
    }

    fn take_work(&self) -> Option<(Promise<()>, FutureResult<T>)> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Shows whether it has been started.
impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Future({:?})", self.schedule)
    }
}
