//! Other libraries in Rust, as clients and as servers. They are a program of their own, `contenders`, which nothing here depends on.

use std::path::PathBuf;
use std::process::Command;

use crate::Problem;
use crate::peer::{Client, Helper};

/// Where the program is.
const VARIABLE: &str = "FERROPYRO_CONTENDERS";

/// Who takes part: what the program calls them, and what the table does.
pub(crate) const KINDS: [(&str, &str); 5] = [
    ("tarpc-bincode", "tarpc, bincode"),
    ("tarpc-json", "tarpc, json"),
    ("tonic", "tonic"),
    ("jsonrpsee-ws", "jsonrpsee, WebSocket"),
    ("jsonrpsee-http", "jsonrpsee, HTTP"),
];

pub(crate) struct Contenders(PathBuf);

impl Contenders {
    /// The program, or the reason why it is not there and what to do.
    pub(crate) fn find() -> Result<Contenders, String> {
        let remedy = "`cargo xtask bench` builds it; by hand: cargo build --release --package contenders";
        let path = std::env::var_os(VARIABLE).ok_or_else(|| format!("{VARIABLE} names no program ({remedy})"))?;
        let path = PathBuf::from(path);
        match path.is_file() {
            true => Ok(Contenders(path)),
            false => Err(format!("there is no program {} ({remedy})", path.display())),
        }
    }

    /// An echo server, and a client that sends it a text.
    pub(crate) fn start(&self, kind: &str, message: &str) -> Result<(Helper, Client), Problem> {
        let mut server = self.run(&["serve", kind])?;
        let address = server.line()?;
        let client = Client::ready(self.run(&["client", kind, &address, message])?)?;
        Ok((server, client))
    }

    fn run(&self, args: &[&str]) -> Result<Helper, Problem> {
        let mut command = Command::new(&self.0);
        command.args(args);
        Helper::start(command)
    }
}
