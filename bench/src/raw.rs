//! The yardstick: bytes go to another process and as many as in a call's reply come back; one write and one read on each side.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::Problem;
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat};

/// The client.
pub(crate) struct Raw<S> {
    stream: S,
    request: Vec<u8>,
    reply: Vec<u8>,
    _server: Helper,
}

impl Raw<TcpStream> {
    pub(crate) fn start(request: usize, reply: usize) -> Result<Self, Problem> {
        let mut server = Helper::start_self(&["serve", "raw", &request.to_string(), &reply.to_string()])?;
        let address = server.line()?;
        Raw::connect(&address, server, request, reply)
    }

    /// Over a connection with a server that answers so many bytes with so many.
    pub(crate) fn connect(address: &str, server: Helper, request: usize, reply: usize) -> Result<Self, Problem> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Raw::over(stream, server, request, reply))
    }
}

#[cfg(unix)]
impl Raw<UnixStream> {
    /// Over a Unix socket, which is made at this path.
    pub(crate) fn start_unix(path: &str, request: usize, reply: usize) -> Result<Self, Problem> {
        let mut server = Helper::start_self(&["serve", "raw-unix", &request.to_string(), &reply.to_string(), path])?;
        let stream = UnixStream::connect(server.line()?)?;
        Ok(Raw::over(stream, server, request, reply))
    }
}

impl<S> Raw<S> {
    fn over(stream: S, server: Helper, request: usize, reply: usize) -> Self {
        Raw {
            stream,
            request: vec![b'.'; request],
            reply: vec![0; reply],
            _server: server,
        }
    }
}

impl<S: Read + Write> Peer for Raw<S> {
    fn call_for(&mut self, time: Duration) -> Result<Sample, Problem> {
        repeat(time, || {
            self.stream.write_all(&self.request)?;
            self.stream.read_exact(&mut self.reply)?; // one read: the reply arrives whole
            Ok(())
        })
    }
}

/// The server's process: serves one client.
pub(crate) fn serve(request: &str, reply: &str) -> Result<(), Problem> {
    end_with_input();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    answer(stream, request, reply)
}

/// The same over a Unix socket.
#[cfg(unix)]
pub(crate) fn serve_unix(request: &str, reply: &str, path: &str) -> Result<(), Problem> {
    end_with_input();
    let listener = UnixListener::bind(path)?;
    println!("{path}");
    let (stream, _) = listener.accept()?;
    answer(stream, request, reply)
}

fn answer(mut stream: impl Read + Write, request: &str, reply: &str) -> Result<(), Problem> {
    let mut request = vec![0; request.parse()?];
    let reply = vec![b'.'; reply.parse()?];
    while stream.read_exact(&mut request).is_ok() {
        stream.write_all(&reply)?;
    }
    Ok(())
}
