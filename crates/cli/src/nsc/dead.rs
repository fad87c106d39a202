//! Names whose servers cannot be reached: found out by connecting to them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::naming::{self, Settings};
use ferropyro::uri::Protocol;
use ferropyro::{Location, Uri};

use super::list::Row;
use super::parallel;

/// How many are tried at a time.
const AT_A_TIME: usize = 16;

/// The rows whose servers cannot be reached, with the reason. Each server is asked once, and waited for that long.
pub(super) fn only_unreachable(rows: Vec<Row>, settings: &Settings, timeout: Duration) -> Vec<Row> {
    let mut reasons: BTreeMap<String, Option<String>> =
        rows.iter().map(|row| (place(&row.uri).to_owned(), None)).collect();
    let workers = reasons.len().min(AT_A_TIME);
    let worker = || {
        |(place, reason): (&String, &mut Option<String>)| {
            *reason = attempt(place, settings, timeout).err();
            Ok::<(), Infallible>(())
        }
    };
    let Ok(()) = parallel::each(reasons.iter_mut(), workers, worker);
    rows.into_iter()
        .filter_map(|row| {
            let reason = reasons.get(place(&row.uri)).cloned().flatten();
            reason.is_some().then_some(Row { reason, ..row })
        })
        .collect()
}

/// The part of a URI that tells names of the same server: what is behind the object, or for other names the whole.
fn place(uri: &str) -> &str {
    let is_direct = uri.parse::<Uri>().is_ok_and(|uri| uri.protocol() == Protocol::Pyro);
    match uri.rsplit_once('@') {
        Some((_, location)) if is_direct => location,
        _ => uri,
    }
}

fn attempt(place: &str, settings: &Settings, timeout: Duration) -> Result<(), String> {
    let (place, mut settings) = (place.to_owned(), settings.clone());
    settings.config.commtimeout = Some(timeout);
    let (sender, result) = mpsc::channel();
    // The system's search for a host's address has no time limit, so it is left behind when it takes too long.
    thread::spawn(move || sender.send(reach(&place, &settings, Instant::now() + timeout)));
    let silence = || Err(format!("no answer within {} seconds", timeout.as_secs_f64()));
    result.recv_timeout(timeout).unwrap_or_else(|_| silence())
}

fn reach(place: &str, settings: &Settings, deadline: Instant) -> Result<(), String> {
    if let Ok(location) = Location::parse(place, None) {
        return connect(&location, deadline);
    }
    let uri: Uri = place.parse().map_err(|_| "it is no URI of Pyro".to_owned())?;
    let found = naming::resolve_with(&uri, settings).map_err(|error| error.to_string())?;
    match found.location() {
        Some(location) if found.protocol() == Protocol::Pyro => connect(location, deadline),
        // A name behind a name: it is not followed any further.
        _ => Ok(()),
    }
}

fn connect(location: &Location, deadline: Instant) -> Result<(), String> {
    match location {
        Location::Unix(path) => connect_unix(path),
        Location::Tcp { host, port } => {
            let addresses = (host.as_str(), *port)
                .to_socket_addrs()
                .map_err(|error| error.to_string())?;
            let mut reason = format!("{host} has no address");
            for address in addresses {
                let patience = deadline
                    .saturating_duration_since(Instant::now())
                    .max(Duration::from_millis(1));
                match TcpStream::connect_timeout(&address, patience) {
                    Ok(_) => return Ok(()),
                    Err(error) => reason = format!("{address}: {error}"),
                }
            }
            Err(reason)
        }
    }
}

#[cfg(unix)]
fn connect_unix(path: &str) -> Result<(), String> {
    let result = std::os::unix::net::UnixStream::connect(path);
    result.map(drop).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
fn connect_unix(_: &str) -> Result<(), String> {
    Err("this system has no Unix domain sockets".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_server_have_one_place() {
        assert_eq!(place("PYRO:a@host:1"), "host:1");
        assert_eq!(place("PYRO:a@./u:/tmp/x"), "./u:/tmp/x");
        assert_eq!(place("PYRONAME:a@host:1"), "PYRONAME:a@host:1");
        assert_eq!(place("nonsense@x"), "nonsense@x");
    }
}
