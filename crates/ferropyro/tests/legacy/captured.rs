//! What the real servers have said, as the vectors keep it, is said again to our client.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use ferropyro::{Config, Error, Proxy, ProxyBuilder, Result, Serializer, Uri, Value};
use serde_json::Value as Json;

#[test]
fn results_of_4_25_arrive() -> Result<()> {
    for serializer in [Serializer::Serpent, Serializer::Json, Serializer::Marshal] {
        let name = format!("call/{}", serializer.name());
        call(Proxy::builder().serializer(serializer), "conv_pyro4_46", &name)?;
    }
    Ok(())
}

#[test]
fn results_of_4_37_arrive() -> Result<()> {
    let config = Config::default().metadata(false);
    call(Proxy::builder().config(config), "conv_pyro4_47", "call/no-metadata")?;
    call(Proxy::builder().hmac_key("secret-key"), "conv_pyro4_47", "hmac/good")
}

fn call(builder: ProxyBuilder, file: &str, name: &str) -> Result<()> {
    let proxy = builder.build(replay(file, name))?;
    assert_eq!(proxy.call::<Value>("echo", ("hello",))?, Value::from("hello"), "{name}");
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3, "{name}");
    assert_eq!(proxy.call::<Value>("nothing", ())?, Value::None, "{name}");
    Ok(())
}

#[test]
fn exceptions_of_4_25_arrive() -> Result<()> {
    for serializer in [Serializer::Serpent, Serializer::Json, Serializer::Marshal] {
        let uri = replay("conv_pyro4_46", &format!("exception/{}", serializer.name()));
        let proxy = Proxy::builder().serializer(serializer).build(uri)?;
        let error = |method| proxy.call::<Value>(method, ("boom",)).unwrap_err();
        check(&error("raise_value"), "builtins.ValueError", &["boom"]);
        let with_attributes = error("raise_attrs");
        let remote = with_attributes.as_remote().expect("an exception of the server's");
        assert_eq!(remote.attribute("code"), Some(&Value::from(7)), "{serializer:?}");
        check(
            &error("div"),
            "builtins.ZeroDivisionError",
            &["integer division or modulo by zero"],
        );
        check(&error("raise_pyro"), "Pyro4.errors.NamingError", &["a pyro error"]);
        assert_eq!(proxy.call::<String>("echo", ("still works",))?, "still works");
    }
    Ok(())
}

#[test]
fn the_exception_in_a_batch_of_4_25_arrives() -> Result<()> {
    for serializer in [Serializer::Serpent, Serializer::Json] {
        let uri = replay("conv_pyro4_46", &format!("batch_error/{}", serializer.name()));
        let proxy = Proxy::builder().serializer(serializer).build(uri)?;
        let mut batch = proxy.batch();
        batch
            .call("echo", ("one",))
            .call("raise_value", ("in batch",))
            .call("echo", ("never",));
        let mut results = batch.run()?;
        assert_eq!(results.next().transpose()?, Some(Value::from("one")));
        let error = results.next().expect("a second result").unwrap_err();
        check(&error, "builtins.ValueError", &["in batch"]);
        assert!(results.next().is_none());
    }
    Ok(())
}

fn check(error: &Error, class: &str, args: &[&str]) {
    let remote = error.as_remote().expect("an exception of the server's");
    assert_eq!(remote.class(), class);
    // Python 2 sends its own texts as bytes, when the serializer has them.
    let text = |arg: &Value| match arg {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    assert_eq!(remote.args().iter().map(text).collect::<Vec<_>>(), args);
}

/// A server that says what the real one said, each time after as many messages as it had got by then. Anybody who speaks another protocol hears the greeting too.
fn replay(file: &str, name: &str) -> Uri {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../vectors/{file}.json"));
    let lines = std::fs::read_to_string(path).expect("the vectors");
    let conversations = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let conversation: Json = conversations
        .into_iter()
        .find(|conversation: &Json| conversation["name"] == name)
        .expect(name);
    let events: Vec<(bool, Vec<u8>)> = conversation["events"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|event| Some((event["from"] == "server", bytes(event["hex"].as_str()?))))
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, events) = (stream.expect("a client"), events.clone());
            thread::spawn(move || play(&mut stream, &events));
        }
    });
    format!("PYRO:obj.test@127.0.0.1:{port}").parse().expect("a URI")
}

fn play(stream: &mut TcpStream, events: &[(bool, Vec<u8>)]) -> std::io::Result<()> {
    let version = &events[0].1[4..6];
    for (is_servers, bytes) in events {
        if *is_servers {
            stream.write_all(bytes)?;
            continue;
        }
        let mut header = [0; 24];
        stream.read_exact(&mut header)?;
        if &header[4..6] != version {
            return Ok(());
        }
        let payload = u32::from_be_bytes([header[12], header[13], header[14], header[15]]) as usize;
        let annotations = usize::from(u16::from_be_bytes([header[18], header[19]]));
        stream.read_exact(&mut vec![0; payload + annotations])?;
    }
    stream.read(&mut [0]).map(drop)
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex digits"))
        .collect()
}
