//! The routes that Pyro's gateways do not have.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::support::{PATIENCE, Scene, class, connect, get, get_with, send};

#[test]
fn arguments_keep_their_types_and_come_by_place_or_name() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let call = |method: &str, body: &str| send(gateway, "POST", &format!("/api/objects/http.test/{method}"), "", body);
    for (body, wanted) in [
        (
            r#"{"args": [[1, 2.5, true, null, {"a": "b"}]]}"#,
            json!([1, 2.5, true, null, {"a": "b"}]),
        ),
        (r#"{"kwargs": {"x": "text"}}"#, json!("text")),
        (
            r#"{"args": [12345678901234567890123], "kwargs": {}}"#,
            json!(1.2345678901234568e22),
        ),
    ] {
        let reply = call("echo", body);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json(), wanted, "{body}");
        assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(reply.header("x-pyro-correlation-id").is_some());
    }
    assert_eq!(
        call("add", r#"{"args": [1], "kwargs": {"b": 2}}"#).json(),
        json!([1, 2])
    );
    assert_eq!(call("nothing", "").body, "null");
    assert_eq!(call("nothing", "{}").body, "null");
    let id = "11112222-1111-2222-3333-222244449999";
    let header = format!("X-Pyro-Correlation-Id: {id}\r\n");
    let reply = send(gateway, "POST", "/api/objects/http.test/id", &header, "");
    assert_eq!(
        (reply.json(), reply.header("x-pyro-correlation-id")),
        (json!(id), Some(id))
    );
}

#[test]
fn a_body_that_cannot_be_meant_is_refused_before_anybody_is_asked() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    for (body, reason) in [
        ("[1]", "the body is to be {\"args\": [...], \"kwargs\": {...}}"),
        ("{\"args\": 1}", "the body is to be"),
        ("{\"arguments\": [1]}", "arguments"),
        ("{\"kwargs\": [1]}", "the body is to be"),
        ("{\"args\": [1]} 2", "the body is to be"),
        ("nonsense", "the body is to be"),
    ] {
        let reply = send(gateway, "POST", "/api/objects/http.test/echo", "", body);
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        assert!(reply.body.contains(reason), "{body}: {reply:?}");
    }
    let form = "POST /api/objects/http.test/echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(crate::support::exchange(gateway, form).status, 415);
    let deep = format!("{{\"args\": [{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        send(gateway, "POST", "/api/objects/http.test/echo", "", &deep).status,
        400
    );
    assert_eq!(send(gateway, "PUT", "/api/objects/http.test/level", "", "").status, 400);
    assert_eq!(scene.calls.load(Ordering::SeqCst), 0);
}

#[test]
fn attributes_are_read_and_set() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let path = "/api/objects/http.test/level";
    assert_eq!(get(gateway, path).body, "0.5");
    let reply = send(gateway, "PUT", path, "", "0.75");
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    assert_eq!(get(gateway, path).body, "0.75");
    let fixed = send(gateway, "PUT", "/api/objects/http.test/value", "", "6");
    assert_eq!((fixed.status, class(&fixed).as_str()), (500, "builtins.AttributeError"));
}

#[test]
fn methods_are_not_called_by_reading_and_attributes_are_not_called() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    for (method, member, allowed) in [
        ("GET", "echo", "POST"),
        ("PUT", "echo", "POST"),
        ("POST", "value", "GET, PUT"),
        ("DELETE", "echo", "GET, POST, PUT"),
    ] {
        let reply = send(gateway, method, &format!("/api/objects/http.test/{member}"), "", "1");
        let reply = match method {
            "POST" => send(gateway, method, &format!("/api/objects/http.test/{member}"), "", ""),
            _ => reply,
        };
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some(allowed)),
            "{method} {member}"
        );
    }
    for path in [
        "/api/objects",
        "/openapi.json",
        "/healthz",
        "/metrics",
        "/api/objects/http.test",
    ] {
        assert_eq!(send(gateway, "POST", path, "", "").status, 405, "{path}");
    }
    assert_eq!(scene.calls.load(Ordering::SeqCst), 0);
}

