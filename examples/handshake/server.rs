//! Lets in only those clients whose handshake brings the secret word; run examples/handshake/client.rs with the URI that it prints.
//!
//! It shows the hooks, and is no way to protect anything: the word travels as plain text, and a single one for all tells nobody from nobody. The
//! guide's page on security says what does protect a server.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use ferropyro::{Daemon, Dict, Raise, Value, expose};

const SECRET_WORD: &str = "pomegranate";

struct Garden;

#[expose]
impl Garden {
    pub fn walk(&self) -> &'static str {
        "what a fine smell of apples"
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::builder()
        .validate_handshake(|data, cx| {
            if data.as_str() != Some(SECRET_WORD) {
                println!("{} says {data}: refused", cx.peer());
                return Err(Raise::new("ValueError", "that is not the word"));
            }
            println!("{} says {data}: let in", cx.peer());
            let answer = Dict::from([("welcome", "to the garden"), ("closes", "at dusk")]);
            Ok(Value::from(answer))
        })
        .client_disconnect(|connection| println!("{} has left", connection.peer()))
        .bind()?;
    println!("URI = {}", daemon.register("example.garden", Garden)?);
    daemon.run();
    Ok(())
}
