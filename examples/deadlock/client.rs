//! Plays ball with examples/deadlock/server.rs, and hangs: the proxy with which it hits back is the one that it began with, and that one still waits for its
//! answer. Out of it helps a time limit (PYRO_COMMTIMEOUT), or the argument `new`: another proxy for each call back.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::error::Error;
use std::sync::Arc;

use ferropyro::{Config, Daemon, Proxy, Raise, expose};

struct Player {
    server: Arc<Proxy>,
    with_new_proxy: bool,
}

#[expose]
impl Player {
    pub fn hit(&self, left: u32) -> Result<Vec<String>, Raise> {
        let mut hits = vec!["client".to_owned()];
        if left > 0 {
            let args = (left - 1,);
            hits.extend(match self.with_new_proxy {
                true => Proxy::clone(&self.server).call::<Vec<String>>("hit", args)?,
                false => self.server.call("hit", args)?, // waits for the call in main, which waits for this one
            });
        }
        Ok(hits)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let uri = args.next().ok_or("usage: deadlock_client URI [new]")?;
    let server = Arc::new(Proxy::builder().config(Config::from_env()?).build(uri)?);

    let daemon = Daemon::new()?;
    let player = daemon.share(Player {
        server: Arc::clone(&server),
        with_new_proxy: args.next().as_deref() == Some("new"),
    })?;
    let _running = daemon.start();

    server.call::<()>("meet", (player,))?;
    println!("let us play");
    match server.call::<Vec<String>>("hit", (5,)) {
        Ok(hits) => println!("hit by {}", hits.join(", ")),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
    Ok(())
}
