//! Message passing: both ends of `processing.connection` and `multiprocessing.connection`. What programs see is in Python around it.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::Serializer;
use ferropyro::formats::{Value, pickle};
use ferropyro_connection::{
    Address, AuthKey, Client, Connection, Digest, Digests, Error, Family, Listener, Options, Receiver, Result, Sender,
    Waker,
};
use pyo3::exceptions::{PyEOFError, PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::daemon::adopt;
use crate::proxy::{from_value, interruptible, is_to_end, to_value};
use crate::slot::Slot;
use crate::waiting::{self, LOOK, deadline};
use crate::{package, pending};

/// What is read here without Python's pickle is read as a serializer of data reads it.
const DATA: Serializer = Serializer::Serpent;

/// How to listen and to connect.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct ConnectionOptions(Options);

#[pymethods]
impl ConnectionOptions {
    #[new]
    #[pyo3(signature = (*, family=None, backlog=1, authkey=None, allow=Vec::new(), handshake_timeout=None, max_message_size=None, pickle_protocol=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        family: Option<&str>,
        backlog: i64,
        authkey: Option<Vec<u8>>,
        allow: Vec<String>,
        handshake_timeout: Option<f64>,
        max_message_size: Option<usize>,
        pickle_protocol: Option<u8>,
    ) -> PyResult<ConnectionOptions> {
        // Nothing is read ahead: programs may wait for many descriptors themselves.
        let mut options = Options::new().read_ahead(false);
        if let Some(family) = family {
            options = options.family(family.parse::<Family>().map_err(|error| raise(py, error))?);
        }
        // As many as the system has room for.
        options = options.backlog(u16::try_from(backlog.max(0)).unwrap_or(u16::MAX));
        if let Some(key) = authkey {
            options = options.authkey(key);
        }
        for digest in digests(&allow)? {
            options = options.allow(digest);
        }
        if let Some(seconds) = handshake_timeout {
            let limit = Duration::try_from_secs_f64(seconds);
            options = options.handshake_timeout(limit.map_err(|error| PyValueError::new_err(error.to_string()))?);
        } else {
            options = options.handshake_timeout(None);
        }
        if let Some(bytes) = max_message_size {
            options = options.max_message_size(bytes);
        }
        if let Some(protocol) = pickle_protocol {
            options = options.pickle_protocol(protocol);
        }
        Ok(ConnectionOptions(options))
    }
}

fn digests(names: &[String]) -> PyResult<Vec<Digest>> {
    let digest = |name: &String| {
        let name = name.trim().to_lowercase();
        name.parse()
            .map_err(|error: Error| PyValueError::new_err(error.to_string()))
    };
    names.iter().map(digest).collect()
}

/// Waits for clients.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct MessageListener {
    listener: Arc<Listener>,
    /// Whose it is: a child that was forked has none of the threads.
    process: u32,
}

#[pymethods]
impl MessageListener {
    /// Listens at this address; None: at a free one.
    #[new]
    fn new(
        py: Python<'_>,
        address: Option<&Bound<'_, PyAny>>,
        options: &ConnectionOptions,
    ) -> PyResult<MessageListener> {
        let listener = match address {
            Some(address) => {
                let address = parse_address(address)?;
                py.detach(|| Listener::bind(address, &options.0))
            }
            None => Listener::bind_anywhere(&options.0),
        };
        Ok(MessageListener {
            listener: Arc::new(listener.map_err(|error| raise(py, error))?),
            process: process::id(),
        })
    }

    /// Waits for so many seconds at the most for the next client; None: for ever.
    #[pyo3(signature = (seconds=None))]
    fn accept(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<MessageConnection> {
        if self.is_forked() {
            let text = "a process that was forked cannot accept the clients of its parent's listener: accept them in the parent, or make a listener in the child";
            return Err(PyOSError::new_err(text));
        }
        let step = |time| match time {
            None => self.listener.accept().map(Some),
            Some(time) => match self.listener.accept_timeout(time) {
                Err(Error::TimedOut(_)) => Ok(None),
                accepted => accepted.map(Some),
            },
        };
        match waiting::until(py, deadline(seconds), step)? {
            Ok(Some(connection)) => Ok(MessageConnection::new(connection)),
            Ok(None) => Err(PyTimeoutError::new_err("no client in time")),
            Err(error) => Err(raise(py, error)),
        }
    }

    fn close(&self, py: Python<'_>) {
        if !self.is_forked() {
            py.detach(|| self.listener.close());
        }
    }

    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        from_value(py, &self.listener.address().clone().into(), DATA, false)
    }

