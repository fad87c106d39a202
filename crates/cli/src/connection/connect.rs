//! `ferropyro connection connect`: a client for people.

use std::io::{self, BufRead};
use std::thread;

use clap::Args;
use ferropyro::Value;
use ferropyro::formats::{pickle, serpent};
use ferropyro_connection::{Client, Error, Receiver, Sender};

use super::EndArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::output;

/// Connects to a listener, sends it each line of standard input as an object, and prints the objects that come
///
/// A line is a Python literal such as 3, 'text', [1, 2] or {'a': None}; any that is none is a text. At the end of the input the listener is told that no more will come; what it
/// sends is printed until it closes the connection.
///
/// Examples:
///   ferropyro connection connect localhost:6000 --authkey-env KEY
///   echo "[1, 'two', None]" | ferropyro connection connect /run/jobs.sock
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ConnectArgs {
    #[command(flatten)]
    end: EndArgs,

    /// Send and print plain messages of bytes: a line is b'...' or a text, which is sent in UTF-8
    #[arg(long)]
    bytes: bool,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: ConnectArgs) -> Outcome {
    let options = args.end.options()?;
    let connection = Client::connect(&args.end.address, &options)?;
    let (sender, receiver) = connection.split();
    let bytes = args.bytes;
    // It is not waited for: when the listener has closed the connection, nobody wants to hear more from a person who still thinks.
    thread::spawn(move || {
        if let Err(failure) = send_lines(sender, bytes) {
            output::note(format_args!("error: {}", failure.text()));
        }
    });
    print_messages(receiver, bytes, &args.format)
}

fn send_lines(mut sender: Sender, bytes: bool) -> Result<(), Failure> {
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::new(Exit::Failed, format_args!("cannot read the input: {error}")))?;
        let value = serpent::from_slice(line.as_bytes()).unwrap_or(Value::from(line));
        match (bytes, value) {
            (false, value) => sender.send(&value)?,
            (true, Value::Bytes(message)) => sender.send_bytes(&message)?,
            (true, Value::Str(text)) => sender.send_bytes(text.as_bytes())?,
            (true, other) => sender.send_bytes(other.to_string().as_bytes())?,
        }
    }
    sender.close();
    Ok(())
}

fn print_messages(mut receiver: Receiver, bytes: bool, format: &Format) -> Outcome {
    loop {
        let message = match receiver.recv_bytes() {
            Ok(message) => message,
            Err(Error::Eof) => return Ok(Exit::Ok),
            Err(error) => return Err(error.into()),
        };
        let value = match bytes {
            true => Value::Bytes(message),
            false => pickle::from_slice(&message).unwrap_or_else(|error| {
                output::note(format_args!("the next message is bytes and no object: {error}"));
                Value::Bytes(message)
            }),
        };
        output::line(json::show(value, format)?);
    }
}
