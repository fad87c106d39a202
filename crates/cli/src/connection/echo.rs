//! `ferropyro connection echo`: a listener that gives everything back.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;
use ferropyro::Value;
use ferropyro_connection::{Address, Error, aio};
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore};

use super::EndArgs;
use super::address::Shown;
use crate::exit::{Exit, Failure, Outcome};
use crate::{output, signals};

/// Listens, and sends every message back to whom it came from
///
/// Prints the address that is bound, and serves any number of clients until Ctrl-C.
///
/// Examples:
///   ferropyro connection echo localhost:6000 --authkey-env KEY
///   ferropyro connection echo localhost:0 --objects
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct EchoArgs {
    #[command(flatten)]
    end: EndArgs,

    /// Unpickle what comes, and pickle it again
    #[arg(long)]
    objects: bool,
}

/// As many clients are served at a time; others wait to be accepted.
const MAX_CLIENTS: usize = 1000;
const BACKLOG: u16 = 128;

pub(super) fn run(args: EchoArgs) -> Outcome {
    let options = args.end.options()?.backlog(BACKLOG);
    let has_key = args.end.key()?.is_some();
    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    signals::on_stop(move || stopping.notify_one())?;
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(async {
        let mut listener = aio::Listener::bind(&args.end.address, &options).await?;
        if !has_key && !is_local(listener.address()) {
            output::note("warning: there is no key, so that anybody who reaches this address can connect");
        }
        output::line(format_args!("ADDRESS = {}", Shown(listener.address())));
        tokio::select! {
            () = stop.notified() => Ok(Exit::Ok),
            result = serve(&mut listener, args.objects) => result,
        }
    })
}

fn no_runtime(error: io::Error) -> Failure {
    Failure::new(Exit::Failed, format_args!("cannot start: {error}"))
}

fn is_local(address: &Address) -> bool {
    match address {
        Address::Inet(host, _) => host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        _ => true,
    }
}

async fn serve(listener: &mut aio::Listener, objects: bool) -> Outcome {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return Ok(Exit::Ok);
        };
        match listener.accept().await {
            Ok(connection) => {
                tokio::spawn(async move {
                    if let Err(error) = echo(connection, objects).await {
                        output::note(format_args!("a client is disconnected: {error}"));
                    }
                    drop(place);
                });
            }
            Err(error) if error.is_authentication() => {
                output::note(format_args!("a client is refused: {}", Failure::from(error).text()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn echo(mut connection: aio::Connection, objects: bool) -> Result<(), Error> {
    loop {
        let received = match objects {
            true => match connection.recv::<Value>().await {
                Ok(value) => connection.send(&value).await,
                Err(error) => Err(error),
            },
            false => match connection.recv_bytes().await {
                Ok(message) => connection.send_bytes(&message).await,
                Err(error) => Err(error),
            },
        };
        match received {
            Ok(()) => {}
            // Clients need not say goodbye.
            Err(Error::Eof | Error::Io(..)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
