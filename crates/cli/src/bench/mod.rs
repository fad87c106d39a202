//! `ferropyro bench`: how many calls a server answers, and how long they take.

mod load;
mod pace;
mod report;
mod tally;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ferropyro::{DAEMON_ID, Dict, Serializer, Uri, Value};
use tokio::runtime;

use crate::call::{self, Target};
use crate::client::{Client, ClientArgs, seconds};
use crate::exit::{Exit, Failure, Outcome};
use crate::json::Format;
use crate::signals;

use load::{End, Load, Stop};
use pace::Rate;
use report::Report;

/// Calls a method again and again, and tells how many calls are answered and how long they take
///
/// Every server of Pyro4 and Pyro5 will do, and any method that may be called that often. Each connection makes one call after the other, as fast as they are answered; with --rate
/// the calls begin when it is their turn, and what one waits because the last one is late counts as its time.
///
/// Examples:
///   ferropyro bench PYRONAME:test.echoserver.echo hello -c 16
///   ferropyro bench PYRO:camera@10.0.0.5:4711.exposure --rate 200 --duration 60 --check
///   ferropyro bench PYRO:camera@10.0.0.5:4711            without a method: its daemon's ping, the least that a call takes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct BenchArgs {
    /// The URI of the object, a dot, and the method: what follows the last dot is the method
    #[arg(value_name = "URI[.METHOD]")]
    target: String,

    /// The arguments, as those of `ferropyro call`
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    arguments: Vec<String>,

    /// How many connections make calls at the same time
    #[arg(short, long, value_name = "N", default_value = "1")]
    connections: NonZeroU32,

    /// How long to measure
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds, default_value = "10", conflicts_with = "calls")]
    duration: Duration,

    /// Measure so many calls, however long they take
    #[arg(short = 'n', long, value_name = "N")]
    calls: Option<NonZeroU32>,

    /// Make calls for so long before, which do not count; 0 for none
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_none, default_value = "1")]
    warm_up: Duration,

    /// Begin so many calls a second, by all connections together
    #[arg(long, value_name = "N")]
    rate: Option<Rate>,

    /// Send a further argument of so many bytes: bytes, or a text where the serializer is json
    #[arg(long, value_name = "BYTES")]
    payload: Option<usize>,

    /// Send so many calls in each message, as a batch
    #[arg(long, value_name = "N")]
    batch: Option<NonZeroU32>,

    /// Exit status 1 unless no call failed, none took 500 ms, their standard deviation is below 100 ms, and 90 % of the rate were reached
    #[arg(long, requires = "rate")]
    check: bool,

    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    format: Format,
}

/// What is called.
#[derive(Debug)]
struct Work {
    method: String,
    args: Vec<Value>,
    kwargs: Dict,
    batch: Option<NonZeroU32>,
}

/// A time in seconds that may be none.
fn seconds_or_none(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0.0) => Ok(Duration::ZERO),
        _ => seconds(text),
    }
}

pub(crate) fn run(args: BenchArgs) -> Outcome {
    let client = args.client.client()?;
    let (uri, work) = args.work(&client)?;
    let stop = Stop::default();
    let pressed = stop.clone();
    signals::on_stop(move || pressed.press())?;
    let load = Load {
        uri,
        work: Arc::new(work),
        connections: args.connections.get(),
        rate: args.rate,
        warm_up: args.warm_up,
        end: match args.calls {
            Some(calls) => End::Calls(calls.get().into()),
            None => End::After(args.duration),
        },
    };
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot start: {error}")))?;
    let measured = runtime.block_on(load.run(&client, &stop))?;
    // Who has not answered yet is not waited for.
    runtime.shutdown_background();
    let report = Report::new(load, client.serializer(), measured);
    report.print(&args.format)?;
    match args.check {
        true => Ok(report.check()),
        false if report.has_failures() => Ok(Exit::Failed),
        false => Ok(Exit::Ok),
    }
}

impl BenchArgs {
    /// Where to call, and what.
    fn work(&self, client: &Client) -> Result<(Uri, Work), Failure> {
        let (mut args, kwargs) = call::arguments(&self.arguments);
        if let Some(size) = self.payload {
            args.push(match client.serializer() {
                Serializer::Json => Value::from("x".repeat(size)),
                _ => Value::Bytes(vec![b'x'; size]),
            });
        }
        let (uri, method) = match Target::parse(&self.target, "METHOD") {
            Ok(target) => (target.find(client)?, target.member),
            Err(no_method) => match client.uri(&self.target) {
                Ok(uri) if args.is_empty() && kwargs.is_empty() => (daemon_of(&client.resolve(&uri)?)?, "ping"),
                _ => return Err(no_method),
            },
        };
        let work = Work {
            method: method.to_owned(),
            args,
            kwargs,
            batch: self.batch,
        };
        Ok((uri, work))
    }
}

/// The object that every daemon has.
fn daemon_of(uri: &Uri) -> Result<Uri, Failure> {
    let location = uri.location().cloned();
    let location = location.ok_or_else(|| Failure::usage(format_args!("{uri} has no location")))?;
    Uri::pyro(DAEMON_ID, location).map_err(Failure::usage)
}
