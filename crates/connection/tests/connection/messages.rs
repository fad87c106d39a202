//! What goes over a connection, as bytes.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferropyro_connection::{Connection, Error, Options};

use crate::support::{MOMENT, PATIENCE, pair, text};

/// A connection, and the socket at its other end.
fn with_socket() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = Connection::from(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    (connection, listener.accept().unwrap().0)
}

// Conformance: MP-16, MP-18
#[test]
fn messages_arrive_whole_and_in_order() {
    let (mut one, mut other) = pair(&Options::new());
    let ints: Vec<u8> = [42_i32, 1729].iter().flat_map(|number| number.to_ne_bytes()).collect();
    let long: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
    let sent = [b"hello".to_vec(), ints, vec![], long, b"bye".to_vec()];
    let messages = sent.clone();
    let sender = thread::spawn(move || {
        for message in &messages {
            one.send_bytes(message).unwrap();
        }
        one
    });
    for message in &sent {
        assert!(&other.recv_bytes().unwrap() == message);
    }
    drop(sender.join().unwrap());
    assert!(matches!(other.recv_bytes(), Err(Error::Eof)));
    // It stays like this.
    assert!(matches!(other.recv_bytes(), Err(Error::Eof)));
}

// Conformance: MP-19
#[test]
fn a_message_is_written_to_the_front_of_a_buffer() {
    let (mut one, mut other) = pair(&Options::new());
    let ints: Vec<u8> = [42_i32, 1729].iter().flat_map(|number| number.to_ne_bytes()).collect();
    let read = |buffer: &[u8]| -> Vec<i32> {
        let numbers = buffer
            .chunks(4)
            .map(|chunk| i32::from_ne_bytes(chunk.try_into().unwrap()));
        numbers.collect()
    };
    for _ in 0..2 {
        one.send_bytes(&ints).unwrap();
    }
    let mut buffer = [0; 20];
    assert_eq!(other.recv_bytes_into(&mut buffer).unwrap(), 8);
    assert_eq!(read(&buffer), [42, 1729, 0, 0, 0]);
    let mut buffer = [0; 20];
    assert_eq!(other.recv_bytes_into(&mut buffer[4..]).unwrap(), 8);
    assert_eq!(read(&buffer), [0, 42, 1729, 0, 0]);
}

