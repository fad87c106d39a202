//! Iterators of the server, item by item.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ferropyro::{Config, ErrorKind, ItemStream, Items, Proxy, Result, Value, expose, remote};

use super::support::{DIALECTS, Watch, worker};
use crate::server;

// Conformance: SER-05
#[test]
fn an_iterator_of_the_server_is_one_here_in_every_serializer() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let items: Items<i64> = proxy.call("count", (5,))?;
        assert_eq!(items.collect::<Result<Vec<i64>>>()?, [1, 2, 3, 4, 5]);
        let none: Items<i64> = proxy.call("count", (0,))?;
        assert_eq!(none.count(), 0);
    }
    Ok(())
}

// Conformance: SER-05
#[test]
fn items_are_asked_for_when_they_are_wanted_and_not_before() -> Result<()> {
    let watch = worker(Config::default())?;
    for (round, dialect) in DIALECTS.into_iter().enumerate() {
        let proxy = watch.proxy(dialect)?;
        let before = watch.worker.asked();
        assert_eq!(before, round * 4);
        let mut items: Items<i64> = proxy.call("count", (3,))?;
        assert_eq!(watch.worker.asked(), before);
        for number in 1..=3 {
            assert_eq!(items.next().expect("an item")?, number);
            assert_eq!(watch.worker.asked(), before + number as usize);
        }
        assert!(items.next().is_none());
        assert!(items.next().is_none(), "it is over for good");
        assert_eq!(watch.worker.asked(), before + 4);
    }
    Ok(())
}

#[test]
fn other_calls_may_be_made_between_two_items() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[1])?;
    let mut first: Items<i64> = proxy.call("count", (2,))?;
    let mut second: Items<i64> = proxy.call("count", (2,))?;
    assert_eq!(first.next().expect("an item")?, 1);
    assert_eq!(second.next().expect("an item")?, 1);
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    assert_eq!(first.next().expect("an item")?, 2);
    assert_eq!(second.next().expect("an item")?, 2);
    assert!(first.next().is_none() && second.next().is_none());
    Ok(())
}

#[test]
fn an_exception_of_the_iterator_is_its_last_item() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let mut items: Items<i64> = proxy.call("count_and_raise", ("ValueError",))?;
        assert_eq!(items.next().expect("an item")?, 1);
        assert_eq!(items.next().expect("an item")?, 2);
        let error = items.next().expect("an error").unwrap_err();
        assert_eq!(error.to_string(), "ValueError: that is all");
        assert!(items.next().is_none());
    }
    Ok(())
}

#[test]
fn what_a_generator_gave_back_can_be_read_at_its_end() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[0])?;
    let mut items: Items<i64> = proxy.call("count_and_raise", ("StopIteration",))?;
    assert_eq!(items.by_ref().collect::<Result<Vec<i64>>>()?, [1, 2]);
    assert_eq!(*items.return_value(), Value::from("that is all"));
    Ok(())
}

// Conformance: SER-05
#[test]
fn a_stream_that_is_dropped_before_its_end_is_dropped_in_the_server() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        let (_, connection): (u16, u64) = proxy.call("whoami", ())?;
        let mut items: Items<i64> = proxy.call("count", (1000,))?;
        assert_eq!(items.next().expect("an item")?, 1);
        drop(items);
        watch.dropped.recv().expect("the server drops the iterator");
        proxy.call::<Items<i64>>("count", (1000,))?.close();
        watch.dropped.recv().expect("the server drops the iterator");
        assert_eq!(proxy.call::<(u16, u64)>("whoami", ())?.1, connection);
    }
    Ok(())
}

#[test]
fn streams_that_are_dropped_while_their_proxy_is_in_a_call_are_closed_after_it_over_the_same_connection() -> Result<()>
{
    const STREAMS: usize = 60;
    for dialect in DIALECTS {
        let watch = worker(Config::default())?;
        let proxy = watch.proxy(dialect)?;
        let streams: Vec<Items<i64>> = (0..STREAMS)
            .map(|_| proxy.call("count", (1000,)))
            .collect::<Result<_>>()?;
        thread::scope(|scope| {
            let waiting = scope.spawn(|| proxy.call::<()>("wait", ()));
            watch.arrived.recv().expect("the call has begun");
            drop(streams);
            watch.worker.open();
            waiting.join().expect("no panic")
        })?;
        await_drops(&watch, STREAMS);
        let (seq, connection): (u16, u64) = proxy.call("whoami", ())?;
        assert_eq!(usize::from(seq), STREAMS + 1 + STREAMS + 1);
        let (_, next): (u16, u64) = proxy.clone().call("whoami", ())?;
        assert_eq!(next, connection + 1, "there was no other connection");
    }
    Ok(())
}

/// As many as were made; nothing else has to be done with the proxy for that.
fn await_drops(watch: &Watch, count: usize) {
    for _ in 0..count {
        let dropped = watch.dropped.recv_timeout(Duration::from_secs(20));
        dropped.expect("the server drops the iterator");
    }
}

#[test]
fn no_stream_is_forgotten_however_calls_and_drops_mix() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        for _ in 0..300 {
            let streams: [Items<i64>; 2] = [proxy.call("count", (3,))?, proxy.call("count", (3,))?];
            thread::scope(|scope| {
                scope.spawn(|| proxy.call::<i64>("add", (1, 2)));
                for stream in streams {
                    scope.spawn(|| drop(stream));
                }
            });
            await_drops(&watch, 2);
        }
    }
    Ok(())
}

