//! Where a name server is looked for, in which order, and why it was in vain. What both clients have in common; nothing here does IO.

use std::collections::VecDeque;
use std::io;

use super::Settings;
use super::exchange::Exchange;
use crate::config::{Config, IpVersion};
use crate::{Error, ErrorKind, Location};

/// What is tried next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// A connection to this location.
    Connect(Location),
    /// A question to the whole network.
    Broadcast(Broadcast),
}

/// The addresses that a broadcast goes to, of IPv4, by number or name; and the port.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broadcast {
    pub(crate) hosts: Vec<String>,
    pub(crate) port: u16,
}

/// A search, and what has come of it so far.
#[derive(Debug)]
pub(crate) struct Search {
    steps: VecDeque<Step>,
    tried: Vec<String>,
    /// The failure that is the cause of all.
    cause: Option<Error>,
    /// Why there was no broadcast, if that may surprise somebody.
    remark: Option<&'static str>,
}

impl Search {
    /// A search at one location; or, without one, at those that the settings tell.
    pub(crate) fn new(location: Option<&Location>, settings: &Settings) -> Search {
        let steps = match location {
            Some(location) => VecDeque::from([Step::Connect(location.clone())]),
            None => steps(settings),
        };
        let may_surprise = location.is_none() && settings.broadcast && !is_loopback(&settings.config.ns_host);
        Search {
            steps,
            tried: Vec::new(),
            cause: None,
            remark: may_surprise.then_some("a broadcast, as NS_HOST is set"),
        }
    }

    /// What to try now; `None` when all was in vain.
    pub(crate) fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// There is no name server at this location, or none that one could talk to.
    pub(crate) fn failed(&mut self, location: &Location, failure: Error) {
        let before = self.tried.len();
        self.tried.extend(failure.tried().map(str::to_owned));
        if self.tried.len() == before {
            self.tried.push(with_place(location, &failure));
        }
        // One who was there and refused is more of a cause than one who was not.
        if !is_absence(&failure) || self.cause.as_ref().is_none_or(is_absence) {
            self.cause = Some(failure);
        }
    }

    /// The broadcast has led to none.
    pub(crate) fn unanswered(&mut self, exchange: &Exchange) {
        self.tried.extend(exchange.verdict());
    }

