//! T29 of the limits: three members of etcd, three name servers, and clients who note what they do while now this and now that one of them is lost.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::config::{Config, ServerType};
use ferropyro::naming::{self, Settings};
use ferropyro::{NameServer, Uri};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

use crate::etcd::{self, Etcd};
use crate::linear::State;
use crate::recorder::{Book, Came, Recorder, chance, uri, value};

const SERVERS: usize = 3;
const CLIENTS: usize = 9;
/// How long it may take until changes succeed again, on a machine that has nothing else to do.
const BACK: Duration = Duration::from_secs(5);

/// Name servers that come and go.
struct Servers<'e> {
    etcd: &'e Etcd,
    running: [Mutex<Option<RunningNameServer>>; SERVERS],
}

impl<'e> Servers<'e> {
    fn start(etcd: &'e Etcd) -> Servers<'e> {
        let servers = Servers {
            etcd,
            running: Default::default(),
        };
        (0..SERVERS).for_each(|index| servers.launch(index));
        servers
    }

    /// Each asks another member first.
    fn launch(&self, index: usize) {
        let nameserver = NameServerBuilder::new()
            .config(Config::default().servertype(ServerType::Multiplex))
            .port(0)
            .storage(format!("etcd:{}", self.etcd.endpoints(index)))
            .bind();
        *self.slot(index) = Some(nameserver.unwrap().start());
    }

    fn stop(&self, index: usize) {
        let running = self.slot(index).take();
        running.unwrap().stop();
    }

    fn client(&self, index: usize) -> Option<NameServer> {
        let uri = self.slot(index).as_ref()?.uri().clone();
        naming::locate_ns_with(uri.location(), &Settings::default()).ok()
    }

    fn slot(&self, index: usize) -> MutexGuard<'_, Option<RunningNameServer>> {
        self.running[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client, who goes to another name server when his own is gone.
struct Remote<'s> {
    servers: &'s Servers<'s>,
    index: Cell<usize>,
    client: RefCell<Option<NameServer>>,
}

impl<'s> Remote<'s> {
    fn new(servers: &'s Servers<'s>, index: usize) -> Remote<'s> {
        Remote {
            servers,
            index: Cell::new(index),
            client: RefCell::default(),
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&NameServer) -> ferropyro::Result<T>, unfit: &str, otherwise: T) -> Came<T> {
        let mut client = self.client.borrow_mut();
        if client.is_none() {
            *client = self.servers.client(self.index.get());
        }
        let Some(nameserver) = &*client else {
            self.index.set((self.index.get() + 1) % SERVERS);
            thread::sleep(Duration::from_millis(20));
            return Came::Nothing;
        };
        let error = match ask(nameserver) {
            Ok(answer) => return Came::Of(answer),
            Err(error) => error,
        };
        let Some(remote) = error.as_remote().map(ToString::to_string) else {
            *client = None;
            return Came::Unknown;
        };
        if remote.contains(unfit) {
            Came::Of(otherwise)
        } else if remote.contains("it is not known") {
            Came::Unknown
        } else {
            assert!(remote.starts_with("NamingError: etcd error in "), "{remote}");
            Came::Nothing
        }
    }
}

impl Book for Remote<'_> {
    fn lookup(&self, name: &str) -> Came<State> {
        let lookup = |nameserver: &NameServer| {
            let (uri, tags) = nameserver.lookup_with_metadata(name)?;
            Ok(Some(value(&uri.to_string(), &tags)))
        };
        self.ask(lookup, "unknown name", None)
    }

    fn register(&self, name: &str, (number, _): (u32, u32)) -> Came<bool> {
        let uri: Uri = uri(number).parse().unwrap();
        let register = |nameserver: &NameServer| {
            nameserver.register_with(name, &uri, true, &Default::default())?;
            Ok(true)
        };
        self.ask(register, "name already registered", false)
    }

    fn set_tags(&self, name: &str, tags: u32) -> Came<bool> {
        let set = |nameserver: &NameServer| {
            nameserver.set_metadata(name, &[tags.to_string()].into())?;
            Ok(true)
        };
        self.ask(set, "unknown name", false)
    }

    fn remove(&self, name: &str) -> Came<bool> {
        self.ask(|nameserver| nameserver.remove(name), "unknown name", false)
    }
}

/// What is lost in a round.
#[derive(Debug, Clone, Copy)]
enum Fault {
    LeaderIsKilled,
    LeaderStandsStill,
    /// It goes on to think that it leads, and to answer.
    LeaderIsCutOff,
    MemberIsKilled,
    NameServerStops,
}

const FAULTS: [Fault; 5] = [
    Fault::LeaderIsKilled,
    Fault::LeaderStandsStill,
    Fault::LeaderIsCutOff,
    Fault::NameServerStops,
    Fault::MemberIsKilled,
];

impl Fault {
    /// Lets it happen; gives whom it hit.
    fn begin(self, servers: &Servers<'_>, round: usize) -> usize {
        let etcd = servers.etcd;
        let leader = wait_for(|| etcd.leader());
        let hit = match self {
            Fault::LeaderIsKilled | Fault::LeaderStandsStill | Fault::LeaderIsCutOff => leader,
            Fault::MemberIsKilled => (leader + 1 + round % 2) % 3,
            Fault::NameServerStops => round % SERVERS,
        };
        match self {
            Fault::LeaderIsKilled | Fault::MemberIsKilled => etcd.kill(hit),
            Fault::LeaderStandsStill => etcd.pause(hit),
            Fault::LeaderIsCutOff => etcd.cut_off(hit),
            Fault::NameServerStops => servers.stop(hit),
        }
        hit
    }

