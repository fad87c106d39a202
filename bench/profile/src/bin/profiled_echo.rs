//! An echo server and its client, as a user would write them: what is measured.

#![allow(clippy::print_stdout, clippy::print_stderr, unreachable_pub)] // it talks to the program that measures it

use std::process::ExitCode;

use ferropyro::{Daemon, Proxy, Serializer, expose, remote};

const MESSAGE: &str = "Hello there, what is your name?";

type Problem = Box<dyn std::error::Error + Send + Sync>;

struct Echo;

#[expose]
impl Echo {
    pub fn echo(&self, message: String) -> String {
        message
    }
}

#[remote]
trait RemoteEcho {
    fn echo(&self, message: &str) -> ferropyro::Result<String>;
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["serve", server] => serve(server),
        ["call", uri, serializer, calls] => call(uri, serializer, calls),
        _ => Err("usage: profiled_echo serve thread|multiplex, or: profiled_echo call URI SERIALIZER CALLS".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until standard input ends.
fn serve(server: &str) -> Result<(), Problem> {
    let builder = Daemon::builder().host("127.0.0.1");
    let daemon = match server {
        "multiplex" => builder.multiplex(),
        _ => builder,
    }
    .bind()?;
    println!("{}", daemon.register("echo", Echo)?);
    let running = daemon.start();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    drop(running);
    Ok(())
}

fn call(uri: &str, serializer: &str, calls: &str) -> Result<(), Problem> {
    let serializer = Serializer::from_name(serializer).ok_or("no such serializer")?;
    let echo = RemoteEchoClient::new(Proxy::builder().serializer(serializer).build(uri)?);
    for _ in 0..calls.parse()? {
        if echo.echo(MESSAGE)? != MESSAGE {
            return Err("that is no echo".into());
        }
    }
    Ok(())
}
