//! The way to a server, step by step: its name, the connection, what speaks there, TLS, key, serializer, handshake. A step that fails ends it.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::config::IpVersion;
use ferropyro::{Location, Serializer};

use super::cause::Cause;
use super::means::{Lookup, Means, Reach, joined, look_up, milliseconds, shown, within};
use super::report::{Check, Subject};
use super::talk::{Talk, judge_talk};
use crate::probe::{self, Finding};

/// The steps of one way.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) address: Subject,
    pub(super) connect: Subject,
    pub(super) protocol: Subject,
    pub(super) tls: Subject,
    pub(super) key: Subject,
    pub(super) serializer: Subject,
    pub(super) handshake: Subject,
}

/// The way to the name server.
pub(super) const NAMESERVER: Names = Names {
    address: Subject::new("nameserver.address", "Name server's address"),
    connect: Subject::new("nameserver.connect", "Connection to the name server"),
    protocol: Subject::new("nameserver.protocol", "What the name server speaks"),
    tls: Subject::new("nameserver.tls", "Name server's encryption"),
    key: Subject::new("nameserver.key", "Name server's key"),
    serializer: Subject::new("nameserver.serializer", "Name server's serializers"),
    handshake: Subject::new("nameserver.handshake", "Name server's handshake"),
};

/// The way to the server of an object.
pub(super) const SERVER: Names = Names {
    address: Subject::new("server.address", "Server's address"),
    connect: Subject::new("server.connect", "Connection to the server"),
    protocol: Subject::new("server.protocol", "What the server speaks"),
    tls: Subject::new("server.tls", "Server's encryption"),
    key: Subject::new("server.key", "Server's key"),
    serializer: Subject::new("server.serializer", "Server's serializers"),
    handshake: Subject::new("server.handshake", "Server's handshake"),
};

/// How far one came.
#[derive(Debug, Default)]
pub(super) struct Road {
    pub(super) checks: Vec<Check>,
    /// Where the address leads, if it resolves.
    pub(super) reach: Option<Reach>,
    /// The serializer that the server takes, if one came to the end: that of the settings, or another one.
    pub(super) serializer: Option<Serializer>,
}

impl Road {
    /// This step was the last one, as it has failed.
    fn end(mut self, names: &Names, means: &Means, last: Subject) -> Road {
        let steps = [
            names.connect,
            names.protocol,
            names.tls,
            names.key,
            names.serializer,
            names.handshake,
        ];
        let is_made = |step: &Subject| self.checks.iter().any(|check| check.id() == step.id());
        let is_tls_off = |step: &Subject| step.id() == names.tls.id() && !means.config.ssl;
        let left: Vec<Subject> = steps
            .into_iter()
            .filter(|step| !is_made(step) && !is_tls_off(step))
            .collect();
        self.checks
            .extend(left.into_iter().map(|step| step.skipped(format!("see {}", last.id()))));
        self
    }
}

/// Goes there.
pub(super) fn walk(names: &Names, means: &Means, location: &Location) -> Road {
    let mut road = Road::default();
    let addresses = match location {
        Location::Tcp { host, .. } => {
            let lookup = look_up(host, means.timeout);
            road.checks.push(judge_address(names, host, &lookup));
            let Ok(addresses) = lookup.addresses else {
                return road.end(names, means, names.address);
            };
            road.reach = Some(Reach::of_all(&addresses));
            addresses
        }
        Location::Unix(_) => {
            road.reach = Some(Reach::Loopback);
            Vec::new()
        }
    };
    let attempts = attempts(location, &addresses, means.timeout);
    road.checks.push(judge_attempts(
        names,
        location,
        &attempts,
        means.config.prefer_ip_version,
    ));
    if attempts.iter().all(|attempt| attempt.outcome.is_err()) {
        return road.end(names, means, names.connect);
    }
    let (there, timeout) = (location.clone(), means.timeout);
    let finding = within(means.patience(), move || probe::probe(&there, timeout)).unwrap_or(Finding::Silent);
    road.checks
        .push(judge_finding(names, location, &finding, means.config.ssl));
    if is_hopeless(&finding, means.config.ssl) {
        return road.end(names, means, names.protocol);
    }
    let talk = Talk::hold(means, location, None);
    road.checks
        .extend(judge_talk(names, means, location, &finding, talk, &mut road.serializer));
    road
}

