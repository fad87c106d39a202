//! From a request to a response.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferropyro::config::Generation;
use ferropyro::logging::logger;
use ferropyro::{Config, Exception, naming};
use hyper::body::Body as HttpBody;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, HeaderMap, HeaderName, HeaderValue,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use uuid::Uuid;

use crate::body::Body;
use crate::builder::GatewayBuilder;
use crate::call::{Call, new_id, with_id};
use crate::connections::{Connections, Reuse};
use crate::hosts::Hosts;
use crate::key::{Key, Token};
use crate::metrics::Metrics;
use crate::names::Names;
use crate::origin::Origin;
use crate::parameters::{BodyLimits, Parameters};
use crate::path::{Api, Place};
use crate::permissions::Permissions;
use crate::respond::{self, Answer, Refusal};
use crate::{api, page};

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-pyro-correlation-id");
const OPTIONS: HeaderName = HeaderName::from_static("x-pyro-options");
const GATEWAY_KEY: HeaderName = HeaderName::from_static("x-pyro-gateway-key");
/// The methods and headers that the scripts of other sites may send, where any may: as Pyro5's gateway says it, and in the routes of our own.
const PYRO_CORS: (&str, &str) = ("GET, POST, OPTIONS", "Content-Type");
const API_CORS: (&str, &str) = (
    "GET, POST, PUT, OPTIONS",
    "Content-Type, X-Pyro-Options, X-Pyro-Gateway-Key, X-Pyro-Correlation-Id",
);
/// The parameter that can have the key as well.
const KEY_PARAMETER: &str = "$key";

/// Turns HTTP requests into calls of Pyro objects. A handle: clones are the same gateway. It keeps nothing of a request, and of connections those to the name server and
/// those that [`Reuse`] allows.
#[derive(Debug, Clone)]
pub struct Gateway(Arc<Core>);

/// What all handles of a gateway share.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    /// What the page shows that it is ours.
    pub(crate) token: Token,
    pub(crate) names: Names,
    pub(crate) connections: Connections,
    pub(crate) metrics: Metrics,
}

pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) hmac_key: Vec<u8>,
    pub(crate) permissions: Permissions,
    pub(crate) key: Option<Key>,
    pub(crate) cors: Option<HeaderValue>,
    pub(crate) hosts: Hosts,
    pub(crate) max_body: usize,
    pub(crate) body_time: Duration,
    pub(crate) generation: Generation,
    pub(crate) reuse: Reuse,
    /// The most connections to an object that are kept while nobody uses them.
    pub(crate) idle_connections: usize,
}

impl Gateway {
    pub(crate) fn new(settings: Settings) -> Gateway {
        let naming = naming::Settings::new(settings.config.clone()).hmac_key(&settings.hmac_key);
        Gateway(Arc::new(Core {
            token: Token::new(),
            names: Names::new(naming),
            connections: Connections::default(),
            metrics: Metrics::default(),
            settings,
        }))
    }

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
    ///
    /// Each request is logged, at the level INFO of the logger `Pyro.httpgateway`, without its query, which may have a key in it. If the request has a
    /// [`SocketAddr`] among its extensions, that is the client's.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let begun = Instant::now();
        let _in_progress = self.0.metrics.begin();
        let (head, body) = request.into_parts();
        let place = Place::of(&head.uri);
        let (is_page, is_api) = (matches!(place, Place::Page), matches!(place, Place::Api(_)));
        let mut response = self.route(&head, body, place).await;
        // Whoever may read the page has its token.
        if let Some(origin) = self.0.settings.cors.as_ref().filter(|_| !is_page) {
            let headers = response.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static("X-Pyro-Correlation-Id"),
            );
            let (methods, allowed) = if is_api { API_CORS } else { PYRO_CORS };
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        }
        let time = begun.elapsed();
        self.0.metrics.answered(response.status(), time);
        log(&head, &response, time);
        response
    }

    async fn route<B>(&self, head: &Parts, body: B, place: Place) -> Answer
    where
        B: HttpBody,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Err(host) = self.0.settings.hosts.check(&head.uri, &head.headers) {
            let text = format!(
                "403 Forbidden - this gateway does not answer for the host {host:?}: if it is one of its names, allow it (--allow-host)"
            );
            return respond::text(StatusCode::FORBIDDEN, &text);
        }
        match place {
            Place::Root => respond::redirect("/pyro/"),
            Place::Elsewhere => respond::plain(StatusCode::NOT_FOUND),
            _ if head.method == Method::OPTIONS && self.0.settings.cors.is_some() => {
                respond::text(StatusCode::OK, "200 OK")
            }
            Place::Api(place) => self.api(head, body, place).await,
            Place::Health | Place::Metrics if head.method != Method::GET => respond::wrong_method(&["GET"]),
            Place::Health => respond::text(StatusCode::OK, "ok"),
            Place::Metrics => respond::metrics(self.0.metrics.text(self.0.connections.count())),
            _ if !matches!(head.method, Method::GET | Method::POST) => self.wrong_method(),
            Place::Page => page::show(&self.0).await,
            Place::Member { object, member } => self.member(head, body, object, member).await,
            Place::Incomplete => respond::plain(StatusCode::NOT_FOUND),
        }
    }

    fn wrong_method(&self) -> Answer {
        match self.0.settings.cors {
            Some(_) => respond::wrong_method(&["GET", "POST", "OPTIONS"]),
            None => respond::wrong_method(&["GET", "POST"]),
        }
    }

    /// What is asked of an object as Pyro's gateways do it. The answer has the correlation id, whatever it is.
    async fn member<B>(&self, head: &Parts, body: B, object: String, member: String) -> Answer
    where
        B: HttpBody,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let given = correlation_id(&head.headers);
        let id = given.clone().unwrap_or_else(|_| new_id());
        let answer = match self.judge(head, body, &object).await {
            Err(refusal) => refusal,
            Ok(_) if given.is_err() => self.no_id(),
            Ok(parameters) => {
                let call = Call {
                    oneway: is_oneway(&head.headers),
                    object,
                    member,
                    parameters,
                };
                with_id(id, call.make(&self.0)).await
            }
        };
        with_header(answer, id)
    }

    /// The places of our own. Answers about a member have the correlation id.
    async fn api<B>(&self, head: &Parts, body: B, place: Api) -> Answer
    where
        B: HttpBody,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let is_member = matches!(place, Api::Member { .. });
        let Ok(id) = correlation_id(&head.headers) else {
            let text = "the header X-Pyro-Correlation-Id is to be a UUID".to_owned();
            return Refusal(StatusCode::BAD_REQUEST, text).into();
        };
        let answer = with_id(id, api::answer(&self.0, head, body, place, id)).await;
        if is_member { with_header(answer, id) } else { answer }
    }

    fn no_id(&self) -> Answer {
        let exception = Exception::new("builtins.ValueError", "badly formed hexadecimal UUID string");
        respond::exception(StatusCode::INTERNAL_SERVER_ERROR, exception, self.0.settings.generation)
    }

    /// The parameters, if the caller may call the object.
    async fn judge<B>(&self, head: &Parts, body: B, object: &str) -> Result<Parameters, Answer>
    where
        B: HttpBody,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let settings = &self.0.settings;
        self.0.judge_origin(head)?;
        let includes = || match settings.permissions.includes(object) {
            true => Ok(()),
            false => Err(Refusal::forbidden(
                "access to the requested object has been denied".to_owned(),
            )),
        };
        let check_key = |key: &Key, offered: &[u8]| match key.is(offered) {
            true => Ok(()),
            false => Err(Refusal::forbidden("incorrect gateway api key".to_owned())),
        };
        // A body is only read of those who may send one, and of those who may have the key in it.
        let key_to_come = match (&settings.key, key_of(&head.headers)) {
            (Some(key), None) => Some(key),
            (Some(key), Some(offered)) => {
                check_key(key, offered)?;
                None
            }
            (None, _) => None,
        };
        if key_to_come.is_none() {
            includes()?;
        }
        let mut parameters = Parameters::read(head, body, self.0.body_limits()).await?;
        if let Some(key) = key_to_come {
            let offered = parameters.single(KEY_PARAMETER).unwrap_or_default();
            check_key(key, offered.as_bytes())?;
            includes()?;
        }
        if settings.key.is_some() {
            parameters.remove(KEY_PARAMETER);
        }
        Ok(parameters)
    }
}

