//! Calculations in the background: a single one, a chain, one that fails, one that is delayed, one that is cancelled. No server takes part.
//!
//! `cargo run -p ferropyro --example futures` prints:
//!
//! ```text
//! single: add(5, 6)
//! single: the value is 11
//! chain: add(5, 6)
//! chain: add(11, 10)
//! chain: add(21, 20), extra = something
//! chain: the value is 41
//! failing: the handler got "cannot add 13"
//! failing: there is no value: cannot add 13
//! delayed: ready after a moment? false
//! delayed: add(5, 6)
//! delayed: the value is 11
//! cancelled: stopped in time? true
//! cancelled: there is no value: future has been cancelled
//! ```
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::time::Duration;

use ferropyro::futures::Future;
use ferropyro::{Error, ErrorKind, Result};

fn add(who: &str, a: i64, b: i64) -> Result<i64> {
    println!("{who}: add({a}, {b})");
    Ok(a + b)
}

fn add_noting(who: &str, a: i64, b: i64, extra: &str) -> Result<i64> {
    println!("{who}: add({a}, {b}), extra = {extra}");
    Ok(a + b)
}

fn main() -> Result<()> {
    single()?;
    chain()?;
    failing()?;
    delayed()?;
    cancelled()
}

fn single() -> Result<()> {
    let result = Future::new(|| add("single", 5, 6)).start()?;
    // Here is time for other work.
    println!("single: the value is {}", result.value()?);
    Ok(())
}

fn chain() -> Result<()> {
    let extra = "something".to_owned();
    let result = Future::new(|| add("chain", 5, 6))
        .then(|sum| add("chain", sum, 10))
        .then(move |sum| add_noting("chain", sum, 20, &extra))
        .start()?;
    println!("chain: the value is {}", result.value()?);
    Ok(())
}

fn failing() -> Result<()> {
    let result = Future::new(|| Err(Error::new(ErrorKind::Value, "cannot add 13")))
        .then(|sum| add("failing", sum, 10)) // never called
        .iferror(|error| println!("failing: the handler got {:?}", error.message()))
        .start()?;
    if let Err(error) = result.value() {
        println!("failing: there is no value: {error}");
    }
    Ok(())
}

fn delayed() -> Result<()> {
    let future = Future::new(|| add("delayed", 5, 6));
    future.delay(Duration::from_secs(3600));
    let result = future.start()?;
    let ready = result.wait(Some(Duration::from_millis(100)));
    println!("delayed: ready after a moment? {ready}");
    future.delay(Duration::ZERO); // an hour is too long
    println!("delayed: the value is {}", result.value()?);
    Ok(())
}

fn cancelled() -> Result<()> {
    let future = Future::new(|| add("cancelled", 5, 6)); // never called
    future.delay(Duration::from_secs(3600));
    let result = future.start()?;
    println!("cancelled: stopped in time? {}", future.cancel());
    if let Err(error) = result.value() {
        println!("cancelled: there is no value: {error}");
    }
    Ok(())
}
