//! The client mode: a JSON object a line, answered by a line `{"ok": DESCRIPTION}` or `{"error": {...}}`.
//!
//! `{"op": "open", "proxy": NAME, "uri": URI, "serializer"?, "hmac"?, "handshake"?: DESCRIPTION, "timeout"?: SECONDS, "dialect"?: 46|47|48|502, "config"?:
//! {ITEM: TEXT}}` makes a proxy that later lines use by its name: `call` (with `method`, `args`, `kwargs`: `[[NAME, DESCRIPTION], ...]`), `oneway`, `get`
//! and `set` (`name`, `value`), `metadata`, `describe`, `dialect`, `handshake`, `connected`, `bind`, `release`, `reconnect` (`tries`), `uri`, `close`; `values` sends `count`
//! generated values, made from `seed`, through the method `echo` and compares. See `items.rs` for item streams, `callbacks.rs` for
//! callbacks, `luggage.rs` for correlation ids, annotations and hooks, `parcels.rs` for blobs, `batches.rs` for batches.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use ferropyro::config::{Item, UnknownItems};
use ferropyro::{Config, Dialect, Dict, Error, Proxy, Serializer, Value};
use serde_json::{Value as Json, json};

use crate::batches;
use crate::callbacks::Office;
use crate::caller::Caller;
use crate::describe::{describe, value, values};
use crate::generate::Generator;
use crate::items::Streams;
use crate::luggage;
use crate::parcels;

/// So many generated values go into one message.
const PER_MESSAGE: u64 = 200;

