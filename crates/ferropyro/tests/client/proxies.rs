//! Proxies as arguments and results.

use std::time::Duration;

use ferropyro::formats::{from_value, to_value};
use ferropyro::{
    Config, Dict, Instance, Proxy, Raise, Result, RunningDaemon, SerializedBlob, Serializer, Uri, Value, expose,
};

use super::support::{DIALECTS, proxies, worker};
use crate::server;

/// Gives proxies away, and looks at those that it gets.
struct Broker(Proxy);

#[expose]
impl Broker {
    pub fn give(&self) -> Proxy {
        self.0.clone()
    }

    pub fn give_many(&self) -> Vec<(String, Proxy)> {
        vec![("one".to_owned(), self.0.clone()), ("two".to_owned(), self.0.clone())]
    }

    pub fn call_add(&self, proxy: Proxy) -> std::result::Result<i64, Raise> {
        Ok(proxy.call("add", (20, 22))?)
    }

    pub fn timeout_of(&self, proxy: Proxy) -> Option<f64> {
        proxy.timeout().map(|timeout| timeout.as_secs_f64())
    }

    pub fn add_by_blob(&self, blob: SerializedBlob) -> std::result::Result<(usize, i64), Raise> {
        let Value::Instance(instance) = blob.deserialized()? else {
            return Err("no object".into());
        };
        let items = instance
            .attributes
            .get("state")
            .and_then(Value::as_sequence)
            .map_or(0, <[Value]>::len);
        Ok((items, blob.deserialized::<Proxy>()?.call("add", (1, 2))?))
    }

    /// The class and the state, as they came.
    pub fn look_at(&self, value: Value) -> std::result::Result<(String, Value), Raise> {
        match value {
            Value::Instance(mut instance) => {
                let state = instance.attributes.remove("state").unwrap_or_default();
                let items = state.into_items().map_err(|_| "no sequence")?;
                Ok((instance.class, Value::List(items)))
            }
            other => Err(Raise::new("TypeError", format!("no object: {other}"))),
        }
    }
}

fn broker(proxy: Proxy, config: Config) -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().config(config).bind()?;
    let uri = daemon.register("broker", Broker(proxy))?;
    Ok((daemon.start(), uri))
}

#[test]
fn a_proxy_travels_in_every_serializer_and_works_at_the_other_end() -> Result<()> {
    let watch = worker(Config::default())?;
    let (_daemon, uri) = broker(watch.proxy(DIALECTS[0])?, Config::default())?;
    for broker in proxies(&uri)? {
        let given: Proxy = broker.call("give", ())?;
        assert_eq!(given.call::<i64>("add", (1, 2))?, 3);
        let many: Vec<(String, Proxy)> = broker.call("give_many", ())?;
        assert_eq!(many[1].1.call::<i64>("add", (3, 4))?, 7);
        assert_eq!(broker.call::<i64>("call_add", (given,))?, 42);
        let value: Value = broker.call("give", ())?;
        assert_eq!(Proxy::try_from(&value)?.call::<i64>("add", (5, 6))?, 11);
    }
    Ok(())
}

#[test]
fn each_generation_gets_the_state_that_it_knows() -> Result<()> {
    let watch = worker(Config::default())?;
    let (_daemon, uri) = broker(watch.proxy(DIALECTS[0])?, Config::default())?;
    let sent = Proxy::builder()
        .hmac_key("secret")
        .serializer(Serializer::Json)
        .handshake("sesame")
        .build("PYRO:thing@localhost:4711")?;
    let nothing = || Value::Tuple(Vec::new());
    for dialect in DIALECTS {
        let broker = Proxy::builder().dialect(dialect).build(uri.clone())?;
        let (class, state): (String, Value) = broker.call("look_at", (&sent,))?;
        let mut expected = vec!["PYRO:thing@localhost:4711".into(), nothing(), nothing(), nothing()];
        if dialect.is_pyro5() {
            expected.extend(["sesame".into(), "json".into()]);
            assert_eq!(class, "Pyro5.client.Proxy");
        } else {
            // The timeout; the key, which is nobody else's business; and the number of retries.
            expected.extend([0.0.into(), Value::None, "sesame".into(), 0.into(), "json".into()]);
            assert_eq!(class, "Pyro4.core.Proxy");
        }
        assert_eq!(state, Value::List(expected));
    }
    Ok(())
}

/// Both are made before it is known who gets them.
#[test]
fn a_proxy_in_a_batch_or_a_blob_has_the_form_of_the_generation_that_gets_it() -> Result<()> {
    let watch = worker(Config::default())?;
    let (_daemon, uri) = broker(watch.proxy(DIALECTS[0])?, Config::default())?;
    for broker in proxies(&uri)? {
        let items = if broker.dialect()?.is_pyro5() { 6 } else { 9 };
        let sent = watch.proxy(DIALECTS[1])?;
        let results = broker
            .batch()
            .call("look_at", (&sent,))
            .call("call_add", (&sent,))
            .run()?;
        let results: Vec<Value> = results.collect::<Result<_>>()?;
        let looked: (String, Vec<Value>) = from_value(results[0].clone())?;
        assert_eq!(looked.1.len(), items);
        assert_eq!(results[1], Value::from(42));
        let blob = SerializedBlob::new("a proxy", &sent)?;
        assert_eq!(broker.call::<(usize, i64)>("add_by_blob", &blob)?, (items, 3));
    }
    Ok(())
}

