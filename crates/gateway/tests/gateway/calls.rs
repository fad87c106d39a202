//! What calls through a gateway do, where the captured answers do not tell.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::Daemon;
use ferropyro::config::Generation;
use ferropyro_gateway::{Limits, Reuse};

use crate::support::{PATIENCE, Scene, class, connect, exchange, get, get_with, read_reply};

// Conformance: GW-15, GW-16, CTX-08
#[test]
fn every_answer_has_the_correlation_id_and_the_object_sees_it() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let reply = get(gateway, "/pyro/http.test/id");
    let id = reply.header("x-pyro-correlation-id").unwrap();
    assert_eq!(reply.json(), id);
    assert_ne!(get(gateway, "/pyro/http.test/id").json(), id);

    let own = "11112222-1111-2222-3333-222244449999";
    let header = format!("X-Pyro-Correlation-Id: {own}\r\n");
    assert_eq!(get_with(gateway, "/pyro/http.test/id", &header).json(), own);
    for (path, status) in [
        ("/pyro/http.test/error", 500),
        ("/pyro/http.test/ow", 200),
        ("/pyro/http.test/$meta", 200),
        ("/pyro/http.test/value", 200),
        ("/pyro/http.gone/echo", 500),
        ("/pyro/http.unknown/echo", 404),
        ("/pyro/other.test/echo", 403),
    ] {
        let reply = get_with(gateway, path, &header);
        assert_eq!(
            (reply.status, reply.header("x-pyro-correlation-id")),
            (status, Some(own)),
            "{path}"
        );
    }
    let refused = get_with(gateway, "/pyro/http.test/id", "X-Pyro-Correlation-Id: nonsense\r\n");
    assert_eq!((refused.status, class(&refused).as_str()), (500, "builtins.ValueError"));
    assert!(refused.header("x-pyro-correlation-id").is_some());
}

// Conformance: GW-07, GW-12
#[test]
fn every_request_looks_the_name_up_anew() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    assert_eq!(get(gateway, "/pyro/http.test/value").body, "5");

    struct Elsewhere;
    #[ferropyro::expose]
    impl Elsewhere {
        #[expose(get)]
        pub fn value(&self) -> i64 {
            6
        }
    }
    let daemon = Daemon::builder().host("127.0.0.1").bind().unwrap();
    scene.register("http.test", &daemon.register("elsewhere", Elsewhere).unwrap());
    let _running = daemon.start();
    assert_eq!(get(gateway, "/pyro/http.test/value").body, "6");
}

// Conformance: GW-18
#[test]
fn what_is_not_exposed_is_not_contacted() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    assert_eq!(get(gateway, "/pyro/other.test/echo?x=1").status, 403);
    assert_eq!(scene.calls.load(Ordering::SeqCst), 0);
    assert_eq!(get(gateway, "/pyro/http.test/echo?x=1").status, 200);
    assert_eq!(scene.calls.load(Ordering::SeqCst), 1);
}

// Conformance: GW-13
#[test]
fn a_oneway_call_is_answered_before_the_method_is() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let reply = get_with(gateway, "/pyro/http.test/wait", "X-Pyro-Options: unknown , oneway\r\n");
    assert_eq!(
        (reply.status, reply.body.as_str(), reply.header("content-length")),
        (200, "", Some("0"))
    );
    // It runs, and has not come to its end.
    scene.has_begun.recv_timeout(PATIENCE).unwrap();
    scene.let_go.send(()).unwrap();
}

// Conformance: GW-19
#[test]
fn what_is_not_there_is_not_found() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().generation(Generation::Pyro4));
    let reply = get(gateway, "/pyro/http.unknown/echo");
    assert_eq!(
        (reply.status, class(&reply).as_str()),
        (404, "Pyro4.errors.NamingError")
    );
    assert_eq!(reply.json()["args"][0], "unknown name: http.unknown");
    for path in ["/foo", "/pyro", "/pyro/http.test", "/pyro/http.test/"] {
        assert_eq!(get(gateway, path).status, 404, "{path}");
    }
}

// Conformance: GW-20, GW-10
#[test]
fn a_name_server_that_is_down_is_an_error_of_the_request_alone() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    scene.names.stop();
    let reply = get(gateway, "/pyro/http.test/echo?x=1");
    assert_eq!(
        (reply.status, class(&reply).as_str()),
        (500, "Pyro5.errors.NamingError")
    );
    assert_eq!(reply.json()["args"][0], "Failed to locate the nameserver");
    let page = get(gateway, "/pyro/");
    assert_eq!(page.status, 500);
    assert_eq!(
        page.body,
        "Cannot connect to the Pyro name server. Is it running? Refresh page to retry."
    );
    assert_eq!(get(gateway, "/pyro/other.test/echo").status, 403);
}

// Conformance: GW-20
#[test]
fn an_object_that_does_not_answer_in_time_is_an_error() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().timeout(Duration::from_millis(300)));
    let reply = get(gateway, "/pyro/http.test/wait");
    assert_eq!(
        (reply.status, class(&reply).as_str()),
        (500, "Pyro5.errors.TimeoutError")
    );
    scene.let_go.send(()).unwrap();
}

