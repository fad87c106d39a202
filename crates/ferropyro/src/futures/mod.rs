//! Calculations and calls in the background, after Pyro4's `futures` (manual chapter "Tips & Tricks", "Asynchronous ('future') normal function calls").
//!
//! A [`Future`] evaluates any callable in a thread of its own; starting it gives a [`FutureResult`] at once, through which the value comes later.
//! Both take more calls, which get the result of the one before ([`then`](FutureResult::then)), and handlers for errors
//! ([`iferror`](FutureResult::iferror)).
//!
//! An [`AsyncProxy`] does the same for calls: each is made in the background, and ten calls of a second each take one second together.
//!
//! These are not the futures of `async` Rust: they run when started, on threads, and waiting for them blocks. Python's extra arguments, as in
//! `then(add, 10)`, are what a closure captures.
//!
//! ```
//! use ferropyro::futures::Future;
//!
//! fn add(a: i64, b: i64) -> ferropyro::Result<i64> {
//!     Ok(a + b)
//! }
//!
//! let extra = 20;
//! let result = Future::new(|| add(5, 6))
//!     .then(|sum| add(sum, 10))
//!     .then(move |sum| add(sum, extra))
//!     .iferror(|error| eprintln!("no sum today: {error}"))
//!     .start()?;
//! // ... other work in the meantime ...
//! assert_eq!(result.value()?, 41);
//! # Ok::<(), ferropyro::Error>(())
//! ```

mod async_proxy;
mod future;
mod result;
mod schedule;

pub use async_proxy::AsyncProxy;
pub use future::Future;
pub use result::FutureResult;
