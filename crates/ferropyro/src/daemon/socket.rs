//! The socket of a daemon: where it comes from, and what stands in the URIs of its objects.

use std::net::IpAddr;

use crate::config::Config;
#[cfg(unix)]
use crate::transport::ConnectedSocket;
use crate::transport::{Listener, ListeningSocket};
use crate::{Error, ErrorKind, Location, Result};

/// What the program has said about the socket.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) host: Option<String>,
    pub(super) port: u16,
    pub(super) unix_socket: Option<String>,
    pub(super) nat_host: Option<String>,
    pub(super) nat_port: Option<u16>,
    pub(super) listener: Option<ListeningSocket>,
    #[cfg(unix)]
    pub(super) connected: Option<Result<ConnectedSocket>>,
}

/// Where clients come from.
pub(crate) enum Door {
    Listener(Listener),
    /// There is one client, which is connected already.
    #[cfg(unix)]
    Connected(ConnectedSocket),
}

/// An open socket, and how it is called.
pub(super) struct Place {
    pub(super) door: Door,
    pub(super) location: Location,
    /// How clients call it that are on the other side of network address translation.
    pub(super) nat: Option<Location>,
}

impl Choice {
    pub(super) fn open(mut self, config: &Config) -> Result<Place> {
        #[cfg(unix)]
        if let Some(socket) = self.connected.take() {
            return connected(socket?, config);
        }
        let nat_host = self.nat_host.take().or_else(|| config.nathost.clone());
        let nat_port = self.nat_port;
        if nat_host.is_none() && nat_port.is_some() {
            return Err(Error::new(ErrorKind::Value, "must provide natport with nathost"));
        }
        if nat_host.is_some() && self.is_unix() {
            let text = "cannot use nathost together with unixsocket";
            return Err(Error::new(ErrorKind::Value, text));
        }
        let (listener, location) = self.listen(config)?;
        let nat = nat_host.map(|host| external(host, nat_port.unwrap_or(config.natport), &location));
        Ok(Place {
            door: Door::Listener(listener),
            location,
            nat,
        })
    }

    fn is_unix(&self) -> bool {
        match &self.listener {
            Some(listener) => listener.is_unix(),
            None => self.unix_path().is_some(),
        }
    }

    /// No path is none, as in Pyro.
    fn unix_path(&self) -> Option<&str> {
        self.unix_socket.as_deref().filter(|path| !path.is_empty())
    }

    fn listen(self, config: &Config) -> Result<(Listener, Location)> {
        if self.listener.is_some() && (self.port != 0 || self.unix_path().is_some()) {
            let text = "a daemon gets a listening socket, or a port or path to listen on, but not both";
            return Err(Error::new(ErrorKind::Value, text));
        }
        if let Some(socket) = self.listener {
            let location = socket.location(self.host)?;
            return Ok((socket.into(), location));
        }
        if let Some(path) = self.unix_path() {
            return listen_unix(path);
        }
        let host = self.host.unwrap_or_else(|| config.host.clone());
        let listener = Listener::tcp(&host, self.port, config)?;
        let bound = listener.address();
        let location = Location::Tcp {
            port: bound.map_or(self.port, |address| address.port()),
            host: match bound {
                Some(address) if host.is_empty() => address.ip().to_string(),
                _ => host,
            },
        };
        Ok((listener, location))
    }
}

#[cfg(unix)]
fn connected(socket: ConnectedSocket, config: &Config) -> Result<Place> {
    if config.ssl {
        return Err(crate::proxy::connected::no_ssl());
    }
    Ok(Place {
        location: socket.location()?,
        door: Door::Connected(socket),
        nat: None,
    })
}

#[cfg(unix)]
fn listen_unix(path: &str) -> Result<(Listener, Location)> {
    Ok((Listener::unix(path)?, Location::unix(path)))
}

#[cfg(not(unix))]
fn listen_unix(path: &str) -> Result<(Listener, Location)> {
    Err(Error::new(
        ErrorKind::Communication,
        format!("cannot listen on {path}: this system has no Unix domain sockets"),
    ))
}

/// The location for clients outside. Port 0 stands for the one that is bound.
fn external(host: String, port: u16, own: &Location) -> Location {
    let port = match (port, own) {
        (0, Location::Tcp { port, .. }) => *port,
        (port, _) => port,
    };
    Location::Tcp { host, port }
}

impl Place {
    /// What the operator should know about it. `is_protected`: strangers are kept out by TLS or a key.
    pub(super) fn warnings(&self, is_protected: bool) -> Vec<String> {
        let (Door::Listener(listener), Location::Tcp { host, .. }) = (&self.door, &self.location) else {
            return Vec::new();
        };
        let Some(ip) = listener.address().map(|address| address.ip()) else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        if is_loopback_of_v4(ip) && !is_called_local(host) {
            warnings.push(format!("weird DNS setup: {host} resolves to localhost (127.x.x.x)"));
        }
        if ip.is_unspecified() && self.nat.is_none() {
            warnings.push(format!(
                "listening on all network interfaces, so URIs contain {ip}, which leads clients on other machines to themselves: give a nathost that they \
                 can reach, or listen on the address of one interface"
            ));
        }
        if ip.is_unspecified() && !is_protected {
            warnings.push(
                "listening on all network interfaces without TLS and without an HMAC key: everybody who can reach this machine can call its objects"
                    .to_owned(),
            );
        }
        warnings
    }
}

fn is_loopback_of_v4(ip: IpAddr) -> bool {
    ip.is_ipv4() && ip.is_loopback()
}

fn is_called_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str, nat: Option<&str>) -> Place {
        let choice = Choice {
            host: Some(host.to_owned()),
            nat_host: nat.map(str::to_owned),
            ..Choice::default()
        };
        choice.open(&Config::default()).expect("a free port")
    }

    /// The same socket, under another name of the host.
    fn renamed(mut place: Place, host: &str) -> Place {
        place.location = Location::tcp(host, 1);
        place
    }

    // Conformance: DNS-02
    #[test]
    fn a_host_name_that_means_this_machine_alone_is_warned_of() {
        let warnings = renamed(place("127.0.0.1", None), "myhost").warnings(false);
        assert_eq!(warnings, ["weird DNS setup: myhost resolves to localhost (127.x.x.x)"]);
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3"] {
            let warnings = renamed(place("127.0.0.1", None), host).warnings(false);
            assert_eq!(warnings, <[&str; 0]>::default(), "{host}");
        }
    }

    // Conformance: DNS-03
    #[test]
    fn all_interfaces_are_warned_of() {
        let count = |nat, is_protected| place("0.0.0.0", nat).warnings(is_protected).len();
        assert_eq!(count(None, false), 2);
        assert_eq!(count(None, true), 1);
        assert_eq!(count(Some("objects.example.com"), false), 1);
        assert_eq!(count(Some("objects.example.com"), true), 0);
        let [uris, strangers] = &place("0.0.0.0", None).warnings(false)[..] else {
            panic!("there are two")
        };
        assert!(uris.contains("URIs contain 0.0.0.0") && strangers.contains("without TLS and without an HMAC key"));
        assert_eq!(place("", None).location.to_string().split(':').next(), Some("0.0.0.0"));
    }
}
