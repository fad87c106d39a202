//! What makes the servers differ: how many calls run at a time, and what a call that takes its time keeps from others.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferropyro::wire::{Dialect, Flags, MessageKind};
use ferropyro::{
    Call, Config, Daemon, DaemonBuilder, ErrorKind, EventLoop, Members, Method, Object, Proxy, Raise, Reply, Result,
    RunningDaemon, Uri, Value,
};

use super::support::{DIALECTS, Desk, Raw, frame, hello, invoke};

fn serve(builder: DaemonBuilder) -> Result<(RunningDaemon, Uri, Arc<Desk>)> {
    let daemon = builder.bind()?;
    let desk = Arc::new(Desk::default());
    let uri = daemon.register_shared("desk", desk.clone())?;
    Ok((daemon.start(), uri, desk))
}

fn servers() -> [DaemonBuilder; 3] {
    let threads = || Daemon::builder().config(Config::default().threadpool_size(4_usize));
    [
        threads(),
        Daemon::builder().multiplex(),
        Daemon::builder().multiplex().workers(2),
    ]
}

/// Lets so many clients call at once, and gives how many of the calls ran at a time when `expected` of them had begun.
fn calls_at_a_time(builder: DaemonBuilder, clients: usize, expected: usize) -> Result<usize> {
    let (_daemon, uri, desk) = serve(builder)?;
    let proxies = (0..clients)
        .map(|_| Proxy::new(uri.clone()))
        .collect::<Result<Vec<_>>>()?;
    proxies.iter().try_for_each(Proxy::bind)?;
    Ok(thread::scope(|scope| {
        for proxy in &proxies {
            scope.spawn(|| proxy.call::<()>("wait", ()).unwrap());
        }
        desk.await_waiting(expected);
        // One more would come in now if it could.
        thread::sleep(Duration::from_millis(50));
        desk.open();
        desk.await_passed(clients)
    }))
}

// Conformance: POOL-02
#[test]
fn an_event_loop_runs_one_call_at_a_time_or_as_many_as_it_has_workers() -> Result<()> {
    let multiplex = || Daemon::builder().multiplex();
    assert_eq!(calls_at_a_time(multiplex(), 4, 1)?, 1);
    assert_eq!(calls_at_a_time(multiplex().workers(2), 4, 2)?, 2);
    assert_eq!(calls_at_a_time(multiplex().workers(10), 4, 4)?, 4);
    assert_eq!(calls_at_a_time(Daemon::builder(), 4, 4)?, 4);
    Ok(())
}

#[test]
fn plain_methods_never_block_a_loop_that_has_workers() -> Result<()> {
    let (daemon, uri, desk) = serve(Daemon::builder().multiplex().workers(3))?;
    let slow = [Proxy::new(uri.clone())?, Proxy::new(uri.clone())?];
    thread::scope(|scope| {
        for proxy in &slow {
            scope.spawn(|| proxy.call::<()>("wait", ()).unwrap());
        }
        desk.await_waiting(2);
        for dialect in DIALECTS {
            let mut raw = Raw::greeted(&daemon, dialect);
            assert!(raw.call(1, "add", "(1,2)").is_some_and(|answer| !answer.exception));
        }
        desk.open();
    });
    Ok(())
}

/// Answers from memory.
struct Gauge;

static GAUGE: Members = Members::new("Gauge", const { &[Method::new("latest", &[]).quick()] });

impl Object for Gauge {
    fn members(&self) -> &Members {
        &GAUGE
    }

    fn call(&self, call: Call<'_>) -> std::result::Result<Reply, Raise> {
        match call.method() {
            "latest" => call.reply(&format!("{:?}", thread::current().id())),
            _ => call.refuse(),
        }
    }
}

#[test]
fn a_quick_method_runs_in_the_loop_and_needs_no_worker() -> Result<()> {
    let (daemon, uri, desk) = serve(Daemon::builder().multiplex().workers(2))?;
    let gauge = daemon.register("gauge", Gauge)?;
    let slow = [Proxy::new(uri.clone())?, Proxy::new(uri)?];
    let proxies = [bounded(&gauge)?, bounded(&gauge)?];
    proxies.iter().try_for_each(Proxy::bind)?;
    thread::scope(|scope| {
        for proxy in &slow {
            scope.spawn(|| proxy.call::<()>("wait", ()).unwrap());
        }
        desk.await_waiting(2);
        let threads: Result<HashSet<String>> = (0..8).map(|n| proxies[n % 2].call("latest", ())).collect();
        desk.open();
        assert_eq!(threads?.len(), 1);
        Ok(())
    })
}

