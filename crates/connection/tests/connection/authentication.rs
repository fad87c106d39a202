//! Proving who has the key.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use ferropyro_connection::{
    Address, AuthKey, Client, Connection, Digest, Digests, Error, Options, Result, answer_challenge, deliver_challenge,
};

use crate::support::{MOMENT, PATIENCE, Raw, connect, key, listen, meet, own_process_key, pair, text};

const WRONG: &str = "digest received was wrong: the other end has another key, or none";
const REJECTED: &str = "digest sent was rejected: the other end has another key, or does not accept this digest";

/// The bytes of a connection between ends with these options, and whether they got on with each other.
fn capture(listener: &Options, client: &Options) -> (Vec<u8>, bool) {
    let listener = listen(listener);
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(&relay.local_addr().unwrap().into(), client);
    let (to_client, _) = relay.accept().unwrap();
    let to_listener = Raw::connect(listener.address()).0;
    to_listener.set_read_timeout(None).unwrap();
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut piece) {
                bytes.extend(&piece[..count]);
                if to.write_all(&piece[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(std::net::Shutdown::Both);
            bytes
        })
    };
    let there = pump(to_client.try_clone().unwrap(), to_listener.try_clone().unwrap());
    let back = pump(to_listener, to_client);
    let accepted = listener.accept_timeout(PATIENCE);
    let connected = client.join().unwrap();
    let is_ok = accepted.is_ok() && connected.is_ok();
    drop((accepted, connected));
    let bytes = [there.join().unwrap(), back.join().unwrap()].concat();
    (bytes, is_ok)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

// Conformance: AUTH-01, AUTH-03
#[test]
fn there_is_a_challenge_when_the_flag_is_set_or_a_key_is_given() {
    let _key = own_process_key();
    ferropyro_connection::set_process_key("the key of the process");
    let plain = Options::new();
    for (options, is_challenged) in [
        (plain.clone(), false),
        (plain.clone().authenticate(false), false),
        (plain.clone().authenticate(true), true),
        (plain.clone().authkey("key"), true),
        (plain.clone().authkey("key").authenticate(false), true),
        (plain.clone().authkey("key").authenticate(true), true),
        (plain.clone().authkey(""), true),
        (plain.clone().authkey("").authenticate(true), true),
    ] {
        let (bytes, is_ok) = capture(&options, &options);
        assert!(is_ok, "{options:?}");
        assert_eq!(contains(&bytes, b"#CHALLENGE#{sha256}"), is_challenged, "{options:?}");
    }
    // The flag means the key of the process only where there is no other.
    let (accepted, connected) = meet(&plain.clone().authenticate(true), &key("the key of the process"));
    assert!(accepted.is_ok() && connected.is_ok());
    let (accepted, _) = meet(
        &plain.clone().authenticate(true),
        &key("another key").authenticate(true),
    );
    assert!(accepted.is_err());
}

// Conformance: AUTH-02
#[test]
fn any_bytes_are_a_key() {
    for allowed in [None, Some(Digest::Md5), Some(Digest::Sha1)] {
        for length in [0, 1, 20, 64, 65, 128, 129, 145, 1000] {
            let bytes: Vec<u8> = (0..length).map(|number: u32| (number * 7 % 256) as u8).collect();
            let mut options = Options::new().authkey(bytes);
            if let Some(digest) = allowed {
                options = options.allow(digest);
            }
            let (mut one, mut other) = pair(&options);
            one.send_bytes(b"hello").unwrap();
            assert_eq!(other.recv_bytes().unwrap(), b"hello");
        }
    }
}

// Conformance: AUTH-05
#[test]
fn the_key_is_not_on_the_wire() {
    let secret = "a key that is long enough to be recognised";
    for options in [
        key(secret),
        key(secret).allow(Digest::Md5),
        key(secret).allow(Digest::Sha1),
    ] {
        let (bytes, is_ok) = capture(&options, &options);
        assert!(is_ok && contains(&bytes, b"#CHALLENGE"));
        assert!(!contains(&bytes, secret.as_bytes()));
    }
}

// Conformance: AUTH-05, AUTH-07, AUTH-09
#[test]
fn a_listener_without_the_key_is_found_out_by_the_client() {
    let fake = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(&fake.local_addr().unwrap().into(), &key("key"));
    let mut fake = Raw(fake.accept().unwrap().0);
    // It says welcome to whatever it gets, and can answer nothing.
    fake.send(&[b"#CHALLENGE#{sha256}".as_slice(), &[1; 40]].concat());
    assert_eq!(fake.recv().len(), 40);
    fake.send(b"#WELCOME#");
    let challenge = fake.recv();
    assert!(challenge.starts_with(b"#CHALLENGE#{sha256}"));
    fake.send(&[b"{sha256}".as_slice(), &[0; 32]].concat());
    assert_eq!(fake.recv(), b"#FAILURE#");
    fake.wait_for_end();
    assert_eq!(text(client.join().unwrap()), WRONG);
}