fn judge_address(names: &Names, host: &str, lookup: &Lookup) -> Check {
    let time = shown(lookup.time);
    let addresses = match &lookup.addresses {
        Ok(addresses) => addresses,
        Err(reason) => {
            return names
                .address
                .failed(format!("{host} does not resolve: {reason}"), Cause::NoHost.remedy(host));
        }
    };
    let is_number = host.parse::<IpAddr>().is_ok();
    let found = match is_number {
        true => host.to_owned(),
        false => format!("{host} is {} (found in {time})", joined(addresses)),
    };
    let check = match Reach::of_all(addresses) {
        Reach::Wildcard => names.address.failed(
            format!("{host} means all interfaces of a machine, and is no address for clients"),
            "Use the address of the server's machine; its server should have PYRO_NATHOST, or a host of its own, for its URIs.",
        ),
        Reach::Loopback if !is_number && !host.eq_ignore_ascii_case("localhost") => names.address.warning(
            found,
            "This is this machine itself. If the server is on another one, correct /etc/hosts here, or use the number of its address.",
        ),
        _ if lookup.time > Duration::from_secs(1) => names.address.warning(
            format!("{host} is {}, and it took {time} to find that out", joined(addresses)),
            "Every new connection may wait as long: mend DNS, add the name to /etc/hosts, or use the number.",
        ),
        _ => names.address.ok(found),
    };
    check
        .fact("addresses", joined(addresses))
        .fact("lookup_ms", milliseconds(lookup.time))
}

/// What came of a connection to one address.
#[derive(Debug, Clone)]
struct Attempt {
    address: String,
    is_v4: bool,
    /// How long it took, or why there is none.
    outcome: std::result::Result<Duration, String>,
}

/// Tries every address by itself, all at once.
fn attempts(location: &Location, addresses: &[IpAddr], timeout: Duration) -> Vec<Attempt> {
    let port = match location {
        Location::Tcp { port, .. } => *port,
        Location::Unix(path) => return vec![unix_attempt(path, timeout)],
    };
    let running = addresses.iter().map(|&address| {
        let address = SocketAddr::new(address, port);
        let work = move || {
            let start = Instant::now();
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(_) => Ok(start.elapsed()),
                Err(error) if is_timeout(&error) => Err(format!("no answer in time ({} s)", timeout.as_secs_f64())),
                Err(error) => Err(error.to_string()),
            }
        };
        (address, thread::spawn(work))
    });
    let running: Vec<_> = running.collect();
    let ended = running.into_iter().map(|(address, thread)| Attempt {
        address: address.to_string(),
        is_v4: address.is_ipv4(),
        outcome: thread
            .join()
            .unwrap_or_else(|_| Err("it could not be tried".to_owned())),
    });
    ended.collect()
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock
    )
}

