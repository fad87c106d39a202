//! Counting: the server or the client runs under valgrind, the other one as usual, twice, with more calls the second time.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::Problem;
use crate::callgrind::{self, Profile};
use crate::graph::Graph;
use crate::source::{Place, Sources};

/// Calls of the two runs: what only the first calls of a connection do, beside all that comes before them, is in both.
const CALLS: [u32; 2] = [200, 1200];

/// Whose instructions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    ThreadServer,
    EventLoop,
}

impl Side {
    pub(crate) const ALL: [Side; 3] = [Side::Client, Side::ThreadServer, Side::EventLoop];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::ThreadServer => "thread-server",
            Side::EventLoop => "event-loop",
        }
    }

    /// The server that takes part.
    fn server(self) -> &'static str {
        match self {
            Side::Client | Side::ThreadServer => "thread",
            Side::EventLoop => "multiplex",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a call takes, on one side.
#[derive(Debug)]
pub(crate) struct Call {
    /// By function of ours; `None` is what none of ours has called.
    pub(crate) instructions: HashMap<Option<Place>, f64>,
    pub(crate) system_calls: f64,
    pub(crate) allocations: f64,
}

/// The file of the program that is measured; it was built together with this one.
pub(crate) fn program() -> Result<PathBuf, Problem> {
    let name = format!("profiled_echo{}", std::env::consts::EXE_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Where that is done.
pub(crate) struct Laboratory<'a> {
    program: &'a Path,
    sources: Sources<'a>,
    /// Where callgrind's files go.
    folder: PathBuf,
}

impl<'a> Laboratory<'a> {
    pub(crate) fn open(program: &'a Path, sources: Sources<'a>) -> Result<Laboratory<'a>, Problem> {
        let folder = program.with_file_name("callgrind");
        fs::create_dir_all(&folder)?;
        Ok(Laboratory {
            program,
            sources,
            folder,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn measure(&self, side: Side, serializer: &str) -> Result<Call, Problem> {
        let [few, many] = CALLS;
        let mut graph = Graph::default();
        let calls = f64::from(many - few);
        for (count, times) in [(many, 1.0), (few, -1.0)] {
            let profile = self.run(side, serializer, count)?;
            graph.add(&profile, times / calls, |function, address| {
                match Path::new(&function.object) == self.program {
                    true => self.sources.place(address),
                    false => Ok(None),
                }
            })?;
        }
        Ok(Call {
            instructions: graph.instructions(),
            system_calls: graph.system_calls(),
            allocations: graph.allocations(),
        })
    }

    fn run(&self, side: Side, serializer: &str, calls: u32) -> Result<Profile, Problem> {
        let file = self.folder.join(format!("echo-{side}-{serializer}-{calls}.out"));
        let command = |is_counted: bool| match is_counted {
            true => self.counted(&file),
            false => alone(Command::new(self.program)),
        };
        let mut server = Server::start(command(side != Side::Client), side.server())?;
        let mut client = command(side == Side::Client);
        client.args(["call", &server.uri, serializer, &calls.to_string()]);
        ended(client.status()?, "the client")?;
        server.end()?;
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Profile::parse(&text)
    }

    /// The program under callgrind, which writes to this file.
    fn counted(&self, file: &Path) -> Command {
        let mut command = alone(Command::new("valgrind"));
        command
            .arg("--tool=callgrind")
            .args(callgrind::OPTIONS)
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(self.program);
        command
    }
}

/// Without this environment, so that it changes nothing.
fn alone(mut command: Command) -> Command {
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

struct Server {
    process: Child,
    uri: String,
}

impl Server {
    fn start(mut command: Command, kind: &str) -> Result<Server, Problem> {
        command
            .args(["serve", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let process = command
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let mut server = Server {
            process,
            uri: String::new(),
        };
        let output = server.process.stdout.take().ok_or("a server without output")?;
        BufReader::new(output).read_line(&mut server.uri)?;
        server.uri.truncate(server.uri.trim_end().len());
        match server.uri.is_empty() {
            true => Err("the server did not start".into()),
            false => Ok(server),
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        drop(self.process.stdin.take()); // it waits for that
        ended(self.process.wait()?, "the server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended nothing happens.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ended(status: ExitStatus, who: &str) -> Result<(), Problem> {
    match status.success() {
        true => Ok(()),
        false => Err(format!("{who}: {status}").into()),
    }
}