    #[getter]
    fn last_accepted(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let last = self.listener.last_accepted();
        last.map(|address| from_value(py, &address.into(), DATA, false))
            .transpose()
    }
}

impl MessageListener {
    fn is_forked(&self) -> bool {
        process::id() != self.process
    }
}

impl Drop for MessageListener {
    fn drop(&mut self) {
        if self.is_forked() {
            // To close it would be to wait for a thread that there is not.
            std::mem::forget(Arc::clone(&self.listener));
        }
    }
}

/// A connection. One thread may send while another one receives.
#[pyclass(frozen, weakref, module = "ferropyro._ferropyro")]
pub(crate) struct MessageConnection {
    sender: Slot<Sender>,
    receiver: Slot<Receiver>,
    waker: Waker,
    descriptor: i32,
    pickle_protocol: u8,
}

#[pymethods]
impl MessageConnection {
    /// One that another process has handed over: the number of a descriptor, which is given away.
    #[staticmethod]
    fn adopt(descriptor: i32, max_message_size: usize, pickle_protocol: u8) -> MessageConnection {
        // Which family the socket is of makes no difference from now on.
        let stream = UnixStream::from(adopt(descriptor));
        let (sender, mut receiver) = Connection::from(stream).split();
        receiver.set_read_ahead(false);
        receiver.set_max_message_size(max_message_size);
        MessageConnection::of_halves(sender, receiver, descriptor, pickle_protocol)
    }

    /// Sends one message.
    fn send(&self, py: Python<'_>, message: &[u8]) -> PyResult<()> {
        pending::forget();
        self.sender.with(py, |sender| {
            let sent = py.detach(|| sender.send_bytes_while(message, LOOK, || !is_to_end()));
            // What a handler has raised is why it was not to go on.
            sent.map_err(|error| pending::take().unwrap_or_else(|| raise(py, error)))
        })
    }

    /// Waits for the next message. One that is longer than `longest` is an error, and nothing is received any more.
    #[pyo3(signature = (longest=None))]
    fn recv<'py>(&self, py: Python<'py>, longest: Option<usize>) -> PyResult<Bound<'py, PyBytes>> {
        self.receiver.with(py, |receiver| {
            let before = longest.map(|longest| receiver.set_max_message_size(longest));
            let received = waiting::until(py, None, |time| match receiver.poll(time)? {
                true => receiver.recv_bytes().map(Some),
                false => Ok(None),
            });
            if let Some(before) = before {
                receiver.set_max_message_size(before);
            }
            match received? {
                Ok(message) => Ok(PyBytes::new(py, &message.unwrap_or_default())),
                Err(error) => Err(raise(py, error)),
            }
        })
    }

    /// Waits for so many seconds at the most until receiving would not wait; None: for ever.
    fn poll(&self, py: Python<'_>, seconds: Option<f64>) -> PyResult<bool> {
        let deadline = deadline(seconds);
        self.receiver.with(py, |receiver| {
            let polled = waiting::until(py, deadline, |time| Ok(receiver.poll(time)?.then_some(())))?;
            polled.map(|found| found.is_some()).map_err(|error| raise(py, error))
        })
    }

    /// Wakes up who waits in another thread.
    fn close(&self) {
        let is_in_use = [self.sender.close(), self.receiver.close()];
        // Else it stays open where a child process has it too.
        if is_in_use.contains(&true) {
            self.waker.wake();
        }
    }

    #[getter]
    fn closed(&self) -> bool {
        self.receiver.is_closed()
    }

    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        match self.closed() {
            true => Err(raise(py, Error::Closed("handle is closed"))),
            false => Ok(self.descriptor),
        }
    }

    /// In which protocol of pickle the other end reads objects.
    #[getter]
    fn pickle_protocol(&self) -> u8 {
        self.pickle_protocol
    }

    /// Makes the other end prove that it has the key.
    fn deliver_challenge(&self, py: Python<'_>, key: Vec<u8>, allow: Vec<String>) -> PyResult<()> {
        self.authenticate(py, key, &allow, Sender::deliver_challenge)
    }

    /// Proves to the other end that this one has the key.
    fn answer_challenge(&self, py: Python<'_>, key: Vec<u8>, allow: Vec<String>) -> PyResult<()> {
        self.authenticate(py, key, &allow, Sender::answer_challenge)
    }
}

