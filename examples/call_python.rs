//! Calls a Python object, examples/python/greeter.py, at the URI that it printed. No types were declared: results are Python values.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use ferropyro::{Dict, Proxy, Value};

fn main() -> ferropyro::Result<()> {
    let uri = std::env::args().nth(1).unwrap_or("PYRONAME:greeter".to_owned());
    let greeter = Proxy::new(uri)?;
    let greeting: String = greeter.call_with("greet", ("Rust",), &Dict::from([("loudly", true)]))?;
    println!("{greeting}");
    let anything: Value = greeter.call("facts", ())?;
    println!("{anything}");
    if let Err(error) = greeter.call::<Value>("fail", ()) {
        println!("{error:#}"); // with the traceback of the Python side
    }
    Ok(())
}
