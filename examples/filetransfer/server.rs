//! Hands out data in four ways: as the result of a call, as the items of an iterator, in annotations, and over a raw socket.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use ferropyro::{Bytes, Daemon, ItemStream, Raise, context, expose};
use ferropyro_transfer::{FDAT, Offer, PIECE, RawSockets};

struct FileServer {
    sockets: RawSockets,
}

#[expose]
impl FileServer {
    /// The data as a whole, in a single answer.
    pub fn get_with_pyro(&self, size: usize) -> Bytes {
        Bytes(vec![b'x'; size])
    }

    /// The data in a hundred pieces.
    pub fn iterator(&self, size: usize) -> ItemStream {
        let piece = (size / 100).max(1);
        ItemStream::new(
            (0..size)
                .step_by(piece)
                .map(move |start| Bytes(vec![b'x'; piece.min(size - start)])),
        )
    }

    /// The data of a file: each item is a position with a checksum, and what comes before that position is in the annotation.
    pub fn annotation_stream(&self, #[default(false)] with_checksum: bool) -> io::Result<ItemStream> {
        let mut file = file_of(&b"1234567890!".repeat(1000), 5000)?;
        let mut position = 0;
        let next = move || -> io::Result<Option<(u64, u32)>> {
            let mut bytes = Vec::with_capacity(PIECE);
            (&mut file).take(PIECE as u64).read_to_end(&mut bytes)?;
            position += bytes.len() as u64;
            let checksum = if with_checksum { crc32fast::hash(&bytes) } else { 0 };
            Ok(annotate(bytes).then_some((position, checksum)))
        };
        Ok(ItemStream::fallible(
            std::iter::repeat_with(next).map_while(Result::transpose),
        ))
    }

    /// Data on the disk, ready for whoever brings the ticket to a raw socket.
    pub fn prepare_file_blob(&self, size: usize) -> Result<Offer, Raise> {
        let mut file = file_of(&vec![b'x'; size], 1)?;
        self.sockets
            .offer(move |mut stream| io::copy(&mut file, &mut stream).map(drop))
    }

    /// The same in memory.
    pub fn prepare_memory_blob(&self, size: usize) -> Result<Offer, Raise> {
        self.sockets
            .offer(move |mut stream| stream.write_all(&vec![b'x'; size]))
    }
}

/// A file without a name that has these bytes so many times.
fn file_of(bytes: &[u8], times: usize) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    for _ in 0..times {
        file.write_all(bytes)?;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Sends bytes along with the answer; false when there are none.
fn annotate(bytes: Vec<u8>) -> bool {
    let is_something = !bytes.is_empty();
    if let Some(context) = context::current().filter(|_| is_something) {
        context.annotate(FDAT, bytes);
    }
    is_something
}

fn main() -> Result<(), Box<dyn Error>> {
    let daemon = Daemon::new()?;
    // A client may ask for all of its tickets first, and bring them one after the other.
    let sockets = RawSockets::builder(&daemon)?
        .ticket_life(Duration::from_secs(600))
        .build();
    println!(
        "URI = {}",
        daemon.register("example.filetransfer", FileServer { sockets })?
    );
    daemon.run();
    Ok(())
}