fn unix_attempt(path: &str, timeout: Duration) -> Attempt {
    let start = Instant::now();
    let target = path.to_owned();
    #[cfg(unix)]
    let connected = within(timeout, move || {
        std::os::unix::net::UnixStream::connect(target).map(|_| ())
    });
    #[cfg(not(unix))]
    let connected = within(timeout, move || {
        Err::<(), _>(std::io::Error::other(format!(
            "this system has no Unix domain sockets such as {target}"
        )))
    });
    let outcome = match connected {
        Some(Ok(())) => Ok(start.elapsed()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no answer in time".to_owned()),
    };
    Attempt {
        address: path.to_owned(),
        is_v4: false,
        outcome,
    }
}

fn judge_attempts(names: &Names, location: &Location, attempts: &[Attempt], preferred: IpVersion) -> Check {
    let line = |attempt: &Attempt| match &attempt.outcome {
        Ok(time) => format!("{}: connected in {}", attempt.address, shown(*time)),
        Err(reason) => format!("{}: {reason}", attempt.address),
    };
    let works = |attempt: &&Attempt| attempt.outcome.is_ok();
    let Some(good) = attempts.iter().find(works) else {
        let reasons: Vec<String> = attempts.iter().map(line).collect();
        let text = reasons.join("; ");
        let cause = match location {
            Location::Unix(_) => Cause::Refused,
            Location::Tcp { .. } => Cause::of_text(&text).unwrap_or(Cause::Other),
        };
        return names.connect.failed(text, cause.remedy(&location.to_string()));
    };
    let check = match tried_alone(attempts, preferred).find(|(attempt, _)| attempt.outcome.is_err()) {
        None => names.connect.ok(line(good)),
        Some((bad, who)) => {
            names.connect.warning(
                format!("{}, but {}; {who} try this address alone", line(good), line(bad)),
                "Let the server listen on addresses of both versions of IP, set PYRO_PREFER_IP_VERSION to 4 or 6 on both sides, or use the number of the address in place of the name.",
            )
        }
    };
    check.facts("tried", attempts.iter().map(line))
}

/// The addresses beside which the real Pyro tries no other, and whose programs do that. Ours try them all.
fn tried_alone(attempts: &[Attempt], preferred: IpVersion) -> impl Iterator<Item = (&Attempt, &'static str)> {
    let first = attempts.first();
    let of = |is_v4| attempts.iter().find(move |attempt: &&Attempt| attempt.is_v4 == is_v4);
    let both = "programs of Pyro4 and of Pyro5";
    let pairs = match preferred {
        IpVersion::V4 => [of(true).map(|attempt| (attempt, both)), None],
        IpVersion::V6 => [of(false).map(|attempt| (attempt, both)), None],
        // Pyro5 takes what the system puts first, and Pyro4 begins with 4 for its setting.
        IpVersion::Any if first.is_some_and(|first| first.is_v4) => [first.map(|attempt| (attempt, both)), None],
        IpVersion::Any => [
            first.map(|attempt| (attempt, "programs of Pyro5")),
            of(true).map(|attempt| (attempt, "programs of Pyro4")),
        ],
    };
    pairs.into_iter().flatten()
}

fn judge_finding(names: &Names, location: &Location, finding: &Finding, ssl: bool) -> Check {
    let place = location.to_string();
    let mut check = match finding {
        Finding::Pyro { .. } => names.protocol.ok(finding.peer()),
        // Its certificate, or the lack of SSL on this side, is another check.
        _ if finding.is_tls() => names.protocol.ok("a TLS server"),
        Finding::HangsUp if ssl => names.protocol.ok("nothing in the clear, as a TLS server may do"),
        Finding::Silent => names.protocol.failed(finding.peer(), Cause::Silent.remedy(&place)),
        _ => names.protocol.failed(
            finding.peer(),
            "Is it the right port? This one is served by another program.",
        ),
    };
    for version in finding.versions() {
        check = check.fact("protocol", format!("{version} ({})", probe::release(*version)));
    }
    check.facts("it said", finding.remark())
}

/// Whether it makes no sense to go on.
fn is_hopeless(finding: &Finding, ssl: bool) -> bool {
    match finding {
        Finding::Pyro { .. } => false,
        Finding::HangsUp => !ssl,
        other => !other.is_tls(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn attempt(address: &str, outcome: std::result::Result<Duration, String>) -> Attempt {
        Attempt {
            address: format!("{address}:9090"),
            is_v4: !address.contains(':'),
            outcome,
        }
    }

    fn verdict(attempts: &[Attempt]) -> (Verdict, String) {
        verdict_with(attempts, IpVersion::Any)
    }

    fn verdict_with(attempts: &[Attempt], preferred: IpVersion) -> (Verdict, String) {
        let check = judge_attempts(&SERVER, &Location::tcp("box", 9090), attempts, preferred);
        (check.verdict(), format!("{check:?}"))
    }

    // Conformance: LOC-15
    #[test]
    fn an_address_that_only_some_clients_try_is_warned_of_when_it_fails() {
        let good = |address| attempt(address, Ok(Duration::from_millis(1)));
        let refused = |address| attempt(address, Err("Connection refused (os error 111)".to_owned()));
        assert_eq!(verdict(&[good("127.0.0.1")]).0, Verdict::Ok);
        assert_eq!(verdict(&[good("::1"), good("127.0.0.1")]).0, Verdict::Ok);
        assert_eq!(verdict(&[refused("::1"), good("127.0.0.1")]).0, Verdict::Warning);
        assert_eq!(verdict(&[good("::1"), refused("127.0.0.1")]).0, Verdict::Warning);
        assert_eq!(
            verdict_with(&[refused("::1"), good("127.0.0.1")], IpVersion::V4).0,
            Verdict::Ok
        );
        assert_eq!(
            verdict_with(&[good("127.0.0.1"), refused("::1")], IpVersion::V6).0,
            Verdict::Warning
        );
        let (_, text) = verdict(&[refused("::1"), good("127.0.0.1")]);
        assert!(text.contains("programs of Pyro5 try this address alone"), "{text}");
        // Nobody begins with the second one.
        assert_eq!(verdict(&[good("127.0.0.1"), refused("::1")]).0, Verdict::Ok);
    }

    // Conformance: LOC-14, LOC-15
    #[test]
    fn silence_points_to_a_firewall_and_a_refusal_does_not() {
        let (is, text) = verdict(&[attempt("192.0.2.7", Err("no answer in time (5 s)".to_owned()))]);
        assert_eq!(is, Verdict::Failed);
        assert!(text.contains("firewall") && text.contains("192.0.2.7:9090"), "{text}");
        let (is, text) = verdict(&[attempt(
            "192.0.2.7",
            Err("Connection refused (os error 111)".to_owned()),
        )]);
        assert_eq!(is, Verdict::Failed);
        assert!(text.contains("nothing listens") && !text.contains("firewall"), "{text}");
    }

    #[test]
    fn a_name_that_leads_to_this_machine_without_saying_so_is_warned_of() {
        let judge = |host: &str, address: &str| {
            let lookup = Lookup {
                addresses: Ok(vec![address.parse().unwrap()]),
                time: Duration::ZERO,
            };
            judge_address(&SERVER, host, &lookup).verdict()
        };
        assert_eq!(judge("localhost", "127.0.0.1"), Verdict::Ok);
        assert_eq!(judge("127.0.1.1", "127.0.1.1"), Verdict::Ok);
        assert_eq!(judge("box", "127.0.1.1"), Verdict::Warning);
        assert_eq!(judge("0.0.0.0", "0.0.0.0"), Verdict::Failed);
        assert_eq!(judge("192.0.2.7", "192.0.2.7"), Verdict::Ok);
    }

    #[test]
    fn what_is_no_pyro_ends_the_way() {
        let http = Finding::Other {
            kind: "an HTTP server",
            greeting: String::new(),
        };
        let here = Location::tcp("box", 9090);
        assert!(is_hopeless(&http, false) && is_hopeless(&Finding::Silent, true));
        assert_eq!(judge_finding(&SERVER, &here, &http, false).verdict(), Verdict::Failed);
        let pyro = Finding::Pyro {
            versions: vec![48],
            remark: None,
        };
        assert!(!is_hopeless(&pyro, false));
        assert_eq!(judge_finding(&SERVER, &here, &pyro, false).verdict(), Verdict::Ok);
        // A server that takes encrypted connections only may say nothing to others.
        assert!(is_hopeless(&Finding::HangsUp, false) && !is_hopeless(&Finding::HangsUp, true));
    }
}
