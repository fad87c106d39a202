//! `ferropyro inspect`: what a server has to offer.

use std::iter;
use std::time::{Duration, Instant};

use clap::Args;
use ferropyro::uri::Protocol;
use ferropyro::{
    AttributeDescription, DAEMON_ID, Description, Dialect, Dict, ErrorKind, InstanceMode, Location, Metadata,
    MethodDescription, Proxy, Uri, Value, formats,
};

use crate::client::{Client, ClientArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::output;

/// How often the round trip is measured; the middle one counts.
const PINGS: usize = 5;

/// Shows the objects of a server and what they offer
///
/// A server of this library tells what its methods take and give, and what its program says about them; others tell names.
///
/// Examples:
///   ferropyro inspect PYRONAME:test.echoserver     one object
///   ferropyro inspect PYRO:@localhost:4711         all objects of the server
///   ferropyro inspect localhost:4711 -o json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct InspectArgs {
    /// The URI of an object; or PYRO:@HOST:PORT, HOST:PORT or ./u:PATH for all objects of a server
    #[arg(value_name = "URI")]
    target: String,

    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    format: Format,
}

pub(crate) fn run(args: InspectArgs) -> Outcome {
    let client = args.client.client()?;
    let report = match whole_server(&args.target) {
        Some(location) => Report::of_server(&client, location)?,
        None => Report::of_object(&client, client.resolve(&client.uri(&args.target)?)?)?,
    };
    if args.format.is_json() {
        output::line(json::to_json(report.to_value())?);
    } else {
        output::line(report.to_text());
    }
    Ok(Exit::Ok)
}

/// The location, when the text means all objects of a server.
fn whole_server(text: &str) -> Option<Location> {
    let location = match text.split_once(':') {
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("PYRO") => rest.strip_prefix('@')?,
        Some((protocol, _))
            if protocol.eq_ignore_ascii_case("PYRONAME") || protocol.eq_ignore_ascii_case("PYROMETA") =>
        {
            return None;
        }
        _ => text,
    };
    Location::parse(location, None).ok()
}

/// What was found.
struct Report {
    location: Location,
    dialect: Dialect,
    round_trip: Duration,
    /// The ids of all objects.
    registered: Vec<String>,
    /// The objects that were asked for.
    objects: Vec<Found>,
}

/// An object.
struct Found {
    uri: Uri,
    metadata: Metadata,
    /// `None` if the server is not one that tells more.
    description: Option<Description>,
}

impl Report {
    fn of_server(client: &Client, location: Location) -> Result<Report, Failure> {
        let daemon = client.proxy(uri(DAEMON_ID, &location)?)?;
        let mut report = Report::of_daemon(&daemon, location)?;
        for id in &report.registered {
            report.objects.push(Found::ask(&daemon, uri(id, &report.location)?)?);
        }
        Ok(report)
    }

    fn of_object(client: &Client, object: Uri) -> Result<Report, Failure> {
        let Some(location) = object.location().filter(|_| object.protocol() == Protocol::Pyro) else {
            return Err(Failure::usage(format_args!("{object} has no location")));
        };
        let daemon = client.proxy(uri(DAEMON_ID, location)?)?;
        let mut report = Report::of_daemon(&daemon, location.clone())?;
        let id = object.object();
        if !report.registered.iter().any(|other| *other == id) {
            let text = format!(
                "unknown object: {id}; the server at {location} has {}",
                report.registered.join(", ")
            );
            return Err(Failure::new(Exit::NotFound, text));
        }
        report.objects.push(Found::ask(&daemon, object)?);
        Ok(report)
    }

    fn of_daemon(daemon: &Proxy, location: Location) -> Result<Report, Failure> {
        let registered = daemon.call("registered", ())?;
        Ok(Report {
            location,
            dialect: daemon.dialect()?,
            round_trip: round_trip(daemon)?,
            registered,
            objects: Vec::new(),
        })
    }

    fn to_text(&self) -> String {
        let protocol = protocol(self.dialect);
        let mut lines = vec![
            format!("server       {}", self.location),
            format!("protocol     {protocol}"),
            format!("round trip   {:.3} ms", milliseconds(self.round_trip)),
            format!("objects      {}", self.registered.join(", ")),
        ];
        lines.extend(self.objects.iter().flat_map(Found::to_lines));
        lines.join("\n")
    }

    fn to_value(&self) -> Value {
        let objects = self.objects.iter().map(Found::to_value);
        Value::Dict(Dict::from([
            ("location", Value::from(self.location.to_string())),
            ("protocol", Value::from(self.dialect.version())),
            ("round_trip_ms", Value::from(milliseconds(self.round_trip))),
            ("registered", texts(&self.registered)),
            ("objects", Value::List(objects.collect())),
        ]))
    }
}

impl Found {
    /// Asks the daemon for both, over its one connection.
    fn ask(daemon: &Proxy, uri: Uri) -> Result<Found, Failure> {
        let id = uri.object().into_owned();
        Ok(Found {
            metadata: daemon.call("get_metadata", (&id,))?,
            description: describe(daemon, &id)?,
            uri,
        })
    }

