//! The client's end of a raw socket.

use std::io::{self, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use ferropyro::{Location, Proxy};

use crate::{Error, Result};

/// Read or written at a time.
pub(super) const BLOCK: usize = 256 << 10;
/// How long the other end may be silent, unless the proxy has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// The rest between two calls that keep the proxy's connection from being taken for a dead one.
const PAUSE: Duration = Duration::from_secs(1);

/// What a server offers: a ticket, and where to bring it.
pub(super) type Offer = (String, (String, u16));

/// A connection that has brought its ticket, and its address for error texts.
pub(super) fn connect(proxy: &Proxy, offer: &Offer) -> Result<(TcpStream, String)> {
    let (ticket, (host, port)) = offer;
    let host = reachable(host, proxy)?;
    let address = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let patience = proxy.timeout().unwrap_or(PATIENCE);
    let connected = try_all(&host, *port, patience).and_then(|mut stream| {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(ticket.as_bytes())?;
        Ok(stream)
    });
    match connected {
        Ok(stream) => Ok((stream, address)),
        Err(error) => Err(Error::socket(address)(error)),
    }
}

fn try_all(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A server that listens on all its addresses cannot know which of them is of use here; the one of the calls is.
fn reachable(host: &str, proxy: &Proxy) -> Result<String> {
    if host.is_empty() || host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
        proxy.bind()?;
        if let Some(Location::Tcp { host, .. }) = proxy.uri().location() {
            return Ok(host.clone());
        }
    }
    Ok(host.to_owned())
}

/// Keeps the proxy's connection in use while the bytes go elsewhere: the server might have a limit for silence (COMMTIMEOUT), and an upload ends with
/// its connection.
pub(super) struct Awake<'a> {
    proxy: &'a Proxy,
    last: Instant,
}

impl Awake<'_> {
    pub(super) fn new(proxy: &Proxy) -> Awake<'_> {
        Awake {
            proxy,
            last: Instant::now(),
        }
    }

    /// A call that changes nothing, if it is time for one.
    pub(super) fn keep(&mut self) -> Result<()> {
        if self.last.elapsed() > PAUSE {
            self.proxy.call::<()>("ping", ())?;
            self.last = Instant::now();
        }
        Ok(())
    }
}
