//! Finding objects by name without blocking: as [`naming`](crate::naming), whose settings and results these are.

use std::io;
use std::time::Instant;

use tokio::net::UdpSocket;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use super::Proxy;
use crate::logging::logger;
use crate::naming::exchange::{self, Exchange, QUESTION, ROOM, Turn};
use crate::naming::search::{Broadcast, Search, Step};
use crate::naming::{Filter, Listed, NAMESERVER_ID, Patience, Settings, pick};
use crate::uri::Protocol;
use crate::{Error, Location, Result, Uri};

/// Turns a PYRONAME or PYROMETA URI into the PYRO URI of an object, by asking the name server. A PYRO URI comes back as it is.
///
/// # Errors
/// `Naming` when there is no name server, or it knows no such object.
pub async fn resolve<U>(uri: U) -> Result<Uri>
where
    U: TryInto<Uri>,
    Error: From<U::Error>,
{
    resolve_with(&uri.try_into()?, &Settings::default()).await
}

/// As [`resolve`], with settings. The connection to the name server is closed again.
///
/// # Errors
/// As for [`resolve`].
pub(super) async fn resolve_with(uri: &Uri, settings: &Settings) -> Result<Uri> {
    if uri.protocol() == Protocol::Pyro {
        return Ok(uri.clone());
    }
    let nameserver = locate_ns_with(uri.location(), settings).await?;
    let patience = Patience::new(&settings.config);
    loop {
        let found = ask(&nameserver, uri).await;
        match patience.pause_after(&found) {
            Some(pause) => sleep(pause).await,
            None => return found,
        }
    }
}

async fn ask(nameserver: &Proxy, uri: &Uri) -> Result<Uri> {
    let Some(tags) = uri.tags() else {
        return nameserver.call("lookup", (uri.object(),)).await;
    };
    let (method, kwargs) = Filter::all_of(tags).list_call(nameserver.dialect().await?);
    let found = nameserver.call_with::<Listed>(method, (), &kwargs).await?;
    pick(found.into(), tags)
}

/// Finds the name server where, and as, [`naming::locate_ns_with`](crate::naming::locate_ns_with) does. Gives a proxy for it, which has answered a ping.
///
/// # Errors
/// As there.
pub async fn locate_ns_with(location: Option<&Location>, settings: &Settings) -> Result<Proxy> {
    let mut search = Search::new(location, settings);
    while let Some(step) = search.next() {
        let found = match step {
            Step::Connect(location) => attempt(location, settings, &mut search).await,
            Step::Broadcast(broadcast) => ask_network(broadcast, settings, &mut search).await,
        };
        if let Some(nameserver) = found {
            return Ok(nameserver);
        }
    }
    Err(search.into_error())
}

async fn attempt(location: Location, settings: &Settings, search: &mut Search) -> Option<Proxy> {
    tracing::debug!(target: logger::NAMING, "looking for the name server on {location}");
    match connect(location.clone(), settings).await {
        Ok(nameserver) => Some(nameserver),
        Err(failure) => {
            search.failed(&location, failure);
            None
        }
    }
}

async fn ask_network(broadcast: Broadcast, settings: &Settings, search: &mut Search) -> Option<Proxy> {
    tracing::debug!(target: logger::NAMING, "looking for the name server by broadcast, on UDP port {}", broadcast.port);
    // The system's look-up of names blocks.
    let mut exchange = spawn_blocking(|| Exchange::new(broadcast)).await.ok()?;
    let socket = match open() {
        Ok(socket) => socket,
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
                    exchange.asked(index, socket.send_to(QUESTION, target).await);
                }
                exchange.all_asked(Instant::now());
            }
            Turn::Listen(time) => {
                // What an earlier question has met may come back as an error; the next answer is another one.
                let Ok(Ok((length, from))) = timeout(time, socket.recv_from(&mut room)).await else {
                    continue;
                };
                let heard = exchange.heard(room.get(..length).unwrap_or_default(), from);
                let Some(location) = heard else { continue };
                if let Some(nameserver) = attempt(location, settings, search).await {
                    return Some(nameserver);
                }
            }
            Turn::GiveUp => break,
        }
    }
    search.unanswered(&exchange);
    None
}

fn open() -> io::Result<UdpSocket> {
    let socket = exchange::open()?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

async fn connect(location: Location, settings: &Settings) -> Result<Proxy> {
    let nameserver = Proxy::builder()
        .config(settings.config.clone())
        .hmac(settings.hmac_key.clone())
        .pyro4_first(settings.tries_pyro4_first)
        .build_async(Uri::pyro(NAMESERVER_ID, location)?)?;
    nameserver.call::<()>("ping", ()).await?;
    Ok(nameserver)
}
