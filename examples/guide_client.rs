//! The client of the guide's page docs/clients.md.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::collections::BTreeMap;

use ferropyro::{Dict, Proxy};

fn main() -> ferropyro::Result<()> {
    let uri = std::env::args().nth(1).unwrap_or("PYRONAME:thermometer".to_owned());
    let thermometer = Proxy::new(uri.as_str())?;

    // Positional arguments are a tuple; the type of the result is yours.
    let now: f64 = thermometer.call("read", ("roof",))?;
    println!("{now} degrees on the roof");

    // Keyword arguments are a dict.
    let exact: f64 = thermometer.call_with("read", ("cellar",), &Dict::from([("digits", 2)]))?;
    println!("{exact} degrees in the cellar");

    // Lists, tuples, dicts, sets, None: whatever serde can make of them.
    let days: Vec<(String, f64)> = thermometer.call("history", ())?;
    println!("{days:?}");
    let limits: BTreeMap<String, Option<f64>> = thermometer.call("limits", ())?;
    println!("{limits:?}");

    // Attributes.
    let unit: String = thermometer.get("unit")?;
    thermometer.set("unit", "kelvin")?;
    println!("{unit}, now {}", thermometer.get::<String>("unit")?);

    // An exception of the other side.
    if let Err(error) = thermometer.call::<f64>("read", ("moon",)) {
        println!("{error}");
        if let Some(remote) = error.as_remote() {
            println!("class {}, arguments {:?}", remote.class(), remote.args());
        }
    }
    Ok(())
}
