//! Many calls in one message.

use ferropyro_formats::{Dict, Value};
use ferropyro_wire::Flags;
use serde::de::DeserializeOwned;

use super::Proxy;
use crate::arguments::Arguments;
use crate::context::Luggage;
use crate::proxy::batch::{Calls, results};
use crate::proxy::no_kwargs;
use crate::proxy::reply::Owned;
use crate::{BatchResults, Result};

/// Calls of one object that are collected, and sent in one message: see [`Proxy::batch`], and [`ferropyro::Batch`](crate::Batch), which tells more.
#[derive(Debug)]
pub struct Batch<'p> {
    proxy: &'p Proxy,
    calls: Calls,
}

impl<'p> Batch<'p> {
    pub(super) fn new(proxy: &'p Proxy) -> Batch<'p> {
        Batch {
            proxy,
            calls: Calls::default(),
        }
    }

    /// Adds a call. Arguments that cannot be sent are an error when the batch is run.
    pub fn call(&mut self, method: &str, args: impl Arguments) -> &mut Batch<'p> {
        self.call_with(method, args, no_kwargs())
    }

    /// As [`Batch::call`], with keyword arguments.
    pub fn call_with(&mut self, method: &str, args: impl Arguments, kwargs: &Dict) -> &mut Batch<'p> {
        self.calls.add(method, &args, kwargs);
        self
    }

    /// Makes the calls, and waits for all their results. The batch is empty then and can be used again.
    ///
    /// # Errors
    /// When the batch as a whole cannot be made: errors of the connection, arguments that cannot be sent, and a name that is not exposed (the calls
    /// before it were made). The exception of one call is among the results.
    pub async fn run(&mut self) -> Result<BatchResults> {
        results(self.send::<Value>(Flags::BATCH).await?)
    }

    /// Makes the calls, and waits for nothing. Nobody hears of their errors but the server.
    ///
    /// # Errors
    /// When the calls cannot be sent.
    pub async fn run_oneway(&mut self) -> Result<()> {
        self.send(Flags::BATCH | Flags::ONEWAY).await
    }

    async fn send<R: DeserializeOwned>(&mut self, flags: Flags) -> Result<R> {
        let mut call = self.calls.take()?.outgoing(flags);
        self.proxy
            .shared
            .call(&mut call, &Luggage::take(), 0, Owned::default())
            .await
    }
}
