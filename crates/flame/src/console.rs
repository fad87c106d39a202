//! The console of a Flame server.

use ferropyro::{Proxy, PyroClass, Result};

/// An interactive console of the server's Python. It has names of its own, which last from line to line.
///
/// The server keeps it until [`Console::terminate`]: one that is just dropped stays there as long as the server runs.
///
/// ```no_run
/// # let flame = ferropyro_flame::Flame::connect("localhost:9999")?;
/// let console = flame.console()?;
/// assert!(console.push("for i in range(2):")?.wants_more);
/// assert!(console.push("    print(i)")?.wants_more);
/// assert_eq!(console.push("")?.output, "0\n1\n");
/// console.terminate()?;
/// # Ok::<(), ferropyro::Error>(())
/// ```
#[derive(Debug)]
pub struct Console {
    proxy: Proxy,
}

/// What a line has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What the server's Python has printed, tracebacks among it.
    pub output: String,
    /// Whether the statement goes on in the next line; nothing has been run then.
    pub wants_more: bool,
}

/// As the server gives it.
#[derive(PyroClass)]
#[pyro(class = "Pyro4.utils.flame.RemoteInteractiveConsole")]
struct RemoteConsole {
    remoteconsole: Proxy,
}

impl Console {
    /// By way of the connection's own settings: the key is not in what the server gives, and its address may be one that leads nowhere from here.
    pub(crate) fn open(flame: &Proxy) -> Result<Console> {
        let remote: RemoteConsole = flame.call("console", ())?;
        let proxy = flame.beside(&remote.remoteconsole.uri().object())?;
        Ok(Console { proxy })
    }

    /// What Python says of itself when a console begins, and where it is.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn banner(&self) -> Result<String> {
        self.proxy.call("get_banner", ())
    }

    /// Gives a line to the console, without a line break. An exception of what it runs is part of the output.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn push(&self, line: &str) -> Result<Pushed> {
        let (output, wants_more) = self.proxy.call("push_and_get_output", (line,))?;
        Ok(Pushed { output, wants_more })
    }

    /// Ends the console.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn terminate(self) -> Result<()> {
        self.proxy.call("terminate", ())
    }
}
