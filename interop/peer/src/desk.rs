//! The desk mode: `interop_peer desk [--hmac KEY] [--unix PATH] [--set ITEM=VALUE] [--annotation KEY=TEXT]` serves an object that tells what its calls
//! bring along: the call context, annotations, the handshake. Prints `URI = PYRO:desk@...` when it listens; context_server.py is the same with the
//! real Pyro. Bytes travel as hexadecimal digits here, so that no serializer touches them.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ferropyro::config::UnknownItems;
use ferropyro::context::{self, AnnotationList};
use ferropyro::wire::{AnnotationKey, Annotations};
use ferropyro::{Config, Connection, Context, Daemon, Dict, ItemStream, Peer, Proxy, Raise, Value, expose, logging};

use crate::serve;

pub(crate) fn main(options: &[String]) -> Result<(), Box<dyn Error>> {
    logging::init_from_env()?;
    let desk = Arc::new(Desk::default());
    let daemon = build(options, &desk)?;
    println!("URI = {}", daemon.register_shared("desk", desk)?);
    std::io::stdout().flush()?;
    daemon.run();
    Ok(())
}

fn build(options: &[String], desk: &Arc<Desk>) -> Result<Daemon, Box<dyn Error>> {
    let (greeting, leaving) = (Arc::clone(desk), Arc::clone(desk));
    let mut config = Config::default();
    config.apply_env(UnknownItems::Refuse)?;
    let mut annotations = AnnotationList::new();
    let mut builder = Daemon::builder()
        .validate_handshake(move |data, cx| greeting.validate(data, cx))
        .client_disconnect(move |connection| leaving.forget(connection));
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--hmac" => builder = builder.hmac_key(value),
            "--unix" => builder = builder.unix_socket(value),
            "--set" => serve::set(&mut config, value)?,
            "--annotation" => {
                let (key, text) = value.split_once('=').ok_or("an annotation is KEY=TEXT")?;
                annotations.push((AnnotationKey::try_from(key)?, text.into()));
            }
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    if !annotations.is_empty() {
        builder = builder.annotations(move |_| annotations.clone());
    }
    Ok(builder.config(config).bind()?)
}

/// Tells what it knows of its callers.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What oneway calls reported.
    log: Vec<Dict>,
    /// What the handshakes of the connections that live brought along.
    handshakes: HashMap<u64, Dict>,
    /// The connections that have ended.
    gone: HashSet<u64>,
}

#[expose]
impl Desk {
    /// What the call's context says.
    pub fn report(&self, cx: &Context) -> Dict {
        report(cx)
    }

    /// As `report`, with an argument that makes the message longer.
    pub fn report_with(&self, _text: &str, cx: &Context) -> Dict {
        report(cx)
    }

    /// Keeps the report for `logged`.
    #[expose(oneway)]
    pub fn log_report(&self) -> Result<(), Raise> {
        let cx = context::current().ok_or_else(|| Raise::new("RuntimeError", "no call"))?;
        self.log(&cx);
        Ok(())
    }

    /// As `log_report`, once the caller has gone.
    #[expose(oneway)]
    pub fn log_when_gone(&self, cx: &Context) {
        let caller = cx.connection().number();
        let gone = self
            .changed
            .wait_while(self.lock(), |state| !state.gone.contains(&caller));
        drop(gone.unwrap_or_else(PoisonError::into_inner));
        self.log(cx);
    }

    /// What the next oneway call reported, when there is one.
    pub fn logged(&self) -> Dict {
        let logged = self.changed.wait_while(self.lock(), |state| state.log.is_empty());
        logged.unwrap_or_else(PoisonError::into_inner).log.remove(0)
    }

    /// What the handshake of this connection brought along.
    pub fn handshake(&self, cx: &Context) -> Option<Dict> {
        self.lock().handshakes.get(&cx.connection().number()).cloned()
    }

    pub fn answer_with(&self, key: &str, value: &str, cx: &Context) -> Result<(), Raise> {
        cx.annotate(annotation_key(key)?, from_hex(value)?);
        Ok(())
    }

    pub fn answer_bulk(&self, count: usize, length: usize, cx: &Context) -> Result<(), Raise> {
        for number in 0..count {
            cx.annotate(annotation_key(&format!("{number:04x}"))?, vec![b'x'; length]);
        }
        Ok(())
    }

    pub fn annotate_and_raise(&self, cx: &Context) -> Result<(), Raise> {
        cx.annotate(annotation_key("OOPS")?, *b"of a call that failed");
        Err(Raise::new("ValueError", "nope"))
    }

    /// Items with an annotation each.
    pub fn items(&self, count: u8) -> Result<ItemStream, Raise> {
        let key = annotation_key("ITEM")?;
        Ok(ItemStream::new((0..count).inspect(move |number| {
            if let Some(cx) = context::current() {
                cx.annotate(key, [*number]);
            }
        })))
    }

    /// Calls a method of another desk.
    pub fn hand_on(&self, uri: &str, method: &str) -> Result<Value, ferropyro::Error> {
        Proxy::new(uri)?.call(method, ())
    }

    #[expose(oneway)]
    pub fn hand_on_unanswered(&self, uri: &str, method: &str) -> Result<(), ferropyro::Error> {
        self.hand_on(uri, method).map(drop)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, cx: &Context) {
        self.lock().log.push(report(cx));
        self.changed.notify_all();
    }

    /// Refuses those who ask for it, and tells the others what they sent.
    fn validate(&self, data: &Value, cx: &Context) -> Result<Value, Raise> {
        if data.as_str() == Some("reject") {
            return Err(Raise::new("ValueError", "nope"));
        }
        let mut seen = report(cx);
        seen.insert("data", data.clone());
        self.lock().handshakes.insert(cx.connection().number(), seen);
        Ok(Value::from(vec![Value::from("you sent"), data.clone()]))
    }

    fn forget(&self, connection: &Connection) {
        let mut state = self.lock();
        state.handshakes.remove(&connection.number());
        state.gone.insert(connection.number());
        drop(state);
        self.changed.notify_all();
    }
}

fn report(cx: &Context) -> Dict {
    let address = match cx.peer() {
        Peer::Tcp(address) => Value::from(vec![Value::from(address.ip().to_string()), Value::from(address.port())]),
        _ => Value::None,
    };
    let serializer = cx.serializer().id(cx.dialect());
    Dict::from([
        ("address", address),
        ("seq", Value::from(cx.seq())),
        ("flags", Value::from(cx.flags().to_bits(cx.dialect()))),
        ("serializer", Value::from(serializer.map(|id| id.0))),
        ("correlation_id", Value::from(cx.correlation_id().to_string())),
        ("annotations", Value::Dict(hex_dict(&cx.annotations()))),
    ])
}

/// Annotations with their values as hexadecimal digits.
pub(crate) fn hex_dict(annotations: &Annotations<'_>) -> Dict {
    let mut dict = Dict::new();
    for (key, value) in annotations.iter() {
        let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        dict.insert(key.as_str(), digits);
    }
    dict
}

pub(crate) fn from_hex(digits: &str) -> Result<Vec<u8>, Raise> {
    let pair = |start| {
        digits
            .get(start..start + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    };
    let bytes = (0..digits.len()).step_by(2).map(pair).collect::<Option<_>>();
    bytes.ok_or_else(|| Raise::new("ValueError", "no hexadecimal digits"))
}

fn annotation_key(key: &str) -> Result<AnnotationKey, Raise> {
    AnnotationKey::try_from(key).map_err(|error| Raise::new("ValueError", error.to_string()))
}
