//! Each user has a notebook in a database whose connections must not be shared; run examples/usersession/client.rs with the URIs that it prints.
//!
//! Who the user is stands in an annotation of every call. The one object makes an instance for each client connection, which opens a database connection
//! for its user; the other one is a single instance with one database connection for all, and gets into trouble.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

mod database;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Daemon, InstanceMode, Raise, context, expose};

use database::Connection;

const USER: AnnotationKey = AnnotationKey::new(*b"USER").unwrap();

/// The user of the call at hand.
fn user() -> Result<String, Raise> {
    let context = context::current().ok_or("there is no call")?;
    match context.annotations().get(USER) {
        Some(b"eve") => Err(Raise::new("PermissionError", "eve has no access")),
        Some(name) => Ok(String::from_utf8_lossy(name).into_owned()),
        None => Err(Raise::new("PermissionError", "who are you?")),
    }
}

struct SessionNotebook {
    user: String,
    connection: Connection,
}

impl SessionNotebook {
    /// Runs in the first call that a client makes, so its annotations are there.
    fn open() -> Result<SessionNotebook, Raise> {
        let user = user()?;
        println!("a database connection for {user}");
        Ok(SessionNotebook {
            user,
            connection: Connection::default(),
        })
    }
}

#[expose]
impl SessionNotebook {
    pub fn write(&self, line: &str) -> Result<(), Raise> {
        self.connection.write(&self.user, line)
    }

    pub fn read(&self) -> Result<Vec<String>, Raise> {
        self.connection.read(&self.user)
    }
}

struct SingleNotebook(Connection);

impl SingleNotebook {
    fn open() -> Result<SingleNotebook, Raise> {
        println!("a database connection for all");
        Ok(SingleNotebook(Connection::default()))
    }
}

#[expose]
impl SingleNotebook {
    pub fn write(&self, line: &str) -> Result<(), Raise> {
        self.0.write(&user()?, line)
    }

    pub fn read(&self) -> Result<Vec<String>, Raise> {
        self.0.read(&user()?)
    }
}

fn main() -> ferropyro::Result<()> {
    let daemon = Daemon::new()?;
    let session = daemon.register_class("example.notebook.session", InstanceMode::Session, SessionNotebook::open)?;
    let single = daemon.register_class("example.notebook.single", InstanceMode::Single, SingleNotebook::open)?;
    println!("URI = {session}");
    println!("URI = {single}");
    daemon.run();
    Ok(())
}