// Conformance: MP-20, MP-21
#[test]
fn a_message_that_is_longer_than_the_buffer_is_in_the_error() {
    let (mut one, mut other) = pair(&Options::new());
    one.send_bytes(&[7; 30]).unwrap();
    one.send_bytes(b"next").unwrap();
    let mut buffer = [0; 20];
    match other.recv_bytes_into(&mut buffer) {
        Err(Error::BufferTooShort(error)) => {
            assert_eq!(error.message(), [7; 30]);
            assert_eq!(error.into_message(), [7; 30]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(buffer, [0; 20]);
    assert_eq!(other.recv_bytes_into(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer[..5], b"next\0");
}

// Conformance: MP-22
#[test]
fn a_message_in_pieces_of_one_byte_is_put_together() {
    let (mut connection, mut socket) = with_socket();
    let sender = thread::spawn(move || {
        socket.set_nodelay(true).unwrap();
        for byte in b"\0\0\0\x05hello\xff\xff\xff\xff\0\0\0\0\0\0\0\x03bye\0\0\0\0" {
            socket.write_all(&[*byte]).unwrap();
        }
    });
    assert_eq!(connection.recv_bytes().unwrap(), b"hello");
    assert_eq!(connection.recv_bytes().unwrap(), b"bye");
    assert_eq!(connection.recv_bytes().unwrap(), b"");
    sender.join().unwrap();
}

// Conformance: MP-22
#[test]
fn an_end_inside_a_message_is_not_an_end_between_messages() {
    for bytes in [
        b"\0".as_slice(),
        b"\0\0\0\x05",
        b"\0\0\0\x05hell",
        b"\xff\xff\xff\xff\0\0",
    ] {
        let (mut connection, mut socket) = with_socket();
        socket.write_all(b"\0\0\0\x02ok").unwrap();
        socket.write_all(bytes).unwrap();
        drop(socket);
        assert_eq!(connection.recv_bytes().unwrap(), b"ok");
        assert_eq!(text(connection.recv_bytes()), "got end of file during message");
    }
}

// Conformance: MP-22
#[test]
fn an_absurd_length_is_refused_and_nothing_is_received_after_it() {
    for (bytes, expected) in [
        (
            b"\x7f\xff\xff\xff".as_slice(),
            "announces 2147483647 bytes, and 1073741824 are acceptable",
        ),
        (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "announces 18446744073709551615 bytes",
        ),
        (b"\x80\0\0\0", "bad message length: -2147483648"),
        (b"GET / HTTP/1.1\r\n\r\n", "announces 1195725856 bytes"),
    ] {
        let (mut connection, mut socket) = with_socket();
        socket.write_all(bytes).unwrap();
        socket.write_all(b"\0\0\0\x02ok").unwrap();
        for _ in 0..2 {
            let text = text(connection.recv_bytes());
            assert!(
                text.starts_with("bad message length: ") && text.contains(expected),
                "{text}"
            );
        }
        connection.send_bytes(b"still works").unwrap();
    }
}

#[test]
fn the_longest_message_is_a_setting_of_whoever_receives() {
    let (mut one, mut other) = pair(&Options::new().max_message_size(1000));
    one.send_bytes(&[1; 1000]).unwrap();
    assert_eq!(other.recv_bytes().unwrap().len(), 1000);
    one.send_bytes(&[1; 1001]).unwrap();
    assert_eq!(
        text(other.recv_bytes()),
        "bad message length: the other end announces 1001 bytes, and 1000 are acceptable"
    );
}

// Conformance: MP-16
#[test]
fn poll_tells_whether_receiving_would_wait() {
    let (mut connection, mut socket) = with_socket();
    let never = Duration::ZERO;
    assert!(!connection.poll(never).unwrap());
    assert!(!connection.poll(MOMENT).unwrap());
    socket.write_all(b"\0\0\0\x05hel").unwrap();
    assert!(!connection.poll(MOMENT).unwrap());
    socket.write_all(b"lo\0\0\0\x03bye").unwrap();
    assert!(connection.poll(None).unwrap());
    assert!(connection.poll(never).unwrap());
    assert_eq!(connection.recv_bytes().unwrap(), b"hello");
    assert!(connection.poll(PATIENCE).unwrap());
    assert_eq!(connection.recv_bytes().unwrap(), b"bye");
    assert!(!connection.poll(never).unwrap());
    // Longer than what is read at a time.
    socket
        .write_all(&[b"\0\x01\x86\xa0".as_slice(), &[9; 99_999]].concat())
        .unwrap();
    assert!(!connection.poll(MOMENT).unwrap());
    socket.write_all(&[9]).unwrap();
    assert!(connection.poll(PATIENCE).unwrap());
    assert_eq!(connection.recv_bytes().unwrap(), [9; 100_000]);
    drop(socket);
    assert!(connection.poll(None).unwrap());
    assert!(matches!(connection.recv_bytes(), Err(Error::Eof)));
}

#[test]
fn poll_leaves_a_bad_length_to_whoever_receives() {
    let (mut connection, mut socket) = with_socket();
    socket.write_all(b"\x80\0\0\0").unwrap();
    assert!(connection.poll(PATIENCE).unwrap());
    assert!(text(connection.recv_bytes()).starts_with("bad message length: -2147483648"));
}

// Conformance: MP-16
#[test]
fn a_closed_connection_says_so_and_wakes_the_other_end() {
    let (mut one, mut other) = pair(&Options::new());
    assert!(!one.is_closed());
    one.close();
    one.close();
    assert!(one.is_closed());
    for error in [
        text(one.send_bytes(b"x")),
        text(one.recv_bytes()),
        text(one.recv_bytes_into(&mut [0; 9])),
        text(one.poll(None)),
    ] {
        assert_eq!(error, "handle is closed");
    }
    assert!(matches!(other.recv_bytes(), Err(Error::Eof)));
}

#[test]
fn a_message_that_does_not_come_in_time_is_received_later() {
    let (mut connection, mut socket) = with_socket();
    connection.set_recv_timeout(MOMENT);
    assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(_))));
    socket.write_all(b"\0\0\0\x05hel").unwrap();
    assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(_))));
    socket.write_all(b"lo").unwrap();
    connection.set_recv_timeout(None);
    assert_eq!(connection.recv_bytes().unwrap(), b"hello");
}

