//! The programs of these tests: started, read, and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, process, thread};

use rustix::process::{Pid, Signal, kill_process};

/// No event takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our binary without the environment's settings.
pub(crate) fn ferropyro(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferropyro"));
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("PYRO_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running program whose lines are read. Killed in the end.
pub(crate) struct Program {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Program {
    pub(crate) fn start(mut command: Command) -> Program {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Program {
            child,
            stdout: lines(stdout),
            stderr: lines(stderr),
        }
    }

    /// The next line on standard output.
    pub(crate) fn line(&self) -> String {
        self.stdout.recv_timeout(PATIENCE).expect("another line")
    }

    /// The next line on standard error.
    pub(crate) fn note(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).expect("another line on stderr")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for its end; gives its status.
    pub(crate) fn status(mut self) -> Option<i32> {
        let (sender, ended) = mpsc::channel::<()>();
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        let watchdog = thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        let status = self.child.wait().unwrap();
        drop(sender);
        watchdog.join().unwrap();
        status.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// A name server on a free port.
pub(crate) struct Ns {
    program: Program,
    pub(crate) port: u16,
}

impl Ns {
    pub(crate) fn start(options: &[&str]) -> Ns {
        let program = Program::start(ferropyro(&[&["ns", "-n", "127.0.0.1", "-p", "0"], options].concat()));
        loop {
            if let Some((_, port)) = program.line().split_once("URI = PYRO:Pyro.NameServer@127.0.0.1:") {
                let port = port.parse().unwrap();
                return Ns { program, port };
            }
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        command_at(self.port, args)
    }

    pub(crate) fn nsc(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn nsc_with(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.command(args);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What this prints; it must succeed.
    pub(crate) fn told(&self, args: &[&str]) -> String {
        let output = self.nsc(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        stdout(&output)
    }

    pub(crate) fn watch(&self, args: &[&str]) -> Program {
        let watch = Program::start(self.command(&[&["watch"], args].concat()));
        assert!(watch.note().starts_with("Watching behind revision "));
        watch
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.program.signal(signal);
    }

    /// It knows nothing of what comes afterwards.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }
}

pub(crate) fn command_at(port: u16, args: &[&str]) -> Command {
    let port = port.to_string();
    ferropyro(&[&["nsc", "-n", "127.0.0.1", "-p", &port], args].concat())
}

/// A port at which connections can be cut.
pub(crate) struct Relay {
    pub(crate) port: u16,
    target: Arc<Mutex<Option<u16>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    pub(crate) fn to(port: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay {
            port: listener.local_addr().unwrap().port(),
            target: Arc::new(Mutex::new(Some(port))),
            open: Arc::default(),
        };
        let (target, open) = (Arc::clone(&relay.target), Arc::clone(&relay.open));
        thread::spawn(move || {
            for here in listener.incoming().flatten() {
                let mut open = open.lock().unwrap();
                let Some(port) = *target.lock().unwrap() else { continue };
                let there = TcpStream::connect(("127.0.0.1", port)).unwrap();
                for (from, to) in [(&here, &there), (&there, &here)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                open.extend([here, there]);
            }
        });
        relay
    }

    /// Cuts all connections; new ones are cut at once until they lead somewhere again.
    pub(crate) fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        *self.target.lock().unwrap() = None;
        for stream in open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn lead_to(&self, port: u16) {
        *self.target.lock().unwrap() = Some(port);
    }
}

/// A folder that is removed in the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ferropyro-nsc-{}-{number}", process::id()));
        fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
