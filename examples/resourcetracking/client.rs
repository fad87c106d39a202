//! Takes two rooms of examples/resourcetracking/server.rs and gives them back, or keeps them until somebody kills it.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;

use ferropyro::Proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: resourcetracking_client URI [stay]")?;
    let hotel = Proxy::new(uri)?;
    println!("taken at first: {:?}", hotel.call::<Vec<String>>("list", ())?);
    for name in ["the attic", "the blue room"] {
        hotel.call::<()>("allocate", (name,))?;
    }
    println!("taken now: {:?}", hotel.call::<Vec<String>>("list", ())?);
    if args.next().as_deref() == Some("stay") {
        println!("end me with: kill -9 {}", std::process::id());
        loop {
            std::thread::park();
        }
    }
    for name in ["the attic", "the blue room"] {
        hotel.call::<()>("free", (name,))?;
    }
    println!("taken at last: {:?}", hotel.call::<Vec<String>>("list", ())?);
    Ok(())
}
