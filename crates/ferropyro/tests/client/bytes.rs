//! Results of many bytes, looked at where they have arrived.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ferropyro::{ByteArray, Bytes, Config, ErrorKind, Proxy, Result, Serializer, Uri};

use super::support::{DIALECTS, proxies, worker};

/// Proxies of every dialect, and every serializer that has bytes.
fn proxies_for_bytes(uri: &Uri) -> Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for dialect in DIALECTS {
        for serializer in [Serializer::Serpent, Serializer::Marshal, Serializer::Msgpack] {
            proxies.push(
                Proxy::builder()
                    .dialect(dialect)
                    .serializer(serializer)
                    .build(uri.clone())?,
            );
        }
    }
    Ok(proxies)
}

#[test]
fn bytes_are_shown_as_they_came_in_every_dialect_and_serializer() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies_for_bytes(&watch.uri)? {
        for size in [0, 1, 1000, 300_000] {
            let data: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let seen = proxy.call_bytes("echo", (Bytes::from(data.clone()),), <[u8]>::to_vec)?;
            assert!(seen == data, "{size} bytes");
            let length = proxy.call_bytes("echo", (ByteArray(data),), <[u8]>::len)?;
            assert_eq!(length, size);
        }
    }
    Ok(())
}

#[test]
fn what_is_no_bytes_is_an_error_and_the_connection_goes_on() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies(&watch.uri)? {
        let look = |_: &[u8]| panic!("there are no bytes");
        let text = proxy.call_bytes("add", (1, 2), look).expect_err("a number");
        assert_eq!(text.kind(), ErrorKind::Serialize, "{text}");
        let raised = proxy.call_bytes("fail", (), look).expect_err("an exception");
        let class = raised.as_remote().map(|remote| remote.class().to_owned());
        assert!(class.is_some_and(|class| class.ends_with("ZeroDivisionError")));
        let iterator = proxy.call_bytes("count", (2,), look).expect_err("an iterator");
        assert!(iterator.to_string().contains("Items<...>"), "{iterator}");
        assert!(proxy.is_connected());
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

#[test]
fn a_panic_while_looking_ends_the_connection_and_the_next_call_makes_another() -> Result<()> {
    let watch = worker(Config::default())?;
    for proxy in proxies_for_bytes(&watch.uri)? {
        let data = (Bytes::from(vec![1, 2, 3]),);
        let looked = catch_unwind(AssertUnwindSafe(|| {
            proxy.call_bytes("echo", data, |_| panic!("on purpose"))
        }));
        assert!(looked.is_err() && !proxy.is_connected());
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}
