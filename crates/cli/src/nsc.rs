//! `ferropyro nsc`: asks and changes a name server; `pyro4-nsc` and `pyro5-nsc`.

mod command;

use clap::Args;
use ferropyro::config::Config;
use ferropyro::naming::{self, Settings};
use ferropyro::{Dialect, Error, Location, NameServer, Proxy};

use self::command::Command;
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output};

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
  listmeta_all TAG...         names with all of these tags (also: yplookup_all)
  listmeta_any TAG...         names with one of these tags (also: yplookup_any)"
)]
pub(crate) struct NscArgs {
    /// Host name or address of the name server [default: it is searched, on NS_HOST of the configuration or on this machine and by broadcast]
    #[arg(short = 'n', long, value_name = "HOST")]
    host: Option<String>,

    /// Port of the name server [default: NS_PORT of the configuration, 9090]; without a host also the UDP port of the broadcast [default: NS_BCPORT, 9091]
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,

    /// Unix domain socket of the name server
    #[arg(short, long, value_name = "PATH")]
    unixsocket: Option<String>,

    /// The HMAC key to use (deprecated; set PYRO_HMAC_KEY in its place)
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,

    /// Say more
    #[arg(short, long)]
    verbose: bool,

    /// What to do, see below
    command: Option<String>,

    /// The arguments of the command
    #[arg(value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

pub(crate) fn run(args: NscArgs, personality: Personality) -> Outcome {
    let key = key(&args, personality)?;
    let config = personality.config()?;
    let command = args.command.as_deref().unwrap_or_default();
    let command = match Command::parse(command, &args.arguments, personality) {
        Ok(command) => command,
        Err(misuse) => {
            output::note(misuse.text);
            return Ok(misuse.exit);
        }
    };
    let say = |text: &str| {
        if args.verbose {
            output::line(text);
        }
    };
    say("Locating name server...");
    let nameserver = match locate(&args, config, key, personality) {
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

/// Only Pyro4 has keys; an empty one is none.
fn key(args: &NscArgs, personality: Personality) -> Result<String, Failure> {
    if personality == Personality::Pyro5 {
        return match args.key {
            Some(_) => Err(Failure::usage("unrecognized arguments: -k")),
            None => Ok(String::new()),
        };
    }
    let key = keys::from_option_or_env(args.key.clone())?;
    Ok(key.unwrap_or_default())
}

fn locate(args: &NscArgs, config: Config, key: String, personality: Personality) -> Result<NameServer, Error> {
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
