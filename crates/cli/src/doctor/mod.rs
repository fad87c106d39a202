//! `ferropyro doctor`: the troubleshooting list of the guide, as checks (manual chapter "Tips & Tricks", "Failed to locate the nameserver").
//!
//! A check looks at one thing and says what it has found; one that fails says what to do. Whatever may hang has a limit of time.

mod cause;
mod connect;
mod host;
mod means;
mod nameserver;
mod object;
mod published;
mod registrations;
mod report;
mod road;
mod settings;
mod talk;
mod tls;

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use ferropyro::uri::Protocol;
use ferropyro::{Location, Uri, logging};

use self::means::Means;
use self::published::Audience;
use self::report::Report;
use crate::exit::{Failure, Outcome};
use crate::json::Format;
use crate::{client, files, keys, output};

/// Finds out why something is not reached: checks the settings, this machine, the name server, and the way to objects
///
/// Without an argument the name server is looked for as programs do it, and everything that is registered there is tried (at most 200 names). The exit
/// status is 1 if any check has failed. Nothing is changed anywhere.
///
/// Examples:
///   ferropyro doctor                          this machine, the name server, the registrations
///   ferropyro doctor test.echoserver          the whole way to the object of that name
///   ferropyro doctor PYRO:obj@box:4711        the same without a name server
///   ferropyro doctor box                      the name server on that machine; a word with a port, a number or localhost is a host
///   ferropyro doctor box:4711 -o json         a server, whatever it has
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DoctorArgs {
    /// The URI or the registered name of an object, or HOST[:PORT] or ./u:PATH of a name server or another server
    #[arg(value_name = "URI")]
    target: Option<String>,

    /// How long to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = patience)]
    timeout: Duration,

    /// Show the facts behind every check, not only of those that found something
    #[arg(short, long)]
    verbose: bool,

    #[command(flatten)]
    format: Format,
}

/// What is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// This machine, the name server, and all that is registered there.
    Everything,
    /// A name server or another server.
    Server(Location),
    /// An object that a name server knows, under a plain word if it was given as one.
    Named(Uri, Option<String>),
    /// An object by its address.
    Object(Uri),
}

pub(crate) fn run(args: DoctorArgs) -> Outcome {
    let (config, environment) = settings::environment();
    logging::init_from_config(&config);
    let target = Target::parse(args.target.as_deref(), config.ns_port)?;
    let mut report = Report::default();
    // Before the limit of files is raised, as that changes what is found.
    let open_files = host::open_files(&config);
    files::raise_limit();
    let means = Means::new(config, keys::from_env(), args.timeout);
    report.extend([
        settings::versions(),
        environment,
        settings::host(&means),
        settings::ns_host(&means),
        settings::log(&means.config),
        host::name(&means),
        open_files,
        host::ns_port(&means),
        host::broadcast_port(&means),
    ]);
    report.extend(tls::files(&means));
    examine(&means, &target, &mut report);
    match args.format.is_json() {
        true => output::line(report.to_json(args.target.as_deref())?),
        false => report.print(args.verbose),
    }
    Ok(report.exit())
}

fn examine(means: &Means, target: &Target, report: &mut Report) {
    match target {
        Target::Everything => examine_names(means, None, report),
        Target::Object(uri) => report.extend(object::check(means, uri)),
        Target::Named(uri, word) => examine_named(means, uri, word.as_deref(), report),
        Target::Server(location) => {
            let is_ns_port = matches!(location, Location::Tcp { port, .. } if *port == means.config.ns_port);
            if is_ns_port {
                return examine_names(means, Some(location), report);
            }
            match object::check_server(means, location) {
                // The way to a name server is among the checks of that.
                (_, true) => examine_names(means, Some(location), report),
                (checks, false) => report.extend(checks),
            }
        }
    }
}

/// The name server, and all that is registered there.
fn examine_names(means: &Means, location: Option<&Location>, report: &mut Report) {
    let names = nameserver::check(means, location);
    report.extend(names.checks);
    match &names.nameserver {
        Some(nameserver) => {
            let audience = names.audience.unwrap_or(Audience::Machine);
            report.extend(registrations::check(means, nameserver, audience));
        }
        None => report.add(registrations::skipped()),
    }
}

