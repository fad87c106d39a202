//! URIs, measured against what the real Pyro4 and Pyro5 make of the same texts (`data/uris.json`).

use std::collections::{BTreeSet, HashSet};

use ferropyro::uri::{InvalidUri, Location, Protocol, Uri, UriObject, UriState, generate_object_id};
use proptest::prelude::*;
use serde_json::Value;

/// Texts that Python takes and ferropyro refuses, each with our error; the documentation of `Uri` tells why.
const STRICTER: [(&str, &str); 10] = [
    ("PYRO:x@:55", "invalid uri (location)"),
    ("PYRONAME:x@:55", "invalid uri (location)"),
    ("PYRONAME:x@./u", "invalid uri (location)"),
    ("PYRO:x@host:-5", "invalid port in uri, port=-5"),
    ("PYRO:x@host:65536", "invalid port in uri, port=65536"),
    ("PYRO:x@host:5_5", "invalid port in uri, port=5_5"),
    ("PYRO:x@host:\u{0665}", "invalid port in uri, port=\u{0665}"),
    ("PYROMETA:,", "invalid uri"),
    ("PYROMETA:b,a@", "invalid uri"),
    ("PYROMETA:@a,B", "invalid uri"),
];

fn captured() -> Vec<Value> {
    serde_json::from_str(include_str!("data/uris.json")).expect("the capture is JSON")
}

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// What we make of a text, in the form of the capture.
fn outcome(text: &str) -> Value {
    let uri: Uri = match text.parse() {
        Ok(uri) => uri,
        Err(error) => return serde_json::json!({ "error": format!("PyroError: {error}") }),
    };
    let state = uri.to_state();
    let (object, has_order) = match &state.object {
        UriObject::Text(text) => (serde_json::json!(text), true),
        UriObject::Tags(tags) => (serde_json::json!(tags), tags.len() < 2),
    };
    serde_json::json!({
        "protocol": state.protocol, "object": object, "sockname": state.sockname, "host": state.host, "port": state.port,
        "text": has_order.then(|| uri.to_string()),
    })
}

// Conformance: URI-01, URI-03, URI-04, URI-05, URI-07, IP6-02
#[test]
fn makes_of_every_captured_text_what_python_makes_of_it() {
    let mut compared = 0;
    for row in captured() {
        let text = row["uri"].as_str().expect("a text");
        assert_eq!(
            row["pyro4"], row["pyro5"],
            "Pyro4 and Pyro5 agree on every text so far: {text:?}"
        );
        if STRICTER.iter().any(|(stricter, _)| *stricter == text) {
            continue;
        }
        assert_eq!(outcome(text), row["pyro4"], "{text:?}");
        compared += 1;
    }
    assert!(compared >= 80, "only {compared} texts");
}

#[test]
fn refuses_what_python_takes_but_cannot_reach_or_read_again() {
    let captured = captured();
    for (text, expected) in STRICTER {
        let row = captured
            .iter()
            .find(|row| row["uri"] == text)
            .expect("the text was captured");
        assert!(
            row["pyro5"].get("error").is_none(),
            "Python refuses it too, so it is no exception: {text:?}"
        );
        assert_eq!(text.parse::<Uri>().expect_err(text).to_string(), expected, "{text:?}");
    }
}

// Conformance: URI-01
#[test]
fn tells_the_parts_of_a_uri() {
    let parsed = uri("PYRO:custom_name@localhost:51851");
    assert_eq!(parsed.protocol(), Protocol::Pyro);
    assert_eq!(
        (parsed.object().as_ref(), parsed.host(), parsed.port()),
        ("custom_name", Some("localhost"), Some(51851))
    );
    assert_eq!((parsed.tags(), parsed.socket_path()), (None, None));
    assert_eq!(parsed.location(), Some(&Location::tcp("localhost", 51851)));
    assert_eq!(parsed.to_string(), "PYRO:custom_name@localhost:51851");

    let parsed = uri("PYRONAME:name@./u:my sock");
    assert_eq!(parsed.protocol(), Protocol::PyroName);
    assert_eq!(
        (parsed.socket_path(), parsed.host(), parsed.port()),
        (Some("my sock"), None, None)
    );
}

