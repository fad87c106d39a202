//! Brings a word to the handshake with examples/handshake/server.rs, and shows what the server answers.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;

use ferropyro::Proxy;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(uri), Some(word)) = (args.next(), args.next()) else {
        return Err("usage: handshake_client URI WORD".into());
    };
    let garden = Proxy::builder()
        .handshake(word)
        .validate_handshake(|answer| {
            println!("the server answers: {answer}");
            Ok(()) // an error here would close the connection again
        })
        .build(uri)?;
    match garden.bind() {
        Ok(()) => println!("walk: {}", garden.call::<String>("walk", ())?),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