// Conformance: AUTH-05, AUTH-06, AUTH-09
#[test]
fn a_client_without_the_key_is_found_out_by_the_listener() {
    let listener = listen(&key("key"));
    let mut answers = vec![
        vec![],
        vec![0; 16],
        vec![0; 20],
        vec![0; 32],
        vec![0; 256],
        [b"{sha256}".as_slice(), &[0; 32]].concat(),
        [b"{sha256}".as_slice(), &[0; 31]].concat(),
        [b"{md5}".as_slice(), &[0; 16]].concat(),
        b"{sha256}".to_vec(),
        b"#WELCOME#".to_vec(),
        b"\x80\x04N.".to_vec(),
    ];
    let mut challenges = Vec::new();
    for answer in answers.drain(..) {
        let address = listener.address().clone();
        let shown = answer.clone();
        let client = thread::spawn(move || {
            let mut client = Raw::connect(&address);
            let challenge = client.recv();
            client.send(&answer);
            assert_eq!(client.recv(), b"#FAILURE#");
            client.wait_for_end();
            challenge
        });
        let error = listener.accept_timeout(PATIENCE).unwrap_err();
        assert!(error.is_authentication(), "{shown:?}: {error}");
        challenges.push(client.join().unwrap());
    }
    challenges.sort();
    let count = challenges.len();
    challenges.dedup();
    assert_eq!(challenges.len(), count);
    // The listener goes on.
    let client = connect(listener.address(), &key("key"));
    assert!(listener.accept().is_ok() && client.join().unwrap().is_ok());
}

// Conformance: AUTH-09, MP-09, MP-12
#[test]
fn a_wrong_key_is_an_error_at_both_ends_and_the_right_one_is_next() {
    for allowed in [None, Some(Digest::Md5), Some(Digest::Sha1)] {
        let with = |text: &str| match allowed {
            Some(digest) => key(text).allow(digest),
            None => key(text),
        };
        let listener = listen(&with("right"));
        for _ in 0..2 {
            let client = connect(listener.address(), &with("wrong"));
            assert_eq!(text(listener.accept_timeout(PATIENCE)), WRONG);
            assert!(listener.last_accepted().is_some());
            assert_eq!(text(client.join().unwrap()), REJECTED);
            let client = connect(listener.address(), &with("right"));
            let mut accepted = listener.accept_timeout(PATIENCE).unwrap();
            accepted.send_bytes(b"hello").unwrap();
            assert_eq!(client.join().unwrap().unwrap().recv_bytes().unwrap(), b"hello");
            assert_eq!(listener.last_accepted(), accepted.peer());
        }
    }
}

// Conformance: AUTH-09, SEC-04
#[test]
fn a_key_at_the_listener_alone_is_an_error_for_the_client_and_nothing_is_unpickled() {
    let (accepted, connected) = {
        let listener = listen(&key("key").handshake_timeout(PATIENCE));
        let mut client = Client::connect(listener.address(), &Options::new()).unwrap();
        client.send_bytes(b"cposix\nsystem\n(S'true'\ntR.").unwrap();
        let accepted = listener.accept_timeout(PATIENCE);
        (accepted, client.recv_bytes())
    };
    let error = text(accepted);
    assert!(
        error.starts_with("unsupported message length, missing digest prefix, or unsupported digest: message=b"),
        "{error}"
    );
    assert!(error.ends_with("; the other end has no key, probably"), "{error}");
    assert_eq!(
        text(connected),
        "the listener asks for a key, and this client has none: Options::authkey"
    );
    // Who receives objects learns the same.
    let listener = listen(&key("key").allow(Digest::Sha1));
    let mut client = Client::connect(listener.address(), &Options::new()).unwrap();
    let waiting = thread::spawn(move || listener.accept_timeout(MOMENT * 4).map(drop));
    let received: Result<String> = client.recv();
    assert!(received.unwrap_err().is_authentication());
    drop(client);
    assert!(waiting.join().unwrap().unwrap_err().is_timeout());
}

// Conformance: AUTH-09
#[test]
fn a_key_at_the_client_alone_is_an_error_and_not_a_deadlock() {
    let listener = listen(&Options::new());
    let client = connect(listener.address(), &key("key").handshake_timeout(MOMENT));
    let mut accepted = listener.accept().unwrap();
    assert_eq!(
        text(client.join().unwrap()),
        "no message of the other end while authenticating: it has no key, probably, or is busy with somebody else"
    );
    assert!(matches!(accepted.recv_bytes(), Err(Error::Eof)));
    // And sooner if the listener sends something.
    let client = connect(listener.address(), &key("key").handshake_timeout(PATIENCE));
    listener.accept().unwrap().send_bytes(b"data").unwrap();
    let error = text(client.join().unwrap());
    assert!(
        error.starts_with("Protocol error, expected challenge: message=b'data'; the other end has no key"),
        "{error}"
    );
}

