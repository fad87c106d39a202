//! `ferropyro ns`: the name server, `pyro4-ns` and `pyro5-ns`.

mod check;
mod exposition;
mod file;
mod health;
mod metrics;
mod own;
mod reload;
mod settings;
mod supervisor;

use std::env;

use clap::Args;
use ferropyro::config::Generation;
use ferropyro::logging;
use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon};

use self::health::Health;
use self::own::OwnArgs;
use self::reload::Reload;
use self::settings::Settings;
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{files, keys, output, signals};

// What it does is told at the options that every name server has.
#[derive(Debug, Args)]
pub(crate) struct NsCommand {
    #[command(flatten)]
    args: NsArgs,
    #[command(flatten)]
    own: OwnArgs,
}

/// Starts a name server
///
/// It serves programs of Pyro4 and Pyro5 on one port until Ctrl-C or SIGTERM. Without options it listens on localhost, port 9090, where only programs of
/// this machine reach it.
#[derive(Debug, Clone, Args)]
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

    /// Where names are kept: memory, sql:FILE (an SQLite file), dbm:FILE (a file of Python's dbm, without tags), or, if built with the feature etcd,
    /// etcd:HOST:PORT,... (for several name servers with the same names) [default: memory]
    #[arg(short, long, value_name = "SPEC")]
    storage: Option<String>,

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

impl NsCommand {
    /// That of one of Pyro's name servers, which has no options of ours.
    pub(crate) fn of_pyro(args: NsArgs) -> NsCommand {
        NsCommand {
            args,
            own: OwnArgs::default(),
        }
    }
}

pub(crate) fn run(command: NsCommand, personality: Personality) -> Outcome {
    let NsCommand { args, own } = command;
    if own.check {
        return check::run(&args, &own, personality);
    }
    let settings = Settings::new(&args, &own, personality)?;
    logging::init_from_config(&settings.config);
    files::raise_limit();
    let metrics = settings.metrics_addr.as_deref().map(metrics::bind).transpose()?;
    let nameserver = bind(settings.clone())?;
    let handle = nameserver.clone();
    let stop = move || {
        supervisor::stopping();
        handle.shutdown();
    };
    match personality {
        Personality::Ferropyro => {
            let reload = Reload::new(args, own, settings, nameserver.clone());
            signals::on_stop_or_reload(stop, move || reload.run())?;
        }
        Personality::Pyro4 | Personality::Pyro5 => signals::on_stop(stop)?,
    }
    let generation = match personality {
        Personality::Pyro4 => Generation::Pyro4,
        Personality::Ferropyro | Personality::Pyro5 => Generation::Pyro5,
    };
    output::line(nameserver.start_lines(generation)?.join("\n"));
    health::accompany(Health::new(nameserver.clone()), metrics)?;
    nameserver.run();
    output::line("NS shut down.");
    Ok(Exit::Ok)
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

fn bind(settings: Settings) -> Result<NameServerDaemon, Failure> {
    let Settings {
        config,
        args,
        key,
        read_only,
        ..
    } = settings;
    let mut builder = NameServerBuilder::new()
        .config(config)
        .storage(args.storage.unwrap_or_else(|| "memory".to_owned()))
        .read_only(read_only)
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
