//! The exchange of datagrams with which a client finds a name server by asking the whole network: one question, several times, and answers from
//! anybody. What both clients have in common; nothing here does IO or looks at a clock.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::NAMESERVER_ID;
use super::search::Broadcast;
use crate::uri;
use crate::{Location, Result, Uri};

/// All that a client asks.
pub(crate) const QUESTION: &[u8] = b"GET_NSURI";
/// The longest answer that Pyro takes, in bytes; and one more, to see that there is no more.
pub(crate) const ROOM: usize = 101;
/// How often it is asked, and how long it is waited for an answer each time. Both are Pyro's.
const ROUNDS: u32 = 3;
const ROUND: Duration = Duration::from_millis(700);
/// So many name servers are tried that answer but cannot be talked to.
const MAX_ANSWERS: usize = 8;

/// What to do now.
#[derive(Debug, PartialEq)]
pub(crate) enum Turn {
    /// Send the question to all of [`Exchange::targets`], and say what came of it with [`Exchange::asked`].
    Ask,
    /// Wait for a datagram for so long, and hand it to [`Exchange::heard`].
    Listen(Duration),
    /// Nobody has answered who could be talked to.
    GiveUp,
}

/// An exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    targets: Vec<Target>,
    port: u16,
    rounds: u32,
    /// When this round ends.
    until: Option<Instant>,
    /// Where the answers so far lead.
    answers: Vec<Location>,
    ignored: usize,
    /// The first of those, and why.
    first_ignored: Option<String>,
    /// Why there is no exchange at all.
    problem: Option<io::Error>,
}

/// An address that is asked.
#[derive(Debug)]
struct Target {
    host: String,
    address: Option<SocketAddr>,
    /// What has come of sending; `Ok` when it has been sent once.
    outcome: io::Result<()>,
}

impl Exchange {
    /// The exchange of a broadcast. Names are resolved, which may take its time.
    pub(crate) fn new(broadcast: Broadcast) -> Exchange {
        let port = broadcast.port;
        Exchange {
            targets: broadcast
                .hosts
                .into_iter()
                .map(|host| Target::new(host, port))
                .collect(),
            port,
            rounds: 0,
            until: None,
            answers: Vec::new(),
            ignored: 0,
            first_ignored: None,
            problem: None,
        }
    }

    /// One that cannot take place.
    pub(crate) fn impossible(mut self, problem: io::Error) -> Exchange {
        self.problem = Some(problem);
        self
    }

    /// What to do at this time.
    pub(crate) fn turn(&mut self, now: Instant) -> Turn {
        let left = self.until.map(|until| until.saturating_duration_since(now));
        match left.filter(|left| !left.is_zero()) {
            _ if self.problem.is_some() || self.answers.len() >= MAX_ANSWERS => Turn::GiveUp,
            Some(left) => Turn::Listen(left),
            // Where nothing can be sent, nothing is to be waited for.
            None if self.rounds >= ROUNDS || (self.rounds > 0 && !self.is_out()) => Turn::GiveUp,
            None => {
                self.rounds += 1;
                Turn::Ask
            }
        }
    }

    /// Where the question goes, by number.
    pub(crate) fn targets(&self) -> Vec<(usize, SocketAddr)> {
        let targets = self.targets.iter().enumerate();
        targets
            .filter_map(|(index, target)| Some((index, target.address?)))
            .collect()
    }

    /// What came of sending it to that one.
    pub(crate) fn asked(&mut self, index: usize, outcome: io::Result<usize>) {
        if let Some(target) = self.targets.get_mut(index)
            && (outcome.is_ok() || target.outcome.is_err())
        {
            target.outcome = outcome.map(|_| ());
        }
    }

    /// The question has been sent to all. The answers have so much time from now on.
    pub(crate) fn all_asked(&mut self, now: Instant) {
        self.until = self.is_out().then(|| now + ROUND);
    }

    /// A datagram: where a name server is, if it is an answer that has not been heard before.
    pub(crate) fn heard(&mut self, datagram: &[u8], from: SocketAddr) -> Option<Location> {
        match read(datagram) {
            Ok(location) if self.answers.contains(&location) => None,
            Ok(location) => {
                self.answers.push(location.clone());
                Some(location)
            }
            Err(why) => {
                self.ignored += 1;
                self.first_ignored.get_or_insert_with(|| format!("from {from}: {why}"));
                None
            }
        }
    }

