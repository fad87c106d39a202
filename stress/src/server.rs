//! Servers to be tried: processes of their own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ferropyro::{Location, Proxy, Uri};

use crate::Problem;
use crate::process::Process;
use crate::trial::{PATIENCE, becomes_true};

/// The ways to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Thread,
    /// The event loop, which runs one call at a time.
    OneWorker,
    /// The event loop with four calls at a time.
    Workers,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Thread, Kind::OneWorker, Kind::Workers];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Thread => "thread",
            Kind::OneWorker => "multiplex",
            Kind::Workers => "multiplex, 4 workers",
        }
    }

    pub(crate) fn settings(self) -> &'static [&'static str] {
        match self {
            Kind::Thread => &["SERVERTYPE=thread"],
            Kind::OneWorker => &["SERVERTYPE=multiplex"],
            Kind::Workers => &["SERVERTYPE=multiplex", "WORKERS=4"],
        }
    }
}

/// The command `ferropyro`, which is built beside this program.
pub(crate) fn binary() -> Result<PathBuf, Problem> {
    let binary = std::env::current_exe()?.with_file_name("ferropyro");
    match binary.exists() {
        true => Ok(binary),
        false => Err(format!("{} is not there: cargo build -p ferropyro-cli", binary.display()).into()),
    }
}

/// A server's process. It ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) uri: Uri,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A [yard](crate::yard) with these settings of Pyro, `NAME=value`.
    pub(crate) fn start(kind: Kind, settings: &[&str]) -> Result<Server, Problem> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").args(kind.settings()).args(settings);
        Server::run(command)
    }

    /// The name server of the command line, with this storage.
    pub(crate) fn of_names(storage: &str) -> Result<Server, Problem> {
        let mut command = Command::new(binary()?);
        command.args(["ns", "-n", "127.0.0.1", "-p", "0", "-s", storage]);
        command.env_clear();
        Server::run(command)
    }

    /// The HTTP gateway of the command line, for the names of this name server, and its address. (The URI and the address of the server are those of the name server.)
    pub(crate) fn gateway(names: &Server) -> Result<(Server, SocketAddr), Problem> {
        let mut command = Command::new(binary()?);
        command.args(["httpgateway", "-H", "127.0.0.1", "-p", "0", "-e", ""]);
        command.env_clear();
        command.env("PYRO_NS_HOST", "127.0.0.1");
        command.env("PYRO_NS_PORT", names.address.port().to_string());
        let server = Server::run(command)?;
        let address = || {
            let log = server.log();
            let url = log
                .iter()
                .find_map(|line| line.strip_prefix("Pyro HTTP gateway running on http://"));
            url.and_then(|url| url.strip_suffix("/pyro/")?.parse().ok())
        };
        becomes_true(PATIENCE, || address().is_some());
        let address = address().ok_or("the gateway does not tell its address")?;
        Ok((server, address))
    }

    /// Any program that prints the URI of its object.
    pub(crate) fn run(mut command: Command) -> Result<Server, Problem> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("a process without pipes".into());
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        collect(errors, &log);
        let mut output = BufReader::new(output);
        let uri: Uri = loop {
            let mut line = String::new();
            if output.read_line(&mut line)? == 0 {
                let _ = child.wait();
                return Err(format!("it ended without a URI: {command:?}\n{}", read(&log).join("\n")).into());
            }
            if let Some(start) = line.find("PYRO:") {
                break line[start..].trim_end().parse()?;
            }
        };
        collect(output, &log);
        let address = match uri.location() {
            Some(Location::Tcp { host, port }) => {
                format!("{}:{port}", host.replace("localhost", "127.0.0.1")).parse()?
            }
            _ => return Err(format!("{uri} is not on a port").into()),
        };
        Ok(Server {
            child,
            uri,
            address,
            log,
        })
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Makes a first call, so that what the server needs anyway is there. Gives the descriptors that it has then.
    pub(crate) fn warm_up(&self) -> Result<usize, Problem> {
        let proxy = self.proxy()?;
        proxy.call::<bool>("sleep", (0,))?;
        let connected = self.process().descriptors()?;
        drop(proxy);
        let is_gone = || self.process().descriptors().is_ok_and(|now| now < connected);
        match becomes_true(PATIENCE, is_gone) {
            true => self.process().descriptors(),
            false => Err("the first connection is not closed".into()),
        }
    }

    pub(crate) fn proxy(&self) -> Result<Proxy, Problem> {
        Ok(Proxy::new(self.uri.clone())?)
    }

    /// The lines that it has printed since it told its URI.
    pub(crate) fn log(&self) -> Vec<String> {
        read(&self.log)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended, at most for so long.
    pub(crate) fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        becomes_true(time, || !self.is_running());
        self.child.try_wait().ok().flatten()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(log: &Mutex<Vec<String>>) -> Vec<String> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn collect(pipe: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}
