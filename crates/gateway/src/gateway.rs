//! From a request to a response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::config::Generation;
use ferropyro::logging::logger;
use ferropyro::{Config, Exception, naming};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, HeaderMap,
    HeaderName, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use uuid::Uuid;

use crate::builder::GatewayBuilder;
use crate::call::Call;
use crate::exposed::Exposed;
use crate::hosts::Hosts;
use crate::key::Key;
use crate::page;
use crate::parameters::{BodyLimits, Parameters};
use crate::path::Place;
use crate::respond::{self, Answer};

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-pyro-correlation-id");
const OPTIONS: HeaderName = HeaderName::from_static("x-pyro-options");
const GATEWAY_KEY: HeaderName = HeaderName::from_static("x-pyro-gateway-key");
/// The parameter that can have the key as well.
const KEY_PARAMETER: &str = "$key";

/// Turns HTTP requests into calls of Pyro objects. A handle: clones are the same gateway. It keeps no connection, and nothing of a request.
#[derive(Debug, Clone)]
pub struct Gateway(pub(crate) Arc<Settings>);

pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) hmac_key: Vec<u8>,
    pub(crate) exposed: Exposed,
    pub(crate) key: Option<Key>,
    pub(crate) cors: Option<HeaderValue>,
    pub(crate) hosts: Hosts,
    pub(crate) max_body: usize,
    pub(crate) body_time: Duration,
    pub(crate) generation: Generation,
}

impl Gateway {
    /// Settings for a gateway; without any it exposes the names that begin with `http.`, to whoever can reach it under a name of this machine.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::default()
    }

    /// Answers a request; for the handler of a server, which has to be one of a tokio runtime whose IO and time are enabled.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use ferropyro_gateway::Gateway;
    /// use hyper::Request;
    /// use hyper::body::Incoming;
    /// use hyper::service::service_fn;
    ///
    /// let gateway = Gateway::builder().build();
    /// let service = service_fn(move |request: Request<Incoming>| {
    ///     let gateway = gateway.clone();
    ///     async move { Ok::<_, Infallible>(gateway.answer(request).await) }
    /// });
    /// # let _ = service;
    /// ```
    ///
    /// What goes wrong becomes the response too. Dropping the future breaks the call off. Limits of time for the head of a request, and of the number of
    /// requests at a time, are the server's.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let mut response = self.route(&head, body).await;
        if let Some(origin) = &self.0.cors {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST, OPTIONS"),
            );
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Content-Type"));
        }
        response
    }

    async fn route<B>(&self, head: &Parts, body: B) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Err(host) = self.0.hosts.check(&head.uri, &head.headers) {
            let text = format!(
                "403 Forbidden - this gateway does not answer for the host {host:?}: if it is one of its names, allow it (--allow-host)"
            );
            return respond::text(StatusCode::FORBIDDEN, &text);
        }
        let place = Place::of(&head.uri);
        match place {
            Place::Root => return respond::redirect("/pyro/"),
            Place::Elsewhere => return respond::plain(StatusCode::NOT_FOUND),
            _ => {}
        }
        match head.method {
            Method::GET | Method::POST => {}
            Method::OPTIONS if self.0.cors.is_some() => return respond::text(StatusCode::OK, "200 OK"),
            _ => return self.wrong_method(),
        }
        match place {
            Place::Page => page::show(&self.0).await,
            Place::Member { object, member } => self.member(head, body, object, member).await,
            _ => respond::plain(StatusCode::NOT_FOUND),
        }
    }

    fn wrong_method(&self) -> Answer {
        let mut response = respond::plain(StatusCode::METHOD_NOT_ALLOWED);
        let allowed = match self.0.cors {
            Some(_) => HeaderValue::from_static("GET, POST, OPTIONS"),
            None => HeaderValue::from_static("GET, POST"),
        };
        response.headers_mut().insert(ALLOW, allowed);
        response
    }

    /// What is asked of an object. The answer has the correlation id, whatever it is.
    async fn member<B>(&self, head: &Parts, body: B, object: String, member: String) -> Answer
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let given = correlation_id(&head.headers);
        let id = given.clone().unwrap_or_else(|_| Uuid::new_v4());
        let mut response = match self.judge(head, body, &object).await {
            Err(refusal) => refusal,
            Ok(_) if given.is_err() => {
                let exception = Exception::new("builtins.ValueError", "badly formed hexadecimal UUID string");
                respond::exception(StatusCode::INTERNAL_SERVER_ERROR, exception, self.0.generation)
            }
            Ok(parameters) => {
                let call = Call {
                    oneway: is_oneway(&head.headers),
                    object,
                    member,
                    parameters,
                    id,
                };
                tracing::debug!(target: logger::HTTPGATEWAY, "{:?} of {:?}, {id}", call.member, call.object);
                call.make(&self.0).await
            }
        };
        if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(CORRELATION_ID, id);
        }
        response
    }

    /// The parameters, if the caller may call the object.
    async fn judge<B>(&self, head: &Parts, body: B, object: &str) -> Result<Parameters, Answer>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let limits = BodyLimits {
            bytes: self.0.max_body,
            time: self.0.body_time,
        };
        let mut parameters = Parameters::read(head, body, limits).await?;
        if let Some(key) = &self.0.key {
            let header = head.headers.get(GATEWAY_KEY).map(HeaderValue::as_bytes);
            let offered = header.filter(|key| !key.is_empty());
            let offered = offered.or_else(|| parameters.single(KEY_PARAMETER).map(str::as_bytes));
            if !key.is(offered.unwrap_or_default()) {
                return Err(forbidden("incorrect gateway api key"));
            }
            parameters.remove(KEY_PARAMETER);
        }
        match self.0.exposed.includes(object) {
            true => Ok(parameters),
            false => Err(forbidden("access to the requested object has been denied")),
        }
    }
}

/// As the real gateways say it.
fn forbidden(reason: &str) -> Answer {
    respond::text(StatusCode::FORBIDDEN, &format!("403 Forbidden - {reason}"))
}

/// The id that the caller wants the call to have, or a new one; `Err` for what is no id.
fn correlation_id(headers: &HeaderMap) -> Result<Uuid, uuid::Error> {
    match headers.get(CORRELATION_ID).map(HeaderValue::as_bytes) {
        None | Some(b"") => Ok(Uuid::new_v4()),
        Some(id) => Uuid::try_parse_ascii(id),
    }
}

/// Whether the caller does not wait for a result. Other options have no meaning.
fn is_oneway(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(OPTIONS).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|option| option.trim() == "oneway")
}

impl Settings {
    pub(crate) fn naming(&self) -> naming::Settings {
        naming::Settings::new(self.config.clone()).hmac_key(&self.hmac_key)
    }
}

/// Shows what is exposed, and no keys.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("exposed", &self.exposed)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
