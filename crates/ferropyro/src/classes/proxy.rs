//! Proxies as they travel: the class `Proxy` of Pyro4 and Pyro5, whose states differ.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ferropyro_formats::{ClassDict, ClassName, Instance, Value, from_value};
use ferropyro_wire::Dialect;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, SerializeTuple, Serializer};

use crate::classes::pyro5_name;
use crate::serializer::writing_dialect;
use crate::session::metadata::Metadata;
use crate::{Config, Error, ErrorKind, Proxy, Result, Uri, context};

pub(crate) const CLASS: &str = "Pyro5.client.Proxy";

/// A proxy as data: what a program needs to make one.
pub(crate) struct ProxyState<'a> {
    pub(crate) uri: Cow<'a, Uri>,
    pub(crate) metadata: Cow<'a, Metadata>,
    pub(crate) handshake: Cow<'a, Value>,
    /// The name of the serializer; `None` is that of the program that gets the proxy.
    pub(crate) serializer: Option<&'a str>,
}

impl Serialize for ProxyState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        ClassDict(Object(self)).serialize(serializer)
    }
}

struct Object<'a>(&'a ProxyState<'a>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct("Proxy", 2)?;
        dict.serialize_field("__class__", &ClassName(CLASS))?;
        dict.serialize_field("state", &State(self.0))?;
        dict.end()
    }
}

struct State<'a>(&'a ProxyState<'a>);

impl Serialize for State<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let ProxyState {
            uri,
            metadata,
            handshake,
            serializer: name,
        } = self.0;
        let dialect = writing_dialect();
        let is_pyro4 = !dialect.is_pyro5();
        let length = match dialect {
            Dialect::V46 => 3,
            // A reader of protocol 47 leaves alone what it does not know.
            Dialect::V47 | Dialect::V48 => 9,
            Dialect::V502 => 6,
        };
        let mut state = serializer.serialize_tuple(length)?;
        state.serialize_element(&uri.to_string())?;
        state.serialize_element(&Names(&metadata.oneway))?;
        if dialect == Dialect::V46 {
            // The timeout, see below.
            state.serialize_element(&0.0)?;
            return state.end();
        }
        state.serialize_element(&Names(&metadata.methods))?;
        state.serialize_element(&Names(&metadata.attributes))?;
        if is_pyro4 {
            // The timeout, which no reader looks at, and the key, which is not told to anybody.
            state.serialize_element(&0.0)?;
            state.serialize_element(&())?;
        }
        state.serialize_element(&**handshake)?;
        if is_pyro4 {
            // The number of retries, which no reader looks at.
            state.serialize_element(&0)?;
        }
        state.serialize_element(name)?;
        state.end()
    }
}

/// Names as a tuple.
struct Names<'a>(&'a [String]);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut names = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|name| names.serialize_element(name))?;
        names.end()
    }
}

/// As an object of Python's class `Proxy`, as the peer's generation has it. The settings that go along are the URI, what is known of the object (which is
/// nothing before the proxy has connected), the handshake data, and the serializer if one was chosen for this proxy. A key does not: who gets the
/// proxy must know it already.
impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.read_state(|state| state.serialize(serializer))
    }
}

/// Takes an object of Python's class `Proxy` of either generation, a `URI`, and a URI's text.
///
/// The proxy has the handshake data, serializer and key that came with it. Everything else is as the configuration of the daemon says in whose call it is read;
/// in an answer that comes encrypted (TLS) as that of the proxy says that has got it; elsewhere as [`Config::default`] does.
impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Proxy, D::Error> {
        proxy_of(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// As its `Deserialize` does, for a proxy that has come among other values.
impl TryFrom<&Value> for Proxy {
    type Error = Error;

    fn try_from(value: &Value) -> Result<Proxy> {
        proxy_of(value.clone())
    }
}

fn proxy_of(value: Value) -> Result<Proxy> {
    match value {
        Value::Instance(instance) if pyro5_name(&instance.class) == CLASS => proxy_of_class(*instance),
        uri => Proxy::builder().config(config()).build(from_value::<Uri>(uri)?),
    }
}

thread_local! {
    /// That of the proxy whose answer is being read.
    static OF_THE_READER: RefCell<Option<Arc<Config>>> = const { RefCell::new(None) };
}

/// Reads something; the proxies in it get this configuration.
pub(crate) fn read_with<T>(config: &Arc<Config>, read: impl FnOnce() -> T) -> T {
    /// Also when there is a panic.
    struct Restored(Option<Arc<Config>>);
    impl Drop for Restored {
        fn drop(&mut self) {
            OF_THE_READER.replace(self.0.take());
        }
    }
    let _restored = Restored(OF_THE_READER.replace(Some(Arc::clone(config))));
    read()
}

/// That of the proxy whose answer is being read, or else that of the daemon whose call is being served.
fn config() -> Config {
    if let Some(config) = OF_THE_READER.with_borrow(Clone::clone) {
        return Config::clone(&config);
    }
    let core = context::current().and_then(|context| context.connection().core.upgrade());
    core.map(|core| core.config.clone()).unwrap_or_default()
}

fn proxy_of_class(mut instance: Instance) -> Result<Proxy> {
    let state = instance.attributes.remove("state").unwrap_or_default();
    let state = state.into_items().unwrap_or_default();
    let is_pyro5 = !instance.class.starts_with("Pyro4.");
    let hello = Value::from("hello");
    let none = Value::None;
    let (handshake, key, serializer) = match (is_pyro5, state.as_slice()) {
        (true, [_, _, _, _, handshake, serializer]) => (handshake, &none, serializer),
        // From protocol 46 (and Pyro4 4.26), from 47 without and with a key.
        (false, [_, _, _] | [_, _, _, _, _]) => (&hello, &none, &none),
        (false, [_, _, _, _, _, key]) => (&hello, key, &none),
        (false, [_, _, _, _, _, key, handshake, _]) => (handshake, key, &none),
        (false, [_, _, _, _, _, key, handshake, _, serializer, ..]) => (handshake, key, serializer),
        (_, state) => {
            let text = format!("the state of a {} has not {} items", instance.class, state.len());
            return Err(Error::new(ErrorKind::Serialize, text));
        }
    };
    let mut builder = Proxy::builder().config(config()).handshake(handshake.clone());
    // A name that cannot be used here is no more than the sender's taste.
    if let Some(Ok(serializer)) = serializer.as_str().map(str::parse) {
        builder = builder.serializer(serializer);
    }
    if *key != Value::None {
        builder = builder.hmac_key(decode_key(key)?);
    }
    let uri = state.first().and_then(Value::as_str).unwrap_or_default();
    let proxy = builder.build(uri)?;
    let [_, oneway, methods, attributes, _, ..] = state.as_slice() else {
        // Who does not know metadata sends none.
        return Ok(proxy);
    };
    let metadata = Metadata {
        methods: names(methods),
        oneway: names(oneway),
        attributes: names(attributes),
    };
    Ok(proxy.knowing(metadata))
}

fn names(value: &Value) -> Vec<String> {
    let items = value.clone().into_items().unwrap_or_default();
    items
        .into_iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// Pyro4 sends `b64:` and the key. The error has its words.
fn decode_key(key: &Value) -> Result<Vec<u8>> {
    let encoded = key.as_str().and_then(|text| text.strip_prefix("b64:"));
    let decoded = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    decoded.ok_or_else(|| Error::new(ErrorKind::Protocol, "hmac encoding error"))
}
