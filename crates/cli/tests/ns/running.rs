//! The program, running.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::naming::{self, Settings};
use ferropyro::{NameServer, Uri};
use rustix::process::{Pid, Signal, kill_process};

/// How long something may take that happens at once on a machine without other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program with these arguments, in a folder.
pub(crate) fn command(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferropyro"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PYRO_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(args).envs(env.iter().copied());
    command
}

/// Status, standard output and standard error of a run that ends by itself.
pub(crate) fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(folder, args, env).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The path of a file with this text.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The lines that a program prints, as they come.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.map_while(|line| sender.send(line).ok()).count()
        });
        Lines(receiver)
    }

    /// The next line that has this text in it.
    pub(crate) fn next_with(&self, text: &str) -> String {
        let mut others = Vec::new();
        let end = Instant::now() + PATIENCE;
        loop {
            match self.0.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => others.push(line),
                Err(_) => panic!("no line has {text:?}: {others:#?}"),
            }
        }
    }
}

/// A name server, or another program; it is killed in the end.
pub(crate) struct Running {
    child: Child,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl Running {
    pub(crate) fn start(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Running {
        let mut child = command(folder, args, env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running {
            out: Lines::of(child.stdout.take().unwrap()),
            err: Lines::of(child.stderr.take().unwrap()),
            child,
        }
    }

    /// A name server on a free port, with its URI.
    pub(crate) fn ns(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> (Running, Uri) {
        let args = [&["ns", "-p", "0"], args].concat();
        let running = Running::start(folder, &args, env);
        let line = running.out.next_with("URI = ");
        let (_, uri) = line.split_once(" = ").unwrap();
        (running, uri.parse().unwrap())
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > end => panic!("it goes on"),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, perhaps.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn client(uri: &Uri) -> NameServer {
    naming::locate_ns_with(uri.location(), &Settings::default()).unwrap()
}