    /// Puts back what was lost.
    fn end(self, servers: &Servers<'_>, hit: usize) {
        match self {
            Fault::LeaderIsKilled | Fault::MemberIsKilled => servers.etcd.launch(hit),
            Fault::LeaderStandsStill => servers.etcd.resume(hit),
            Fault::LeaderIsCutOff => servers.etcd.mend(),
            Fault::NameServerStops => return servers.launch(hit),
        }
        servers.etcd.wait_for(hit);
    }
}

fn wait_for<T>(find: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match find() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "it does not come"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// One fault under traffic on names of its own, after which changes have to succeed again through every name server in this time.
fn round(servers: &Servers<'_>, round: usize, fault: Fault, back_in: Duration) {
    let recorder = Recorder::new();
    let is_over = AtomicBool::new(false);
    let lost: OnceLock<Instant> = OnceLock::new();
    let back: [OnceLock<Duration>; SERVERS] = Default::default();
    let name = |number: u64| format!("r{round}.n{}", number % 6);
    let took = thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (recorder, is_over, lost, back) = (&recorder, &is_over, &lost, &back);
            scope.spawn(move || {
                let remote = Remote::new(servers, client % SERVERS);
                for number in chance((round * CLIENTS + client) as u64) {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let was_lost = lost.get();
                    let has_changed = recorder.act(&remote, &name(number), number / 16);
                    if let (Some(lost), true) = (was_lost, has_changed) {
                        back[remote.index.get()].get_or_init(|| lost.elapsed());
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        // A round without traffic would prove nothing.
        wait_for(|| (recorder.count() > 100).then_some(()));
        let before = Instant::now();
        let hit = fault.begin(servers, round);
        let _ = lost.set(before);
        let is_back = |index: usize| {
            let is_gone = matches!(fault, Fault::NameServerStops) && index == hit;
            is_gone || back[index].get().is_some()
        };
        wait_for(|| (0..SERVERS).all(is_back).then_some(()));
        if matches!(fault, Fault::LeaderIsCutOff) {
            assert_ne!(servers.etcd.leader(), Some(hit), "it was not cut off");
        }
        fault.end(servers, hit);
        thread::sleep(Duration::from_millis(300));
        is_over.store(true, Ordering::Relaxed);
        back.iter().filter_map(OnceLock::get).max().copied().unwrap_or_default()
    });
    // What is there in the end is what all of them say, and the last change succeeds everywhere.
    for server in 0..SERVERS {
        let remote = Remote::new(servers, server);
        for number in 0..6 {
            recorder.act(&remote, &name(number), 0);
        }
        wait_for(|| matches!(remote.register(&format!("r{round}.last{server}"), (1, 0)), Came::Of(_)).then_some(()));
    }
    let (count, unknown) = recorder.check();
    let _ = writeln!(
        std::io::stdout(),
        "round {round}, {fault:?}: {count} operations, {unknown} unknown, back after {took:.1?}"
    );
    assert!(
        took <= back_in,
        "changes succeed again after {took:.1?} only ({fault:?})"
    );
}

fn rounds(count: usize, back_in: Duration) {
    if !etcd::is_installed() {
        return;
    }
    let etcd = Etcd::start(3);
    let servers = Servers::start(&etcd);
    for number in 0..count {
        round(&servers, number, FAULTS[number % FAULTS.len()], back_in);
    }
    each_name_server_has_its_own_entry(&servers);
}

/// Whoever asks a name server for itself gets the one that he asked, and everything else is the same at all of them.
fn each_name_server_has_its_own_entry(servers: &Servers<'_>) {
    let mut others = Vec::new();
    for index in 0..SERVERS {
        let nameserver = servers.client(index).unwrap();
        let own = servers.slot(index).as_ref().unwrap().uri().clone();
        assert_eq!(nameserver.lookup("Pyro.NameServer").unwrap(), own);
        let mut all = nameserver.list(&naming::Filter::All).unwrap();
        assert_eq!(all.len(), nameserver.count().unwrap());
        assert_eq!(all.remove("Pyro.NameServer").unwrap().uri, own.to_string());
        let selves = nameserver.list(&naming::Filter::Prefix("Pyro.".into())).unwrap();
        assert_eq!(selves.len(), 1);
        assert!(!nameserver.remove("Pyro.NameServer").unwrap());
        others.push(format!("{all:?}"));
    }
    others.dedup();
    assert_eq!(others.len(), 1);
}

#[test]
fn nothing_acknowledged_is_lost_when_members_and_name_servers_are() {
    // Other tests run at the same time, and elections do not like that.
    rounds(FAULTS.len(), 3 * BACK);
}

/// In full: `cargo nextest run -p ferropyro-nameserver --features etcd --run-ignored only -E 'test(cluster)' --no-capture`
#[test]
#[ignore = "takes ten minutes"]
fn nothing_acknowledged_is_lost_in_a_hundred_rounds() {
    rounds(100, BACK);
}
