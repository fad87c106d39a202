//! The yardstick: the bytes themselves, from a buffer into a buffer that is as large.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::Direction;
use crate::Problem;
use crate::peer::{Peer, Sample, end_with_input, repeat_in_batches};

pub(crate) struct Raw {
    stream: TcpStream,
    direction: Direction,
    data: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(address: &str, direction: Direction, size: usize) -> Result<Raw, Problem> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Raw {
            stream,
            direction,
            data: vec![b'.'; size],
        })
    }
}

impl Peer for Raw {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        let size = self.data.len() as u64;
        repeat_in_batches(1, time, || {
            match self.direction {
                Direction::There => {
                    self.stream.write_all(&lengths(size, 1))?;
                    self.stream.write_all(&self.data)?;
                    self.stream.read_exact(&mut [0])?;
                }
                Direction::Back => {
                    self.stream.write_all(&lengths(0, size))?;
                    self.stream.read_exact(&mut self.data)?;
                }
            }
            Ok(())
        })
    }
}

/// What goes ahead: how many bytes are sent, and how many are wanted back.
fn lengths(sent: u64, wanted: u64) -> [u8; 16] {
    let mut lengths = [0; 16];
    lengths[..8].copy_from_slice(&sent.to_le_bytes());
    lengths[8..].copy_from_slice(&wanted.to_le_bytes());
    lengths
}

/// The server's process.
pub(crate) fn serve() -> Result<(), Problem> {
    end_with_input();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        thread::spawn(move || serve_client(stream));
    }
}

fn serve_client(mut stream: TcpStream) -> std::io::Result<()> {
    let mut data = Vec::new();
    loop {
        let mut lengths = [[0; 8]; 2];
        stream.read_exact(lengths.as_flattened_mut())?;
        let [sent, wanted] = lengths.map(|length| u64::from_le_bytes(length) as usize);
        data.resize(sent.max(wanted).max(data.len()), b'.');
        stream.read_exact(&mut data[..sent])?;
        stream.write_all(&data[..wanted])?;
    }
}
