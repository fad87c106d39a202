//! Publishes a report at examples/blob_dispatch/dispatcher.rs, or at examples/python/blob_dispatch_dispatcher.py.
#![allow(clippy::print_stdout, unreachable_pub)] // the house's lints are not those of an example

mod report;

use std::error::Error;

use ferropyro::{Proxy, SerializedBlob};

use report::Report;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(uri), Some(topic)) = (args.next(), args.next()) else {
        return Err("usage: blob_dispatch_client URI TOPIC".into());
    };
    let report = Report {
        station: "lighthouse".to_owned(),
        degrees: -3.5,
        sky: vec!["grey".to_owned(), "snow".to_owned()],
    };
    let blob = SerializedBlob::new(topic.as_str(), &report)?;
    let listeners: u32 = Proxy::new(uri)?.call("publish", &blob)?;
    println!("{topic}: {listeners} heard it");
    Ok(())
}