#[test]
fn what_is_known_of_an_object_goes_along_and_is_passed_on() -> Result<()> {
    let watch = worker(Config::default())?;
    let connected = watch.proxy(DIALECTS[1])?;
    connected.bind()?;
    let read: Proxy = from_value(to_value(&connected)?)?;
    for proxy in [&connected, &read] {
        let Value::Instance(object) = to_value(proxy)? else {
            panic!("no object")
        };
        let state = object
            .attributes
            .get("state")
            .and_then(Value::as_sequence)
            .expect("a state");
        assert_eq!(state[1], Value::Tuple(vec!["forget".into()]));
        assert!(state[2].as_sequence().expect("names").contains(&"add".into()));
        assert_eq!(state[3], Value::Tuple(vec!["items".into()]));
        assert_eq!(state[5], Value::None, "no serializer was chosen");
    }
    assert!(!read.is_connected());
    Ok(())
}

#[test]
fn a_proxy_may_be_an_argument_of_its_own_call() -> Result<()> {
    let watch = worker(Config::default())?;
    let (_daemon, uri) = broker(watch.proxy(DIALECTS[0])?, Config::default())?;
    for proxy in proxies(&uri)? {
        let (_, state): (String, Vec<Value>) = proxy.call("look_at", (&proxy,))?;
        assert_eq!(state[0], Value::from(uri.to_string()));
    }
    Ok(())
}

#[test]
fn a_proxy_that_is_read_in_a_call_has_the_configuration_of_the_daemon() -> Result<()> {
    let watch = worker(Config::default())?;
    let config = Config::default().commtimeout(Duration::from_secs(7));
    let (_daemon, uri) = broker(watch.proxy(DIALECTS[0])?, config)?;
    let proxy = watch.proxy(DIALECTS[1])?;
    for broker in proxies(&uri)? {
        assert_eq!(broker.call::<Option<f64>>("timeout_of", (&proxy,))?, Some(7.0));
    }
    let read: Proxy = from_value(to_value(&proxy)?)?;
    assert_eq!(read.timeout(), None);
    Ok(())
}

/// An object as Python sends it.
fn object<const N: usize>(class: &str, state: [Value; N]) -> Value {
    Value::from(Instance {
        class: class.to_owned(),
        attributes: Dict::from([("state", Value::Tuple(state.to_vec()))]),
    })
}

fn none() -> Value {
    Value::Tuple(Vec::new())
}

fn state_of(proxy: &Proxy) -> Result<Vec<Value>> {
    let Value::Instance(object) = to_value(proxy)? else {
        panic!("no object")
    };
    let state = object.attributes.get("state").cloned().unwrap_or_default();
    Ok(state.into_items().expect("a sequence"))
}

#[test]
fn the_states_of_all_releases_that_pyro_itself_reads_are_read() -> Result<()> {
    let uri = || Value::from("PYRO:thing@localhost:4711");
    let key = || Value::from("b64:c2VjcmV0");
    let (hello, name) = (|| Value::from("hi"), || Value::from("marshal"));
    let pyro4 = "Pyro4.core.Proxy";
    let nine = [
        uri(),
        none(),
        none(),
        none(),
        1.5.into(),
        key(),
        hello(),
        3.into(),
        name(),
    ];
    let eight = [
        uri(),
        none(),
        none(),
        none(),
        1.5.into(),
        Value::None,
        hello(),
        3.into(),
    ];
    let six = [uri(), none(), none(), none(), hello(), name()];
    for (value, serializer) in [
        (object(pyro4, nine), name()),
        (object(pyro4, eight), Value::None),
        (object("Pyro5.client.Proxy", six), name()),
    ] {
        let state = state_of(&Proxy::try_from(&value)?)?;
        assert_eq!((&state[0], &state[4], &state[5]), (&uri(), &hello(), &serializer));
    }
    Ok(())
}

#[test]
fn a_uri_is_read_as_a_proxy_for_it() -> Result<()> {
    let text = "PYRO:thing@localhost:4711";
    let uri: Uri = text.parse()?;
    for value in [Value::from(text), to_value(&uri)?] {
        assert_eq!(Proxy::try_from(&value)?.uri(), uri);
    }
    Ok(())
}

#[test]
fn a_serializer_that_there_is_not_here_is_left_to_the_configuration() -> Result<()> {
    let state = [
        "PYRO:thing@localhost:4711".into(),
        none(),
        none(),
        none(),
        "hello".into(),
        "yaml".into(),
    ];
    let proxy = Proxy::try_from(&object("Pyro5.client.Proxy", state))?;
    assert_eq!(state_of(&proxy)?[5], Value::None);
    Ok(())
}

#[test]
fn what_is_no_proxy_is_refused() {
    let uri = || Value::from("PYRO:thing@localhost:4711");
    let hmac = [
        uri(),
        none(),
        none(),
        none(),
        0.into(),
        "secret".into(),
        "hello".into(),
        0.into(),
    ];
    for (value, text) in [
        (Value::from(5), "invalid type: integer `5`, expected a URI"),
        (Value::from("nonsense"), "invalid uri"),
        (object("Pyro4.core.Proxy", hmac), "hmac encoding error"),
        (
            object("Pyro5.client.Proxy", [uri(), none()]),
            "the state of a Pyro5.client.Proxy has not 2 items",
        ),
        (
            object(
                "my.Thing",
                ["PYRO".into(), "thing".into(), Value::None, "host".into(), 1.into()],
            ),
            "an object of class my.Thing where a URI belongs",
        ),
        (
            object(
                "Pyro5.client.Proxy",
                [1.into(), none(), none(), none(), 1.into(), 2.into()],
            ),
            "invalid uri",
        ),
    ] {
        let error = Proxy::try_from(&value).unwrap_err();
        assert_eq!(error.message(), text);
    }
}
