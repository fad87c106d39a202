//! A connection, encrypted or not, for one short frame at a time in each direction.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustls::Connection;
use socket2::Socket;

/// A connection. It blocks until [`Channel::watch`].
pub(crate) struct Channel {
    socket: Socket,
    tls: Option<Box<Connection>>,
}

impl Channel {
    pub(crate) fn new(socket: Socket, tls: Option<Connection>) -> Channel {
        Channel {
            socket,
            tls: tls.map(Box::new),
        }
    }

    /// Has the poll tell when something has arrived; nothing blocks from now on.
    pub(crate) fn watch(&self, registry: &Registry, token: usize) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        registry.register(
            &mut SourceFd(&self.socket.as_raw_fd()),
            Token(token),
            Interest::READABLE,
        )
    }

    /// Sends a frame that is so short that the system takes it at once.
    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            return (&self.socket).write_all(frame);
        };
        tls.writer().write_all(frame)?;
        while tls.wants_write() {
            tls.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }

    /// Receives some bytes; 0 is the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return (&self.socket).read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.read_tls(&mut &self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            // The handshake at the server's end.
            while tls.wants_write() {
                tls.write_tls(&mut &self.socket)?;
            }
        }
    }
}
