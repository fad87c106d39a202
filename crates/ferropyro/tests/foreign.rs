//! What bindings to other languages build on: objects and classes that are known only while the program runs, results that are read into a data model of another
//! language, and hooks around all that waits.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ferropyro::foreign::{ForeignCall, Payload, RemoteStream};
use ferropyro::wire::Dialect;
use ferropyro::{
    Arguments, Attribute, Call, Config, Daemon, Error, ErrorKind, FromReply, InstanceMode, Members, Method, Object,
    Proxy, Raise, Reply, Result, SerializedBlob, Serializer, Value,
};
use serde::ser::SerializeTuple;

/// Answers whatever it is called with, in the words of the library's own values.
struct Anything {
    members: Members,
    made: usize,
}

impl Anything {
    fn members() -> Members {
        let mut members = Members::default();
        members.class = Cow::Borrowed("Anything");
        members.methods = ["tell", "fail", "made", "written", "fail_written"]
            .into_iter()
            .map(method)
            .collect();
        members.attributes = vec![Attribute::readable("level")].into();
        members
    }
}

fn method(name: &str) -> Method {
    let mut method = Method::new("", &[]);
    method.name = Cow::Owned(name.to_owned());
    method
}

impl Object for Anything {
    fn members(&self) -> &Members {
        &self.members
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "tell" => {
                let (args, kwargs) = call.whole_args::<Value>()?;
                call.reply(&(args, kwargs))
            }
            "fail" => {
                let mut raise = Raise::new("ValueError", "it failed");
                raise.0 = raise.0.attribute("_pyroTraceback", vec!["line 1\n", "line 2\n"]);
                Err(raise)
            }
            "fail_written" => {
                let raise = Raise::new("ValueError", "as the library writes it");
                let payload = b"# serpent utf-8 python3.2\n{'__class__':'KeyError','__exception__':True,'args':('by hand',),'attributes':{}}";
                Err(raise.written(Serializer::Serpent, payload.to_vec()))
            }
            "written" => {
                if let Some((serializer, payload)) = call.payload() {
                    assert_eq!((serializer, payload.is_empty()), (call.context().serializer(), false));
                }
                call.reply_written(b"# serpent utf-8 python3.2\n'written by hand'")
            }
            _ => call.reply(&self.made),
        }
    }

    fn takes_batches(&self, serializer: Serializer) -> bool {
        serializer == Serializer::Json
    }

    fn call_batch(&self, call: Call<'_>) -> Result<Reply, Raise> {
        assert!(call.payload().is_some_and(|(_, payload)| payload.starts_with(b"{")));
        let (calls, _) = call.values()?;
        let raise = self.members.find("hidden").map(drop).expect_err("it is not exposed");
        let results = format!("[{}, \"{}\"]", calls.len(), raise.0.text());
        call.reply_written(results.as_bytes())
    }
}

fn anything(made: usize) -> Anything {
    Anything {
        members: Anything::members(),
        made,
    }
}

#[test]
fn an_object_reads_all_arguments_whole() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(0))?;
    let running = daemon.clone().start();
    for dialect in [Dialect::V48, Dialect::V502] {
        for serializer in [
            Serializer::Serpent,
            Serializer::Json,
            Serializer::Marshal,
            Serializer::Msgpack,
        ] {
            let proxy = Proxy::builder()
                .dialect(dialect)
                .serializer(serializer)
                .build(uri.clone())?;
            let kwargs = ferropyro::Dict::from([("named", Value::from(3))]);
            let told: Value = proxy.call_with("tell", (1, "two"), &kwargs)?;
            let [args, kwargs] = told.as_sequence().expect("a pair") else {
                panic!("no pair: {told}");
            };
            assert_eq!(
                args.as_sequence(),
                Some(&[Value::from(1), Value::from("two")][..]),
                "{serializer}"
            );
            assert_eq!(
                kwargs.as_dict().and_then(|kwargs| kwargs.get("named")),
                Some(&Value::from(3)),
                "{serializer}"
            );
        }
    }
    // As a part of a batch too.
    let proxy = Proxy::new(uri)?;
    let results: Vec<Value> = proxy.batch().call("tell", (1, "two")).run()?.all()?;
    assert_eq!(results[0].to_string(), "([1, 'two'], {})");
    running.stop();
    Ok(())
}

