//! The real Pyro4 and Pyro5, as clients and as servers.

use std::fmt::{self, Display};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use crate::peer::{Client, Helper};
use crate::{Problem, machine};

const PROGRAM: &str = include_str!("python_peer.py");
const RAW_PROGRAM: &str = include_str!("python_raw.py");
const FORMATS_PROGRAM: &str = include_str!("python_formats.py");
const CONNECTION_PROGRAM: &str = include_str!("python_connection.py");
const CONTENDERS_PROGRAM: &str = include_str!("python_contenders.py");

/// The versions of Python and of what it has for comparison.
pub(crate) fn versions() -> Option<String> {
    const PROGRAM: &str = "
import sys
from importlib.metadata import version, PackageNotFoundError
def tell(name):
    try:
        return f'{name} {version(name)}'
    except PackageNotFoundError:
        return f'no {name}'
print(f'Python {sys.version.split()[0]}', *map(tell, ['Pyro5', 'Pyro4', 'serpent', 'msgpack', 'numpy', 'rpyc', 'grpcio', 'protobuf']), sep=', ')
";
    machine::says(&interpreter(), &["-c", PROGRAM])
}

/// The Python of the environment.
fn interpreter() -> String {
    std::env::var("FERROPYRO_PYTHON_VENV").unwrap_or_else(|_| "python3".to_owned())
}

/// A Python that has Pyro4 and Pyro5.
pub(crate) struct Python(String);

