//! What the real Flame server has said, as the vectors keep it, is said again to our client: to the calls that Python's client made, and to no others.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use ferropyro::formats::pickle;
use ferropyro::{Dict, Value};
use ferropyro_flame::{Flame, Pushed};
use serde_json::Value as Json;

// Conformance: FT-02
#[test]
fn flame_is_asked_as_python_asks_it_and_its_answers_arrive() {
    for protocol in [5, 2] {
        let conversation = conversation(&format!("flame/pickle-protocol-{protocol}"));
        let flame = Flame::connect(&replay(&conversation)).unwrap();
        check_calls(&flame);
        check_console(&flame);
    }
}

// Conformance: FT-02
#[test]
fn our_server_has_the_methods_of_the_real_one() {
    use ferropyro::{Config, Daemon, Serializer};
    let folder = tempfile::tempdir().unwrap();
    let config = Config::default()
        .flame_enabled(true)
        .serializers_accepted([Serializer::Pickle]);
    let daemon = Daemon::builder().config(config).bind().unwrap();
    let uri = ferropyro_flame::FlameServer::builder(folder.path())
        .start(&daemon)
        .unwrap();
    let _running = daemon.start();
    let real = Flame::connect(&replay(&conversation("flame/pickle-protocol-5"))).unwrap();
    assert_eq!(methods(&Flame::connect(&uri.to_string()).unwrap()), methods(&real));
    assert_eq!(methods(&real).len(), 11);
}

fn methods(flame: &Flame) -> Vec<String> {
    let mut methods = flame.proxy().metadata().unwrap().methods;
    methods.sort();
    methods
}

fn check_calls(flame: &Flame) {
    let math = flame.module("math").unwrap();
    assert_eq!(math.call::<i64>("floor", (2.5,)).unwrap(), 2);
    assert_eq!(math.call::<f64>("pow", (2, 3)).unwrap(), 8.0);
    let error = math.call::<i64>("nothing", (1,)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AttributeError: module 'math' has no attribute 'nothing'"
    );
    assert_eq!(flame.builtin("len").call::<i64>(([1, 2, 3].as_slice(),)).unwrap(), 3);
    assert_eq!(flame.builtin("abs").call::<i64>((-3,)).unwrap(), 3);
    let reverse = Dict::from([("reverse", Value::from(true))]);
    let sorted = flame
        .builtin("sorted")
        .call_with::<Vec<i64>>((vec![3, 1, 2],), &reverse);
    assert_eq!(sorted.unwrap(), [3, 2, 1]);
    assert_eq!(flame.evaluate::<i64>("1 + 2").unwrap(), 3);
    flame.execute("flame_test_value = 42").unwrap();
    assert_eq!(flame.evaluate::<i64>("flame_test_value").unwrap(), 42);
    let error = flame.evaluate::<Value>("1 / 0").unwrap_err();
    assert_eq!(error.to_string(), "ZeroDivisionError: division by zero");
    let error = flame.evaluate::<Value>("1 +").unwrap_err();
    assert_eq!(error.as_remote().unwrap().class(), "builtins.SyntaxError");
    flame
        .sendmodule("flame_sent", "def twice(x):\n    return x * 2\n")
        .unwrap();
    let sent = flame.module("flame_sent").unwrap();
    assert_eq!(sent.call::<i64>("twice", (21,)).unwrap(), 42);
}

fn check_console(flame: &Flame) {
    let console = flame.console().unwrap();
    let pushed = |output: &str, wants_more| Pushed {
        output: output.to_owned(),
        wants_more,
    };
    assert_eq!(console.push("1 + 1").unwrap(), pushed("2\n", false));
    assert_eq!(console.push("if 1:").unwrap(), pushed("", true));
    console.terminate().unwrap();
}

/// Requests as values, and the messages that have answered them.
type Conversation = Arc<Vec<(Value, Vec<u8>)>>;

fn conversation(name: &str) -> Conversation {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/conv_pyro4_48_flame.json");
    let lines = std::fs::read_to_string(path).unwrap();
    let found = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let json = found.into_iter().find(|json| json["name"] == name).unwrap();
    let events = json["events"].as_array().unwrap();
    let mut exchanges = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let (true, Some(request)) = (event["from"] == "client", bytes(event)) else {
            continue;
        };
        let answers = events[at..].iter();
        let mut answers = answers.filter(|other| other["from"] == "server" && other["conn"] == event["conn"]);
        let answer = answers.find_map(bytes).unwrap();
        exchanges.push((value(&request[HEADER..]), answer));
    }
    Arc::new(exchanges)
}

fn bytes(event: &Json) -> Option<Vec<u8>> {
    let hex = event["hex"].as_str()?;
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    Some(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect())
}

fn value(payload: &[u8]) -> Value {
    pickle::from_slice(payload).unwrap()
}

const HEADER: usize = 24;

/// A server that answers as the real one did. Gives its location.
fn replay(conversation: &Conversation) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let conversation = Arc::clone(conversation);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, conversation) = (stream.unwrap(), Arc::clone(&conversation));
            thread::spawn(move || while answer(&mut stream, &conversation).is_ok() {});
        }
    });
    address
}

/// Whoever asks for what Python did not ask for is left without an answer.
fn answer(stream: &mut TcpStream, conversation: &[(Value, Vec<u8>)]) -> io::Result<()> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header)?;
    let length = u32::from_be_bytes([header[12], header[13], header[14], header[15]]) as usize;
    let annotations = usize::from(number(&header, 18));
    let mut rest = vec![0; annotations + length];
    stream.read_exact(&mut rest)?;
    let mut request = value(&rest[annotations..]);
    if let Value::Dict(greeting) = &mut request {
        // Ours tells more than Python's, which the real server does not look at.
        greeting.remove("pickle_protocol");
    }
    let found = conversation.iter().find(|(known, _)| *known == request);
    let (_, answer) = found.ok_or_else(|| io::Error::other(format!("nobody has asked {request}")))?;
    let mut answer = answer.clone();
    let seq = number(&header, 10);
    // The checksum is a sum in which the number of the message has its part.
    let checksum = number(&answer, 22).wrapping_sub(number(&answer, 10)).wrapping_add(seq);
    answer[10..12].copy_from_slice(&seq.to_be_bytes());
    answer[22..24].copy_from_slice(&checksum.to_be_bytes());
    stream.write_all(&answer)
}

fn number(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
