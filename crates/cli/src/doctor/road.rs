//! The way to a server, step by step: its name, the connection, what speaks there, TLS, key, serializer, handshake. A step that fails ends it.

use std::net::IpAddr;
use std::time::Duration;

use ferropyro::{Location, Serializer};

use super::cause::Cause;
use super::connect::{attempts, judge_attempts};
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
            let reach = Reach::of_all(&addresses);
            road.reach = Some(reach);
            // Some systems take it for loopback, where another server may listen.
            if reach == Reach::Wildcard {
                return road.end(names, means, names.address);
            }
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
