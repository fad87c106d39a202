//! Calls, attributes, batches: what a blocking proxy does, this one does.

use std::sync::{Arc, Mutex};

use ferropyro::{
    Bytes, Config, Dict, Error, ErrorKind, Proxy, Raise, Result, RunningDaemon, Serializer, Uri, Value, aio, expose,
};

use super::support::{DIALECTS, dict, worker};
use super::tools::{arrived, proxies, proxy};
use crate::server;

#[derive(Default)]
struct Lamp(Mutex<i64>);

#[expose]
impl Lamp {
    #[expose(get)]
    pub fn brightness(&self) -> i64 {
        *self.0.lock().expect("no panic")
    }

    #[expose(set)]
    pub fn set_brightness(&self, value: i64) -> std::result::Result<(), Raise> {
        if value < 0 {
            return Err(Raise::new("ValueError", "darker than dark"));
        }
        *self.0.lock().expect("no panic") = value;
        Ok(())
    }

    pub fn myself(&self, value: aio::Proxy) -> aio::Proxy {
        value
    }
}

fn lamp() -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("lamp", Lamp::default())?;
    Ok((daemon.start(), uri))
}

#[tokio::test]
async fn methods_are_called_in_every_dialect_and_serializer() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
        let kwargs = dict([("times", 7)]);
        assert_eq!(proxy.call_with::<String>("echo", ("text",), &kwargs).await?, "text");
        assert_eq!(watch.worker.calls().pop().as_deref(), Some("echo 7"));
        proxy.call::<()>("forget", ()).await?;
        proxy.call_oneway("add", (3, 4)).await?;
        proxy.call_oneway_with("echo", ("text",), &dict([("times", 8)])).await?;
        assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
    }
    Ok(())
}

#[tokio::test]
async fn bytes_are_shown_where_they_have_arrived() -> Result<()> {
    let watch = worker(Config::default())?;
    for serializer in [Serializer::Serpent, Serializer::Marshal, Serializer::Msgpack] {
        let proxy = aio::Proxy::builder()
            .serializer(serializer)
            .build_async(watch.uri.clone())?;
        for size in [0, 1, 1000, 300_000] {
            let data: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let seen = proxy
                .call_bytes("echo", (Bytes::from(data.clone()),), <[u8]>::to_vec)
                .await?;
            assert!(seen == data, "{size} bytes");
        }
        let error = proxy
            .call_bytes("add", (1, 2), <[u8]>::len)
            .await
            .expect_err("a number");
        assert_eq!(error.kind(), ErrorKind::Serialize, "{error}");
        assert!(proxy.is_connected().await);
    }
    Ok(())
}

#[tokio::test]
async fn exceptions_of_the_method_are_errors_and_the_connection_stays() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        let error = proxy.call::<()>("fail", ()).await.unwrap_err();
        let remote = error.as_remote().expect("an exception of the server");
        assert_eq!(remote.class(), "builtins.ZeroDivisionError");
        assert_eq!(remote.attribute("by"), Some(&Value::from("hand")));
        let error = proxy.call::<()>("nonsense", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Attribute);
        assert!(
            error
                .message()
                .ends_with("has no exposed attribute or method 'nonsense'")
        );
        let error = proxy.call::<Vec<String>>("add", (1, 2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
        assert_eq!(proxy.call::<(u16, u64)>("whoami", ()).await?.1, connection);
    }
    Ok(())
}

#[tokio::test]
async fn attributes_are_read_and_set() -> Result<()> {
    let (_daemon, uri) = lamp()?;
    for proxy in proxies(&uri)? {
        proxy.set("brightness", 5).await?;
        assert_eq!(proxy.get::<i64>("brightness").await?, 5);
        let error = proxy.set("brightness", -1).await.unwrap_err();
        assert_eq!(error.to_string(), "ValueError: darker than dark");
        let error = proxy.get::<i64>("colour").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Attribute);
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_knows_what_it_is_connected_to() -> Result<()> {
    let (_daemon, uri) = lamp()?;
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        assert_eq!(format!("{proxy:?}"), format!("aio::Proxy({uri}, not connected)"));
        assert_eq!(proxy.dialect().await?, dialect);
        assert!(proxy.is_connected().await);
        assert_eq!(format!("{proxy:?}"), format!("aio::Proxy({uri}, connected)"));
        let metadata = proxy.metadata().await?;
        assert_eq!(
            (metadata.methods, metadata.attributes),
            (vec!["myself".to_owned()], vec!["brightness".to_owned()])
        );
        assert_eq!(proxy.handshake_answer().await?, Value::from("hello"));
        assert_eq!(proxy.uri(), uri);
    }
    let unknown = aio::Proxy::new(uri)?;
    assert!(DIALECTS.contains(&unknown.dialect().await?));
    Ok(())
}

#[tokio::test]
async fn calls_of_a_batch_are_one_message() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        let (before, _): (u16, u64) = proxy.call("whoami", ()).await?;
        let mut batch = proxy.batch();
        for number in 0..100 {
            batch.call("add", (number, 1000));
        }
        let sums: Vec<i64> = batch.run().await?.all()?;
        assert_eq!(sums, (1000..1100).collect::<Vec<i64>>());
        let mut results = batch
            .call_with("echo", (1,), &dict([("times", 2)]))
            .call("fail", ())
            .call("add", (3, 4))
            .run()
            .await?;
        assert_eq!(results.len(), 2);
        assert_eq!(results.next().expect("a result")?, Value::from(1));
        assert!(results.next().is_some_and(|result| result.is_err()));
        batch.call("add", (1, 1)).run_oneway().await?;
        let (after, _): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!(after, before + 4, "three batches and this call");
    }
    Ok(())
}

