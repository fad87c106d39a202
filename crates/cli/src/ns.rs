//! `ferropyro ns`: the name server, `pyro4-ns` and `pyro5-ns`.

use std::env;

use clap::Args;
use ferropyro::Config;
use ferropyro::config::{Generation, ServerType};
use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon};

use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output, signals};

/// Starts a name server
///
/// It serves programs of Pyro4 and Pyro5 on one port until Ctrl-C or SIGTERM. Without options it listens on localhost, port 9090, where only programs of
/// this machine reach it.
#[derive(Debug, Args)]
#[command(args_override_self = true)] // the last one counts, as for Pyro's programs
pub(crate) struct NsArgs {
    /// Host name or address to bind the server on [default: HOST of the configuration, localhost]
    #[arg(short = 'n', long, value_name = "HOST")]
    host: Option<String>,

    /// Port to bind the server on; 0 means a free one [default: NS_PORT of the configuration, 9090]
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,

    /// Unix domain socket to bind the server on, in place of a port
    #[arg(short, long, value_name = "PATH")]
    unixsocket: Option<String>,

    /// Where names are kept: memory, sql:FILE (an SQLite file), or dbm:FILE (a file of Python's dbm, without tags)
    #[arg(short, long, value_name = "SPEC", default_value = "memory")]
    storage: String,

    /// Host name or address to bind the broadcast responder on [default: NS_BCHOST of the configuration, 0.0.0.0, which is all interfaces]
    #[arg(long, value_name = "HOST")]
    bchost: Option<String>,

    /// UDP port to bind the broadcast responder on; 0 means a free one [default: NS_BCPORT of the configuration, 9091]
    #[arg(long, value_name = "PORT")]
    bcport: Option<u16>,

    /// Host name for clients outside, behind network address translation
    #[arg(long, value_name = "HOST")]
    nathost: Option<String>,

    /// Port for clients outside, behind network address translation
    #[arg(long, value_name = "PORT")]
    natport: Option<u16>,

    /// Do not start a broadcast responder: clients must be told where this name server is
    #[arg(short = 'x', long)]
    nobc: bool,

    /// The HMAC key to use (deprecated; set PYRO_HMAC_KEY in its place)
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,
}

pub(crate) fn run(args: NsArgs, personality: Personality) -> Outcome {
    let config = with_event_loop(personality.config()?, personality);
    let key = key(&args, personality)?;
    let nameserver = bind(args, config, key)?;
    let handle = nameserver.clone();
    signals::on_stop(move || handle.shutdown())?;
    let generation = match personality {
        Personality::Pyro4 => Generation::Pyro4,
        Personality::Ferropyro | Personality::Pyro5 => Generation::Pyro5,
    };
    output::line(nameserver.start_lines(generation)?.join("\n"));
    nameserver.run();
    output::line("NS shut down.");
    Ok(Exit::Ok)
}

/// By our own name it serves any number of clients, each of which would take a thread of Pyro's name servers, unless somebody asks for theirs.
fn with_event_loop(mut config: Config, personality: Personality) -> Config {
    if personality == Personality::Ferropyro && env::var_os("PYRO_SERVERTYPE").is_none() {
        config.servertype = ServerType::Multiplex;
    }
    config
}

/// Only Pyro4 has keys. Pyro5's name server takes the variable for a misspelt setting.
fn key(args: &NsArgs, personality: Personality) -> Result<Option<String>, Failure> {
    if personality != Personality::Pyro5 {
        return keys::from_option_or_env(args.key.clone());
    }
    if args.key.is_some() {
        return Err(Failure::usage("unrecognized arguments: -k"));
    }
    match env::var_os("PYRO_HMAC_KEY") {
        Some(_) => Err(Failure::usage(
            "invalid Pyro environment config variable: PYRO_HMAC_KEY",
        )),
        None => Ok(None),
    }
}

fn bind(args: NsArgs, config: Config, key: Option<String>) -> Result<NameServerDaemon, Failure> {
    let mut builder = NameServerBuilder::new()
        .config(config)
        .storage(args.storage)
        .broadcast(!args.nobc)
        .hmac_key(key.unwrap_or_default())
        .on_warning(|text| output::note(format_args!("warning: {text}")));
    if let Some(host) = args.host {
        builder = builder.host(host);
    }
    if let Some(port) = args.port {
        builder = builder.port(port);
    }
    if let Some(path) = args.unixsocket {
        builder = builder.unix_socket(path);
    }
    if let Some(host) = args.bchost {
        builder = builder.broadcast_host(host);
    }
    if let Some(port) = args.bcport {
        builder = builder.broadcast_port(port);
    }
    if let Some(host) = args.nathost {
        builder = builder.nat_host(host);
    }
    if let Some(port) = args.natport {
        builder = builder.nat_port(port);
    }
    Ok(builder.bind()?)
}
