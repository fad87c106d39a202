//! Which site has a browser send a request. Programs say nothing about that, and could say anything: this protects those who use a browser.

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

use crate::hosts::Hosts;

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
    pub(crate) fn of(headers: &HeaderMap, hosts: &Hosts, trusted: Option<&HeaderValue>) -> Origin {
        if let Some(origin) = headers.get(ORIGIN) {
            return Origin::of_page(origin, headers, hosts, trusted);
        }
        // Browsers leave the origin out where nothing but an answer is wanted, and tell this at least, to servers on this machine and to those with TLS.
        match headers.get(FETCH_SITE).map(HeaderValue::as_bytes) {
            None => Origin::Program,
            Some(b"same-origin" | b"none") => Origin::Own,
            Some(_) if trusted.is_some_and(|trusted| trusted == "*") => Origin::Trusted,
            Some(_) => Origin::Foreign("another site".to_owned()),
        }
    }

    fn of_page(origin: &HeaderValue, headers: &HeaderMap, hosts: &Hosts, trusted: Option<&HeaderValue>) -> Origin {
        let text = String::from_utf8_lossy(origin.as_bytes());
        let authority = text.split_once("://").map(|(_, authority)| authority);
        let asked = headers.get(HOST).map(HeaderValue::as_bytes);
        let is_own = authority.is_some_and(|page| {
            // A server in between, with TLS for example, may have changed the host.
            asked.is_some_and(|asked| page.as_bytes().eq_ignore_ascii_case(asked)) || hosts.is_allowed(page)
        });
        if is_own {
            Origin::Own
        } else if trusted.is_some_and(|trusted| trusted == "*" || trusted == origin) {
            Origin::Trusted
        } else {
            Origin::Foreign(text.into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(headers: &[(&'static str, &str)], trusted: Option<&'static str>) -> Origin {
        let mut hosts = Hosts::default();
        hosts.allow("gateway.example");
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("a header");
            (HeaderName::from_static(name), value)
        });
        let trusted = trusted.map(HeaderValue::from_static);
        Origin::of(&HeaderMap::from_iter(headers), &hosts, trusted.as_ref())
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
