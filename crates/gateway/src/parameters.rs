//! What a request gives a method: the fields of its form, and those of its query.

use std::time::Duration;

use ferropyro::{Dict, Str, Value};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::time::timeout;

use crate::multipart;
use crate::respond::Refusal;

/// The parameters of a request, in their order.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes: usize,
    pub(crate) time: Duration,
}

impl Parameters {
    /// Those of a request: first those of a form that was posted, then those of the query. As with the real gateways, a field without a text counts only in a
    /// multipart form, and a body that is no form not at all.
    pub(crate) async fn read<B>(head: &Parts, body: B, limits: BodyLimits) -> Result<Parameters, Refusal>
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut fields = match head.method {
            Method::POST => form(head, body, limits).await?,
            _ => Vec::new(),
        };
        fields.extend(decode(head.uri.query().unwrap_or_default().as_bytes()));
        Ok(Parameters(fields))
    }

    /// A parameter that was given once.
    pub(crate) fn single(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, text)), None) => Some(text),
            _ => None,
        }
    }

    /// Takes a parameter out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keyword arguments: texts, and a list of texts where there were several.
    pub(crate) fn into_kwargs(self) -> Dict {
        let mut kwargs = Dict::new();
        for (name, text) in self.0 {
            let (name, text) = (Str::from(name), Value::from(text));
            let value = match kwargs.insert(name.clone(), Value::None) {
                None => text,
                Some(Value::List(mut texts)) => {
                    texts.push(text);
                    Value::List(texts)
                }
                Some(first) => Value::List(vec![first, text]),
            };
            kwargs.insert(name, value);
        }
        kwargs
    }
}

async fn form<B>(head: &Parts, body: B, limits: BodyLimits) -> Result<Vec<(String, String)>, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Ok(decode(&collect(body, limits).await?)),
        "multipart/form-data" => {
            let boundary = multipart::parameter(kind, "boundary").filter(|boundary| !boundary.is_empty());
            let body = collect(body, limits).await?;
            let fields = boundary.and_then(|boundary| multipart::fields(&body, &boundary));
            fields.ok_or(Refusal(
                StatusCode::BAD_REQUEST,
                "the body is no multipart form".to_owned(),
            ))
        }
        _ => Ok(Vec::new()),
    }
}

/// The whole body of a request.
pub(crate) async fn collect<B>(body: B, limits: BodyLimits) -> Result<Vec<u8>, Refusal>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_long = || {
        let text = format!("the body of a request may have {} bytes", limits.bytes);
        Refusal(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    match timeout(limits.time, Limited::new(body, limits.bytes).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_long()),
        Ok(Err(error)) => Err(Refusal(
            StatusCode::BAD_REQUEST,
            format!("the body could not be read: {error}"),
        )),
        Err(_) => Err(Refusal(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time".to_owned(),
        )),
    }
}

/// As Python's `parse_qs` does it.
fn decode(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text)
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name.into_owned(), text.into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Conformance: GW-08
    #[test]
    fn repeated_parameters_become_a_list() {
        let parameters = Parameters(decode(b"x=1&y=a+b%20c&x=%E2%82%AC&blank=&nothing&z=%FF"));
        let wanted = Dict::from([
            ("x", Value::List(vec![Value::from("1"), Value::from("€")])),
            ("y", Value::from("a b c")),
            ("z", Value::from("\u{fffd}")),
        ]);
        assert_eq!(parameters.into_kwargs(), wanted);
    }

    #[test]
    fn a_parameter_given_twice_is_no_single_one() {
        let mut parameters = Parameters(decode(b"$key=a&x=1&$key=b&y=2"));
        assert_eq!(parameters.single("$key"), None);
        assert_eq!(parameters.single("y"), Some("2"));
        parameters.remove("$key");
        assert_eq!(parameters.0.len(), 2);
    }
}
