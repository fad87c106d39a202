//! This machine: its own name, the files that it may open, the ports of a name server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use ferropyro::config::ServerType;
use ferropyro::{Config, Location};

use super::means::{Lookup, Means, Reach, joined, look_up, milliseconds, shown, within};
use super::report::{Check, Subject};
use crate::files;
use crate::probe::{self, Finding};

const NAME: Subject = Subject::new("host.name", "Own host name");
const FILES: Subject = Subject::new("host.files", "Limit of open files");
const NS_PORT: Subject = Subject::new("host.ns-port", "Name server's port here");
const BROADCAST_PORT: Subject = Subject::new("host.broadcast-port", "Broadcast port here");

/// A look-up that takes longer holds up whoever waits for it.
const SLOW: Duration = Duration::from_secs(1);

/// Whether this machine knows itself, and as whom: many programs bind their servers to its name.
pub(super) fn name(means: &Means) -> Check {
    match files::host_name() {
        Some(name) => judge_name(&name, &look_up(&name, means.timeout)),
        None => NAME.skipped("the system does not tell it"),
    }
}

fn judge_name(name: &str, lookup: &Lookup) -> Check {
    let time = shown(lookup.time);
    let check = match &lookup.addresses {
        Err(reason) => NAME.warning(
            format!("{name} does not resolve: {reason}"),
            "Servers that bind to the machine's name do not start. Add it to /etc/hosts or DNS, or bind them to a number.",
        ),
        Ok(addresses) if Reach::of_all(addresses) == Reach::Loopback => NAME.warning(
            format!("{name} stands for {} here, which no other machine can reach", joined(addresses)),
            "Servers bound to this name are for this machine only (Debian and Ubuntu write it so into /etc/hosts). For others bind the number of an address in the network, or correct /etc/hosts.",
        ),
        Ok(addresses) if Reach::of_all(addresses) == Reach::Elsewhere => NAME.warning(
            format!("{name} stands for {}, not all of which are addresses of this machine", joined(addresses)),
            "Servers bound to this name do not start, or clients look for them elsewhere. Correct /etc/hosts or DNS.",
        ),
        Ok(addresses) if lookup.time > SLOW => NAME.warning(
            format!("{name} is {}, and it took {time} to find that out", joined(addresses)),
            "Every look-up of a name may take as long: mend DNS, or add the name to /etc/hosts. Numbers need no look-up.",
        ),
        Ok(addresses) => NAME.ok(format!("{name} is {} (found in {time})", joined(addresses))),
    };
    check.fact("name", name).fact("lookup_ms", milliseconds(lookup.time))
}

/// Whether servers may have as many connections as the settings allow.
pub(super) fn open_files(config: &Config) -> Check {
    match files::limits() {
        Some((soft, hard)) => judge_files(config, soft, hard),
        None => FILES.skipped("this system has none"),
    }
}

/// How many files our servers leave to the rest of the program.
const RESERVE: u64 = 64;

/// `None` is no limit. Our servers take the hard one, programs of Python stay at the soft one.
fn judge_files(config: &Config, soft: Option<u64>, hard: Option<u64>) -> Check {
    let (setting, wanted) = match config.servertype {
        ServerType::Thread => ("THREADPOOL_SIZE", Some(config.threadpool_size as u64)),
        ServerType::Multiplex => ("MAX_CONNECTIONS", config.max_connections.map(|count| count as u64)),
    };
    let limit = |limit: Option<u64>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let is_too_few =
        |limit: Option<u64>| limit.is_some_and(|limit| wanted.is_none_or(|wanted| limit < wanted + RESERVE));
    let allowed = wanted.map_or_else(|| "any number of".to_owned(), |wanted| wanted.to_string());
    let found = format!(
        "{} ({} on demand), and {setting} allows {allowed} connections",
        limit(soft),
        limit(hard)
    );
    let check = if is_too_few(hard) && wanted.is_some() {
        FILES.warning(found, format!("Servers take fewer connections than {setting} says. Raise the limit (`ulimit -n`, LimitNOFILE= of systemd), or lower the setting."))
    } else if is_too_few(soft) && wanted.is_some() && config.servertype == ServerType::Thread {
        FILES.warning(found, "Servers in Python run out of files: raise the limit (`ulimit -n`). Those of ferropyro raise it themselves.")
    } else {
        FILES.ok(found)
    };
    check.fact("soft_limit", limit(soft)).fact("hard_limit", limit(hard))
}

/// Who has the port of a name server on this machine.
pub(super) fn ns_port(means: &Means) -> Check {
    let port = means.config.ns_port;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let location = Location::tcp(address.ip().to_string(), port);
    // The connection is closed at once: a TLS server of Python's hears nobody else as long as one is silent.
    let is_taken = TcpStream::connect_timeout(&address, means.timeout).is_ok();
    let holder = match is_taken {
        true => {
            let timeout = means.timeout;
            let finding = within(means.patience(), move || probe::probe(&location, timeout));
            finding.map_or(
                Holder::Somebody("something that does not answer".to_owned()),
                Holder::Found,
            )
        }
        false => match TcpListener::bind(address) {
            Ok(_) => Holder::Nobody,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Holder::Somebody("a program that listens at another address".to_owned())
            }
            Err(error) => Holder::Unusable(error.to_string()),
        },
    };
    judge_port(port, &holder)
}

