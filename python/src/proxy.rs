//! The client's end.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ferropyro::context::AnnotationList;
use ferropyro::foreign::ForeignCall;
use ferropyro::wire::AnnotationKey;
use ferropyro::{Arguments, Dialect, Dict, Location, Serializer, Value, naming};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use send_wrapper::SendWrapper;
use serde::Deserialize;
use serde::ser::{Error as _, SerializeTuple};

use crate::blob::SerializedBlob;
use crate::config::Config;
use crate::errors::raise;
use crate::pending::keep;
use crate::read::Read;
use crate::reply::Reply;
use crate::stream::Items;
use crate::uri::Uri;
use crate::waiting::LOOK;
use crate::write::Wire;
use crate::{context, exit, log, package, pickles};

/// The connection of a proxy with its object: what is asked for by name is in Python around it.
#[pyclass(frozen, weakref, module = "ferropyro._ferropyro")]
pub(crate) struct Proxy {
    pub(crate) proxy: Arc<ferropyro::Proxy>,
    format: Serializer,
    /// Whether Python's own module reads the pickles that come back. Only a proxy that sends some asks for that.
    unpickles: bool,
}

/// Lets other threads of Python run while something is waited for.
pub(crate) fn release(wait: &mut dyn FnMut()) {
    Python::attach(|py| {
        log::note_thread(py);
        let wait = SendWrapper::new(wait);
        py.detach(move || (wait.take())());
    });
}

/// Runs the handlers of the signals that have come. What they raise ends the wait.
pub(crate) fn is_to_end() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(error) => {
            keep(error);
            true
        }
    })
}

/// Does something that takes long in a thread of its own, so that Ctrl-C ends the wait for it.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    act: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (sender, mut receiver) = mpsc::channel();
    let name = log::note_thread(py);
    thread::spawn(move || {
        log::speak_for(name);
        sender.send(act())
    });
    loop {
        let (received, again) = py.detach(move || (receiver.recv_timeout(LOOK), receiver));
        receiver = again;
        match received {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the thread that was waited for has panicked"));
            }
        }
    }
}

/// The positional arguments of a call.
struct Args<'a, 'py> {
    args: &'a Bound<'py, PyTuple>,
    /// The keyword arguments of what Python writes itself, which it does with pickle and its kin.
    kwargs: Bound<'py, PyAny>,
    format: Serializer,
}

impl Arguments for Args<'_, '_> {
    fn count(&self) -> usize {
        self.args.len()
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        for arg in self.args.iter_borrowed() {
            tuple.serialize_element(&Wire::new(&arg, self.format))?;
        }
        Ok(())
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<ferropyro::Result<()>> {
        pickled(call, self.args.as_any(), &self.kwargs, message)
    }
}

/// Adds the payload of a call to its message, if Python's own module is to write it.
fn pickled(
    call: &ForeignCall<'_>,
    args: &Bound<'_, PyAny>,
    kwargs: &Bound<'_, PyAny>,
    message: &mut Vec<u8>,
) -> Option<ferropyro::Result<()>> {
    let is_pickle = call.serializer.is_pickle();
    is_pickle.then(|| pickles::write_call(call, args, kwargs, message).map_err(keep))
}

/// The calls of a batch, which Python writes itself.
struct PickledBatch<'py>(Bound<'py, PyList>);

impl Arguments for PickledBatch<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn write<T: SerializeTuple>(&self, _tuple: &mut T) -> Result<(), T::Error> {
        Err(T::Error::custom("these calls are for pickle and its kin"))
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<ferropyro::Result<()>> {
        pickled(call, self.0.as_any(), self.0.py().None().bind(self.0.py()), message)
    }
}

/// A blob, whose data Python writes itself if it is sent with pickle or its kin.
struct BlobArgs<'py> {
    blob: ferropyro::SerializedBlob,
    data: Option<Bound<'py, PyAny>>,
}

impl Arguments for BlobArgs<'_> {
    fn count(&self) -> usize {
        1
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.blob.write(tuple)
    }

    fn blob(&self) -> Option<&ferropyro::SerializedBlob> {
        Some(&self.blob)
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<ferropyro::Result<()>> {
        let data = self.data.as_ref()?;
        pickled(call, data, PyDict::new(data.py()).as_any(), message)
    }
}

/// Keyword arguments, which most calls do not have.
fn keyword_arguments(kwargs: Option<&Bound<'_, PyDict>>, format: Serializer) -> PyResult<Dict> {
    let mut dict = Dict::new();
    for (name, value) in kwargs.into_iter().flatten() {
        dict.insert(name.extract::<String>()?, to_value(&value, format)?);
    }
    Ok(dict)
}

