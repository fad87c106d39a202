//! The server's end.

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::{InstanceMode, Object, Raise};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::config::Config;
use crate::context::{self, Connection};
use crate::errors::{raise, raised};
use crate::pickles::Manner;
use crate::proxy::{annotation_list, from_value, to_value};
use crate::remote_object::{Members, RemoteObject};
use crate::uri::Uri;
use crate::{exit, log, request_loop};

/// A daemon: what programs see of it is in Python around it.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Daemon {
    daemon: ferropyro::Daemon,
    manner: Arc<Manner>,
}

impl Daemon {
    /// One that the library has made.
    pub(crate) fn of(daemon: ferropyro::Daemon) -> Daemon {
        Daemon {
            daemon,
            // The library's own objects read pickles as data, and so does what stands beside them.
            manner: Arc::new(Manner::new(true, None)),
        }
    }
}

#[pymethods]
impl Daemon {
    /// `validate_handshake`, `annotations`, `client_disconnect` and `housekeeping` are the methods of the Python daemon that a program has overridden.
    #[new]
    #[pyo3(signature = (config, *, host=None, port=0, unix_socket=None, nat_host=None, nat_port=None, socket=None, hmac_key=None, validate_handshake=None, annotations=None, client_disconnect=None, housekeeping=None))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        config: &Config,
        host: Option<String>,
        port: u16,
        unix_socket: Option<String>,
        nat_host: Option<String>,
        nat_port: Option<u16>,
        socket: Option<i32>,
        hmac_key: Option<Vec<u8>>,
        validate_handshake: Option<Py<PyAny>>,
        annotations: Option<Py<PyAny>>,
        client_disconnect: Option<Py<PyAny>>,
        housekeeping: Option<Py<PyAny>>,
    ) -> PyResult<Daemon> {
        log::note_thread(py);
        let mut builder = ferropyro::Daemon::builder()
            .config(config.0.clone())
            .port(port)
            .around_threads(keep_attached);
        if !config.0.pickle_safe {
            builder = builder.unpickles();
        }
        let manner = Arc::new(Manner::new(config.0.pickle_safe, config.0.max_batch_calls));
        if let Some(host) = host {
            builder = builder.host(host);
        }
        if let Some(path) = unix_socket {
            builder = builder.unix_socket(path);
        }
        if let Some(host) = nat_host {
            builder = builder.nat_host(host);
        }
        if let Some(port) = nat_port {
            builder = builder.nat_port(port);
        }
        if let Some(descriptor) = socket {
            builder = builder.connected_socket(adopt(descriptor));
        }
        if let Some(key) = hmac_key {
            builder = builder.hmac_key(key);
        }
        if let Some(hook) = validate_handshake {
            let manner = Arc::clone(&manner);
            builder = builder.validate_handshake(move |data, context| {
                exit::attach(|py| {
                    let connection = Connection::of(context.connection());
                    let judge = || {
                        let serializer = context.serializer();
                        let data = from_value(py, data, serializer, manner.unpickles(serializer))?;
                        to_value(
                            exit::calling(|| hook.bind(py).call1((connection, data)))?.as_any(),
                            context.serializer(),
                        )
                    };
                    context::serve(py, context, judge).map_err(|error| {
                        request_loop::note(py, &error);
                        raised(py, error)
                    })
                })
                .unwrap_or_else(|| Err(exit::over()))
            });
        }
        if let Some(hook) = annotations {
            builder = builder.annotations(move |_| {
                exit::attach(|py| {
                    let list = exit::calling(|| hook.bind(py).call0()).and_then(|given| annotation_list(given.cast()?));
                    list.unwrap_or_else(|error| {
                        request_loop::report(py, error, &hook);
                        Vec::new()
                    })
                })
                .unwrap_or_default()
            });
        }
        if let Some(hook) = client_disconnect {
            builder = builder.client_disconnect(move |connection| {
                exit::attach(|py| {
                    if let Err(error) = exit::calling(|| hook.call1(py, (Connection::of(connection),))) {
                        request_loop::report(py, error, &hook);
                    }
                });
            });
        }
        if let Some(hook) = housekeeping {
            builder = builder.housekeeping(move || {
                exit::attach(|py| {
                    if let Err(error) = exit::calling(|| hook.call0(py)) {
                        request_loop::report(py, error, &hook);
                    }
                });
            });
        }
        let bound = builder.bind();
        bound
            .map(|daemon| Daemon { daemon, manner })
            .map_err(|error| raise(py, error))
    }

    /// Lets clients call an object.
    fn register(&self, py: Python<'_>, id: &str, object: Py<PyAny>, members: &Members) -> PyResult<Uri> {
        let object = RemoteObject::new(object, Arc::new(members.0.clone()), Arc::clone(&self.manner));
        self.daemon
            .register(id, object)
            .map(Uri)
            .map_err(|error| raise(py, error))
    }

    /// Lets clients call the instances of a class, which `create` makes in the mode `session`, `single` or `percall`.
    fn register_class(
        &self,
        py: Python<'_>,
        id: &str,
        create: Py<PyAny>,
        members: &Members,
        mode: &str,
    ) -> PyResult<Uri> {
        let mode = match mode {
            "session" => InstanceMode::Session,
            "single" => InstanceMode::Single,
            "percall" => InstanceMode::PerCall,
            _ => return Err(PyValueError::new_err(format!("invalid instance mode: {mode}"))),
        };
        let members = Arc::new(members.0.clone());
        let shared = Arc::clone(&members);
        let manner = Arc::clone(&self.manner);
        let create = move || -> Result<Arc<dyn Object>, Raise> {
            let made = exit::attach(|py| {
                exit::calling(|| create.call0(py)).map_err(|error| {
                    request_loop::note(py, &error);
                    raised(py, error)
                })
            });
            let made = made.unwrap_or_else(|| Err(exit::over()))?;
            Ok(Arc::new(RemoteObject::new(
                made,
                Arc::clone(&shared),
                Arc::clone(&manner),
            )))
        };
        let uri = self
            .daemon
            .register_foreign_class(id, ferropyro::Members::clone(&members), mode, create);
        uri.map(Uri).map_err(|error| raise(py, error))
    }

    fn unregister(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        self.daemon.unregister(id).map_err(|error| raise(py, error))
    }

    /// The URI for an id: with the address for clients from outside, unless they are said to be within.
    fn uri_for(&self, py: Python<'_>, id: &str, nat: bool) -> PyResult<Uri> {
        let uri = if nat {
            self.daemon.uri_for(id)
        } else {
            self.daemon.internal_uri_for(id)
        };
        uri.map(Uri).map_err(|error| raise(py, error))
    }

    /// Where it listens, as text.
    #[getter]
    fn location(&self) -> String {
        self.daemon.location().to_string()
    }

    /// Whether pickles that come in are read as data, and not by Python's own module.
    #[getter]
    fn pickle_safe(&self) -> bool {
        self.manner.is_safe()
    }

    #[setter]
    fn set_pickle_safe(&self, safe: bool) {
        self.manner.set_safe(safe);
    }

    /// The number of a descriptor that is readable when the loop has something to do.
    #[cfg(unix)]
    fn descriptor(&self, py: Python<'_>) -> PyResult<i32> {
        self.daemon.descriptor().map_err(|error| raise(py, error))
    }

    /// Stops serving.
    fn shutdown(&self, py: Python<'_>) {
        py.detach(|| self.daemon.shutdown());
    }
}

