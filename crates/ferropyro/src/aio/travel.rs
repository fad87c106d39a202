//! Async proxies as arguments and results: they travel as [`ferropyro::Proxy`](crate::Proxy) does.

use std::borrow::Cow;

use ferropyro_formats::Value;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::Proxy;
use crate::proxy::settings::Target;
use crate::{Error, Result};

/// As `ferropyro::Proxy` does.
impl Serialize for Proxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Target { uri, metadata, .. } = self.shared.target().clone();
        let state = self.shared.settings.as_state(Cow::Owned(uri), &metadata);
        state.serialize(serializer)
    }
}

/// As `ferropyro::Proxy` does.
impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Proxy, D::Error> {
        crate::Proxy::deserialize(deserializer).map(Proxy::from)
    }
}

/// Another proxy for the same object with the same settings, except for the hook [`on_reconnect`](crate::ProxyBuilder::on_reconnect), which may block; it
/// makes a connection of its own.
impl From<crate::Proxy> for Proxy {
    fn from(proxy: crate::Proxy) -> Proxy {
        let (mut settings, target) = proxy.parts();
        settings.hooks.on_reconnect = None;
        Proxy::from_parts(settings, target)
    }
}

/// As its `Deserialize` does, for a proxy that has come among other values.
impl TryFrom<&Value> for Proxy {
    type Error = Error;

    fn try_from(value: &Value) -> Result<Proxy> {
        crate::Proxy::try_from(value).map(Proxy::from)
    }
}
