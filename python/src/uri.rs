//! Pyro's URIs.

use std::hash::{DefaultHasher, Hash, Hasher};

use ferropyro::config::Config as Settings;
use ferropyro::{Error, Location};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PyString, PyTuple, PyType};

use crate::errors::raise;

/// Where an object is, or how it is found: `PYRO:object@host:port`, `PYRONAME:name`, `PYROMETA:tag,tag`.
#[pyclass(frozen, subclass, name = "URI", module = "ferropyro.core")]
pub(crate) struct Uri(pub(crate) ferropyro::Uri);

impl Uri {
    /// A URI, or its text.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<ferropyro::Uri> {
        if let Ok(uri) = object.cast::<Uri>() {
            return Ok(uri.get().0.clone());
        }
        let Ok(text) = object.cast::<PyString>() else {
            return Err(PyTypeError::new_err("expected URI or its text"));
        };
        let ns_port = Settings::default().ns_port;
        let uri = ferropyro::Uri::parse_with(text.to_str()?, ns_port);
        uri.map_err(|error| raise(object.py(), Error::from(error)))
    }
}

#[pymethods]
impl Uri {
    #[new]
    fn new(uri: &Bound<'_, PyAny>) -> PyResult<Uri> {
        Uri::of(uri).map(Uri)
    }

    /// From what Pyro sends of one: protocol, object, path of a Unix domain socket, host, port.
    #[classmethod]
    #[pyo3(name = "_from_state")]
    fn from_state(_class: &Bound<'_, PyType>, state: &Bound<'_, PyAny>) -> PyResult<Uri> {
        let state: Vec<Bound<'_, PyAny>> = state.extract()?;
        let [protocol, object, path, host, port] = state.as_slice() else {
            return Err(PyTypeError::new_err("the state of a URI has five fields"));
        };
        let object: String = match object.cast::<PyString>() {
            Ok(text) => text.extract()?,
            Err(_) => object.extract::<Vec<String>>()?.join(","),
        };
        let mut text = format!("{}:{object}", protocol.extract::<String>()?);
        if !path.is_none() {
            text.push_str(&format!("@./u:{}", path.extract::<String>()?));
        } else if !host.is_none() {
            let host: String = host.extract()?;
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            text.push_str(&format!("@{host}:{}", port.extract::<u16>()?));
        }
        Uri::new(PyString::new(protocol.py(), &text).as_any())
    }

    #[getter]
    fn protocol(&self) -> &'static str {
        self.0.protocol().as_str()
    }

    /// The object's id or name; the set of tags of a PYROMETA URI.
    #[getter]
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.tags() {
            Some(tags) => Ok(PyFrozenSet::new(py, tags)?.into_any()),
            None => Ok(PyString::new(py, &self.0.object()).into_any()),
        }
    }

    #[getter]
    fn host(&self) -> Option<&str> {
        self.0.host()
    }

    #[getter]
    fn port(&self) -> Option<u16> {
        self.0.port()
    }

    #[getter]
    fn sockname(&self) -> Option<&str> {
        self.0.socket_path()
    }

    /// `host:port`, or `./u:path` for a Unix domain socket.
    #[getter]
    fn location(&self) -> Option<String> {
        self.0.location().map(Location::to_string)
    }

    /// Whether this is the location of a Unix domain socket.
    #[staticmethod]
    #[pyo3(name = "isUnixsockLocation")]
    fn is_unixsock_location(location: &str) -> bool {
        location.starts_with("./u:")
    }

    #[pyo3(name = "asString")]
    fn as_string(&self) -> String {
        self.0.to_string()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let id = slf.as_ptr() as usize;
        Ok(format!(
            "<{} at 0x{id:x}; {}>",
            slf.get_type().fully_qualified_name()?,
            slf.get().0
        ))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Uri>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().0.to_string(),))
    }

    fn __copy__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, [self.0.to_string()])
    }
}
