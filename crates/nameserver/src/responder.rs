//! The broadcast responder: tells clients that ask the whole network where the name server is (Pyro's `BroadcastServer`).

mod rations;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use ferropyro::logging::logger;
use ferropyro::{Daemon, Error, ErrorKind, Location, Result, Uri};
use rations::Rations;
use socket2::{Domain, Protocol, Socket, Type};

/// All that a client asks.
const QUESTION: &[u8] = b"GET_NSURI";
/// Enough to see that a datagram is longer than the question.
const ROOM: usize = QUESTION.len() + 1;
/// After an error of the socket.
const PAUSE: Duration = Duration::from_millis(10);

/// Where a responder is to listen.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// `None` or empty: on all interfaces.
    pub(crate) host: Option<String>,
    /// 0: a free one.
    pub(crate) port: u16,
    /// Whether others may listen on the same port (SOCK_REUSE).
    pub(crate) is_shared: bool,
}

/// Why there is no responder for a name server that could have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// IPv6 has no broadcast.
    Ipv6,
    /// Nobody on another machine can reach it.
    Localhost,
}

impl Reason {
    /// What speaks against a responder for a name server that listens there.
    pub(crate) fn at(address: SocketAddr) -> Option<Reason> {
        match address.ip() {
            IpAddr::V6(_) => Some(Reason::Ipv6),
            IpAddr::V4(ip) if ip.is_loopback() => Some(Reason::Localhost),
            IpAddr::V4(_) => None,
        }
    }

    /// Pyro's line on the console.
    pub(crate) fn line(self) -> &'static str {
        match self {
            Reason::Ipv6 => "Not starting broadcast server for IPv6.",
            Reason::Localhost => "Not starting broadcast server for localhost.",
        }
    }
}

/// Where a responder listens.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    /// The host as it was given, and the port that is bound.
    pub(crate) location: Location,
    /// The same in numbers.
    pub(crate) address: SocketAddr,
    /// The number of the socket, which is open as long as the daemon serves.
    #[cfg(unix)]
    pub(crate) descriptor: std::os::fd::RawFd,
}

/// Starts a responder for a name server's daemon where that makes sense; it runs with it. `uri` is that of the name server without address translation: whoever hears a
/// broadcast is inside.
///
/// # Errors
/// `Communication` when it cannot listen, with what to do about it.
pub(crate) fn start(
    place: Option<Place>,
    daemon: &Daemon,
    uri: &Uri,
    warn: &dyn Fn(&str),
) -> Result<Option<Listening>> {
    let (Some(place), Some(bound)) = (place, daemon.address()) else {
        return Ok(None);
    };
    if Reason::at(bound).is_some() {
        return Ok(None);
    }
    let responder = Responder::bind(&place)?;
    if let Some(text) = responder.warning() {
        warn(&text);
    }
    let listening = responder.listening.clone();
    daemon.accompany(responder.serve(uri.clone(), bound));
    Ok(Some(listening))
}

/// A socket that listens.
#[derive(Debug)]
struct Responder {
    socket: UdpSocket,
    listening: Listening,
    /// Whether somebody else listens on the same port.
    has_neighbour: bool,
}

impl Responder {
    /// A responder that listens; what it hears waits until [`serve`](Responder::serve).
    ///
    /// # Errors
    /// `Communication` when that cannot be, with what to do about it.
    fn bind(place: &Place) -> Result<Responder> {
        let host = place.host.as_deref().filter(|host| !host.is_empty());
        let cannot = |error: io::Error| cannot_listen(host, place.port, error);
        let wanted = resolve(host, place.port).map_err(cannot)?;
        // Who may share a port is not told that it does: so it is tried first whether the port is free.
        let is_taken = place.is_shared && is_in_use(&open(wanted, false));
        let socket = open(wanted, place.is_shared).map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        let shown = host.map_or_else(|| address.ip().to_string(), str::to_owned);
        let location = Location::tcp(shown, address.port());
        tracing::info!(target: logger::NAMING, "the broadcast responder listens on {location}");
        let listening = Listening {
            location,
            address,
            #[cfg(unix)]
            descriptor: std::os::fd::AsRawFd::as_raw_fd(&socket),
        };
        Ok(Responder {
            socket,
            listening,
            has_neighbour: is_taken,
        })
    }

    /// What the operator should know about it.
    fn warning(&self) -> Option<String> {
        self.has_neighbour.then(|| {
            format!(
                "another program listens on UDP port {} of this machine too, probably another name server: clients that broadcast find either of them",
                self.listening.address.port()
            )
        })
    }