/// A loop that serves the clients of daemons for as long as it is told to.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct EventLoop {
    event_loop: Mutex<ferropyro::EventLoop>,
    /// Those that it is to serve too from its next step on: it may be in one, and this may be code that it runs.
    added: Mutex<Vec<ferropyro::Daemon>>,
}

#[pymethods]
impl EventLoop {
    #[new]
    fn new(py: Python<'_>) -> PyResult<EventLoop> {
        let event_loop = ferropyro::EventLoop::new().map_err(|error| raise(py, error))?;
        Ok(EventLoop {
            event_loop: Mutex::new(event_loop),
            added: Mutex::default(),
        })
    }

    fn add(&self, py: Python<'_>, daemon: &Daemon) -> PyResult<()> {
        // Connections that come in from now on are watched, for who asks for that later.
        #[cfg(unix)]
        daemon.descriptor(py)?;
        #[cfg(not(unix))]
        let _ = py;
        self.added().push(daemon.daemon.clone());
        Ok(())
    }

    /// Serves what comes in within so many seconds. False when all daemons have been shut down. Code that the loop itself runs cannot run it once more: that does nothing.
    fn step(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        let time = Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))?;
        if request_loop::is_running() {
            return Ok(true);
        }
        request_loop::step(py, || {
            let mut event_loop = self.event_loop.lock().unwrap_or_else(PoisonError::into_inner);
            for daemon in self.added().drain(..) {
                event_loop.add(&daemon);
            }
            event_loop.step(time)
        })
    }

    /// Serves until all daemons have ended, for so many seconds at the most, unless somebody else does it all the time.
    fn finish(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let end = Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        request_loop::step(py, || {
            while Instant::now() < end {
                match self.event_loop.try_lock() {
                    Ok(mut event_loop) => {
                        if !event_loop.step(FINISHING) {
                            return;
                        }
                    }
                    Err(_) => thread::sleep(FINISHING),
                }
            }
        })
    }
}

impl EventLoop {
    fn added(&self) -> MutexGuard<'_, Vec<ferropyro::Daemon>> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a step is at the end of the program.
const FINISHING: Duration = Duration::from_millis(20);

/// Makes a thread one of Python's for as long as it lives: to do so anew at every call takes longer than a call.
fn keep_attached(work: &mut dyn FnMut()) {
    exit::attach_thread(work);
}

/// A descriptor that Python gives away.
#[expect(
    unsafe_code,
    reason = "Python has no other form of a socket than the number of its descriptor"
)]
pub(crate) fn adopt(descriptor: i32) -> OwnedFd {
    // SAFETY: the Python half hands over what `socket.detach()` or `os.dup()` gave it, and does not use it again.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
