//! Where listeners are.

use std::net::TcpListener;
use std::path::Path;

use ferropyro_connection::{Address, Client, Error, Family, Listener, Options};

use crate::support::{PATIENCE, connect, key, listen, text};

/// Whether a message goes from a client at this address to the listener.
fn check(listener: &Listener, address: impl Into<Address>, options: &Options) {
    let client = connect(&address.into(), options);
    let mut accepted = listener.accept_timeout(PATIENCE).unwrap();
    let mut client = client.join().unwrap().unwrap();
    client.send_bytes(b"hello").unwrap();
    assert_eq!(accepted.recv_bytes().unwrap(), b"hello");
}

// Conformance: MP-02, MP-11, MP-12, MP-13
#[test]
fn a_tcp_listener_is_at_a_host_and_a_real_port() {
    for host in ["localhost", "127.0.0.1"] {
        let options = Options::new();
        let listener = Listener::bind((host, 0), &options).unwrap();
        let Address::Inet(bound, port) = listener.address() else {
            panic!("{}", listener.address())
        };
        assert_eq!(bound, "127.0.0.1");
        assert_ne!(*port, 0);
        assert_eq!(listener.last_accepted(), None);
        // Connecting works before anybody accepts.
        let early = Client::connect(listener.address(), &options).unwrap();
        assert_eq!(early.peer().as_ref(), Some(listener.address()));
        let accepted = listener.accept().unwrap();
        assert_eq!(listener.last_accepted(), accepted.peer());
        assert!(matches!(listener.last_accepted(), Some(Address::Inet(host, 1..)) if host == "127.0.0.1"));
        check(&listener, ("localhost", *port), &options);
        check(&listener, (host, *port), &options);
    }
}

// Conformance: MP-05, MP-12, MP-13
#[cfg(unix)]
#[test]
fn a_unix_listener_is_at_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    for options in [Options::new(), key("key"), Options::new().family(Family::Unix)] {
        let listener = Listener::bind(path.as_path(), &options).unwrap();
        assert_eq!(listener.address(), &Address::from(path.as_path()));
        check(&listener, path.as_path(), &options);
        assert_eq!(listener.last_accepted(), None);
    }
    std::env::set_current_dir(folder.path()).unwrap();
    let listener = Listener::bind("relative", &Options::new()).unwrap();
    check(&listener, "relative", &Options::new());
    assert!(folder.path().join("relative").exists());
}

// Conformance: MP-05
#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_nul_in_front_makes_an_abstract_name() {
    let name = format!("\0ferropyro-test-{}", std::process::id());
    let listener = Listener::bind(name.as_str(), &Options::new()).unwrap();
    check(&listener, name.as_str(), &Options::new());
    listener.close();
    assert!(Client::connect(name.as_str(), &Options::new()).is_err());
}

// Conformance: MP-04, MP-05, MP-13, MP-15
#[test]
fn addresses_that_cannot_be_are_refused_before_anything_is_done() {
    let options = Options::new();
    let (pipe, inet) = (
        options.clone().family(Family::Pipe),
        options.clone().family(Family::Inet),
    );
    let long = format!("/tmp/{}", "x".repeat(200));
    for (address, options, expected) in [
        (
            Address::from(r"\\.\pipe\jobs"),
            &options,
            "Family AF_PIPE is not recognized: ferropyro does not speak named pipes of Windows",
        ),
        (Address::from(r"\\x"), &options, "Family AF_PIPE is not recognized"),
        (Address::from("/tmp/x"), &pipe, "Family AF_PIPE is not recognized"),
        (
            Address::from(r"\\x"),
            &inet,
            r"the address '\\\\x' is one of AF_PIPE, not of AF_INET",
        ),
        (
            Address::from("/tmp/x"),
            &inet,
            "the address '/tmp/x' is one of AF_UNIX, not of AF_INET",
        ),
        (
            Address::from(long.as_str()),
            &options,
            "the path is too long: it has 205 bytes",
        ),
        (Address::from(("no such host", 1)), &options, "('no such host', 1): "),
    ] {
        for error in [
            text(Listener::bind(&address, options)),
            text(Client::connect(&address, options)),
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }
    assert!(text(Listener::bind_anywhere(&pipe)).starts_with("Family AF_PIPE is not recognized"));
    assert!(matches!(Client::connect("", &options), Err(Error::Io(..))));
}

// Conformance: MP-15
#[cfg(unix)]
#[test]
fn two_backslashes_begin_a_path_if_the_family_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    let options = Options::new().family(Family::Unix);
    let listener = Listener::bind(r"\\x", &options).unwrap();
    assert!(Path::new(r"\\x").exists());
    check(&listener, r"\\x", &options);
}

// Conformance: MP-02, MP-03
#[test]
fn where_somebody_listens_nobody_else_can_and_where_nobody_does_nobody_answers() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::from(taken.local_addr().unwrap());
    let error = text(Listener::bind(&address, &Options::new()));
    assert!(
        error.starts_with(&format!("cannot listen on {address}: Address")),
        "{error}"
    );
    drop(taken);
    let error = text(Client::connect(&address, &Options::new()));
    assert!(error.starts_with(&format!("cannot connect to {address}: ")), "{error}");
    if cfg!(unix) {
        let error = text(Client::connect("/nowhere/sock", &Options::new()));
        assert!(
            error.starts_with("cannot connect to '/nowhere/sock': No such file or directory"),
            "{error}"
        );
    }
}

