//! Proxies as they travel: the class `Proxy` of Pyro4 and Pyro5, whose states differ.

use std::borrow::Cow;

use ferropyro_formats::{ClassName, Value};
use serde::ser::{Serialize, SerializeStruct, SerializeTuple, Serializer};

use crate::Uri;
use crate::serializer::writing_dialect;
use crate::session::metadata::Metadata;

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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_struct("Proxy", 2)?;
        dict.serialize_field("__class__", &ClassName(CLASS))?;
        dict.serialize_field("state", &State(self))?;
        dict.end()
    }
}

struct State<'a>(&'a ProxyState<'a>);

impl Serialize for State<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ProxyState {
            uri,
            metadata,
            handshake,
            serializer: name,
        } = self.0;
        let is_pyro4 = !writing_dialect().is_pyro5();
        let mut state = serializer.serialize_tuple(if is_pyro4 { 9 } else { 6 })?;
        state.serialize_element(&uri.to_string())?;
        state.serialize_element(&Names(&metadata.oneway))?;
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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|name| names.serialize_element(name))?;
        names.end()
    }
}
