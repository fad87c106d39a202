//! Many calls in one message.

use std::sync::{Arc, Mutex};

use ferropyro::wire::MessageKind;
use ferropyro::{Config, Context, ErrorKind, Proxy, Result, SerializedBlob, Uri, Value, expose};

use super::support::{DIALECTS, dict, worker};
use crate::server;

// Conformance: POOL-11
#[test]
fn a_hundred_calls_are_one_message_with_results_in_order() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let (before, _): (u16, u64) = proxy.call("whoami", ())?;
        let mut batch = proxy.batch();
        for number in 0..100 {
            batch.call("add", (number, 1000));
        }
        let sums: Vec<i64> = batch.run()?.all()?;
        assert_eq!(sums, (1000..1100).collect::<Vec<i64>>());
        let (after, _): (u16, u64) = proxy.call("whoami", ())?;
        assert_eq!(after, before + 2, "the batch and this call");
    }
    Ok(())
}

// Conformance: POOL-11
#[test]
fn the_first_call_that_fails_is_the_last_one() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let before = watch.worker.calls().len();
        let mut results = proxy
            .batch()
            .call("add", (1, 2))
            .call("fail", ())
            .call("add", (3, 4))
            .run()?;
        assert_eq!(results.len(), 2);
        assert_eq!(results.next().expect("a result")?, Value::from(3));
        let error = results.next().expect("an error").unwrap_err();
        let remote = error.as_remote().expect("an exception of the server");
        assert_eq!(remote.class(), "builtins.ZeroDivisionError");
        assert_eq!(remote.attribute("by"), Some(&Value::from("hand")));
        assert!(remote.traceback().contains("fail"), "{}", remote.traceback());
        assert!(results.next().is_none());
        assert_eq!(watch.worker.calls().len(), before + 1);
    }
    Ok(())
}

#[test]
fn all_results_or_the_exception_among_them() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[0])?;
    let results = proxy.batch().call("add", (1, 2)).call("fail", ()).run()?;
    let error = results.all::<i64>().unwrap_err();
    assert_eq!(error.message(), "division by zero");
    let mut results = proxy.batch().call("add", (1, 2)).call("echo", ("text",)).run()?;
    assert_eq!(results.next_as::<i64>().expect("a result")?, 3);
    assert_eq!(
        results.next_as::<i64>().expect("an error").unwrap_err().kind(),
        ErrorKind::Serialize
    );
    assert!(results.next_as::<i64>().is_none());
    Ok(())
}

#[test]
fn a_batch_takes_keyword_arguments_and_can_be_used_again() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        let mut batch = proxy.batch();
        assert_eq!(batch.run()?.count(), 0, "an empty batch has no results");
        batch.call_with("add", (), &dict([("a", 1), ("b", 2)]));
        batch.call_with("echo", ("x",), &dict([("times", 7)]));
        assert_eq!(
            batch.run()?.collect::<Result<Vec<_>>>()?,
            [Value::from(3), Value::from("x")]
        );
        assert_eq!(watch.worker.calls().last().map(String::as_str), Some("echo 7"));
        assert_eq!(batch.run()?.count(), 0);
    }
    Ok(())
}

#[test]
fn names_that_are_not_exposed_fail_the_batch_as_a_whole() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in watch.proxies()? {
        for name in ["_add", "nothing", "a.b"] {
            let error = proxy.batch().call("add", (1, 2)).call(name, ()).run().unwrap_err();
            let remote = error.as_remote().expect("an exception of the server");
            assert_eq!(remote.class(), "builtins.AttributeError", "{name}");
        }
        assert!(proxy.is_connected());
    }
    Ok(())
}

#[test]
fn a_oneway_batch_is_not_waited_for() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = watch.proxy(dialect)?;
        proxy
            .batch()
            .call("wait", ())
            .call("fail", ())
            .call("add", (1, 2))
            .run_oneway()?;
        watch.arrived.recv().expect("the first call");
        watch.worker.open();
        // The server is done with the batch before it takes this call.
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    let calls = watch.worker.calls();
    assert_eq!(calls, ["wait", "waited", "add", "wait", "waited", "add"]);
    Ok(())
}

// Conformance: POOL-11
#[test]
fn a_batch_runs_in_the_background_over_a_connection_of_its_own() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[1])?;
    let result = proxy.batch().call("wait", ()).call("add", (1, 2)).run_in_background()?;
    watch.arrived.recv().expect("the first call");
    assert_eq!(proxy.call::<i64>("add", (3, 4))?, 7);
    assert!(!result.ready());
    watch.worker.open();
    let results = result.value()?;
    assert_eq!(results.collect::<Result<Vec<_>>>()?, [Value::None, Value::from(3)]);
    Ok(())
}

#[test]
fn arguments_that_cannot_be_sent_are_an_error_of_the_batch_and_nothing_is_sent() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = watch.proxy(DIALECTS[0])?;
    let blob = SerializedBlob::new("info", &1)?;
    let error = proxy.batch().call("add", (1, 2)).call("echo", &blob).run().unwrap_err();
    assert_eq!(
        error.message(),
        "if SerializedBlob is used, it must be the only argument"
    );
    assert!(watch.worker.calls().is_empty());
    assert!(!proxy.is_connected());
    Ok(())
}

/// Notes the flags of its calls.
#[derive(Default)]
struct Noting(Mutex<Vec<u16>>);

#[expose]
impl Noting {
    pub fn note(&self, context: &Context) {
        self.0
            .lock()
            .expect("no panic")
            .push(context.flags().to_bits(context.dialect()));
    }
}

#[test]
fn batches_say_what_they_are() -> Result<()> {
    let noting = Arc::new(Noting::default());
    let daemon = server::daemon().bind()?;
    let uri: Uri = daemon.register_shared("noting", noting.clone())?;
    let _running = daemon.start();
    let (kinds, seen) = (Arc::new(Mutex::new(Vec::new())), noting);
    for dialect in DIALECTS {
        let kinds = Arc::clone(&kinds);
        let proxy = Proxy::builder()
            .dialect(dialect)
            .on_response_annotations(move |_, kind| kinds.lock().expect("no panic").push(kind))
            .build(uri.clone())?;
        proxy.batch().call("note", ()).run()?;
        proxy.batch().call("note", ()).run_oneway()?;
        proxy.batch().run()?;
    }
    assert_eq!(*seen.0.lock().expect("no panic"), [8, 12, 8, 12]);
    let kinds = kinds.lock().expect("no panic");
    // Every reply of Pyro4 has annotations, and those of Pyro5 have none here.
    assert_eq!(
        *kinds,
        [MessageKind::CONNECTOK, MessageKind::RESULT, MessageKind::RESULT]
    );
    Ok(())
}
