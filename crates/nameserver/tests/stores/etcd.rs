//! A real etcd cluster on this machine, for as long as a test needs it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::cable::Cables;

/// How long a node may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether there is an etcd to test with. A machine that checks changes must have one.
pub(crate) fn is_installed() -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = quiet(Command::new("etcd").arg("--version")).is_ok_and(|status| status.success());
    if !is_there {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "etcd is not installed"
        );
        let _ = writeln!(
            std::io::stdout(),
            "skipped: etcd is not installed (Debian: apt-get install etcd-server)"
        );
    }
    is_there
}

/// Nodes on ports that were free. They are killed when this is dropped.
pub(crate) struct Etcd {
    nodes: Vec<Mutex<Node>>,
    folder: TempDir,
    cables: Arc<Cables>,
}

struct Node {
    client_port: u16,
    /// Where it hears the others, and where they find it.
    peer_port: u16,
    cable_port: u16,
    process: Option<Child>,
}

impl Etcd {
    /// So many nodes, which answer.
    pub(crate) fn start(count: usize) -> Etcd {
        let listeners: Vec<TcpListener> = (0..3 * count)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |index: usize| listeners[index].local_addr().unwrap().port();
        let node = |index: usize| Node {
            client_port: port(3 * index),
            peer_port: port(3 * index + 1),
            cable_port: port(3 * index + 2),
            process: None,
        };
        let etcd = Etcd {
            nodes: (0..count).map(|index| Mutex::new(node(index))).collect(),
            folder: tempfile::tempdir().unwrap(),
            cables: Arc::default(),
        };
        for (place, listener) in listeners.into_iter().enumerate() {
            let index = place / 3;
            if place % 3 == 2 {
                let port = etcd.node(index).peer_port;
                etcd.cables.lay(index, listener, port);
            }
        }
        (0..count).for_each(|index| etcd.launch(index));
        (0..count).for_each(|index| etcd.wait_for(index));
        etcd
    }