    /// Answers until it is dropped. `uri` is that of the name server, and `bound` where that listens.
    async fn serve(self, uri: Uri, bound: SocketAddr) {
        let socket = match tokio::net::UdpSocket::from_std(self.socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(target: logger::NAMING, "the broadcast responder on {} cannot run: {error}", self.listening.location);
                return;
            }
        };
        let mut rations = Rations::new(Instant::now());
        let mut question = [0; ROOM];
        loop {
            // What an earlier answer has met comes back as an error here; the next question is another one.
            let Ok((length, asker)) = socket.recv_from(&mut question).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            if question.get(..length) != Some(QUESTION) || !rations.grant(asker.ip(), Instant::now()) {
                continue;
            }
            let Some(answer) = answer(&uri, bound, asker) else {
                continue;
            };
            tracing::debug!(target: logger::NAMING, "{asker} broadcasts for a name server and is told {answer}");
            // Whoever asked asks again.
            let _ = socket.send_to(&latin1(&answer), asker).await;
        }
    }
}

/// The URI for somebody who asks from there: with the address of the interface that leads there, if the name server listens on all of them.
fn answer(uri: &Uri, bound: SocketAddr, asker: SocketAddr) -> Option<String> {
    if !bound.ip().is_unspecified() {
        return Some(uri.to_string());
    }
    let host = interface_to(asker).ok().filter(|ip| !ip.is_unspecified())?;
    let location = Location::tcp(host.to_string(), bound.port());
    Some(Uri::pyro(uri.object(), location).ok()?.to_string())
}

/// The own address from which datagrams to that one would be sent. None is.
fn interface_to(asker: SocketAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(asker)?;
    Ok(socket.local_addr()?.ip())
}

/// Pyro reads answers as Latin-1; host names with other characters could not be resolved anyway.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}

fn resolve(host: Option<&str>, port: u16) -> io::Result<SocketAddr> {
    let Some(host) = host else {
        return Ok((Ipv4Addr::UNSPECIFIED, port).into());
    };
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    first.copied().ok_or_else(none)
}

fn open(address: SocketAddr, is_shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    // On Windows that would let others take the port away.
    if is_shared && cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn is_in_use(result: &io::Result<UdpSocket>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

fn cannot_listen(host: Option<&str>, port: u16, error: io::Error) -> Error {
    let location = Location::tcp(host.unwrap_or("0.0.0.0"), port);
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "choose another port (--bcport, NS_BCPORT), which the clients must be told, or start no responder (-x, or broadcast(false) in a program)"
        }
        _ => {
            "give an address of this machine (--bchost, NS_BCHOST), or start no responder (-x, or broadcast(false) in a program)"
        }
    };
    let text = format!("cannot listen for broadcasts on {location} (UDP): {error}; {advice}");
    Error::new(ErrorKind::Communication, text).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("a URI")
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    // Conformance: NS-23, NS-24
    #[test]
    fn the_answer_has_an_address_that_the_asker_can_use() {
        let here = address("127.0.0.1:4711");
        let one = uri("PYRO:Pyro.NameServer@myhost:9090");
        let told = answer(&one, address("192.0.2.1:9090"), here);
        assert_eq!(told.as_deref(), Some("PYRO:Pyro.NameServer@myhost:9090"));
        let all = uri("PYRO:Pyro.NameServer@0.0.0.0:9090");
        let told = answer(&all, address("0.0.0.0:9090"), here);
        assert_eq!(told.as_deref(), Some("PYRO:Pyro.NameServer@127.0.0.1:9090"));
        // The name decides nothing: this one stands for all interfaces too.
        let told = answer(&uri("PYRO:Pyro.NameServer@0:9090"), address("0.0.0.0:9090"), here);
        assert_eq!(told.as_deref(), Some("PYRO:Pyro.NameServer@127.0.0.1:9090"));
    }

    // Conformance: NS-15
    #[test]
    fn there_is_no_responder_for_loopback_addresses_and_ipv6() {
        for text in ["127.0.0.1:1", "127.0.1.1:1", "127.255.1.2:1"] {
            assert_eq!(Reason::at(address(text)), Some(Reason::Localhost));
        }
        for text in ["[::1]:1", "[2001:db8::1]:1", "[::]:1"] {
            assert_eq!(Reason::at(address(text)), Some(Reason::Ipv6));
        }
        for text in ["0.0.0.0:1", "192.0.2.1:1"] {
            assert_eq!(Reason::at(address(text)), None);
        }
    }

    #[test]
    fn who_cannot_have_the_port_is_told_what_to_do() {
        let holder = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = holder.local_addr().expect("an address").port();
        for is_shared in [false, true] {
            let place = Place {
                host: Some("127.0.0.1".to_owned()),
                port,
                is_shared,
            };
            let error = Responder::bind(&place).expect_err("the holder does not share");
            assert_eq!(error.kind(), ErrorKind::Communication);
            let text = error.message();
            assert!(text.contains(&format!("127.0.0.1:{port} (UDP)")), "{text}");
            assert!(text.contains("--bcport") && text.contains("-x"), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_shares_the_port_with_another_is_told() {
        let place = |port| Place {
            host: Some("127.0.0.1".to_owned()),
            port,
            is_shared: true,
        };
        let first = Responder::bind(&place(0)).expect("a free port");
        assert_eq!(first.warning(), None);
        let second = Responder::bind(&place(first.listening.address.port())).expect("they share");
        assert!(
            second
                .warning()
                .is_some_and(|text| text.contains("another program listens"))
        );
    }
}
