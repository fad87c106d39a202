//! Iterators of the server, item by item.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::{Config, ErrorKind, FromReply, Items, Proxy, Result, Serializer, Value, aio};
use futures_core::Stream;

use super::support::{DIALECTS, Watch, worker};
use super::tools::{arrived, give_up_after, proxies, proxy, with};

async fn collect<T: FromReply + Send + 'static>(mut items: aio::Items<T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        all.push(item?);
    }
    Ok(all)
}

#[tokio::test]
async fn an_iterator_of_the_server_is_one_here_in_every_serializer() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        assert_eq!(collect::<i64>(proxy.call("count", (5,)).await?).await?, [1, 2, 3, 4, 5]);
        assert_eq!(collect::<i64>(proxy.call("count", (0,)).await?).await?, [0; 0]);
        assert_eq!(collect::<String>(proxy.get("items").await?).await?, ["one", "two"]);
    }
    Ok(())
}

#[tokio::test]
async fn items_are_a_stream() -> Result<()> {
    let watch = worker(Config::default())?;
    let mut items: aio::Items<i64> = proxy(&watch, DIALECTS[1])?.call("count", (3,)).await?;
    for number in 1..=3 {
        let item = std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await;
        assert_eq!(item.expect("an item")?, number);
        assert_eq!(watch.worker.asked(), number as usize);
    }
    for _ in 0..2 {
        assert!(
            std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx))
                .await
                .is_none()
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_exception_of_the_iterator_is_its_last_item() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        let mut items: aio::Items<i64> = proxy.call("count_and_raise", ("ValueError",)).await?;
        assert_eq!(items.next().await.expect("an item")?, 1);
        assert_eq!(items.next().await.expect("an item")?, 2);
        let error = items.next().await.expect("an error").unwrap_err();
        assert_eq!(error.to_string(), "ValueError: that is all");
        assert!(items.next().await.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn what_a_generator_gave_back_can_be_read_at_its_end() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = proxy(&watch, DIALECTS[0])?;
    let mut items: aio::Items<i64> = proxy.call("count_and_raise", ("StopIteration",)).await?;
    while items.next().await.transpose()?.is_some() {}
    assert_eq!(*items.return_value(), Value::from("that is all"));
    Ok(())
}

/// As many iterators are dropped in the server; nothing else has to be done with the proxy for that.
async fn await_drops(watch: Watch, count: usize) -> Watch {
    let wait = move |watch: &Watch| {
        for _ in 0..count {
            let dropped = watch.dropped.recv_timeout(Duration::from_secs(20));
            dropped.expect("the server drops the iterator");
        }
    };
    with(watch, wait).await
}

#[tokio::test]
async fn a_stream_that_is_dropped_before_its_end_is_dropped_in_the_server() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        let mut items: aio::Items<i64> = proxy.call("count", (1000,)).await?;
        assert_eq!(items.next().await.expect("an item")?, 1);
        drop(items);
        watch = await_drops(watch, 1).await;
        proxy.call::<aio::Items<i64>>("count", (1000,)).await?.close();
        watch = await_drops(watch, 1).await;
        // As well where there is no runtime.
        let items: aio::Items<i64> = proxy.call("count", (1000,)).await?;
        std::thread::spawn(move || drop(items)).join().expect("no panic");
        watch = await_drops(watch, 1).await;
        assert_eq!(proxy.call::<(u16, u64)>("whoami", ()).await?.1, connection);
    }
    Ok(())
}