// Conformance: AUTH-09
#[test]
fn who_answers_with_a_message_that_is_too_long_is_cut_off() {
    let listener = listen(&key("key"));
    let mut client = Raw::connect(listener.address());
    let waiting = thread::spawn(move || {
        let next = connect(listener.address(), &key("key"));
        let accepted = listener.accept_timeout(PATIENCE).map(drop);
        next.join().unwrap().unwrap();
        accepted
    });
    client.recv();
    client.0.write_all(&[0, 0, 1, 1]).unwrap();
    client.wait_for_end();
    waiting.join().unwrap().unwrap();

    let fake = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(&fake.local_addr().unwrap().into(), &key("key"));
    let mut fake = Raw(fake.accept().unwrap().0);
    fake.0.write_all(&[0, 0, 1, 1]).unwrap();
    assert_eq!(
        text(client.join().unwrap()),
        "bad message length: the other end announces 257 bytes, and 256 are acceptable"
    );
}

// Conformance: AUTH-09
#[test]
fn a_listener_that_leaves_early_is_told_of_as_such() {
    let fake = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Address = fake.local_addr().unwrap().into();
    let after = |bytes: &'static [u8]| {
        let client = connect(&address, &key("key"));
        fake.accept().unwrap().0.write_all(bytes).unwrap();
        text(client.join().unwrap())
    };
    assert_eq!(after(b""), "the other end has closed the connection");
    assert_eq!(after(b"\0\0\0\x20#CHALL"), "got end of file during message");
}

#[test]
fn older_digests_are_acceptable_only_where_they_are_allowed() {
    let (strict, md5, sha1) = (
        key("key"),
        key("key").allow(Digest::Md5),
        key("key").allow(Digest::Sha1),
    );
    let is_ok = |listener: &Options, client: &Options| {
        let (accepted, connected) = meet(&listener.clone().handshake_timeout(MOMENT * 10), client);
        connected.is_ok() && accepted.is_ok()
    };
    assert!(is_ok(&strict, &strict));
    // A better one is taken where both know it.
    assert!(is_ok(&md5, &strict) && is_ok(&strict, &md5) && is_ok(&md5, &md5));
    assert!(is_ok(&sha1, &sha1) && is_ok(&strict, &sha1));
    let all = key("key").allow(Digest::Md5).allow(Digest::Sha1);
    assert!(is_ok(&strict, &all) && is_ok(&md5, &all) && is_ok(&sha1, &all));
    let only = |digest| key("key").digests(Digests::NONE.with(digest));
    assert!(is_ok(&only(Digest::Sha384), &strict) && is_ok(&only(Digest::Sha3_256), &strict));
    assert!(!is_ok(&only(Digest::Sha384), &only(Digest::Sha256)));
    let listener = listen(&sha1);
    let client = connect(listener.address(), &strict);
    let waiting = thread::spawn(move || listener.accept_timeout(MOMENT * 4).map(drop));
    match client.join().unwrap() {
        Err(Error::Authentication(error)) => {
            assert_eq!(error.refused_digest(), Some(Digest::Sha1));
            assert_eq!(
                error.to_string(),
                "the other end asks for HMAC-SHA1, which is all that processing 0.52 knows, and which is not acceptable here unless Options::allow says so"
            );
        }
        other => panic!("{other:?}"),
    }
    waiting.join().unwrap().unwrap_err();
    let (accepted, _) = meet(&strict, &only(Digest::Md5));
    // Between ends that know names it is not even tried: the client refuses to answer.
    assert!(accepted.is_err());
}

#[test]
fn a_listener_speaks_one_dialect() {
    let both = key("key").allow(Digest::Md5).allow(Digest::Sha1);
    let error = text(ferropyro_connection::Listener::bind(("localhost", 0), &both).map(drop));
    assert!(
        error.starts_with("a listener cannot allow both SHA-1 and MD5"),
        "{error}"
    );
}

// Conformance: AUTH-06, AUTH-07
#[test]
fn the_two_halves_can_be_done_by_hand() {
    let own = AuthKey::from("key");
    for digests in [Digests::default(), Digests::default().with(Digest::Sha1)] {
        for (theirs, is_right) in [("key", true), ("other", false)] {
            let (mut one, mut other) = pair(&Options::new());
            let theirs = AuthKey::from(theirs);
            let answering = thread::spawn(move || {
                let answered = answer_challenge(&mut other, &theirs, digests);
                (other, answered)
            });
            let delivered = deliver_challenge(&mut one, &own, digests);
            let (mut other, answered) = answering.join().unwrap();
            if is_right {
                delivered.unwrap();
                answered.unwrap();
                one.send_bytes(b"hello").unwrap();
                assert_eq!(other.recv_bytes().unwrap(), b"hello");
            } else {
                assert_eq!(
                    (text(delivered), text(answered)),
                    (WRONG.to_owned(), REJECTED.to_owned())
                );
            }
        }
    }
}

// Conformance: AUTH-07
#[test]
fn whatever_follows_an_answer_and_is_no_welcome_is_a_rejection() {
    for verdict in [b"#FAILURE#".as_slice(), b"#WELCOME", b"#welcome#", b"", b"\x80\x04N."] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::from(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let mut fake = Raw(listener.accept().unwrap().0);
        fake.send(&[b"#CHALLENGE#{sha256}".as_slice(), &[1; 40]].concat());
        fake.send(verdict);
        let answered = answer_challenge(&mut connection, &AuthKey::from("key"), Digests::default());
        assert_eq!(text(answered), REJECTED);
    }
}
