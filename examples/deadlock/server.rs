//! Plays ball with examples/deadlock/client.rs; run that with the URI that this one prints.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::sync::{Mutex, PoisonError};

use ferropyro::{Daemon, Proxy, Raise, expose};

#[derive(Default)]
struct Player {
    partner: Mutex<Option<Proxy>>,
}

#[expose]
impl Player {
    pub fn meet(&self, partner: Proxy) {
        *self.partner.lock().unwrap_or_else(PoisonError::into_inner) = Some(partner);
    }

    /// Hits the ball to the partner, unless no hits are left; gives who hit it, one after the other.
    pub fn hit(&self, left: u32) -> Result<Vec<String>, Raise> {
        let mut hits = vec!["server".to_owned()];
        if left > 0 {
            // A clone has a connection of its own: here, several calls to the partner can be under way.
            let partner = self.partner.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let partner = partner.ok_or("I have not met anybody yet")?;
            hits.extend(partner.call::<Vec<String>>("hit", (left - 1,))?);
        }
        Ok(hits)
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::new()?;
    println!("URI = {}", daemon.register("example.player", Player::default())?);
    daemon.run();
    Ok(())
}
