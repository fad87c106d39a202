//! Calls a Python object in the background: examples/python/futures_server.py, at the URI that it printed.
//!
//! `cargo run -p ferropyro --example futures_proxy -- URI` prints:
//!
//! ```text
//! ten calls at once: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
//! a chain of calls: 26
//! the handler got: ValueError: nobody divides by 0 here
//! there is no value: ValueError: nobody divides by 0 here
//! ```
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use ferropyro::futures::{AsyncProxy, FutureResult};
use ferropyro::{Proxy, Result};

fn main() -> Result<()> {
    let uri = std::env::args().nth(1).unwrap_or("PYRONAME:office".to_owned());
    let plain = Proxy::new(uri)?;
    let office = AsyncProxy::new(plain.clone());
    at_once(&office)?;
    chain(&office, plain)?;
    failing(&office);
    Ok(())
}

/// Each call returns only when all ten are there.
fn at_once(office: &AsyncProxy) -> Result<()> {
    let calls: Vec<FutureResult<u32>> = (0..10).map(|_| office.call("meet", ())).collect();
    let mut seats: Vec<u32> = calls.iter().map(FutureResult::value).collect::<Result<_>>()?;
    seats.sort();
    println!("ten calls at once: {seats:?}");
    Ok(())
}

/// The next call goes out as soon as the value of the one before is there.
fn chain(office: &AsyncProxy, plain: Proxy) -> Result<()> {
    let result = office
        .call("divide", (100, 5))
        .then(|value: i64| Ok(value + 1))
        .then(move |value| plain.call::<i64>("add", (value, 5)));
    // Here is time for other work.
    println!("a chain of calls: {}", result.value()?);
    Ok(())
}

fn failing(office: &AsyncProxy) {
    let result: FutureResult<i64> = office
        .call("divide", (100, 0))
        .iferror(|error| println!("the handler got: {error}"));
    if let Err(error) = result.value() {
        println!("there is no value: {error}");
    }
}
