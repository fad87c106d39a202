//! The two clients of the library, behind one face: what pytest asks of the one it asks of the other.

use std::sync::LazyLock;

use ferropyro::{
    Arguments, BatchResults, Description, Dialect, Dict, Error, FromReply, Items, Metadata, Proxy, ProxyBuilder,
    Result, Value, aio,
};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

/// Where async proxies live.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has what a runtime needs")
});

/// A proxy of either kind.
pub(crate) enum Caller {
    Blocking(Proxy),
    Async(aio::Proxy),
}

/// Does the same with a proxy of either kind, and waits for it.
macro_rules! on_proxy {
    ($self:expr, $proxy:ident => $do:expr) => {
        match $self {
            Caller::Blocking($proxy) => $do,
            Caller::Async($proxy) => RUNTIME.block_on($do),
        }
    };
}

impl Caller {
    pub(crate) fn build(builder: ProxyBuilder, uri: &str, is_async: bool) -> Result<Caller> {
        match is_async {
            true => builder.build_async(uri).map(Caller::Async),
            false => builder.build(uri).map(Caller::Blocking),
        }
    }

    pub(crate) fn call<R: FromReply>(&self, method: &str, args: impl Arguments) -> Result<R> {
        on_proxy!(self, proxy => proxy.call(method, args))
    }

    pub(crate) fn call_with<R: FromReply>(&self, method: &str, args: impl Arguments, kwargs: &Dict) -> Result<R> {
        on_proxy!(self, proxy => proxy.call_with(method, args, kwargs))
    }

    pub(crate) fn call_oneway(&self, method: &str, args: impl Arguments) -> Result<()> {
        on_proxy!(self, proxy => proxy.call_oneway(method, args))
    }

    pub(crate) fn get(&self, attribute: &str) -> Result<Value> {
        on_proxy!(self, proxy => proxy.get(attribute))
    }

    pub(crate) fn set<T: Serialize>(&self, attribute: &str, value: T) -> Result<()> {
        on_proxy!(self, proxy => proxy.set(attribute, value))
    }

    pub(crate) fn metadata(&self) -> Result<Metadata> {
        on_proxy!(self, proxy => proxy.metadata())
    }

    pub(crate) fn describe(&self) -> Result<Option<Description>> {
        on_proxy!(self, proxy => proxy.describe())
    }

    pub(crate) fn dialect(&self) -> Result<Dialect> {
        on_proxy!(self, proxy => proxy.dialect())
    }

    pub(crate) fn handshake_answer(&self) -> Result<Value> {
        on_proxy!(self, proxy => proxy.handshake_answer())
    }

    pub(crate) fn is_connected(&self) -> bool {
        on_proxy!(self, proxy => proxy.is_connected())
    }

    pub(crate) fn bind(&self) -> Result<()> {
        on_proxy!(self, proxy => proxy.bind())
    }

    pub(crate) fn release(&self) {
        on_proxy!(self, proxy => proxy.release());
    }

    pub(crate) fn reconnect(&self, tries: u32) -> Result<()> {
        on_proxy!(self, proxy => proxy.reconnect(tries))
    }

    pub(crate) fn uri(&self) -> String {
        match self {
            Caller::Blocking(proxy) => proxy.uri().to_string(),
            Caller::Async(proxy) => proxy.uri().to_string(),
        }
    }

    /// The items of the iterator that a method gives back.
    pub(crate) fn items<T: FromReply>(&self, method: &str, args: impl Arguments) -> Result<AnyItems<T>> {
        match self {
            Caller::Blocking(proxy) => proxy.call(method, args).map(AnyItems::Blocking),
            Caller::Async(proxy) => RUNTIME.block_on(proxy.call(method, args)).map(AnyItems::Async),
        }
    }

    /// Makes calls in one message. There are no results of a batch that is oneway.
    pub(crate) fn batch(&self, calls: Vec<(&str, Vec<Value>)>, is_oneway: bool) -> Result<Option<BatchResults>> {
        match self {
            Caller::Blocking(proxy) => {
                let mut batch = proxy.batch();
                for (method, args) in calls {
                    batch.call(method, args);
                }
                match is_oneway {
                    true => batch.run_oneway().map(|()| None),
                    false => batch.run().map(Some),
                }
            }
            Caller::Async(proxy) => {
                let mut batch = proxy.batch();
                for (method, args) in calls {
                    batch.call(method, args);
                }
                match is_oneway {
                    true => RUNTIME.block_on(batch.run_oneway()).map(|()| None),
                    false => RUNTIME.block_on(batch.run()).map(Some),
                }
            }
        }
    }
}

/// The items of a stream of either kind.
pub(crate) enum AnyItems<T> {
    Blocking(Items<T>),
    Async(aio::Items<T>),
}

impl<T> AnyItems<T> {
    pub(crate) fn return_value(&self) -> &Value {
        match self {
            AnyItems::Blocking(items) => items.return_value(),
            AnyItems::Async(items) => items.return_value(),
        }
    }
}

impl<T: FromReply + Send + 'static> Iterator for AnyItems<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Result<T>> {
        match self {
            AnyItems::Blocking(items) => items.next(),
            AnyItems::Async(items) => RUNTIME.block_on(items.next()),
        }
    }
}
