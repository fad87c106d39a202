//! The captured conversations of real clients with the real name servers: our name server, given the same bytes, answers the same.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use ferropyro::Value;
use ferropyro::formats::{json, marshal, msgpack, serpent};
use ferropyro::wire::{Deframer, MessageKind, Serializer};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};
use flate2::{Decompress, FlushDecompress, Status};
use serde_json::Value as Json;

/// Where our answer is better than the real one: an exception there, because Python's serializer cannot carry the result, and a result here.
const ONLY_HERE: [(&str, &str); 6] = [
    ("conv_ns_pyro4 ns/marshal", "lookup with metadata"),
    ("conv_ns_pyro4 ns/marshal", "lookup after set"),
    ("conv_ns_pyro5 ns/marshal", "lookup with metadata"),
    ("conv_ns_pyro5 ns/marshal", "lookup after set"),
    ("conv_ns_pyro5 ns/msgpack", "list with metadata"),
    ("conv_ns_pyro5 ns/json", "list with metadata"),
];

// Conformance: NS-19, NS-33, META-03, META-04, META-05, META-06, META-09, META-12, REG-02, REG-03
#[test]
fn answers_pyro4_clients_as_pyro4s_name_server_did() {
    replay("conv_ns_pyro4");
}

// Conformance: NS-19, NS-33, META-03, META-04, META-05, META-06, META-12, REG-02, REG-03
#[test]
fn answers_pyro5_clients_as_pyro5s_name_server_did() {
    replay("conv_ns_pyro5");
}

fn replay(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../vectors/{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut compared = 0;
    for line in text.lines() {
        let conversation: Json = serde_json::from_str(line).unwrap();
        let name = conversation["name"].as_str().unwrap();
        if name.starts_with("ns/") || name == "ns" {
            compared += replay_one(&format!("{file} {name}"), &conversation);
        }
    }
    assert!(compared > 80, "only {compared} answers compared");
}

fn replay_one(name: &str, conversation: &Json) -> usize {
    let server = NameServerBuilder::new()
        .host("127.0.0.1")
        .port(0)
        .bind()
        .unwrap()
        .start();
    let mut connections = HashMap::new();
    let mut steps = conversation["client_sees"].as_array().unwrap().iter();
    let mut compared = 0;
    for event in conversation["events"].as_array().unwrap() {
        let Some(bytes) = bytes_of(event) else { continue };
        let client = connections
            .entry(event["conn"].as_i64())
            .or_insert_with(|| Client::connect(&server));
        if event["from"] == "client" {
            client.socket.write_all(&bytes).unwrap();
            continue;
        }
        let (kind, theirs) = Client::decode(&bytes).unwrap();
        let (our_kind, ours) = client.read();
        if matches!(kind, MessageKind::CONNECTOK) {
            assert_has_all(&ours, &theirs, name);
            continue;
        }
        let step = steps.next().unwrap();
        let label = format!("{name}: {}", step["step"]);
        assert_eq!(our_kind, kind, "{label}");
        compared += 1;
        let step = step["step"].as_str().unwrap();
        if ONLY_HERE.contains(&(name, step)) {
            assert!(
                is_exception(&theirs) && !is_exception(&ours),
                "{label}: {ours} in place of {theirs}"
            );
        } else {
            assert_eq!(plain(ours), plain(theirs), "{label}");
        }
    }
    compared
}

struct Client {
    socket: TcpStream,
}

impl Client {
    fn connect(server: &RunningNameServer) -> Client {
        let address: SocketAddr = server.daemon().address().unwrap();
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { socket }
    }

    fn read(&mut self) -> (MessageKind, Value) {
        let mut bytes = Vec::new();
        loop {
            if let Some(message) = Client::decode(&bytes) {
                return message;
            }
            let mut byte = [0];
            self.socket.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
    }

    fn decode(bytes: &[u8]) -> Option<(MessageKind, Value)> {
        let (_, message) = Deframer::for_dialects(&[]).next(bytes).unwrap()?;
        let kind = message.header.serializer.kind(message.header.dialect).unwrap();
        let value = match kind {
            Serializer::Serpent => serpent::from_slice(&message.payload),
            Serializer::Json => json::from_slice(&message.payload),
            Serializer::Marshal => marshal::from_slice(&message.payload),
            Serializer::Msgpack => msgpack::from_slice(&message.payload),
            other => panic!("{other:?}"),
        };
        Some((message.header.kind, value.unwrap()))
    }
}

/// The metadata of our object: that of the real one, and perhaps more.
fn assert_has_all(ours: &Value, theirs: &Value, name: &str) {
    let methods = |value: &Value| -> Vec<Value> {
        let meta = value
            .as_dict()
            .and_then(|dict| dict.get("meta"))
            .and_then(Value::as_dict);
        meta.and_then(|meta| meta.get("methods"))
            .unwrap()
            .clone()
            .into_items()
            .unwrap()
    };
    let (ours, theirs) = (methods(ours), methods(theirs));
    assert!(theirs.iter().all(|method| ours.contains(method)), "{name}: {ours:?}");
}

fn is_exception(value: &Value) -> bool {
    matches!(value, Value::Exception(_))
}

/// The value without what is a matter of chance: orders of sets, ports, tracebacks. All kinds of sequences are one.
fn plain(value: Value) -> Value {
    match value {
        Value::Exception(mut exception) => {
            exception.attributes.remove("_pyroTraceback");
            Value::Exception(exception)
        }
        Value::Dict(dict) => Value::Dict(dict.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        Value::Str(text) if text.starts_with("PYRO:Pyro.NameServer@") => Value::from("PYRO:Pyro.NameServer@..."),
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::FrozenSet(_) => {
            let items = value.into_items().unwrap();
            let mut items: Vec<Value> = items.into_iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            Value::List(items)
        }
        other => other,
    }
}

/// None: the connection was closed.
fn bytes_of(event: &Json) -> Option<Vec<u8>> {
    if let Some(hex) = event["hex"].as_str() {
        let digits = hex.as_bytes().chunks_exact(2);
        return Some(
            digits
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect(),
        );
    }
    let stream = STANDARD.decode(event["zb64"].as_str()?).unwrap();
    let mut bytes = Vec::with_capacity(event["len"].as_u64().unwrap() as usize);
    let status = Decompress::new(true).decompress_vec(&stream, &mut bytes, FlushDecompress::Finish);
    assert_eq!(status.unwrap(), Status::StreamEnd);
    Some(bytes)
}