#[test]
fn the_time_for_receiving_is_that_for_all_of_a_message() {
    let (mut connection, mut socket) = with_socket();
    let sender = thread::spawn(move || {
        socket.set_nodelay(true).unwrap();
        // A byte now and then, for longer than there is time.
        while socket.write_all(b"\0").is_ok() {
            thread::sleep(Duration::from_millis(5));
            if socket.peer_addr().is_err() {
                break;
            }
        }
    });
    connection.set_recv_timeout(PATIENCE);
    assert_eq!(connection.recv_bytes().unwrap(), b"");
    drop(connection);
    sender.join().unwrap();
}

#[test]
fn a_message_that_nobody_takes_in_time_breaks_the_connection_for_sending() {
    #[cfg(unix)]
    let unix = {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        Some((Connection::from(one), Box::new(other) as Box<dyn std::any::Any>))
    };
    #[cfg(not(unix))]
    let unix = None;
    let (tcp, socket) = with_socket();
    let tcp = Some((tcp, Box::new(socket) as Box<dyn std::any::Any>));
    for (mut connection, _silent) in [tcp, unix].into_iter().flatten() {
        connection.set_send_timeout(MOMENT);
        connection.send_bytes(b"this goes into a buffer").unwrap();
        let start = Instant::now();
        let error = connection.send_bytes(&vec![0; 50_000_000]).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(start.elapsed() < PATIENCE);
        let text = text(connection.send_bytes(b"x"));
        assert_eq!(text, "the connection is broken: a message could be sent only in part");
    }
}

#[test]
fn a_message_under_a_limit_of_time_is_the_same_message() {
    let (mut one, mut other) = pair(&Options::new());
    one.set_send_timeout(PATIENCE);
    let sizes = [0, 1, 16_379, 16_380, 16_381, 32_764, 32_765, 1_000_000];
    let sender = thread::spawn(move || {
        for size in sizes {
            let message: Vec<u8> = (0..size).map(|number: u32| (number % 251) as u8).collect();
            one.send_bytes(&message).unwrap();
        }
    });
    for size in sizes {
        let message: Vec<u8> = (0..size).map(|number| (number % 251) as u8).collect();
        assert!(other.recv_bytes().unwrap() == message, "{size} bytes");
    }
    sender.join().unwrap();
}

#[test]
fn two_threads_use_the_two_directions() {
    let (one, mut other) = pair(&Options::new());
    let (mut sender, mut receiver) = one.split();
    let receiving = thread::spawn(move || receiver.recv_bytes().unwrap());
    sender.send_bytes(b"there").unwrap();
    assert_eq!(other.recv_bytes().unwrap(), b"there");
    other.send_bytes(b"back").unwrap();
    assert_eq!(receiving.join().unwrap(), b"back");
    drop(sender);
    assert!(matches!(other.recv_bytes(), Err(Error::Eof)));
}