    /// The error that tells of all of it.
    pub(crate) fn into_error(self) -> Error {
        let mut error = Error::new(ErrorKind::Naming, "Failed to locate the nameserver").having_tried(self.tried);
        if let Some(remark) = self.remark {
            error = error.with("not tried", remark);
        }
        match self.cause {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}

/// As in Pyro: first this machine, if NS_HOST means that; then a broadcast; then NS_HOST and NS_PORT, whatever was tried before. But with another NS_HOST
/// there is no broadcast, as Pyro's manual has it.
fn steps(settings: &Settings) -> VecDeque<Step> {
    let config = &settings.config;
    let first_port = settings.port.unwrap_or(config.ns_port);
    let mut steps = VecDeque::new();
    if !is_loopback(&config.ns_host) {
        steps.push_back(Step::Connect(location(&config.ns_host, first_port)));
        return steps;
    }
    steps.push_back(Step::Connect(location(&config.ns_host, first_port)));
    // Where Debian puts a host's own name, since a name server bound to that is not on 127.0.0.1.
    if cfg!(target_os = "linux") && matches!(config.ns_host.as_str(), "localhost" | "127.0.0.1") {
        steps.push_back(Step::Connect(location("127.0.1.1", first_port)));
    }
    let hosts = broadcast_hosts(config);
    let is_broadcast = settings.broadcast && config.prefer_ip_version != IpVersion::V6 && !hosts.is_empty();
    if is_broadcast {
        let port = settings.port.unwrap_or(config.ns_bcport);
        steps.push_back(Step::Broadcast(Broadcast { hosts, port }));
    }
    // It may have been started in the meantime.
    if is_broadcast || first_port != config.ns_port {
        steps.push_back(Step::Connect(location(&config.ns_host, config.ns_port)));
    }
    steps
}

/// BROADCAST_ADDRS without Python's special words.
fn broadcast_hosts(config: &Config) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for address in &config.broadcast_addrs {
        let host = match address.as_str() {
            "<broadcast>" => "255.255.255.255",
            "" => "0.0.0.0",
            other => other,
        };
        if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }
    hosts
}

/// Pyro takes `./u:PATH` for a host as well.
fn location(host: &str, port: u16) -> Location {
    match host.strip_prefix("./u:") {
        Some(path) => Location::unix(path),
        None => Location::tcp(host, port),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host == "::1" || host.starts_with("127.")
}

/// Most texts have the address in them, in Python's way.
fn with_place(location: &Location, failure: &Error) -> String {
    let text = failure.to_string();
    let place = match location {
        Location::Tcp { host, port } => format!("('{host}', {port})"),
        Location::Unix(path) => path.clone(),
    };
    match text.contains(&place) {
        true => text,
        false => format!("{location}: {text}"),
    }
}

/// Whether it is the failure of a connection that nobody has accepted.
fn is_absence(failure: &Error) -> bool {
    let source = std::error::Error::source(failure);
    failure.tried().next().is_some() || source.is_some_and(|source| source.is::<io::Error>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(settings: &Settings) -> Vec<Step> {
        steps(settings).into()
    }

    fn connect(host: &str, port: u16) -> Step {
        Step::Connect(Location::tcp(host, port))
    }

    fn broadcast(hosts: &[&str], port: u16) -> Step {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Step::Broadcast(Broadcast { hosts, port })
    }

    const EVERYWHERE: [&str; 2] = ["255.255.255.255", "0.0.0.0"];

    // Conformance: LOC-02, LOC-09
    #[test]
    fn this_machine_comes_first_and_then_the_network_and_then_this_machine_again() {
        for host in ["127.0.0.2", "::1", "LocalHost"] {
            let settings = Settings::new(Config::default().ns_host(host));
            let expected = [connect(host, 9090), broadcast(&EVERYWHERE, 9091), connect(host, 9090)];
            assert_eq!(plan(&settings), expected);
        }
        let steps = plan(&Settings::default());
        assert_eq!(steps.first(), Some(&connect("localhost", 9090)));
        assert_eq!(steps.contains(&connect("127.0.1.1", 9090)), cfg!(target_os = "linux"));
    }

    // Conformance: LOC-03, LOC-04, LOC-07
    #[test]
    fn there_is_no_broadcast_if_it_is_said_where_the_name_server_is_or_that_there_shall_be_none() {
        let place = Location::tcp("192.0.2.1", 9090);
        let mut search = Search::new(Some(&place), &Settings::default());
        assert_eq!(search.next(), Some(Step::Connect(place)));
        assert_eq!(search.next(), None);
        let elsewhere = Config::default().ns_host("192.0.2.1");
        assert_eq!(plan(&Settings::new(elsewhere.clone())), [connect("192.0.2.1", 9090)]);
        assert_eq!(
            plan(&Settings::new(elsewhere).port(29991)),
            [connect("192.0.2.1", 29991)]
        );
        let here = Config::default().ns_host("127.0.0.2");
        let without = Settings::new(here.clone()).broadcast(false);
        assert_eq!(plan(&without), [connect("127.0.0.2", 9090)]);
        assert_eq!(
            plan(&without.port(29991)),
            [connect("127.0.0.2", 29991), connect("127.0.0.2", 9090)]
        );
        let ipv6 = here.clone().prefer_ip_version(IpVersion::V6);
        assert_eq!(plan(&Settings::new(ipv6)), [connect("127.0.0.2", 9090)]);
        let nowhere = here.broadcast_addrs(Vec::new());
        assert_eq!(plan(&Settings::new(nowhere)), [connect("127.0.0.2", 9090)]);
    }

    // Conformance: LOC-05, LOC-06
    #[test]
    fn a_port_without_a_host_is_that_of_the_broadcast() {
        let config = Config::default().ns_host("127.0.0.2").ns_port(1u16).ns_bcport(2u16);
        let expected = [
            connect("127.0.0.2", 1),
            broadcast(&EVERYWHERE, 2),
            connect("127.0.0.2", 1),
        ];
        assert_eq!(plan(&Settings::new(config.clone())), expected);
        let expected = [
            connect("127.0.0.2", 3),
            broadcast(&EVERYWHERE, 3),
            connect("127.0.0.2", 1),
        ];
        assert_eq!(plan(&Settings::new(config).port(3)), expected);
    }

    #[test]
    fn a_unix_socket_can_be_the_host_of_the_name_server() {
        let settings = Settings::new(Config::default().ns_host("./u:/run/names.sock"));
        assert_eq!(plan(&settings), [Step::Connect(Location::unix("/run/names.sock"))]);
    }

    // Conformance: LOC-08
    #[test]
    fn pythons_words_for_broadcast_addresses_are_understood() {
        let hosts = |addresses: &[&str]| {
            let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
            broadcast_hosts(&Config::default().broadcast_addrs(addresses))
        };
        assert_eq!(
            hosts(&["<broadcast>", "192.0.2.255"]),
            ["255.255.255.255", "192.0.2.255"]
        );
        assert_eq!(hosts(&["", "0.0.0.0", "some.host"]), ["0.0.0.0", "some.host"]);
    }

    // Conformance: LOC-10, LOC-14
    #[test]
    fn the_error_names_every_failure_once_and_has_the_most_telling_one_as_its_cause() {
        let place = Location::tcp("localhost", 9090);
        let absent = || {
            let error = Error::new(
                ErrorKind::Communication,
                "cannot connect to ('localhost', 9090): refused",
            );
            error.having_tried(vec!["127.0.0.1:9090: refused".to_owned()])
        };
        let mut search = Search::new(None, &Settings::new(Config::default().ns_host("192.0.2.1")));
        search.failed(&place, absent());
        search.failed(&place, Error::new(ErrorKind::Protocol, "invalid protocol version: 47"));
        search.failed(
            &place,
            Error::new(
                ErrorKind::Security,
                "cannot connect to ('localhost', 9090): message hmac mismatch",
            ),
        );
        search.failed(&place, absent());
        let error = search.into_error();
        assert_eq!(error.message(), "Failed to locate the nameserver");
        assert_eq!(
            error.to_string(),
            "Failed to locate the nameserver; tried: 127.0.0.1:9090: refused; tried: localhost:9090: invalid protocol version: 47; \
             tried: cannot connect to ('localhost', 9090): message hmac mismatch; not tried: a broadcast, as NS_HOST is set"
        );
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<Error>());
        assert_eq!(cause.map(Error::kind), Some(ErrorKind::Security));
    }
}
