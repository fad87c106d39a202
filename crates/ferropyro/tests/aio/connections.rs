//! Connections: given back, lost, made again, and their time limits.

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferropyro::wire::AnnotationKey;
use ferropyro::{Config, ErrorKind, Proxy, Raise, Result, Uri, Value, aio, context, expose};

use super::support::{DIALECTS, Watch, worker, worker_on};
use super::tools::{arrived, proxy};
use crate::server;

#[tokio::test]
async fn a_clone_has_the_settings_and_a_connection_of_its_own() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let builder = aio::Proxy::builder().dialect(dialect).handshake("sesame");
        let proxy = builder.build_async(watch.uri.clone())?;
        proxy.set_timeout(Some(Duration::from_secs(20)));
        let (seq, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        let clone = proxy.clone();
        assert!(proxy.is_connected().await && !clone.is_connected().await);
        let (clones_seq, clones_connection): (u16, u64) = clone.call("whoami", ()).await?;
        assert_ne!(clones_connection, connection);
        assert_eq!((seq, clones_seq), (1, 1));
        assert_eq!(clone.timeout(), Some(Duration::from_secs(20)));
        assert_eq!((clone.dialect().await?, clone.uri()), (dialect, proxy.uri()));
    }
    Ok(())
}

#[tokio::test]
async fn a_released_connection_is_gone_and_made_again_when_needed() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        let (_, first): (u16, u64) = proxy.call("whoami", ()).await?;
        proxy.release().await;
        proxy.release().await;
        assert!(!proxy.is_connected().await);
        let (seq, second): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_ne!(second, first);
        assert_eq!(seq, 2, "it goes on counting");
    }
    Ok(())
}

fn restarted(watch: Watch) -> Result<Watch> {
    let port = watch.daemon.address().expect("a TCP port").port();
    watch.daemon.stop();
    worker_on(port, Config::default())
}

// Conformance: POOL-10
#[tokio::test]
async fn reconnecting_gives_up_after_so_many_tries() -> Result<()> {
    let watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        let (_, first): (u16, u64) = proxy.call("whoami", ()).await?;
        proxy.reconnect(1).await?;
        assert_ne!(proxy.call::<(u16, u64)>("whoami", ()).await?.1, first);
    }
    let proxy = proxy(&watch, DIALECTS[1])?;
    watch.daemon.stop();
    let error = proxy.reconnect(2).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::ConnectionClosed, "failed to reconnect")
    );
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(proxy.reconnect(0).await.unwrap_err().to_string(), "failed to reconnect");
    Ok(())
}

// Conformance: POOL-10
#[tokio::test]
async fn reconnecting_waits_for_a_server_that_comes_back() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = proxy(&watch, DIALECTS[1])?;
    assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
    let port = watch.daemon.address().expect("a TCP port").port();
    watch.daemon.stop();
    let trying = tokio::spawn(async move {
        proxy.reconnect(1000).await?;
        proxy.call::<i64>("add", (3, 4)).await
    });
    tokio::task::yield_now().await;
    let _watch = worker_on(port, Config::default())?;
    assert_eq!(trying.await.expect("no panic")?, 7);
    Ok(())
}

/// Knows one name.
struct Names(Mutex<Uri>);

#[expose]
impl Names {
    pub fn ping(&self) {}

    pub fn lookup(&self, name: String) -> std::result::Result<Uri, Raise> {
        match name.as_str() {
            "worker" => Ok(self.0.lock().expect("no panic").clone()),
            _ => Err(Raise::new("Pyro5.errors.NamingError", format!("unknown name: {name}"))),
        }
    }
}

