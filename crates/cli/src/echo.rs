//! `ferropyro echo`: the test echo server, `pyro4-test-echoserver` and `pyro5-echoserver`.

use std::sync::mpsc;
use std::thread;

use clap::Args;
use ferropyro::naming::{self, NameServer};
use ferropyro::{Config, Daemon, Location};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

use crate::echo_object::{self, EchoServer};
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output, signals};

/// Starts the test echo server
///
/// It has the object test.echoserver, on which clients can try everything: echo, error, error_with_text, oneway_echo, slow, generator (which gives
/// three items), nan, inf, oneway_slow, __dunder__, shutdown, and the attribute verbose.
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {
    /// Host name to bind the server on
    #[arg(short = 'H', long, value_name = "HOST", default_value = "localhost")]
    host: String,

    /// Port to bind the server on; 0 means a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Unix domain socket to bind the server on, in place of a port
    #[arg(short, long, value_name = "PATH")]
    unixsocket: Option<String>,

    /// Register with the name server
    #[arg(short = 'n', long)]
    naming: bool,

    /// Also start a name server, and register with that
    #[arg(short = 'N', long)]
    nameserver: bool,

    /// Print the calls
    #[arg(short, long)]
    verbose: bool,

    /// Print nothing
    #[arg(short, long)]
    quiet: bool,

    /// The HMAC key to use (deprecated; set PYRO_HMAC_KEY in its place)
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,
}

pub(crate) fn run(args: EchoArgs, personality: Personality) -> Outcome {
    let config = personality.config()?;
    let key = key(&args, personality)?;
    let say = |line: &str| {
        if args.verbose || !args.quiet {
            output::line(line);
        }
    };
    say("Starting Pyro's built-in test echo server.");
    if personality == Personality::Pyro4 && key.is_none() {
        say("Warning: HMAC key not set. Anyone can connect to this server!");
    }
    let daemon = bind(&args, &config, key.as_deref())?;
    let (shutdown, wanted) = mpsc::channel();
    let uri = daemon.register(echo_object::ID, EchoServer::new(args.verbose, shutdown.clone()))?;
    let own_names = match args.nameserver {
        true => Some(start_name_server(&args, &config, key.as_deref())?),
        false => None,
    };
    if args.naming || args.nameserver {
        let location = own_names.as_ref().map(|own| &own.location);
        let nameserver = locate(location, &config, key.as_deref())?;
        nameserver.register(echo_object::ID, &uri)?;
        if args.verbose {
            output::line(format_args!("using name server at {}", nameserver.proxy().uri()));
            match own_names.as_ref().map(|own| &own.broadcast) {
                Some(Some(location)) => output::line(format_args!("broadcast server running at {location}")),
                Some(None) => output::line("not using a broadcast server"),
                None => {}
            }
        }
    } else if args.verbose {
        output::line("not using a name server.");
    }
    signals::on_stop(move || {
        let _ = shutdown.send(());
    })?;
    say(&format!(
        "object name: {}\necho uri: {uri}\nechoserver running.",
        echo_object::ID
    ));
    run_until(&daemon, wanted);
    Ok(Exit::Ok)
}

/// Serves until somebody asks for the end.
pub(crate) fn run_until(daemon: &Daemon, wanted: mpsc::Receiver<()>) {
    let handle = daemon.clone();
    thread::spawn(move || {
        if wanted.recv().is_ok() {
            handle.shutdown();
        }
    });
    daemon.run();
}

/// Only Pyro4 has keys.
fn key(args: &EchoArgs, personality: Personality) -> Result<Option<String>, Failure> {
    match personality {
        Personality::Pyro5 if args.key.is_some() => Err(Failure::usage("unrecognized arguments: -k")),
        Personality::Pyro5 => Ok(None),
        Personality::Ferropyro | Personality::Pyro4 => keys::from_option_or_env(args.key.clone()),
    }
}

fn bind(args: &EchoArgs, config: &Config, key: Option<&str>) -> Result<Daemon, Failure> {
    let mut builder = Daemon::builder()
        .config(config.clone())
        .on_warning(|text| output::note(format_args!("warning: {text}")));
    builder = match &args.unixsocket {
        Some(path) => builder.unix_socket(path),
        None => builder.host(&args.host).port(args.port),
    };
    if let Some(key) = key {
        builder = builder.hmac_key(key);
    }
    Ok(builder.bind()?)
}

/// A name server in this process; it stops when this is dropped.
struct OwnNames {
    location: Location,
    /// Where it answers broadcasts, if it does.
    broadcast: Option<Location>,
    _running: RunningNameServer,
}

/// A name server in this process, at NS_PORT.
fn start_name_server(args: &EchoArgs, config: &Config, key: Option<&str>) -> Result<OwnNames, Failure> {
    let nameserver = NameServerBuilder::new()
        .config(config.clone())
        .host(&args.host)
        .hmac_key(key.unwrap_or_default())
        .on_warning(|text| output::note(format_args!("warning: {text}")))
        .bind()?;
    Ok(OwnNames {
        location: nameserver.daemon().location().clone(),
        broadcast: nameserver.broadcast_location().cloned(),
        _running: nameserver.start(),
    })
}

fn locate(location: Option<&Location>, config: &Config, key: Option<&str>) -> Result<NameServer, Failure> {
    let settings = naming::Settings::new(config.clone()).hmac_key(key.unwrap_or_default());
    Ok(naming::locate_ns_with(location, &settings)?)
}
