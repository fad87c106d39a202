//! The hosts that requests may be meant for.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use hyper::Uri;
use hyper::header::{HOST, HeaderMap};

/// Names that lead to this gateway. A site of somebody else's can lead to it too, by a name that it gives the address of this machine; but its name is not among these.
/// Addresses cannot be given away like that.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    names: Vec<String>,
    any: bool,
}

impl Hosts {
    pub(crate) fn allow(&mut self, host: &str) {
        match host {
            "*" => self.any = true,
            host => self.names.push(without_last_dot(host).to_owned()),
        }
    }

    /// Fails with the host of a request if that is none of ours. Only programs send no host at all, and those can say what they like.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
        match asked(uri, headers) {
            Some(host) if !self.is_ours(without_port(&host)) => Err(host.into_owned()),
            _ => Ok(()),
        }
    }

    /// Whether pages of this host are ours because its name was allowed. Those of this machine and of addresses may be anybody's, as may those of other ports.
    pub(crate) fn is_allowed(&self, host: &str) -> bool {
        let name = without_last_dot(host);
        !is_of_all(name) && self.has(name)
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = without_last_dot(host);
        self.any || is_of_all(name) || self.has(name)
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The host that a request is for, perhaps with a port: HTTP/1 has a header for it, and HTTP/2 a URI.
pub(crate) fn asked<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Option<Cow<'r, str>> {
    let header = headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    header.or_else(|| uri.authority().map(|authority| authority.as_str().into()))
}

/// Whether a name is none that a site could have.
fn is_of_all(name: &str) -> bool {
    let top = name.rsplit('.').next().unwrap_or(name);
    top.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// `[::1]:8080` is `::1`.
fn without_port(host: &str) -> &str {
    if let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return if port.is_empty() || port.starts_with(':') {
            address
        } else {
            host
        };
    }
    match host.rsplit_once(':') {
        Some((name, _)) if host.parse::<Ipv6Addr>().is_err() => name,
        _ => host,
    }
}

/// The dot of a name that is complete.
fn without_last_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_answered(hosts: &Hosts, host: &str) -> bool {
        let headers = HeaderMap::from_iter([(HOST, host.parse().expect("a header"))]);
        hosts.check(&Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn names_of_others_are_not_answered() {
        let mut hosts = Hosts::default();
        for host in [
            "localhost",
            "LocalHost:8080",
            "localhost.",
            "app.localhost",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "10.1.2.3",
        ] {
            assert!(is_answered(&hosts, host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example:8080",
            "[::1].evil.example",
            "",
            "a@localhost",
        ] {
            assert!(!is_answered(&hosts, host), "{host}");
        }
        hosts.allow("Gateway.Example.");
        assert!(is_answered(&hosts, "gateway.example:80"));
        assert!(!is_answered(&hosts, "other.example"));
        hosts.allow("*");
        assert!(is_answered(&hosts, "other.example"));
    }

    #[test]
    fn a_request_without_a_host_is_answered() {
        let check = |uri| Hosts::default().check(&uri, &HeaderMap::new());
        assert_eq!(check(Uri::from_static("/pyro/")), Ok(()));
        assert_eq!(
            check(Uri::from_static("http://evil.example/pyro/")),
            Err("evil.example".to_owned())
        );
    }
}
