use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ferropyro::{Config, DAEMON_ID, ItemStream, Items, Proxy, Result, RunningDaemon, Uri, expose};

use super::support::{DIALECTS, Events, Teller, Thing, events, proxy};
use crate::server;

/// Iterators that tell when they are dropped.
struct Fountain {
    teller: Teller,
    /// Where an item waits for somebody else.
    gate: Arc<Barrier>,
}

#[expose]
impl Fountain {
    pub fn drops(&self, count: u64) -> ItemStream {
        let thing = Thing::new("stream", &self.teller);
        ItemStream::new((0..count).inspect(move |_| assert_eq!(thing.name, "stream")))
    }

    /// Each item begins, and comes when somebody opens the gate.
    pub fn slow_drops(&self) -> ItemStream {
        let (thing, teller, gate) = (
            Thing::new("slow stream", &self.teller),
            self.teller.clone(),
            Arc::clone(&self.gate),
        );
        ItemStream::new((0..10_u64).inspect(move |_| {
            assert_eq!(thing.name, "slow stream");
            teller.tell("an item begins");
            gate.wait();
        }))
    }

    pub fn open(&self) {
        self.gate.wait();
    }
}

fn fountain(config: Config) -> Result<(RunningDaemon, Uri, Events)> {
    let (teller, hears) = events();
    let daemon = server::daemon().config(config).bind()?;
    let fountain = Fountain {
        teller,
        gate: Arc::new(Barrier::new(2)),
    };
    let uri = daemon.register("fountain", fountain)?;
    Ok((daemon.start(), uri, hears))
}

// Conformance: SER-05
#[test]
fn a_stream_is_dropped_with_its_items_in_rust_and_at_its_end() -> Result<()> {
    let (daemon, uri, hears) = fountain(Config::default())?;
    for dialect in DIALECTS {
        let client = proxy(&uri, dialect)?;
        let items: Items<u64> = client.call("drops", (1_000_000,))?;
        assert_eq!(daemon.statistics().streams, 1);
        drop(items);
        assert_eq!(hears.next(), "dropped stream");
        let mut items: Items<u64> = client.call("drops", (2,))?;
        assert_eq!(items.by_ref().collect::<Result<Vec<_>>>()?, [0, 1]);
        assert_eq!(hears.next(), "dropped stream");
        assert!(items.next().is_none());
        client.call::<Items<u64>>("drops", (5,))?.close();
        assert_eq!(hears.next(), "dropped stream");
        assert_eq!(daemon.statistics().streams, 0);
    }
    assert!(hears.so_far().is_empty());
    Ok(())
}

// Conformance: SER-05
#[test]
fn a_lost_stream_lingers_and_then_goes() -> Result<()> {
    let config = Config::default()
        .iter_stream_linger(Duration::from_millis(100))
        .polltimeout(Duration::from_millis(50));
    let (daemon, uri, hears) = fountain(config)?;
    let client = Proxy::new(uri)?;
    let mut items: Items<u64> = client.call("drops", (10,))?;
    assert_eq!(items.next().transpose()?, Some(0));
    client.release();
    assert_eq!(hears.next(), "dropped stream");
    assert_eq!(daemon.statistics().streams, 0);
    let error = items.next().transpose().unwrap_err();
    assert_eq!(error.to_string(), "PyroError: item stream terminated");
    assert!(items.next().is_none());
    Ok(())
}

// Conformance: SER-05
#[test]
fn streams_go_when_the_daemon_does() -> Result<()> {
    let (daemon, uri, hears) = fountain(Config::default())?;
    let client = Proxy::new(uri)?;
    let _items: Items<u64> = client.call("drops", (10,))?;
    daemon.stop();
    assert_eq!(hears.next(), "dropped stream");
    Ok(())
}

#[test]
fn a_stream_makes_one_item_at_a_time_and_may_be_closed_in_its_midst() -> Result<()> {
    let (daemon, uri, hears) = fountain(Config::default())?;
    let other = Proxy::new(daemon.uri_for(DAEMON_ID)?)?;
    let client = Proxy::new(&uri)?;
    let mut items: Items<u64> = client.call("slow_drops", ())?;
    let shown = format!("{items:?}");
    let id = shown.trim_start_matches("Items(").trim_end_matches(')').to_owned();
    thread::scope(|scope| -> Result<()> {
        let asks = scope.spawn(|| items.next());
        assert_eq!(hears.next(), "an item begins");
        let error = other.call::<u64>("get_next_stream_item", (&id,)).unwrap_err();
        assert_eq!(error.to_string(), "ValueError: generator already executing");
        other.call::<()>("close_stream", (&id,))?;
        assert_eq!(daemon.statistics().streams, 0);
        Proxy::new(&uri)?.call::<()>("open", ())?;
        assert!(matches!(asks.join(), Ok(Some(Ok(0)))));
        Ok(())
    })?;
    assert_eq!(hears.next(), "dropped slow stream");
    let error = items.next().transpose().unwrap_err();
    assert_eq!(error.to_string(), "PyroError: item stream terminated");
    Ok(())
}