// Conformance: URI-02
#[test]
fn generates_object_ids_of_pyros_shape_and_never_the_same() {
    let ids: HashSet<String> = (0..1000).map(|_| generate_object_id()).collect();
    assert_eq!(ids.len(), 1000);
    for id in ids {
        let digits = id.strip_prefix("obj_").expect("obj_");
        assert_eq!(digits.len(), 32, "{id}");
        assert!(
            digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
    }
}

// Conformance: URI-03
#[test]
fn takes_the_name_servers_port_for_a_location_without_one() {
    for text in [
        "PYRONAME:x@host",
        "PYROMETA:x@host",
        "PYRONAME:x@[::1]",
        "PYRONAME:x@host:",
    ] {
        assert_eq!(uri(text).port(), Some(9090), "{text}");
        assert_eq!(Uri::parse_with(text, 7000).expect(text).port(), Some(7000), "{text}");
    }
    assert_eq!(
        Uri::parse_with("PYRONAME:x@host:80", 7000).expect("valid").port(),
        Some(80)
    );
    assert_eq!(Uri::parse_with("PYRO:x@host", 7000), Err(InvalidUri::Port(None)));
}

// Conformance: URI-04
#[test]
fn compares_tags_without_their_order() {
    assert_eq!(uri("PYROMETA:a,b,c@host"), uri("PYROMETA:c,a,b,a@host:9090"));
    assert_ne!(uri("PYROMETA:a,b"), uri("PYROMETA:a,b,c"));
    let tags = uri("PYROMETA:b,a").tags().cloned();
    assert_eq!(tags, Some(BTreeSet::from(["a".to_owned(), "b".to_owned()])));
}

// Conformance: URI-08
#[test]
fn compares_and_hashes_by_content() {
    let same: HashSet<Uri> = ["PYRO:x@h:1", "pyro:x@h:1", "PYRO:x@h:01", "PYRO:x@h:1\n"]
        .map(uri)
        .into();
    assert_eq!(same.len(), 1);
    let different: HashSet<Uri> = ["PYRO:x@h:1", "PYRO:y@h:1", "PYRO:x@i:1", "PYRO:x@h:2", "PYRO:x@./u:h"]
        .map(uri)
        .into();
    assert_eq!(different.len(), 5);
}

#[test]
fn builds_only_uris_that_can_be_read_again() {
    let here = || Location::tcp("localhost", 1);
    assert_eq!(
        Uri::pyro("x", Location::tcp("::1", 1)).expect("valid"),
        uri("PYRO:x@[::1]:1")
    );
    assert_eq!(Uri::pyroname("x", None).expect("valid"), uri("PYRONAME:x"));
    assert_eq!(
        Uri::pyrometa(["a", "b"], Some(here())).expect("valid"),
        uri("PYROMETA:b,a@localhost:1")
    );
    for object in ["", " ", "a b", "a\n", "a@b"] {
        assert!(Uri::pyro(object, here()).is_err(), "{object:?}");
    }
    for host in ["", "./u", "[::1]", "h:b", "a\n"] {
        assert!(Uri::pyro("x", Location::tcp(host, 1)).is_err(), "{host:?}");
    }
    for path in ["", "a:b", "a\n"] {
        assert!(Uri::pyroname("x", Some(Location::unix(path))).is_err(), "{path:?}");
    }
    for tags in [&[][..], &[""], &["a b"], &["a,b"], &["a@b"], &["a", "b@"]] {
        assert!(Uri::pyrometa(tags.iter().copied(), None).is_err(), "{tags:?}");
    }
}

#[test]
fn refuses_a_state_that_is_not_a_uris() {
    let good = uri("PYRO:x@host:1").to_state();
    let port = |port| UriState { port, ..good.clone() };
    let unix = Some("path".to_owned());
    let tags = UriObject::Tags(BTreeSet::from(["a".to_owned()]));
    let bad = [
        (
            UriState {
                protocol: "pyro".into(),
                ..good.clone()
            },
            "invalid uri (protocol)",
        ),
        (
            UriState {
                protocol: "PYROX".into(),
                ..good.clone()
            },
            "invalid uri (protocol)",
        ),
        (
            UriState {
                protocol: "PYROMETA".into(),
                ..good.clone()
            },
            "invalid uri",
        ),
        (
            UriState {
                object: tags,
                ..good.clone()
            },
            "invalid uri",
        ),
        (
            UriState {
                object: UriObject::Text("a b".into()),
                ..good.clone()
            },
            "invalid uri",
        ),
        (
            UriState {
                host: None,
                port: None,
                ..good.clone()
            },
            "invalid uri",
        ),
        (
            UriState {
                host: None,
                ..good.clone()
            },
            "invalid uri (location)",
        ),
        (
            UriState {
                sockname: unix,
                ..good.clone()
            },
            "invalid uri (location)",
        ),
        (port(None), "invalid port in uri, port=None"),
        (port(Some(-1)), "invalid port in uri, port=-1"),
        (port(Some(65536)), "invalid port in uri, port=65536"),
    ];
    for (state, expected) in bad {
        assert_eq!(
            Uri::from_state(state.clone()).expect_err("not a URI").to_string(),
            expected,
            "{state:?}"
        );
    }
    assert_eq!(Uri::from_state(good), Ok(uri("PYRO:x@host:1")));
}

// Conformance: URI-06
#[test]
fn takes_text_and_uris_alike_where_a_uri_is_wanted() {
    fn port(uri: impl TryInto<Uri>) -> Option<u16> {
        uri.try_into().ok()?.port()
    }
    let (text, parsed) = ("PYRONAME:x@host:1", uri("PYRONAME:x@host:1"));
    assert_eq!(
        [port(text), port(text.to_owned()), port(&parsed), port(parsed.clone())],
        [Some(1); 4]
    );
    assert_eq!(port("PYRO:x@host"), None);
}

/// Pieces of text that mean something to the parser.
const PIECES: &[&str] = &[
    "PYRO", "PYROMETA", "pyro", ":", "@", "[", "]", "::1", "./u", "./u:", ",", "%", "\n", " ", "9", "a", "B",
];

/// Text that is nearly a URI: such pieces, and anything else.
fn nearly_a_uri() -> impl Strategy<Value = String> {
    let known = prop::sample::select(PIECES).prop_map(str::to_owned);
    let piece = prop_oneof![4 => known, 1 => any::<char>().prop_map(String::from)];
    let start = prop::sample::select(&["PYRO:", "PYRONAME:", "PYROMETA:", ""][..]);
    (start, prop::collection::vec(piece, 0..12)).prop_map(|(start, pieces)| start.to_owned() + &pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    // Conformance: URI-01
    #[test]
    fn reads_back_every_uri_that_it_writes(text in nearly_a_uri()) {
        if let Ok(uri) = text.parse::<Uri>() {
            prop_assert_eq!(uri.to_string().parse::<Uri>(), Ok(uri.clone()));
            prop_assert_eq!(Uri::from_state(uri.to_state()), Ok(uri));
        }
    }

    #[test]
    fn takes_any_text_without_a_panic(text in any::<String>()) {
        let protocols = ["PYRO:", "PYRONAME:x@", "PYROMETA:", "PYRO:x@[", "PYRO:x@./u:", "PYRO:x@h:", ""];
        for protocol in protocols {
            let _ = format!("{protocol}{text}").parse::<Uri>().map_err(|error| error.to_string());
        }
    }
}