impl Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Python {
    /// The Python of the environment, or the reason why there is none.
    pub(crate) fn find() -> Result<Python, String> {
        let python = interpreter();
        let imports = Command::new(&python)
            .args(["-c", "import Pyro4, Pyro5.api"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match imports {
            Ok(status) if status.success() => Ok(Python(python)),
            Ok(_) => Err(format!(
                "{python} has no Pyro4 and Pyro5 (`cargo xtask test` makes an environment with them; FERROPYRO_PYTHON_VENV names another Python)"
            )),
            Err(error) => Err(format!("{python} cannot be started: {error}")),
        }
    }

    /// Starts an echo server with settings `NAME=value`, and gives its URI.
    pub(crate) fn start_server(&self, generation: &str, settings: &[&str]) -> Result<(Helper, String), Problem> {
        let args = [&["server", generation], settings].concat();
        let mut server = self.start(&args)?;
        let uri = server.line()?;
        Ok((server, uri))
    }

    /// Starts a name server with settings `NAME=value`, and `storage=SPEC`, and gives its URI.
    pub(crate) fn start_name_server(&self, generation: &str, settings: &[String]) -> Result<(Helper, String), Problem> {
        let program = match generation {
            "pyro4" => "Pyro4.naming",
            _ => "Pyro5.nameserver",
        };
        let mut command = self.command();
        command.args(["-u", "-m", program, "-n", "127.0.0.1", "-p", "0", "-x"]);
        for (name, value) in settings.iter().filter_map(|setting| setting.split_once('=')) {
            match name {
                "storage" => command.args(["-s", value]),
                _ => command.env(format!("PYRO_{name}"), value),
            };
        }
        let mut server = Helper::start(command)?;
        loop {
            if let Some(uri) = server.line()?.strip_prefix("URI = ") {
                return Ok((server, uri.to_owned()));
            }
        }
    }

    /// Starts the HTTP gateway of a generation, for the names of the name server on this port.
    pub(crate) fn start_gateway(&self, generation: &str, names: &str) -> Result<(Helper, SocketAddr), Problem> {
        let program = match generation {
            "pyro4" => "Pyro4.utils.httpgateway",
            _ => "Pyro5.utils.httpgateway",
        };
        // It takes no port 0.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = self.command();
        command.args([
            "-u",
            "-W",
            "ignore",
            "-m",
            program,
            "-H",
            "127.0.0.1",
            "-p",
            &port.to_string(),
        ]);
        command.env("PYRO_NS_HOST", "127.0.0.1").env("PYRO_NS_PORT", names);
        // A line of its log for each request.
        command.stderr(Stdio::null());
        let mut server = Helper::start(command)?;
        while !server.line()?.contains("gateway running on") {}
        Ok((server, ([127, 0, 0, 1], port).into()))
    }

    pub(crate) fn connect(
        &self,
        generation: &str,
        serializer: &str,
        uri: &str,
        message: &str,
    ) -> Result<Client, Problem> {
        self.start_client(&["client", generation, serializer, uri, message])
    }

    /// A client that calls a method with so many bytes as its argument (`take`) or result (`give`).
    pub(crate) fn connect_bulk(
        &self,
        generation: &str,
        serializer: &str,
        uri: &str,
        method: &str,
        size: usize,
    ) -> Result<Client, Problem> {
        self.start_client(&["bulk", generation, serializer, uri, method, &size.to_string()])
    }

    /// A client that calls a method with so many bytes as its argument in a kind (`str`, `bytes`, `bytearray`), or fetches them (`stream`).
    pub(crate) fn connect_kind(
        &self,
        generation: &str,
        serializer: &str,
        uri: &str,
        kind: &str,
        size: usize,
    ) -> Result<Client, Problem> {
        self.start_client(&["kind", generation, serializer, uri, kind, &size.to_string()])
    }

    /// A client that sends so many bytes, or an array of numpy of so many, and gets them back. kind: `bytes` or `numpy`.
    pub(crate) fn connect_both(
        &self,
        generation: &str,
        serializer: &str,
        uri: &str,
        kind: &str,
        size: usize,
    ) -> Result<Client, Problem> {
        self.start_client(&["both", generation, serializer, uri, kind, &size.to_string()])
    }

    /// A serializer, with a document given in a line; and what it is.
    pub(crate) fn start_format(&self, args: &[&str], document: &str) -> Result<(Helper, String), Problem> {
        let mut helper = self.start_program(FORMATS_PROGRAM, args)?;
        helper.input_line(document)?;
        let about = helper.line()?;
        Ok((helper, about))
    }

    /// The other end of a ping-pong over a plain socket, and its port.
    pub(crate) fn start_raw(&self, reply: usize) -> Result<(Helper, String), Problem> {
        let mut listener = self.start_program(RAW_PROGRAM, &["listen", &reply.to_string()])?;
        let port = listener.line()?;
        Ok((listener, port))
    }

    pub(crate) fn connect_raw(&self, request: usize, reply: usize, port: &str) -> Result<Client, Problem> {
        let lengths = [request, reply].map(|length| length.to_string());
        let [request, reply] = &lengths;
        Client::ready(self.start_program(RAW_PROGRAM, &["client", request, reply, port])?)
    }

    /// A server of plain sockets that answers whatever comes with as many bytes, and its URI.
    pub(crate) fn start_raw_server(&self, request: usize, reply: usize) -> Result<(Helper, String), Problem> {
        let mut server = self.start_program(RAW_PROGRAM, &["serve", &request.to_string(), &reply.to_string()])?;
        let uri = server.line()?;
        Ok((server, uri))
    }

    /// A server of plain sockets that gives back as many bytes as a client sends, and its port.
    pub(crate) fn start_raw_bulk(&self) -> Result<(Helper, String), Problem> {
        let mut server = self.start_program(RAW_PROGRAM, &["bulk-listen"])?;
        let port = server.line()?;
        Ok((server, port))
    }

    /// A client of such a server.
    pub(crate) fn connect_raw_bulk(&self, size: usize, port: &str) -> Result<Client, Problem> {
        Client::ready(self.start_program(RAW_PROGRAM, &["bulk", &size.to_string(), port])?)
    }

    /// Whether a module is there, or several with commas.
    pub(crate) fn has(&self, module: &str) -> bool {
        let mut command = self.command();
        command.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// An echo listener of multiprocessing.connection, and its port.
    pub(crate) fn start_connection(&self, cargo: &str) -> Result<(Helper, String), Problem> {
        let mut listener = self.start_program(CONNECTION_PROGRAM, &["listen", cargo])?;
        let port = listener.line()?;
        Ok((listener, port))
    }

    /// A client of such a listener.
    pub(crate) fn connect_connection(&self, cargo: &str, port: &str) -> Result<Client, Problem> {
        Client::ready(self.start_program(CONNECTION_PROGRAM, &["client", cargo, port])?)
    }

    /// An echo server of another library for Python, and a client that sends it a text.
    pub(crate) fn start_contender(&self, kind: &str, message: &str) -> Result<(Helper, Client), Problem> {
        let mut server = self.start_program(CONTENDERS_PROGRAM, &["serve", kind])?;
        let address = server.line()?;
        let client = self.start_program(CONTENDERS_PROGRAM, &["client", kind, &address, message])?;
        Ok((server, Client::ready(client)?))
    }

    fn start_client(&self, args: &[&str]) -> Result<Client, Problem> {
        Client::ready(self.start(args)?)
    }

    fn start(&self, args: &[&str]) -> Result<Helper, Problem> {
        self.start_program(PROGRAM, args)
    }

    fn start_program(&self, program: &str, args: &[&str]) -> Result<Helper, Problem> {
        let mut command = self.command();
        command.args(["-c", program]).args(args);
        Helper::start(command)
    }

    /// Python without settings of Pyro.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PYRO_") {
                command.env_remove(name);
            }
        }
        command
    }
}
