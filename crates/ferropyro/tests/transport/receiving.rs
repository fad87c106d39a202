//! Long messages: with MSG_WAITALL and without.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use ferropyro::wire::{Deframer, Dialect};
use ferropyro::{Bytes, Config, ErrorKind, Proxy, Result, Serializer, Value};

use crate::{Echo, pattern, server};

fn config(wait: bool) -> Config {
    let mut config = Config::default().use_msg_waitall(wait);
    config.serializers_accepted.insert(Serializer::Marshal);
    config
}

// Conformance: SOCK-06, SOCK-07
#[test]
fn long_messages_arrive_with_one_wait_and_with_many() -> Result<()> {
    for (of_server, of_client) in [(true, true), (false, false), (true, false)] {
        let daemon = server::daemon().config(config(of_server)).bind()?;
        let uri = daemon.register("echo", Echo)?;
        let _running = daemon.start();
        for serializer in [Serializer::Marshal, Serializer::Serpent] {
            let builder = Proxy::builder().config(config(of_client)).serializer(serializer);
            // Without a time limit: with one the system is not asked to wait.
            let proxy = builder.build(uri.clone())?;
            for count in [0, 1 << 16, 5_000_000] {
                assert!(*proxy.call::<Bytes>("bytes", (count,))? == *pattern(count));
            }
            if serializer == Serializer::Marshal {
                let sent = Value::Bytes(pattern(5_000_000));
                assert!(proxy.call::<Value>("echo", (sent.clone(),))? == sent);
            }
        }
    }
    Ok(())
}

/// A server that answers the first message with the beginning of a long one. Gives its end of the connection.
fn stops_in_the_middle(mut stream: UnixStream) -> UnixStream {
    let (mut bytes, mut piece) = (Vec::new(), [0; 1000]);
    let mut deframer = Deframer::for_dialect(Dialect::V502);
    while deframer.next(&bytes).expect("a proper frame").is_none() {
        let count = stream.read(&mut piece).expect("the first message");
        assert_ne!(count, 0);
        bytes.extend_from_slice(&piece[..count]);
    }
    // The same frame as a RESULT of four million bytes.
    bytes[6] = 5;
    bytes[12..16].copy_from_slice(&4_000_000_u32.to_be_bytes());
    bytes.resize(1_000_000, 0);
    stream.write_all(&bytes).expect("somebody reads");
    stream
}

// Conformance: SOCK-06
#[test]
fn a_server_that_stops_in_the_middle_of_a_message_is_noticed() -> Result<()> {
    for (wait, goes) in [(true, true), (true, false), (false, true), (false, false)] {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        let builder = Proxy::builder()
            .config(config(wait))
            .timeout(Duration::from_millis(200));
        let proxy = builder.connected_socket("echo", near)?;
        let server = thread::spawn(move || Some(stops_in_the_middle(far)).filter(|_| !goes));
        let error = proxy
            .call::<i64>("echo", (1,))
            .expect_err("the message is not complete");
        let expected = match goes {
            true => (ErrorKind::ConnectionClosed, "receiving: not enough data"),
            false => (ErrorKind::Timeout, "receiving: timeout"),
        };
        assert_eq!((error.kind(), error.message()), expected);
        server.join().expect("no panic");
    }
    Ok(())
}
