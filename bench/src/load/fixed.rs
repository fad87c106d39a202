//! The yardstick of servers: one thread with an event loop that answers every request, whatever is in it, with the same bytes.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};
use socket2::{Domain, SockAddr, Socket, Type};

use super::channel::Channel;
use super::transport::{server_config, setting};
use crate::Problem;
use crate::peer::{Helper, end_with_input};

const LISTENER: Token = Token(usize::MAX);

/// Starts the server's process, with settings as those of the other servers, and gives its URI.
pub(crate) fn start_server(request: usize, reply: usize, settings: &[&str]) -> Result<(Helper, String), Problem> {
    let (request, reply) = (request.to_string(), reply.to_string());
    let mut server = Helper::start_self(&[&["serve", "fixed", &request, &reply], settings].concat())?;
    let uri = server.line()?;
    Ok((server, uri))
}

/// The server's process.
pub(crate) fn serve(request: &str, reply: &str, settings: &[&str]) -> Result<(), Problem> {
    end_with_input();
    let (listener, address) = listen(settings)?;
    println!("PYRO:fixed@{address}");
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut SourceFd(&listener.as_raw_fd()), LISTENER, Interest::READABLE)?;
    let mut server = Server {
        listener,
        tls: server_config(settings)?,
        request: request.parse()?,
        reply: vec![b'.'; reply.parse()?],
        buffer: vec![0; 64 << 10],
        clients: Vec::new(),
    };
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&poll)?,
                Token(index) => server.answer(index),
            }
        }
    }
}

fn listen(settings: &[&str]) -> Result<(Socket, String), Problem> {
    let (listener, address) = match setting(settings, "unixsocket") {
        Some(path) => {
            let listener = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            listener.bind(&SockAddr::unix(path)?)?;
            (listener, format!("./u:{path}"))
        }
        None => {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            listener.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
            let address = listener.local_addr()?.as_socket().ok_or("no address")?;
            (listener, address.to_string())
        }
    };
    listener.listen(1024)?;
    listener.set_nonblocking(true)?;
    Ok((listener, address))
}

struct Server {
    listener: Socket,
    tls: Option<Arc<ServerConfig>>,
    /// Bytes of a request.
    request: usize,
    reply: Vec<u8>,
    buffer: Vec<u8>,
    /// With the bytes of the next request that have arrived; `None` has gone.
    clients: Vec<Option<(Channel, usize)>>,
}

impl Server {
    fn accept(&mut self, poll: &Poll) -> Result<(), Problem> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if socket.domain()? == Domain::IPV4 {
                socket.set_tcp_nodelay(true)?;
            }
            let tls = match &self.tls {
                Some(config) => Some(ServerConnection::new(Arc::clone(config))?.into()),
                None => None,
            };
            let client = Channel::new(socket, tls);
            client.watch(poll.registry(), self.clients.len())?;
            self.clients.push(Some((client, 0)));
        }
    }

    /// Something has arrived from a client.
    fn answer(&mut self, index: usize) {
        if let Some(Some((client, arrived))) = self.clients.get_mut(index)
            && let Ok(true) = exchange(client, arrived, self.request, &self.reply, &mut self.buffer)
        {
            return;
        }
        self.clients[index] = None;
    }
}

/// Answers what is complete. False when the client has gone.
fn exchange(
    client: &mut Channel,
    arrived: &mut usize,
    request: usize,
    reply: &[u8],
    buffer: &mut [u8],
) -> io::Result<bool> {
    loop {
        match client.receive(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => *arrived += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
        if *arrived >= request {
            *arrived -= request;
            client.send(reply)?;
            // Its client sends nothing more before it has this answer.
            return Ok(true);
        }
    }
}
