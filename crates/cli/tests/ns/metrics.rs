//! `--metrics-addr`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::running::{PATIENCE, Running, client, run};

/// A name server with metrics, and where they are.
fn start(folder: &std::path::Path, args: &[&str]) -> (Running, ferropyro::Uri, String) {
    let (running, uri) = Running::ns(folder, &[&["--metrics-addr", "0"], args].concat(), &[]);
    let line = running.err.next_with("metrics on http://");
    let (_, rest) = line.split_once("//").unwrap();
    let address = rest.strip_suffix("/metrics").unwrap().to_owned();
    (running, uri, address)
}

/// Status line, headers and body.
fn ask(address: &str, request: &str) -> (String, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap();
    (status.to_owned(), headers.to_lowercase(), body.to_owned())
}

#[test]
fn metrics_have_the_names_and_the_calls_in_the_format_of_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, uri, address) = start(folder.path(), &["--read-only", "-s", "sql:names.db"]);
    let ns = client(&uri);
    assert!(ns.lookup("nothing").is_err());
    ns.lookup("Pyro.NameServer").unwrap();
    let (status, headers, body) = ask(&address, "GET /metrics");
    assert_eq!(status, "200 OK");
    assert!(headers.contains("content-type: text/plain; version=0.0.4"), "{headers}");
    let name = |text: &str| format!("ferropyro_nameserver_{text}");
    for line in [
        r#"calls_total{method="lookup",outcome="ok"} 1"#,
        r#"calls_total{method="lookup",outcome="error"} 1"#,
        r#"store_info{class="SqlStorage"} 1"#,
        "names 1",
        "read_only 1",
        "store_up 1",
        "connections 1",
        "failed_calls_total 1",
    ] {
        assert!(body.lines().any(|found| found == name(line)), "{line}\n{body}");
    }
    for line in body.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => assert!(comment.starts_with("HELP ") || comment.starts_with("TYPE "), "{line}"),
            None => {
                let (metric, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok() && metric.starts_with(&name("")), "{line}");
                let bare = metric.split('{').next().unwrap();
                assert!(body.contains(&format!("# TYPE {bare} ")), "{line}");
            }
        }
    }
}

#[test]
fn other_paths_and_methods_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, _, address) = start(folder.path(), &[]);
    assert_eq!(ask(&address, "GET /").0, "404 Not Found");
    assert_eq!(ask(&address, "GET /metrics/").0, "404 Not Found");
    let (status, headers, _) = ask(&address, "DELETE /metrics");
    assert_eq!(status, "405 Method Not Allowed");
    assert!(headers.contains("allow: get, head"), "{headers}");
    let (status, headers, body) = ask(&address, "HEAD /healthz");
    assert_eq!((&*status, &*body), ("200 OK", ""));
    assert!(headers.contains("content-length: 3"), "{headers}");
}

#[test]
fn health_tells_of_a_store_that_cannot_be_read_and_of_one_that_can_be_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, uri, address) = start(folder.path(), &["-s", "dbm:names"]);
    client(&uri)
        .register("thing", &"PYRO:thing@h:1".parse().unwrap())
        .unwrap();
    assert_eq!(ask(&address, "GET /healthz"), {
        let (status, headers, _) = ask(&address, "GET /healthz");
        (status, headers, "ok\n".to_owned())
    });
    let index = folder.path().join("names.dir");
    let good = fs::read(&index).unwrap();
    fs::write(&index, "this is no index\n").unwrap();
    let wait_for = |expected: &str| {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, _, body) = ask(&address, "GET /healthz");
            if status == expected {
                return body;
            }
            assert!(Instant::now() < end, "still {status}: {body}");
            thread::sleep(Duration::from_millis(50));
        }
    };
    let reason = wait_for("503 Service Unavailable");
    assert!(reason.contains("the index has the line this is no index"), "{reason}");
    let (_, _, body) = ask(&address, "GET /metrics");
    assert!(body.contains("ferropyro_nameserver_store_up 0\n"), "{body}");
    assert!(!body.contains("ferropyro_nameserver_names "), "{body}");
    fs::write(&index, good).unwrap();
    assert_eq!(wait_for("200 OK"), "ok\n");
}

#[test]
fn silent_clients_take_up_their_places_only() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, _, address) = start(folder.path(), &[]);
    let mut silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&*address).unwrap()).collect();
    write!(silent[0], "GET /metr").unwrap();
    assert_eq!(ask(&address, "GET /healthz").0, "200 OK");
    silent.extend((0..60).map(|_| TcpStream::connect(&*address).unwrap()));
    let mut last = silent.pop().unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    // There is no place for it: it is closed at once, and the others when their time is over.
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    for mut stream in silent.into_iter().take(1) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(ask(&address, "GET /healthz").0, "200 OK");
}

#[test]
fn an_address_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["nine", "localhost:", "no-such-host.invalid:9100", "localhost:99999"] {
        let (status, out, err) = run(folder.path(), &["ns", "-p", "0", "--metrics-addr", address], &[]);
        assert_eq!((status, &*out), (Some(2), ""), "{address}: {err}");
        assert!(err.contains("should look like localhost:9100"), "{err}");
    }
}