/// As the real gateways say it.
pub(crate) fn forbidden(reason: &str) -> Answer {
    Refusal::forbidden(reason.to_owned()).into()
}

/// The id that the caller wants the call to have, or a new one; `Err` for what is no id.
fn correlation_id(headers: &HeaderMap) -> Result<Uuid, uuid::Error> {
    match headers.get(CORRELATION_ID).map(HeaderValue::as_bytes) {
        None | Some(b"") => Ok(new_id()),
        Some(id) => Uuid::try_parse_ascii(id),
    }
}

/// The key that a header has.
pub(crate) fn key_of(headers: &HeaderMap) -> Option<&[u8]> {
    let key = headers.get(GATEWAY_KEY).map(HeaderValue::as_bytes);
    key.filter(|key| !key.is_empty())
}

fn with_header(mut answer: Answer, id: Uuid) -> Answer {
    if let Ok(id) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
        answer.headers_mut().insert(CORRELATION_ID, id);
    }
    answer
}

/// Whether requests are logged: what is only for that is not made otherwise.
pub(crate) fn are_logged() -> bool {
    tracing::enabled!(target: logger::HTTPGATEWAY, tracing::Level::INFO)
}

fn log(head: &Parts, response: &Response<Body>, time: Duration) {
    if !are_logged() {
        return;
    }
    let client = head.extensions.get::<SocketAddr>();
    let client = client.map_or("-".to_owned(), |client| client.ip().to_string());
    let size = response.body().size_hint().exact();
    let size = size.map_or("-".to_owned(), |size| size.to_string());
    let id = response.headers().get(CORRELATION_ID);
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or("-");
    tracing::info!(
        target: logger::HTTPGATEWAY,
        "{client} {} {} {} {size} {:.1} ms {id}",
        head.method,
        head.uri.path().escape_debug(),
        response.status().as_u16(),
        time.as_secs_f64() * 1e3,
    );
}

/// Whether the caller does not wait for a result. Other options have no meaning.
pub(crate) fn is_oneway(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(OPTIONS).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .any(|option| option.trim() == "oneway")
}

impl Core {
    /// Refuses pages of other sites.
    pub(crate) fn judge_origin(&self, head: &Parts) -> Result<Origin, Refusal> {
        match Origin::of(head, &self.settings.hosts, self.settings.cors.as_ref()) {
            Origin::Foreign(page) => Err(Refusal::forbidden(format!(
                "this was sent by a page of {page}, which may not call objects here: allow its site, if it is yours (--cors)"
            ))),
            origin => Ok(origin),
        }
    }

    pub(crate) fn body_limits(&self) -> BodyLimits {
        BodyLimits {
            bytes: self.settings.max_body,
            time: self.settings.body_time,
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// Shows what is exposed, and no keys.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("permissions", &self.permissions)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
