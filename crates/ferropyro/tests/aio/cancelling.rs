//! Calls that are given up: at each point the next call is right.

use std::sync::Arc;

use ferropyro::{Bytes, Config, Result, Uri, aio};

use super::support::{DIALECTS, Watch, worker};
use super::tools::{arrived, dripping, give_up_after, proxy};

/// Gives a call up after one poll, two polls, and so on until it is not given up any more, and makes another one each time. The way to the daemon is the
/// one of this URI. Gives how often a call was given up.
async fn sweep(
    watch: &Watch,
    uri: &Uri,
    prepare: impl AsyncFn(&aio::Proxy) -> Result<()>,
    large: usize,
) -> Result<usize> {
    let mut given_up = 0;
    for dialect in DIALECTS {
        for polls in 0.. {
            let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
            prepare(&proxy).await?;
            let first = Bytes::from(vec![polls as u8; large]);
            let result = give_up_after(polls, proxy.call::<Bytes>("echo", (&first,))).await;
            let next: String = proxy.call("echo", (format!("after {polls}"),)).await?;
            assert_eq!(next, format!("after {polls}"));
            assert_eq!(proxy.call::<i64>("add", (polls, 1)).await?, polls as i64 + 1);
            if let Some(result) = result {
                assert_eq!(result?, first);
                break;
            }
            given_up += 1;
        }
    }
    assert!(watch.worker.calls().len() > given_up);
    Ok(given_up)
}

#[tokio::test]
async fn a_call_can_be_given_up_at_any_point_and_the_next_one_is_right() -> Result<()> {
    let watch = worker(Config::default())?;
    let given_up = sweep(&watch, &watch.uri, async |proxy| proxy.bind().await, 1).await?;
    assert!(given_up > 0);
    Ok(())
}

#[tokio::test]
async fn a_first_call_can_be_given_up_at_any_point_of_connecting() -> Result<()> {
    let watch = worker(Config::default())?;
    let given_up = sweep(&watch, &watch.uri, async |_| Ok(()), 1).await?;
    assert!(given_up > 2, "{given_up}");
    Ok(())
}

#[tokio::test]
async fn a_call_can_be_given_up_between_any_two_bytes_of_its_answer() -> Result<()> {
    let watch = worker(Config::default())?;
    let uri = dripping(&watch);
    let given_up = sweep(&watch, &uri, async |proxy| proxy.bind().await, 1).await?;
    assert!(given_up > 4, "{given_up}");
    sweep(&watch, &uri, async |_| Ok(()), 1).await?;
    Ok(())
}

#[tokio::test]
async fn a_call_can_be_given_up_while_its_arguments_are_sent() -> Result<()> {
    let watch = worker(Config::default())?;
    let given_up = sweep(&watch, &watch.uri, async |proxy| proxy.bind().await, 6 << 20).await?;
    assert!(given_up > 4, "{given_up}");
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_given_up_in_the_queue_was_never_there() -> Result<()> {
    for dialect in DIALECTS {
        let watch = worker(Config::default())?;
        let proxy = Arc::new(proxy(&watch, dialect)?);
        let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        let first = tokio::spawn({
            let proxy = Arc::clone(&proxy);
            async move { proxy.call::<()>("wait", ()).await }
        });
        let watch = arrived(watch).await;
        // Nobody wakes them up before it is their turn, so there is no second poll.
        for polls in 0..=1 {
            assert!(give_up_after(polls, proxy.call::<i64>("add", (1, 2))).await.is_none());
            assert!(give_up_after(polls, proxy.bind()).await.is_none());
            assert!(give_up_after(polls, proxy.release()).await.is_none());
            assert!(
                give_up_after(polls, proxy.batch().call("add", (1, 2)).run())
                    .await
                    .is_none()
            );
        }
        watch.worker.open();
        first.await.expect("no panic")?;
        let (seq, same): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!((seq, same), (3, connection), "this is the third call of the connection");
        assert_eq!(watch.worker.calls(), ["wait", "waited"]);
    }
    Ok(())
}

#[tokio::test]
async fn items_that_are_given_up_are_not_lost() -> Result<()> {
    let watch = worker(Config::default())?;
    for (dialect, uri) in DIALECTS.into_iter().zip([watch.uri.clone(), dripping(&watch)]) {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri)?;
        let mut items: aio::Items<i64> = proxy.call("count", (200,)).await?;
        let mut seen = Vec::new();
        for polls in (0..5).cycle() {
            match give_up_after(polls, items.next()).await {
                None => {
                    // Others may use the connection meanwhile.
                    assert_eq!(proxy.call::<i64>("add", (polls, 1)).await?, polls as i64 + 1);
                }
                Some(Some(item)) => seen.push(item?),
                Some(None) => break,
            }
        }
        assert_eq!(seen, (1..=200).collect::<Vec<i64>>());
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_can_be_dropped_at_any_point_of_an_item() -> Result<()> {
    let watch = worker(Config::default())?;
    for uri in [watch.uri.clone(), dripping(&watch)] {
        for dialect in DIALECTS {
            for polls in 0..40 {
                let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
                let mut items: aio::Items<i64> = proxy.call("count", (1000,)).await?;
                let item = give_up_after(polls, items.next()).await;
                assert!(item.is_none_or(|item| item.is_some_and(|item| item.is_ok_and(|item| item == 1))));
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                }
                drop(items);
                let answer: usize = proxy.call("echo", (polls,)).await?;
                assert_eq!(answer, polls);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_connects_can_be_given_up_at_any_point() -> Result<()> {
    let watch = worker(Config::default())?;
    let uri = dripping(&watch);
    for polls in 0.. {
        let proxy = aio::Proxy::new(uri.clone())?;
        let done = give_up_after(polls, async {
            proxy.bind().await?;
            proxy.reconnect(3).await?;
            proxy.metadata().await.map(drop)
        })
        .await;
        assert_eq!(proxy.call::<i64>("add", (polls, 1)).await?, polls as i64 + 1);
        if let Some(done) = done {
            assert!(polls > 4, "{polls}");
            return done;
        }
    }
    Ok(())
}
