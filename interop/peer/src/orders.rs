//! Classes of a program's own: an object of the server, and a client that makes typed calls of the server in `orders.py`.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::error::Error as StdError;
use std::fmt;

use ferropyro::{Error, Proxy, PyroClass, Raise, Value, expose};
use serde::Serialize;
use serde_json::{Value as Json, json};

#[derive(Debug, PyroClass)]
#[pyro(class = "shop.Order")]
pub(crate) struct Order {
    number: u32,
    #[pyro(name = "items")]
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Debug, PyroClass)]
#[pyro(class = "shop.Line")]
pub(crate) struct Line {
    thing: String,
    count: u32,
}

#[derive(Debug, PyroClass)]
#[pyro(class = "shop.OutOfStock", exception)]
pub(crate) struct OutOfStock {
    thing: String,
    left: u32,
}

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} of {} left", self.left, self.thing)
    }
}

fn order(number: u32) -> Order {
    let line = |thing: &str, count| Line {
        thing: thing.to_owned(),
        count,
    };
    Order {
        number,
        lines: vec![line("lamp", 2), line("r\u{f6}hre", 3)],
        note: None,
    }
}

/// The object `obj.orders`.
pub(crate) struct Orders;

#[expose(crate = ferropyro)]
impl Orders {
    pub fn echo(&self, order: Order) -> Order {
        order
    }

    pub fn make(&self, number: u32) -> Order {
        order(number)
    }

    pub fn make_several(&self) -> Vec<Order> {
        vec![order(1), order(2)]
    }

    pub fn count(&self, orders: Vec<Order>) -> u32 {
        orders
            .iter()
            .flat_map(|order| &order.lines)
            .map(|line| line.count)
            .sum()
    }

    pub fn take(&self, thing: String, count: u32) -> Result<u32, OutOfStock> {
        match count {
            0..5 => Ok(count),
            _ => Err(OutOfStock { thing, left: 4 }),
        }
    }

    /// Raises the exception that it got.
    pub fn raise(&self, error: OutOfStock) -> Result<(), OutOfStock> {
        Err(error)
    }

    pub fn echo_any(&self, value: Value) -> Value {
        value
    }

    /// The class that somebody who does not know it sees.
    pub fn class_of(&self, value: Value) -> Result<String, Raise> {
        Ok(value.type_name().to_owned())
    }
}

/// `interop_peer orders URI SERIALIZER STEP...`: a line of JSON for each step, `{"ok": ...}` or `{"error": KIND, "text": TEXT}`.
pub(crate) fn main(args: &[String]) -> Result<(), Box<dyn StdError>> {
    let [uri, serializer, steps @ ..] = args else {
        return Err("orders URI SERIALIZER STEP...".into());
    };
    let proxy = Proxy::builder().serializer(serializer.parse()?).build(uri.as_str())?;
    for step in steps {
        let answer = match perform(&proxy, step) {
            Ok(result) => json!({"ok": result}),
            Err(error) => json!({"error": format!("{:?}", error.kind()), "text": error.message()}),
        };
        println!("{answer}");
    }
    Ok(())
}

fn perform(proxy: &Proxy, step: &str) -> Result<Json, Error> {
    match step {
        "echo" => shown(&proxy.call::<Order>("echo", (order(7),))?),
        "make" | "make_plain" => shown(&proxy.call::<Order>(step, (8,))?),
        "make_hidden" => proxy.call::<Value>(step, ()).map(|value| json!(value.to_string())),
        "count" => shown(&proxy.call::<u32>(step, (vec![order(1), order(2)],))?),
        "take" | "take_too_much" => take(proxy, if step == "take" { 3 } else { 9 }),
        "raise_" => {
            let error = OutOfStock {
                thing: "bulb".to_owned(),
                left: 1,
            };
            shown(&caught(proxy.call::<u32>(step, (error,)))?)
        }
        _ => Ok(json!(format!("no step {step}"))),
    }
}

fn take(proxy: &Proxy, count: u32) -> Result<Json, Error> {
    shown(&caught(proxy.call::<u32>("take", ("lamp", count)))?)
}

/// What is left where it was too much, or what was taken.
fn caught(result: Result<u32, Error>) -> Result<(&'static str, u32), Error> {
    let error = match result {
        Ok(taken) => return Ok(("taken", taken)),
        Err(error) => error,
    };
    match error.as_remote().map(OutOfStock::try_from) {
        Some(Ok(out)) => Ok(("left", out.left)),
        _ => Err(error),
    }
}

fn shown<T: Serialize>(result: &T) -> Result<Json, Error> {
    serde_json::to_value(result).map_err(|error| Error::new(ferropyro::ErrorKind::Value, error.to_string()))
}
