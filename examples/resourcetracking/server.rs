//! Rents rooms to clients, and gets back those of clients that are gone; run examples/resourcetracking/client.rs with the URI that it prints.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ferropyro::{Context, Daemon, Raise, Resource, expose};

/// A room that is let. The hotel holds it, the client's connection knows of it.
struct Room {
    name: String,
    book: Weak<Book>,
}

/// The rooms that are let, by name.
#[derive(Default)]
struct Book(Mutex<BTreeMap<String, Arc<Room>>>);

impl Resource for Room {
    fn close(&self) {
        println!("closing {}", self.name);
        if let Some(book) = self.book.upgrade() {
            book.open().remove(&self.name);
        }
    }
}

impl Book {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Hotel(Arc<Book>);

#[expose]
impl Hotel {
    pub fn allocate(&self, name: String, cx: &Context) -> Result<(), Raise> {
        let mut rooms = self.0.open();
        if rooms.contains_key(&name) {
            return Err(Raise::new("ValueError", format!("{name} is taken")));
        }
        println!("{name} for {}", cx.peer());
        let room = Arc::new(Room {
            name: name.clone(),
            book: Arc::downgrade(&self.0),
        });
        cx.track_resource(&room)?; // from now on the end of the connection closes it
        rooms.insert(name, room);
        Ok(())
    }

    pub fn free(&self, name: &str, cx: &Context) -> Result<(), Raise> {
        let room = self.0.open().remove(name);
        let room = room.ok_or_else(|| Raise::new("KeyError", name))?;
        cx.untrack_resource(&room);
        room.close();
        Ok(())
    }

    pub fn list(&self) -> Vec<String> {
        self.0.open().keys().cloned().collect()
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::builder()
        .client_disconnect(|connection| {
            // Nothing has to be done here: the daemon closes them.
            let rooms = connection.tracked_resources().len();
            if rooms > 0 {
                println!("{} is gone and leaves {rooms} rooms", connection.peer());
            }
        })
        .bind()?;
    println!("URI = {}", daemon.register("example.hotel", Hotel::default())?);
    daemon.run();
    Ok(())
}
