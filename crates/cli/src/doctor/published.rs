//! Addresses in URIs: whether those who are to use them can.

use ferropyro::Location;

use super::means::{Lookup, Reach, joined, look_up};
use std::time::Duration;

/// For whom the objects of a name server are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// The name server is on this machine, and so are all its clients.
    Machine,
    /// The name server is on this machine, and other machines can reach it.
    Network,
    /// The name server is on another machine.
    Elsewhere,
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Whether nobody can use it; else only some cannot.
    pub(super) is_fatal: bool,
    pub(super) text: String,
}

/// What is wrong with the address in a URI.
pub(super) fn fault(location: &Location, audience: Audience, limit: Duration) -> Option<Fault> {
    match location {
        Location::Tcp { host, .. } => judge(host, &look_up(host, limit), audience),
        Location::Unix(_) => match audience {
            Audience::Elsewhere => fatal("a Unix domain socket, which is on the machine of its server"),
            _ => None,
        },
    }
}

fn judge(host: &str, lookup: &Lookup, audience: Audience) -> Option<Fault> {
    let addresses = match &lookup.addresses {
        Ok(addresses) => addresses,
        Err(reason) => return fatal(format!("{host} does not resolve here: {reason}")),
    };
    let named = match host.parse::<std::net::IpAddr>() {
        Ok(_) => host.to_owned(),
        Err(_) => format!("{host} ({})", joined(addresses)),
    };
    match (Reach::of_all(addresses), audience) {
        (Reach::Wildcard, _) => fatal(format!(
            "{named} means all interfaces of a machine, and is no address for clients"
        )),
        (Reach::Loopback, Audience::Elsewhere) => fatal(format!(
            "{named} is on every machine that machine itself, and the server is elsewhere"
        )),
        (Reach::Loopback, Audience::Network) => Some(Fault {
            is_fatal: false,
            text: format!("{named} leads clients on other machines to themselves"),
        }),
        _ => None,
    }
}

fn fatal(text: impl Into<String>) -> Option<Fault> {
    Some(Fault {
        is_fatal: true,
        text: text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(host: &str, address: Option<&str>, audience: Audience) -> Option<bool> {
        let lookup = Lookup {
            addresses: address
                .map(|text| vec![text.parse().unwrap()])
                .ok_or_else(|| "unknown".to_owned()),
            time: Duration::ZERO,
        };
        judge(host, &lookup, audience).map(|fault| fault.is_fatal)
    }

    // Conformance: LOC-15
    #[test]
    fn whether_loopback_is_wrong_depends_on_who_reads_it() {
        for (audience, expected) in [
            (Audience::Machine, None),
            (Audience::Network, Some(false)),
            (Audience::Elsewhere, Some(true)),
        ] {
            assert_eq!(
                judged("localhost", Some("127.0.0.1"), audience),
                expected,
                "{audience:?}"
            );
            assert_eq!(judged("box", Some("127.0.1.1"), audience), expected, "{audience:?}");
        }
    }

    // Conformance: LOC-15
    #[test]
    fn all_interfaces_are_an_address_for_nobody() {
        for audience in [Audience::Machine, Audience::Network, Audience::Elsewhere] {
            assert_eq!(judged("0.0.0.0", Some("0.0.0.0"), audience), Some(true));
            assert_eq!(judged("::", Some("::"), audience), Some(true));
            assert_eq!(judged("nowhere", None, audience), Some(true));
            assert_eq!(judged("192.0.2.7", Some("192.0.2.7"), audience), None);
        }
    }

    #[test]
    fn a_socket_of_another_machine_is_of_no_use() {
        let location = Location::unix("/run/x.sock");
        assert!(fault(&location, Audience::Elsewhere, Duration::ZERO).is_some());
        assert_eq!(fault(&location, Audience::Machine, Duration::ZERO), None);
    }
}
