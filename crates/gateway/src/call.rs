//! One call of an object, over connections of its own.

use std::future::poll_fn;
use std::pin::pin;

use ferropyro::formats::json;
use ferropyro::{Error, Exception, Metadata, Raise, RawReply, Serializer, Uri, Value, aio, context};
use hyper::StatusCode;
use uuid::Uuid;

use crate::gateway::Settings;
use crate::parameters::Parameters;
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
    pub(crate) id: Uuid,
}

/// Why there is no result: a status, and an exception.
struct Failure(StatusCode, Exception);

impl Call {
    /// Makes the call. Nothing of it stays: not the connections, and not what the name server has said.
    pub(crate) async fn make(self, settings: &Settings) -> Answer {
        let id = self.id;
        match with_id(id, self.attempt(settings)).await {
            Ok(answer) => answer,
            Err(Failure(status, exception)) => respond::exception(status, exception, settings.generation),
        }
    }

    async fn attempt(self, settings: &Settings) -> Result<Answer, Failure> {
        let uri = lookup(settings, &self.object).await?;
        let object = proxy(settings, uri)?;
        let metadata = object.metadata().await?;
        if self.member == META {
            return Ok(respond::json(StatusCode::OK, names(&metadata)));
        }
        let reply = match metadata.attributes.contains(&self.member) {
            true => self.read_attribute(&object).await?,
            false => self.call_method(&object).await?,
        };
        Ok(match reply {
            RawReply::Result { bytes, .. } => respond::json(StatusCode::OK, bytes),
            RawReply::Exception { bytes, .. } => respond::json(StatusCode::INTERNAL_SERVER_ERROR, bytes),
            RawReply::Nothing => respond::json(StatusCode::OK, Vec::new()),
        })
    }

    async fn read_attribute(self, object: &aio::Proxy) -> Result<RawReply, Failure> {
        if !self.parameters.is_empty() {
            let text = "attribute lookup can't have query parameters";
            let exception = Exception::new("builtins.AssertionError", text);
            return Err(Failure(StatusCode::INTERNAL_SERVER_ERROR, exception));
        }
        let value = object.get(&self.member).await?;
        Ok(if self.oneway { RawReply::Nothing } else { value })
    }

    async fn call_method(self, object: &aio::Proxy) -> Result<RawReply, Failure> {
        let kwargs = self.parameters.into_kwargs();
        if self.oneway {
            object.call_oneway_with(&self.member, (), &kwargs).await?;
            return Ok(RawReply::Nothing);
        }
        Ok(object.call_with(&self.member, (), &kwargs).await?)
    }
}

/// An error of the gateway's own, or of one of its connections. In the exception it has the words of Python's gateways, which have no details.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exception = match error.as_remote() {
            Some(_) => Raise::from(error).0,
            None => Exception::new(error.kind().class(), error.message()),
        };
        Failure(StatusCode::INTERNAL_SERVER_ERROR, exception)
    }
}

/// Where the object is. A name that is not there is the one thing that can be not found.
async fn lookup(settings: &Settings, name: &str) -> Result<Uri, Failure> {
    let names = aio::locate_ns_with(None, &settings.naming()).await?;
    names.call("lookup", (name,)).await.map_err(|error| {
        let is_unknown = error
            .as_remote()
            .is_some_and(|remote| remote.class_name() == "NamingError");
        let mut failure = Failure::from(error);
        if is_unknown {
            failure.0 = StatusCode::NOT_FOUND;
        }
        failure
    })
}

/// A proxy that speaks JSON, not connected yet.
pub(crate) fn proxy(settings: &Settings, uri: Uri) -> Result<aio::Proxy, Error> {
    aio::Proxy::builder()
        .config(settings.config.clone())
        .serializer(Serializer::Json)
        .hmac_key(&settings.hmac_key)
        .build_async(uri)
}

fn names(metadata: &Metadata) -> Vec<u8> {
    let list = |names: &[String]| Value::from(names.to_vec());
    let names = ferropyro::Dict::from([
        ("methods", list(&metadata.methods)),
        ("attributes", list(&metadata.attributes)),
    ]);
    // Texts are what JSON can hold.
    json::to_vec(&Value::from(names)).unwrap_or_default()
}

/// Gives all that happens in a future this correlation id. The context belongs to the thread, and threads have other requests as well.
async fn with_id<F: Future>(id: Uuid, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|task| {
        let before = context::correlation_id();
        context::set_correlation_id(Some(id));
        let polled = future.as_mut().poll(task);
        context::set_correlation_id(before);
        polled
    })
    .await
}
