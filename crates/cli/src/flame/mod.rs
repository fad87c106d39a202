//! `ferropyro flame`: Pyro4's Flame, as a client of Python's servers and as a server of files.

mod console;
mod serve;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use ferropyro::{Error, Value};
use ferropyro_flame::Flame;

use crate::client::{self, Client};
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::output;

/// Uses a Flame server of Pyro4, or serves files as one
///
/// Python's Flame servers run whatever they are asked to. Ours has files only.
///
/// Examples:
///   ferropyro flame evaluate localhost:9999 "1 + 2"
///   ferropyro flame getfile PYRO:Pyro.Flame@localhost:9999 /etc/hostname
///   PYRO_FLAME_ENABLED=true ferropyro flame serve /srv/inbox
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct FlameArgs {
    #[command(subcommand)]
    command: FlameCommand,
}

#[derive(Debug, Subcommand)]
enum FlameCommand {
    Serve(serve::ServeArgs),
    /// Gets a file of the server
    Getfile {
        #[command(flatten)]
        server: ServerArgs,

        /// Its path at the server
        remote: String,

        /// The file here [default: the name of the file, in this folder]
        local: Option<PathBuf>,
    },
    /// Stores a file at the server
    Sendfile {
        #[command(flatten)]
        server: ServerArgs,

        /// The file here
        local: PathBuf,

        /// Its path at the server [default: the name of the file]
        remote: Option<String>,
    },
    /// Prints the source of a module of the server, which imports it
    Getmodule {
        #[command(flatten)]
        server: ServerArgs,

        /// The name of the module
        module: String,
    },
    /// Makes a module at the server
    Sendmodule {
        #[command(flatten)]
        server: ServerArgs,

        /// The name of the module
        module: String,

        /// The file here with its source
        file: PathBuf,
    },
    /// Prints the value of a Python expression
    Evaluate {
        #[command(flatten)]
        server: ServerArgs,

        /// The expression
        expression: String,

        #[command(flatten)]
        format: Format,
    },
    /// Executes Python code; what it prints stays at the server
    Execute {
        #[command(flatten)]
        server: ServerArgs,

        /// The code
        code: String,
    },
    /// Gives the lines of the input to a console of the server
    Console {
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Args)]
struct ServerArgs {
    /// The URI of the server, or `HOST:PORT`
    #[arg(value_name = "URI")]
    target: String,

    /// Give up when the other side is silent for this long [default: PYRO_COMMTIMEOUT, or never]
    #[arg(long, value_name = "SECONDS", value_parser = client::seconds)]
    timeout: Option<Duration>,
}

pub(crate) fn run(args: FlameArgs) -> Outcome {
    match args.command {
        FlameCommand::Serve(args) => return serve::run(args),
        FlameCommand::Getfile { server, remote, local } => {
            let local = match local {
                Some(local) => local,
                None => PathBuf::from(file_name(Path::new(&remote))?),
            };
            let content = server.connect()?.getfile(&remote).map_err(failure)?;
            fs::write(&local, content).map_err(|error| at_file(&local, error))?;
        }
        FlameCommand::Sendfile { server, local, remote } => {
            let remote = match remote {
                Some(remote) => remote,
                None => file_name(&local)?.to_owned(),
            };
            let content = fs::read(&local).map_err(|error| at_file(&local, error))?;
            server.connect()?.sendfile(&remote, &content).map_err(failure)?;
        }
        FlameCommand::Getmodule { server, module } => output::text(server.connect()?.getmodule(&module)?),
        FlameCommand::Sendmodule { server, module, file } => {
            let source = fs::read_to_string(&file).map_err(|error| at_file(&file, error))?;
            server.connect()?.sendmodule(&module, &source)?;
        }
        FlameCommand::Evaluate {
            server,
            expression,
            format,
        } => {
            let value: Value = server.connect()?.evaluate(&expression)?;
            output::line(json::show(value, &format)?);
        }
        FlameCommand::Execute { server, code } => server.connect()?.execute(&code)?,
        FlameCommand::Console { server } => console::run(&server.connect()?)?,
    }
    Ok(Exit::Ok)
}

impl ServerArgs {
    fn connect(&self) -> Result<Flame, Failure> {
        let client = Client::new(None, self.timeout)?;
        Ok(Flame::connect_with(&self.target, client.settings())?)
    }
}

fn file_name(path: &Path) -> Result<&str, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| Failure::usage(format_args!("{}: this is no name of a file", path.display())))
}

fn at_file(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format_args!("{}: {error}", path.display()))
}

/// The status tells of the server's file, or that the call failed.
fn failure(error: Error) -> Failure {
    match error.as_remote().map(|remote| remote.class_name()) {
        Some("FileNotFoundError") => Failure::new(Exit::NotFound, error.message()),
        _ => Failure::from(error),
    }
}
