//! The requests that were sent to the real gateways, and what those answered.

use std::fs;
use std::net::SocketAddr;

use ferropyro_gateway::GatewayBuilder;
use serde_json::{Map, Value};

use crate::support::{Reply, Scene, exchange};

/// Where ours answers otherwise, and why.
const DIFFERENCES: [(&str, &str); 7] = [
    // GW-19: 404 for a name that is not there.
    ("*", "unknown-object"),
    ("*", "deep-path"),
    // GW-08: texts are UTF-8, which Pyro4 takes for Latin-1.
    ("http_pyro4.json", "echo-unicode"),
    // GW-08: the form of a POST counts, which Pyro5 does not read.
    ("http_pyro5.json", "post-form"),
    ("http_pyro5.json", "post-both"),
    // GW-20: the exception, where Pyro5's gateway breaks.
    ("http_pyro5.json", "generator"),
    // HTTP: the answer to HEAD has no body.
    ("*", "head"),
];

// Conformance: GW-01, GW-08, GW-09, GW-13, GW-14, GW-16, GW-17, GW-18, GW-20
#[test]
fn answers_as_the_gateway_of_pyro4_did() {
    replay("http_pyro4.json", "");
}

// Conformance: GW-01, GW-09, GW-11, GW-13, GW-14, GW-16, GW-17, GW-18, GW-20
#[test]
fn answers_as_the_gateway_of_pyro5_did() {
    replay("http_pyro5.json", "*");
}

fn replay(file: &str, cors: &str) {
    let scene = Scene::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/");
    let lines = fs::read_to_string(format!("{folder}{file}")).unwrap();
    let mut replayed = 0;
    for row in lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let name = row["name"].as_str().unwrap();
        // What it prints is a matter of the command; without a name server the answers have a test of their own.
        if row.get("request").is_none() || name.ends_with("/no-nameserver") {
            continue;
        }
        let gateway = scene.serve(configure(scene.builder().cors(cors).unwrap(), &row["arguments"]));
        compare(file, name, &row, gateway);
        replayed += 1;
    }
    assert!(replayed > 50, "{replayed} requests");
}

fn configure(mut gateway: GatewayBuilder, arguments: &Value) -> GatewayBuilder {
    let arguments: Vec<&str> = arguments.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for option in arguments.chunks(2) {
        gateway = match option {
            ["-g", key] => gateway.key(key),
            ["-e", pattern] => gateway.expose(pattern).unwrap(),
            ["-c", origin] => gateway.cors(origin).unwrap(),
            other => panic!("{other:?}"),
        };
    }
    gateway
}

fn compare(file: &str, name: &str, row: &Value, gateway: SocketAddr) {
    let reply = exchange(gateway, row["request"].as_str().unwrap());
    let theirs = |wanted: &str| {
        let lines = row["headers"].as_array().unwrap().iter().filter_map(Value::as_str);
        let mut headers = lines.filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    if row.get("body_table").is_some() {
        assert_eq!(reply.status, 200, "{file} {name}");
        return compare_pages(&row["body_table"], &reply);
    }
    let status: u16 = row["status"].as_str().unwrap()[9..12].parse().unwrap();
    let is_same = reply.status == status && normal(&reply.body) == normal(row["body"].as_str().unwrap());
    let is_different = DIFFERENCES.contains(&(file, name)) || DIFFERENCES.contains(&("*", name));
    assert_eq!(is_same, !is_different, "{file} {name}: {row}\n{reply:?}");
    if !is_different {
        for header in [
            "Location",
            "Access-Control-Allow-Methods",
            "Access-Control-Allow-Headers",
        ] {
            let is_redirect = status == 302 && header != "Location";
            assert!(
                is_redirect || reply.header(header) == theirs(header),
                "{file} {name}: {header}"
            );
        }
        let essence = |kind: Option<&str>| kind.and_then(|kind| kind.split(';').next().map(str::to_owned));
        if let Some(kind) = essence(theirs("Content-Type")) {
            assert_eq!(essence(reply.header("Content-Type")), Some(kind), "{file} {name}");
        }
        if let (Some(id), true) = (theirs("X-Pyro-Correlation-Id"), name == "correlation") {
            assert_eq!(reply.header("X-Pyro-Correlation-Id"), Some(id));
        }
    }
}

/// The same names, methods and attributes in the same order; how they look is our own.
fn compare_pages(table: &Value, reply: &Reply) {
    let texts = |html: &str| {
        let pieces = html.split(['<', '>']).enumerate().filter(|(index, _)| index % 2 == 0);
        let words = pieces.flat_map(|(_, text)| {
            text.replace("&nbsp;", " ")
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        words
            .filter(|word| word.contains("http.") || word.contains("Pyro.") || word == "value" || word == "echo")
            .collect::<Vec<_>>()
    };
    let start = reply.body.find("<table").unwrap();
    let end = reply.body.find("</table>").unwrap();
    assert_eq!(texts(&reply.body[start..end]), texts(table.as_str().unwrap()));
}

/// Without what depends on who serves the object: ports, tracebacks, the generation in the names of classes, and the order of members.
fn normal(body: &str) -> Value {
    match serde_json::from_str(body) {
        Ok(json) => normal_json(json),
        Err(_) => Value::from(body),
    }
}

/// Of the object here, and not of the one that was captured.
const NEW_METHODS: [&str; 5] = ["id", "wait", "endless", "long", "two_and_fail"];

fn normal_json(json: Value) -> Value {
    match json {
        Value::String(text) => {
            // The system's words, as Python and as Rust have them.
            let text = text.replace("[Errno 111] Connection refused", "Connection refused (os error 111)");
            Value::from(without_port(&text).replace("Pyro4.", "Pyro5."))
        }
        Value::Number(number) if number.as_u64().is_some_and(|number| number > 1024) => Value::from("PORT"),
        Value::Array(items) => Value::Array(items.into_iter().map(normal_json).collect()),
        Value::Object(mut members) => {
            // The words for wrong arguments are the language's.
            if members
                .get("__class__")
                .is_some_and(|class| class == "builtins.TypeError")
            {
                members.remove("args");
            }
            if let Some(Value::Array(methods)) = members.get_mut("methods") {
                methods.retain(|method| !NEW_METHODS.iter().any(|new| method == new));
                methods.sort_by_key(Value::to_string);
            }
            if let Some(Value::Array(attributes)) = members.get_mut("attributes") {
                attributes.retain(|attribute| attribute != "level");
            }
            if let Some(Value::Object(attributes)) = members.get_mut("attributes") {
                attributes.remove("_pyroTraceback");
            }
            let members = members.into_iter().map(|(key, value)| (key, normal_json(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn without_port(text: &str) -> String {
    match text.split_once("127.0.0.1:") {
        Some((before, after)) => format!(
            "{before}127.0.0.1{}",
            after.trim_start_matches(|c: char| c.is_ascii_digit())
        ),
        None => text.to_owned(),
    }
}