impl MessageConnection {
    fn new(connection: Connection) -> MessageConnection {
        let descriptor = connection.as_fd().as_raw_fd();
        let pickle_protocol = connection.pickle_protocol();
        let (sender, receiver) = connection.split();
        MessageConnection::of_halves(sender, receiver, descriptor, pickle_protocol)
    }

    fn of_halves(sender: Sender, receiver: Receiver, descriptor: i32, pickle_protocol: u8) -> MessageConnection {
        MessageConnection {
            waker: sender.waker(),
            sender: Slot::new(sender),
            receiver: Slot::new(receiver),
            descriptor,
            pickle_protocol,
        }
    }

    fn authenticate(
        &self,
        py: Python<'_>,
        key: Vec<u8>,
        allow: &[String],
        part: fn(&mut Sender, &mut Receiver, &AuthKey, Digests) -> Result<()>,
    ) -> PyResult<()> {
        let key = AuthKey::from(key);
        let digests = digests(allow)?.into_iter().fold(Digests::default(), Digests::with);
        self.sender.with(py, |sender| {
            self.receiver.with(py, |receiver| {
                let done = py.detach(|| part(sender, receiver, &key, digests));
                done.map_err(|error| raise(py, error))
            })
        })
    }
}

/// Connects to the listener at this address.
#[pyfunction]
pub(crate) fn connect(
    py: Python<'_>,
    address: &Bound<'_, PyAny>,
    options: &ConnectionOptions,
) -> PyResult<MessageConnection> {
    let address = parse_address(address)?;
    let options = options.0.clone();
    let connected = interruptible(py, move || Client::connect(address, &options))?;
    connected.map(MessageConnection::new).map_err(|error| raise(py, error))
}

/// A pair of host and port, or a text.
fn parse_address(address: &Bound<'_, PyAny>) -> PyResult<Address> {
    let py = address.py();
    if !(address.is_instance_of::<PyTuple>()
        || address.is_instance_of::<PyString>()
        || address.is_instance_of::<PyBytes>())
    {
        let text = format!("address type of {} unrecognized", address.repr()?);
        return Err(PyValueError::new_err(text));
    }
    let value = to_value(address, DATA)?;
    Address::try_from(&value).map_err(|error| raise(py, error))
}

/// The exception of Python's that an error is.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Authentication(error) => {
            let text = error.to_string();
            let text = text.replace("Options::allow says so", "`allow` says so");
            authentication_error(py, text.replace("Options::authkey", "authkey"))
        }
        Error::Eof => PyEOFError::new_err(error.to_string()),
        Error::TimedOut(text) => PyTimeoutError::new_err(text),
        Error::Address(text) => PyValueError::new_err(text),
        // With its number it becomes the class for it, such as ConnectionRefusedError.
        Error::Io(what, error) => match error.raw_os_error() {
            Some(number) => {
                let why = error.to_string();
                let why = why.split(" (os error").next().unwrap_or_default();
                PyOSError::new_err((number, format!("{why}: {what}")))
            }
            None => PyOSError::new_err(format!("{what}: {error}")),
        },
        other => PyOSError::new_err(other.to_string()),
    }
}

fn authentication_error(py: Python<'_>, text: String) -> PyErr {
    match package::authentication_error(py).and_then(|class| class.call1((text,))) {
        Ok(error) => PyErr::from_value(error),
        Err(failure) => failure,
    }
}

/// Reads an object out of a message as data: nothing in it is imported or called. What is more than data is an error.
#[pyfunction]
pub(crate) fn loads_data(py: Python<'_>, message: &[u8]) -> PyResult<Py<PyAny>> {
    let value: Value = pickle::from_slice(message).map_err(|error| PyValueError::new_err(error.to_string()))?;
    match first_beyond_data(&value) {
        None => from_value(py, &value, DATA, false),
        Some(name) => Err(PyValueError::new_err(format!(
            "{name} is in it, which only Python's pickle makes"
        ))),
    }
}

/// The name of a class or function, or of an object that only Python can make, if there is one.
fn first_beyond_data(value: &Value) -> Option<&str> {
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            Value::Type(name) => return Some(name),
            Value::Pickled(object) => return Some(object.callee()),
            Value::List(items) | Value::Tuple(items) => values.extend(items),
            Value::Set(items) | Value::FrozenSet(items) => values.extend(items.iter()),
            Value::Dict(dict) => values.extend(dict.iter().flat_map(|(key, value)| [key, value])),
            Value::Exception(exception) => {
                values.extend(&exception.args);
                values.extend(exception.attributes.iter().map(|(_, value)| value));
            }
            Value::Instance(instance) => values.extend(instance.attributes.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    None
}
