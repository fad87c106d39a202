//! Many calls in one message.

use std::fmt;

use ferropyro_formats::{self as formats, Dict, Instance, Value};
use ferropyro_wire::Flags;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::conversation::{Check, Outgoing};
use super::reply::Owned;
use super::{Proxy, no_kwargs};
use crate::arguments::{Arguments, ListOf, arguments_value};
use crate::error::RemoteError;
use crate::futures::{Future, FutureResult};
use crate::serializer::EarlyValue;
use crate::{Error, ErrorKind, Result};

/// Calls of one object that are collected, and sent in one message: see [`Proxy::batch`].
///
/// ```
/// use ferropyro::{Daemon, Proxy, expose};
///
/// struct Adder;
///
/// #[expose]
/// impl Adder {
///     pub fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// let daemon = Daemon::new()?;
/// let adder = Proxy::new(daemon.register("adder", Adder)?)?;
/// let _running = daemon.start();
///
/// let sums: Vec<i64> = adder.batch().call("add", (1, 2)).call("add", (3, 4)).run()?.all()?;
/// assert_eq!(sums, [3, 7]);
/// # Ok::<(), ferropyro::Error>(())
/// ```
///
/// The server makes the calls one after the other, and stops at the first one that fails. It is asked whether there are such methods; the proxy does not
/// look at names here, nor at which methods are oneway. A method that gives back an iterator cannot be part of a batch.
#[derive(Debug)]
pub struct Batch<'p> {
    proxy: &'p Proxy,
    calls: Calls,
}

impl<'p> Batch<'p> {
    pub(super) fn new(proxy: &'p Proxy) -> Batch<'p> {
        Batch {
            proxy,
            calls: Calls::default(),
        }
    }

    /// Adds a call. Arguments that cannot be sent are an error when the batch is run.
    pub fn call(&mut self, method: &str, args: impl Arguments) -> &mut Batch<'p> {
        self.call_with(method, args, no_kwargs())
    }

    /// As [`Batch::call`], with keyword arguments.
    pub fn call_with(&mut self, method: &str, args: impl Arguments, kwargs: &Dict) -> &mut Batch<'p> {
        self.calls.add(method, &args, kwargs);
        self
    }

    /// Makes the calls, and waits for all their results. The batch is empty then and can be used again.
    ///
    /// # Errors
    /// When the batch as a whole cannot be made: errors of the connection, arguments that cannot be sent, and a name that is not exposed (the calls
    /// before it were made). The exception of one call is among the results.
    pub fn run(&mut self) -> Result<BatchResults> {
        let calls = self.calls.take()?;
        run(self.proxy, calls)
    }

    /// Makes the calls, and waits for nothing. Nobody hears of their errors but the server.
    ///
    /// # Errors
    /// When the calls cannot be sent.
    pub fn run_oneway(&mut self) -> Result<()> {
        let calls = self.calls.take()?;
        send(self.proxy, calls, Flags::BATCH | Flags::ONEWAY)
    }

    /// Makes the calls in the background, over a connection of its own, while this thread goes on. What this thread has set in its
    /// [context](crate::context) goes along.
    ///
    /// # Errors
    /// Arguments that cannot be sent; when there can be no more threads.
    pub fn run_in_background(&mut self) -> Result<FutureResult<BatchResults>> {
        let calls = self.calls.take()?;
        let proxy = self.proxy.clone();
        Future::with_luggage(move || run(&proxy, calls)).start()
    }
}

fn run(proxy: &Proxy, calls: CallList) -> Result<BatchResults> {
    results(send(proxy, calls, Flags::BATCH)?)
}

fn send<R: DeserializeOwned>(proxy: &Proxy, calls: CallList, flags: Flags) -> Result<R> {
    proxy.shared.call(&calls.outgoing(flags), 0, Owned::default())
}

/// Calls that are collected.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<BatchCall>,
    /// Of the first arguments that cannot be sent.
    error: Option<Error>,
}

impl Calls {
    pub(crate) fn add(&mut self, method: &str, args: &impl Arguments, kwargs: &Dict) {
        match arguments_value(args) {
            Ok(args) => self.calls.push(BatchCall {
                method: method.to_owned(),
                args,
                kwargs: kwargs.clone(),
            }),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
    }

    /// What was collected; there is nothing left then.
    pub(crate) fn take(&mut self) -> Result<CallList> {
        let calls = std::mem::take(&mut self.calls);
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(CallList(calls)),
        }
    }
}

/// Calls that can be sent.
pub(crate) struct CallList(Vec<BatchCall>);

impl CallList {
    pub(crate) fn outgoing(self, flags: Flags) -> Outgoing<'static, impl Arguments> {
        Outgoing {
            object: None,
            method: "<batch>",
            args: ListOf(self.0),
            kwargs: None,
            flags,
            check: Check::Nothing,
        }
    }
}

/// The results in what a server answers.
pub(crate) fn results(answer: Value) -> Result<BatchResults> {
    let results = answer.into_items().map_err(|other| {
        let text = format!("a batch gives a list of results, and not this: {other}");
        Error::new(ErrorKind::Protocol, text)
    })?;
    Ok(BatchResults {
        results: results.into_iter(),
    })
}

#[derive(Debug, Clone)]
struct BatchCall {
    method: String,
    args: EarlyValue,
    kwargs: Dict,
}

impl Serialize for BatchCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut call = serializer.serialize_tuple(3)?;
        call.serialize_element(&self.method)?;
        call.serialize_element(&self.args)?;
        call.serialize_element(&self.kwargs)?;
        call.end()
    }
}

/// The results of a [`Batch`] in the order of its calls, as values; the exception of the first call that failed is the last one.
#[derive(Clone)]
pub struct BatchResults {
    results: std::vec::IntoIter<Value>,
}

impl BatchResults {
    /// The next result as a type of your choice. `None` when there are no more.
    ///
    /// # Errors
    /// The exception that the call raised; `Serialize` for a result that is no `T`.
    pub fn next_as<T: DeserializeOwned>(&mut self) -> Option<Result<T>> {
        let result = self.next()?;
        Some(result.and_then(|value| Ok(formats::from_value(value)?)))
    }

    /// All results that are left, which are of one type.
    ///
    /// # Errors
    /// The first one among them.
    pub fn all<T: DeserializeOwned>(mut self) -> Result<Vec<T>> {
        std::iter::from_fn(|| self.next_as()).collect()
    }
}

impl Iterator for BatchResults {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Result<Value>> {
        self.results.next().map(unwrap_exception)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.results.size_hint()
    }
}

impl ExactSizeIterator for BatchResults {}

impl fmt::Debug for BatchResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.results.as_slice()).finish()
    }
}

/// The result of one call, in which Pyro wraps an exception.
fn unwrap_exception(result: Value) -> Result<Value> {
    let Value::Instance(instance) = result else {
        return Ok(result);
    };
    let Instance { class, attributes } = *instance;
    if crate::classes::pyro5_name(&class) != "Pyro5.core._ExceptionWrapper" {
        return Ok(Value::from(Instance { class, attributes }));
    }
    let exception = match attributes.get("exception") {
        Some(Value::Dict(dict)) => dict.clone().into_object(),
        other => other.cloned().unwrap_or_default(),
    };
    match exception {
        Value::Exception(exception) => Err(Error::remote(RemoteError::new(*exception))),
        other => {
            let text = format!("the server raised something that is no exception: {other}");
            Err(Error::new(ErrorKind::Protocol, text))
        }
    }
}
