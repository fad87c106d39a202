//! What async methods get and give, as plain ones do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use ferropyro::wire::Dialect;
use ferropyro::{
    Bytes, Class, ErrorKind, InstanceMode, Items, Object, Proxy, Result, RunningDaemon, SerializedBlob, Uri, Value,
};

use super::objects::{ByHand, Counter, Forgetful, Shelf, Workshop};
use super::support::{CONCURRENT, KINDS, Kind, raised};

#[test]
fn async_methods_get_their_arguments_and_their_results_go_back() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for _ in 0..3 {
            assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
            assert_eq!(proxy.call::<i64>("add", (3, 4))?, 7, "{kind:?}");
        }
        assert_eq!(proxy.call::<Value>("nothing", ())?, Value::None, "{kind:?}");
        assert_eq!(proxy.call::<i64>("at_once", ())?, 1, "{kind:?}");
        assert_eq!(proxy.call::<i64>("divide", (9,))?, 4, "{kind:?}");
        assert_eq!(proxy.call::<i64>("divide", (9, 3))?, 3, "{kind:?}");
        assert_eq!(proxy.call::<String>("greet", ())?, "hello you []", "{kind:?}");
        assert_eq!(
            proxy.call::<String>("greet", ("me\n", [1]))?,
            "hello me\n [1]",
            "{kind:?}"
        );
        let texts = [("a", "short"), ("b", "longer")].map(|(name, text)| (Value::from(name), Value::from(text)));
        let texts = Value::Dict(texts.into_iter().collect());
        assert_eq!(proxy.call::<String>("longest", (texts, "this"))?, "longer", "{kind:?}");
        assert_eq!(proxy.call::<usize>("bytes", (Bytes::from(vec![0; 5]),))?, 5, "{kind:?}");
        assert_eq!(proxy.call::<i64>("names", (5, 2, 10, 1))?, 40, "{kind:?}");
        assert_eq!(proxy.call::<i64>("in_a_runtime", ())?, 3, "{kind:?}");
        assert!(proxy.call::<bool>("compiled", ())?, "{kind:?}");
    }
    Ok(())
}

#[test]
fn keyword_arguments_find_their_parameters() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        let kwargs = [("b", 3), ("a", 12)].map(|(name, value)| (Value::from(name), Value::from(value)));
        let kwargs = kwargs.into_iter().collect();
        assert_eq!(proxy.call_with::<i64>("divide", (), &kwargs)?, 4, "{kind:?}");
        assert_eq!(
            proxy.call_with::<(usize, usize)>("anything", (1, 2, 3), &kwargs)?,
            (3, 2),
            "{kind:?}"
        );
    }
    Ok(())
}

#[test]
fn both_protocols_and_attributes_beside_async_methods() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        for dialect in [Dialect::V48, Dialect::V502] {
            let proxy = Proxy::builder().dialect(dialect).build(server.uri.clone())?;
            assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?} {dialect:?}");
            proxy.set("level", 8)?;
            assert_eq!(proxy.get::<i64>("level")?, 8, "{kind:?} {dialect:?}");
            let metadata = proxy.metadata()?;
            assert!(metadata.methods.iter().any(|name| name == "add_later"), "{metadata:?}");
            assert_eq!(metadata.oneway, ["fail_unheard", "log"], "{kind:?} {dialect:?}");
        }
    }
    Ok(())
}

