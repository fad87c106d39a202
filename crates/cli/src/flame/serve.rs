//! `ferropyro flame serve`: the files below a folder, for clients of Flame.

use std::path::PathBuf;
use std::sync::mpsc;

use clap::Args;
use ferropyro::{Config, Daemon, Error, ErrorKind, Serializer};
use ferropyro_flame::FlameServer;

use crate::echo::run_until;
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output, signals};

/// The most bytes of a request beside those of a file: its path among them.
const BESIDE_A_FILE: usize = 64 << 10;

/// Serves the files below a folder to clients of Flame: sendfile and getfile
///
/// It does not start unless PYRO_FLAME_ENABLED=true. Clients may read and replace every file there; no path leads out of the folder, and no code is run.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The folder
    folder: PathBuf,

    /// Host name to bind the server on [default: PYRO_HOST, or localhost]
    #[arg(short = 'H', short_alias = 'n', long, value_name = "HOST")]
    host: Option<String>,

    /// Port to bind the server on; 0 means a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Unix domain socket to bind the server on, in place of a port
    #[arg(short, long, value_name = "PATH")]
    unixsocket: Option<String>,

    /// The most bytes of a file
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20)]
    max_size: u64,
}

pub(crate) fn run(args: ServeArgs) -> Outcome {
    // As Python's program does: it speaks nothing else.
    let config = Personality::Ferropyro
        .config()?
        .serializers_accepted([Serializer::Pickle]);
    let daemon = bind(&args, config)?;
    let server = FlameServer::builder(&args.folder).max_size(args.max_size);
    let uri = server.start(&daemon).map_err(failure)?;
    let (stop, wanted) = mpsc::channel();
    signals::on_stop(move || {
        let _ = stop.send(());
    })?;
    output::line(format_args!("URI = {uri}"));
    run_until(&daemon, wanted);
    Ok(Exit::Ok)
}

fn bind(args: &ServeArgs, config: Config) -> Result<Daemon, Error> {
    let mut builder = Daemon::builder()
        .config(config)
        .port(args.port)
        .max_request_size(
            usize::try_from(args.max_size)
                .unwrap_or(usize::MAX)
                .saturating_add(BESIDE_A_FILE),
        )
        .hmac_key(keys::from_env().unwrap_or_default())
        .on_warning(|text| output::note(format_args!("warning: {text}")));
    if let Some(host) = &args.host {
        builder = builder.host(host);
    }
    if let Some(path) = &args.unixsocket {
        builder = builder.unix_socket(path);
    }
    builder.bind()
}

/// The environment does not allow it, or there is no such folder.
fn failure(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Security => Failure::usage(error),
        ErrorKind::Value => Failure::new(Exit::NotFound, error),
        _ => Failure::from(error),
    }
}