#[test]
fn statuses_tell_whose_fault_it_is() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().timeout(Duration::from_millis(500)));
    let post = |path: &str| send(gateway, "POST", &format!("/api/objects/{path}"), "", "");
    for (path, status, class_name) in [
        ("http.test/error", 500, "ValueError"),
        ("http.test/echo", 500, "TypeError"),
        ("http.test/unknown", 404, "AttributeError"),
        ("http.test/__class__", 404, "AttributeError"),
        ("http.unknown/echo", 404, "Pyro5.errors.NamingError"),
        ("http.gone/echo", 502, "Pyro5.errors.CommunicationError"),
        ("http.test/wait", 504, "Pyro5.errors.TimeoutError"),
    ] {
        let reply = post(path);
        let found = class(&reply);
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        assert!(found.ends_with(class_name), "{path}: {found}");
    }
    scene.let_go.send(()).unwrap();
    assert_eq!(post("other.test/echo").status, 403);
    assert_eq!(get(gateway, "/api/objects/other.test").status, 403);
    assert_eq!(get(gateway, "/api/objects/http.unknown").status, 404);
    assert_eq!(get(gateway, "/api/objects/http.gone").status, 502);
    scene.names.stop();
    for path in ["/api/objects", "/api/objects/http.test", "/openapi.json"] {
        assert_eq!(get(gateway, path).status, 503, "{path}");
    }
    assert_eq!(post("http.test/echo").status, 503);
}

#[test]
fn oneway_calls_are_not_waited_for() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let reply = send(
        gateway,
        "POST",
        "/api/objects/http.test/wait",
        "X-Pyro-Options: oneway\r\n",
        "",
    );
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
    scene.has_begun.recv_timeout(PATIENCE).unwrap();
    scene.let_go.send(()).unwrap();
}

#[test]
fn iterators_are_events() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let accept = "Accept: text/html, text/event-stream;q=0.9\r\n";
    let events = |member: &str| send(gateway, "POST", &format!("/api/objects/http.test/{member}"), accept, "");
    let reply = events("gen");
    assert_eq!((reply.status, reply.header("content-length")), (200, None));
    assert_eq!(reply.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(reply.body, "data: 1\n\nevent: end\ndata: {\"items\": 1}\n\n");
    let failed = events("two_and_fail").body;
    let (items, error) = failed.split_once("event: error\ndata: ").unwrap();
    assert_eq!(items, "data: 1\n\ndata: 2\n\n");
    let exception: serde_json::Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!(
        (&exception["__class__"], &exception["args"]),
        (&json!("builtins.ValueError"), &json!(["that is all"]))
    );
    // What is no iterator is one event; what fails before there are any is no stream.
    assert_eq!(events("id").body.lines().nth(2), Some("event: end"));
    assert_eq!(events("error").status, 500);
    let refused = send(gateway, "POST", "/api/objects/http.test/gen", "", "");
    assert_eq!((refused.status, class(&refused).as_str()), (406, "builtins.TypeError"));
    assert!(refused.body.contains("Accept: text/event-stream"), "{refused:?}");
}

#[test]
fn a_client_that_goes_away_in_mid_stream_ends_the_iterator() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let mut client = connect(gateway);
    client
        .write_all(
            b"POST /api/objects/http.test/endless HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n",
        )
        .unwrap();
    let mut some = [0; 4096];
    client.read_exact(&mut some).unwrap();
    assert!(String::from_utf8_lossy(&some).contains("data: 1\n\n"));
    drop(client);
    // The iterator says that it was dropped, in the object's server.
    scene.has_begun.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_reply_of_100_mib_arrives_whole() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let length = 100 << 20;
    let reply = send(
        gateway,
        "POST",
        "/api/objects/http.test/long",
        "",
        &format!("{{\"args\": [{length}]}}"),
    );
    assert_eq!((reply.status, reply.body.len()), (200, length + 2));
    assert!(reply.body.trim_matches('"').bytes().all(|byte| byte == b'x'));
}

