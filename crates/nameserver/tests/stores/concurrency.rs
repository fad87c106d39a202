//! T25 of the limits: 64 clients on ten names, and whether what they saw fits one order.

use std::io::Write;
use std::thread;
use std::time::Instant;

use ferropyro::Result;
use ferropyro_nameserver::store::Store;

use crate::behaviour::entry;
use crate::linear::State;
use crate::places::{Kind, Place};
use crate::recorder::{Book, Came, Recorder, chance, uri, value};

const CLIENTS: u64 = 64;

struct Direct<'s>(&'s dyn Store);

impl<T> From<Result<T>> for Came<T> {
    fn from(result: Result<T>) -> Came<T> {
        match result {
            Ok(answer) => Came::Of(answer),
            Err(error) if error.message().contains("it is not known") => Came::Unknown,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Book for Direct<'_> {
    fn lookup(&self, name: &str) -> Came<State> {
        let found = self.0.get(name);
        found
            .map(|found| found.map(|entry| value(&entry.uri, &entry.tags)))
            .into()
    }

    fn register(&self, name: &str, (number, _): (u32, u32)) -> Came<bool> {
        self.0.put(name, entry(&uri(number), &[]), true).into()
    }

    fn set_tags(&self, name: &str, tags: u32) -> Came<bool> {
        self.0.set_tags(name, [tags.to_string()].into()).into()
    }

    fn remove(&self, name: &str) -> Came<bool> {
        self.0.remove(&[name]).map(|count| count == 1).into()
    }
}

fn mixed(kind: Kind, each: u64) {
    let Some(place) = Place::find(kind) else { return };
    let store = place.open();
    let recorder = Recorder::new();
    let began = Instant::now();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (store, recorder) = (&store, &recorder);
            scope.spawn(move || {
                for (_, number) in (0..each).zip(chance(client)) {
                    let name = format!("name{}", number % 10);
                    recorder.act(&Direct(&**store), &name, number / 16);
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    let (count, unknown) = recorder.check();
    let _ = writeln!(
        std::io::stdout(),
        "{kind:?}: {count} operations, {:.0} a second, {unknown} unknown",
        count as f64 / took
    );
    assert_eq!(unknown, 0);
    assert_eq!(count as u64, CLIENTS * each);
}

macro_rules! trials {
    ($($name:ident: $kind:ident, $each:literal;)*) => {$(
        #[test]
        fn $name() {
            mixed(Kind::$kind, $each);
        }
    )*};
}

trials! {
    operations_in_memory_are_in_one_order: Memory, 1000;
    operations_in_a_file_are_in_one_order: Sql, 100;
}

#[cfg(all(feature = "etcd", unix))]
trials! {
    operations_in_etcd_are_in_one_order: Etcd, 100;
}

/// In full: `cargo nextest run -p ferropyro-nameserver --features etcd --run-ignored only -E 'test(concurrency)' --no-capture`
#[test]
#[ignore = "takes several minutes"]
fn operations_are_in_one_order_ten_times_with_ten_thousand_of_each_client() {
    for _ in 0..10 {
        mixed(Kind::Memory, 10_000);
        mixed(Kind::Sql, 10_000);
        #[cfg(all(feature = "etcd", unix))]
        mixed(Kind::Etcd, 10_000);
    }
}