#[cfg(unix)]
#[test]
fn a_pair_of_sockets_is_a_pipe() {
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    let (mut one, mut other) = (Connection::from(one), Connection::from(other));
    one.send_bytes(b"hello").unwrap();
    assert_eq!(other.recv_bytes().unwrap(), b"hello");
    assert_eq!(other.peer(), None);
}

#[test]
fn who_sends_is_asked_while_nobody_takes_it_and_may_stop() {
    let (mut one, mut other) = {
        let (one, other) = pair(&Options::new());
        (one.split().0, other)
    };
    let long = vec![7; 20_000_000];
    let (begin, begun) = mpsc::channel();
    let receiving = thread::spawn(move || {
        let () = begun.recv().unwrap();
        let received = other.recv_bytes().unwrap();
        (other, received)
    });
    let mut asked = 0;
    let ask = || {
        asked += 1;
        // By then the other end has taken nothing.
        if asked == 3 {
            begin.send(()).unwrap();
        }
        true
    };
    one.send_bytes_while(&long, MOMENT, ask).unwrap();
    let (_other, received) = receiving.join().unwrap();
    assert!(received == long);
    assert!(asked >= 3);
    assert!(one.send_bytes_while(&long, MOMENT, || false).unwrap_err().is_timeout());
    assert_eq!(
        text(one.send_bytes(b"more")),
        "the connection is broken: a message could be sent only in part"
    );
}

#[test]
fn a_waker_ends_both_directions_from_outside() {
    let (one, mut other) = pair(&Options::new());
    let waker = one.waker();
    let (mut sender, mut receiver) = one.split();
    let waiting = thread::spawn(move || receiver.recv_bytes());
    waker.wake();
    assert!(matches!(waiting.join().unwrap(), Err(Error::Eof)));
    assert!(matches!(other.recv_bytes(), Err(Error::Eof)));
    assert!(sender.send_bytes(b"hello").is_err());
    drop(sender);
    // There is nothing left of it.
    waker.wake();
}

#[cfg(unix)]
#[test]
fn without_reading_ahead_a_descriptor_tells_of_every_message() {
    let options = Options::new().read_ahead(false);
    for options in [options.clone(), options.authkey("secret")] {
        let (mut one, other) = pair(&options);
        for message in [b"one".as_slice(), b"two", b"three"] {
            one.send_bytes(message).unwrap();
        }
        let is_readable = |connection: &Connection| {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let moment = Timespec::try_from(MOMENT).unwrap();
            poll(&mut [PollFd::new(connection, PollFlags::IN)], Some(&moment)).unwrap() == 1
        };
        let mut other = other;
        for message in [b"one".as_slice(), b"two", b"three"] {
            assert!(is_readable(&other));
            assert_eq!(other.recv_bytes().unwrap(), message);
        }
        assert!(!is_readable(&other));
    }
    // One that was made in another way.
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    let (mut sender, mut receiver) = (Connection::from(one), Connection::from(other).split().1);
    receiver.set_read_ahead(false);
    for message in [b"one".as_slice(), b"two"] {
        sender.send_bytes(message).unwrap();
    }
    assert_eq!(receiver.recv_bytes().unwrap(), b"one");
    assert!(receiver.poll(Duration::ZERO).unwrap());
    assert_eq!(receiver.recv_bytes().unwrap(), b"two");
    assert!(!receiver.poll(Duration::ZERO).unwrap());
}

#[test]
fn the_longest_message_can_be_changed_meanwhile() {
    let (mut one, other) = pair(&Options::new());
    let (_sender, mut receiver) = other.split();
    for _ in 0..2 {
        one.send_bytes(&[7; 11]).unwrap();
    }
    assert_eq!(receiver.set_max_message_size(11), 1 << 30);
    assert_eq!(receiver.recv_bytes().unwrap(), [7; 11]);
    assert_eq!(receiver.set_max_message_size(10), 11);
    assert_eq!(
        text(receiver.recv_bytes()),
        "bad message length: the other end announces 11 bytes, and 10 are acceptable"
    );
}