// Conformance: POOL-10
#[tokio::test]
async fn a_name_is_looked_up_again_for_each_connection_unless_it_was_bound() -> Result<()> {
    let (old, new) = (worker(Config::default())?, worker(Config::default())?);
    let daemon = server::daemon().bind()?;
    let names = Arc::new(Names(Mutex::new(old.uri.clone())));
    daemon.register_shared("Pyro.NameServer", names.clone())?;
    let port = daemon.address().expect("a TCP port").port();
    let _running = daemon.start();
    for dialect in DIALECTS {
        *names.0.lock().expect("no panic") = old.uri.clone();
        let uri = format!("PYRONAME:worker@localhost:{port}");
        assert_eq!(aio::resolve(uri.as_str()).await?, old.uri);
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.as_str())?;
        let bound = proxy.clone();
        bound.bind().await?;
        proxy.call::<Value>("echo", (1,)).await?;
        assert_eq!(old.worker.calls().pop().as_deref(), Some("echo 0"));
        let moved = new.worker.calls().len();
        *names.0.lock().expect("no panic") = new.uri.clone();
        proxy.reconnect(1).await?;
        proxy.call::<Value>("echo", (1,)).await?;
        assert_eq!(new.worker.calls().len(), moved + 1);
        bound.reconnect(1).await?;
        bound.call::<Value>("echo", (1,)).await?;
        assert_eq!(new.worker.calls().len(), moved + 1);
        assert_eq!((proxy.uri().to_string(), bound.uri()), (uri, old.uri.clone()));
    }
    let unknown = aio::Proxy::new(format!("PYRONAME:nobody@localhost:{port}").as_str())?;
    let error = unknown.call::<()>("ping", ()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Naming, "unknown name: nobody")
    );
    Ok(())
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_told_of() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    drop(listener);
    let proxy = aio::Proxy::new(format!("PYRONAME:worker@127.0.0.1:{port}").as_str())?;
    let error = proxy.bind().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Naming, "Failed to locate the nameserver")
    );
    let blocking = Proxy::new(proxy.uri())?.bind().unwrap_err();
    assert_eq!(error.to_string(), blocking.to_string());
    Ok(())
}

#[tokio::test]
async fn what_runs_after_reconnecting_can_make_calls_over_the_new_connection() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let (connected, connections) = channel();
        let proxy = aio::Proxy::builder()
            .dialect(dialect)
            .max_retries(1)
            .on_reconnect_async(move |proxy| {
                let connected = connected.clone();
                async move {
                    let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
                    let _ = connected.send(connection);
                    Ok(())
                }
            })
            .build_async(watch.uri.clone())?;
        proxy.call::<Value>("whoami", ()).await?;
        assert!(
            connections.try_recv().is_err(),
            "the first connection is no reconnection"
        );
        proxy.release().await;
        let (seq, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!((connections.try_recv(), seq), (Ok(connection), 3));
        watch = restarted(watch)?;
        let (_, connection): (u16, u64) = proxy.call("whoami", ()).await?;
        assert_eq!(connections.try_recv(), Ok(connection));
        assert!(connections.try_recv().is_err());
    }
    Ok(())
}

#[tokio::test]
async fn an_error_after_reconnecting_ends_the_connection_and_reaches_the_caller() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = aio::Proxy::builder()
        .on_reconnect_async(async |_| Err(ferropyro::Error::new(ErrorKind::Value, "not again")))
        .build_async(watch.uri.clone())?;
    assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
    proxy.release().await;
    for _ in 0..2 {
        let error = proxy.call::<i64>("add", (1, 2)).await.unwrap_err();
        assert_eq!(error.to_string(), "not again");
        assert!(!proxy.is_connected().await);
    }
    Ok(())
}

#[test]
fn a_hook_for_the_other_kind_of_proxy_is_refused() {
    let error = aio::Proxy::builder()
        .on_reconnect(|_| Ok(()))
        .build_async("PYRO:a@b:1")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    let error = Proxy::builder()
        .on_reconnect_async(async |_| Ok(()))
        .build("PYRO:a@b:1")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
}

#[tokio::test]
async fn a_panic_in_a_hook_costs_the_connection_and_not_the_proxy() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = aio::Proxy::builder()
        .dialect(DIALECTS[0])
        .on_response_annotations(|_, kind| assert_ne!(kind.0, 5, "a result"))
        .build_async(watch.uri.clone())?;
    let proxy = Arc::new(proxy);
    for _ in 0..2 {
        let proxy = Arc::clone(&proxy);
        let call = tokio::spawn({
            let proxy = Arc::clone(&proxy);
            async move { proxy.call::<i64>("add", (1, 2)).await }
        });
        assert!(call.await.is_err_and(|error| error.is_panic()));
        assert!(!proxy.is_connected().await);
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_is_free_between_calls_until_the_server_has_closed_its_connection() -> Result<()> {
    let (gone, goodbyes) = channel();
    let daemon = server::daemon()
        .config(Config::default().commtimeout(Duration::from_millis(400)))
        .client_disconnect(move |_| {
            let _ = gone.send(());
        })
        .bind()?;
    let uri = daemon.register("door", Door)?;
    let _running = daemon.start();
    let proxy = aio::Proxy::new(uri)?;
    assert!(!proxy.is_free(), "there is no connection yet");
    assert_eq!(proxy.call::<String>("knock", ()).await?, "come in");
    assert!(proxy.is_free());
    assert_eq!(proxy.call::<String>("knock", ()).await?, "come in");
    tokio::task::spawn_blocking(move || goodbyes.recv())
        .await
        .expect("it does not panic")
        .expect("the daemon does not wait for ever");
    // The news has to come through the runtime.
    while proxy.is_free() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        proxy.call::<String>("knock", ()).await.unwrap_err().kind(),
        ErrorKind::ConnectionClosed
    );
    Ok(())
}

