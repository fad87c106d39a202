//! `ferropyro connection`: the two ends of Python's `multiprocessing.connection`, to try the other one.

mod address;
mod connect;
mod echo;

use std::env;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use ferropyro_connection::{Address, AuthKey, Digest, Error, Options};

use crate::exit::{Exit, Failure, Outcome};

/// Exchanges messages with programs that use Python's multiprocessing.connection or processing.connection
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    #[command(subcommand)]
    command: ConnectionCommand,
}

#[derive(Debug, Subcommand)]
enum ConnectionCommand {
    Echo(echo::EchoArgs),
    Connect(connect::ConnectArgs),
}

pub(crate) fn run(args: ConnectionArgs) -> Outcome {
    match args.command {
        ConnectionCommand::Echo(args) => echo::run(args),
        ConnectionCommand::Connect(args) => connect::run(args),
    }
}

/// What both ends have.
#[derive(Debug, Args)]
struct EndArgs {
    /// `HOST:PORT`, or the path of a Unix domain socket
    #[arg(value_name = "ADDRESS", value_parser = address::parse)]
    address: Address,

    /// The key that both ends must have; other programs of this machine can see it here
    #[arg(long, value_name = "KEY", conflicts_with = "authkey_env")]
    authkey: Option<String>,

    /// The environment variable that has the key
    #[arg(long, value_name = "NAME")]
    authkey_env: Option<String>,

    /// Accept also what older peers authenticate with: md5 for Python up to 3.11, sha1 for processing 0.52
    #[arg(long, value_name = "DIGEST", value_enum)]
    allow: Vec<OldDigest>,

    /// How many seconds connecting may take, with authentication
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    handshake_timeout: f64,

    /// The longest message that is received
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    max_message_size: usize,

    /// The protocol of pickle that objects are sent in [default: 4, or 2 for a peer that may be a Python 2 by the way it authenticates]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=5))]
    pickle_protocol: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum OldDigest {
    Md5,
    Sha1,
}

impl EndArgs {
    fn options(&self) -> Result<Options, Failure> {
        let time = Duration::try_from_secs_f64(self.handshake_timeout)
            .map_err(|error| Failure::usage(format_args!("--handshake-timeout: {error}")))?;
        let mut options = Options::new()
            .handshake_timeout(time)
            .max_message_size(self.max_message_size);
        if let Some(key) = self.key()? {
            options = options.authkey(key);
        }
        for digest in &self.allow {
            options = options.allow(match digest {
                OldDigest::Md5 => Digest::Md5,
                OldDigest::Sha1 => Digest::Sha1,
            });
        }
        if let Some(protocol) = self.pickle_protocol {
            options = options.pickle_protocol(protocol);
        }
        Ok(options)
    }

    fn key(&self) -> Result<Option<AuthKey>, Failure> {
        match (&self.authkey, &self.authkey_env) {
            (Some(key), _) => Ok(Some(AuthKey::from(key.as_str()))),
            (None, Some(name)) => match env::var_os(name) {
                Some(key) => Ok(Some(AuthKey::from(key.into_encoded_bytes()))),
                None => Err(Failure::usage(format_args!(
                    "--authkey-env: there is no environment variable {name}"
                ))),
            },
            (None, None) => Ok(None),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match &error {
            Error::Authentication(_) => Exit::Refused,
            Error::TimedOut(_) => Exit::TimedOut,
            Error::Address(_) => Exit::Usage,
            Error::Io(..) => Exit::Unreachable,
            _ => Exit::Failed,
        };
        let failure = Failure::new(exit, &error);
        match &error {
            Error::Authentication(error) => match error.refused_digest() {
                Some(digest @ (Digest::Md5 | Digest::Sha1)) => failure.with(format_args!("here: --allow {digest}")),
                _ => failure,
            },
            _ => failure,
        }
    }
}
