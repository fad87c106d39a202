//! The name server: whether it is found, the way to it, and the address that it gives itself.

use std::env;

use ferropyro::naming::{self, NAMESERVER_ID};
use ferropyro::{Error, ErrorKind, Location, NameServer, Result, Uri};

use super::cause::Cause;
use super::means::{Means, Reach, look_up, shown, within};
use super::published::{Audience, fault};
use super::report::{Check, Subject, counted};
use super::road::{self, NAMESERVER};

const FOUND: Subject = Subject::new("nameserver.found", "Name server");
const PUBLISHED: Subject = Subject::new("nameserver.published", "Name server's own address");
const PING: Subject = Subject::new("nameserver.ping", "Name server's answers");

/// What the checks of the name server have found out.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) checks: Vec<Check>,
    /// The name server, if it can be asked.
    pub(super) nameserver: Option<NameServer>,
    /// For whom it is.
    pub(super) audience: Option<Audience>,
}

/// Looks for the name server, at this place if there is one, and at its own place.
pub(super) fn check(means: &Means, named: Option<&Location>) -> Names {
    let mut names = Names::default();
    let located = locate(means, named);
    let location = match &located {
        Ok(uri) => uri.location().cloned(),
        Err(_) => None,
    };
    names.checks.push(match &located {
        Ok(uri) => FOUND.ok(format!("found at {}, {}", place(uri), way(means, named, uri))),
        Err(error) => judge_failure(error, means, named),
    });
    let location = location
        .or_else(|| named.cloned())
        .unwrap_or_else(|| means.default_nameserver());
    let road = road::walk(&NAMESERVER, means, &location);
    names.checks.extend(road.checks);
    let Some(serializer) = road.serializer else {
        let left = [PING, PUBLISHED].map(|step| step.skipped("nobody could be asked"));
        names.checks.extend(left);
        return names;
    };
    let reach = road.reach.unwrap_or(Reach::Elsewhere);
    let uri = Uri::pyro(NAMESERVER_ID, location.clone()).map_err(Error::from);
    match uri
        .and_then(|uri| means.proxy(uri, Some(serializer)))
        .map(NameServer::new)
    {
        Ok(nameserver) => ask(means, &nameserver, &location, reach, &mut names),
        Err(error) => names
            .checks
            .push(PING.failed(error.to_string(), Cause::of(&error).remedy(&location.to_string()))),
    }
    names
}

fn locate(means: &Means, named: Option<&Location>) -> Result<Uri> {
    let (settings, named) = (means.naming(), named.cloned());
    // It may try several addresses, one after the other, and each in several protocols.
    let found = within(means.timeout * 8, move || {
        naming::locate_ns_with(named.as_ref(), &settings).map(|nameserver| nameserver.proxy().uri())
    });
    found.unwrap_or_else(|| {
        Err(Error::new(
            ErrorKind::Naming,
            "Failed to locate the nameserver; no answer in time",
        ))
    })
}

fn place(uri: &Uri) -> String {
    uri.location().map(Location::to_string).unwrap_or_default()
}

/// In which way it was found.
fn way(means: &Means, named: Option<&Location>, uri: &Uri) -> &'static str {
    let host = uri.host().unwrap_or_default();
    match named {
        Some(_) => "the place that was named",
        None if host == means.config.ns_host && env::var_os("PYRO_NS_HOST").is_some() => "which NS_HOST says",
        None if host == means.config.ns_host => "where it is by default",
        None if host == "127.0.1.1" => "where Debian puts this machine's own name",
        None => "by broadcast",
    }
}

fn judge_failure(error: &Error, means: &Means, named: Option<&Location>) -> Check {
    let cause = means.cause(error);
    let default = means.default_nameserver();
    let place = named.unwrap_or(&default).to_string();
    let text = error.to_string();
    let mut parts = text.split("; tried: ");
    let found = parts.next().unwrap_or_default().to_owned();
    let (found, remedy) = match cause {
        Cause::Serializer => (format!("{found}: it refuses the serializer"), cause.remedy(&place)),
        Cause::Key => (format!("{found}: the key does not fit"), cause.remedy(&place)),
        Cause::Tls => (
            format!("{found}: encryption (TLS) does not come about"),
            cause.remedy(&place),
        ),
        Cause::Busy => (format!("{found}: it has no free thread"), cause.remedy(&place)),
        // What is there and does not answer as it should is another matter than nothing.
        Cause::Refused if named.is_none() && is_default_host(&means.config.ns_host) => (
            found,
            "If it is on another machine, set PYRO_NS_HOST to that. If it should be here, start it: `ferropyro ns`."
                .to_owned(),
        ),
        _ => (found, cause.remedy(&place)),
    };
    FOUND.failed(found, remedy).facts("tried", parts)
}