    fn to_lines(&self) -> Vec<String> {
        let mut lines = vec![format!("\n{}", self.uri)];
        match &self.description {
            Some(description) => lines.extend(told(description)),
            None => lines.extend(named(&self.metadata)),
        }
        lines
    }

    fn to_value(&self) -> Value {
        // What came as a dict becomes one again.
        let description = formats::to_value(&self.description).unwrap_or(Value::None);
        Value::Dict(Dict::from([
            ("uri", Value::from(self.uri.to_string())),
            ("methods", texts(&sorted(&self.metadata.methods))),
            ("oneway", texts(&sorted(&self.metadata.oneway))),
            ("attributes", texts(&sorted(&self.metadata.attributes))),
            ("description", description),
        ]))
    }
}

/// What the daemon tells of an object. Pyro's own have no method for it.
fn describe(daemon: &Proxy, id: &str) -> Result<Option<Description>, Failure> {
    match daemon.call("describe", (id,)) {
        Ok(description) => Ok(Some(description)),
        Err(error) if error.kind() == ErrorKind::Attribute => Ok(None),
        Err(error)
            if error
                .as_remote()
                .is_some_and(|remote| remote.class_name() == "AttributeError") =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The names alone.
fn named(metadata: &Metadata) -> Vec<String> {
    let (oneway, answering): (Vec<String>, Vec<String>) = sorted(&metadata.methods)
        .into_iter()
        .partition(|method| metadata.oneway.contains(method));
    let lists = [
        list("methods", &answering),
        list("oneway", &oneway),
        list("attributes", &sorted(&metadata.attributes)),
    ];
    lists.into_iter().flatten().collect()
}

/// Signatures and documentation, in the order of the program.
fn told(description: &Description) -> Vec<String> {
    let (oneway, answering): (Vec<&MethodDescription>, Vec<&MethodDescription>) =
        description.methods.iter().partition(|method| method.oneway);
    let method = |method: &&MethodDescription| entry(method.to_string(), method.doc.as_deref());
    let attribute = |attribute: &AttributeDescription| {
        let read_only = if attribute.writable { "" } else { "  (read only)" };
        entry(format!("{attribute}{read_only}"), attribute.doc.as_deref())
    };
    let mode = match description.instance_mode {
        InstanceMode::Single => "one instance for all",
        InstanceMode::Session => "an instance for each connection",
        InstanceMode::PerCall => "an instance for each call",
    };
    let class = entry(format!("{}, {mode}", description.class), description.doc.as_deref());
    [
        column("class", class),
        column("methods", answering.iter().flat_map(method)),
        column("oneway", oneway.iter().flat_map(method)),
        column("attributes", description.attributes.iter().flat_map(attribute)),
    ]
    .concat()
}

/// A line, and what is said about it below.
fn entry(line: String, doc: Option<&str>) -> Vec<String> {
    let doc = doc.unwrap_or_default().lines().map(|line| format!("    {line}"));
    // Names and types are the other side's, too: none of them makes lines of its own.
    iter::once(line.replace('\n', "\\n")).chain(doc).collect()
}

/// Lines with a title before the first one.
fn column(title: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let titles = iter::once(title).chain(iter::repeat(""));
    let lines = titles.zip(lines).map(|(title, line)| format!("  {title:<10} {line}"));
    lines.map(|line| line.trim_end().to_owned()).collect()
}

fn uri(id: &str, location: &Location) -> Result<Uri, Failure> {
    Uri::pyro(id, location.clone()).map_err(|error| Failure::new(Exit::Failed, format_args!("{id}: {error}")))
}

/// The middle one of some calls that do nothing.
fn round_trip(daemon: &Proxy) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for _ in 0..PINGS {
        let start = Instant::now();
        daemon.call::<()>("ping", ())?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[PINGS / 2])
}

fn protocol(dialect: Dialect) -> String {
    let generation = if dialect.is_pyro5() { "Pyro5" } else { "Pyro4" };
    format!("{} ({generation})", dialect.version())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

fn texts(names: &[String]) -> Value {
    Value::List(names.iter().map(|name| Value::from(name.as_str())).collect())
}

/// A line with names; none when there are no names.
fn list(title: &str, names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| format!("  {title:<10} {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_means_the_whole_server_and_a_uri_one_object() {
        let tcp = Location::tcp("localhost", 4711);
        for text in ["localhost:4711", "PYRO:@localhost:4711", "pyro:@localhost:4711"] {
            assert_eq!(whole_server(text), Some(tcp.clone()), "{text}");
        }
        assert_eq!(whole_server("./u:/tmp/sock"), Some(Location::unix("/tmp/sock")));
        assert_eq!(whole_server("[::1]:4711"), Some(Location::tcp("::1", 4711)));
        for text in [
            "PYRO:obj@localhost:4711",
            "PYRONAME:name",
            "PYROMETA:tag",
            "localhost",
            "PYRONAME:x@host:1",
        ] {
            assert_eq!(whole_server(text), None, "{text}");
        }
    }
}
