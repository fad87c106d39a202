//! What pages in a browser may do, those of this gateway and those of others.

use std::sync::atomic::Ordering;

use crate::support::{Scene, exchange, get, get_with, send};

const PATH: &str = "/api/objects/http.test/echo";
const BODY: &str = "{\"args\": [1]}";

/// The token that the page has.
fn token(gateway: std::net::SocketAddr) -> String {
    let page = get(gateway, "/pyro/").body;
    let (_, rest) = page.split_once("name=\"pyro-token\" content=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn a_page_of_ours_calls_with_its_token_and_not_without() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let own = "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    let token = token(gateway);
    let with = |headers: &str| send(gateway, "POST", PATH, headers, BODY);
    for headers in [
        own.to_owned(),
        format!("{own}X-Pyro-Token: \r\n"),
        format!(
            "{own}X-Pyro-Token: {}\r\n",
            token.replace(|c: char| c.is_ascii_digit(), "x")
        ),
        format!("{own}X-Pyro-Token: {token}0\r\n"),
    ] {
        let reply = with(&headers);
        assert!(
            reply.status == 403 && reply.body.contains("token"),
            "{headers}: {reply:?}"
        );
    }
    assert_eq!(scene.calls.load(Ordering::SeqCst), 0);
    assert_eq!(with(&format!("{own}X-Pyro-Token: {token}\r\n")).body, "1");
    // Attributes are set with it too; what reads needs none, nor does a program, which has no page.
    assert_eq!(
        send(gateway, "PUT", "/api/objects/http.test/level", own, "1.0").status,
        403
    );
    assert_eq!(get_with(gateway, "/api/objects/http.test/level", own).body, "0.5");
    assert_eq!(with("").body, "1");
    // Another gateway has another token.
    assert_ne!(token, self::token(scene.serve(scene.builder())));
}

#[test]
fn pages_of_other_sites_call_nothing() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let token = token(gateway);
    for headers in [
        "Origin: https://evil.example\r\n",
        "Origin: http://localhost:3000\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        let stolen = format!("{headers}X-Pyro-Token: {token}\r\n");
        assert_eq!(send(gateway, "POST", PATH, &stolen, BODY).status, 403, "{headers}");
        assert_eq!(
            get_with(gateway, "/api/objects/http.test/value", headers).status,
            403,
            "{headers}"
        );
        // As a form or a picture of theirs would have the browser do it.
        let reply = get_with(gateway, "/pyro/http.test/echo?x=1", headers);
        assert!(
            reply.status == 403 && reply.body.contains("--cors"),
            "{headers}: {reply:?}"
        );
        let form = format!(
            "POST /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nx=1"
        );
        assert_eq!(exchange(gateway, &form).status, 403, "{headers}");
    }
    assert_eq!(scene.calls.load(Ordering::SeqCst), 0);
    // From the address line.
    assert_eq!(
        get_with(gateway, "/pyro/http.test/echo?x=1", "Sec-Fetch-Site: none\r\n").body,
        "\"1\""
    );
}

#[test]
fn a_site_that_cors_lets_in_calls_without_a_token_and_cannot_read_that_of_the_page() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().cors("https://app.example").unwrap());
    let app = "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n";
    let reply = send(gateway, "POST", PATH, app, BODY);
    assert_eq!(reply.body, "1");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(
        send(gateway, "POST", PATH, "Origin: https://other.example\r\n", BODY).status,
        403
    );
    assert_eq!(get(gateway, "/pyro/").header("access-control-allow-origin"), None);
    let ask = format!("OPTIONS {PATH} HTTP/1.0\r\nHost: localhost\r\n{app}Access-Control-Request-Method: PUT\r\n\r\n");
    let preflight = exchange(gateway, &ask);
    assert_eq!(preflight.status, 200);
    assert!(
        preflight
            .header("access-control-allow-methods")
            .unwrap()
            .contains("PUT")
    );
    assert!(
        preflight
            .header("access-control-allow-headers")
            .unwrap()
            .contains("X-Pyro-Gateway-Key")
    );
}

#[test]
fn the_key_stands_in_no_address_of_our_own_routes() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().key("secret"));
    for (path, header, status) in [
        ("/api/objects/http.test/value", "X-Pyro-Gateway-Key: secret\r\n", 200),
        ("/api/objects/http.test/value", "X-Pyro-Gateway-Key: secre\r\n", 403),
        ("/api/objects/http.test/value", "", 403),
        ("/api/objects/http.test/value?$key=secret", "", 403),
        ("/api/objects?$key=secret", "", 403),
        ("/api/objects", "", 403),
        ("/pyro/http.test/value?$key=secret", "", 200),
    ] {
        let reply = get_with(gateway, path, header);
        // The parameter is no parameter of an attribute then.
        assert_eq!(reply.status, status, "{path} {header}: {reply:?}");
    }
}

#[test]
fn a_host_that_is_not_ours_is_refused_everywhere() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    for path in [
        "/pyro/",
        "/api/objects",
        "/api/objects/http.test/value",
        "/openapi.json",
        "/healthz",
        "/metrics",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        assert_eq!(exchange(gateway, &request).status, 403, "{path}");
    }
}
