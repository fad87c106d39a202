//! What the name server knows: whether the addresses are usable, somebody answers there, and has the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use ferropyro::naming::{Filter, NAMESERVER_ID, Registration};
use ferropyro::{DAEMON_ID, Dialect, Location, NameServer, Result, Serializer, Uri};

use super::cause::Cause;
use super::means::{Means, within};
use super::published::{Audience, Fault, fault};
use super::report::{Check, Subject, counted};

const LISTED: Subject = Subject::new("registrations.listed", "Registrations");
const ADDRESSES: Subject = Subject::new("registrations.addresses", "Addresses in registrations");
const SERVERS: Subject = Subject::new("registrations.servers", "Servers of registrations");
const OBJECTS: Subject = Subject::new("registrations.objects", "Objects of registrations");

/// More names are not looked at: a name server may know very many.
const MOST_NAMES: usize = 200;
/// How many servers are asked at the same time.
const AT_A_TIME: usize = 16;

/// A registration that can be looked at.
#[derive(Debug, Clone)]
struct Entry {
    name: String,
    id: String,
    location: Location,
}

/// There was no name server to ask.
pub(super) fn skipped() -> Check {
    LISTED.skipped("there is no name server to ask")
}

/// Looks at what the name server knows.
pub(super) fn check(means: &Means, nameserver: &NameServer, audience: Audience) -> Vec<Check> {
    let asked = nameserver.clone();
    let listed = match within(means.patience(), move || asked.list(&Filter::All)) {
        Some(Ok(listed)) => listed,
        Some(Err(error)) => {
            return vec![LISTED.failed(
                format!("the list cannot be read: {error}"),
                Cause::of(&error).remedy("the name server"),
            )];
        }
        None => return vec![LISTED.failed("the list did not come in time", "Give it more time with --timeout.")],
    };
    let count = listed.len();
    let (entries, problems) = read(listed);
    let mut checks = vec![match count.saturating_sub(MOST_NAMES) {
        0 => LISTED.ok(counted(count, "name")),
        left => LISTED.ok(format!(
            "{count} names, {left} of which are not looked at (at most {MOST_NAMES} are)"
        )),
    }];
    if entries.is_empty() && problems.is_empty() {
        return checks;
    }
    // Names may take long to resolve, so the addresses are judged by those who ask the servers.
    let findings = Survey::start(means, audience, &entries).wait(means);
    checks.push(judge_addresses(&entries, &findings, problems));
    checks.push(judge_servers(&entries, &findings));
    checks.push(judge_objects(&entries, &findings));
    checks
}

/// The registrations but the name server's own, and those whose URI is none.
fn read(listed: BTreeMap<String, Registration>) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (name, registration) in listed.into_iter().take(MOST_NAMES) {
        if name == NAMESERVER_ID {
            continue;
        }
        let uri = registration.uri.parse::<Uri>();
        match uri
            .as_ref()
            .map(|uri| (uri.object().into_owned(), uri.location().cloned()))
        {
            Ok((id, Some(location))) if uri.as_ref().is_ok_and(|uri| uri.tags().is_none()) => {
                entries.push(Entry { name, id, location })
            }
            // A name may stand for another name.
            Ok(_) => {}
            Err(error) => problems.push(format!("{name} -> {}: {error}", registration.uri)),
        }
    }
    (entries, problems)
}

/// What is known of a server.
#[derive(Debug, Clone)]
enum Finding {
    /// Its address is of no use.
    Misplaced(Fault),
    /// It answers: its dialect, and the ids of its objects.
    Answers {
        dialect: Dialect,
        objects: BTreeSet<String>,
        /// Whether the address is one for some clients only.
        doubt: Option<String>,
    },
    /// Nobody there, or it does not want us; the error in words.
    Fails(Cause, String),
}

type Findings = BTreeMap<Location, Finding>;

/// Asks the servers, several at a time.
struct Survey {
    results: mpsc::Receiver<(Location, Finding)>,
    wanted: usize,
}

impl Survey {
    fn start(means: &Means, audience: Audience, entries: &[Entry]) -> Survey {
        let locations: BTreeSet<Location> = entries.iter().map(|entry| entry.location.clone()).collect();
        let wanted = locations.len();
        let queue = Arc::new(Mutex::new(locations.into_iter()));
        let (found, results) = mpsc::channel();
        for _ in 0..AT_A_TIME.min(wanted) {
            let (queue, found, means) = (Arc::clone(&queue), found.clone(), means.clone());
            // Whoever still waits when the time is up ends with the program.
            thread::spawn(move || {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(location) = next() {
                    let finding = ask(&means, &location, audience);
                    if found.send((location, finding)).is_err() {
                        break;
                    }
                }
            });
        }
        Survey { results, wanted }
    }

    /// What has come in when the time is up.
    fn wait(self, means: &Means) -> Findings {
        let deadline = Instant::now() + means.timeout * 6;
        let mut findings = Findings::new();
        while findings.len() < self.wanted {
            match self
                .results
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok((location, finding)) => findings.insert(location, finding),
                Err(_) => break,
            };
        }
        findings
    }
}

