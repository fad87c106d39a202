//! The way from `proxy.method(...)` to the call, on which every nanosecond is spent at every call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyString, PyTuple};

use crate::proxy::Proxy;

/// What is known of the remote object, as soon as it is.
struct Known {
    core: Py<Proxy>,
    methods: Py<PySet>,
    oneway: Py<PySet>,
}

/// The base of Python's class `Proxy`: finds remote methods by their names. Everything else is in Python, in the method `_pyroLookup`.
#[pyclass(frozen, subclass, dict, weakref, module = "ferropyro._ferropyro")]
pub(crate) struct ProxyBase(Mutex<Option<Known>>);

#[pymethods]
impl ProxyBase {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> ProxyBase {
        ProxyBase(Mutex::new(None))
    }

    /// From now on methods of these names are called at once, through this.
    #[pyo3(name = "_pyroArm")]
    fn arm(&self, core: Py<Proxy>, methods: Py<PySet>, oneway: Py<PySet>) {
        *self.lock() = Some(Known { core, methods, oneway });
    }

    /// From now on `_pyroLookup` is asked for everything.
    #[pyo3(name = "_pyroDisarm")]
    fn disarm(&self) {
        let known = self.lock().take();
        drop(known);
    }

    /// Is asked for what the proxy itself does not have.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let core = {
            let known = slf.get().lock();
            match &*known {
                Some(known) if known.methods.bind(py).contains(name)? => {
                    let oneway = known.oneway.bind(py);
                    Some((known.core.clone_ref(py), !oneway.is_empty() && oneway.contains(name)?))
                }
                _ => None,
            }
        };
        let Some((core, oneway)) = core else {
            return slf.call_method1(intern!(py, "_pyroLookup"), (name,));
        };
        let method = RemoteMethod {
            proxy: slf.clone().into_any().unbind(),
            core,
            name: name.clone().unbind(),
            oneway,
        };
        Ok(Bound::new(py, method)?.into_any())
    }
}

impl ProxyBase {
    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A method of a remote object.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct RemoteMethod {
    /// Kept, so that the connection is.
    proxy: Py<PyAny>,
    core: Py<Proxy>,
    name: Py<PyString>,
    oneway: bool,
}

#[pymethods]
impl RemoteMethod {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.core
            .get()
            .call(py, self.name.to_str(py)?, args, kwargs, self.oneway)
    }

    /// A dotted name, which no remote object lets through.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let dotted = format!("{}.{name}", self.name.to_str(py)?);
        self.proxy.bind(py).call_method1(intern!(py, "_pyroDotted"), (dotted,))
    }
}
