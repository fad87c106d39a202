//! Calls over encrypted connections.

use ferropyro::{Bytes, Dialect, Proxy, Result, Value, aio};

use super::lab::{Desk, Lab, call, desk, serving};
use crate::server;

#[test]
fn calls_of_both_dialects_and_of_any_length_go_through() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    for dialect in [Dialect::V48, Dialect::V502] {
        let proxy = Proxy::builder()
            .config(lab.client().serializer(ferropyro::wire::Serializer::Marshal))
            .dialect(dialect)
            .build(uri.clone())?;
        for size in [0, 1, 16_383, 16_384, 16_385, 3_000_000] {
            let bytes = Bytes(vec![7; size]);
            assert!(proxy.call::<Bytes>("echo", (&bytes,))? == bytes, "{dialect}: {size}");
        }
    }
    Ok(())
}

#[test]
fn a_batch_and_a_new_connection_work_as_without_encryption() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    let proxy = Proxy::builder().config(lab.client()).build(uri)?;
    for _ in 0..3 {
        let mut batch = proxy.batch();
        batch.call("echo", (1,)).call("echo", ("two",));
        let results: Vec<Value> = batch.run()?.collect::<Result<_>>()?;
        assert_eq!(results, [Value::from(1), Value::from("two")]);
        proxy.release();
    }
    Ok(())
}

#[test]
fn the_async_client_encrypts_too() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let proxy = Proxy::builder().config(lab.client()).build_async(uri.clone())?;
        for size in [1, 1_000_000] {
            let text = "x".repeat(size);
            assert!(proxy.call::<String>("echo", (&text,)).await? == text, "{size}");
        }
        let stranger = Lab::new();
        let proxy: aio::Proxy = Proxy::builder().config(stranger.client()).build_async(uri.clone())?;
        let error = proxy.call::<i64>("echo", (1,)).await.expect_err("a foreign authority");
        assert!(
            error.message().contains("signed by nobody that is trusted here"),
            "{error}"
        );
        Ok(())
    })
}

#[test]
fn proxies_in_encrypted_answers_encrypt_too() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    let proxy = Proxy::builder().config(lab.client()).build(uri)?;
    let reflected: Proxy = proxy.call("reflect", (&proxy,))?;
    assert_eq!(reflected.call::<i64>("echo", (42,))?, 42);
    let reflected: Proxy = reflected.call("reflect", (&reflected,))?;
    assert_eq!(reflected.call::<i64>("echo", (43,))?, 43);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_unix_socket_carries_tls_for_the_host_localhost() -> Result<()> {
    let lab = Lab::new();
    let path = lab.authority().with_file_name("desk.sock");
    let daemon = server::daemon()
        .config(serving(&lab.server()))
        .unix_socket(path.to_str().expect("a plain name"))
        .bind()?;
    let uri = daemon.register("desk", Desk)?;
    let _running = daemon.start();
    assert_eq!(call(&uri, lab.client())?, 42);
    Ok(())
}

#[test]
fn a_daemon_that_stops_ends_encrypted_connections() -> Result<()> {
    let lab = Lab::new();
    let (daemon, uri) = desk(serving(&lab.server()))?;
    let proxies = (0..3).map(|_| Proxy::builder().config(lab.client()).build(uri.clone()));
    let proxies = proxies.collect::<Result<Vec<Proxy>>>()?;
    for proxy in &proxies {
        proxy.bind()?;
    }
    daemon.stop();
    for proxy in &proxies {
        assert!(proxy.call::<i64>("echo", (1,)).is_err());
    }
    Ok(())
}
