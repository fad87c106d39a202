//! Arguments that stay serialized on their way.

use std::sync::Mutex;

use ferropyro::{
    Config, Dict, Error, ErrorKind, Proxy, Raise, Result, RunningDaemon, SerializedBlob, Serializer, Uri, Value,
    expose, remote,
};
use serde::{Deserialize, Serialize};

use super::support::{DIALECTS, dict, proxies};
use crate::server;

/// Takes blobs: looks into them, passes them on, or only reads the label.
#[derive(Default)]
struct Desk {
    next: Mutex<Option<Proxy>>,
    seen: Mutex<Vec<String>>,
}

#[expose]
impl Desk {
    pub fn read(&self, blob: SerializedBlob) -> std::result::Result<(Value, Value), Raise> {
        self.note(&blob);
        Ok((blob.info().clone(), blob.deserialized()?))
    }

    pub fn label(&self, blob: SerializedBlob) -> Value {
        blob.info().clone()
    }

    pub fn pass_on(&self, blob: SerializedBlob) -> std::result::Result<Value, Raise> {
        self.note(&blob);
        let next = self.next.lock().expect("no panic").clone();
        Ok(next.ok_or("nobody is next")?.call("read", &blob)?)
    }

    pub fn plain(&self, value: Value, #[default(0)] times: i64) -> Value {
        let _ = times;
        value
    }
}

impl Desk {
    fn note(&self, blob: &SerializedBlob) {
        self.seen.lock().expect("no panic").push(format!("{blob:?}"));
    }
}

fn desk() -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("desk", Desk::default())?;
    Ok((daemon.start(), uri))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    number: u32,
    items: Vec<String>,
}

fn order() -> Order {
    Order {
        number: 17,
        items: vec!["tea".to_owned(), "rice".to_owned()],
    }
}

// Conformance: BLOB-01, BLOB-02, BLOB-05
#[test]
fn a_method_gets_the_label_and_the_data_of_a_blob() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for proxy in proxies(&uri)? {
        let blob = SerializedBlob::new("orders", &order())?;
        let (info, order_read): (String, Order) = proxy.call("read", &blob)?;
        assert_eq!((info.as_str(), order_read), ("orders", order()));
        // Data of any kind, not only what could be arguments.
        for data in [
            Value::None,
            Value::from(5),
            Value::from("text"),
            Value::Dict(dict([("a", 1)])),
        ] {
            let blob = SerializedBlob::new(Value::List(vec![1.into(), "two".into()]), &data)?;
            let read: (Vec<Value>, Value) = proxy.call("read", (&blob,))?;
            assert_eq!(read, (vec![1.into(), "two".into()], data));
        }
    }
    Ok(())
}

// Conformance: BLOB-02
#[test]
fn a_blob_made_here_gives_back_what_it_was_made_of() -> Result<()> {
    let blob = SerializedBlob::new(("about", 1).0, &order())?;
    assert_eq!(*blob.info(), Value::from("about"));
    assert_eq!(blob.deserialized::<Order>()?, order());
    assert_eq!(blob.deserialized::<i64>().unwrap_err().kind(), ErrorKind::Serialize);
    Ok(())
}

// Conformance: BLOB-02
#[test]
fn data_are_decoded_only_when_they_are_asked_for() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        let number = SerializedBlob::new("a number", &1)?;
        // A class that Pyro refuses to read: nobody minds as long as nobody looks.
        let refused = Dict::from([("__class__", "my__class")]);
        let refused = SerializedBlob::new("a class", &Value::Dict(refused))?;
        for blob in [&number, &refused] {
            assert_eq!(proxy.call::<Value>("label", blob)?, *blob.info());
        }
        assert!(proxy.call::<Value>("read", &number).is_ok());
        assert!(proxy.call::<Value>("read", &refused).is_err());
    }
    Ok(())
}

// Conformance: BLOB-03
#[test]
fn a_blob_is_passed_on_as_it_came_whatever_the_next_one_speaks() -> Result<()> {
    let (_last, last) = desk()?;
    for next in proxies(&last)? {
        let daemon = server::daemon().bind()?;
        let dispatcher = Desk {
            next: Mutex::new(Some(next)),
            ..Desk::default()
        };
        let uri = daemon.register("desk", dispatcher)?;
        let _running = daemon.start();
        for proxy in proxies(&uri)? {
            let blob = SerializedBlob::new("orders", &order())?;
            let read: (String, Order) = proxy.call("pass_on", &blob)?;
            assert_eq!(read, ("orders".to_owned(), order()));
        }
    }
    Ok(())
}

// Conformance: BLOB-03, BLOB-05
#[test]
fn blobs_pass_through_compression_and_keys() -> Result<()> {
    let config = Config::default().compression(true);
    let daemon = server::daemon().config(config.clone()).hmac_key("secret").bind()?;
    let last = daemon.register("last", Desk::default())?;
    let keyed = || Proxy::builder().config(config.clone()).hmac_key("secret");
    let dispatcher = Desk {
        next: Mutex::new(Some(keyed().build(last)?)),
        ..Desk::default()
    };
    let uri = daemon.register("desk", dispatcher)?;
    let _running = daemon.start();
    let long = "long ".repeat(1000);
    let blob = SerializedBlob::new("text", &long)?;
    let read: (String, String) = keyed().build(uri)?.call("pass_on", &blob)?;
    assert_eq!(read, ("text".to_owned(), long));
    Ok(())
}

// Conformance: BLOB-04
#[test]
fn a_blob_with_keyword_arguments_is_refused_and_nothing_is_sent() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for proxy in proxies(&uri)? {
        proxy.bind()?;
        let blob = SerializedBlob::new("info", &1)?;
        let error = proxy.call_with::<()>("read", &blob, &dict([("times", 1)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Serialize);
        assert_eq!(
            error.message(),
            "if SerializedBlob is used, it must be the only argument"
        );
        assert!(proxy.is_connected());
        proxy.call::<Value>("read", &blob)?;
    }
    Ok(())
}

#[test]
fn blobs_and_other_arguments_are_not_mistaken_for_each_other() -> Result<()> {
    let (_daemon, uri) = desk()?;
    let type_error = |error: Error| {
        let remote = error.as_remote().expect("an exception of the server");
        assert_eq!(remote.class(), "builtins.TypeError", "{error}");
    };
    for proxy in proxies(&uri)? {
        let blob = SerializedBlob::new("info", &[1, 2])?;
        type_error(proxy.call::<Value>("plain", &blob).unwrap_err());
        type_error(proxy.call::<Value>("read", (1,)).unwrap_err());
        type_error(proxy.call::<Value>("read", ()).unwrap_err());
        type_error(proxy.call::<Value>("read", (1, 2)).unwrap_err());
        assert!(proxy.is_connected());
    }
    Ok(())
}

#[remote]
trait Reading {
    fn read(&self, blob: &SerializedBlob) -> Result<(String, Order)>;
}

#[test]
fn typed_clients_send_blobs() -> Result<()> {
    let (_daemon, uri) = desk()?;
    let client = ReadingClient::new(Proxy::builder().serializer(Serializer::Json).build(uri)?);
    let read = client.read(&SerializedBlob::new("orders", &order())?)?;
    assert_eq!(read, ("orders".to_owned(), order()));
    Ok(())
}
