//! `ferropyro serve-files`: the files below a folder, for `get` and `put` and for every Pyro program.

use std::path::PathBuf;
use std::sync::mpsc;

use clap::{Args, ValueEnum};
use ferropyro::{Config, Daemon, Error, Uri, naming};
use ferropyro_transfer::{Access, FileServer, RawSockets};

use crate::echo::run_until;
use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output, signals};

/// Serves the files below a folder
///
/// For `ferropyro get` and `put`, and for Pyro programs, which call its methods. No path leads out of the folder.
///
/// Examples:
///   ferropyro serve-files /srv/files
///   ferropyro serve-files /srv/inbox --access create --name inbox -H 0.0.0.0
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ServeFilesArgs {
    /// The folder
    folder: PathBuf,

    /// What clients may do: read, create (read, and add files), replace (the same, also in the place of files that are there)
    #[arg(long, value_enum, default_value_t = AccessName::Read, hide_possible_values = true)]
    access: AccessName,

    /// The id of the object
    #[arg(long, value_name = "ID", default_value = "files")]
    id: String,

    /// Register with the name server under this name
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,

    /// Host name to bind the server on [default: PYRO_HOST, or localhost]
    #[arg(short = 'H', long, value_name = "HOST")]
    host: Option<String>,

    /// Port to bind the server on; 0 means a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Unix domain socket to bind the server on, in place of a port; there are no raw sockets then
    #[arg(short, long, value_name = "PATH")]
    unixsocket: Option<String>,

    /// The most bytes of a file that clients may add
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    max_size: u64,

    /// The most transfers at a time
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_transfers: usize,

    /// Port for raw sockets, which is open while a client has a ticket for one; 0 means a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    raw_port: u16,

    /// No raw sockets: all goes over the one port of the server
    #[arg(long, conflicts_with_all = ["raw_port", "raw_in_clear"])]
    no_raw: bool,

    /// Raw sockets although calls are encrypted or signed, as raw sockets are not
    #[arg(long)]
    raw_in_clear: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AccessName {
    Read,
    Create,
    Replace,
}

pub(crate) fn run(args: ServeFilesArgs) -> Outcome {
    let config = Personality::Ferropyro.config()?;
    let key = keys::from_env();
    let daemon = bind(&args, &config, key.as_deref())?;
    let mut server = FileServer::builder(&args.folder)
        .access(args.access.into())
        .max_size(args.max_size)
        .max_transfers(args.max_transfers);
    if let Some(sockets) = raw_sockets(&args, &daemon)? {
        server = server.sockets(sockets);
    }
    let server = server
        .build()
        .map_err(|error| Failure::new(Exit::NotFound, format_args!("{}: {error}", args.folder.display())))?;
    let uri = daemon.register(&args.id, server)?;
    if let Some(name) = &args.name {
        register(name, &uri, &config, key.as_deref())?;
    }
    let (stop, wanted) = mpsc::channel();
    signals::on_stop(move || {
        let _ = stop.send(());
    })?;
    output::line(format_args!("URI = {uri}"));
    run_until(&daemon, wanted);
    Ok(Exit::Ok)
}

fn bind(args: &ServeFilesArgs, config: &Config, key: Option<&str>) -> Result<Daemon, Failure> {
    let mut builder = Daemon::builder()
        .config(config.clone())
        .port(args.port)
        .hmac_key(key.unwrap_or_default())
        .on_warning(|text| output::note(format_args!("warning: {text}")));
    if let Some(host) = &args.host {
        builder = builder.host(host);
    }
    if let Some(path) = &args.unixsocket {
        builder = builder.unix_socket(path);
    }
    Ok(builder.bind()?)
}

/// None where they could not be. Whether there are tickets for them, where they would undo what protects the calls, is their own business.
fn raw_sockets(args: &ServeFilesArgs, daemon: &Daemon) -> Result<Option<RawSockets>, Error> {
    if args.no_raw || args.unixsocket.is_some() {
        return Ok(None);
    }
    let sockets = RawSockets::builder(daemon)?
        .port(args.raw_port)
        .most(args.max_transfers)
        .allow_clear(args.raw_in_clear);
    Ok(Some(sockets.build()))
}

fn register(name: &str, uri: &Uri, config: &Config, key: Option<&str>) -> Result<(), Failure> {
    let settings = naming::Settings::new(config.clone()).hmac_key(key.unwrap_or_default());
    let names = naming::locate_ns_with(None, &settings)?;
    Ok(names.register(name, uri)?)
}

impl From<AccessName> for Access {
    fn from(name: AccessName) -> Access {
        match name {
            AccessName::Read => Access::Read,
            AccessName::Create => Access::Create,
            AccessName::Replace => Access::Replace,
        }
    }
}
