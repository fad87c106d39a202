//! `ferropyro nsc`: asks and changes a name server; `pyro4-nsc` and `pyro5-nsc`.

mod command;
mod dead;
mod document;
mod export;
mod import;
mod list;
mod migrate;
mod own;
mod parallel;
mod register;
mod remove;
mod watch;

use clap::Args;
use ferropyro::config::Config;
use ferropyro::naming::{self, Settings};
use ferropyro::{Dialect, Error, ErrorKind, Location, NameServer, Proxy};

use self::command::{Command, Misuse};
use self::own::{Own, Task};
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output};

/// Asks and changes a name server
///
/// Examples:
///   ferropyro nsc list
///   ferropyro nsc -n 192.168.1.10 list sensors. -o json
///   ferropyro nsc register thermometer PYRO:thermometer@localhost:4711 roof
#[derive(Debug, Args)]
#[command(args_override_self = true, verbatim_doc_comment)]
pub(crate) struct NscArgs {
    #[command(flatten)]
    server: ServerArgs,

    #[command(subcommand)]
    command: Option<Own>,
}

/// Asks and changes a name server
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Commands:
  ping                        check that the name server answers
  list [PREFIX]               all names, or those that start with PREFIX
  listmatching PATTERN        names that match a regular expression, from their start
  lookup NAME                 the URI of a name
  register NAME URI           add a name
  remove NAME                 take a name out
  removematching PATTERN      take all names out that match a regular expression
  setmeta NAME [TAG...]       replace the tags of a name
  listmeta_all TAG...         names with all of these tags (Pyro5: yplookup_all)
  listmeta_any TAG...         names with one of these tags (Pyro5: yplookup_any)"
)]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// What to do, see below
    command: Option<String>,

    /// The arguments of the command
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

/// Which name server is meant, and how to speak to it; before the command or behind it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which name server")]
struct ServerArgs {
    /// Host name or address of the name server [default: it is searched, on NS_HOST of the configuration or on this machine and by broadcast]
    #[arg(short = 'n', long, value_name = "HOST", global = true)]
    host: Option<String>,

    /// Port of the name server [default: NS_PORT of the configuration, 9090]; without a host also the UDP port of the broadcast [default: NS_BCPORT, 9091]
    #[arg(short, long, value_name = "PORT", global = true)]
    port: Option<u16>,

    /// Unix domain socket of the name server
    #[arg(short, long, value_name = "PATH", global = true)]
    unixsocket: Option<String>,

    /// The HMAC key to use (deprecated; set PYRO_HMAC_KEY in its place)
    #[arg(short, long, value_name = "KEY", global = true)]
    key: Option<String>,

    /// Say more
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// A name server, and how it was reached.
struct Session {
    nameserver: NameServer,
    settings: Settings,
}

/// By our own name.
pub(crate) fn run(args: NscArgs) -> Outcome {
    let Some(command) = args.command else {
        return misuse(Misuse::no_command());
    };
    match command.task() {
        Ok(Task::OfPyro(command)) => run_as_pyro(&args.server, &command, Personality::Ferropyro),
        Ok(Task::WithNameServer(work)) => work(&Session::open(&args.server)?),
        Ok(Task::Alone(work)) => work(),
        Err(wrong) => misuse(wrong),
    }
}

/// By the name of one of Pyro's tools.
pub(crate) fn run_link(args: LinkArgs, personality: Personality) -> Outcome {
    let command = args.command.as_deref().unwrap_or_default();
    match Command::parse(command, &args.arguments, personality) {
        Ok(command) => run_as_pyro(&args.server, &command, personality),
        Err(wrong) => {
            // A wrong key is told first, as there.
            key(&args.server, personality)?;
            misuse(wrong)
        }
    }
}

fn misuse(misuse: Misuse) -> Outcome {
    output::note(misuse.text);
    Ok(misuse.exit)
}

/// Does what Pyro's tools do as well, and prints their lines.
fn run_as_pyro(args: &ServerArgs, command: &Command, personality: Personality) -> Outcome {
    let key = key(args, personality)?;
    let config = personality.config()?;
    let say = |text: &str| {
        if args.verbose {
            output::line(text);
        }
    };
    say("Locating name server...");
    let nameserver = match locate(args, config, key, personality) {
        Ok(nameserver) => nameserver,
        Err(error) => return Ok(not_found(&error, personality)),
    };
    say(&format!("Name server found: {}", nameserver.proxy().uri()));
    let result = command.run(&nameserver, personality);
    if let Err(error) = &result {
        output::line(format_args!("Error: {} - {}", class_name(error), error.message()));
    }
    // Pyro5's tool does not get this far after an error.
    if result.is_ok() || personality == Personality::Pyro4 {
        say("Done.");
    }
    Ok(result.map_or_else(|error| Exit::of(&error), |()| Exit::Ok))
}

impl Session {
    /// Finds the name server for a command that Pyro's tools do not have: standard output is for its data alone.
    fn open(args: &ServerArgs) -> Result<Session, Failure> {
        let personality = Personality::Ferropyro;
        let key = key(args, personality)?;
        let config = personality.config()?;
        let mut settings = Settings::new(config.clone()).hmac_key(&key);
        let nameserver = locate(args, config, key, personality).map_err(failed)?;
        // Names that lead to other names mean those of the same name server.
        if let Some(Location::Tcp { host, port }) = nameserver.proxy().uri().location() {
            settings.config.ns_host = host.clone();
            settings.config.ns_port = *port;
        }
        if args.verbose {
            output::note(format_args!("Name server found: {}", nameserver.proxy().uri()));
        }
        Ok(Session { nameserver, settings })
    }

