//! One object: what its name stands for, the way to its server, whether it is there, and what it offers.

use ferropyro::naming::{Filter, NAMESERVER_ID};
use ferropyro::uri::Protocol;
use ferropyro::{DAEMON_ID, Error, ErrorKind, Location, Metadata, NameServer, Result, Serializer, Uri, naming};

use super::cause::Cause;
use super::means::{Means, look_up, within};
use super::published::{Audience, fault};
use super::report::{Check, Subject};
use super::road::{self, SERVER};

const NAME: Subject = Subject::new("object.name", "What the name stands for");
const KNOWN: Subject = Subject::new("object.known", "The object");
const METADATA: Subject = Subject::new("object.metadata", "What the object offers");
const OBJECTS: Subject = Subject::new("server.objects", "Objects of the server");

/// There was no name server to ask what a name stands for.
pub(super) fn unasked(means: &Means, word: Option<&str>) -> Check {
    let hint = word.and_then(|word| machine_hint(means, word)).unwrap_or_default();
    NAME.skipped(format!("there is no name server to ask{hint}"))
}

/// What to write if a word is not the name of an object but that of a machine.
fn machine_hint(means: &Means, word: &str) -> Option<String> {
    let is_machine = look_up(word, means.timeout).addresses.is_ok();
    is_machine.then(|| {
        format!(
            "; if the machine {word} is meant: `ferropyro doctor {word}:{}`",
            means.config.ns_port
        )
    })
}

/// Asks the name server what a name stands for. `word`: what the user wrote, when it is a plain word.
pub(super) fn resolve(
    means: &Means,
    nameserver: &NameServer,
    audience: Audience,
    uri: &Uri,
    word: Option<&str>,
) -> (Check, Option<Uri>) {
    let resolved = ask_for(means, nameserver, uri);
    match resolved {
        Ok(found) => judge_resolved(means, audience, found),
        Err(error) => {
            let cause = Cause::of(&error);
            let mut remedy = cause.remedy("the name server");
            if cause == Cause::UnknownName {
                remedy = match uri.tags() {
                    Some(_) => "No registration has all of these tags: `ferropyro nsc listmeta_any TAG` shows those that have one.".to_owned(),
                    None => remedy,
                };
                remedy.extend(word.and_then(|word| machine_hint(means, word)));
            }
            let check = NAME.failed(error.to_string(), remedy);
            (check.facts("registered", some_names(means, nameserver)), None)
        }
    }
}

/// The same name server, and the limits of time, as for the other checks.
fn ask_for(means: &Means, nameserver: &NameServer, uri: &Uri) -> Result<Uri> {
    let place = nameserver.proxy().uri().location().cloned();
    let (asked, settings, uri) = (nameserver.clone(), means.naming(), uri.clone());
    let answer = within(means.patience() * 2, move || match uri.tags() {
        None => asked.lookup(&uri.object()),
        Some(tags) => naming::resolve_with(&Uri::pyrometa(tags.clone(), place)?, &settings),
    });
    answer.unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, "the name server did not answer in time")))
}

/// A few of the names that there are.
fn some_names(means: &Means, nameserver: &NameServer) -> Vec<String> {
    let asked = nameserver.clone();
    let listed = within(means.patience(), move || asked.list(&Filter::All));
    let Some(Ok(listed)) = listed else { return Vec::new() };
    listed
        .into_keys()
        .filter(|name| name != NAMESERVER_ID)
        .take(10)
        .collect()
}

/// Gives the URI if it makes sense to go there: an address that is wrong may lead to another server.
fn judge_resolved(means: &Means, audience: Audience, found: Uri) -> (Check, Option<Uri>) {
    let remedy = "Give the object's server an address that its clients can reach (PYRO_HOST, `Daemon(host=...)`, `.host(...)`; behind address translation PYRO_NATHOST), and let it register again.";
    let fault = found
        .location()
        .and_then(|location| fault(location, audience, means.timeout));
    let is_usable = fault.as_ref().is_none_or(|fault| !fault.is_fatal);
    let check = match fault {
        Some(fault) if fault.is_fatal => NAME.failed(format!("{found}: {}", fault.text), remedy),
        Some(fault) => NAME.warning(format!("{found}: {}", fault.text), remedy),
        None => NAME.ok(found.to_string()),
    };
    (check.fact("uri", found.to_string()), is_usable.then_some(found))
}

/// There is no address at which to look.
pub(super) fn skipped() -> [Check; 2] {
    [KNOWN, METADATA].map(|step| step.skipped(format!("see {}", NAME.id())))
}

