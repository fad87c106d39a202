//! Takes large data, and gives some in pieces: as whatever type they come with which serializer.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use ferropyro::{ByteArray, Bytes, Daemon, ItemStream, Raise, Value, expose, formats};

struct Luggage;

#[expose]
impl Luggage {
    /// How long a text is, or how many bytes these are.
    pub fn transfer(&self, data: Value) -> Result<usize, Raise> {
        match data {
            Value::Str(text) => Ok(text.chars().count()),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => Ok(bytes.len()),
            // What serpent makes of bytes.
            other => match formats::from_value::<Bytes>(other) {
                Ok(bytes) => Ok(bytes.0.len()),
                Err(_) => Err(Raise::new("TypeError", "data are a text or bytes")),
            },
        }
    }

    /// So many bytes in pieces.
    pub fn download_chunks(&self, size: usize) -> ItemStream {
        const PIECE: usize = 200_000;
        ItemStream::new(
            (0..size)
                .step_by(PIECE)
                .map(move |start| ByteArray(vec![0; PIECE.min(size - start)])),
        )
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::new()?;
    println!("URI = {}", daemon.register("example.hugetransfer", Luggage)?);
    daemon.run();
    Ok(())
}