#[test]
fn async_and_plain_methods_stand_in_one_batch() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        let mut batch = proxy.batch();
        for number in 0..20 {
            let method = if number % 2 == 0 { "add" } else { "add_later" };
            batch.call(method, (number, 1));
        }
        assert_eq!(batch.run()?.all::<i64>()?, Vec::from_iter(1..=20), "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_async_method_that_raises_ends_its_batch() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for method in ["divide", "panic_later"] {
            let mut batch = proxy.batch();
            batch.call("add_later", (1, 1));
            match method {
                "divide" => batch.call(method, (1, 0)),
                _ => batch.call(method, ()),
            };
            batch.call("add", (1, 1));
            let results: Vec<Result<Value>> = batch.run()?.collect();
            assert_eq!(results.len(), 2, "{kind:?}");
            assert_eq!(results[0].as_ref().ok(), Some(&Value::from(2)), "{kind:?}");
            assert!(
                results[1].as_ref().is_err_and(|error| error.as_remote().is_some()),
                "{kind:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn oneway_methods_run_without_an_answer() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let server = kind.serve(workshop)?;
        let proxy = server.proxy()?;
        proxy.call::<()>("log", ("declared",))?;
        assert_eq!(logged.recv().as_deref(), Ok("declared"), "{kind:?}");
        proxy.call_oneway("log", ("asked for",))?;
        assert_eq!(logged.recv().as_deref(), Ok("asked for"), "{kind:?}");
        proxy.call_oneway("add_later", (1, 2))?;
        proxy.call_oneway("panic_later", ())?;
        assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
    }
    Ok(())
}

#[test]
fn oneway_methods_run_in_a_batch_that_nobody_waits_for() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let server = kind.serve(workshop)?;
        let proxy = server.proxy()?;
        let mut batch = proxy.batch();
        for text in ["one", "two", "three"] {
            batch.call("log", (text,));
        }
        batch.run_oneway()?;
        let texts: Vec<String> = logged.iter().take(3).collect();
        assert_eq!(texts, ["one", "two", "three"], "{kind:?}");
    }
    Ok(())
}

#[test]
fn items_come_from_the_stream_that_an_async_method_gives() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for method in ["numbers", "fallible_numbers"] {
            let items: Result<Vec<u32>> = proxy.call::<Items<u32>>(method, (3,))?.collect();
            assert_eq!(items?, [1, 2, 3], "{kind:?}");
        }
        let (class, text) = raised(proxy.call("fallible_numbers", (0,)));
        assert_eq!((&*class, &*text), ("ValueError", "none"), "{kind:?}");
    }
    Ok(())
}

#[test]
fn calls_that_wait_do_not_hold_up_each_other() -> Result<()> {
    for kind in CONCURRENT {
        let server = kind.serve(Workshop::unheard())?;
        let (one, other) = (server.proxy()?, server.proxy()?);
        let waiting = thread::spawn(move || one.call::<String>("meet", ("one",)));
        assert_eq!(other.call::<String>("meet", ("other",))?, "other", "{kind:?}");
        let one = waiting.join().expect("no panic")?;
        assert_eq!(one, "one", "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_event_loop_with_one_worker_runs_one_async_call_at_a_time() -> Result<()> {
    let server = Kind::Multiplex.serve(Workshop::unheard())?;
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let proxy = server.proxy()?;
            Ok(thread::spawn(move || {
                (0..5)
                    .map(|_| proxy.call::<usize>("crowd", ()))
                    .collect::<Result<Vec<usize>>>()
            }))
        })
        .collect::<Result<_>>()?;
    for caller in callers {
        assert_eq!(caller.join().expect("no panic")?, [1; 5]);
    }
    Ok(())
}

#[test]
fn types_with_parameters_have_async_methods() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Shelf::<String>::default())?;
        let proxy = server.proxy()?;
        assert_eq!(proxy.call::<Vec<String>>("put", ("cup",))?, ["cup"], "{kind:?}");
        assert_eq!(proxy.call::<Vec<String>>("put", ("pot",))?, ["cup", "pot"], "{kind:?}");
    }
    Ok(())
}

/// A class of counters, and the numbers of the instances that were dropped.
fn serve_counters(kind: Kind, mode: InstanceMode) -> Result<(RunningDaemon, Uri, Receiver<usize>)> {
    let (dropped, drops) = channel();
    let daemon = kind.builder().bind()?;
    let made = AtomicUsize::new(0);
    let uri = daemon.register_class("counter", mode, move || {
        Ok(Counter {
            number: made.fetch_add(1, Ordering::SeqCst) + 1,
            calls: AtomicUsize::new(0),
            dropped: dropped.clone(),
        })
    })?;
    Ok((daemon.start(), uri, drops))
}

