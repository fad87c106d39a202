//! Finding a name server, blocking.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::exchange::{self, Exchange, QUESTION, ROOM, Turn};
use super::search::{Broadcast, Search, Step};
use super::{NAMESERVER_ID, NameServer, Settings};
use crate::logging::logger;
use crate::{Location, Proxy, Result, Uri};

/// Finds the name server with the default configuration: on localhost, port 9090, or else by asking the network.
///
/// # Errors
/// As for [`locate_ns_with`].
pub fn locate_ns() -> Result<NameServer> {
    locate_ns_with(None, &Settings::default())
}

/// Finds the name server at a location; or without one
///
/// 1. at NS_HOST and NS_PORT, when NS_HOST is something else than `localhost` or a loopback address: only there;
/// 2. otherwise on this machine first; then by broadcast, which asks the addresses of BROADCAST_ADDRS on UDP port NS_BCPORT three times and waits 0.7 seconds each time for
///    the first answer that leads to a name server; then at NS_HOST and NS_PORT once more.
///
/// Whoever hears a broadcast can answer it, and nobody checks who that is: where not everybody on the network can be trusted, say where the name server is, or use TLS
/// or a key.
///
/// # Errors
/// `Naming` with the text `Failed to locate the nameserver`, all that was tried, why each attempt failed, and the cause.
pub fn locate_ns_with(location: Option<&Location>, settings: &Settings) -> Result<NameServer> {
    let mut search = Search::new(location, settings);
    while let Some(step) = search.next() {
        let found = match step {
            Step::Connect(location) => attempt(location, settings, &mut search),
            Step::Broadcast(broadcast) => ask_network(broadcast, settings, &mut search),
        };
        if let Some(nameserver) = found {
            return Ok(nameserver);
        }
    }
    Err(search.into_error())
}

fn attempt(location: Location, settings: &Settings, search: &mut Search) -> Option<NameServer> {
    tracing::debug!(target: logger::NAMING, "looking for the name server on {location}");
    match connect(&location, settings) {
        Ok(nameserver) => Some(nameserver),
        Err(failure) => {
            search.failed(&location, failure);
            None
        }
    }
}

fn ask_network(broadcast: Broadcast, settings: &Settings, search: &mut Search) -> Option<NameServer> {
    tracing::debug!(target: logger::NAMING, "looking for the name server by broadcast, on UDP port {}", broadcast.port);
    let mut exchange = Exchange::new(broadcast);
    let socket = match exchange::open() {
        Ok(socket) => UdpSocket::from(socket),
        Err(error) => {
            search.unanswered(&exchange.impossible(error));
            return None;
        }
    };
    let mut room = [0; ROOM];
    loop {
        match exchange.turn(Instant::now()) {
            Turn::Ask => {
                for (index, target) in exchange.targets() {
                    exchange.asked(index, socket.send_to(QUESTION, target));
                }
                exchange.all_asked(Instant::now());
            }
            Turn::Listen(time) => {
                // What an earlier question has met may come back as an error; the next answer is another one.
                let Ok((length, from)) = receive(&socket, &mut room, time) else {
                    continue;
                };
                let heard = exchange.heard(room.get(..length).unwrap_or_default(), from);
                if let Some(nameserver) = heard.and_then(|location| attempt(location, settings, search)) {
                    return Some(nameserver);
                }
            }
            Turn::GiveUp => break,
        }
    }
    search.unanswered(&exchange);
    None
}

fn receive(socket: &UdpSocket, room: &mut [u8], time: Duration) -> io::Result<(usize, SocketAddr)> {
    socket.set_read_timeout(Some(time))?;
    socket.recv_from(room)
}

fn connect(location: &Location, settings: &Settings) -> Result<NameServer> {
    let uri = Uri::pyro(NAMESERVER_ID, location.clone())?;
    let proxy = Proxy::builder()
        .config(settings.config.clone())
        .hmac(settings.hmac_key.clone())
        .pyro4_first(settings.tries_pyro4_first)
        .build(uri)?;
    let nameserver = NameServer::new(proxy);
    nameserver.ping()?;
    Ok(nameserver)
}
