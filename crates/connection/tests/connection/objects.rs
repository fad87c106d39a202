//! What goes over a connection, as objects.

use ferropyro_connection::{Digest, Digests, Error, Options};
use ferropyro_formats::{Value, pickle};

use crate::support::{key, pair};

// Conformance: MP-16, MP-17
#[test]
fn values_and_types_of_a_program_arrive_equal() {
    let (mut one, mut other) = pair(&Options::new());
    let list = Value::List(vec![
        Value::Float(2.25),
        Value::None,
        Value::from("junk"),
        Value::Int(-7),
    ]);
    one.send(&list).unwrap();
    assert_eq!(other.recv::<Value>().unwrap(), list);
    one.send(&("job", 17, [1.5, 2.5])).unwrap();
    assert_eq!(
        other.recv::<(String, u32, Vec<f64>)>().unwrap(),
        ("job".to_owned(), 17, vec![1.5, 2.5])
    );
}

// Conformance: MP-17
#[test]
fn a_class_is_data_that_can_be_sent_on() {
    let (mut one, mut other) = pair(&Options::new());
    // As Python 2 and 3 pickle [2.25, None, 'junk', float].
    for pickle in [
        b"\x80\x02]q\x00(G@\x02\x00\x00\x00\x00\x00\x00NU\x04junkq\x01c__builtin__\nfloat\nq\x02e.".as_slice(),
        b"\x80\x03]q\x00(G@\x02\x00\x00\x00\x00\x00\x00NX\x04\x00\x00\x00junkq\x01cbuiltins\nfloat\nq\x02e.",
    ] {
        one.send_bytes(pickle).unwrap();
        let received: Value = other.recv().unwrap();
        assert_eq!(received.to_string(), "[2.25, None, 'junk', <class 'builtins.float'>]");
        other.send(&received).unwrap();
        assert_eq!(one.recv::<Value>().unwrap(), received);
    }
}

// Conformance: SEC-04
#[test]
fn what_is_no_acceptable_pickle_is_an_error_and_the_next_message_is_received() {
    let (mut one, mut other) = pair(&Options::new());
    for message in [
        b"".as_slice(),
        b"no pickle",
        b"\x80\x04",
        b"#CHALLENGE",
        // A memo of 4 GiB, and a text of 4 EiB.
        b"\x80\x02Nr\xff\xff\xff\xff0.",
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x3fx.",
    ] {
        one.send_bytes(message).unwrap();
        let received = other.recv::<Value>();
        let is_harmless = matches!(&received, Err(Error::Pickle(_)) | Ok(Value::None));
        assert!(is_harmless, "{message:?} is {received:?}");
    }
    let deep = [b"\x80\x02".as_slice(), &[b'('; 3_000_000], b"."].concat();
    one.send_bytes(&deep).unwrap();
    assert!(matches!(other.recv::<Value>(), Err(Error::Pickle(_))));
    one.send(&7).unwrap();
    assert_eq!(other.recv::<u8>().unwrap(), 7);
}

// Conformance: SEC-04
#[test]
fn nothing_that_a_pickle_names_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let (mut one, mut other) = pair(&Options::new());
    let command = format!("touch {}", made.display());
    for callee in [
        "posix\nsystem",
        "os\nsystem",
        "builtins\neval",
        "builtins\nexec",
        "subprocess\ncheck_output",
    ] {
        let pickle = format!("c{callee}\n(S'{command}'\ntR.");
        one.send_bytes(pickle.as_bytes()).unwrap();
        // An error or a value that does nothing.
        let _ = other.recv::<Value>();
        assert!(!made.exists(), "{callee} was called");
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_and_the_next_message_is_received() {
    let (mut one, mut other) = pair(&Options::new());
    one.send("text").unwrap();
    one.send("text").unwrap();
    assert!(matches!(other.recv::<u8>(), Err(Error::Pickle(_))));
    assert_eq!(other.recv::<String>().unwrap(), "text");
}

#[test]
fn the_protocol_of_pickle_is_one_that_the_peer_reads() {
    let protocol = |options: &Options| {
        let (mut one, mut other) = pair(options);
        one.send(&1).unwrap();
        let there = other.recv_bytes().unwrap();
        other.send(&1).unwrap();
        let back = one.recv_bytes().unwrap();
        assert_eq!(there, back);
        assert_eq!(pickle::from_slice::<u8>(&there).unwrap(), 1);
        match there.as_slice() {
            [0x80, protocol, ..] => *protocol,
            _ => 0,
        }
    };
    assert_eq!(protocol(&Options::new()), 4);
    assert_eq!(protocol(&key("key")), 4);
    // Both know names, whatever they may fall back to.
    assert_eq!(protocol(&key("key").allow(Digest::Md5)), 4);
    assert_eq!(protocol(&key("key").digests(Digests::NONE.with(Digest::Md5))), 4);
    assert_eq!(protocol(&key("key").allow(Digest::Sha1)), 2);
    for wanted in [0, 2, 3, 5] {
        let written = protocol(&key("key").allow(Digest::Sha1).pickle_protocol(wanted));
        assert_eq!(written, wanted);
    }
}