#[tokio::test]
async fn oneway_calls_are_never_repeated_and_others_as_often_as_wished() -> Result<()> {
    let watch = worker(Config::default())?;
    let proxy = aio::Proxy::builder().max_retries(3).build_async(watch.uri.clone())?;
    proxy.bind().await?;
    let watch = restarted(watch)?;
    // The socket takes bytes until it hears that nobody reads them; then it is an error, and no new connection is made for the call.
    while proxy.call_oneway("forget", ()).await.is_ok() {}
    assert!(!proxy.is_connected().await);
    proxy.bind().await?;
    let watch = restarted(watch)?;
    while proxy.call::<()>("forget", ()).await.is_ok() {}
    assert!(!proxy.is_connected().await);
    assert!(watch.worker.calls().is_empty());
    proxy.bind().await?;
    let watch = restarted(watch)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
    assert_eq!(watch.worker.calls(), ["add"]);
    Ok(())
}

// Conformance: POOL-08
#[tokio::test]
async fn a_connection_that_the_server_has_closed_fails_one_call_and_is_made_again() -> Result<()> {
    let (gone, goodbyes) = channel();
    let daemon = server::daemon()
        .config(Config::default().commtimeout(Duration::from_millis(400)))
        .client_disconnect(move |_| {
            let _ = gone.send(());
        })
        .bind()?;
    let uri = daemon.register("door", Door)?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        proxy.bind().await?;
        goodbyes.recv().expect("the daemon does not wait for ever");
        let error = proxy.call::<String>("knock", ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionClosed, "{error}");
        assert_eq!(proxy.call::<String>("knock", ()).await?, "come in");
        drop(proxy);
        goodbyes.recv().expect("this proxy goes as well");
    }
    Ok(())
}

struct Door;

#[expose]
impl Door {
    pub fn knock(&self) -> &'static str {
        "come in"
    }
}

// Conformance: POOL-04
#[tokio::test]
async fn the_time_limit_of_a_proxy_can_be_changed() -> Result<()> {
    let mut watch = worker(Config::default())?;
    for dialect in DIALECTS {
        let proxy = proxy(&watch, dialect)?;
        assert_eq!(proxy.timeout(), None);
        proxy.bind().await?;
        proxy.set_timeout(Some(Duration::from_millis(300)));
        for _ in 0..2 {
            let error = proxy.call::<()>("wait", ()).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.message()),
                (ErrorKind::Timeout, "receiving: timeout")
            );
            watch = arrived(watch).await;
            assert!(!proxy.is_connected().await);
        }
        proxy.set_timeout(Some(Duration::ZERO));
        assert_eq!(proxy.timeout(), None);
        // The server is still in those that timed out.
        watch.worker.open();
        assert_eq!(proxy.call::<i64>("add", (1, 2)).await?, 3);
        watch = worker(Config::default())?;
    }
    Ok(())
}

#[tokio::test]
async fn silence_counts_and_not_the_whole_call() -> Result<()> {
    let watch = worker(Config::default())?;
    let uri = super::tools::dripping(&watch);
    let builder = aio::Proxy::builder().timeout(Duration::from_secs(2));
    let proxy = builder.build_async(uri)?;
    let long = "x".repeat(3000);
    assert_eq!(proxy.call::<String>("echo", (&long,)).await?, long);
    Ok(())
}

