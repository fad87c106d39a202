//! The connection to a server: every address is tried by itself, as not every client tries them all.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Location;
use ferropyro::config::IpVersion;

use super::cause::Cause;
use super::means::{shown, within};
use super::report::Check;
use super::road::Names;

/// What came of a connection to one address.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    address: String,
    is_v4: bool,
    /// How long it took, or why there is none.
    pub(super) outcome: std::result::Result<Duration, String>,
}

/// Tries every address by itself, all at once.
pub(super) fn attempts(location: &Location, addresses: &[IpAddr], timeout: Duration) -> Vec<Attempt> {
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

pub(super) fn judge_attempts(names: &Names, location: &Location, attempts: &[Attempt], preferred: IpVersion) -> Check {
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
        let check = names.connect.failed(text, cause.remedy(&location.to_string()));
        return check.facts("tried", reasons);
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

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::super::road::SERVER;
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

    // Conformance: LOC-15
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
}
