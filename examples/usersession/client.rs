//! Two users write at the same time into their notebooks in examples/usersession/server.rs, whose one or other object the URI names.
#![allow(clippy::print_stdout)] // the house's lints are not those of an example

use std::error::Error;
use std::thread;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Proxy, Result};

const USER: AnnotationKey = AnnotationKey::new(*b"USER").unwrap();
const LINES: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let uri = std::env::args().nth(1).ok_or("usage: usersession_client URI")?;
    let ada = notebook(&uri, "ada")?;
    let ben = notebook(&uri, "ben")?;
    for notebook in [&ada, &ben] {
        notebook.call::<()>("write", ("my notebook",))?;
    }
    let mut failures = Vec::new(); // of what they do at the same time
    thread::scope(|scope| {
        let threads = [&ada, &ben].map(|notebook| scope.spawn(|| write(notebook)));
        for thread in threads {
            failures.extend(thread.join().unwrap_or_default());
        }
    });
    match failures.first() {
        None => println!("no call failed"),
        Some(error) => println!("{} of {} calls failed, as with {error}", failures.len(), 2 * LINES),
    }
    for (name, notebook) in [("ada", ada), ("ben", ben)] {
        println!("{name} has {} lines", notebook.call::<Vec<String>>("read", ())?.len());
    }
    let eve = notebook(&uri, "eve")?;
    if let Err(error) = eve.call::<Vec<String>>("read", ()) {
        println!("{error}");
    }
    Ok(())
}

/// A proxy that tells with every call who its user is.
fn notebook(uri: &str, user: &'static str) -> Result<Proxy> {
    let token = move || vec![(USER, user.as_bytes().to_vec())];
    Proxy::builder().annotations(token).build(uri)
}

/// Gives the errors.
fn write(notebook: &Proxy) -> Vec<ferropyro::Error> {
    (0..LINES)
        .filter_map(|number| notebook.call::<()>("write", (format!("line {number}"),)).err())
        .collect()
}
