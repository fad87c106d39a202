//! Commands of the client mode for callbacks: the client offers an object of its own, which servers call. `call_back` (`method`, `with`: the method of the
//! client's object, `text`, `nested`) passes the object to a method; `notebook` gives what it has noted, `errors` the errors in its callbacks. `call_result`
//! (`method`, `then`) calls a method of every proxy in the result of a method.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ferropyro::{Daemon, Proxy, Raise, Registered, RunningDaemon, Value, expose};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::caller::Caller;
use crate::client::{Failure, text};

/// The client's own daemon, once it is needed.
#[derive(Default)]
pub(crate) struct Office(Option<Open>);

struct Open {
    notebook: Registered<Notebook>,
    _daemon: RunningDaemon,
}

impl Office {
    /// Performs a command, if it is one of these.
    pub(crate) fn perform(&mut self, proxy: &Arc<Caller>, command: &Json) -> Option<Result<Value, Failure>> {
        let done = match command["op"].as_str()? {
            "call_back" => self.call_back(proxy, command),
            "notebook" => self.notebook().map(|notebook| notebook.object().read(command)),
            "errors" => self
                .notebook()
                .map(|notebook| Value::from(notebook.object().errors.lock().clone())),
            "call_result" => call_result(proxy, command),
            _ => return None,
        };
        Some(done)
    }

    fn call_back(&mut self, proxy: &Arc<Caller>, command: &Json) -> Result<Value, Failure> {
        let notebook = self.notebook()?;
        *notebook.object().proxy.lock() = Some(Arc::clone(proxy));
        let (method, with, text) = (text(command, "method")?, text(command, "with")?, text(command, "text")?);
        match command["nested"].as_bool() {
            Some(true) => Ok(proxy.call(method, (vec![notebook], with, text))?),
            _ => Ok(proxy.call(method, (notebook, with, text))?),
        }
    }

    fn notebook(&mut self) -> Result<&Registered<Notebook>, Failure> {
        if self.0.is_none() {
            let errors: Arc<Shared<Vec<String>>> = Arc::default();
            let heard = Arc::clone(&errors);
            let daemon = Daemon::builder()
                .on_error(move |call| {
                    if call.is_callback() {
                        heard.lock().push(call.error().to_string());
                    }
                })
                .bind()?;
            let notebook = daemon.share(Notebook {
                errors,
                ..Notebook::default()
            })?;
            self.0 = Some(Open {
                notebook,
                _daemon: daemon.start(),
            });
        }
        let open = self.0.as_ref();
        open.map(|open| &open.notebook)
            .ok_or_else(|| Failure::Command("no daemon".to_owned()))
    }
}

/// What a method may give proxies in.
#[derive(Deserialize)]
#[serde(untagged)]
enum Proxies {
    One(Proxy),
    Many(BTreeMap<String, Vec<Proxy>>),
}

fn call_result(proxy: &Caller, command: &Json) -> Result<Value, Failure> {
    let proxies = match proxy.call(text(command, "method")?, ())? {
        Proxies::One(proxy) => vec![proxy],
        Proxies::Many(dict) => dict.into_values().flatten().collect(),
    };
    let then = text(command, "then")?;
    let results = proxies.iter().map(|proxy| proxy.call(then, ()));
    Ok(Value::List(results.collect::<ferropyro::Result<_>>()?))
}

/// The object of the client.
#[derive(Default)]
struct Notebook {
    pages: Shared<Vec<String>>,
    written: Condvar,
    errors: Arc<Shared<Vec<String>>>,
    /// Of the call that is under way.
    proxy: Shared<Option<Arc<Caller>>>,
}

#[expose]
impl Notebook {
    /// Gives how much is written.
    pub fn write(&self, text: String) -> usize {
        let mut pages = self.pages.lock();
        pages.push(text);
        self.written.notify_all();
        pages.len()
    }

    #[expose(oneway)]
    pub fn write_unanswered(&self, text: String) {
        self.write(text);
    }

    #[expose(callback)]
    pub fn fail(&self, text: String) -> Result<(), Raise> {
        Err(Raise::new("ValueError", text))
    }

    /// Bounces the call back to the server, through the very proxy that waits for it.
    pub fn bounce(&self, text: String) -> Result<usize, Raise> {
        let proxy = self.proxy.lock().clone().ok_or("no call is under way")?;
        let echoed: String = proxy.call("echo", (text,))?;
        Ok(self.write(echoed))
    }

    #[expose(oneway)]
    pub fn bounce_unanswered(&self, text: String) -> Result<(), Raise> {
        self.bounce(text).map(drop)
    }
}

impl Notebook {
    /// What was written, as soon as that is so much.
    fn read(&self, command: &Json) -> Value {
        let least = command["least"].as_u64().unwrap_or_default();
        let few = |pages: &mut Vec<String>| (pages.len() as u64) < least;
        let pages = self.written.wait_while(self.pages.lock(), few);
        Value::from(pages.unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[derive(Default)]
struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
