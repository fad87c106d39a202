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
            // It is missed when the operations are counted.
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                Came::Nothing
            }
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
    let rate = f64::from(recorder.count()) / began.elapsed().as_secs_f64();
    let (count, unknown) = recorder.check();
    let line = format!("{kind:?}: {count} operations, {rate:.0} a second, {unknown} unknown");
    let _ = writeln!(std::io::stdout(), "{line}");
    assert_eq!(unknown, 0);
    assert_eq!(count as u64, CLIENTS * each);
}

macro_rules! trials {
    ($($(#[$attribute:meta])* $name:ident: $kind:ident, $times:literal times $each:literal;)*) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            (0..$times).for_each(|_| mixed(Kind::$kind, $each));
        }
    )*};
}

// In full: `cargo nextest run -p ferropyro-nameserver --features etcd --run-ignored only -E 'test(concurrency)' --no-capture`
trials! {
    operations_in_memory_are_in_one_order: Memory, 1 times 1000;
    operations_in_a_file_are_in_one_order: Sql, 1 times 100;
    #[ignore = "takes a minute"]
    operations_in_memory_are_in_one_order_with_ten_thousand_of_each: Memory, 10 times 10_000;
    #[ignore = "takes several minutes"]
    operations_in_a_file_are_in_one_order_with_ten_thousand_of_each: Sql, 10 times 10_000;
}

#[cfg(all(feature = "etcd", unix))]
trials! {
    operations_in_etcd_are_in_one_order: Etcd, 1 times 100;
    #[ignore = "takes an hour"]
    operations_in_etcd_are_in_one_order_with_ten_thousand_of_each: Etcd, 10 times 10_000;
}
