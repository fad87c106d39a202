//! The object `obj.test`: a method for everything that a caller may want to know.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use ferropyro::{
    Attribute, Bytes, Call, DateTime, Decimal, Dict, Error, ErrorKind, Exception, Members, Method, Object, Param,
    Raise, Reply, Set, Uri, Value,
};
use serde::{Deserialize, Serialize};

use crate::describe::describe;

/// See the table of its members.
pub(crate) struct Thing {
    members: Members,
    pub(crate) helper: OnceLock<Uri>,
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    value: Value,
    log: Vec<Value>,
    waiting: usize,
    opened: usize,
}

#[derive(Serialize, Deserialize)]
struct Point {
    x: i64,
    y: f64,
}

/// An error type of a program's own.
#[derive(Debug)]
struct OutOfStock {
    item: String,
}

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} left", self.item)
    }
}

impl From<OutOfStock> for Raise {
    fn from(error: OutOfStock) -> Raise {
        Exception::new("LookupError", error.to_string())
            .attribute("item", error.item)
            .into()
    }
}

static X: [Param; 1] = [Param::required("x")];
static NUMBERS: [Param; 2] = [Param::required("a"), Param::required("b")];
static METHODS: &[Method] = &[
    Method::new("echo", &X),
    Method::new("describe", &X),
    Method::new("add", const { &[Param::required("a"), Param::optional("b")] }),
    Method::new("div", &NUMBERS),
    Method::new("varargs", &[]),
    Method::new("kwonly", &[]),
    Method::new("nothing", &[]),
    Method::new(
        "three",
        const { &[Param::required("a"), Param::required("b"), Param::required("c")] },
    ),
    Method::new("typed_int", &X),
    Method::new("typed_small", &X),
    Method::new("typed_float", &X),
    Method::new("typed_bool", &X),
    Method::new("typed_str", &X),
    Method::new("typed_bytes", &X),
    Method::new("typed_list", &X),
    Method::new("typed_dict", &X),
    Method::new("typed_tuple", &X),
    Method::new("typed_set", &X),
    Method::new("typed_option", &X),
    Method::new("typed_struct", &X),
    Method::new("typed_decimal", &X),
    Method::new("typed_datetime", &X),
    Method::new("raise_value", &X),
    Method::new("raise_attrs", &[]),
    Method::new(
        "raise_class",
        const { &[Param::required("class"), Param::required("args")] },
    ),
    Method::new("raise_pyro", &X),
    Method::new("raise_own", &[]),
    Method::new("raise_panic", &X),
    Method::new("raise_bytes", &[]),
    Method::new("return_bytes", &[]),
    Method::new("return_exception", &[]),
    Method::new("give_uri", &[]),
    Method::new("take_uri", &X),
    Method::new("oneway_log", &X).oneway(),
    Method::new("oneway_error", &[]).oneway(),
    Method::new("wait_for_log", &X),
    Method::new("context", &[]),
    Method::new("corr", &[]),
    Method::new("big", &X),
    Method::new("length", &X),
    Method::new("wait_at_gate", &[]),
    Method::new("open_gate", &[]),
    Method::new("__dunder__", &[]),
];

impl Default for Thing {
    fn default() -> Thing {
        let mut members = Members::new("Thing", METHODS);
        members.attributes = vec![Attribute::writable("value"), Attribute::readable("readonly")].into();
        members.unexposed = vec!["unexposed".into(), "unexposed_prop".into()].into();
        Thing {
            members,
            helper: OnceLock::new(),
            state: Mutex::new(State {
                value: Value::Int(1),
                ..State::default()
            }),
            opened: Condvar::new(),
        }
    }
}