    /// The error of something that name servers of Python cannot do, in words that say so.
    fn cannot(&self, what: &str, error: Error) -> Failure {
        let is_unknown_there = match error.as_remote() {
            Some(remote) => matches!(remote.class_name(), "AttributeError" | "TypeError"),
            None => error.kind() == ErrorKind::Attribute,
        };
        if !is_unknown_there {
            return failed(error);
        }
        let place = self.nameserver.proxy().uri();
        let place = place.location().map(Location::to_string).unwrap_or_default();
        let text = format!(
            "the name server at {place} cannot {what}: it is Python's; start that of ferropyro in its place (ferropyro ns)"
        );
        Failure::new(Exit::Failed, text)
    }
}

/// The text alone: where in the name server an error was raised helps nobody.
fn failed(error: Error) -> Failure {
    Failure::new(Exit::of(&error), error)
}

/// Only Pyro4 has keys; an empty one is none.
fn key(args: &ServerArgs, personality: Personality) -> Result<String, Failure> {
    if personality == Personality::Pyro5 {
        return match args.key {
            Some(_) => Err(Failure::usage("unrecognized arguments: -k")),
            None => Ok(String::new()),
        };
    }
    let key = keys::from_option_or_env(args.key.clone())?;
    Ok(key.unwrap_or_default())
}

fn locate(args: &ServerArgs, config: Config, key: String, personality: Personality) -> Result<NameServer, Error> {
    let location = match (&args.unixsocket, &args.host) {
        (Some(path), _) => Some(Location::unix(path)),
        (None, Some(host)) => Some(host_location(host, args.port.unwrap_or(config.ns_port))?),
        (None, None) => None,
    };
    let mut settings = Settings::new(config).hmac_key(key);
    settings.port = args.port;
    let nameserver = naming::locate_ns_with(location.as_ref(), &settings)?;
    match personality {
        Personality::Pyro4 => Ok(in_pyro4(&nameserver, &settings).unwrap_or(nameserver)),
        _ => Ok(nameserver),
    }
}

/// Pyro takes `./u:PATH` for a host as well.
fn host_location(host: &str, port: u16) -> Result<Location, Error> {
    match host.strip_prefix("./u:") {
        Some(path) => Ok(Location::unix(path)),
        None => Ok(Location::tcp(host, port)),
    }
}

/// The same name server spoken to in Pyro4's dialect, if it knows that one: what it answers depends on it.
fn in_pyro4(nameserver: &NameServer, settings: &Settings) -> Option<NameServer> {
    if settings.hmac_key.is_some() || !nameserver.proxy().dialect().ok()?.is_pyro5() {
        return None;
    }
    let proxy = Proxy::builder()
        .config(settings.config.clone())
        .dialect(Dialect::V48)
        .build(nameserver.proxy().uri())
        .ok()?;
    let pyro4 = NameServer::new(proxy);
    pyro4.ping().ok()?;
    Some(pyro4)
}

/// Our own tool tells why, too.
fn not_found(error: &Error, personality: Personality) -> Exit {
    output::line(format_args!("Error: {}", error.message()));
    if personality == Personality::Ferropyro {
        let text = error.to_string();
        if let Some((_, details)) = text.split_once("; ") {
            output::note(details);
        }
    }
    Exit::of(error)
}

/// The name of Python's class.
fn class_name(error: &Error) -> &str {
    match error.as_remote() {
        Some(remote) => remote.class_name(),
        None => error.kind().class().rsplit('.').next().unwrap_or_default(),
    }
}
