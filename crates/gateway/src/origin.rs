//! Which site has a browser send a request. Programs say nothing about that, and could say anything: this protects those who use a browser.

use hyper::header::{HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;

use crate::hosts::{Hosts, asked};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From no page: a program sends it.
    Program,
    /// From a page of this server, or from the address line of the browser.
    Own,
    /// From a page whose scripts may read the answers.
    Trusted,
    /// From somebody else's.
    Foreign(String),
}

impl Origin {
    /// `trusted` is the value of the CORS header, `*` for all sites there are.
    pub(crate) fn of(head: &Parts, hosts: &Hosts, trusted: Option<&HeaderValue>) -> Origin {
        let origin = head.headers.get(ORIGIN);
        // Browsers tell the relation to servers on this machine and to those with TLS, and there it says more than the origin.
        let is_own = match head.headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
            Some(site) => matches!(site, b"same-origin" | b"none"),
            None => match origin {
                None => return Origin::Program,
                Some(origin) => is_own(origin, head, hosts),
            },
        };
        let is_trusted = || trusted.is_some_and(|trusted| trusted == "*" || Some(trusted) == origin);
        if is_own {
            Origin::Own
        } else if is_trusted() {
            Origin::Trusted
        } else {
            let page = origin.map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned());
            Origin::Foreign(page.unwrap_or_else(|| "another site".to_owned()))
        }
    }
}

fn is_own(origin: &HeaderValue, head: &Parts, hosts: &Hosts) -> bool {
    let text = String::from_utf8_lossy(origin.as_bytes());
    let Some((_, page)) = text.split_once("://") else {
        return false;
    };
    // A server in between, with TLS for example, may have changed the host.
    asked(&head.uri, &head.headers).is_some_and(|asked| asked.eq_ignore_ascii_case(page)) || hosts.is_allowed(page)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn origin(headers: &[(&str, &str)], trusted: Option<&'static str>) -> Origin {
        let mut hosts = Hosts::default();
        hosts.allow("gateway.example");
        let mut request = Request::builder().uri("/pyro/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let trusted = trusted.map(HeaderValue::from_static);
        Origin::of(&head, &hosts, trusted.as_ref())
    }

    #[test]
    fn only_own_and_trusted_pages_count() {
        let foreign = |text: &str| Origin::Foreign(text.to_owned());
        let host = ("host", "localhost:8080");
        for (page, trusted, wanted) in [
            ("http://localhost:8080", None, Origin::Own),
            ("https://LOCALHOST:8080", None, Origin::Own),
            ("https://gateway.example", None, Origin::Own),
            ("http://localhost:3000", None, foreign("http://localhost:3000")),
            ("http://127.0.0.1:8080", None, foreign("http://127.0.0.1:8080")),
            ("https://evil.example", None, foreign("https://evil.example")),
            (
                "https://gateway.example.evil",
                None,
                foreign("https://gateway.example.evil"),
            ),
            (
                "https://gateway.example:3000",
                None,
                foreign("https://gateway.example:3000"),
            ),
            ("null", None, foreign("null")),
            ("", None, foreign("")),
            ("null", Some("*"), Origin::Trusted),
            ("https://evil.example", Some("*"), Origin::Trusted),
            ("https://app.example", Some("https://app.example"), Origin::Trusted),
            (
                "http://app.example",
                Some("https://app.example"),
                foreign("http://app.example"),
            ),
        ] {
            assert_eq!(origin(&[host, ("origin", page)], trusted), wanted, "{page} {trusted:?}");
        }
        // What the browser says of the site counts more.
        let allowed = ("origin", "https://gateway.example");
        for (site, wanted) in [
            ("same-origin", Origin::Own),
            ("same-site", foreign("https://gateway.example")),
        ] {
            assert_eq!(
                origin(&[host, allowed, ("sec-fetch-site", site)], None),
                wanted,
                "{site}"
            );
        }
        let app = ("origin", "https://app.example");
        let cross = ("sec-fetch-site", "cross-site");
        assert_eq!(
            origin(&[host, app, cross], Some("https://app.example")),
            Origin::Trusted
        );
        assert_eq!(origin(&[host], None), Origin::Program);
        for (site, wanted) in [
            ("same-origin", Origin::Own),
            ("none", Origin::Own),
            ("same-site", foreign("another site")),
            ("cross-site", foreign("another site")),
            ("", foreign("another site")),
        ] {
            assert_eq!(origin(&[host, ("sec-fetch-site", site)], None), wanted, "{site}");
        }
        assert_eq!(
            origin(&[host, ("sec-fetch-site", "cross-site")], Some("*")),
            Origin::Trusted
        );
    }
}