#[tokio::test]
async fn streams_that_are_dropped_while_their_proxy_is_in_a_call_are_closed_after_it_over_the_same_connection()
-> Result<()> {
    const STREAMS: usize = 60;
    for dialect in DIALECTS {
        let mut watch = worker(Config::default())?;
        let proxy = Arc::new(proxy(&watch, dialect)?);
        let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        let mut streams: Vec<aio::Items<i64>> = Vec::new();
        for _ in 0..STREAMS {
            streams.push(proxy.call("count", (1000,)).await?);
        }
        let waiting = tokio::spawn({
            let proxy = Arc::clone(&proxy);
            async move { proxy.call::<()>("wait", ()).await }
        });
        watch = arrived(watch).await;
        drop(streams);
        watch.worker.open();
        waiting.await.expect("no panic")?;
        let _watch = await_drops(watch, STREAMS).await;
        let (seq, same): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!((usize::from(seq), same), (1 + STREAMS + 1 + STREAMS + 1, connection));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_stream_is_forgotten_however_calls_and_drops_mix() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = Arc::new(proxy(&watch, dialect)?);
        for round in 0..200 {
            let streams: [aio::Items<i64>; 2] = [proxy.call("count", (3,)).await?, proxy.call("count", (3,)).await?];
            let calls = (0..2).map(|_| {
                let proxy = Arc::clone(&proxy);
                tokio::spawn(async move { proxy.call::<i64>("add", (1, 2)).await })
            });
            let calls: Vec<_> = calls.collect();
            let drops = streams.map(|stream| tokio::spawn(async move { drop(stream) }));
            // A call that leaves the queue again must not take the message of a dropped stream along.
            let _ = give_up_after(round % 2, proxy.is_connected()).await;
            for call in calls {
                call.await.expect("no panic")?;
            }
            for dropped in drops {
                dropped.await.expect("no panic");
            }
            watch = await_drops(watch, 2).await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn dropping_a_stream_makes_no_connection() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = proxy(&watch, DIALECTS[1])?;
    let items: aio::Items<i64> = proxy.call("count", (1000,)).await?;
    proxy.release().await;
    drop(items);
    assert!(!proxy.is_connected().await);
    Ok(())
}

#[tokio::test]
async fn a_stream_goes_on_over_a_new_connection() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        let mut items: aio::Items<i64> = proxy.call("count", (3,)).await?;
        for number in 1..=3 {
            assert_eq!(items.next().await.expect("an item")?, number);
            proxy.release().await;
        }
        assert!(items.next().await.is_none());
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_not_the_end() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = aio::Proxy::builder().max_retries(5).build_async(watch.uri.clone())?;
    let mut items: aio::Items<i64> = proxy.call("count", (3,)).await?;
    watch.daemon.stop();
    let error = items.next().await.expect("an error").unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::ConnectionClosed,
        "items are never asked for twice"
    );
    for _ in 0..2 {
        let error = items.next().await.expect("an error").unwrap_err();
        assert!(error.is_a(ErrorKind::Communication), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn an_item_of_another_type_is_an_error_and_the_next_one_comes() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        let mut items: aio::Items<String> = proxy.call("count", (3,)).await?;
        for _ in 0..3 {
            let error = items.next().await.expect("an error").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Serialize);
        }
        assert!(items.next().await.is_none());
        assert!(proxy.is_connected().await);
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_not_asked_for_as_one_is_closed_and_told_of() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        let error = proxy.call::<Vec<i64>>("count", (1000,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        assert!(error.message().contains("take it as `Items<...>`"), "{error}");
        watch = await_drops(watch, 1).await;
        // The streams of the two sorts of proxies are two sorts.
        let error = proxy.call::<Items<i64>>("count", (1000,)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        assert!(error.message().contains("aio::Items"), "{error}");
        watch = await_drops(watch, 1).await;
        let blocking = Proxy::builder().dialect(dialect).build(watch.uri.clone())?;
        let error = blocking.call::<aio::Items<i64>>("count", (1000,)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        watch = await_drops(watch, 1).await;
        assert!(proxy.is_connected().await);
        let error = proxy.call::<aio::Items<i64>>("add", (1, 2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        let error = proxy.call::<aio::Items<i64>>("forget", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_can_be_anything() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = proxy(&watch, DIALECTS[0])?;
    let aio::AnyReply::Value(value) = proxy.call("add", (1, 2)).await? else {
        panic!("no value")
    };
    assert_eq!(value, Value::from(3));
    let aio::AnyReply::Items(items) = proxy.call("count", (2,)).await? else {
        panic!("no items")
    };
    assert_eq!(collect(items).await?, [Value::from(1), Value::from(2)]);
    Ok(())
}

#[tokio::test]
async fn a_reply_can_be_anything_and_stay_serialized() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = aio::Proxy::builder()
        .serializer(Serializer::Json)
        .build_async(watch.uri.clone())?;
    let aio::AnyRawReply::Value(value) = proxy.call("add", (1, 2)).await? else {
        panic!("no value")
    };
    assert_eq!(
        (value.serializer, value.bytes.as_slice()),
        (Serializer::Json, &b"3"[..])
    );
    let aio::AnyRawReply::Items(items) = proxy.call("count", (2,)).await? else {
        panic!("no items")
    };
    let texts: Vec<Vec<u8>> = collect(items).await?.into_iter().map(|item| item.bytes).collect();
    assert_eq!(texts, [b"1", b"2"]);
    // An exception is an error, not a value.
    assert!(proxy.call::<aio::AnyRawReply>("add", (1, "x")).await.is_err());
    Ok(())
}

/// What the async client of a trait calls its results.
#[test]
fn every_reply_has_its_async_form() {
    fn same<A, B: 'static>() -> bool
    where
        A: FromReply,
        A::Aio: 'static,
    {
        std::any::TypeId::of::<A::Aio>() == std::any::TypeId::of::<B>()
    }
    assert!(same::<Vec<i64>, Vec<i64>>());
    assert!(same::<Items<i64>, aio::Items<i64>>());
    assert!(same::<ferropyro::AnyReply, aio::AnyReply>());
    assert!(same::<aio::Items<i64>, aio::Items<i64>>());
}