#[test]
fn a_class_that_is_learnt_of_while_the_program_runs_has_instances_as_its_mode_says() -> Result<()> {
    let daemon = Daemon::new()?;
    let made = Arc::new(AtomicUsize::new(0));
    let uris: Vec<_> = [InstanceMode::Session, InstanceMode::Single, InstanceMode::PerCall]
        .into_iter()
        .map(|mode| {
            let made = Arc::clone(&made);
            let create = move || Ok(Arc::new(anything(made.fetch_add(1, Ordering::SeqCst))) as Arc<dyn Object>);
            daemon.register_foreign_class(&format!("{mode:?}"), Anything::members(), mode, create)
        })
        .collect::<Result<_>>()?;
    let running = daemon.start();
    let numbers = |uri: &ferropyro::Uri| -> Result<[usize; 3]> {
        let first = Proxy::new(uri.clone())?;
        let second = Proxy::new(uri.clone())?;
        Ok([
            first.call("made", ())?,
            first.call("made", ())?,
            second.call("made", ())?,
        ])
    };
    let [a, b, c] = numbers(&uris[0])?;
    assert!(a == b && b != c);
    let [a, b, c] = numbers(&uris[1])?;
    assert!(a == b && b == c);
    let [a, b, c] = numbers(&uris[2])?;
    assert!(a != b && b != c);
    running.stop();
    Ok(())
}

#[test]
fn exceptions_keep_the_traceback_that_another_language_gave_them() -> Result<()> {
    let daemon = Daemon::new()?;
    let mut object = anything(0);
    object.members.own_tracebacks = true;
    let own = daemon.register("own", object)?;
    let other = daemon.register("other", anything(0))?;
    let running = daemon.start();
    let traceback = |uri| -> Result<String> {
        let error = Proxy::new(uri)?.call::<()>("fail", ()).expect_err("it fails");
        Ok(error.as_remote().map(|remote| remote.traceback()).unwrap_or_default())
    };
    assert_eq!(traceback(own)?, "line 1\nline 2\n");
    let brought = traceback(other)?;
    assert!(
        brought.contains("<rust>") && brought.contains(" |  line 1"),
        "{brought}"
    );
    running.stop();
    Ok(())
}

#[test]
fn an_answer_can_be_written_by_the_object_itself() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(0))?;
    let running = daemon.start();
    let proxy = Proxy::new(uri)?;
    assert_eq!(proxy.call::<String>("written", ())?, "written by hand");
    let error = proxy.batch().call("written", ()).run()?.next().expect("one result");
    let error = error.expect_err("a batch's results are written together");
    assert!(error.to_string().contains("written together"), "{error}");
    running.stop();
    Ok(())
}

/// A reply in the data model of "another language", which has nothing but texts.
#[derive(Debug, PartialEq)]
enum Told {
    Value(String),
    Raised(String),
    Stream,
    Nothing,
}

impl FromReply for Told {
    type Aio = Told;

    fn from_payload(payload: Payload<'_>) -> Result<Told> {
        assert!(!payload.bytes().is_empty());
        let value: Value = payload.read()?;
        Ok(Told::Value(format!("{} {value}", payload.serializer())))
    }

    fn from_exception(payload: Payload<'_>) -> Result<Told> {
        match payload.read::<Value>()? {
            Value::Exception(exception) => Ok(Told::Raised(exception.class)),
            other => panic!("no exception: {other}"),
        }
    }

    fn from_oneway() -> Result<Told> {
        Ok(Told::Nothing)
    }

    fn from_stream(_stream: RemoteStream) -> Result<Told> {
        Ok(Told::Stream)
    }
}

/// A call whose payload is written by hand.
struct ByHand;

impl Arguments for ByHand {
    fn count(&self) -> usize {
        1
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        tuple.serialize_element("not this")
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<Result<()>> {
        let ForeignCall { object, method, .. } = call;
        let text = format!("# serpent utf-8 python3.2\n('{object}','{method}',('by hand',),{{}})");
        (call.serializer == Serializer::Serpent).then(|| {
            message.extend_from_slice(text.as_bytes());
            Ok(())
        })
    }
}

#[test]
fn results_and_calls_go_through_the_hands_of_a_binding() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(0))?;
    let running = daemon.start();
    let proxy = Proxy::new(uri)?;
    assert_eq!(
        proxy.call::<Told>("tell", ByHand)?,
        Told::Value("serpent (('by hand',), {})".to_owned())
    );
    assert_eq!(
        proxy.call::<Told>("fail", ())?,
        Told::Raised("builtins.ValueError".to_owned())
    );
    running.stop();
    Ok(())
}