    /// Whether the question has been sent to anybody.
    fn is_out(&self) -> bool {
        self.targets.iter().any(|target| target.outcome.is_ok())
    }

    /// What came of it, for the error that tells of the search.
    pub(crate) fn verdict(&self) -> Vec<String> {
        let port = self.port;
        if let Some(problem) = &self.problem {
            return vec![format!("broadcast on UDP port {port}: {problem}")];
        }
        let mut verdict = Vec::new();
        let asked = self.targets.iter().filter(|target| target.outcome.is_ok());
        let asked: Vec<&str> = asked.map(|target| target.host.as_str()).collect();
        if !asked.is_empty() {
            let nobody = match self.answers.is_empty() {
                true => "nobody",
                false => "nobody else",
            };
            let rounds = self.rounds;
            let time = ROUND.as_secs_f64();
            let mut text = format!(
                "broadcast to {}, UDP port {port}: {nobody} answered in {rounds} rounds of {time} s",
                asked.join(" and ")
            );
            if let Some(first) = &self.first_ignored {
                text.push_str(&format!(" (ignored: {} datagrams, the first {first})", self.ignored));
            }
            verdict.push(text);
        }
        for target in &self.targets {
            if let Err(error) = &target.outcome {
                verdict.push(format!("broadcast to {}, UDP port {port}: {error}", target.host));
            }
        }
        verdict
    }
}

impl Target {
    fn new(host: String, port: u16) -> Target {
        let none = || {
            io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "not an address of IPv4, as broadcasts need one",
            )
        };
        let found = (host.as_str(), port)
            .to_socket_addrs()
            .and_then(|mut found| found.find(SocketAddr::is_ipv4).ok_or_else(none));
        let (address, outcome) = match found {
            Ok(address) => (Some(address), Err(io::Error::other("not sent"))),
            Err(error) => (None, Err(error)),
        };
        Target { host, address, outcome }
    }
}

/// A socket that may broadcast.
pub(crate) fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    Ok(socket)
}