#[test]
fn the_list_has_pages_and_finds_names_and_tags() {
    let scene = Scene::new();
    let names = ferropyro::naming::locate_ns_with(None, &ferropyro::naming::Settings::new(scene.config())).unwrap();
    for number in 0..5 {
        scene.register(&format!("http.n{number}"), &scene.uri);
    }
    let tags = ["Hall", "second"].map(str::to_owned).into();
    names.set_metadata("http.n3", &tags).unwrap();
    let gateway = scene.serve(scene.builder());
    let list = |query: &str| get(gateway, &format!("/api/objects{query}")).json();
    let found = |query: &str| -> Vec<String> {
        let list = list(query);
        let objects = list["objects"].as_array().unwrap().iter();
        objects
            .map(|object| object["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = list("");
    assert_eq!(all["total"], 7);
    assert_eq!(
        (&all["expose"], &all["read_only"], &all["next"]),
        (&json!("http\\."), &json!(false), &json!(null))
    );
    assert_eq!(all["objects"][4]["name"], "http.n3");
    assert_eq!(all["objects"][4]["tags"], json!(["Hall", "second"]));
    assert_eq!(all["objects"][4].get("alive"), None);
    assert_eq!(found("?match=N3"), ["http.n3"]);
    assert_eq!(found("?match=hal"), ["http.n3"]);
    assert_eq!(found("?tag=Hall"), ["http.n3"]);
    assert_eq!(found("?tag=hall"), [""; 0]);
    let first = list("?match=http.n&limit=2");
    assert_eq!((&first["next"], &first["total"]), (&json!("http.n1"), &json!(5)));
    assert_eq!(found("?match=http.n&limit=2&after=http.n1"), ["http.n2", "http.n3"]);
    let last = list("?match=http.n&limit=2&after=http.n3");
    assert_eq!(
        (&last["next"], last["objects"].as_array().unwrap().len()),
        (&json!(null), 1)
    );
    let living = list("?alive=1");
    let states: Vec<(&str, bool)> = living["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (object["name"].as_str().unwrap(), object["alive"].as_bool().unwrap()))
        .collect();
    assert_eq!(states[0], ("http.gone", false));
    assert!(states[1..].iter().all(|(_, is_alive)| *is_alive), "{states:?}");
    for wrong in ["?limit=0", "?limit=1001", "?limit=x", "?matches=x"] {
        assert_eq!(get(gateway, &format!("/api/objects{wrong}")).status, 400, "{wrong}");
    }
}

#[test]
fn an_object_tells_what_it_offers() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let about = get(gateway, "/api/objects/http.test").json();
    assert_eq!(
        (&about["name"], &about["uri"]),
        (&json!("http.test"), &json!(scene.uri.to_string()))
    );
    assert_eq!(
        (&about["protocol"], &about["instance_mode"]),
        (&json!(502), &json!("single"))
    );
    let methods = about["methods"].as_array().unwrap();
    let add = methods.iter().find(|method| method["name"] == "add").unwrap();
    assert_eq!(
        add["signature"],
        json!({
            "parameters": [{"name": "a", "type": "Any"}, {"name": "b", "type": "Any", "default": "..."}],
            "returns": "list[Any]",
        })
    );
    let ow = methods.iter().find(|method| method["name"] == "ow").unwrap();
    assert_eq!(ow["oneway"], true);
    let wait = methods.iter().find(|method| method["name"] == "wait").unwrap();
    assert!(
        wait["doc"].as_str().unwrap().starts_with("Says that it has begun"),
        "{wait}"
    );
    let attributes = about["attributes"].as_array().unwrap();
    let level = attributes
        .iter()
        .find(|attribute| attribute["name"] == "level")
        .unwrap();
    assert_eq!((&level["type"], &level["writable"]), (&json!("float"), &json!(true)));
    assert_eq!(get_with(gateway, "/api/objects/http.test", "").status, 200);
}

#[test]
fn openapi_has_a_path_for_every_member() {
    let scene = Scene::new();
    scene.register("http.a/b c", &scene.uri);
    let gateway = scene.serve(scene.builder().key("secret"));
    assert_eq!(get(gateway, "/openapi.json").status, 403);
    let document = get_with(gateway, "/openapi.json", "X-Pyro-Gateway-Key: secret\r\n").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{ "key": [] }]));
    let long = &document["paths"]["/api/objects/http.test/long"]["post"];
    let body = &long["requestBody"]["content"]["application/json"]["schema"]["properties"]["kwargs"];
    assert_eq!(body["properties"]["length"]["type"], "integer");
    assert_eq!(
        long["responses"]["200"]["content"]["application/json"]["schema"],
        json!({ "type": "string" })
    );
    let items = &document["paths"]["/api/objects/http.test/gen"]["post"]["responses"]["200"]["content"];
    assert!(items["text/event-stream"].is_object(), "{items}");
    let paths = document["paths"].as_object().unwrap();
    // A path of the document can be asked as it stands.
    let value = "/api/objects/http.a%2Fb%20c/value";
    assert!(paths[value]["get"].is_object() && paths[value].get("put").is_none());
    assert_eq!(get_with(gateway, value, "X-Pyro-Gateway-Key: secret\r\n").body, "5");
    let gone = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tag| tag["name"] == "http.gone");
    assert!(
        gone.unwrap()["description"]
            .as_str()
            .unwrap()
            .contains("did not answer")
    );
}