// Conformance: GW-14
#[test]
fn the_key_is_in_the_header_or_a_parameter_and_stays_in_the_gateway() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().key("secret"));
    let form = |fields: &str| {
        let head =
            "POST /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded";
        exchange(
            gateway,
            &format!("{head}\r\nContent-Length: {}\r\n\r\n{fields}", fields.len()),
        )
    };
    assert_eq!(form("x=1&$key=secret").body, "\"1\"");
    for wrong in [
        "x=1",
        "x=1&$key=secre",
        "x=1&$key=secret1",
        "x=1&$key=secret&$key=secret",
    ] {
        let reply = form(wrong);
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (403, "403 Forbidden - incorrect gateway api key"),
            "{wrong}"
        );
    }
    assert_eq!(scene.calls.load(Ordering::SeqCst), 1);
    assert_eq!(
        get_with(gateway, "/pyro/http.test/echo?x=2", "X-Pyro-Gateway-Key: secret\r\n").body,
        "\"2\""
    );
}

// Conformance: GW-08
#[test]
fn a_multipart_form_has_parameters_too() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let body = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nposted €\r\n--b--\r\n";
    let head = "POST /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b";
    let send = |body: &str| {
        exchange(
            gateway,
            &format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        )
    };
    assert_eq!(send(body).body, "\"posted €\"");
    let broken = send("--b\r\nno form");
    assert_eq!(
        (broken.status, broken.body.as_str()),
        (400, "400 Bad Request - the body is no multipart form")
    );
}

// Conformance: GW-10
#[test]
fn the_page_lists_ten_objects_and_needs_nothing_from_elsewhere() {
    let scene = Scene::new();
    for number in 0..12 {
        scene.register(&format!("http.<b>{number:02}"), &scene.uri);
    }
    let gateway = scene.serve(scene.builder());
    let page = get(gateway, "/pyro/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.body.matches("http.&lt;b&gt;").count(), 10, "{}", page.body);
    assert!(!page.body.contains("<b>") && !page.body.contains("//"), "{}", page.body);
    assert!(page.body.contains("href=\"http%2E%3Cb%3E00/value\""), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy
        .split_once("script-src 'nonce-")
        .unwrap()
        .1
        .split_once('\'')
        .unwrap()
        .0;
    assert!(policy.starts_with("default-src 'none'") && page.body.contains(&format!("<script nonce=\"{nonce}\">")));
    // What its links lead to is there.
    assert_eq!(get(gateway, "/pyro/http%2E%3Cb%3E00/value").body, "5");
}

// Conformance: GW-12
#[test]
fn nothing_is_kept_between_requests() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().reuse(Reuse::Never));
    for _ in 0..5 {
        assert_eq!(get(gateway, "/pyro/http.test/nothing").body, "null");
    }
    until_idle(&scene);
}

#[test]
fn a_client_that_goes_away_in_the_midst_takes_up_no_place() {
    let scene = Scene::new();
    let mut limits = Limits::default();
    limits.connections = 1;
    let gateway = scene.serve_with(scene.builder().reuse(Reuse::Never), limits);
    let mut client = connect(gateway);
    client
        .write_all(b"GET /pyro/http.test/wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    scene.has_begun.recv_timeout(PATIENCE).unwrap();
    drop(client);
    // The object is still busy.
    let end = Instant::now() + PATIENCE;
    while !is_answered(gateway) {
        assert!(Instant::now() < end, "its place stays taken");
        thread::yield_now();
    }
    scene.let_go.send(()).unwrap();
    until_idle(&scene);
}

/// Who is refused may find the connection closed before the request is sent.
fn is_answered(gateway: SocketAddr) -> bool {
    let mut client = connect(gateway);
    let mut answer = String::new();
    let request = b"GET /pyro/http.test/value HTTP/1.0\r\n\r\n";
    let sent = client
        .write_all(request)
        .and_then(|()| client.read_to_string(&mut answer));
    sent.is_ok() && answer.ends_with("\r\n\r\n5")
}

/// Waits until no connection leads to the object.
fn until_idle(scene: &Scene) {
    let end = Instant::now() + PATIENCE;
    while scene.daemon.statistics().connections > 0 {
        assert!(Instant::now() < end, "a connection stays open");
        thread::yield_now();
    }
}

// Conformance: GW-11
#[test]
fn other_sites_read_answers_only_where_that_is_wanted() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    assert_eq!(
        get(gateway, "/pyro/http.test/value").header("access-control-allow-origin"),
        None
    );
    let ask = "OPTIONS /pyro/http.test/value HTTP/1.0\r\nHost: localhost\r\n\r\n";
    assert_eq!(exchange(gateway, ask).status, 405);
    let open = scene.serve(scene.builder().cors("https://example.org").unwrap());
    let reply = get(open, "/pyro/http.test/value");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://example.org"));
    assert_eq!(exchange(open, ask).status, 200);
}

#[test]
fn a_connection_serves_several_requests() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let mut client = connect(gateway);
    let requests = "GET /pyro/http.test/value HTTP/1.1\r\nHost: localhost\r\n\r\n\
                    GET /pyro/http.test/echo?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.write_all(requests.as_bytes()).unwrap();
    let replies = read_reply(&mut client).body;
    assert!(replies.starts_with('5') && replies.ends_with("\"1\""), "{replies}");
}