// Conformance: MP-06
#[test]
fn without_an_address_a_free_one_is_made_up() {
    for options in [
        Options::new(),
        Options::new().family(Family::Unix),
        Options::new().family(Family::Inet),
    ] {
        let (one, other) = (
            Listener::bind_anywhere(&options).unwrap(),
            Listener::bind_anywhere(&options).unwrap(),
        );
        assert_ne!(one.address(), other.address());
        for listener in [&one, &other] {
            match listener.address() {
                Address::Inet(host, port) => assert!(host == "127.0.0.1" && *port != 0),
                Address::Unix(path) => assert!(path.exists()),
                Address::Pipe(name) => panic!("{name}"),
            }
            check(listener, listener.address(), &Options::new());
        }
    }
    #[cfg(unix)]
    assert_eq!(
        Listener::bind_anywhere(&Options::new()).unwrap().address().family(),
        Family::Unix
    );
}

// Conformance: MP-07
#[cfg(unix)]
#[test]
fn the_file_of_a_socket_is_for_its_user_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    let before = rustix::process::umask(rustix::fs::Mode::empty());
    let listener = Listener::bind(path.as_path(), &Options::new()).unwrap();
    let made_up = Listener::bind_anywhere(&Options::new()).unwrap();
    rustix::process::umask(before);
    assert_eq!(mode(&path), 0o600);
    let Address::Unix(file) = made_up.address() else {
        panic!("{}", made_up.address())
    };
    assert_eq!(mode(file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    // A program may let others in.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    check(&listener, path.as_path(), &Options::new());
}

// Conformance: MP-08
#[cfg(target_os = "linux")]
#[test]
fn as_many_may_wait_as_the_backlog_says() {
    let folder = tempfile::tempdir().unwrap();
    for (options, backlog) in [(Options::new(), 1), (Options::new().backlog(7), 7)] {
        let path = folder.path().join("sock");
        let _listener = Listener::bind(path.as_path(), &options).unwrap();
        let mut waiting = Vec::new();
        let refused = loop {
            match Client::connect(
                path.as_path(),
                &Options::new().handshake_timeout(crate::support::MOMENT),
            ) {
                Ok(client) => waiting.push(client),
                Err(error) => break error,
            }
        };
        assert!(refused.is_timeout(), "{refused}");
        // Linux lets one more in.
        assert_eq!(waiting.len(), backlog + 1);
    }
}

// Conformance: MP-10
#[test]
fn after_closing_nobody_connects_and_connections_stay() {
    let options = Options::new();
    let mut addresses = vec![Address::from(("localhost", 0))];
    let folder = tempfile::tempdir().unwrap();
    if cfg!(unix) {
        addresses.push(folder.path().join("sock").into());
    }
    for address in addresses {
        for is_dropped in [false, true] {
            let listener = Listener::bind(&address, &options).unwrap();
            let bound = listener.address().clone();
            let mut client = Client::connect(&bound, &options).unwrap();
            let mut accepted = listener.accept().unwrap();
            if is_dropped {
                drop(listener);
            } else {
                listener.close();
                listener.close();
                assert_eq!(text(listener.accept()), "listener is closed");
                assert_eq!(listener.address(), &bound);
            }
            assert!(Client::connect(&bound, &options).is_err());
            if let Address::Unix(path) = &bound {
                assert!(!path.exists());
            }
            client.send_bytes(b"hello").unwrap();
            assert_eq!(accepted.recv_bytes().unwrap(), b"hello");
        }
    }
}

// Conformance: MP-10
#[test]
fn the_folder_of_a_made_up_address_goes_with_the_listener() {
    let listener = Listener::bind_anywhere(&Options::new()).unwrap();
    if let Address::Unix(path) = listener.address().clone() {
        assert!(path.exists());
        drop(listener);
        assert!(!path.parent().unwrap().exists());
    }
}

#[cfg(unix)]
#[test]
fn the_file_of_a_dead_listener_is_replaced_and_any_other_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::bind(path.as_path(), &Options::new()).unwrap();
    check(&listener, path.as_path(), &Options::new());
    assert!(text(Listener::bind(path.as_path(), &Options::new())).contains("Address already in use"));
    check(&listener, path.as_path(), &Options::new());
    let file = folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    assert!(text(Listener::bind(file.as_path(), &Options::new())).contains("Address already in use"));
    assert_eq!(std::fs::read(&file).unwrap(), b"text");
    // Nor is a later file of this path taken away.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "text").unwrap();
    drop(listener);
    assert_eq!(std::fs::read(&path).unwrap(), b"text");
}

#[test]
fn closing_wakes_who_waits() {
    let listener = std::sync::Arc::new(listen(&Options::new()));
    let waiting = std::sync::Arc::clone(&listener);
    let waiter = std::thread::spawn(move || text(waiting.accept()));
    std::thread::sleep(crate::support::MOMENT);
    listener.close();
    assert_eq!(waiter.join().unwrap(), "listener is closed");
}