    /// One node for all tests of this process that run at the same time.
    pub(crate) fn shared() -> Arc<Etcd> {
        static SHARED: Mutex<Weak<Etcd>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let etcd = Arc::new(Etcd::start(1));
            *shared = Arc::downgrade(&etcd);
            etcd
        })
    }

    /// All endpoints, as `etcd:` takes them, beginning with this one.
    pub(crate) fn endpoints(&self, first: usize) -> String {
        let count = self.nodes.len();
        let endpoints = (0..count).map(|index| format!("127.0.0.1:{}", self.port((first + index) % count)));
        endpoints.collect::<Vec<_>>().join(",")
    }

    pub(crate) fn port(&self, index: usize) -> u16 {
        self.node(index).client_port
    }

    /// Starts a node that does not run.
    pub(crate) fn launch(&self, index: usize) {
        let all = self.nodes.iter().enumerate();
        let peers = all.map(|(index, node)| {
            let port = node.lock().unwrap_or_else(PoisonError::into_inner).cable_port;
            format!("n{index}=http://127.0.0.1:{port}")
        });
        let peers = peers.collect::<Vec<_>>().join(",");
        let mut node = self.node(index);
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let (client, peer, cable) = (url(node.client_port), url(node.peer_port), url(node.cable_port));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("n{index}.log")))
            .unwrap();
        let mut command = Command::new("etcd");
        command
            .args(["--name", &format!("n{index}"), "--initial-cluster", &peers])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &cable])
            // What a killed process has written is there all the same.
            .arg("--unsafe-no-fsync")
            .arg("--data-dir")
            .arg(self.folder.path().join(format!("n{index}")));
        if self.nodes.len() == 1 {
            command.args(["--heartbeat-interval", "10", "--election-timeout", "100"]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        node.process = Some(process.unwrap());
    }

    /// Waits until a node answers, and has a leader.
    pub(crate) fn wait_for(&self, index: usize) {
        let end = Instant::now() + PATIENCE;
        while self.status(index).is_none_or(|status| status.leader == 0) {
            if Instant::now() > end {
                let log = std::fs::read_to_string(self.folder.path().join(format!("n{index}.log")));
                panic!("etcd does not answer; its log: {}", log.unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Which node leads, as those say that answer.
    pub(crate) fn leader(&self) -> Option<usize> {
        let statuses: Vec<_> = (0..self.nodes.len()).map(|index| self.status(index)).collect();
        let newest = statuses.iter().flatten().max_by_key(|status| status.term)?;
        let leads = |status: &Option<Status>| status.as_ref().is_some_and(|status| status.member == newest.leader);
        statuses.iter().position(leads)
    }

    /// Ends a node at once.
    pub(crate) fn kill(&self, index: usize) {
        if let Some(mut process) = self.node(index).process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Makes a node stand still.
    pub(crate) fn pause(&self, index: usize) {
        self.signal(index, Signal::STOP);
    }

    pub(crate) fn resume(&self, index: usize) {
        self.signal(index, Signal::CONT);
    }

    /// Keeps a node from the others, and them from it. It still serves whoever asks it for names.
    pub(crate) fn cut_off(&self, index: usize) {
        let member = self.status(index).unwrap().member;
        self.cables.cut(index, format!("{member:x}"));
    }

    pub(crate) fn mend(&self) {
        self.cables.mend();
    }

    fn signal(&self, index: usize, signal: Signal) {
        if let Some(process) = &self.node(index).process {
            kill_process(Pid::from_child(process), signal).unwrap();
        }
    }

    /// Ends a node, and starts it again on what it had.
    pub(crate) fn restart(&self, index: usize) {
        self.kill(index);
        self.launch(index);
        self.wait_for(index);
    }

    fn status(&self, index: usize) -> Option<Status> {
        let answer = self.ask(index, "maintenance/status", "{}")?;
        Some(Status {
            member: number(&answer["header"]["member_id"]),
            leader: number(&answer["leader"]),
            term: number(&answer["raftTerm"]),
        })
    }

    /// The revision that the cluster is at.
    pub(crate) fn revision(&self) -> u64 {
        let answer = self.ask(0, "kv/range", r#"{"key": "AA=="}"#).unwrap();
        number(&answer["header"]["revision"])
    }

    /// Makes etcd forget what was before this revision.
    pub(crate) fn compact(&self, revision: u64) {
        let request = format!(r#"{{"revision": "{revision}", "physical": true}}"#);
        let answer = self.ask(0, "kv/compaction", &request).unwrap();
        assert!(answer.get("error").is_none(), "{answer}");
    }

    /// Asks a node through its gateway for JSON; `None` when it does not answer.
    pub(crate) fn ask(&self, index: usize, what: &str, request: &str) -> Option<Value> {
        let address = ([127, 0, 0, 1], self.port(index)).into();
        let patience = Duration::from_millis(500);
        let mut connection = TcpStream::connect_timeout(&address, patience).ok()?;
        connection.set_read_timeout(Some(patience)).ok()?;
        let length = request.len();
        write!(
            connection,
            "POST /v3/{what} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{request}"
        )
        .ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    fn node(&self, index: usize) -> std::sync::MutexGuard<'_, Node> {
        self.nodes[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        (0..self.nodes.len()).for_each(|index| self.kill(index));
        self.cables.end();
        // Each waits for one more connection.
        for index in 0..self.nodes.len() {
            let _ = TcpStream::connect(("127.0.0.1", self.node(index).cable_port));
        }
    }
}

/// What a node says of itself.
struct Status {
    member: u64,
    leader: u64,
    term: u64,
}

/// Numbers are texts in etcd's JSON, and zero is left out.
fn number(value: &Value) -> u64 {
    value.as_str().map_or(0, |text| text.parse().unwrap_or_default())
}