impl Object for Thing {
    fn members(&self) -> &Members {
        &self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let method = call.method();
        if method.starts_with("typed_") {
            return typed(call);
        }
        if method.starts_with("raise_") {
            return raise(&call);
        }
        match method {
            "echo" => echo::<Value>(call),
            "describe" => {
                let (x,) = call.args::<(Value,)>()?;
                call.reply(&describe(&x).to_string())
            }
            "add" => add(call),
            "div" => div(call),
            "varargs" | "kwonly" => varargs(call),
            "nothing" => self.nothing(call),
            "three" => {
                let (a, b, c) = call.args::<(i64, i64, i64)>()?;
                call.reply(&(a, b, c))
            }
            "return_bytes" => call.reply(&Bytes::from(&b"irmen de jong"[..])),
            "return_exception" => call.reply(&Exception::new("ValueError", "as a value")),
            "give_uri" => call.reply(&self.helper.get()),
            "take_uri" => {
                let (uri,) = call.args::<(Uri,)>()?;
                call.reply(&uri.to_string())
            }
            "oneway_log" => self.log(call),
            "oneway_error" => Err(Raise::new("ValueError", "nobody sees this")),
            "wait_for_log" => self.wait_for_log(call),
            "context" => context(call),
            "corr" => {
                let id = call.context().correlation_id().to_string();
                call.reply(&id)
            }
            "big" => {
                let (size,) = call.args::<(usize,)>()?;
                call.reply(&"x".repeat(size))
            }
            "length" => length(call),
            "wait_at_gate" => self.wait_at_gate(call),
            "open_gate" => self.open_gate(call),
            "__dunder__" => call.reply("dunder"),
            _ => call.refuse(),
        }
    }

    fn get_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "value" => {
                let value = self.lock().value.clone();
                call.reply(&value)
            }
            "readonly" => call.reply("read only"),
            _ => call.refuse(),
        }
    }

    fn set_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        self.lock().value = call.value()?;
        call.reply(&())
    }
}

impl Thing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nothing(&self, call: Call<'_>) -> Result<Reply, Raise> {
        call.args::<()>()?;
        call.reply(&())
    }

    fn log(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (entry,) = call.args::<(Value,)>()?;
        self.lock().log.push(entry);
        self.opened.notify_all();
        call.reply(&())
    }

    /// Answers when so many oneway calls have arrived.
    fn wait_for_log(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (count,) = call.args::<(usize,)>()?;
        let state = self.opened.wait_while(self.lock(), |state| state.log.len() < count);
        let log = state.unwrap_or_else(PoisonError::into_inner).log.clone();
        call.reply(&log)
    }

    /// Answers when somebody has opened the gate after this call came.
    fn wait_at_gate(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let mut state = self.lock();
        let opened = state.opened;
        state.waiting += 1;
        self.opened.notify_all();
        let state = self.opened.wait_while(state, |state| state.opened == opened);
        drop(state.unwrap_or_else(PoisonError::into_inner));
        call.reply("through")
    }

    /// Waits until somebody waits at the gate, and opens it.
    fn open_gate(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let state = self.opened.wait_while(self.lock(), |state| state.waiting == 0);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.waiting = 0;
        state.opened += 1;
        drop(state);
        self.opened.notify_all();
        call.reply(&())
    }
}

fn echo<'a, T: Deserialize<'a> + Serialize>(call: Call<'a>) -> Result<Reply, Raise> {
    let (x,) = call.args::<(T,)>()?;
    call.reply(&x)
}

fn typed(call: Call<'_>) -> Result<Reply, Raise> {
    match call.method() {
        "typed_int" => echo::<i64>(call),
        "typed_small" => echo::<u8>(call),
        "typed_float" => echo::<f64>(call),
        "typed_bool" => echo::<bool>(call),
        "typed_str" => echo::<String>(call),
        "typed_bytes" => echo::<Bytes>(call),
        "typed_list" => echo::<Vec<i64>>(call),
        "typed_dict" => echo::<BTreeMap<String, i64>>(call),
        "typed_tuple" => echo::<(i64, String)>(call),
        "typed_set" => echo::<Set<i64>>(call),
        "typed_option" => echo::<Option<i64>>(call),
        "typed_struct" => echo::<Point>(call),
        "typed_decimal" => echo::<Decimal>(call),
        "typed_datetime" => echo::<DateTime>(call),
        _ => call.refuse(),
    }
}