/// Reads an answer; anybody may have sent it.
fn read(datagram: &[u8]) -> Result<Location, String> {
    if datagram.len() >= ROOM {
        return Err("it is too long for an answer".to_owned());
    }
    let text: String = datagram.iter().map(|byte| char::from(*byte)).collect();
    let strange = |why: &str| Err(format!("{why}: '{}'", text.escape_debug()));
    let Ok(uri) = text.parse::<Uri>() else {
        return strange("it is no URI");
    };
    let is_name_server = uri.protocol() == uri::Protocol::Pyro && uri.object() == NAMESERVER_ID;
    match uri.location() {
        _ if !is_name_server => strange("it is not the URI of a name server"),
        Some(Location::Tcp { host, port }) if host.as_str() != "0.0.0.0" && *port != 0 => {
            Ok(Location::tcp(host, *port))
        }
        _ => strange("its address leads nowhere"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(hosts: &[&str]) -> Exchange {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Exchange::new(Broadcast { hosts, port: 9091 })
    }

    fn somebody() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], 9091))
    }

    /// Sends to all of them, with success where that is asked for.
    fn ask(exchange: &mut Exchange, works: impl Fn(SocketAddr) -> bool, now: Instant) {
        for (index, address) in exchange.targets() {
            let outcome = match works(address) {
                true => Ok(QUESTION.len()),
                false => Err(io::Error::other("the network is away")),
            };
            exchange.asked(index, outcome);
        }
        exchange.all_asked(now);
    }

    // Conformance: LOC-09
    #[test]
    fn it_is_asked_three_times_and_waited_for_each_time() {
        let mut exchange = exchange(&["255.255.255.255", "0.0.0.0"]);
        let mut now = Instant::now();
        for _ in 0..3 {
            assert_eq!(exchange.turn(now), Turn::Ask);
            let addresses: Vec<String> = exchange
                .targets()
                .iter()
                .map(|(_, address)| address.to_string())
                .collect();
            assert_eq!(addresses, ["255.255.255.255:9091", "0.0.0.0:9091"]);
            ask(&mut exchange, |_| true, now);
            assert_eq!(exchange.turn(now), Turn::Listen(ROUND));
            let later = now + ROUND / 2;
            assert_eq!(exchange.turn(later), Turn::Listen(ROUND / 2));
            assert_eq!(exchange.heard(b"junk", somebody()), None);
            now += ROUND;
        }
        assert_eq!(exchange.turn(now), Turn::GiveUp);
        assert_eq!(
            exchange.verdict(),
            [
                "broadcast to 255.255.255.255 and 0.0.0.0, UDP port 9091: nobody answered in 3 rounds of 0.7 s \
              (ignored: 3 datagrams, the first from 192.0.2.7:9091: it is no URI: 'junk')"
            ]
        );
    }

    #[test]
    fn where_nothing_can_be_sent_nothing_is_waited_for() {
        let mut exchange = exchange(&["192.0.2.255", "::1"]);
        let now = Instant::now();
        assert_eq!(exchange.turn(now), Turn::Ask);
        ask(&mut exchange, |_| false, now);
        assert_eq!(exchange.turn(now), Turn::GiveUp);
        assert_eq!(
            exchange.verdict(),
            [
                "broadcast to 192.0.2.255, UDP port 9091: the network is away",
                "broadcast to ::1, UDP port 9091: not an address of IPv4, as broadcasts need one",
            ]
        );
        let exchange = exchange.impossible(io::Error::other("no socket"));
        assert_eq!(exchange.verdict(), ["broadcast on UDP port 9091: no socket"]);
    }

    #[test]
    fn one_address_that_does_not_work_stops_nobody() {
        let mut exchange = exchange(&["192.0.2.255", "192.0.2.1"]);
        let now = Instant::now();
        assert_eq!(exchange.turn(now), Turn::Ask);
        ask(&mut exchange, |address| address.ip().to_string() == "192.0.2.1", now);
        assert_eq!(exchange.turn(now), Turn::Listen(ROUND));
        let place = Location::tcp("myhost", 9090);
        assert_eq!(
            exchange.heard(b"PYRO:Pyro.NameServer@myhost:9090", somebody()),
            Some(place)
        );
        // It could not be talked to, and that does not change when it answers again.
        assert_eq!(exchange.heard(b"PYRO:Pyro.NameServer@myhost:9090", somebody()), None);
        assert_eq!(
            exchange.verdict(),
            [
                "broadcast to 192.0.2.1, UDP port 9091: nobody else answered in 1 rounds of 0.7 s",
                "broadcast to 192.0.2.255, UDP port 9091: the network is away",
            ]
        );
    }

    // Conformance: LOC-09
    #[test]
    fn only_the_address_of_a_name_server_is_an_answer() {
        assert_eq!(
            read(b"PYRO:Pyro.NameServer@192.0.2.1:9090"),
            Ok(Location::tcp("192.0.2.1", 9090))
        );
        let long_host = format!("PYRO:Pyro.NameServer@{}:9090", "h".repeat(74));
        assert_eq!(long_host.len(), 100);
        assert!(read(long_host.as_bytes()).is_ok());
        let too_long = format!("PYRO:Pyro.NameServer@{}:9090", "h".repeat(75));
        let latin = b"PYRO:Pyro.NameServer@m\xfcller:9090";
        assert_eq!(read(latin), Ok(Location::tcp("m\u{fc}ller", 9090)));
        for datagram in [
            &b""[..],
            b"GET_NSURI",
            b"PYRO:Pyro.NameServer",
            b"PYRO:Pyro.NameServer@0.0.0.0:9090",
            b"PYRO:Pyro.NameServer@192.0.2.1:0",
            b"PYRO:Pyro.NameServer@./u:/tmp/socket",
            b"PYRO:other@192.0.2.1:9090",
            b"PYRONAME:Pyro.NameServer@192.0.2.1:9090",
            b"\xff\xfe\x00",
            too_long.as_bytes(),
        ] {
            assert!(read(datagram).is_err(), "{datagram:?}");
        }
        let text = read(b"bad\x1b[2J").expect_err("no URI");
        assert_eq!(text, "it is no URI: 'bad\\u{1b}[2J'");
    }

    #[test]
    fn a_network_full_of_servers_that_refuse_is_given_up() {
        let mut exchange = exchange(&["192.0.2.255"]);
        let now = Instant::now();
        assert_eq!(exchange.turn(now), Turn::Ask);
        ask(&mut exchange, |_| true, now);
        for number in 0..MAX_ANSWERS {
            assert_eq!(exchange.turn(now), Turn::Listen(ROUND));
            let answer = format!("PYRO:Pyro.NameServer@192.0.2.{number}:9090");
            assert!(exchange.heard(answer.as_bytes(), somebody()).is_some());
        }
        assert_eq!(exchange.turn(now), Turn::GiveUp);
    }
}
