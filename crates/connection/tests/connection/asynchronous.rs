//! The same for tokio, as far as it is not the same code.

use std::time::Duration;

use ferropyro_connection::{Connection, Digest, Error, Options, aio};
use tokio::time::timeout;

use crate::support::{MOMENT, PATIENCE, Raw, key, listen, text};

async fn pair(options: &Options) -> (aio::Connection, aio::Connection) {
    let mut listener = aio::Listener::bind(("localhost", 0), options).await.unwrap();
    let client = tokio::spawn({
        let (address, options) = (listener.address().clone(), options.clone());
        async move { aio::Client::connect(address, &options).await }
    });
    let accepted = listener.accept().await.unwrap();
    assert_eq!(listener.last_accepted().cloned(), accepted.peer());
    (accepted, client.await.unwrap().unwrap())
}

// Conformance: MP-16, MP-18, MP-20
#[tokio::test]
async fn messages_and_objects_arrive() {
    for options in [
        Options::new(),
        key("key"),
        key("key").allow(Digest::Md5),
        key("key").allow(Digest::Sha1),
    ] {
        let (mut one, mut other) = pair(&options).await;
        let long = vec![3; 20_000_000];
        let sending = tokio::spawn(async move {
            one.send_bytes(b"hello").await.unwrap();
            one.send_bytes(&long).await.unwrap();
            one.send(&(1, "two")).await.unwrap();
            one.send_bytes(&[7; 30]).await.unwrap();
            one.send_bytes(b"").await.unwrap();
        });
        assert_eq!(other.recv_bytes().await.unwrap(), b"hello");
        assert!(other.recv_bytes().await.unwrap() == vec![3; 20_000_000]);
        assert_eq!(other.recv::<(u8, String)>().await.unwrap(), (1, "two".to_owned()));
        match other.recv_bytes_into(&mut [0; 20]).await {
            Err(Error::BufferTooShort(error)) => assert_eq!(error.message(), [7; 30]),
            other => panic!("{other:?}"),
        }
        assert_eq!(other.recv_bytes().await.unwrap(), b"");
        assert!(matches!(other.recv_bytes().await, Err(Error::Eof)));
        sending.await.unwrap();
    }
}

#[tokio::test]
async fn receiving_may_be_given_up_and_nothing_is_lost() {
    let (one, mut other) = pair(&Options::new()).await;
    let mut one = one.into_blocking().unwrap();
    assert!(timeout(MOMENT, other.recv_bytes()).await.is_err());
    assert!(!other.poll(Duration::ZERO).await.unwrap());
    one.send_bytes(b"hello").unwrap();
    assert!(other.poll(PATIENCE).await.unwrap());
    assert!(other.poll(None).await.unwrap());
    assert_eq!(other.recv_bytes().await.unwrap(), b"hello");
    drop(one);
    assert!(other.poll(None).await.unwrap());
    assert!(matches!(other.recv_bytes().await, Err(Error::Eof)));
}

#[tokio::test]
async fn sending_that_is_given_up_breaks_the_connection_for_sending() {
    let (mut one, _silent) = pair(&Options::new()).await;
    assert!(timeout(MOMENT, one.send_bytes(&vec![0; 50_000_000])).await.is_err());
    let error = text(one.send_bytes(b"x").await);
    assert_eq!(error, "the connection is broken: a message could be sent only in part");
}

#[tokio::test]
async fn closing_splitting_and_the_two_worlds() {
    let (mut one, other) = pair(&Options::new()).await;
    one.close();
    assert!(one.is_closed());
    for error in [
        text(one.send_bytes(b"x").await),
        text(one.recv_bytes().await),
        text(one.poll(None).await),
    ] {
        assert_eq!(error, "handle is closed");
    }
    let (_, mut receiver) = other.split();
    assert!(matches!(receiver.recv_bytes().await, Err(Error::Eof)));

    let (one, mut other) = pair(&Options::new()).await;
    other.send_bytes(b"early").await.unwrap();
    let mut one: Connection = one.into_blocking().unwrap();
    let received = tokio::task::spawn_blocking(move || {
        one.send_bytes(b"late").unwrap();
        one.recv_bytes().unwrap()
    });
    assert_eq!(other.recv_bytes().await.unwrap(), b"late");
    assert_eq!(received.await.unwrap(), b"early");
}

// Conformance: AUTH-09
#[tokio::test]
async fn a_wrong_key_a_silent_client_and_a_silent_listener_are_errors_in_time() {
    let mut listener = aio::Listener::bind(("localhost", 0), &key("key")).await.unwrap();
    let address = listener.address().clone();
    let _silent = Raw::connect(&address);
    let client = tokio::spawn(async move {
        let wrong = aio::Client::connect(&address, &key("wrong")).await;
        (text(wrong), aio::Client::connect(&address, &key("key")).await)
    });
    assert!(text(listener.accept().await).starts_with("digest received was wrong"));
    listener.accept().await.unwrap();
    let (wrong, right) = client.await.unwrap();
    assert!(
        wrong.starts_with("digest sent was rejected") && right.is_ok(),
        "{wrong}"
    );

    let without_key = listen(&Options::new());
    let options = key("key").handshake_timeout(MOMENT);
    let error = text(aio::Client::connect(without_key.address(), &options).await);
    assert!(
        error.starts_with("no message of the other end while authenticating"),
        "{error}"
    );

    let mut client = aio::Client::connect(listener.address(), &Options::new()).await.unwrap();
    let waiting = tokio::spawn(async move { listener.accept().await.map(drop) });
    assert!(client.recv_bytes().await.unwrap_err().is_authentication());
    drop(client);
    waiting.abort();
}

#[cfg(unix)]
#[tokio::test]
async fn unix_listeners_are_awaited_too() {
    let mut listener = aio::Listener::bind_anywhere(&key("key")).await.unwrap();
    let ferropyro_connection::Address::Unix(path) = listener.address().clone() else {
        panic!("{}", listener.address())
    };
    let client = tokio::spawn({
        let path = path.clone();
        async move { aio::Client::connect(path, &key("key")).await }
    });
    let mut accepted = listener.accept().await.unwrap();
    assert_eq!(listener.last_accepted(), None);
    accepted.send_bytes(b"hello").await.unwrap();
    assert_eq!(client.await.unwrap().unwrap().recv_bytes().await.unwrap(), b"hello");
    drop(listener);
    assert!(!path.exists());
}
