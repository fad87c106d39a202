//! The call context (Pyro's `current_context`), and the client's connection as a server sees it.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use ferropyro::context as ambient;
use ferropyro::wire::AnnotationKey;
use ferropyro::{Context, Peer};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::proxy::annotation_list;
use crate::{package, pending};

/// What Python code of this thread has set, or looked at.
#[derive(Default)]
struct Own {
    /// Those for the next call; those of the request that is served.
    annotations: Option<Py<PyDict>>,
    /// Those for the answer of the call that is served; those of the last answer.
    response: Option<Py<PyDict>>,
    /// Whether there are annotations that the program itself has set.
    has_set: bool,
}

thread_local!(static OWN: RefCell<Own> = RefCell::default());

/// Annotations as a dict of bytes.
pub(crate) fn annotations_dict<'py, 'a>(
    py: Python<'py>,
    annotations: impl Iterator<Item = (AnnotationKey, &'a [u8])>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    // In the order in which Pyro has them: the correlation id first.
    let (first, others): (Vec<_>, Vec<_>) = annotations.partition(|(key, _)| *key == AnnotationKey::CORR);
    for (key, value) in first.into_iter().chain(others) {
        dict.set_item(key.as_str(), PyBytes::new(py, value))?;
    }
    Ok(dict)
}

/// Hands what the program has set for its next call to the library.
pub(crate) fn before_call(py: Python<'_>) -> PyResult<()> {
    pending::forget();
    let annotations = OWN.with_borrow_mut(|own| {
        own.response = None;
        if !own.has_set && ambient::current().is_some() {
            return None;
        }
        own.has_set = false;
        own.annotations.take()
    });
    if let Some(annotations) = annotations {
        for (key, value) in annotation_list(annotations.bind(py))? {
            ambient::annotate(key, value);
        }
    }
    Ok(())
}

/// Runs the method of a call that is served, and adds to its answer what the method has set.
pub(crate) fn serve<T>(py: Python<'_>, context: &Context, method: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    // What an earlier call has left behind is not this one's.
    pending::forget();
    let before = OWN.take();
    let entered = context.enter();
    let result = method();
    drop(entered);
    let Own { response, .. } = OWN.replace(before);
    if let (Ok(_), Some(response)) = (&result, response) {
        for (key, value) in annotation_list(response.bind(py))? {
            context.annotate(key, value);
        }
    }
    result
}

/// What belongs to the call that this thread serves, and goes along with those that it makes.
#[pyclass(frozen, subclass, module = "ferropyro._ferropyro")]
pub(crate) struct CallContext;

#[pymethods]
impl CallContext {
    #[new]
    fn new() -> CallContext {
        CallContext
    }

    /// The client's connection; None outside of a remote call.
    #[getter]
    fn connection(&self) -> Option<Connection> {
        ambient::current().map(|context| Connection::of_call(context.connection()))
    }

    /// The client's address: host and port; the path of a Unix domain socket.
    #[getter]
    fn client_sock_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        ambient::current()
            .map(|context| address(py, context.peer()))
            .transpose()
    }

    #[getter]
    fn seq(&self) -> u16 {
        ambient::current().map_or(0, |context| context.seq())
    }

    #[getter]
    fn msg_flags(&self) -> u16 {
        ambient::current().map_or(0, |context| context.flags().to_bits(context.dialect()))
    }

    #[getter]
    fn serializer_id(&self) -> u16 {
        let id = |context: Context| context.serializer().id(context.dialect());
        ambient::current().and_then(id).map_or(0, |id| id.0)
    }

    /// Those of the request; outside of a remote call those for the next call.
    #[getter]
    fn annotations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let known = OWN.with_borrow(|own| own.annotations.as_ref().map(|dict| dict.clone_ref(py)));
        if let Some(known) = known {
            return Ok(known.into_bound(py));
        }
        let dict = match ambient::current() {
            Some(context) => annotations_dict(py, context.annotations().iter())?,
            None => PyDict::new(py),
        };
        OWN.with_borrow_mut(|own| own.annotations = Some(dict.clone().unbind()));
        Ok(dict)
    }

    #[setter]
    fn set_annotations(&self, annotations: Bound<'_, PyDict>) {
        OWN.with_borrow_mut(|own| {
            own.annotations = Some(annotations.unbind());
            own.has_set = true;
        });
    }

    /// Those for the answer; outside of a remote call those of the last answer.
    #[getter]
    fn response_annotations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let known = OWN.with_borrow(|own| own.response.as_ref().map(|dict| dict.clone_ref(py)));
        if let Some(known) = known {
            return Ok(known.into_bound(py));
        }
        let dict = match ambient::current() {
            Some(_) => PyDict::new(py),
            None => annotations_dict(py, ambient::response_annotations().iter())?,
        };
        OWN.with_borrow_mut(|own| own.response = Some(dict.clone().unbind()));
        Ok(dict)
    }

    #[setter]
    fn set_response_annotations(&self, annotations: Bound<'_, PyDict>) {
        OWN.with_borrow_mut(|own| own.response = Some(annotations.unbind()));
    }

    #[getter]
    fn correlation_id<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(id) = ambient::correlation_id() else {
            return Ok(None);
        };
        let named = PyDict::new(py);
        named.set_item("bytes", PyBytes::new(py, id.as_bytes()))?;
        package::uuid(py)?.call((), Some(&named)).map(Some)
    }

    #[setter]
    fn set_correlation_id(&self, id: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let id = id.map(|id| id.getattr("bytes")?.extract::<[u8; 16]>()).transpose()?;
        ambient::set_correlation_id(id.map(uuid::Uuid::from_bytes));
        Ok(())
    }
}

fn address<'py>(py: Python<'py>, peer: &Peer) -> PyResult<Bound<'py, PyAny>> {
    match peer {
        Peer::Tcp(address) => Ok((address.ip().to_string(), address.port()).into_pyobject(py)?.into_any()),
        _ => Ok("".into_pyobject(py)?.into_any()),
    }
}

/// The connection of a client with a daemon.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Connection {
    number: u64,
    peer: Peer,
    /// Gone when it has ended.
    alive: Weak<ferropyro::Connection>,
}

impl Connection {
    /// One that ends, or has not quite begun.
    pub(crate) fn of(connection: &ferropyro::Connection) -> Connection {
        Connection {
            number: connection.number(),
            peer: connection.peer().clone(),
            alive: Weak::new(),
        }
    }

    fn of_call(connection: &Arc<ferropyro::Connection>) -> Connection {
        Connection {
            alive: Arc::downgrade(connection),
            ..Connection::of(connection)
        }
    }
}

#[pymethods]
impl Connection {
    /// A number that no other connection of this program has.
    #[getter]
    fn number(&self) -> u64 {
        self.number
    }

    /// Its address: host and port; an empty text for a Unix domain socket.
    #[getter]
    fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        address(py, &self.peer)
    }

    /// Whether the client of the call is gone.
    #[getter]
    fn is_closed(&self) -> bool {
        self.alive.upgrade().is_none_or(|connection| connection.is_closed())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Connection>()
            .is_ok_and(|other| other.get().number == self.number)
    }

    fn __hash__(&self) -> u64 {
        self.number
    }
}
