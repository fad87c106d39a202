//! Asks the object of the server twice: by the name server whose port is given, each time with a connection of its own.
#![allow(clippy::print_stdout)]

use std::error::Error;

use ferropyro::Proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: eventloop_client PORT")?;
    for name in ["Ada", "Grace"] {
        let greeter = Proxy::new(format!("PYRONAME:example.eventloop@localhost:{port}").as_str())?;
        println!("{}", greeter.call::<String>("hello", (name,))?);
    }
    Ok(())
}