/// The way to an object whose URI is known.
pub(super) fn check(means: &Means, uri: &Uri) -> Vec<Check> {
    let Some(location) = uri.location().filter(|_| uri.protocol() == Protocol::Pyro) else {
        return vec![KNOWN.failed(
            format!("{uri} is no address of an object"),
            "The name must stand for a URI that begins with PYRO: register it again.",
        )];
    };
    let road = road::walk(&SERVER, means, location);
    let mut checks = road.checks;
    match road.serializer {
        Some(serializer) => checks.extend(judge_object(uri, location, &metadata(means, uri, serializer))),
        None => checks.extend([KNOWN, METADATA].map(|step| step.skipped("there is no way to its server"))),
    }
    checks
}

fn metadata(means: &Means, uri: &Uri, serializer: Serializer) -> Result<Metadata> {
    let (means_, uri) = (means.clone(), uri.clone());
    let answer = within(means.patience(), move || {
        means_.proxy(uri, Some(serializer))?.metadata()
    });
    answer.unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, "no answer in time")))
}

fn judge_object(uri: &Uri, location: &Location, metadata: &Result<Metadata>) -> [Check; 2] {
    match metadata {
        Ok(metadata) => {
            let answering = metadata.methods.len().saturating_sub(metadata.oneway.len());
            let found = format!(
                "methods: {answering}, oneway: {}, attributes: {}",
                metadata.oneway.len(),
                metadata.attributes.len()
            );
            let offers = METADATA
                .ok(found)
                .fact("methods", metadata.methods.join(", "))
                .fact("oneway", metadata.oneway.join(", "))
                .fact("attributes", metadata.attributes.join(", "));
            [KNOWN.ok(format!("the server has {}", uri.object())), offers]
        }
        Err(error) if error.to_string().contains("doesn't expose any") => {
            let remedy = "Expose its methods: `@expose` in Python, `pub fn` in a block with `#[expose]` in Rust.";
            [
                KNOWN.ok(format!("the server has {}", uri.object())),
                METADATA.failed(error.to_string(), remedy),
            ]
        }
        Err(error) => {
            let remedy = Cause::of(error).remedy(&location.to_string());
            [
                KNOWN.failed(error.to_string(), remedy),
                METADATA.skipped("see object.known"),
            ]
        }
    }
}

/// The way to a server of which no object was named, and what it has.
pub(super) fn check_server(means: &Means, location: &Location) -> (Vec<Check>, bool) {
    let road = road::walk(&SERVER, means, location);
    let mut checks = road.checks;
    let Some(serializer) = road.serializer else {
        return (checks, false);
    };
    let (means_, there) = (means.clone(), location.clone());
    let answer = within(means.patience(), move || -> Result<Vec<String>> {
        means_
            .proxy(Uri::pyro(DAEMON_ID, there)?, Some(serializer))?
            .call("registered", ())
    });
    let (check, has_names) = match answer {
        Some(Ok(ids)) => {
            let check = OBJECTS.ok(format!("{}: {}", ids.len(), ids.join(", ")));
            (check, ids.iter().any(|id| id == NAMESERVER_ID))
        }
        Some(Err(error)) => (
            OBJECTS.failed(error.to_string(), Cause::of(&error).remedy(&location.to_string())),
            false,
        ),
        None => (
            OBJECTS.failed("no answer in time", Cause::Silent.remedy(&location.to_string())),
            false,
        ),
    };
    checks.push(check);
    (checks, has_names)
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn verdicts(metadata: Result<Metadata>) -> [Verdict; 2] {
        let uri: Uri = "PYRO:obj@box:1".parse().unwrap();
        judge_object(&uri, &Location::tcp("box", 1), &metadata).map(|check| check.verdict())
    }

    #[test]
    fn an_object_that_is_not_there_is_told_from_one_that_offers_nothing() {
        assert_eq!(verdicts(Ok(Metadata::default())), [Verdict::Ok, Verdict::Ok]);
        let unknown = Error::new(
            ErrorKind::Communication,
            "connection to ('box', 1) rejected: unknown object",
        );
        assert_eq!(verdicts(Err(unknown)), [Verdict::Failed, Verdict::Skipped]);
        let empty = Error::new(
            ErrorKind::Pyro,
            "remote object 'x' doesn't expose any methods or attributes.",
        );
        assert_eq!(verdicts(Err(empty)), [Verdict::Ok, Verdict::Failed]);
    }
}
