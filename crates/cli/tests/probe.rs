//! `ferropyro probe` against canned servers of every kind.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

/// Runs the tool against a server that does this with every connection.
fn probe(serve: impl Fn(TcpStream) + Send + 'static) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    run(&[&address, "--timeout", "0.5"])
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ferropyro"))
        .arg("probe")
        .args(args)
        .output()
        .unwrap()
}

/// A server that waits for the client's first bytes and then says this.
fn answers(answer: &'static [u8]) -> impl Fn(TcpStream) {
    move |mut stream| {
        let mut question = [0; 6];
        let _ = stream.read_exact(&mut question).and_then(|()| stream.write_all(answer));
        // Read the rest, so that no reset overtakes the answer.
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

/// A server that says this without being asked.
fn greets(greeting: Vec<u8>) -> impl Fn(TcpStream) {
    move |mut stream| {
        let _ = stream.write_all(&greeting);
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

// Conformance: WIRE-02
#[test]
fn knows_the_generations_that_speak_first() {
    for (version, release) in [
        (5u16, "Pyro 3.x"),
        (40, "the first Pyro4"),
        (44, "Pyro4 up to 4.21"),
        (46, "Pyro4 4.22 to 4.25"),
        (47, "Pyro4 4.26 to 4.37"),
    ] {
        let mut greeting = b"PYRO".to_vec();
        greeting.extend(version.to_be_bytes());
        greeting.extend([0; 18]);
        let output = probe(greets(greeting));
        assert!(
            text(&output).contains(&format!("\nProtocol version: {version} ({release})\n")),
            "{output:?}"
        );
        assert_eq!(output.status.code(), Some(0));
    }
}

// Conformance: WIRE-02
#[test]
fn knows_the_generations_that_wait_for_the_client() {
    for (answer, peer, version) in [
        (&b"PYRO\x00\x30\0\x03\0\0\0\0"[..], "Pyro4", 48),
        (b"PYRO\x01\xf6\x03\0\0\0", "Pyro5", 502),
    ] {
        let output = probe(answers(answer));
        let (first, second) = (format!(": {peer}\n"), format!("Protocol version: {version} "));
        assert!(
            text(&output).contains(&first) && text(&output).contains(&second),
            "{output:?}"
        );
    }
}

#[test]
fn names_strangers_by_what_they_say() {
    let cases: [(Output, &str); 5] = [
        (
            probe(greets(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
            "an SSH server\nIt said: SSH-2.0-OpenSSH_9.2\n",
        ),
        (
            probe(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            "an HTTP server\nIt said: HTTP/1.1 400 Bad Request\n",
        ),
        (probe(answers(b"\x15\x03\x01\0\x02\x02\x46")), "a TLS server"),
        (
            probe(greets(b"\0\0\0\x1f#CHALLENGE#1234567890".to_vec())),
            "multiprocessing",
        ),
        (probe(greets(b"\x1b[2Jboo".to_vec())), "It said: \\x1b[2Jboo\n"),
    ];
    for (output, expected) in cases {
        assert!(text(&output).contains(expected), "{output:?}");
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
}

#[test]
fn tells_silence_from_hanging_up_and_from_nobody() {
    let silent = probe(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert!(text(&silent).contains("says nothing"), "{silent:?}");
    assert_eq!(silent.status.code(), Some(5));
    let rude = probe(drop);
    assert!(text(&rude).contains("closes them without a word"), "{rude:?}");
    assert_eq!(rude.status.code(), Some(3));
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    assert_eq!(run(&[&closed]).status.code(), Some(4));
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
}

#[test]
fn prints_json_for_programs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().flatten().for_each(greets(b"PYRO\0\x05".to_vec())));
    let output = run(&[&address, "-o", "json"]);
    let expected = format!(
        "{{\"address\": \"{address}\", \"is_pyro\": true, \"peer\": \"Pyro 3\", \"protocol_versions\": [5], \"remark\": null}}\n"
    );
    assert_eq!(text(&output), expected);
}