/// Fails instead of waiting for what never comes.
fn bounded(uri: &Uri) -> Result<Proxy> {
    Proxy::builder().timeout(Duration::from_secs(10)).build(uri.clone())
}

#[test]
fn clients_are_let_in_while_all_workers_are_busy() -> Result<()> {
    let workers = || Daemon::builder().multiplex().workers(2);
    let with_hook = workers().validate_handshake(|_, _| Ok(Value::from("welcome")));
    for builder in [workers(), with_hook] {
        let (_daemon, uri, desk) = serve(builder)?;
        let slow = [Proxy::new(uri.clone())?, Proxy::new(uri.clone())?];
        let outcome = thread::scope(|scope| {
            for proxy in &slow {
                scope.spawn(|| proxy.call::<()>("wait", ()).unwrap());
            }
            desk.await_waiting(2);
            let outcome = bounded(&uri).and_then(|proxy| proxy.bind());
            desk.open();
            outcome
        });
        outcome?;
    }
    Ok(())
}

#[test]
fn the_end_of_a_connection_holds_up_no_loop_that_has_workers() -> Result<()> {
    let gate = Arc::new(Desk::default());
    let hook = gate.clone();
    let builder = Daemon::builder().multiplex().workers(2);
    let (_daemon, uri, _) = serve(builder.client_disconnect(move |_| hook.wait()))?;
    let stays = bounded(&uri)?;
    stays.bind()?;
    let goes = Proxy::new(uri)?;
    goes.bind()?;
    drop(goes);
    gate.await_waiting(1);
    let sum = stays.call::<i64>("add", (1, 2));
    gate.open();
    assert_eq!(sum?, 3);
    Ok(())
}

#[test]
fn compressed_and_long_messages_are_checked_beside_a_loop_that_has_workers() -> Result<()> {
    let daemon = Daemon::builder().multiplex().workers(2).bind()?;
    daemon.register("desk", Desk::default())?;
    // The pool has one thread, which is taken until the test says otherwise.
    let (release, taken) = std::sync::mpsc::channel::<()>();
    let serving = thread::spawn({
        let daemon = daemon.clone();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).enable_all().build().expect("a runtime");
        move || {
            runtime.block_on(async {
                tokio::task::spawn_blocking(move || taken.recv());
                daemon.serve().await;
            });
        }
    });
    let mut compressed = frame(Dialect::V48, MessageKind::INVOKE, 7, Flags::NONE, b"no zlib stream");
    // The flag for compression, and the checksum with it.
    compressed[9] |= 2;
    let checksum = u16::from_be_bytes([compressed[22], compressed[23]]).wrapping_add(2);
    compressed[22..24].copy_from_slice(&checksum.to_be_bytes());
    let long = frame(Dialect::V48, MessageKind::PING, 7, Flags::NONE, &vec![0; 200 << 10]);
    let mut waiting = Vec::new();
    for message in [compressed, long] {
        let mut heavy = Raw::greeted(&daemon, Dialect::V48);
        let mut other = Raw::greeted(&daemon, Dialect::V48);
        heavy.send(&message);
        for seq in 1..=100 {
            other.send(&frame(Dialect::V48, MessageKind::PING, seq, Flags::NONE, b"ping"));
            assert_eq!(other.receive().map(|answer| answer.kind), Some(MessageKind::PING));
        }
        let stream = heavy.clone_stream();
        stream.set_nonblocking(true).expect("a socket");
        let read = stream.peek(&mut [0]).map_err(|error| error.kind());
        assert_eq!(read, Err(std::io::ErrorKind::WouldBlock), "answered by the loop itself");
        stream.set_nonblocking(false).expect("a socket");
        waiting.push(heavy);
    }
    release.send(()).expect("somebody waits for it");
    for mut heavy in waiting {
        assert_eq!(heavy.receive().map(|answer| answer.seq), Some(7));
    }
    daemon.shutdown();
    serving.join().expect("no panic");
    Ok(())
}

