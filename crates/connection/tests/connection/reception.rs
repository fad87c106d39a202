//! Clients that are slow, silent, lost or hostile, and the others.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro_connection::Error;

use crate::support::{MOMENT, PATIENCE, Raw, connect, key, listen, text};

// Conformance: AUTH-09
#[test]
fn silent_clients_and_port_scans_hold_up_nobody_and_end_nothing() {
    let listener = listen(&key("key").backlog(100));
    let silent: Vec<Raw> = (0..20).map(|_| Raw::connect(listener.address())).collect();
    for _ in 0..20 {
        drop(Raw::connect(listener.address()));
    }
    let mut half: Vec<Raw> = (0..20).map(|_| Raw::connect(listener.address())).collect();
    for client in &mut half {
        client.0.write_all(b"\0\0").unwrap();
    }
    for _ in 0..3 {
        let client = connect(listener.address(), &key("key"));
        let mut accepted = listener.accept_timeout(PATIENCE).unwrap();
        accepted.send_bytes(b"hello").unwrap();
        assert_eq!(client.join().unwrap().unwrap().recv_bytes().unwrap(), b"hello");
    }
    drop((silent, half));
}

#[test]
fn a_silent_client_is_disconnected_in_time() {
    let listener = listen(&key("key").handshake_timeout(MOMENT));
    let mut silent = Raw::connect(listener.address());
    assert!(listener.accept_timeout(MOMENT * 4).unwrap_err().is_timeout());
    assert!(silent.recv().starts_with(b"#CHALLENGE#"));
    silent.wait_for_end();
}

#[test]
fn a_client_that_sends_byte_by_byte_gets_no_more_time() {
    let listener = listen(&key("key").handshake_timeout(MOMENT * 2));
    let mut slow = Raw::connect(listener.address());
    let sending = thread::spawn(move || {
        let start = Instant::now();
        while slow.0.write_all(b"\0").is_ok() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(5));
        }
        start.elapsed()
    });
    assert!(listener.accept_timeout(MOMENT * 6).is_err());
    assert!(sending.join().unwrap() < PATIENCE);
}

// Conformance: AUTH-09
#[test]
fn garbage_is_refused_and_the_next_client_is_served() {
    let listener = listen(&key("key").backlog(10));
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\0\0\0",
        b"PYRO\0\x30",
    ] {
        let mut stranger = Raw::connect(listener.address());
        stranger.0.write_all(garbage).unwrap();
        let client = connect(listener.address(), &key("key"));
        listener.accept_timeout(PATIENCE).unwrap();
        client.join().unwrap().unwrap();
        assert!(stranger.recv().starts_with(b"#CHALLENGE#"));
        stranger.wait_for_end();
    }
}

#[test]
fn when_too_many_are_about_to_authenticate_the_oldest_one_goes() {
    let listener = listen(&key("key").unfinished_handshakes(3).backlog(100));
    let mut silent: Vec<Raw> = (0..6).map(|_| Raw::connect(listener.address())).collect();
    let client = connect(listener.address(), &key("key"));
    listener.accept_timeout(PATIENCE).unwrap();
    client.join().unwrap().unwrap();
    for client in &mut silent[..3] {
        client.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = std::io::Read::read_to_end(&mut client.0, &mut Vec::new());
    }
    // The others are still there.
    for client in &mut silent[4..] {
        assert!(client.recv().starts_with(b"#CHALLENGE#"));
        client.0.set_read_timeout(Some(MOMENT)).unwrap();
        let error = std::io::Read::read(&mut client.0, &mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }
}

// Conformance: MP-09
#[test]
fn several_threads_accept_and_each_client_is_accepted_once() {
    let listener = listen(&key("key").backlog(100));
    let names: Vec<u8> = (0..24).collect();
    let clients: Vec<_> = names
        .iter()
        .map(|name| {
            let (address, name) = (listener.address().clone(), *name);
            thread::spawn(move || {
                let mut client = ferropyro_connection::Client::connect(address, &key("key")).unwrap();
                client.send_bytes(&[name]).unwrap();
                client.recv_bytes().unwrap()
            })
        })
        .collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..6 {
                    let mut accepted = listener.accept_timeout(PATIENCE).unwrap();
                    let name = accepted.recv_bytes().unwrap();
                    accepted.send_bytes(&name).unwrap();
                }
            });
        }
    });
    let answers: Vec<u8> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    assert_eq!(answers, names);
}

#[test]
fn who_is_accepted_too_late_is_kept_for_the_next() {
    let listener = listen(&key("key"));
    let client = connect(listener.address(), &key("key"));
    let mut tries = 0;
    let accepted = loop {
        match listener.accept_timeout(Duration::from_micros(50)) {
            Err(Error::TimedOut(_)) => tries += 1,
            other => break other,
        }
    };
    accepted.unwrap();
    assert!(client.join().unwrap().is_ok(), "after {tries} tries");
}

#[test]
fn incoming_passes_over_those_that_fail_and_ends_with_the_listener() {
    let listener = listen(&key("key").backlog(10));
    let wrong = connect(listener.address(), &key("wrong"));
    let right = connect(listener.address(), &key("key"));
    let mut incoming = listener.incoming();
    assert!(incoming.next().is_some());
    right.join().unwrap().unwrap();
    let last = connect(listener.address(), &key("key"));
    assert!(incoming.next().is_some());
    last.join().unwrap().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert!(incoming.next().is_none()));
        assert!(text(wrong.join().unwrap()).starts_with("digest sent was rejected"));
        listener.close();
    });
}
