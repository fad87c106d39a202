//! A client without manners.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use ferropyro::Dialect;
use ferropyro::wire::{Deframer, Flags, MessageKind};
use socket2::{Domain, SockRef, Socket, Type};

use crate::Problem;
use crate::frames::{hello, invoke};
use crate::trial::PATIENCE;

/// A connection over which anything can be sent.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    dialect: Dialect,
    deframer: Deframer,
    bytes: Vec<u8>,
    seq: u16,
}

/// What came over it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) kind: MessageKind,
    pub(crate) is_exception: bool,
    pub(crate) payload: Vec<u8>,
}

impl Received {
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.payload.windows(text.len()).any(|window| window == text.as_bytes())
    }

    pub(crate) fn is_result(&self) -> bool {
        self.kind == MessageKind::RESULT && !self.is_exception
    }
}

impl Raw {
    pub(crate) fn connect(address: SocketAddr, dialect: Dialect) -> Result<Raw, Problem> {
        Raw::over(TcpStream::connect(address)?, dialect)
    }

    /// From another of the machine's own addresses each time, because each has only so many ports.
    pub(crate) fn connect_from(index: usize, address: SocketAddr, dialect: Dialect) -> Result<Raw, Problem> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let own = Ipv4Addr::new(127, 0, 1, 1 + (index % 200) as u8);
        socket.bind(&SocketAddr::from((own, 0)).into())?;
        socket.connect(&address.into())?;
        Raw::over(socket.into(), dialect)
    }

    fn over(stream: TcpStream, dialect: Dialect) -> Result<Raw, Problem> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Raw {
            stream,
            dialect,
            deframer: Deframer::for_dialect(dialect),
            bytes: Vec::new(),
            seq: 0,
        })
    }

    /// One that has passed the handshake.
    pub(crate) fn greeted(address: SocketAddr, dialect: Dialect) -> Result<Raw, Problem> {
        Raw::connect(address, dialect)?.greet()
    }

    pub(crate) fn greet(mut self) -> Result<Raw, Problem> {
        let hello = hello(self.dialect);
        self.stream.write_all(&hello)?;
        match self.receive()? {
            Some(answer) if answer.kind == MessageKind::CONNECTOK => Ok(self),
            Some(answer) => Err(format!("refused: {}", String::from_utf8_lossy(&answer.payload)).into()),
            None => Err("the server has closed the connection".into()),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a call and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, args: &str) -> Result<Received, Problem> {
        self.begin(method, args)?;
        self.receive()?.ok_or_else(|| "closed, and no answer".into())
    }

    /// Sends a call.
    pub(crate) fn begin(&mut self, method: &str, args: &str) -> Result<(), Problem> {
        self.seq = self.seq.wrapping_add(1);
        Ok(self.stream.write_all(&invoke(self.dialect, self.seq, method, args))?)
    }

    /// The next message; `None` when the server has closed the connection.
    pub(crate) fn receive(&mut self) -> Result<Option<Received>, Problem> {
        self.receive_in_pieces(64 << 10, Duration::ZERO)
    }

    /// The same, in pieces of so many bytes at the most, and with a pause before each.
    pub(crate) fn receive_in_pieces(&mut self, size: usize, pause: Duration) -> Result<Option<Received>, Problem> {
        let mut piece = vec![0; size];
        loop {
            if let Some((length, message)) = self.deframer.next(&self.bytes)? {
                let received = Received {
                    kind: message.header.kind,
                    is_exception: message.header.flags.contains(Flags::EXCEPTION),
                    payload: message.payload.to_vec(),
                };
                self.bytes.drain(..length);
                return Ok(Some(received));
            }
            thread::sleep(pause);
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => self.bytes.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends the end, and waits for that of the server. What it still says does not matter.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error),
        }
        match io::copy(&mut self.stream, &mut io::sink()) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether the server has closed the connection, as far as is known at this moment.
    pub(crate) fn is_closed(&mut self) -> bool {
        let _ = self.stream.set_nonblocking(true);
        let read = self.stream.read(&mut [0; 256]);
        let _ = self.stream.set_nonblocking(false);
        !read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Hangs up so that the other side gets an error.
    pub(crate) fn reset(self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }
}
