//! T20: a name server that is killed in the middle of registrations, again and again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferropyro::naming::Filter;
use ferropyro::{NameServer, Uri};
use rustix::process::Signal;

use crate::Problem;
use crate::server::Server;
use crate::trial::Trial;

const CLIENTS: usize = 4;
/// Names that each client registers, replaces and removes over and over.
const NAMES: usize = 50;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let cycles = trial.either(10_000, 100);
    for form in ["sql", "dbm"] {
        println!("   {form}");
        let folder = tempfile::tempdir()?;
        let spec = format!("{form}:{}", folder.path().join("names").display());
        let clients: Vec<Mutex<Client>> = (0..CLIENTS).map(|number| Mutex::new(Client::new(number))).collect();
        let (acknowledged, mut wrong) = (AtomicUsize::new(0), Vec::new());
        for cycle in 0..cycles {
            let server = Server::of_names(&spec)?;
            let nameserver = NameServer::new(server.proxy()?);
            let found = nameserver.list(&Filter::Prefix("client".to_owned()))?;
            let found: BTreeMap<String, String> = found.into_iter().map(|(name, it)| (name, it.uri)).collect();
            for client in &clients {
                let client = &mut client.lock().map_err(|_| "a client panicked")?;
                wrong.extend(
                    client
                        .compare(&found)
                        .into_iter()
                        .map(|text| format!("cycle {cycle}: {text}")),
                );
            }
            if !wrong.is_empty() {
                break;
            }
            work_until_killed(&server, &clients, &acknowledged)?;
            if cycle % 500 == 499 {
                trial.note(format_args!("{} cycles", cycle + 1));
            }
        }
        let acknowledged = acknowledged.into_inner();
        trial.expect(
            wrong.is_empty(),
            format_args!("{cycles} kills, {acknowledged} acknowledged changes, none is lost or undone {wrong:?}"),
        );
        trial.expect(acknowledged > cycles * 10, "there was work to lose");
    }
    Ok(())
}

fn work_until_killed(server: &Server, clients: &[Mutex<Client>], acknowledged: &AtomicUsize) -> Result<(), Problem> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in clients {
            let is_over = &is_over;
            scope.spawn(move || {
                let Ok(mut client) = client.lock() else { return };
                let Ok(proxy) = server.proxy() else { return };
                client.work(&NameServer::new(proxy), is_over, acknowledged);
            });
        }
        // Any moment is as good as another one.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        thread::sleep(Duration::from_millis(20) + Duration::from_micros(u64::from(now.subsec_nanos()) % 40_000));
        let killed = server.process().signal(Signal::KILL);
        is_over.store(true, Ordering::Relaxed);
        killed
    })
}

/// One client, and what it knows.
struct Client {
    number: usize,
    step: usize,
    /// What each of its names stands for, as far as that was acknowledged.
    known: BTreeMap<String, String>,
    /// The change that was not acknowledged when the server went.
    pending: Option<(String, Option<String>)>,
}

impl Client {
    fn new(number: usize) -> Client {
        Client {
            number,
            step: 0,
            known: BTreeMap::new(),
            pending: None,
        }
    }

    fn work(&mut self, nameserver: &NameServer, is_over: &AtomicBool, acknowledged: &AtomicUsize) {
        while !is_over.load(Ordering::Relaxed) {
            self.step += 1;
            let name = format!("client{}.{}", self.number, self.step * 7 % NAMES);
            let uri: Option<Uri> = match self.step % 4 {
                0 => None,
                _ => format!("PYRO:object{}@127.0.0.1:{}", self.step, 1000 + self.number)
                    .parse()
                    .ok(),
            };
            self.pending = Some((name.clone(), uri.as_ref().map(Uri::to_string)));
            let done = match &uri {
                Some(uri) => nameserver.register(&name, uri),
                None => nameserver.remove(&name).map(drop),
            };
            if done.is_err() {
                return;
            }
            self.pending = None;
            acknowledged.fetch_add(1, Ordering::Relaxed);
            match uri {
                Some(uri) => _ = self.known.insert(name, uri.to_string()),
                None => _ = self.known.remove(&name),
            }
        }
    }

    /// What is otherwise than it was acknowledged. Then takes over what is there.
    fn compare(&mut self, found: &BTreeMap<String, String>) -> Vec<String> {
        let pending = self.pending.take();
        let mut wrong = Vec::new();
        for number in 0..NAMES {
            let name = format!("client{}.{number}", self.number);
            let (is, was) = (found.get(&name), self.known.get(&name));
            let may_be = pending.as_ref().filter(|(pending, _)| *pending == name);
            if is != was && may_be.is_none_or(|(_, new)| is != new.as_ref()) {
                wrong.push(format!("{name} is {is:?}, not {was:?} or {may_be:?}"));
            }
            match is {
                Some(uri) => _ = self.known.insert(name, uri.clone()),
                None => _ = self.known.remove(&name),
            }
        }
        wrong
    }
}