#[test]
fn a_list_of_members_and_read_only_hold_in_all_routes() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().allow("http.test", ["echo", "value"]));
    assert_eq!(get(gateway, "/pyro/http.test/echo?x=1").body, "\"1\"");
    assert_eq!(get(gateway, "/api/objects/http.test/value").body, "5");
    assert_eq!(get(gateway, "/pyro/http.test/nothing").status, 403);
    assert_eq!(get(gateway, "/pyro/http.test/level").status, 403);
    assert_eq!(
        send(gateway, "POST", "/api/objects/http.test/nothing", "", "").status,
        403
    );
    assert_eq!(
        send(gateway, "PUT", "/api/objects/http.test/level", "", "1.0").status,
        403
    );
    let meta = get(gateway, "/pyro/http.test/$meta").json();
    assert_eq!(meta, json!({"methods": ["echo"], "attributes": ["value"]}));
    let page = get(gateway, "/pyro/").body;
    let table = &page[page.find("<table").unwrap()..page.find("</table>").unwrap()];
    assert!(
        table.contains("<td>echo</td>") && table.contains(">value</a>") && !table.contains("level"),
        "{table}"
    );
    let about = get(gateway, "/api/objects/http.test").json();
    assert_eq!(
        (
            about["methods"].as_array().unwrap().len(),
            about["attributes"].as_array().unwrap().len()
        ),
        (1, 1)
    );

    let gateway = scene.serve(scene.builder().read_only(true).allow("http.test", ["echo", "level"]));
    scene.register("http.second", &scene.uri);
    assert_eq!(get(gateway, "/pyro/http.test/echo?x=1").body, "\"1\"");
    assert_eq!(get(gateway, "/pyro/http.second/value").body, "5");
    let refused = get(gateway, "/pyro/http.second/nothing");
    assert!(
        refused.status == 403 && refused.body.contains("read-only"),
        "{refused:?}"
    );
    assert_eq!(
        send(gateway, "POST", "/api/objects/http.second/nothing", "", "").status,
        403
    );
    assert_eq!(
        send(gateway, "PUT", "/api/objects/http.test/level", "", "1.0").status,
        403
    );
    assert_eq!(get(gateway, "/api/objects/http.test/level").body, "0.5");
    assert_eq!(get(gateway, "/api/objects").json()["read_only"], true);
}

#[test]
fn health_and_metrics_tell_no_names_and_need_no_key() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().key("secret"));
    assert_eq!(get(gateway, "/healthz").body, "ok");
    let key = "X-Pyro-Gateway-Key: secret\r\n";
    for path in ["/api/objects/http.test/value", "/api/objects/http.unknown/value"] {
        get_with(gateway, path, key);
    }
    assert_eq!(get(gateway, "/api/objects/http.test/value").status, 403);
    send(
        gateway,
        "POST",
        "/api/objects/http.test/gen",
        &format!("{key}Accept: text/event-stream\r\n"),
        "",
    );
    let metrics = get(gateway, "/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in [
        "ferropyro_gateway_requests_total{status=\"2xx\"} 3",
        "ferropyro_gateway_requests_total{status=\"4xx\"} 2",
        "ferropyro_gateway_requests_in_progress 1",
        "ferropyro_gateway_request_seconds_count 5",
        "ferropyro_gateway_lookups_total 3",
        "ferropyro_gateway_events_total 1",
    ] {
        assert!(
            metrics.body.lines().any(|known| known == line),
            "{line} in {}",
            metrics.body
        );
    }
    assert!(!metrics.body.contains("http.test"), "{}", metrics.body);
}