/// A Python object as the library's own value, for what is not written at once.
pub(crate) fn to_value(object: &Bound<'_, PyAny>, format: Serializer) -> PyResult<Value> {
    if format.is_pickle() {
        return pickles::to_value(object, format);
    }
    ferropyro::formats::to_value(&Wire::new(object, format)).map_err(|error| raise(object.py(), error.into()))
}

/// The Python object that a value of the library's is, which came with this serializer. One of a pickle is read by Python's own module, or as data.
pub(crate) fn from_value(py: Python<'_>, value: &Value, format: Serializer, unpickles: bool) -> PyResult<Py<PyAny>> {
    if format.is_pickle() {
        return pickles::from_value(py, value, format, unpickles);
    }
    let read = Read::deserialize(value);
    read.map(|read| read.0).map_err(|error| raise(py, error.into()))
}

/// What a program adds to messages.
pub(crate) fn annotation_list(annotations: &Bound<'_, PyDict>) -> PyResult<AnnotationList> {
    let mut list = AnnotationList::new();
    for (key, value) in annotations {
        let key: String = key.extract()?;
        let Ok(key) = AnnotationKey::try_from(key.as_str()) else {
            return Err(PyValueError::new_err(format!(
                "the key of an annotation is four ASCII characters, and not {key:?}"
            )));
        };
        let value = value.py().get_type::<PyBytes>().call1((value,))?;
        list.push((key, value.extract()?));
    }
    Ok(list)
}

fn seconds(timeout: Option<f64>) -> PyResult<Duration> {
    // Zero is for ever.
    Duration::try_from_secs_f64(timeout.unwrap_or(0.0))
        .map_err(|error| PyValueError::new_err(format!("a timeout in seconds: {error}")))
}