#[test]
fn streams_that_are_dropped_while_a_call_loses_the_connection_are_forgotten() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = Proxy::builder()
        .timeout(Duration::from_secs(1))
        .build(watch.uri.clone())?;
    let items: Items<i64> = proxy.call("count", (1000,))?;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| proxy.call::<()>("wait", ()));
        watch.arrived.recv().expect("the call has begun");
        drop(items);
        let error = waiting.join().expect("no panic").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    });
    watch.worker.open();
    assert!(!proxy.is_connected());
    assert_eq!(
        proxy.call::<(u16, u64)>("whoami", ())?.0,
        3,
        "nothing was sent in between"
    );
    Ok(())
}

#[test]
fn dropping_a_stream_makes_no_connection() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[1])?;
    let items: Items<i64> = proxy.call("count", (1000,))?;
    proxy.release();
    drop(items);
    assert!(!proxy.is_connected());
    Ok(())
}

// Conformance: SER-05
#[test]
fn a_stream_goes_on_over_a_new_connection() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        let mut items: Items<i64> = proxy.call("count", (3,))?;
        for number in 1..=3 {
            assert_eq!(items.next().expect("an item")?, number);
            proxy.release();
        }
        assert!(items.next().is_none());
    }
    Ok(())
}

#[test]
fn a_lost_connection_is_an_error_and_not_the_end() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[1])?;
    let mut items: Items<i64> = proxy.call("count", (3,))?;
    watch.daemon.stop();
    for _ in 0..3 {
        let error = items.next().expect("an error").unwrap_err();
        assert!(error.is_a(ErrorKind::Communication), "{error}");
    }
    Ok(())
}

/// Gives items, the second of which waits for a word.
struct Press(Mutex<Option<Receiver<()>>>);

#[expose]
impl Press {
    pub fn pages(&self) -> ItemStream {
        let go_on = self.0.lock().expect("no panic").take();
        ItemStream::new((1..=4).inspect(move |&page| {
            let _ = page == 2 && go_on.as_ref().is_some_and(|go_on| go_on.recv().is_ok());
        }))
    }
}

#[test]
fn an_item_that_times_out_is_lost_and_those_after_it_can_be_asked_for_when_it_is_done() -> Result<()> {
    for dialect in DIALECTS {
        let (word, go_on) = channel();
        let daemon = server::daemon().bind()?;
        let uri = daemon.register("press", Press(Mutex::new(Some(go_on))))?;
        let _running = daemon.start();
        let builder = Proxy::builder().dialect(dialect).timeout(Duration::from_secs(1));
        let mut pages: Items<i64> = builder.build(uri)?.call("pages", ())?;
        let mut next = || pages.next().map(|page| page.map_err(|error| error.to_string()));
        assert_eq!(next(), Some(Ok(1)));
        assert_eq!(next(), Some(Err("receiving: timeout".to_owned())));
        let busy = Some(Err("ValueError: generator already executing".to_owned()));
        assert_eq!(next(), busy);
        assert_eq!(next(), busy);
        word.send(()).expect("it waits");
        let after = std::iter::from_fn(&mut next).find(|page| page.is_ok());
        assert_eq!(after, Some(Ok(3)));
        assert_eq!(next(), Some(Ok(4)));
        assert_eq!(next(), None);
    }
    Ok(())
}

#[test]
fn items_are_never_asked_for_twice() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = Proxy::builder().max_retries(5).build(watch.uri.clone())?;
    let mut items: Items<i64> = proxy.call("count", (3,))?;
    assert_eq!(items.next().expect("an item")?, 1);
    watch.daemon.stop();
    assert_eq!(
        items.next().expect("an error").unwrap_err().kind(),
        ErrorKind::ConnectionClosed
    );
    Ok(())
}

#[test]
fn an_item_of_another_type_is_an_error_and_the_next_one_comes() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let items: Items<String> = proxy.call("count", (3,))?;
        let errors: Vec<_> = items.map(|item| item.unwrap_err().kind()).collect();
        assert_eq!(errors, [ErrorKind::Serialize; 3]);
        assert!(proxy.is_connected());
    }
    Ok(())
}

#[test]
fn a_stream_that_is_not_asked_for_as_one_is_closed_and_told_of() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        let error = proxy.call::<Vec<i64>>("count", (1000,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        assert!(error.message().contains("take it as `Items<...>`"), "{error}");
        watch.dropped.recv().expect("the server drops the iterator");
        assert!(proxy.is_connected());
    }
    Ok(())
}

#[test]
fn a_value_is_no_stream() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[0])?;
    let error = proxy.call::<Items<i64>>("add", (1, 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Type);
    let error = proxy.call::<Items<i64>>("forget", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Type);
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    Ok(())
}

#[test]
fn a_server_without_streaming_is_told_of_in_the_words_of_pyro() -> Result<()> {
    let watch = worker(Config::default().iter_streaming(false))?;
    for dialect in DIALECTS {
        let error = watch.proxy(dialect)?.call::<Items<i64>>("count", (3,)).unwrap_err();
        let text = "result of call is an iterator, but the server is not configured to allow streaming";
        assert_eq!((error.kind(), error.message()), (ErrorKind::Protocol, text));
    }
    Ok(())
}

#[remote]
trait Counting {
    fn count(&self, to: i64) -> Result<Items<i64>>;
    #[remote(get)]
    fn items(&self) -> Result<Items<String>>;
}

#[test]
fn typed_clients_give_streams_of_methods_and_attributes() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let client = CountingClient::new(watch.proxy(dialect)?);
        assert_eq!(client.count(4)?.sum::<Result<i64>>()?, 10);
        assert_eq!(client.items()?.collect::<Result<Vec<_>>>()?, ["one", "two"]);
    }
    Ok(())
}
