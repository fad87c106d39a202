//! What `bench echo` compares ferropyro with: an echo server and an echo client of other RPC libraries in Rust, each a process of its own.
//!
//! `contenders kinds` lists them. `contenders serve KIND` prints its address in a line and ends when its standard input ends. `contenders client KIND ADDRESS MESSAGE`
//! says `ready` when the message has come back once, and answers each line with a number of seconds by the number of calls made in them and how long that took.
//!
//! All run on tokio's current-thread runtime: everything is pinned to one core, where a second thread would only add changes of threads to every call. TCP_NODELAY is on at
//! both ends, as in ferropyro: small messages must not wait for acknowledgements. All else is as each library sets itself up, and as its examples use it; what is
//! particular to one stands in its file. Each client checks that the text has come back.

#![allow(clippy::print_stdout, clippy::print_stderr)] // it talks to the benchmark in lines

mod client;
mod jsonrpsee_echo;
mod tarpc_echo;
mod tonic_echo;

use std::fmt::Display;
use std::process::ExitCode;

use client::answer_samples;

const USAGE: &str = "usage: contenders kinds | serve KIND | client KIND ADDRESS MESSAGE";
const KINDS: [&str; 5] = ["tarpc-bincode", "tarpc-json", "tonic", "jsonrpsee-ws", "jsonrpsee-http"];

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("contenders {}: {problem}", args.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match *args {
        ["kinds"] => {
            println!("{}", KINDS.join("\n"));
            Ok(())
        }
        ["serve", kind] => runtime.block_on(serve(kind)),
        ["client", kind, address, message] => runtime.block_on(call(kind, address, message)),
        _ => Err(USAGE.into()),
    }
}

async fn serve(kind: &str) -> Result<(), Problem> {
    match kind {
        "tarpc-bincode" => tarpc_echo::serve_bincode().await,
        "tarpc-json" => tarpc_echo::serve_json().await,
        "tonic" => tonic_echo::serve().await,
        "jsonrpsee-ws" | "jsonrpsee-http" => jsonrpsee_echo::serve().await,
        _ => Err(USAGE.into()),
    }
}

async fn call(kind: &str, address: &str, message: &str) -> Result<(), Problem> {
    match kind {
        "tarpc-bincode" => answer_samples(tarpc_echo::connect_bincode(address).await?, message).await,
        "tarpc-json" => answer_samples(tarpc_echo::connect_json(address).await?, message).await,
        "tonic" => answer_samples(tonic_echo::connect(address).await?, message).await,
        "jsonrpsee-ws" => answer_samples(jsonrpsee_echo::connect_ws(address).await?, message).await,
        "jsonrpsee-http" => answer_samples(jsonrpsee_echo::connect_http(address)?, message).await,
        _ => Err(USAGE.into()),
    }
}

/// Tells where a server listens, which from now on lives as long as its standard input.
fn announce(address: impl Display) {
    end_with_input();
    println!("{address}");
}

/// Ends this process when its standard input ends: then the one that started it is gone.
fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