#[pymethods]
impl Proxy {
    /// `annotations`, `response_annotations` and `validate_handshake` are the methods of the Python proxy that a program has overridden.
    #[new]
    #[pyo3(signature = (uri, config, *, serializer=None, hmac_key=None, handshake=None, timeout=None, max_retries=None, annotations=None, response_annotations=None, validate_handshake=None, socket=None, pyro4_first=false, pickle_safe=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        uri: &Bound<'_, Uri>,
        config: &Config,
        serializer: Option<&str>,
        hmac_key: Option<Vec<u8>>,
        handshake: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        max_retries: Option<u32>,
        annotations: Option<Py<PyAny>>,
        response_annotations: Option<Py<PyAny>>,
        validate_handshake: Option<Py<PyAny>>,
        socket: Option<i32>,
        pyro4_first: bool,
        pickle_safe: Option<bool>,
    ) -> PyResult<Proxy> {
        let format = match serializer {
            Some(name) => name
                .parse()
                .map_err(|error: ferropyro::wire::UnknownSerializer| raise(py, error.into()))?,
            None => config.0.serializer,
        };
        let unpickles = format.is_pickle() && !pickle_safe.unwrap_or(config.0.pickle_safe);
        let mut config = config.0.clone();
        // Who sends no pickles has none executed either: they can come in the answer to a blob that was passed on.
        config.pickle_safe = !unpickles;
        let mut builder = ferropyro::Proxy::builder()
            .config(config)
            .around_waits(release)
            .on_interrupt(is_to_end)
            .timeout(seconds(timeout)?);
        if serializer.is_some() {
            builder = builder.serializer(format);
        }
        if let Some(key) = hmac_key {
            builder = builder.hmac_key(key);
        }
        if let Some(data) = handshake {
            builder = builder.handshake(to_value(data, format)?);
        }
        if let Some(retries) = max_retries {
            builder = builder.max_retries(retries);
        }
        if let Some(hook) = annotations {
            builder = builder.try_annotations(move || {
                Python::attach(|py| {
                    let given = exit::calling(|| hook.bind(py).call0());
                    given.and_then(|given| annotation_list(given.cast()?)).map_err(keep)
                })
            });
        }
        if let Some(hook) = response_annotations {
            builder = builder.try_response_annotations(move |annotations, kind| {
                Python::attach(|py| {
                    let dict = context::annotations_dict(py, annotations.iter());
                    let shown = dict.and_then(|dict| exit::calling(|| hook.call1(py, (dict, kind.0))));
                    shown.map(drop).map_err(keep)
                })
            });
        }
        if let Some(hook) = validate_handshake {
            builder = builder.validate_handshake(move |answer| {
                Python::attach(|py| {
                    let answer = from_value(py, answer, format, unpickles);
                    let judged = answer.and_then(|answer| exit::calling(|| hook.call1(py, (answer,))));
                    judged.map(drop).map_err(keep)
                })
            });
        }
        if pyro4_first {
            builder = builder.try_pyro4_first();
        }
        if socket.is_some() && format.is_pickle() {
            // Nobody greets anybody on such a connection, and Pyro5 has no pickles.
            builder = builder.dialect(Dialect::V48);
        }
        let uri = &uri.get().0;
        let proxy = match socket {
            Some(descriptor) => builder.connected_socket(&uri.object(), crate::daemon::adopt(descriptor)),
            None => builder.build(uri.clone()),
        };
        proxy
            .map(|proxy| Proxy {
                proxy: Arc::new(proxy),
                format,
                unpickles,
            })
            .map_err(|error| raise(py, error))
    }

    /// Calls a method.
    pub(crate) fn call(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        oneway: bool,
    ) -> PyResult<Py<PyAny>> {
        if let Some((blob, data)) = SerializedBlob::only(args, kwargs, self.format)? {
            context::before_call(py)?;
            let args = BlobArgs { blob, data };
            return self.answer(py, self.proxy.call::<Reply>(method, args));
        }
        let args = Args {
            args,
            kwargs: match (self.format.is_pickle(), kwargs) {
                (false, _) => py.None().into_bound(py),
                (true, Some(kwargs)) => kwargs.clone().into_any(),
                (true, None) => PyDict::new(py).into_any(),
            },
            format: self.format,
        };
        let kwargs = match self.format.is_pickle() {
            true => Dict::new(),
            false => keyword_arguments(kwargs, self.format)?,
        };
        context::before_call(py)?;
        if oneway {
            let sent = self.proxy.call_oneway_with(method, args, &kwargs);
            return sent.map(|()| py.None()).map_err(|error| raise(py, error));
        }
        self.answer(py, self.proxy.call_with::<Reply>(method, args, &kwargs))
    }

    /// Reads an attribute.
    fn get(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        context::before_call(py)?;
        self.answer(py, self.proxy.get(name))
    }

    /// Sets an attribute.
    fn set(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        context::before_call(py)?;
        let args = Args {
            args: &PyTuple::new(py, [PyString::new(py, name).as_any(), value])?,
            kwargs: py.None().into_bound(py),
            format: self.format,
        };
        self.answer(py, self.proxy.set_foreign::<Reply>(name, args)).map(drop)
    }

    /// Makes calls in one message: a list of (method, args, kwargs). Gives the list of results, of which the last one may be the wrapper of an exception; None if `oneway`.
    fn batch<'py>(
        &self,
        py: Python<'py>,
        calls: &Bound<'py, PyAny>,
        oneway: bool,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        if self.format.is_pickle() {
            return self.pickled_batch(calls, oneway);
        }
        let mut batch = self.proxy.batch();
        for call in calls.try_iter()? {
            let (method, args, kwargs) = call?.extract::<(String, Bound<'_, PyTuple>, Bound<'_, PyDict>)>()?;
            let kwargs = keyword_arguments(Some(&kwargs), self.format)?;
            let args = Args {
                args: &args,
                kwargs: py.None().into_bound(py),
                format: self.format,
            };
            batch.call_with(&method, args, &kwargs);
        }
        context::before_call(py)?;
        if oneway {
            return batch.run_oneway().map(|()| None).map_err(|error| raise(py, error));
        }
        let results = PyList::empty(py);
        for result in batch.run().map_err(|error| raise(py, error))? {
            match result {
                Ok(value) => results.append(from_value(py, &value, self.format, false)?)?,
                Err(error) => {
                    results.append(package::exception_wrapper(py)?.call1((raise(py, error).into_value(py),))?)?
                }
            }
        }
        Ok(Some(results))
    }

    /// The names that the object exposes: methods, those of them that are oneway, attributes. Connects if need be.
    fn metadata(&self, py: Python<'_>) -> PyResult<(Vec<String>, Vec<String>, Vec<String>)> {
        let metadata = self.proxy.metadata().map_err(|error| raise(py, error))?;
        Ok((metadata.methods, metadata.oneway, metadata.attributes))
    }

    /// Connects, and finds out where the object is for good.
    fn bind(&self, py: Python<'_>) -> PyResult<()> {
        let bound = self.unlocked(py, || self.proxy.bind());
        bound.map_err(|error| raise(py, error))
    }

    /// What the server answered to the handshake.
    fn handshake_answer(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let answer = self.proxy.handshake_answer().map_err(|error| raise(py, error))?;
        from_value(py, &answer, self.format, self.unpickles)
    }

    fn release(&self) {
        self.proxy.release();
    }

    fn reconnect(&self, py: Python<'_>, tries: u32) -> PyResult<()> {
        let proxy = Arc::clone(&self.proxy);
        interruptible(py, move || proxy.reconnect(tries))?.map_err(|error| raise(py, error))
    }

    fn is_connected(&self, py: Python<'_>) -> bool {
        self.unlocked(py, || self.proxy.is_connected())
    }

    /// The number of the protocol that the other side speaks. Connects if need be.
    fn protocol(&self, py: Python<'_>) -> PyResult<u16> {
        self.proxy
            .dialect()
            .map(|dialect| dialect.version())
            .map_err(|error| raise(py, error))
    }

    fn set_timeout(&self, timeout: Option<f64>) -> PyResult<()> {
        let timeout = seconds(timeout)?;
        self.proxy.set_timeout((!timeout.is_zero()).then_some(timeout));
        Ok(())
    }

    #[getter]
    fn uri(&self) -> Uri {
        Uri(self.proxy.uri())
    }

    /// The id of the object at the other end, as a connection of Pyro4's has it. Connects if need be.
    #[getter]
    #[pyo3(name = "objectId")]
    fn object_id(&self, py: Python<'_>) -> PyResult<String> {
        self.proxy.object_id().map_err(|error| raise(py, error))
    }
}