/// One object that has a name.
fn examine_named(means: &Means, uri: &Uri, word: Option<&str>, report: &mut Report) {
    let names = nameserver::check(means, uri.location());
    report.extend(names.checks);
    let Some(nameserver) = &names.nameserver else {
        report.add(object::unasked(means, word));
        report.extend(object::skipped());
        return;
    };
    let audience = names.audience.unwrap_or(Audience::Machine);
    let (check, found) = object::resolve(means, nameserver, audience, uri, word);
    report.add(check);
    match found {
        Some(found) => report.extend(object::check(means, &found)),
        None => report.extend(object::skipped()),
    }
}

impl Target {
    /// A word is a host if it cannot be anything else; else it is a name.
    fn parse(text: Option<&str>, ns_port: u16) -> Result<Target, Failure> {
        let Some(text) = text else {
            return Ok(Target::Everything);
        };
        let protocol = text.split_once(':').map(|(word, _)| word.to_ascii_uppercase());
        if matches!(protocol.as_deref(), Some("PYRO" | "PYRONAME" | "PYROMETA")) {
            return match Uri::parse_with(text, ns_port) {
                Ok(uri) if uri.protocol() == Protocol::Pyro => Ok(Target::Object(uri)),
                Ok(uri) => Ok(Target::Named(uri, None)),
                Err(error) => Err(misuse(text, error)),
            };
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Target::Server(Location::tcp(address.to_string(), ns_port)));
        }
        let is_host = text.contains(':') || text.starts_with('[') || text.eq_ignore_ascii_case("localhost");
        match (is_host, Location::parse(text, Some(ns_port))) {
            (true, Ok(location)) => Ok(Target::Server(location)),
            (true, Err(error)) => Err(misuse(text, error)),
            (false, _) => match Uri::pyroname(text, None) {
                Ok(uri) => Ok(Target::Named(uri, Some(text.to_owned()))),
                Err(error) => Err(misuse(text, error)),
            },
        }
    }
}

/// As long as somebody may want to wait for one answer.
const LONGEST: Duration = Duration::from_secs(600);

fn patience(text: &str) -> Result<Duration, String> {
    match client::seconds(text)? {
        time if time > LONGEST => Err(format!("at most {} seconds are possible", LONGEST.as_secs())),
        time => Ok(time),
    }
}

fn misuse(text: &str, error: impl std::fmt::Display) -> Failure {
    Failure::usage(format_args!(
        "{text}: {error}; it should look like PYRONAME:name, PYRO:object@host:port, a name, or HOST:PORT"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_name_and_what_cannot_be_a_name_is_a_host() {
        let parse = |text: &str| Target::parse(Some(text), 9090).unwrap();
        let server = |host: &str, port| Target::Server(Location::tcp(host, port));
        assert_eq!(Target::parse(None, 9090).unwrap(), Target::Everything);
        assert_eq!(parse("localhost"), server("localhost", 9090));
        assert_eq!(parse("192.0.2.7"), server("192.0.2.7", 9090));
        assert_eq!(parse("::1"), server("::1", 9090));
        assert_eq!(parse("[::1]:4711"), server("::1", 4711));
        assert_eq!(parse("box:4711"), server("box", 4711));
        assert_eq!(parse("box:"), server("box", 9090));
        assert_eq!(parse("./u:/run/x.sock"), Target::Server(Location::unix("/run/x.sock")));
        let named = |text: &str| Target::Named(text.parse().unwrap(), None);
        assert_eq!(parse("PYRONAME:scale@box"), named("PYRONAME:scale@box:9090"));
        assert_eq!(parse("PYROMETA:a,b"), named("PYROMETA:a,b"));
        assert_eq!(
            parse("PYRO:scale@box:1"),
            Target::Object("PYRO:scale@box:1".parse().unwrap())
        );
        let word = |text: &str| Target::Named(Uri::pyroname(text, None).unwrap(), Some(text.to_owned()));
        assert_eq!(parse("test.echoserver"), word("test.echoserver"));
    }

    #[test]
    fn what_is_neither_is_misuse() {
        for text in ["PYRO:x", "PYRO:x@box", "box:port", "two words", "", "[::1", "PYRONAME:"] {
            assert!(Target::parse(Some(text), 9090).is_err(), "{text}");
        }
    }
}
