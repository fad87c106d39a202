//! The value that comes later.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::panics::panic_text;
use crate::{Error, ErrorKind, Result};

/// The result of a calculation in the background: Pyro4's `FutureResult`.
///
/// Threads can share it in an `Arc` and wait for it all at once. Dropping it does not stop the calculation.
pub struct FutureResult<T> {
    cell: Arc<Cell<T>>,
}

struct Cell<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
}

struct State<T> {
    outcome: Option<Result<T>>,
    /// What gets the outcome instead, once a call has been chained.
    next: Option<Next<T>>,
    handlers: Vec<Handler>,
}

type Next<T> = Box<dyn FnOnce(Result<T>) -> Option<Step> + Send>;
type Handler = Box<dyn FnOnce(&Error) + Send>;

/// The next call of a chain, with what it is given. Calls return their successor instead of calling it, so that a chain of any length needs no more
/// stack than one call.
struct Step(Box<dyn FnOnce() -> Option<Step> + Send>);

/// The other end of a [`FutureResult`]: whoever has it must resolve it.
pub(super) struct Promise<T> {
    cell: Arc<Cell<T>>,
}

/// A result, and the promise of it.
pub(super) fn pending<T>() -> (Promise<T>, FutureResult<T>) {
    let cell = Arc::new(Cell {
        state: Mutex::new(State {
            outcome: None,
            next: None,
            handlers: Vec::new(),
        }),
        ready: Condvar::new(),
    });
    let promise = Promise {
        cell: Arc::clone(&cell),
    };
    (promise, FutureResult { cell })
}

impl<T: Send + 'static> FutureResult<T> {
    /// What could not even be started.
    pub(super) fn failed(error: Error) -> FutureResult<T> {
        let (promise, result) = pending();
        promise.resolve(Err(error));
        result
    }

    /// The value, as a copy; blocks until it is there.
    ///
    /// # Errors
    /// The one that the calculation failed with, each time; `future has been cancelled` for a future that was cancelled.
    pub fn value(&self) -> Result<T>
    where
        T: Clone,
    {
        let mut state = self.cell.lock();
        loop {
            if let Some(outcome) = &state.outcome {
                return outcome.clone();
            }
            state = self.cell.wait(state);
        }
    }

    /// The value itself; blocks until it is there.
    ///
    /// # Errors
    /// As for [`FutureResult::value`].
    pub fn into_value(self) -> Result<T> {
        let mut state = self.cell.lock();
        loop {
            if let Some(outcome) = state.outcome.take() {
                return outcome;
            }
            state = self.cell.wait(state);
        }
    }

    /// Whether the value is there, or an error in its place.
    pub fn ready(&self) -> bool {
        self.cell.lock().outcome.is_some()
    }

    /// Blocks until the result is ready, for no longer than the time limit (`None`: as long as it takes). Returns whether it is ready.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let pending = |state: &mut State<T>| state.outcome.is_none();
        let (state, ready) = (self.cell.lock(), &self.cell.ready);
        let state = match timeout {
            None => ready.wait_while(state, pending).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let woken = ready.wait_timeout_while(state, limit, pending);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.outcome.is_some()
    }

    /// Chains a call, which gets the value. It runs in the background, in the thread of the calculation; when the value is there already
    /// it runs at once, in this thread. The result that is returned becomes ready when the call is done. After an error it is not called, and the
    /// error is the result. A call that panics counts as one that failed.
    ///
    /// ```
    /// use ferropyro::futures::Future;
    ///
    /// let result = Future::new(|| Ok(6)).start()?.then(|n| Ok(n * 7)).then(|n| Ok(format!("it is {n}")));
    /// assert_eq!(result.value()?, "it is 42");
    /// # Ok::<(), ferropyro::Error>(())
    /// ```
    pub fn then<U: Send + 'static>(self, call: impl FnOnce(T) -> Result<U> + Send + 'static) -> FutureResult<U> {
        let (promise, chained) = pending();
        let next = |outcome: Result<T>| promise.settle(protect(|| call(outcome?)));
        let mut state = self.cell.lock();
        chained.cell.lock().handlers = mem::take(&mut state.handlers);
        match state.outcome.take() {
            None => state.next = Some(Box::new(next)),
            Some(outcome) => {
                drop(state);
                run(next(outcome));
            }
        }
        chained
    }

    /// Adds a handler, which is called once with the error when the calculation or a chained call fails, whether that was chained before or
    /// after this. It is called in the thread in which the error arose, before the result becomes ready; at once, in this thread, when that has
    /// happened already. Every handler that was added is called. Without one, nobody hears of an error before the value is read.
    ///
    /// ```
    /// use ferropyro::futures::Future;
    /// use ferropyro::{Error, ErrorKind};
    ///
    /// let failing = Future::new(|| Err::<(), Error>(Error::new(ErrorKind::Value, "no such day")));
    /// let result = failing.start()?.iferror(|error| println!("in the background: {error}"));
    /// assert_eq!(result.value().unwrap_err().message(), "no such day");
    /// # Ok::<(), ferropyro::Error>(())
    /// ```
    pub fn iferror(self, handler: impl FnOnce(&Error) + Send + 'static) -> FutureResult<T> {
        if let Some((error, handler)) = self.cell.add_handler(Box::new(handler)) {
            tell(vec![handler], &error);
        }
        self
    }
}

impl<T: Send + 'static> Promise<T> {
    /// The result is ready, or goes on to the chained calls, which are run here.
    pub(super) fn resolve(self, outcome: Result<T>) {
        run(self.settle(outcome));
    }

    /// As `resolve`, but leaves the chained call to the caller.
    fn settle(self, outcome: Result<T>) -> Option<Step> {
        let mut state = self.cell.lock();
        loop {
            if let Some(next) = state.next.take() {
                return Some(Step(Box::new(|| next(outcome))));
            }
            let handlers = mem::take(&mut state.handlers);
            match &outcome {
                // Not under the lock, since a handler may take its time. A call or a handler may be added meanwhile.
                Err(error) if !handlers.is_empty() => {
                    drop(state);
                    tell(handlers, error);
                    state = self.cell.lock();
                }
                _ => {
                    state.handlers = handlers;
                    state.outcome = Some(outcome);
                    self.cell.ready.notify_all();
                    return None;
                }
            }
        }
    }
}

impl<T> Cell<T> {
    /// Gives the handler back when it comes too late, with the error to tell it.
    fn add_handler(&self, handler: Handler) -> Option<(Error, Handler)> {
        let mut state = self.lock();
        if let Some(Err(error)) = &state.outcome {
            return Some((error.clone(), handler));
        }
        state.handlers.push(handler);
        None
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.ready.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(mut step: Option<Step>) {
    while let Some(Step(call)) = step {
        step = call();
    }
}

/// A handler that panics keeps nobody from hearing of the error.
fn tell(handlers: Vec<Handler>, error: &Error) {
    for handler in handlers {
        // The panic itself has been reported by the panic hook.
        let _ = catch_unwind(AssertUnwindSafe(|| handler(error)));
    }
}

/// A panic in a call is an error of that call.
fn protect<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = format!("the call panicked: {}", panic_text(&*panic));
        Err(Error::new(ErrorKind::Runtime, text))
    })
}

/// Shows whether it is ready.
impl<T> fmt::Debug for FutureResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.cell.lock().outcome {
            None => "FutureResult(not ready)",
            Some(Ok(_)) => "FutureResult(ready)",
            Some(Err(_)) => "FutureResult(failed)",
        })
    }
}