thread_local!(static LOCKED: Cell<bool> = const { Cell::new(false) });

/// Notes whether it is written while the lock is held, as those are that belong to an interpreter.
struct Locked;

impl serde::Serialize for Locked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bool(LOCKED.get())
    }
}

#[test]
fn what_waits_is_run_by_the_hook_and_what_is_written_is_not() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(0))?;
    let running = daemon.start();
    let waits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&waits);
    let proxy = Proxy::builder()
        .around_waits(move |wait| {
            LOCKED.set(false);
            counted.fetch_add(1, Ordering::SeqCst);
            wait();
            LOCKED.set(true);
        })
        .build(uri)?;
    LOCKED.set(true);
    let told: Value = proxy.call("tell", (Locked,))?;
    assert_eq!(told.to_string(), "((True,), {})");
    assert!(LOCKED.get());
    let before = waits.load(Ordering::SeqCst);
    let _: Value = proxy.call("tell", (Locked,))?;
    // One for the call that goes out and its answer.
    assert_eq!(waits.load(Ordering::SeqCst), before + 1);
    running.stop();
    Ok(())
}

#[test]
fn a_hook_that_runs_nothing_costs_no_call() -> Result<()> {
    let daemon = Daemon::builder().around_threads(|_work| {}).bind()?;
    let uri = daemon.register("anything", anything(7))?;
    let running = daemon.start();
    let proxy = Proxy::builder().around_waits(|_wait| {}).build(uri)?;
    assert_eq!(proxy.call::<usize>("made", ())?, 7);
    running.stop();
    Ok(())
}

#[test]
fn the_threads_of_a_server_and_its_housekeeping_are_the_programs_to_prepare() -> Result<()> {
    thread_local!(static PREPARED: Cell<bool> = const { Cell::new(false) });
    struct Asks(Members);
    impl Object for Asks {
        fn members(&self) -> &Members {
            &self.0
        }
        fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
            call.reply(&PREPARED.get())
        }
    }
    let kept = Arc::new(AtomicBool::new(false));
    let housekeeping = Arc::clone(&kept);
    let config = Config::from_vars([("PYRO_POLLTIMEOUT", "0.05")])?;
    let daemon = Daemon::builder()
        .config(config)
        .around_threads(|work| {
            PREPARED.set(true);
            work();
        })
        .housekeeping(move || housekeeping.store(true, Ordering::SeqCst))
        .bind()?;
    let uri = daemon.register("asks", Asks(Anything::members()))?;
    let running = daemon.start();
    assert!(Proxy::new(uri)?.call::<bool>("made", ())?);
    while !kept.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10));
    }
    running.stop();
    Ok(())
}

#[test]
fn an_error_of_the_writer_of_a_call_leaves_the_connection_as_it_was() -> Result<()> {
    struct Failing;
    impl Arguments for Failing {
        fn count(&self) -> usize {
            0
        }
        fn write<T: SerializeTuple>(&self, _tuple: &mut T) -> Result<(), T::Error> {
            Ok(())
        }
        fn payload(&self, _call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<Result<()>> {
            message.extend_from_slice(b"half of it");
            Some(Err(Error::new(ErrorKind::Type, "cannot be written")))
        }
    }
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(1))?;
    let running = daemon.start();
    let proxy = Proxy::new(uri)?;
    let error = proxy.call::<Value>("tell", Failing).expect_err("it cannot be written");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Type, "cannot be written"));
    assert!(proxy.is_connected());
    assert_eq!(proxy.call::<usize>("made", ())?, 1);
    running.stop();
    Ok(())
}

#[test]
fn an_exception_can_be_written_by_the_object_itself_for_one_serializer() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(0))?;
    let running = daemon.start();
    for (serializer, class, text) in [
        (Serializer::Serpent, "KeyError", "by hand"),
        (Serializer::Json, "ValueError", "as the library writes it"),
    ] {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        let error = proxy.call::<()>("fail_written", ()).expect_err("it fails");
        let remote = error.as_remote().expect("an exception of the object's");
        assert_eq!(remote.class_name(), class);
        assert_eq!(remote.args(), [Value::from(text)]);
    }
    running.stop();
    Ok(())
}

/// A batch whose calls are written by hand.
struct BatchByHand;

