//! The Rust side of the interop tests: a server with an object for every question, and a client that pytest drives.
//!
//! `interop_peer serve [OPTIONS]` prints `URI = PYRO:obj.test@...` when it listens; `interop_peer client [--async]` reads commands from standard input, one JSON
//! object a line, and answers each with a line (see `client.rs`). `interop_peer pickle` is for pickles without a connection. Settings come from the `PYRO_*` environment.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program for tests, which read what it prints

mod batches;
mod callbacks;
mod caller;
mod classes;
mod client;
#[cfg(unix)]
mod connected;
mod describe;
mod desk;
mod generate;
mod items;
mod luggage;
mod orders;
mod parcels;
mod pickles;
mod serve;
mod thing;
mod told;
mod waiting;
mod workshop;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((mode, options)) if mode == "serve" => serve::main(options),
        Some((mode, options)) if mode == "client" => client::main(options),
        #[cfg(unix)]
        Some((mode, options)) if mode == "connected" => connected::main(options),
        Some((mode, options)) if mode == "desk" => desk::main(options),
        Some((mode, options)) if mode == "pickle" => pickles::main(options),
        Some((mode, options)) if mode == "workshop" => workshop::main(options),
        Some((mode, call)) if mode == "orders" => orders::main(call),
        _ => Err(
            "usage: interop_peer serve [--unix PATH] [--hmac KEY] [--refuse-silent TEXT] [--host HOST] [--nathost HOST] [--natport PORT] [--connected stdin] [--set ITEM=VALUE]... | interop_peer client [--async]".into(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("interop_peer: {error}");
            ExitCode::FAILURE
        }
    }
}
