//! What the path of a request asks for.

use hyper::Uri;
use percent_encoding::percent_decode_str;

/// The places that a gateway has.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// `/`, which leads to the page.
    Root,
    /// `/pyro/`: the page.
    Page,
    /// `/pyro/NAME/MEMBER`: a method or an attribute of an object.
    Member { object: String, member: String },
    /// Below `/pyro/`, but nothing there.
    Incomplete,
    /// `/api/...` and `/openapi.json`, which Pyro's gateways do not have.
    Api(Api),
    /// `/healthz`: whether there is a gateway.
    Health,
    /// `/metrics`: what it has done.
    Metrics,
    /// Anything else.
    Elsewhere,
}

/// The places of our own, where objects are. Each of their names is one segment of the path, in which slashes are encoded.
#[derive(Debug, PartialEq)]
pub(crate) enum Api {
    /// `/api/objects`: the list.
    Objects,
    /// `/api/objects/NAME`: what is known of one.
    Object { object: String },
    /// `/api/objects/NAME/MEMBER`: a method or an attribute.
    Member { object: String, member: String },
    /// `/openapi.json`: what can be asked here, for programs.
    Document,
}

impl Api {
    fn of(path: &str) -> Option<Api> {
        match path {
            "/api/objects" => return Some(Api::Objects),
            "/openapi.json" => return Some(Api::Document),
            _ => {}
        }
        let rest = path.strip_prefix("/api/objects/")?;
        let decode = |segment| {
            let text = percent_decode_str(segment).decode_utf8().ok()?;
            (!text.is_empty()).then(|| text.into_owned())
        };
        match rest.split_once('/') {
            None => decode(rest).map(|object| Api::Object { object }),
            Some((_, member)) if member.contains('/') => None,
            Some((object, member)) => Some(Api::Member {
                object: decode(object)?,
                member: decode(member)?,
            }),
        }
    }
}

impl Place {
    pub(crate) fn of(uri: &Uri) -> Place {
        match uri.path() {
            "/healthz" => return Place::Health,
            "/metrics" => return Place::Metrics,
            path => {
                if let Some(api) = Api::of(path) {
                    return Place::Api(api);
                }
            }
        }
        let Ok(path) = percent_decode_str(uri.path()).decode_utf8() else {
            return Place::Elsewhere;
        };
        let path = path.trim_start_matches('/');
        match path.strip_prefix("pyro/") {
            None if path.is_empty() => Place::Root,
            None => Place::Elsewhere,
            Some("") => Place::Page,
            Some(rest) => Place::member(rest).unwrap_or(Place::Incomplete),
        }
    }

    /// The names of objects may have slashes in them, so the last one counts that has something on either side.
    fn member(rest: &str) -> Option<Place> {
        let mut slashes = rest.rmatch_indices('/').map(|(index, _)| index);
        let index = slashes.find(|index| *index > 0 && index + 1 < rest.len())?;
        Some(Place::Member {
            object: rest[..index].to_owned(),
            member: rest[index + 1..].to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &'static str) -> Place {
        Place::of(&Uri::from_static(path))
    }

    fn member(object: &str, member: &str) -> Place {
        Place::Member {
            object: object.to_owned(),
            member: member.to_owned(),
        }
    }

    #[test]
    fn finds_places_where_the_real_gateways_do() {
        assert_eq!(place("/"), Place::Root);
        assert_eq!(place("/pyro/"), Place::Page);
        assert_eq!(place("//pyro/?x=1"), Place::Page);
        for path in ["/pyro", "/foo", "/pyroo/a/b", "/pyro/%ff/a"] {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
        for path in ["/pyro/http.test", "/pyro/http.test/", "/pyro//x"] {
            assert_eq!(place(path), Place::Incomplete, "{path}");
        }
        assert_eq!(place("/pyro/http.test/$meta"), member("http.test", "$meta"));
        assert_eq!(place("/pyro/a/b/c"), member("a/b", "c"));
        assert_eq!(place("/pyro/a%2Fb/c%20d"), member("a/b", "c d"));
        assert_eq!(place("/pyro/a/b/"), member("a", "b/"));
        assert_eq!(place("/pyro/%E2%82%AC/m"), member("€", "m"));
    }

    #[test]
    fn finds_the_places_of_our_own() {
        let object = |name: &str| {
            Place::Api(Api::Object {
                object: name.to_owned(),
            })
        };
        let member = |object: &str, member: &str| {
            Place::Api(Api::Member {
                object: object.to_owned(),
                member: member.to_owned(),
            })
        };
        assert_eq!(place("/api/objects?match=x"), Place::Api(Api::Objects));
        assert_eq!(place("/api/objects/http.a"), object("http.a"));
        assert_eq!(place("/api/objects/a%2Fb"), object("a/b"));
        assert_eq!(place("/api/objects/a%2Fb/c%20d"), member("a/b", "c d"));
        assert_eq!(place("/openapi.json"), Place::Api(Api::Document));
        for path in [
            "/api",
            "/api/objects/",
            "/api/objects/a/",
            "/api/objects/a/b/c",
            "/api/objects//b",
            "/api/objects/%ff",
        ] {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
    }
}