#[test]
fn clients_that_say_nothing_or_half_a_greeting_hold_up_nobody_and_take_no_thread() -> Result<()> {
    for builder in servers() {
        let (daemon, uri, _) = serve(builder)?;
        let silent: Vec<Raw> = (0..200).map(|_| Raw::connect(&daemon, DIALECTS[0])).collect();
        let mut halves: Vec<Raw> = (0..200).map(|_| Raw::connect(&daemon, DIALECTS[1])).collect();
        for half in &mut halves {
            half.send(&hello(DIALECTS[1])[..50]);
        }
        // As many as the thread pool has threads, after all those.
        let proxies = [(); 4].map(|()| Proxy::new(uri.clone()).expect("a URI"));
        for proxy in &proxies {
            assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        }
        drop(proxies);
        // Who has sent half may send the rest, and is served.
        let mut patient = halves.swap_remove(100);
        patient.send(&hello(DIALECTS[1])[50..]);
        assert_eq!(
            patient.receive().map(|answer| answer.kind),
            Some(MessageKind::CONNECTOK)
        );
        drop(silent);
    }
    Ok(())
}

#[test]
fn when_too_many_say_nothing_the_one_goes_that_waited_longest() -> Result<()> {
    for builder in servers() {
        let (daemon, uri, _) = serve(builder.config(Config::default().max_unfinished_handshakes(3_usize)))?;
        let mut first = Raw::connect(&daemon, DIALECTS[0]);
        let others = [(); 3].map(|()| Raw::connect(&daemon, DIALECTS[0]));
        assert!(first.receive().is_none());
        for mut other in others {
            other.send(&hello(DIALECTS[0]));
            assert_eq!(other.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
        }
        assert_eq!(Proxy::new(uri)?.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}

// Conformance: POOL-07
#[test]
fn an_event_loop_has_room_for_many_idle_connections_and_says_so_when_it_is_full() -> Result<()> {
    let config = Config::default().threadpool_size(4_usize).max_connections(501_usize);
    let (daemon, uri, _) = serve(Daemon::builder().config(config).multiplex())?;
    let idle: Vec<Raw> = (0..500).map(|_| Raw::greeted(&daemon, DIALECTS[1])).collect();
    let last = Proxy::new(uri.clone())?;
    assert_eq!(last.call::<i64>("add", (1, 2))?, 3);
    assert_eq!(daemon.statistics().connections, 501);
    for dialect in DIALECTS {
        let mut refused = Raw::connect(&daemon, dialect);
        refused.send(&hello(dialect));
        let answer = refused.receive().expect("a refusal");
        assert_eq!(answer.kind, MessageKind::CONNECTFAIL);
        assert!(answer.contains("too many connections, increase server MAX_CONNECTIONS"));
        assert!(refused.receive().is_none());
    }
    assert_eq!(last.call::<i64>("add", (1, 2))?, 3);
    drop(idle);
    Ok(())
}

#[test]
fn messages_that_come_in_one_piece_are_served_one_after_the_other() -> Result<()> {
    for builder in servers() {
        let (daemon, ..) = serve(builder)?;
        for dialect in DIALECTS {
            let calls: Vec<u8> = (1..=300)
                .flat_map(|seq| invoke(dialect, seq, "add", &format!("({seq},1)")))
                .collect();
            let mut raw = Raw::connect(&daemon, dialect);
            raw.send(&[hello(dialect), calls].concat());
            assert_eq!(raw.receive().map(|answer| answer.kind), Some(MessageKind::CONNECTOK));
            for seq in 1..=300 {
                let answer = raw.receive().expect("an answer");
                assert!(answer.seq == seq && answer.contains(&(seq + 1).to_string()));
            }
        }
    }
    Ok(())
}

#[test]
fn a_call_under_way_is_answered_when_the_daemon_stops_and_nobody_else_is_let_in() -> Result<()> {
    for builder in [Daemon::builder(), Daemon::builder().multiplex().workers(2)] {
        let (daemon, uri, desk) = serve(builder)?;
        let (proxy, idle) = (Proxy::new(uri.clone())?, Proxy::new(uri)?);
        idle.bind()?;
        thread::scope(|scope| -> Result<()> {
            let call = scope.spawn(|| proxy.call::<()>("wait", ()));
            desk.await_waiting(1);
            daemon.shutdown();
            // What is on its way already may still be answered.
            while idle.call::<i64>("add", (1, 2)).is_ok() {}
            desk.open();
            call.join().expect("no panic")
        })?;
    }
    Ok(())
}

#[test]
fn a_call_that_does_not_end_in_time_does_not_keep_the_daemon() -> Result<()> {
    for builder in [Daemon::builder(), Daemon::builder().multiplex().workers(2)] {
        let config = Config::default().shutdown_timeout(Duration::from_millis(50));
        let (daemon, uri, desk) = serve(builder.config(config))?;
        let proxy = Proxy::new(uri)?;
        thread::scope(|scope| {
            let call = scope.spawn(|| proxy.call::<()>("wait", ()));
            desk.await_waiting(1);
            daemon.stop();
            assert!(call.join().expect("no panic").is_err());
            desk.open();
        });
    }
    Ok(())
}

#[test]
fn a_daemon_is_a_future_in_runtimes_of_any_kind() -> Result<()> {
    let mut builders = [
        tokio::runtime::Builder::new_current_thread(),
        tokio::runtime::Builder::new_multi_thread(),
    ];
    for runtime in &mut builders {
        for builder in servers() {
            let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
            let daemon = builder.bind()?;
            let uri = daemon.register("desk", Desk::default())?;
            runtime.block_on(async {
                let serving = tokio::spawn({
                    let daemon = daemon.clone();
                    async move { daemon.serve().await }
                });
                let call = move || Proxy::new(uri)?.call::<i64>("add", (1, 2));
                let sum = tokio::task::spawn_blocking(call).await.expect("no panic");
                assert_eq!(sum.expect("the daemon serves"), 3);
                daemon.shutdown();
                serving.await.expect("no panic");
            });
        }
    }
    Ok(())
}

#[test]
fn a_daemon_ends_with_the_future_that_serves() -> Result<()> {
    for builder in servers() {
        let daemon = builder.bind()?;
        let uri = daemon.register("desk", Desk::default())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let serving = runtime.spawn({
            let daemon = daemon.clone();
            async move { daemon.serve().await }
        });
        let (open, late) = (Proxy::new(uri.clone())?, Proxy::new(uri)?);
        assert_eq!(open.call::<i64>("add", (1, 2))?, 3);
        serving.abort();
        assert!(runtime.block_on(serving).is_err_and(|error| error.is_cancelled()));
        assert!(open.call::<i64>("add", (1, 2)).is_err());
        assert!(late.call::<i64>("add", (1, 2)).is_err());
        runtime.shutdown_background();
    }
    Ok(())
}

#[test]
fn several_daemons_share_a_loop_until_each_is_shut_down() -> Result<()> {
    let mut event_loop = EventLoop::new()?;
    let daemons = servers().map(|builder| builder.bind().expect("a free port"));
    let uris = daemons
        .iter()
        .map(|daemon| daemon.register("desk", Desk::default()))
        .collect::<Result<Vec<_>>>()?;
    daemons.iter().for_each(|daemon| event_loop.add(daemon));
    let client = thread::spawn(move || -> Result<()> {
        for (uri, daemon) in uris.iter().zip(&daemons) {
            assert_eq!(Proxy::new(uri.clone())?.call::<i64>("add", (1, 2))?, 3);
            daemon.shutdown();
        }
        Ok(())
    });
    event_loop.run();
    assert!(!event_loop.step(Duration::ZERO));
    client.join().expect("no panic")
}

#[test]
fn a_program_drives_a_daemon_step_by_step() -> Result<()> {
    for time in [Duration::ZERO, Duration::from_millis(5)] {
        let mut event_loop = EventLoop::new()?;
        let daemon = Daemon::builder().multiplex().bind()?;
        let uri = daemon.register("desk", Desk::default())?;
        event_loop.add(&daemon);
        let client = thread::spawn(move || {
            let sum = Proxy::new(uri)?.call::<i64>("add", (1, 2));
            daemon.shutdown();
            sum
        });
        while event_loop.step(time) {}
        assert_eq!(client.join().expect("no panic")?, 3);
    }
    Ok(())
}

#[test]
fn settings_that_contradict_each_other_are_errors() {
    let error = Daemon::builder().workers(4).bind().expect_err("it has threads");
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.message().starts_with("workers are those of the multiplex server"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let error = Daemon::builder()
        .listener(listener)
        .port(9999)
        .bind()
        .expect_err("one of them only");
    assert_eq!(error.kind(), ErrorKind::Value);
}
