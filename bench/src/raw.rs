//! The yardstick: bytes go to another process and as many as in a call's reply come back; one write and one read on each side.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::Problem;
use crate::peer::{Helper, Peer, Sample, end_with_input, repeat};

pub(crate) struct Raw {
    stream: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
    _server: Helper,
}

impl Raw {
    pub(crate) fn start(request: usize, reply: usize) -> Result<Raw, Problem> {
        let mut server = Helper::start_self(&["serve", "raw", &request.to_string(), &reply.to_string()])?;
        let stream = TcpStream::connect(server.line()?)?;
        stream.set_nodelay(true)?;
        Ok(Raw {
            stream,
            request: vec![b'.'; request],
            reply: vec![0; reply],
            _server: server,
        })
    }
}

impl Peer for Raw {
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
    let mut request = vec![0; request.parse()?];
    let reply = vec![b'.'; reply.parse()?];
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    while stream.read_exact(&mut request).is_ok() {
        stream.write_all(&reply)?;
    }
    Ok(())
}