pub(crate) fn main(options: &[String]) -> Result<(), Box<dyn StdError>> {
    let mut client = Client {
        is_async: options == ["--async"],
        ..Client::default()
    };
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let answer = match client.perform(&serde_json::from_str(&line?)?) {
            Ok(result) => json!({"ok": describe(&result)}),
            Err(Failure::Call(error)) => json!({"error": describe_error(&error)}),
            Err(Failure::Command(text)) => json!({"error": {"kind": "Command", "text": text}}),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Client {
    /// Which client of the library is asked.
    is_async: bool,
    proxies: HashMap<String, (Arc<Caller>, Serializer)>,
    streams: Streams,
    office: Office,
}

pub(crate) enum Failure {
    /// What the library says.
    Call(Error),
    /// The command itself makes no sense.
    Command(String),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Call(error.into())
    }
}

impl Client {
    fn perform(&mut self, command: &Json) -> Result<Value, Failure> {
        if let Some(done) = luggage::perform(command) {
            return done;
        }
        let name = text(command, "proxy")?;
        match text(command, "op")? {
            "open" => {
                let proxy = open(command, self.is_async)?;
                self.proxies.insert(name.to_owned(), proxy);
                return Ok(Value::None);
            }
            "close" => {
                self.proxies.remove(name);
                return Ok(Value::None);
            }
            _ => {}
        }
        let Some((proxy, serializer)) = self.proxies.get(name) else {
            return Err(Failure::Command(format!("no proxy {name}")));
        };
        let done = self.streams.perform(proxy, command);
        let done = done.or_else(|| self.office.perform(proxy, command));
        let done = done.or_else(|| parcels::perform(proxy, command));
        if let Some(done) = done.or_else(|| batches::perform(proxy, command)) {
            return done;
        }
        match text(command, "op")? {
            "values" => compare_generated(proxy, *serializer, command),
            _ => perform_on(proxy, command),
        }
    }
}

fn perform_on(proxy: &Caller, command: &Json) -> Result<Value, Failure> {
    Ok(match text(command, "op")? {
        "call" => {
            let args = values(&command["args"]).map_err(Failure::Command)?;
            proxy.call_with(text(command, "method")?, args, &kwargs(command)?)?
        }
        "oneway" => {
            let args = values(&command["args"]).map_err(Failure::Command)?;
            proxy.call_oneway(text(command, "method")?, args)?;
            Value::None
        }
        "get" => proxy.get(text(command, "name")?)?,
        "set" => {
            proxy.set(
                text(command, "name")?,
                value(&command["value"]).map_err(Failure::Command)?,
            )?;
            Value::None
        }
        "metadata" => {
            let metadata = proxy.metadata()?;
            Value::from(vec![metadata.methods, metadata.oneway, metadata.attributes])
        }
        "describe" => {
            ferropyro::formats::to_value(&proxy.describe()?).map_err(|error| Failure::Command(error.to_string()))?
        }
        "dialect" => Value::from(proxy.dialect()?.to_string()),
        "handshake" => proxy.handshake_answer()?,
        "connected" => Value::Bool(proxy.is_connected()),
        "uri" => Value::from(proxy.uri()),
        "bind" => {
            proxy.bind()?;
            Value::None
        }
        "release" => {
            proxy.release();
            Value::None
        }
        "reconnect" => {
            let tries = command["tries"].as_u64().and_then(|tries| tries.try_into().ok());
            proxy.reconnect(tries.unwrap_or_default())?;
            Value::None
        }
        other => return Err(Failure::Command(format!("no operation {other}"))),
    })
}

fn open(command: &Json, is_async: bool) -> Result<(Arc<Caller>, Serializer), Failure> {
    let mut config = Config::default();
    config.apply_env(UnknownItems::Refuse)?;
    for (name, setting) in command["config"].as_object().into_iter().flatten() {
        let item = Item::find(name).ok_or_else(|| Failure::Command(format!("no item {name}")))?;
        item.set(&mut config, setting.as_str().unwrap_or_default())?;
    }
    if let Some(name) = command["serializer"].as_str() {
        let item = Item::find("SERIALIZER").ok_or_else(|| Failure::Command("no item SERIALIZER".to_owned()))?;
        item.set(&mut config, name)?;
    }
    let serializer = config.serializer;
    let mut builder = Proxy::builder();
    if let Some(key) = command["hmac"].as_str() {
        builder = builder.hmac_key(key);
    }
    if !command["handshake"].is_null() {
        builder = builder.handshake(value(&command["handshake"]).map_err(Failure::Command)?);
    }
    if let Some(seconds) = command["timeout"].as_f64() {
        builder = builder.timeout(Duration::from_secs_f64(seconds));
    }
    if let Some(dialect) = command["dialect"].as_u64() {
        let dialect = u16::try_from(dialect).ok().and_then(Dialect::from_version);
        builder = builder.dialect(dialect.ok_or_else(|| Failure::Command("no such dialect".to_owned()))?);
    }
    let builder = luggage::with_hooks(builder, command)?;
    let proxy = Caller::build(builder.config(config), text(command, "uri")?, is_async)?;
    Ok((Arc::new(proxy), serializer))
}

/// Sends generated values there and back. The error names the first difference.
fn compare_generated(proxy: &Caller, serializer: Serializer, command: &Json) -> Result<Value, Failure> {
    let count = command["count"].as_u64().unwrap_or(PER_MESSAGE);
    let mut generator = Generator::new(command["seed"].as_u64().unwrap_or_default(), serializer);
    let mut done = 0;
    while done < count {
        let sent: Vec<Value> = (0..PER_MESSAGE.min(count - done)).map(|_| generator.value()).collect();
        let received: Vec<Value> = proxy.call("echo", (&sent,))?;
        if received.len() != sent.len() {
            return Err(Failure::Command(format!(
                "{} values came back for {}",
                received.len(),
                sent.len()
            )));
        }
        for (sent, received) in sent.iter().zip(&received) {
            if sent != received {
                return Err(Failure::Command(format!("sent: {sent:?}\nreceived: {received:?}")));
            }
        }
        done += sent.len() as u64;
    }
    Ok(Value::from(done))
}

fn kwargs(command: &Json) -> Result<Dict, Failure> {
    let mut kwargs = Dict::new();
    for pair in command["kwargs"].as_array().into_iter().flatten() {
        kwargs.insert(
            pair[0].as_str().unwrap_or_default(),
            value(&pair[1]).map_err(Failure::Command)?,
        );
    }
    Ok(kwargs)
}

pub(crate) fn text<'j>(command: &'j Json, key: &str) -> Result<&'j str, Failure> {
    command[key]
        .as_str()
        .ok_or_else(|| Failure::Command(format!("no {key} in {command}")))
}

fn describe_error(error: &Error) -> Json {
    let mut described = json!({
        "kind": format!("{:?}", error.kind()),
        "text": error.message(),
        "display": error.to_string(),
    });
    if let Some(remote) = error.as_remote() {
        let mut attributes: Dict = remote.exception().attributes.clone();
        attributes.remove("_pyroTraceback");
        described["class"] = json!(remote.class());
        described["args"] = remote.args().iter().map(describe).collect();
        described["attrs"] = describe(&Value::Dict(attributes));
        described["traceback"] = json!(remote.traceback());
    }
    described
}
