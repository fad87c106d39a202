//! Devices in the yellow pages of a name server: registered with tags, found by them, and reached by what they are.
#![allow(clippy::print_stdout, unreachable_pub)] // #[expose] takes the public methods of an impl

use std::collections::BTreeSet;
use std::error::Error;

use ferropyro::naming::{Filter, Settings, locate_ns_with};
use ferropyro::{Daemon, Location, NameServer, Proxy, expose};

struct Device(&'static str);

#[expose]
impl Device {
    pub fn describe(&self) -> String {
        format!("I am the {}", self.0)
    }
}

const DEVICES: [(&str, &[&str]); 5] = [
    ("laserprinter", &["resource:printer", "performance:fast"]),
    ("matrixprinter", &["resource:printer", "performance:slow"]),
    ("photoprinter", &["resource:printer", "performance:slow"]),
    ("tapestorage", &["resource:storage", "performance:slow"]),
    ("diskstorage", &["resource:storage", "performance:fast"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: ns_metadata PORT")?;
    let place = Location::tcp("localhost", port.parse()?);
    let ns = locate_ns_with(Some(&place), &Settings::default())?;
    let daemon = Daemon::new()?;
    for (name, tags) in DEVICES {
        let uri = daemon.register(name, Device(name))?;
        ns.register_with(&format!("example.device.{name}"), &uri, false, &set(tags))?;
    }
    let running = daemon.start();

    let (_, tags) = ns.lookup_with_metadata("example.device.laserprinter")?;
    if tags.is_empty() {
        return Err("this name server keeps no tags: look at its storage".into());
    }
    println!("the laserprinter has {}", joined(&tags));

    show(&ns, "storage", &Filter::all_of(["resource:storage"]))?;
    show(
        &ns,
        "fast printers",
        &Filter::all_of(["resource:printer", "performance:fast"]),
    )?;
    ns.set_metadata(
        "example.device.photoprinter",
        &set(&["resource:printer", "performance:fast"]),
    )?;
    show(
        &ns,
        "fast printers, now",
        &Filter::all_of(["resource:printer", "performance:fast"]),
    )?;
    show(
        &ns,
        "fast, or storage",
        &Filter::any_of(["resource:storage", "performance:fast"]),
    )?;
    show(
        &ns,
        "printers for storage",
        &Filter::all_of(["resource:storage", "resource:printer"]),
    )?;

    // Any of those that have all of the tags; there is one.
    let slow = Proxy::new(format!("PYROMETA:resource:storage,performance:slow@{place}").as_str())?;
    println!("slow storage: {}", slow.call::<String>("describe", ())?);
    let other = Proxy::new(format!("PYROMETA:resource:scanner@{place}").as_str())?;
    match other.call::<String>("describe", ()) {
        Ok(text) => println!("a scanner: {text}"),
        Err(error) => println!("a scanner: {}", error.message()),
    }

    ns.remove_matching(&Filter::Prefix("example.device.".to_owned()))?;
    running.stop();
    Ok(())
}

fn show(ns: &NameServer, what: &str, filter: &Filter) -> ferropyro::Result<()> {
    let names: Vec<String> = ns.list(filter)?.into_keys().collect();
    println!("{what}: [{}]", names.join(", "));
    Ok(())
}

fn set(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn joined(tags: &BTreeSet<String>) -> String {
    tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