#[tokio::test]
async fn arguments_that_cannot_be_sent_are_an_error_and_the_connection_stays() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        proxy.bind().await?;
        let error = proxy.call::<Value>("echo", (Unsendable,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
        let error = proxy
            .batch()
            .call("add", (1, 2))
            .call("echo", (Unsendable,))
            .run()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
        assert!(proxy.is_connected().await);
        assert_eq!(proxy.call::<(u16, u64)>("whoami", ()).await?.0, 1, "nothing was sent");
    }
    Ok(())
}

struct Unsendable;

impl serde::Serialize for Unsendable {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not for others"))
    }
}

#[tokio::test]
async fn proxies_travel_as_arguments_and_results() -> Result<()> {
    let watch = worker(Config::default())?;
    let (_daemon, uri) = lamp()?;
    for proxy in proxies(&uri)? {
        let back: aio::Proxy = proxy.call("myself", (aio::Proxy::new(watch.uri.clone())?,)).await?;
        assert_eq!(back.call::<i64>("add", (1, 2)).await?, 3);
        let back: Proxy = proxy.call("myself", (Proxy::new(watch.uri.clone())?,)).await?;
        assert_eq!(aio::Proxy::from(back).call::<i64>("add", (1, 2)).await?, 3);
        let value: Value = proxy.call("myself", (aio::Proxy::new(watch.uri.clone())?,)).await?;
        assert_eq!(aio::Proxy::try_from(&value)?.uri(), watch.uri);
    }
    Ok(())
}

#[tokio::test]
async fn many_tasks_share_a_proxy_and_each_gets_its_own_answers() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = Arc::new(proxy(&watch, dialect)?);
        let tasks: Vec<_> = (0..50_i64)
            .map(|task| {
                let proxy = Arc::clone(&proxy);
                tokio::spawn(async move {
                    for number in 0..20 {
                        let sum: i64 = proxy.call("add", (task * 1000, number)).await?;
                        assert_eq!(sum, task * 1000 + number);
                    }
                    Ok::<(), Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic")?;
        }
        let (seq, _): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!(seq, 50 * 20 + 1, "over one connection");
    }
    Ok(())
}

#[tokio::test]
async fn calls_queue_in_the_order_in_which_they_come() -> Result<()> {
    let mut watch = worker(Config::default())?;
    let proxy = Arc::new(proxy(&watch, DIALECTS[1])?);
    let call = |number: i64| {
        let proxy = Arc::clone(&proxy);
        async move {
            proxy
                .call_with::<Value>("echo", ((),), &dict([("times", number)]))
                .await
        }
    };
    let first = tokio::spawn({
        let proxy = Arc::clone(&proxy);
        async move { proxy.call::<()>("wait", ()).await }
    });
    watch = arrived(watch).await;
    assert_eq!(format!("{proxy:?}"), format!("aio::Proxy({}, in a call)", watch.uri));
    let queued: Vec<_> = (0..20).map(|number| tokio::spawn(call(number))).collect();
    // Each has come to the queue when it has been polled once, in their order.
    tokio::task::yield_now().await;
    watch.worker.open();
    first.await.expect("no panic")?;
    for task in queued {
        task.await.expect("no panic")?;
    }
    let expected: Vec<String> = (0..20).map(|number| format!("echo {number}")).collect();
    assert_eq!(watch.worker.calls()[2..], expected);
    Ok(())
}

#[test]
fn futures_go_to_other_threads_when_their_arguments_do() {
    fn assert_send<T: Send>(_: &T) {}
    fn assert_send_and_sync<T: Send + Sync>() {}
    assert_send_and_sync::<aio::Proxy>();
    assert_send_and_sync::<aio::Items<i64>>();
    let proxy = aio::Proxy::new("PYRO:a@b:1").expect("a URI");
    // Neither the arguments nor the result may be shared by threads.
    let argument = std::cell::Cell::new(5);
    assert_send(&proxy.call::<Value>("echo", (argument.clone(),)));
    assert_send(&proxy.call_with::<Value>("echo", (argument.clone(),), &Dict::new()));
    assert_send(&proxy.set("name", argument.clone()));
    assert_send(&proxy.get::<Value>("name"));
    assert_send(&proxy.call::<NotSend>("echo", ("borrowed",)));
    assert_send(&proxy.reconnect(1));
    assert_send(&proxy.bind());
    assert_send(&proxy.release());
    assert_send(&proxy.metadata());
    let mut batch = proxy.batch();
    assert_send(&batch.run());
}

#[derive(serde::Deserialize)]
struct NotSend(#[allow(dead_code)] std::marker::PhantomData<*const ()>);

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let proxy = aio::Proxy::new("PYRO:a@127.0.0.1:1").expect("a URI");
    let call = std::pin::pin!(proxy.call::<()>("a", ()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = call.poll(&mut cx) else {
        panic!("it waits")
    };
    assert_eq!(
        result.unwrap_err().message(),
        "an aio::Proxy can only be used in a tokio runtime"
    );
}