fn is_default_host(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

/// What only the name server itself can tell.
fn ask(means: &Means, nameserver: &NameServer, location: &Location, reach: Reach, names: &mut Names) {
    let asked = nameserver.clone();
    let answers = within(means.patience() * 2, move || {
        let start = std::time::Instant::now();
        asked.ping()?;
        let time = start.elapsed();
        Ok((time, asked.count()?, asked.lookup(NAMESERVER_ID)))
    });
    match answers.unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, "no answer in time"))) {
        Ok((time, count, own)) => {
            names.checks.push(
                PING.ok(format!(
                    "it knows {} (answered in {})",
                    counted(count, "name"),
                    shown(time)
                ))
                .fact("registrations", count as u64),
            );
            let (check, audience) = judge_published(means, own, reach);
            names.checks.push(check);
            names.audience = Some(audience);
            names.nameserver = Some(nameserver.clone());
        }
        Err(error) => {
            let cause = Cause::of(&error);
            let remedy = match cause {
                Cause::UnknownObject => {
                    "This is a server of other objects, not a name server. Is it the right port?".to_owned()
                }
                other => other.remedy(&location.to_string()),
            };
            names.checks.push(PING.failed(error.to_string(), remedy));
        }
    }
}

/// Whether the URI that the name server gives itself is one for its clients.
fn judge_published(means: &Means, own: Result<Uri>, reach: Reach) -> (Check, Audience) {
    let is_elsewhere = reach == Reach::Elsewhere;
    let uri = match own {
        Ok(uri) => uri,
        Err(error) => {
            let audience = if is_elsewhere {
                Audience::Elsewhere
            } else {
                Audience::Machine
            };
            let check = PUBLISHED.warning(
                format!("it does not tell its own URI: {error}"),
                "Somebody has changed its registration, or it is no name server of Pyro's: start it anew.",
            );
            return (check, audience);
        }
    };
    let own_reach = match uri.host() {
        Some(host) => look_up(host, means.timeout)
            .addresses
            .map_or(Reach::Elsewhere, |addresses| Reach::of_all(&addresses)),
        None => Reach::Loopback,
    };
    let audience = match (is_elsewhere, own_reach) {
        (true, _) => Audience::Elsewhere,
        (false, Reach::Loopback) => Audience::Machine,
        (false, _) => Audience::Network,
    };
    let fault = uri
        .location()
        .and_then(|location| fault(location, audience, means.timeout));
    let check = match fault {
        Some(fault) => PUBLISHED.failed(
            format!("{uri}: {}", fault.text),
            "Start the name server with an address that its clients can reach (`ferropyro ns -n ADDRESS`), or with --nathost.",
        ),
        None if audience == Audience::Machine => PUBLISHED.ok(format!("{uri}, for programs of this machine only")),
        None => PUBLISHED.ok(uri.to_string()),
    };
    (check.fact("uri", uri.to_string()), audience)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ferropyro::Config;

    use super::super::report::Verdict;
    use super::*;

    fn published(uri: &str, reach: Reach) -> (Verdict, Audience) {
        let means = Means::new(Config::default(), None, Duration::from_secs(20));
        let (check, audience) = judge_published(&means, Ok(uri.parse().unwrap()), reach);
        (check.verdict(), audience)
    }

    // Conformance: LOC-15
    #[test]
    fn the_address_that_a_name_server_publishes_must_lead_to_it() {
        let loopback = "PYRO:Pyro.NameServer@127.0.0.1:9090";
        assert_eq!(published(loopback, Reach::Loopback), (Verdict::Ok, Audience::Machine));
        assert_eq!(
            published(loopback, Reach::Elsewhere),
            (Verdict::Failed, Audience::Elsewhere)
        );
        let all = "PYRO:Pyro.NameServer@0.0.0.0:9090";
        assert_eq!(published(all, Reach::Loopback), (Verdict::Failed, Audience::Network));
        let outer = "PYRO:Pyro.NameServer@192.0.2.7:9090";
        assert_eq!(published(outer, Reach::Here), (Verdict::Ok, Audience::Network));
    }

    // Conformance: LOC-15
    #[test]
    fn a_failed_search_tells_every_address_and_the_cause_that_counts() {
        let means = Means::new(Config::default(), None, Duration::from_secs(1));
        let error = Error::new(ErrorKind::Naming, "Failed to locate the nameserver")
            .with("tried", "127.0.0.1:9090: Connection refused (os error 111)")
            .with("tried", "127.0.1.1:9090: Connection refused (os error 111)");
        let text = format!("{:?}", judge_failure(&error, &means, None));
        assert!(text.contains("PYRO_NS_HOST"), "{text}");
        assert_eq!(text.matches("Connection refused").count(), 2, "{text}");
        let refused = Error::new(ErrorKind::Naming, "Failed to locate the nameserver")
            .with("tried", "message used serializer that is not accepted: 2");
        let text = format!("{:?}", judge_failure(&refused, &means, None));
        assert!(
            text.contains("it refuses the serializer") && text.contains("PYRO_SERIALIZER"),
            "{text}"
        );
    }
}