fn ask(means: &Means, location: &Location, audience: Audience) -> Finding {
    let doubt = match fault(location, audience, means.timeout) {
        Some(fault) if fault.is_fatal => return Finding::Misplaced(fault),
        other => other.map(|fault| fault.text),
    };
    match objects(means, location) {
        Ok((dialect, objects)) => Finding::Answers {
            dialect,
            objects,
            doubt,
        },
        Err(error) => Finding::Fails(means.cause(&error), error.message().to_owned()),
    }
}

fn objects(means: &Means, location: &Location) -> Result<(Dialect, BTreeSet<String>)> {
    let ask = |serializer| {
        let daemon = means.proxy(Uri::pyro(DAEMON_ID, location.clone())?, serializer)?;
        Ok((daemon.dialect()?, daemon.call("registered", ())?))
    };
    let answer: Result<_> = ask(None);
    match answer {
        // That it does not like our serializer does not mean that it is dead.
        Err(error) if Cause::of(&error) == Cause::Serializer => {
            let another = [Serializer::Serpent, Serializer::Marshal, Serializer::Json];
            another
                .into_iter()
                .find_map(|serializer| ask(Some(serializer)).ok())
                .ok_or(error)
        }
        other => other,
    }
}

fn judge_addresses(entries: &[Entry], findings: &Findings, problems: Vec<String>) -> Check {
    let mut fatal = problems;
    let mut doubtful = Vec::new();
    for entry in entries {
        match findings.get(&entry.location) {
            Some(Finding::Misplaced(fault)) => fatal.push(line(entry, &fault.text)),
            Some(Finding::Answers { doubt: Some(doubt), .. }) => doubtful.push(line(entry, doubt)),
            _ => {}
        }
    }
    let remedy = "Give the servers of these objects an address that clients can reach (PYRO_HOST, `Daemon(host=...)`, `.host(...)`; behind address translation PYRO_NATHOST), and let them register again.";
    let check = match (fatal.as_slice(), doubtful.as_slice()) {
        ([], []) => ADDRESSES.ok("all of them are for their clients"),
        ([], [one]) => ADDRESSES.warning(one.clone(), remedy),
        ([], many) => ADDRESSES.warning(format!("{} are for programs of this machine only", many.len()), remedy),
        ([one], _) => ADDRESSES.failed(one.clone(), remedy),
        (many, _) => ADDRESSES.failed(format!("{} lead nowhere", many.len()), remedy),
    };
    check.facts("registration", fatal.into_iter().chain(doubtful))
}

fn judge_servers(entries: &[Entry], findings: &Findings) -> Check {
    let (mut dead, mut refusing) = (Vec::new(), Vec::new());
    let (mut alive, mut untold) = (0, 0);
    let mut causes = BTreeMap::new();
    for entry in entries {
        match findings.get(&entry.location) {
            None => untold += 1,
            Some(Finding::Misplaced(_)) => {}
            Some(Finding::Answers { .. }) => alive += 1,
            // The server is there: it wants a key, a certificate, or another time.
            Some(Finding::Fails(cause @ (Cause::Key | Cause::Tls | Cause::Serializer | Cause::Busy), text)) => {
                refusing.push(line(entry, text));
                causes.insert(entry.location.clone(), *cause);
            }
            Some(Finding::Fails(cause, text)) => {
                dead.push((entry, line(entry, text)));
                causes.insert(entry.location.clone(), *cause);
            }
        }
    }
    let left = match untold {
        0 => String::new(),
        count => format!("; the time was up before {} could be looked at", counted(count, "name")),
    };
    let check = match (dead.as_slice(), refusing.as_slice()) {
        ([], []) if untold > 0 => SERVERS.warning(format!("there for {}{left}", counted(alive, "name")), "Give it more time with --timeout."),
        ([], []) if alive == 0 => SERVERS.skipped("there was no address to ask"),
        ([], []) => SERVERS.ok(format!("all there ({})", counted(alive, "name"))),
        ([], [one]) => SERVERS.warning(format!("{one}{left}"), remedy_for(&causes)),
        ([], many) => SERVERS.warning(format!("{} names lead to servers that refuse us{left}", many.len()), remedy_for(&causes)),
        ([(entry, text)], _) => {
            let cause = causes.get(&entry.location).copied().unwrap_or(Cause::Other);
            SERVERS.failed(format!("{text}{left}"), format!("{} If it is gone for good: `ferropyro nsc remove {}`.", cause.remedy(&entry.location.to_string()), entry.name))
        }
        (many, _) => SERVERS.failed(
            format!("{} names lead to no server{left}", many.len()),
            "Start these servers again, so that they register anew; take names that are gone for good out with `ferropyro nsc remove NAME`. Where an answer did not come in time, think of a firewall.",
        ),
    };
    let check = check.facts("registration", dead.into_iter().map(|(_, text)| text).chain(refusing));
    versions(findings).into_iter().fold(check, |check, (dialect, count)| {
        check.fact("servers", format!("{dialect}: {count}"))
    })
}

