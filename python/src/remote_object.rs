//! Python's objects as others call them.

use std::borrow::Cow;
use std::sync::Arc;

use ferropyro::wire::Flags;
use ferropyro::{Answer, Attribute, Call, Context, ItemStream, Method, Object, Raise, Reply, Serializer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyTuple};

use crate::blob::SerializedBlob;
use crate::errors::raised;
use crate::pickles::Manner;
use crate::read::{PickledData, Read};
use crate::write::Wire;
use crate::{context, exit, package, pending, pickles, request_loop};

/// What a class exposes.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Members(pub(crate) ferropyro::Members);

#[pymethods]
impl Members {
    /// Methods are (name, whether it is oneway, whether it is a callback), attributes (name, whether it can be set); `unexposed` are names that exist and are not exposed.
    #[new]
    fn new(
        class: String,
        methods: Vec<(String, bool, bool)>,
        attributes: Vec<(String, bool)>,
        unexposed: Vec<String>,
    ) -> Members {
        let methods = methods.into_iter().map(|(name, oneway, callback)| {
            let mut method = Method::new("", &[]);
            method.name = Cow::Owned(name);
            method.oneway = oneway;
            method.callback = callback;
            method
        });
        let attributes = attributes.into_iter().map(|(name, writable)| {
            let mut attribute = Attribute::readable("").writable_if(writable);
            attribute.name = Cow::Owned(name);
            attribute
        });
        let mut members = ferropyro::Members::default();
        members.class = Cow::Owned(class);
        members.methods = methods.collect();
        members.attributes = attributes.collect();
        members.own_tracebacks = true;
        members.unexposed = unexposed.into_iter().map(Cow::Owned).collect();
        Members(members)
    }
}

/// The arguments of a call: those by place, and those by name.
type Parts = (Option<Py<PyAny>>, Option<Py<PyAny>>);

/// A Python object in a daemon.
pub(crate) struct RemoteObject {
    target: Py<PyAny>,
    members: Arc<ferropyro::Members>,
    manner: Arc<Manner>,
}

impl RemoteObject {
    pub(crate) fn new(target: Py<PyAny>, members: Arc<ferropyro::Members>, manner: Arc<Manner>) -> RemoteObject {
        RemoteObject {
            target,
            members,
            manner,
        }
    }

    /// Runs a method, with arguments as they have arrived.
    fn run<'py>(
        &self,
        py: Python<'py>,
        context: &Context,
        method: &str,
        args: Option<Py<PyAny>>,
        kwargs: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let result = context::serve(py, context, || {
            let bound = self.target.bind(py).getattr(method)?;
            let (args, kwargs) = (positional(py, args)?, keywords(py, kwargs)?);
            exit::calling(|| bound.call(&args, kwargs.as_ref()))
        });
        if let Err(error) = &result
            && self.members.method(method).is_some_and(|method| method.callback)
            && let Err(failure) =
                package::log_callback(py).and_then(|log| log.call1((error.value(py), error.traceback(py))))
        {
            failure.write_unraisable(py, None);
        }
        result
    }

    /// The calls of a batch, one after the other. The exception of one that failed is the last result.
    fn run_batch<'py>(&self, py: Python<'py>, call: &Call<'_>) -> Result<Bound<'py, PyList>, Raise> {
        let (calls, _) = self.arguments(py, call)?;
        let calls = positional(py, calls).map_err(|error| raised(py, error))?;
        if let Some(most) = self.manner.max_batch_calls.filter(|most| calls.len() > *most) {
            let text = format!(
                "a batch of {} calls is too long: {most} are allowed (setting MAX_BATCH_CALLS)",
                calls.len()
            );
            return Err(Raise::new("ValueError", text));
        }
        let results = PyList::empty(py);
        for part in calls {
            let (method, args, kwargs) = part
                .extract::<(String, Py<PyAny>, Py<PyAny>)>()
                .map_err(|error| raised(py, error))?;
            self.members.find(&method)?;
            let result = match self.run(py, call.context(), &method, Some(args), Some(kwargs)) {
                Ok(result) if result.cast::<PyIterator>().is_ok() => Err(PyTypeError::new_err(format!(
                    "{method}() gives an iterator, which cannot be part of a batch's results"
                ))),
                result => result,
            };
            let failed = result.is_err();
            let item = result.or_else(|error| wrapped(py, error));
            item.and_then(|item| results.append(item))
                .map_err(|error| raised(py, error))?;
            if failed {
                break;
            }
        }
        Ok(results)
    }

    /// The arguments: a tuple or list, and a dict.
    fn arguments(&self, py: Python<'_>, call: &Call<'_>) -> Result<Parts, Raise> {
        let serializer = call.context().serializer();
        let unpickles = self.manner.unpickles(serializer);
        if call.context().flags().contains(Flags::KEEPSERIALIZED) {
            let (blob,) = call.args::<(ferropyro::SerializedBlob,)>()?;
            let blob = SerializedBlob::received(py, blob, unpickles).and_then(|blob| (blob,).into_pyobject(py));
            let args = blob.map_err(|error| raised(py, error))?;
            return Ok((Some(args.into_any().unbind()), None));
        }
        match call.payload() {
            Some((serializer, payload)) if unpickles => {
                let read = pickles::loads_call(py, serializer, payload);
                let (args, kwargs) = read.map_err(|error| raised(py, error))?;
                Ok((Some(args.unbind()), Some(kwargs.unbind())))
            }
            _ if serializer.is_pickle() => {
                let (args, kwargs) = call
                    .whole_args::<PickledData>()
                    .map_err(|raise| pending_or(py, raise))?;
                Ok((args.map(|args| args.0), kwargs.map(|kwargs| kwargs.0)))
            }
            _ => {
                let (args, kwargs) = call.whole_args::<Read>().map_err(|raise| pending_or(py, raise))?;
                Ok((args.map(|args| args.0), kwargs.map(|kwargs| kwargs.0)))
            }
        }
    }

    /// What an attribute is to be set to.
    fn value(&self, py: Python<'_>, call: &Call<'_>) -> Result<Py<PyAny>, Raise> {
        let serializer = call.context().serializer();
        match call.payload() {
            Some((serializer, payload)) if self.manner.unpickles(serializer) => {
                let read = pickles::loads_call(py, serializer, payload);
                let value = read.and_then(|(args, _)| args.get_item(1));
                value.map(Bound::unbind).map_err(|error| raised(py, error))
            }
            _ if serializer.is_pickle() => call.value::<PickledData>().map(|read| read.0),
            _ => call.value::<Read>().map(|read| read.0),
        }
        .map_err(|raise| pending_or(py, raise))
    }
}

