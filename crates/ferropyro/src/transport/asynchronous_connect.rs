//! Connecting to a server without blocking: the same addresses in the same order as for blocking streams, waited for by tokio.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::AsyncStream;
use super::connect::{HEAD_START, addresses, all_failed, unreachable};
use super::stream::configure;
use crate::config::Config;
use crate::uri::Location;
use crate::{Error, ErrorKind, Result};

impl AsyncStream {
    /// Connects to a location within `limit`. All addresses that the name stands for are tried, the later ones beside those that do not answer.
    ///
    /// The error names each address and why it failed.
    pub(crate) async fn connect(location: &Location, config: &Config, limit: Option<Duration>) -> Result<AsyncStream> {
        match location {
            Location::Tcp { host, port } => connect_tcp(host, *port, config, limit).await,
            Location::Unix(path) => connect_unix(path, limit).await,
        }
    }
}

async fn connect_tcp(host: &str, port: u16, config: &Config, limit: Option<Duration>) -> Result<AsyncStream> {
    let mut race = Race::default();
    let connecting = async {
        race.unfinished = look_up(host, port, config).await?;
        Ok(race.run().await)
    };
    let winner = within(limit, connecting).await.unwrap_or(Ok(None));
    let winner = winner.map_err(|error: io::Error| unreachable(host, port, &error).caused_by(error))?;
    let Some((stream, address)) = winner else {
        return Err(match race.failures() {
            failures if failures.is_empty() && limit.is_some() => no_answer(&format!("('{host}', {port})")),
            failures => all_failed(host, port, failures),
        });
    };
    configure(&socket2::SockRef::from(&stream), config)
        .map_err(|error| all_failed(host, port, vec![(address, error)]))?;
    Ok(AsyncStream::Tcp(stream, address))
}

/// The system's look-up of names blocks.
async fn look_up(host: &str, port: u16, config: &Config) -> io::Result<Vec<SocketAddr>> {
    if host.parse::<IpAddr>().is_ok() {
        return addresses(host, port, config);
    }
    let (host, config) = (host.to_owned(), config.clone());
    spawn_blocking(move || addresses(&host, port, &config)).await?
}

/// Connects to the first of several addresses that answers. Each one has a head start before the next; one that fails has lost it.
#[derive(Default)]
struct Race {
    /// Of which nobody knows yet what comes of them.
    unfinished: Vec<SocketAddr>,
    failures: Vec<(SocketAddr, io::Error)>,
}

impl Race {
    async fn run(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let mut waiting = self.unfinished.clone().into_iter();
        // Those that have lost end with this.
        let mut running = JoinSet::new();
        while let Some(address) = waiting.next() {
            running.spawn(async move { (address, TcpStream::connect(address).await) });
            let head_start = (waiting.len() > 0).then_some(HEAD_START);
            while let Some(Some(finished)) = within(head_start, running.join_next()).await {
                match finished {
                    Ok((address, Ok(stream))) => return Some((stream, address)),
                    Ok((address, Err(error))) => self.fail(address, error),
                    // Nobody stops them, and they do not panic.
                    Err(_) => {}
                }
                if waiting.len() > 0 {
                    break;
                }
            }
        }
        None
    }

    fn fail(&mut self, address: SocketAddr, error: io::Error) {
        self.unfinished.retain(|other| *other != address);
        self.failures.push((address, error));
    }

    /// Why each of them has failed. What is not finished has taken too long.
    fn failures(self) -> Vec<(SocketAddr, io::Error)> {
        let late = self.unfinished.into_iter();
        let late = late.map(|address| (address, io::ErrorKind::TimedOut.into()));
        self.failures.into_iter().chain(late).collect()
    }
}

#[cfg(unix)]
async fn connect_unix(path: &str, limit: Option<Duration>) -> Result<AsyncStream> {
    let connected = within(limit, unix::connect(path)).await;
    let Some(connected) = connected else {
        return Err(no_answer(path));
    };
    connected.map(AsyncStream::Unix).map_err(|error| {
        let text = format!("cannot connect to {path}: {error}");
        Error::new(ErrorKind::Communication, text).caused_by(error)
    })
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use tokio::net::UnixStream;

    use crate::transport::connect::unix_address;

    /// How long to wait before asking a busy server again.
    const PAUSE: Duration = Duration::from_millis(10);

    /// A server that lets nobody in any more, as many wait at its door already, is waited for.
    pub(super) async fn connect(path: &str) -> io::Result<UnixStream> {
        let address = unix_address(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        while let Err(error) = socket.connect(&address) {
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                // Nothing tells when there is room again.
                io::ErrorKind::WouldBlock => tokio::time::sleep(PAUSE).await,
                _ => return Err(error),
            }
        }
        UnixStream::from_std(socket.into())
    }
}

#[cfg(not(unix))]
async fn connect_unix(path: &str, _limit: Option<Duration>) -> Result<AsyncStream> {
    let text = format!("cannot connect to {path}: this system has no Unix domain sockets");
    Err(Error::new(ErrorKind::Communication, text))
}

fn no_answer(place: &str) -> Error {
    let text = format!("cannot connect to {place}: no answer in time");
    Error::new(ErrorKind::Timeout, text)
}

/// What comes of something within a limit; `None` when it takes longer.
pub(crate) async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}