/// Who has a port.
enum Holder {
    Nobody,
    Found(Finding),
    Somebody(String),
    Unusable(String),
}

fn judge_port(port: u16, holder: &Holder) -> Check {
    let other_port = "A name server cannot have this port: end that program, or choose another one with PYRO_NS_PORT, for clients too.";
    let check = match holder {
        Holder::Nobody => NS_PORT.ok(format!("{port} is free: there is no name server on localhost")),
        Holder::Found(finding @ Finding::Pyro { .. }) => NS_PORT.ok(format!("{port} is served by {}", finding.peer())),
        Holder::Found(finding) if finding.is_tls() => NS_PORT.ok(format!("{port} is served by a TLS server")),
        Holder::Found(finding) => NS_PORT.warning(format!("{port} is taken; {}", finding.peer()), other_port),
        Holder::Somebody(who) => NS_PORT.ok(format!("{port} is taken by {who}")),
        Holder::Unusable(reason) => NS_PORT.warning(format!("{port} cannot be bound: {reason}"), other_port),
    };
    check.fact("port", port)
}

/// What a client broadcasts to find the name server; the responder's answer is the URI.
const QUESTION: &[u8] = b"GET_NSURI";

/// Who has the port at which name servers hear broadcasts.
pub(super) fn broadcast_port(means: &Means) -> Check {
    let port = means.config.ns_bcport;
    let here = (Ipv4Addr::LOCALHOST, port);
    let check = match UdpSocket::bind(here) {
        Ok(_) => BROADCAST_PORT.ok(format!("{port} (UDP) is free: no name server of this machine hears broadcasts")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match ask_responder(here, means.timeout.min(SLOW)) {
                Ok(answer) => BROADCAST_PORT.ok(format!("{port} (UDP) answers with {answer}")),
                Err(error) => BROADCAST_PORT.warning(
                    format!("{port} (UDP) is taken by a program that does not answer as a name server does: {error}"),
                    "Name servers of this machine are not found by broadcast: end that program, or choose another port with PYRO_NS_BCPORT, for clients too.",
                ),
            }
        }
        Err(error) => BROADCAST_PORT.warning(
            format!("{port} (UDP) cannot be bound: {error}"),
            "Choose another port with PYRO_NS_BCPORT, for clients too, or give clients the host of the name server.",
        ),
    };
    check.fact("port", port)
}

fn ask_responder(address: (Ipv4Addr, u16), timeout: Duration) -> io::Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.send(QUESTION)?;
    let mut answer = [0; 500];
    let length = socket.recv(&mut answer)?;
    let text = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    match text.starts_with("PYRO:") {
        true => Ok(text),
        false => Err(io::Error::other("the answer is no URI")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn name_with(addresses: &[&str], time: Duration) -> Verdict {
        let addresses = match addresses {
            [] => Err("nobody knows it".to_owned()),
            texts => Ok(texts.iter().map(|text| text.parse().unwrap()).collect()),
        };
        judge_name("box", &Lookup { addresses, time }).verdict()
    }

    // Conformance: LOC-15
    #[test]
    fn a_machine_whose_name_is_loopback_is_warned_of() {
        let quick = Duration::from_millis(1);
        assert_eq!(name_with(&["127.0.1.1"], quick), Verdict::Warning);
        assert_eq!(
            name_with(&["192.0.2.7"], quick),
            Verdict::Warning,
            "not of this machine"
        );
        assert_eq!(name_with(&[], quick), Verdict::Warning);
    }

    #[test]
    fn the_limit_of_files_is_compared_with_what_the_server_type_allows() {
        let threads = Config::default().threadpool_size(100usize);
        let loop_ = Config::default()
            .servertype(ServerType::Multiplex)
            .max_connections(10_000usize);
        let judge = |config, soft, hard| judge_files(config, Some(soft), Some(hard)).verdict();
        assert_eq!(judge(&threads, 1024, 1024), Verdict::Ok);
        assert_eq!(judge(&threads, 128, 4096), Verdict::Warning);
        assert_eq!(judge(&threads, 128, 128), Verdict::Warning);
        assert_eq!(judge(&loop_, 1024, 524_288), Verdict::Ok);
        assert_eq!(judge(&loop_, 1024, 4096), Verdict::Warning);
        assert_eq!(judge_files(&loop_, None, None).verdict(), Verdict::Ok);
        let unlimited = loop_.clone().max_connections(None);
        assert_eq!(judge(&unlimited, 1024, 1024), Verdict::Ok);
    }

    // Conformance: LOC-15
    #[test]
    fn a_stranger_at_the_port_is_warned_of_and_a_name_server_is_not() {
        let pyro = Finding::Pyro {
            versions: vec![502],
            remark: None,
        };
        let http = Finding::Other {
            kind: "an HTTP server",
            greeting: String::new(),
        };
        assert_eq!(judge_port(9090, &Holder::Found(pyro)).verdict(), Verdict::Ok);
        assert_eq!(judge_port(9090, &Holder::Found(http)).verdict(), Verdict::Warning);
        assert_eq!(judge_port(9090, &Holder::Nobody).verdict(), Verdict::Ok);
    }
}