impl Arguments for BatchByHand {
    fn count(&self) -> usize {
        2
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        tuple.serialize_element("not this")
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<Result<()>> {
        let ForeignCall { object, method, .. } = call;
        let calls = r#"[["made", [], {}], ["made", [], {}]]"#;
        let text = format!(r#"{{"object": "{object}", "method": "{method}", "params": {calls}, "kwargs": null}}"#);
        message.extend_from_slice(text.as_bytes());
        Some(Ok(()))
    }
}

#[test]
fn batches_go_through_the_hands_of_bindings_at_both_ends() -> Result<()> {
    let daemon = Daemon::new()?;
    let uri = daemon.register("anything", anything(7))?;
    let running = daemon.start();
    let proxy = Proxy::builder().serializer(Serializer::Json).build(uri.clone())?;
    let results = proxy.batch_foreign::<Told>(BatchByHand, false)?;
    let expected = r#"json [2, "'Anything' object has no attribute 'hidden'"]"#;
    assert_eq!(results, Told::Value(expected.to_owned()));
    assert_eq!(proxy.batch_foreign::<Told>(BatchByHand, true)?, Told::Nothing);
    // With another serializer the library makes the calls.
    let other = Proxy::builder().serializer(Serializer::Msgpack).build(uri)?;
    assert_eq!(other.batch().call("made", ()).run()?.all::<usize>()?, [7]);
    running.stop();
    Ok(())
}

/// Data that are written by hand, in a blob.
struct BlobByHand(SerializedBlob);

impl Arguments for BlobByHand {
    fn count(&self) -> usize {
        1
    }

    fn write<T: SerializeTuple>(&self, tuple: &mut T) -> Result<(), T::Error> {
        self.0.write(tuple)
    }

    fn blob(&self) -> Option<&SerializedBlob> {
        Some(&self.0)
    }

    fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<Result<()>> {
        ByHand.payload(call, message)
    }
}

#[test]
fn the_data_of_a_blob_can_be_written_and_read_by_a_binding() -> Result<()> {
    struct Opens(Members);
    impl Object for Opens {
        fn members(&self) -> &Members {
            &self.0
        }
        fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
            let (blob,) = call.args::<(SerializedBlob,)>()?;
            let (serializer, payload) = blob.written().expect("it was received");
            call.reply(&format!(
                "{serializer} {} {}",
                blob.info(),
                String::from_utf8_lossy(payload)
            ))
        }
    }
    let daemon = Daemon::new()?;
    let uri = daemon.register("opens", Opens(Anything::members()))?;
    let running = daemon.start();
    let blob = SerializedBlob::new("info", &())?;
    assert!(blob.written().is_none());
    let told: String = Proxy::new(uri)?.call("tell", BlobByHand(blob))?;
    assert_eq!(
        told,
        "serpent 'info' # serpent utf-8 python3.2\n('opens','tell',('by hand',),{})"
    );
    running.stop();
    Ok(())
}

#[test]
fn an_attribute_is_set_to_what_a_binding_has_written() -> Result<()> {
    struct Level(Members);
    impl Object for Level {
        fn members(&self) -> &Members {
            &self.0
        }
        fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
            call.refuse()
        }
        fn set_attribute(&self, call: Call<'_>) -> Result<Reply, Raise> {
            let value: String = call.value()?;
            call.reply(&value)
        }
    }
    struct Named;
    impl Arguments for Named {
        fn count(&self) -> usize {
            2
        }
        fn write<T: SerializeTuple>(&self, _tuple: &mut T) -> Result<(), T::Error> {
            Ok(())
        }
        fn payload(&self, call: &ForeignCall<'_>, message: &mut Vec<u8>) -> Option<Result<()>> {
            let ForeignCall { object, method, .. } = call;
            let text = format!("# serpent utf-8 python3.2\n('{object}','{method}',('level','by hand'),None)");
            message.extend_from_slice(text.as_bytes());
            Some(Ok(()))
        }
    }
    let mut members = Anything::members();
    members.attributes = vec![Attribute::readable("level").writable_if(true)].into();
    let daemon = Daemon::new()?;
    let uri = daemon.register("level", Level(members))?;
    let running = daemon.start();
    let told = Proxy::new(uri)?.set_foreign::<Told>("level", Named)?;
    assert_eq!(told, Told::Value("serpent 'by hand'".to_owned()));
    running.stop();
    Ok(())
}