impl Proxy {
    fn pickled_batch<'py>(&self, calls: &Bound<'py, PyAny>, oneway: bool) -> PyResult<Option<Bound<'py, PyList>>> {
        let py = calls.py();
        let calls = PickledBatch(PyList::new(py, calls.try_iter()?.collect::<PyResult<Vec<_>>>()?)?);
        context::before_call(py)?;
        let results = self.answer(py, self.proxy.batch_foreign::<Reply>(calls, oneway))?;
        match oneway {
            true => Ok(None),
            false => Ok(Some(results.into_bound(py).cast_into()?)),
        }
    }

    fn answer(&self, py: Python<'_>, reply: ferropyro::Result<Reply>) -> PyResult<Py<PyAny>> {
        match reply {
            Ok(Reply::Value(value)) => value.open(py),
            Ok(Reply::Raised(exception)) => Err(exception.exception(py)),
            Ok(Reply::Items(items)) => Ok(Py::new(py, Items::new(*items))?.into_any()),
            Err(error) => Err(raise(py, error)),
        }
    }

    /// Does something that may wait all the time.
    fn unlocked<T: Send>(&self, py: Python<'_>, act: impl FnOnce() -> T + Send) -> T {
        py.detach(act)
    }
}

/// Where the name server is.
#[pyfunction]
#[pyo3(signature = (config, host=None, port=None, broadcast=true, hmac_key=None, *, pyro4_first=false))]
pub(crate) fn locate_ns(
    py: Python<'_>,
    config: &Config,
    host: Option<&str>,
    port: Option<u16>,
    broadcast: bool,
    hmac_key: Option<Vec<u8>>,
    pyro4_first: bool,
) -> PyResult<Uri> {
    let mut settings = settings(config, hmac_key, pyro4_first).broadcast(broadcast);
    let location = match host {
        Some(host) if host.starts_with("./u:") => Some(Location::unix(host.trim_start_matches("./u:"))),
        Some(host) => Some(Location::tcp(host, port.unwrap_or(config.0.ns_port))),
        None => None,
    };
    if let (None, Some(port)) = (&location, port) {
        settings = settings.port(port);
    }
    let found = interruptible(py, move || naming::locate_ns_with(location.as_ref(), &settings))?;
    found.map(|ns| Uri(ns.proxy().uri())).map_err(|error| raise(py, error))
}

/// The URI of the object that a name or tags stand for.
#[pyfunction]
#[pyo3(signature = (uri, config, hmac_key=None, *, pyro4_first=false))]
pub(crate) fn resolve(
    py: Python<'_>,
    uri: &Bound<'_, Uri>,
    config: &Config,
    hmac_key: Option<Vec<u8>>,
    pyro4_first: bool,
) -> PyResult<Uri> {
    let settings = settings(config, hmac_key, pyro4_first);
    let uri = uri.get().0.clone();
    let found = interruptible(py, move || naming::resolve_with(&uri, &settings))?;
    found.map(Uri).map_err(|error| raise(py, error))
}

fn settings(config: &Config, hmac_key: Option<Vec<u8>>, pyro4_first: bool) -> naming::Settings {
    let mut settings = naming::Settings::new(config.0.clone());
    settings.tries_pyro4_first = pyro4_first;
    match hmac_key {
        Some(key) => settings.hmac_key(key),
        None => settings,
    }
}