/// How an exception stands among the results of a batch.
fn wrapped(py: Python<'_>, error: PyErr) -> PyResult<Bound<'_, PyAny>> {
    request_loop::note(py, &error);
    let exception = error.into_value(py);
    package::keep_traceback(py)?.call1((&exception,))?;
    package::exception_wrapper(py)?.call1((exception,))
}

impl Object for RemoteObject {
    fn members(&self) -> &ferropyro::Members {
        &self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| {
            pending::forget();
            let (args, kwargs) = self.arguments(py, &call)?;
            let result = self.run(py, call.context(), call.method(), args, kwargs);
            reply(call, result)
        })
        .unwrap_or_else(|| Err(exit::over()))
    }

    /// Pickles are read and written whole.
    fn takes_batches(&self, serializer: Serializer) -> bool {
        serializer.is_pickle()
    }

    fn call_batch(&self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| {
            pending::forget();
            let results = self.run_batch(py, &call)?;
            reply(call, Ok(results.into_any()))
        })
        .unwrap_or_else(|| Err(exit::over()))
    }

    fn get_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| {
            let result = context::serve(py, call.context(), || {
                exit::calling(|| self.target.bind(py).getattr(call.method()))
            });
            reply(call, result)
        })
        .unwrap_or_else(|| Err(exit::over()))
    }

    fn set_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| {
            pending::forget();
            let value = self.value(py, &call)?;
            let set = context::serve(py, call.context(), || {
                exit::calling(|| self.target.bind(py).setattr(call.method(), value))
            });
            set.map_err(|error| raised(py, error))?;
            call.reply(&())
        })
        .unwrap_or_else(|| Err(exit::over()))
    }
}

/// What Python has raised meanwhile, or else this.
fn pending_or(py: Python<'_>, raise: Raise) -> Raise {
    pending::take().map_or(raise, |error| raised(py, error))
}

fn positional(py: Python<'_>, args: Option<Py<PyAny>>) -> PyResult<Bound<'_, PyTuple>> {
    let Some(args) = args else {
        return Ok(PyTuple::empty(py));
    };
    let args = args.into_bound(py);
    if args.is_none() {
        return Ok(PyTuple::empty(py));
    }
    match args.cast_into::<PyTuple>() {
        Ok(args) => Ok(args),
        Err(other) => match other.into_inner().cast_into::<PyList>() {
            Ok(args) => Ok(args.to_tuple()),
            Err(_) => Err(PyTypeError::new_err("the arguments are no tuple or list")),
        },
    }
}

fn keywords(py: Python<'_>, kwargs: Option<Py<PyAny>>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(kwargs) = kwargs else { return Ok(None) };
    let kwargs = kwargs.into_bound(py);
    if kwargs.is_none() {
        return Ok(None);
    }
    let kwargs: Bound<'_, PyDict> = kwargs
        .cast_into()
        .map_err(|_| PyTypeError::new_err("the keyword arguments are no dict"))?;
    Ok((!kwargs.is_empty()).then_some(kwargs))
}

/// Answers a call with what a method gave back or raised.
fn reply(call: Call<'_>, result: PyResult<Bound<'_, PyAny>>) -> Result<Reply, Raise> {
    match result {
        Ok(value) => match value.cast::<PyIterator>() {
            Ok(items) => call.answer(ItemStream::fallible(Iterating(items.clone().unbind()))),
            Err(_) => reply_value(call, &value),
        },
        Err(error) => Err(Python::attach(|py| {
            request_loop::note(py, &error);
            raised(py, error)
        })),
    }
}

/// Answers with a value, in the serializer of the caller.
fn reply_value(call: Call<'_>, value: &Bound<'_, PyAny>) -> Result<Reply, Raise> {
    let py = value.py();
    let format = call.context().serializer();
    if format.is_pickle() {
        return call.reply_by(|message| pickles::write(value, format, message).map_err(|error| raised(py, error)));
    }
    call.reply(&Wire::new(value, format))
        .map_err(|raise| pending_or(py, raise))
}

/// An iterator of Python's whose items are handed out.
struct Iterating(Py<PyIterator>);

impl Iterator for Iterating {
    type Item = Result<Item, Raise>;

    fn next(&mut self) -> Option<Result<Item, Raise>> {
        exit::attach(|py| {
            pending::forget();
            let item = exit::calling(|| self.0.bind(py).clone().next())?;
            Some(item.map(|item| Item(item.unbind())).map_err(|error| raised(py, error)))
        })
        .unwrap_or_else(|| Some(Err(exit::over())))
    }
}

/// One of its items.
struct Item(Py<PyAny>);

impl Answer for Item {
    fn answer(self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| reply_value(call, self.0.bind(py))).unwrap_or_else(|| Err(exit::over()))
    }
}
