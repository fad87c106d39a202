//! `ns --check`: whether a name server could start with these settings.

use std::fmt::Display;
use std::net::ToSocketAddrs;
use std::path::Path;

use ferropyro::Daemon;
use ferropyro_nameserver::store;

use super::settings::Settings;
use super::{NsArgs, OwnArgs, metrics};
use crate::exit::{Exit, Failure, Outcome};
use crate::output;
use crate::personality::Personality;

/// Says what is wrong, all of it, or that nothing is. Nothing is started, made or changed.
pub(super) fn run(args: &NsArgs, own: &OwnArgs, personality: Personality) -> Outcome {
    let settings = Settings::new(args, own, personality)?;
    let mut reasons = Vec::new();
    let mut check = |result: Result<(), String>| reasons.extend(result.err());
    check(storage(settings.args.storage.as_deref().unwrap_or("memory")));
    for result in addresses(&settings) {
        check(result);
    }
    check(daemon(&settings));
    if reasons.is_empty() {
        output::line("The settings are all right.");
        return Ok(Exit::Ok);
    }
    for reason in &reasons {
        output::note(format_args!("error: {reason}"));
    }
    Ok(Exit::Usage)
}

/// A file that is there is left alone, because a name server may be at work in it.
fn storage(spec: &str) -> Result<(), String> {
    let wrong = |text: &dyn Display| Err(format!("storage: {text}"));
    let file = match spec.split_once(':') {
        Some(("sql", ":memory:")) | None => None,
        Some(("sql" | "dbm", file)) if !file.is_empty() => Some(Path::new(file)),
        Some(_) => None,
    };
    let Some(file) = file else {
        return store::open(spec).map(drop).or_else(|error| wrong(&error.message()));
    };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => wrong(&format_args!("there is no folder {}", folder.display())),
        _ if file.is_dir() => wrong(&format_args!("{} is a folder", file.display())),
        _ => Ok(()),
    }
}

/// Whether this machine knows the hosts.
fn addresses(settings: &Settings) -> Vec<Result<(), String>> {
    let (args, config) = (&settings.args, &settings.config);
    let mut results = Vec::new();
    if args.unixsocket.is_none() {
        results.push(host("host", args.host.as_ref().unwrap_or(&config.host)));
    }
    if let Some(bchost) = args
        .bchost
        .as_ref()
        .or(config.ns_bchost.as_ref())
        .filter(|_| !args.nobc)
    {
        results.push(host("bchost", bchost));
    }
    if let Some(address) = &settings.metrics_addr {
        let found = metrics::addresses(address).map(drop);
        results.push(found.map_err(|failure| failure.text().to_owned()));
    }
    results
}

/// An empty host is every address of this machine.
fn host(what: &str, name: &str) -> Result<(), String> {
    match (name, 0).to_socket_addrs() {
        Ok(_) => Ok(()),
        Err(_) if name.is_empty() => Ok(()),
        Err(error) => Err(format!("{what} '{name}': {error}")),
    }
}

/// What a daemon says to these settings: certificates, keys, protocols. It listens for a moment, where nobody asks.
fn daemon(settings: &Settings) -> Result<(), String> {
    let failed = |text: &dyn Display| Err(text.to_string());
    if let Some(period) = settings.config.ns_autoclean
        && period.as_secs() < 3
    {
        return failed(&"NS_AUTOCLEAN cannot be smaller than 3");
    }
    let builder = Daemon::builder()
        .config(settings.config.clone())
        .hmac_key(settings.key.clone().unwrap_or_default())
        .host("localhost")
        .port(0);
    let made = builder.bind();
    made.map(drop).or_else(|error| failed(&Failure::from(error).text()))
}
