//! Python's objects as others call them.

use std::borrow::Cow;
use std::sync::Arc;

use ferropyro::wire::Flags;
use ferropyro::{Attribute, Call, ItemStream, Method, Object, Raise, Reply, Serializer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyTuple};
use serde::Serialize;

use crate::blob::SerializedBlob;
use crate::errors::raised;
use crate::read::Read;
use crate::write::Wire;
use crate::{context, exit, package, pending, request_loop};

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

/// A Python object in a daemon.
pub(crate) struct RemoteObject {
    target: Py<PyAny>,
    members: Arc<ferropyro::Members>,
}

impl RemoteObject {
    pub(crate) fn new(target: Py<PyAny>, members: Arc<ferropyro::Members>) -> RemoteObject {
        RemoteObject { target, members }
    }
}

impl Object for RemoteObject {
    fn members(&self) -> &ferropyro::Members {
        &self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        exit::attach(|py| {
            pending::forget();
            let (args, kwargs) = arguments(py, &call)?;
            let result = context::serve(py, call.context(), || {
                let method = self.target.bind(py).getattr(call.method())?;
                let (args, kwargs) = (positional(py, args)?, keywords(py, kwargs)?);
                exit::calling(|| method.call(&args, kwargs.as_ref()))
            });
            if let Err(error) = &result
                && self.members.method(call.method()).is_some_and(|method| method.callback)
                && let Err(failure) =
                    package::log_callback(py).and_then(|log| log.call1((error.value(py), error.traceback(py))))
            {
                failure.write_unraisable(py, None);
            }
            reply(call, result)
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
            let value = call.value::<Read>().map_err(|raise| pending_or(py, raise))?;
            let set = context::serve(py, call.context(), || {
                exit::calling(|| self.target.bind(py).setattr(call.method(), value.0))
            });
            set.map_err(|error| raised(py, error))?;
            call.reply(&())
        })
        .unwrap_or_else(|| Err(exit::over()))
    }
}

/// The arguments: a tuple or list, and a dict.
fn arguments(py: Python<'_>, call: &Call<'_>) -> Result<(Option<Read>, Option<Read>), Raise> {
    if call.context().flags().contains(Flags::KEEPSERIALIZED) {
        let (blob,) = call.args::<(ferropyro::SerializedBlob,)>()?;
        let blob = SerializedBlob::received(py, blob).and_then(|blob| (blob,).into_pyobject(py));
        let args = blob.map_err(|error| raised(py, error))?;
        return Ok((Some(Read(args.into_any().unbind())), None));
    }
    if let Some((serializer, payload)) = call.payload().filter(|(serializer, _)| serializer.is_pickle()) {
        let load = || -> PyResult<(Py<PyAny>, Py<PyAny>)> {
            let serializer = package::get_serializer(py)?.call1((serializer.name(),))?;
            let (_, _, args, kwargs) =
                serializer
                    .call_method1("loadsCall", (payload,))?
                    .extract::<(Py<PyAny>, Py<PyAny>, Py<PyAny>, Py<PyAny>)>()?;
            Ok((args, kwargs))
        };
        let (args, kwargs) = load().map_err(|error| raised(py, error))?;
        return Ok((Some(Read(args)), Some(Read(kwargs))));
    }
    call.whole_args::<Read>().map_err(|raise| pending_or(py, raise))
}

/// What Python has raised meanwhile, or else this.
fn pending_or(py: Python<'_>, raise: Raise) -> Raise {
    pending::take().map_or(raise, |error| raised(py, error))
}

fn positional(py: Python<'_>, args: Option<Read>) -> PyResult<Bound<'_, PyTuple>> {
    let Some(Read(args)) = args else {
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

fn keywords(py: Python<'_>, kwargs: Option<Read>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(Read(kwargs)) = kwargs else { return Ok(None) };
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
    let format = call.context().serializer();
    match result {
        Ok(value) => {
            let py = value.py();
            if let Ok(items) = value.cast::<PyIterator>() {
                return call.answer(ItemStream::fallible(Iterating {
                    items: items.clone().unbind(),
                    format,
                }));
            }
            if format.is_pickle() && call.payload().is_some() {
                let dump = || {
                    package::get_serializer(py)?
                        .call1((format.name(),))?
                        .call_method1("dumps", (value,))?
                        .extract::<Vec<u8>>()
                };
                return call.reply_written(&dump().map_err(|error| raised(py, error))?);
            }
            call.reply(&Wire::new(&value, format))
                .map_err(|raise| pending_or(py, raise))
        }
        Err(error) => Err(Python::attach(|py| {
            request_loop::note(py, &error);
            raised(py, error)
        })),
    }
}

/// An iterator of Python's whose items are handed out.
struct Iterating {
    items: Py<PyIterator>,
    format: Serializer,
}

impl Iterator for Iterating {
    type Item = Result<Owned, Raise>;

    fn next(&mut self) -> Option<Result<Owned, Raise>> {
        exit::attach(|py| {
            pending::forget();
            let item = exit::calling(|| self.items.bind(py).clone().next())?;
            let own = |item: Bound<'_, PyAny>| Owned {
                object: item.unbind(),
                format: self.format,
            };
            Some(item.map(own).map_err(|error| raised(py, error)))
        })
        .unwrap_or_else(|| Some(Err(exit::over())))
    }
}

/// A Python object that is written later.
struct Owned {
    object: Py<PyAny>,
    format: Serializer,
}

impl Serialize for Owned {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Python::attach(|py| Wire::new(self.object.bind(py), self.format).serialize(serializer))
    }
}
