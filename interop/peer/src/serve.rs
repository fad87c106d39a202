//! The server mode.

use std::error::Error;
use std::io::Write as _;
#[cfg(unix)]
use std::os::fd::AsFd as _;
use std::sync::Arc;

use ferropyro::config::{Item, UnknownItems};
use ferropyro::{Config, Daemon, Dict, InstanceMode, Raise, Value, logging};

use crate::classes::{Counter, Secret};
use crate::orders::Orders;
use crate::thing::Thing;
use crate::told;
use crate::waiting::Waiting;

pub(crate) fn main(options: &[String]) -> Result<(), Box<dyn Error>> {
    logging::init_from_env()?;
    let daemon = build(options)?;
    let thing = Arc::new(Thing::default());
    let uri = daemon.register_shared("obj.test", thing.clone())?;
    thing
        .helper
        .set(daemon.uri_for("helper")?)
        .map_err(|_| "the helper is set once")?;
    daemon.register("obj.secret", Secret::new())?;
    told::register(&daemon)?;
    daemon.register("obj.orders", Orders)?;
    daemon.register("obj.waiting", Waiting::default())?;
    for (id, mode) in [
        ("counter.session", InstanceMode::Session),
        ("counter.single", InstanceMode::Single),
        ("counter.percall", InstanceMode::PerCall),
    ] {
        daemon.register_class(id, mode, || Ok(Counter::new()))?;
    }
    println!("URI = {uri}");
    std::io::stdout().flush()?;
    daemon.run();
    Ok(())
}

fn build(options: &[String]) -> Result<Daemon, Box<dyn Error>> {
    let mut config = Config::default();
    config.apply_env(UnknownItems::Refuse)?;
    let mut builder = Daemon::builder().on_warning(|text| eprintln!("WARNING: {text}"));
    let mut for_silent = None;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--unix" => builder = builder.unix_socket(value),
            "--hmac" => builder = builder.hmac_key(value),
            "--host" => builder = builder.host(value),
            "--nathost" => builder = builder.nat_host(value),
            "--natport" => builder = builder.nat_port(value.parse()?),
            // The connection was inherited as standard input.
            #[cfg(unix)]
            "--connected" => builder = builder.connected_socket(std::io::stdin().as_fd()),
            "--set" => set(&mut config, value)?,
            "--refuse-silent" => for_silent = Some(value.clone()),
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let builder = builder.validate_handshake(move |data, _| validate(data, for_silent.as_deref()));
    Ok(builder.config(config).bind()?)
}

/// Sets a configuration item as code does, after the environment.
pub(crate) fn set(config: &mut Config, assignment: &str) -> Result<(), Box<dyn Error>> {
    let (name, value) = assignment.split_once('=').ok_or("an item is set by NAME=VALUE")?;
    let item = Item::find(name).ok_or_else(|| format!("no item {name}"))?;
    Ok(item.set(config, value)?)
}

/// Refuses those who ask for it, and those who cannot send anything when there is a text for them; tells the others what they sent.
fn validate(data: &Value, for_silent: Option<&str>) -> Result<Value, Raise> {
    if let (Value::None, Some(text)) = (data, for_silent) {
        return Err(Raise::new("ValueError", text));
    }
    match data {
        Value::Str(text) if text == "reject" => Err(Raise::new("ValueError", "handshake refused by validator")),
        Value::Str(text) if text == "reject-unicode" => Err(Raise::new("ValueError", "refused \u{20ac}")),
        Value::Dict(dict) => Ok(Dict::from([("you-sent", dict.clone())]).into()),
        _ => Ok("hello".into()),
    }
}