fn raise(call: &Call<'_>) -> Result<Reply, Raise> {
    match call.method() {
        "raise_value" => {
            let (text,) = call.args::<(String,)>()?;
            Err(Raise::new("ValueError", text))
        }
        "raise_attrs" => {
            let info = Dict::from([("k", vec![1, 2])]);
            let exception = Exception::new("ValueError", "with attributes").arg(42);
            Err(exception.attribute("code", 7).attribute("info", info).into())
        }
        "raise_class" => {
            let (class, args) = call.args::<(String, Vec<Value>)>()?;
            let mut exception = Exception::new(&class, "");
            exception.args = args;
            Err(exception.into())
        }
        "raise_pyro" => {
            let (class,) = call.args::<(String,)>()?;
            Err(Error::new(ErrorKind::of_class(&class), "a pyro error").into())
        }
        "raise_own" => Err(OutOfStock { item: "spam".into() }.into()),
        "raise_panic" => {
            let (text,) = call.args::<(String,)>()?;
            panic!("{text}")
        }
        "raise_bytes" => Err(Exception::new("ValueError", "cannot travel")
            .arg(Value::Bytes(vec![0, 255]))
            .into()),
        _ => call.refuse(),
    }
}

fn add(call: Call<'_>) -> Result<Reply, Raise> {
    let (a, b) = call.given_args::<(i64, i64)>()?;
    call.reply(&(a.unwrap_or_default() + b.unwrap_or(10)))
}

fn div(call: Call<'_>) -> Result<Reply, Raise> {
    let (a, b) = call.args::<(i64, i64)>()?;
    match a.checked_div_euclid(b) {
        Some(quotient) => call.reply(&quotient),
        None => Err(Raise::new("ZeroDivisionError", "integer division or modulo by zero")),
    }
}

/// All arguments: positional ones as a list, keyword ones as sorted pairs.
fn varargs(call: Call<'_>) -> Result<Reply, Raise> {
    let (args, kwargs) = call.values()?;
    let mut pairs: Vec<(String, Value)> = Vec::new();
    for (name, value) in kwargs {
        let name = name
            .as_str()
            .ok_or_else(|| Raise::new("TypeError", "keywords must be strings"))?;
        pairs.push((name.to_owned(), value));
    }
    pairs.sort_by(|one, other| one.0.cmp(&other.0));
    if call.method() == "kwonly" {
        return call.reply(&pairs);
    }
    let pairs: Vec<Value> = pairs
        .into_iter()
        .map(|(name, value)| Value::Tuple(vec![name.into(), value]))
        .collect();
    call.reply(&vec![Value::List(args), Value::List(pairs)])
}

fn context(call: Call<'_>) -> Result<Reply, Raise> {
    let context = call.context();
    let facts = vec![
        Value::from(u64::from(context.seq())),
        Value::from(u64::from(context.flags().to_bits(context.dialect()))),
        Value::from(context.serializer().name()),
        Value::from(context.dialect().to_string()),
        Value::from(context.peer().to_string()),
    ];
    call.reply(&facts)
}

fn length(call: Call<'_>) -> Result<Reply, Raise> {
    let (x,) = call.args::<(Value,)>()?;
    let length = match &x {
        Value::Str(text) => Some(text.chars().count()),
        Value::Bytes(bytes) | Value::ByteArray(bytes) => Some(bytes.len()),
        Value::Dict(dict) => Some(dict.len()),
        other => other.as_sequence().map(<[Value]>::len),
    };
    let no_length = || Raise::new("TypeError", format!("object of type '{}' has no len()", x.type_name()));
    call.reply(&length.ok_or_else(no_length)?)
}
