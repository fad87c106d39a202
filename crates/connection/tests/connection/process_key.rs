//! The key of a process. A test that needs others starts this program again.

use std::process::{Command, Stdio};

use ferropyro_connection::{AuthKey, Client, Listener, Options, hand_down_process_key, process_key, set_process_key};

use crate::support::{PATIENCE, own_process_key, text};

const ADDRESS: &str = "FERROPYRO_TEST_PORT";

/// What a child does: it connects with the key of its process.
#[test]
fn child() {
    let Ok(port) = std::env::var(ADDRESS) else { return };
    let address = ("127.0.0.1", port.parse().unwrap());
    match Client::connect(address, &Options::new().authenticate(true)) {
        Ok(mut conn) => conn.send_bytes(b"it is me").unwrap(),
        Err(error) => assert!(error.is_authentication(), "{error}"),
    }
}

fn start_child(listener: &Listener) -> Command {
    let ferropyro_connection::Address::Inet(_, port) = listener.address() else {
        panic!("{}", listener.address())
    };
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "process_key::child"]).stdout(Stdio::null());
    child.env(ADDRESS, port.to_string()).env_remove("FERROPYRO_AUTHKEY");
    child
}

// Conformance: AUTH-03, AUTH-04
#[test]
fn a_child_has_the_key_if_it_was_handed_down_and_another_one_if_not() {
    let _key = own_process_key();
    let listener = Listener::bind(("localhost", 0), &Options::new().authenticate(true)).unwrap();
    let mut child = start_child(&listener);
    hand_down_process_key(&mut child).unwrap();
    let mut child = child.spawn().unwrap();
    let mut accepted = listener.accept_timeout(PATIENCE).unwrap();
    assert_eq!(accepted.recv_bytes().unwrap(), b"it is me");
    assert!(child.wait().unwrap().success());

    let mut stranger = start_child(&listener).spawn().unwrap();
    let error = text(listener.accept_timeout(PATIENCE));
    assert!(error.starts_with("digest received was wrong"), "{error}");
    assert!(stranger.wait().unwrap().success());
}

// Conformance: AUTH-04
#[test]
fn the_key_is_random_until_it_is_set() {
    let _key = own_process_key();
    let first = process_key().unwrap();
    assert_eq!(first.as_bytes().len(), 32);
    assert_eq!(process_key().unwrap(), first);
    assert_ne!(AuthKey::random().unwrap(), first);
    set_process_key("another");
    assert_eq!(process_key().unwrap(), AuthKey::from("another"));
    set_process_key(first.clone());
    assert_eq!(process_key().unwrap(), first);
}
