//! Clients that mean no good, or are slow.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use ferropyro_gateway::Limits;

use crate::support::{PATIENCE, Scene, connect, exchange, get};

#[test]
fn a_head_that_does_not_come_to_its_end_is_given_up() {
    let scene = Scene::new();
    let mut limits = Limits::default();
    limits.head_time = Duration::from_millis(500);
    let gateway = scene.serve_with(scene.builder(), limits);
    let mut client = connect(gateway);
    client.write_all(b"GET /pyro/ HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    // A line now and then does not help.
    let mut drip = client.try_clone().unwrap();
    thread::spawn(move || {
        while drip.write_all(b"X-Slow: 1\r\n").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    let mut rest = Vec::new();
    match client.read_to_end(&mut rest) {
        // It is closed, or reset because of the lines that nobody reads any more.
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert_eq!(get(gateway, "/pyro/http.test/value").body, "5");
}

#[test]
fn a_body_may_not_be_long_or_late() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().max_body(100).body_time(Duration::from_millis(300)));
    let post = |length: usize, body: &str| {
        let head =
            "POST /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded";
        exchange(gateway, &format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    assert_eq!(post(100, &format!("x={}", "a".repeat(98))).status, 200);
    let long = post(101, &format!("x={}", "a".repeat(99)));
    let text = "413 Payload Too Large - the body of a request may have 100 bytes";
    assert_eq!((long.status, long.body.as_str()), (413, text));
    assert_eq!(post(100, "x=late").status, 408);
}

#[test]
fn a_host_that_is_not_ours_is_refused() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().allow_host("gateway.example"));
    let ask = |host: &str| {
        exchange(
            gateway,
            &format!("GET /pyro/http.test/value HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        )
    };
    for host in ["localhost", "127.0.0.1:8080", "gateway.example:8080"] {
        assert_eq!(ask(host).status, 200, "{host}");
    }
    for path in ["/", "/pyro/", "/pyro/http.test/value", "/foo"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let reply = exchange(gateway, &request);
        assert_eq!(reply.status, 403, "{path}");
        assert!(
            reply.body.contains("\"evil.example\"") && reply.body.contains("--allow-host"),
            "{reply:?}"
        );
    }
}

#[test]
fn who_comes_when_there_are_too_many_is_told_so() {
    let scene = Scene::new();
    let mut limits = Limits::default();
    limits.connections = 1;
    let gateway = scene.serve_with(scene.builder(), limits);
    let mut first = connect(gateway);
    first
        .write_all(b"GET /pyro/http.test/wait HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    scene.has_begun.recv_timeout(PATIENCE).unwrap();
    let mut second = String::new();
    connect(gateway).read_to_string(&mut second).unwrap();
    assert!(second.starts_with("HTTP/1.1 503 "), "{second}");
    scene.let_go.send(()).unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("null"), "{answer}");
}

#[test]
fn nonsense_is_answered_and_does_no_harm() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    for request in [
        "GET /pyro/http.test/echo?x=%&y=%zz&=&&$key HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /pyro/%00/%ff HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /pyro/http.test/__class__ HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /pyro/http.test/_pyroRelease HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "GET /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\nX-Pyro-Correlation-Id: \u{e4}\r\n\r\n",
        "BREW /pyro/http.test/echo HTTP/1.0\r\nHost: localhost\r\n\r\n",
        "no request at all\r\n\r\n",
    ] {
        let reply = exchange(gateway, request);
        assert!(reply.status >= 400, "{request:?}: {reply:?}");
    }
    assert_eq!(get(gateway, "/pyro/http.test/value").body, "5");
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let scene = Scene::new();
    let mut limits = Limits::default();
    limits.connections = 1;
    limits.write_time = Duration::from_millis(300);
    let gateway = scene.serve_with(scene.builder(), limits);
    let mut lazy = connect(gateway);
    let body = format!("{{\"args\": [{}]}}", 64 << 20);
    let head = "POST /api/objects/http.test/long HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    write!(lazy, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut first = [0];
    lazy.read_exact(&mut first).unwrap();
    // Its place is free again, though it still has its connection.
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let mut other = connect(gateway);
        let mut answer = String::new();
        let asked = other.write_all(b"GET /healthz HTTP/1.0\r\n\r\n");
        let read = other.read_to_string(&mut answer);
        if asked.is_ok() && read.is_ok() && answer.ends_with("ok") {
            break;
        }
        assert!(std::time::Instant::now() < end, "its place stays taken: {answer}");
    }
    drop(lazy);
}