fn remedy_for(causes: &BTreeMap<Location, Cause>) -> String {
    let first = causes.iter().next();
    first.map_or_else(String::new, |(location, cause)| cause.remedy(&location.to_string()))
}

/// How many servers speak what. Those of ferropyro speak Pyro5 with us.
fn versions(findings: &Findings) -> BTreeMap<Dialect, usize> {
    let mut versions = BTreeMap::new();
    for finding in findings.values() {
        if let Finding::Answers { dialect, .. } = finding {
            *versions.entry(*dialect).or_default() += 1;
        }
    }
    versions
}

fn judge_objects(entries: &[Entry], findings: &Findings) -> Check {
    let mut unknown = Vec::new();
    let mut known = 0;
    for entry in entries {
        if let Some(Finding::Answers { objects, .. }) = findings.get(&entry.location) {
            match objects.contains(&entry.id) {
                true => known += 1,
                false => unknown.push(line(entry, "unknown object")),
            }
        }
    }
    let remedy = "The server was started anew with other objects, or another server has the port now. Let the right one register again, or take the name out with `ferropyro nsc remove NAME`.";
    let check = match unknown.as_slice() {
        [] if known == 0 => OBJECTS.skipped("there was no server to ask"),
        [] => OBJECTS.ok(format!("all there ({})", counted(known, "name"))),
        [one] => OBJECTS.failed(one.clone(), remedy),
        many => OBJECTS.failed(
            format!("{} names lead to objects that their servers do not have", many.len()),
            remedy,
        ),
    };
    check.facts("registration", unknown)
}

fn line(entry: &Entry, text: &str) -> String {
    format!("{} -> PYRO:{}@{}: {text}", entry.name, entry.id, entry.location)
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn entry(name: &str, port: u16) -> Entry {
        Entry {
            name: name.to_owned(),
            id: "obj".to_owned(),
            location: Location::tcp("box", port),
        }
    }

    fn answers(objects: &[&str], doubt: Option<&str>) -> Finding {
        Finding::Answers {
            dialect: Dialect::V502,
            objects: objects.iter().map(|id| (*id).to_owned()).collect(),
            doubt: doubt.map(str::to_owned),
        }
    }

    fn verdicts(finding: Option<Finding>) -> [Verdict; 3] {
        let entries = [entry("one", 1)];
        let findings: Findings = finding
            .into_iter()
            .map(|finding| (Location::tcp("box", 1), finding))
            .collect();
        [
            judge_addresses(&entries, &findings, Vec::new()).verdict(),
            judge_servers(&entries, &findings).verdict(),
            judge_objects(&entries, &findings).verdict(),
        ]
    }

    // Conformance: LOC-15
    #[test]
    fn each_fault_of_a_registration_is_found_by_one_check() {
        use Verdict::{Failed, Ok, Skipped, Warning};
        let misplaced = Finding::Misplaced(Fault {
            is_fatal: true,
            text: "no address".to_owned(),
        });
        let fails = |cause| Some(Finding::Fails(cause, "the reason".to_owned()));
        assert_eq!(verdicts(Some(answers(&["obj"], None))), [Ok, Ok, Ok]);
        assert_eq!(verdicts(Some(answers(&["obj"], Some("loopback")))), [Warning, Ok, Ok]);
        assert_eq!(verdicts(Some(answers(&["other"], None))), [Ok, Ok, Failed]);
        assert_eq!(verdicts(Some(misplaced)), [Failed, Skipped, Skipped]);
        assert_eq!(verdicts(fails(Cause::Refused)), [Ok, Failed, Skipped]);
        assert_eq!(verdicts(fails(Cause::Unanswered)), [Ok, Failed, Skipped]);
        assert_eq!(verdicts(fails(Cause::Key)), [Ok, Warning, Skipped]);
        assert_eq!(verdicts(None), [Ok, Warning, Skipped], "the time was up");
    }

    #[test]
    fn names_of_names_and_the_name_server_itself_are_passed_over_and_no_uri_is_told() {
        let registered = |uri: &str| Registration {
            uri: uri.to_owned(),
            metadata: BTreeSet::new(),
        };
        let listed = [
            (NAMESERVER_ID, "PYRO:Pyro.NameServer@localhost:9090"),
            ("alias", "PYRONAME:other"),
            ("broken", "http://box"),
            ("good", "PYRO:obj@box:1"),
        ];
        let listed = listed
            .into_iter()
            .map(|(name, uri)| (name.to_owned(), registered(uri)))
            .collect();
        let (entries, problems) = read(listed);
        assert_eq!(
            entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
            ["good"]
        );
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("broken -> http://box: "), "{problems:?}");
    }

    #[test]
    fn only_so_many_names_are_looked_at() {
        let registration = Registration {
            uri: "PYRO:obj@box:1".to_owned(),
            metadata: BTreeSet::new(),
        };
        let listed = (0..MOST_NAMES + 5)
            .map(|number| (format!("{number:05}"), registration.clone()))
            .collect();
        assert_eq!(read(listed).0.len(), MOST_NAMES);
    }
}