#[test]
fn instances_of_classes_live_as_long_as_their_async_methods_need_them() -> Result<()> {
    use InstanceMode::{PerCall, Session, Single};
    for kind in KINDS {
        for (mode, expected) in [
            (Single, [(1, 1), (1, 2), (1, 3)]),
            (Session, [(1, 1), (1, 2), (2, 1)]),
            (PerCall, [(1, 1), (2, 1), (3, 1)]),
        ] {
            let (_daemon, uri, drops) = serve_counters(kind, mode)?;
            let (one, other) = (Proxy::new(uri.clone())?, Proxy::new(uri)?);
            let mut seen = Vec::new();
            for proxy in [&one, &one, &other] {
                seen.push(proxy.call::<(usize, usize)>("count", ())?);
            }
            assert_eq!(seen, expected, "{kind:?} {mode:?}");
            if mode == PerCall {
                let dropped: Vec<usize> = drops.iter().take(3).collect();
                assert_eq!(dropped, [1, 2, 3], "{kind:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn an_async_method_goes_on_when_its_caller_has_gone() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let gate = Arc::clone(&workshop.gate);
        let server = kind.serve(workshop)?;
        let proxy = server.proxy()?;
        proxy.bind()?;
        proxy.set_timeout(Some(Duration::from_millis(20)));
        let error = proxy.call::<()>("pass", ()).expect_err("the gate is closed");
        assert_eq!(error.kind(), ErrorKind::Timeout, "{kind:?}: {error}");
        drop(proxy);
        gate.notify_one();
        assert_eq!(logged.recv().as_deref(), Ok("passed"), "{kind:?}");
        assert_eq!(server.proxy()?.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
    }
    Ok(())
}

#[test]
fn blobs_come_to_async_methods_as_they_are() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        let blob = SerializedBlob::new("a number", &7)?;
        assert_eq!(
            proxy.call::<(String, i64)>("unpack", &blob)?,
            ("a number".into(), 7),
            "{kind:?}"
        );
        assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
    }
    Ok(())
}

#[test]
fn async_methods_by_hand_are_awaited() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(ByHand)?;
        let proxy = server.proxy()?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3, "{kind:?}");
        assert_eq!(proxy.call::<String>("plain", ())?, "not async at all", "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_object_that_forgets_its_async_methods_says_so() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Forgetful(ByHand))?;
        let proxy = server.proxy()?;
        let (class, text) = raised(proxy.call("add", (1, 2)));
        let expected = "ByHand.add() is an async method: it runs in Object::call_async, not in Object::call";
        assert_eq!((&*class, &*text), ("RuntimeError", expected), "{kind:?}");
        assert_eq!(proxy.call::<String>("plain", ())?, "not async at all", "{kind:?}");
    }
    Ok(())
}

#[test]
fn the_table_of_members_tells_async_methods() {
    let members = Workshop::class_members();
    let is_async = |name: &str| members.method(name).map(|method| method.asynchronous);
    assert_eq!(is_async("add"), Some(false));
    assert_eq!(is_async("add_later"), Some(true));
    assert_eq!(is_async("bytes"), Some(true));
    assert_eq!(is_async("anything"), Some(true));
    assert_eq!(is_async("compiled_nowhere"), None);
    let log = members.method("log").expect("it is exposed");
    assert!(log.asynchronous && log.oneway && !log.callback);
    let callback = members.method("call_back").expect("it is exposed");
    assert!(callback.asynchronous && callback.callback && !callback.oneway);
    for hidden in ["internal", "helper"] {
        assert!(members.unexposed.iter().any(|name| name == hidden), "{hidden}");
    }
    assert!(
        Shelf::<i64>::default()
            .members()
            .method("put")
            .is_some_and(|put| put.asynchronous)
    );
}
