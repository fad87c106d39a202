//! One call of an object, of the routes that Pyro's gateways have too.

use std::cell::Cell;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;

use ferropyro::formats::json;
use ferropyro::{Exception, RawReply, Value, context};
use hyper::StatusCode;
use uuid::{Builder, Uuid};

use crate::connections::Connection;
use crate::failure::{Cause, Failure};
use crate::gateway::{Core, forbidden};
use crate::parameters::Parameters;
use crate::permissions::Use;
use crate::respond::{self, Answer};

/// The member that is no member: the names of all of them.
const META: &str = "$meta";

/// A call to be made.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) object: String,
    pub(crate) member: String,
    pub(crate) parameters: Parameters,
    /// Whether nobody waits for the result.
    pub(crate) oneway: bool,
}

impl Call {
    /// Makes the call.
    pub(crate) async fn make(self, core: &Arc<Core>) -> Answer {
        match self.attempt(core).await {
            Ok(answer) => answer,
            Err(failure) => respond::exception(failure.pyro_status(), failure.exception, core.settings.generation),
        }
    }

    async fn attempt(self, core: &Arc<Core>) -> Result<Answer, Failure> {
        let connection = core.connect(&self.object).await?;
        let is_oneway = self.oneway;
        let answer = self.ask(core, &connection).await;
        // The next call on the connection might have to wait for a oneway one.
        if !is_oneway {
            connection.done(core);
        }
        answer
    }

    async fn ask(self, core: &Core, connection: &Connection) -> Result<Answer, Failure> {
        let metadata = &connection.metadata;
        if self.member == META {
            let names = |names: &[String]| {
                let shown = names
                    .iter()
                    .filter(|name| core.settings.permissions.shows(&self.object, name));
                Value::from(shown.cloned().collect::<Vec<String>>())
            };
            let names = ferropyro::Dict::from([
                ("methods", names(&metadata.methods)),
                ("attributes", names(&metadata.attributes)),
            ]);
            // Texts are what JSON can hold.
            return Ok(respond::json(
                StatusCode::OK,
                json::to_vec(&Value::from(names)).unwrap_or_default(),
            ));
        }
        let is_attribute = metadata.attributes.contains(&self.member);
        let wanted = if is_attribute { Use::Read } else { Use::Call };
        if let Err(reason) = core.settings.permissions.check(&self.object, &self.member, wanted) {
            return Ok(forbidden(reason));
        }
        let reply = match is_attribute {
            true => self.read_attribute(connection).await?,
            false => self.call_method(connection).await?,
        };
        Ok(match reply {
            RawReply::Result { bytes, .. } => respond::json(StatusCode::OK, bytes),
            RawReply::Exception { bytes, .. } => respond::json(StatusCode::INTERNAL_SERVER_ERROR, bytes),
            RawReply::Nothing => respond::json(StatusCode::OK, Vec::new()),
        })
    }

    async fn read_attribute(self, connection: &Connection) -> Result<RawReply, Failure> {
        if !self.parameters.is_empty() {
            let text = "attribute lookup can't have query parameters";
            let exception = Exception::new("builtins.AssertionError", text);
            return Err(Failure::new(Cause::Raised, exception));
        }
        let value = connection.proxy.get(&self.member).await?;
        Ok(if self.oneway { RawReply::Nothing } else { value })
    }

    async fn call_method(self, connection: &Connection) -> Result<RawReply, Failure> {
        let kwargs = self.parameters.into_kwargs();
        if self.oneway {
            connection.proxy.call_oneway_with(&self.member, (), &kwargs).await?;
            return Ok(RawReply::Nothing);
        }
        Ok(connection.proxy.call_with(&self.member, (), &kwargs).await?)
    }
}

impl Core {
    /// A connection to the object that the name stands for now.
    pub(crate) async fn connect(&self, name: &str) -> Result<Connection, Failure> {
        let uri = self.names.lookup(name, &self.metrics).await?;
        Connection::to(self, uri).await
    }
}

/// An id that no other call has. Others may guess it, so it costs no system call.
pub(crate) fn new_id() -> Uuid {
    thread_local!(static KEYS_AND_COUNT: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0)));
    let (high, low) = KEYS_AND_COUNT.with(|(keys, count)| {
        count.set(count.get() + 1);
        (keys.hash_one((count.get(), 0)), keys.hash_one((count.get(), 1)))
    });
    Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
}

/// Gives all that happens in a future this correlation id. The context belongs to the thread, and threads have other requests as well.
pub(crate) async fn with_id<F: Future>(id: Uuid, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|task| with_id_now(id, || future.as_mut().poll(task))).await
}

/// The same for what is done at once.
pub(crate) fn with_id_now<T>(id: Uuid, act: impl FnOnce() -> T) -> T {
    let before = context::correlation_id();
    context::set_correlation_id(Some(id));
    let result = act();
    context::set_correlation_id(before);
    result
}
