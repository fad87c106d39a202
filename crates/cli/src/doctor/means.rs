//! What all checks work with: the settings, the key, and limits of time for whatever may hang.

use std::net::{IpAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::{Config, Error, Location, Proxy, ProxyBuilder, Result, Serializer, Uri, naming};

use super::cause::Cause;

/// How a program of this environment would connect, with a limit of time.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) config: Config,
    pub(super) hmac_key: Option<String>,
    /// The most time for one step.
    pub(super) timeout: Duration,
}

impl Means {
    pub(super) fn new(mut config: Config, hmac_key: Option<String>, timeout: Duration) -> Means {
        config.commtimeout = Some(timeout);
        // A call that is repeated would take the time again.
        config.max_retries = 0;
        Means {
            config,
            hmac_key,
            timeout,
        }
    }

    /// A proxy; without a serializer it has that of the settings.
    pub(super) fn proxy(&self, uri: Uri, serializer: Option<Serializer>) -> Result<Proxy> {
        self.builder(serializer).build(uri)
    }

    /// The settings of a proxy.
    pub(super) fn builder(&self, serializer: Option<Serializer>) -> ProxyBuilder {
        let mut builder = Proxy::builder().config(self.config.clone());
        if let Some(serializer) = serializer {
            builder = builder.serializer(serializer);
        }
        if let Some(key) = &self.hmac_key {
            builder = builder.hmac_key(key);
        }
        builder
    }

    /// How the name server is looked for.
    pub(super) fn naming(&self) -> naming::Settings {
        naming::Settings::new(self.config.clone()).hmac_key(self.hmac_key.as_deref().unwrap_or_default())
    }

    /// Where the name server is looked for first, when nobody says where it is.
    pub(super) fn default_nameserver(&self) -> Location {
        Location::tcp(&self.config.ns_host, self.config.ns_port)
    }

    /// Why a connection did not come about. Pyro5 does not say that it has no keys, only that it speaks no Pyro4.
    pub(super) fn cause(&self, error: &Error) -> Cause {
        match Cause::of(error) {
            Cause::Stranger if self.hmac_key.is_some() && error.to_string().contains(PYRO5_ALONE) => Cause::Key,
            other => other,
        }
    }

    /// The limit for what takes several messages, each of which has `timeout`.
    pub(super) fn patience(&self) -> Duration {
        self.timeout * 3
    }
}

/// What stands in the error of a client that speaks Pyro4 alone, as it has a key, to a server of Pyro5.
const PYRO5_ALONE: &str = "protocol version: 502";

/// What the function gives, if it ends in time. If not, its thread is left alone: it ends with the program.
pub(super) fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, wanted) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    wanted.recv_timeout(limit).ok()
}

/// What a host name stands for.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    /// The addresses in the order of the system, or why there are none.
    pub(super) addresses: std::result::Result<Vec<IpAddr>, String>,
    /// How long the system took.
    pub(super) time: Duration,
}

/// Asks the system, which may ask the network.
pub(super) fn look_up(host: &str, limit: Duration) -> Lookup {
    let start = Instant::now();
    let name = host.to_owned();
    let answer = within(limit, move || (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter));
    let addresses = match answer {
        None => Err(format!("no answer within {} s", limit.as_secs_f64())),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(found)) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.iter().map(|address| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            match addresses.is_empty() {
                true => Err("the name has no address".to_owned()),
                false => Ok(addresses),
            }
        }
    };
    Lookup {
        addresses,
        time: start.elapsed(),
    }
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// 0.0.0.0 or ::, which is no address of a machine.
    Wildcard,
    /// This machine, and on every other machine that one.
    Loopback,
    /// This machine.
    Here,
    /// Another machine.
    Elsewhere,
}

impl Reach {
    pub(super) fn of(address: IpAddr) -> Reach {
        match address.to_canonical() {
            address if address.is_unspecified() => Reach::Wildcard,
            address if address.is_loopback() => Reach::Loopback,
            // Only addresses of this machine can be bound. Nothing is sent to or from there.
            address if UdpSocket::bind((address, 0)).is_ok() => Reach::Here,
            _ => Reach::Elsewhere,
        }
    }

    /// Where the first of these leads that is not on this machine; else where the first one does.
    pub(super) fn of_all(addresses: &[IpAddr]) -> Reach {
        let mut reaches = addresses.iter().copied().map(Reach::of);
        let first = reaches.next().unwrap_or(Reach::Elsewhere);
        match reaches.any(|reach| reach == Reach::Elsewhere) {
            true => Reach::Elsewhere,
            false => first,
        }
    }
}

/// A time for people.
pub(super) fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// A time for programs, in milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// Addresses for people.
pub(super) fn joined(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use ferropyro::ErrorKind;

    use super::*;

    #[test]
    fn what_takes_too_long_is_not_waited_for() {
        let start = Instant::now();
        let (_keep, never) = mpsc::channel::<()>();
        assert!(within(Duration::from_millis(20), move || never.recv().is_ok()).is_none());
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_eq!(within(Duration::from_secs(20), || 5), Some(5));
    }

    #[test]
    fn a_key_for_a_server_that_has_none_is_the_cause() {
        let error = Error::new(ErrorKind::Protocol, "invalid protocol version: 502");
        let means = |key: Option<&str>| Means::new(Config::default(), key.map(str::to_owned), Duration::from_secs(1));
        assert_eq!(means(Some("k")).cause(&error), Cause::Key);
        assert_eq!(means(None).cause(&error), Cause::Stranger);
    }

    #[test]
    fn addresses_lead_where_they_lead() {
        for (address, reach) in [
            ("0.0.0.0", Reach::Wildcard),
            ("::", Reach::Wildcard),
            ("127.0.0.1", Reach::Loopback),
            ("127.0.1.1", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("192.0.2.7", Reach::Elsewhere),
        ] {
            assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}");
        }
        let all = |texts: &[&str]| Reach::of_all(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(all(&["127.0.0.1", "::1"]), Reach::Loopback);
        assert_eq!(all(&["127.0.0.1", "192.0.2.7"]), Reach::Elsewhere);
    }

    #[test]
    fn a_name_that_nobody_knows_has_no_addresses() {
        let lookup = look_up("no such host", Duration::from_secs(20));
        assert!(lookup.addresses.is_err());
        let numeric = look_up("127.0.0.1", Duration::from_secs(20));
        assert_eq!(numeric.addresses, Ok(vec!["127.0.0.1".parse().unwrap()]));
    }
}