#[tokio::test]
async fn connecting_has_a_time_limit_of_its_own() -> Result<()> {
    const LIMIT: Duration = Duration::from_millis(500);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!(
        "PYRO:worker@127.0.0.1:{}",
        silent.local_addr().expect("its port").port()
    );
    for dialect in DIALECTS {
        let watch = worker(Config::default())?;
        let builder = || aio::Proxy::builder().dialect(dialect).connect_timeout(LIMIT);
        let error = builder().build_async(uri.as_str())?.bind().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        // Calls are not held to it.
        let proxy = builder().build_async(watch.uri.clone())?;
        let waiting = tokio::spawn(async move { proxy.call::<()>("wait", ()).await });
        let watch = arrived(watch).await;
        tokio::time::sleep(LIMIT).await;
        watch.worker.open();
        waiting.await.expect("no panic")?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_of_in_the_same_words() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    drop(listener);
    for uri in [
        format!("PYRO:a@127.0.0.1:{port}"),
        format!("PYRO:a@localhost:{port}"),
        "PYRO:a@no-such-host.invalid:1".to_owned(),
        "PYRO:a@./u:/no/such/socket".to_owned(),
        format!("PYRO:a@./u:{}", "x".repeat(200)),
    ] {
        let error = aio::Proxy::new(uri.as_str())?.bind().await.unwrap_err();
        let blocking = Proxy::new(uri.as_str())?.bind().unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (blocking.kind(), blocking.to_string())
        );
        assert_eq!(error.kind(), ErrorKind::Communication);
    }
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn calls_go_over_unix_sockets_too() -> Result<()> {
    let path = std::env::temp_dir().join(format!("ferropyro-aio-{}.sock", std::process::id()));
    let daemon = server::daemon()
        .unix_socket(path.to_str().expect("a plain name"))
        .bind()?;
    let uri = daemon.register("names", Names(Mutex::new("PYRO:a@b:1".parse()?)))?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        let found: Uri = proxy.call("lookup", ("worker",)).await?;
        assert_eq!(found.to_string(), "PYRO:a@b:1");
    }
    Ok(())
}

// Conformance: ANN-06
#[tokio::test]
async fn large_annotations_of_the_first_call_stay_out_of_the_greeting_and_those_of_the_hook_do_not() -> Result<()> {
    const SMALL: AnnotationKey = AnnotationKey::new(*b"SMAL").expect("ASCII");
    const LARGE: AnnotationKey = AnnotationKey::new(*b"LARG").expect("ASCII");
    let (greeted, greetings) = channel();
    let daemon = server::daemon()
        .validate_handshake(move |_, cx| {
            let lengths = [SMALL, LARGE].map(|key| cx.annotations().get(key).map(<[u8]>::len));
            let _ = greeted.send(lengths);
            Ok(Value::None)
        })
        .bind()?;
    let uri = daemon.register("names", Names(Mutex::new("PYRO:a@b:1".parse()?)))?;
    let _running = daemon.start();
    for dialect in DIALECTS {
        for (large, in_greeting) in [(16_000, Some(16_000)), (60_000, None)] {
            let proxy = aio::Proxy::builder()
                .dialect(dialect)
                .annotations(|| vec![(SMALL, vec![1])])
                .build_async(uri.clone())?;
            context::annotate(LARGE, vec![2; large]);
            proxy.call::<()>("ping", ()).await?;
            assert_eq!(greetings.recv().expect("a greeting"), [Some(1), in_greeting]);
        }
    }
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_proxy_takes_a_connected_socket_of_the_program() -> Result<()> {
    use std::os::unix::net::UnixStream;

    for dialect in DIALECTS {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        let daemon = server::daemon().connected_socket(far).bind()?;
        daemon.register("names", Names(Mutex::new("PYRO:a@b:1".parse()?)))?;
        let _running = daemon.start();
        // The second one is as good as the first one, also when that one blocks.
        for _ in 0..2 {
            let builder = aio::Proxy::builder().dialect(dialect);
            let names = builder.connected_socket_async("names", &near)?;
            assert_eq!(
                names.call::<Uri>("lookup", ("worker",)).await?.to_string(),
                "PYRO:a@b:1"
            );
            assert_eq!(names.metadata().await?.methods, ["lookup", "ping"]);
            names.release().await;
            let error = names.call::<()>("ping", ()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Communication);
            drop(names);
            let blocking = Proxy::builder().dialect(dialect).connected_socket("names", &near)?;
            assert_eq!(blocking.call::<Uri>("lookup", ("worker",))?.to_string(), "PYRO:a@b:1");
        }
    }
    Ok(())
}
