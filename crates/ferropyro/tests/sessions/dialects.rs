//! Which protocol a server speaks: found out from its answer, or from the lack of one.

use std::io::{Read, Write, copy};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use ferropyro::wire::Dialect;
use ferropyro::{Config, Proxy, Result, Uri};

use super::support::{Desk, desk};
use crate::server;

/// A server that understands one dialect only, as the real ones do: the others are handled by `refuse`, given the first six bytes.
fn server_of_one_dialect(dialect: Dialect, behind: SocketAddr, refuse: fn(TcpStream)) -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    let version = if dialect.is_pyro5() { [0x01, 0xf6] } else { [0x00, 0x30] };
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a connection");
            let mut start = [0; 6];
            client.read_exact(&mut start).expect("a client that speaks first");
            if start[4..] == version {
                relay(client, &start, behind);
            } else {
                refuse(client);
            }
        }
    });
    format!("PYRO:desk@127.0.0.1:{port}").parse().expect("a URI")
}

/// Passes the bytes on in both directions.
fn relay(mut client: TcpStream, start: &[u8], behind: SocketAddr) {
    let mut server = TcpStream::connect(behind).expect("the daemon listens");
    server.write_all(start).expect("the daemon reads");
    let (mut from_client, mut to_server) = (
        client.try_clone().expect("a socket"),
        server.try_clone().expect("a socket"),
    );
    thread::spawn(move || copy(&mut from_client, &mut to_server));
    thread::spawn(move || copy(&mut server, &mut client));
}

/// Closes with unread input, so the client sees a reset and no refusal.
fn reset(client: TcpStream) {
    drop(client);
}

/// What a Pyro4 daemon writes to a client of another protocol.
fn refuse_in_pyro4(client: TcpStream) {
    let refusal = "5059524f0030000300000000000000310003000000003550fa2f696e76616c69642064617461206f7220756e737570706f727465642070726f746f636f6c2076657273696f6e";
    refuse_with(client, refusal, 24);
}

/// What a Pyro5 daemon writes to a client of Pyro4.
fn refuse_in_pyro5(client: TcpStream) {
    let refusal = "5059524f01f603020000000000000020000000000000000000000000000000000000000000004dc5fa1e696e76616c69642070726f746f636f6c2076657273696f6e3a203438";
    refuse_with(client, refusal, 6);
}

fn refuse_with(mut client: TcpStream, hex: &str, read: usize) {
    let _ = client.read(&mut vec![0; read]);
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    client.write_all(&bytes).expect("the client reads");
    let _ = client.shutdown(std::net::Shutdown::Write);
    let _ = copy(&mut client, &mut std::io::sink());
}

#[test]
fn the_dialect_is_found_out_from_a_refusal() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    let behind = daemon.address().expect("a TCP port");
    for (dialect, refuse) in [
        (Dialect::V48, refuse_in_pyro4 as fn(TcpStream)),
        (Dialect::V502, refuse_in_pyro5),
    ] {
        let uri = server_of_one_dialect(dialect, behind, refuse);
        let proxy = Proxy::new(uri)?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        assert_eq!(proxy.dialect()?, dialect);
    }
    Ok(())
}

// The refusal of a real server can get lost: it closes with unread input, which resets the connection.
#[test]
fn the_dialect_is_found_out_when_the_refusal_is_lost_to_a_reset() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    let behind = daemon.address().expect("a TCP port");
    for dialect in [Dialect::V48, Dialect::V502] {
        for _ in 0..10 {
            let proxy = Proxy::new(server_of_one_dialect(dialect, behind, reset))?;
            assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
            assert_eq!(proxy.dialect()?, dialect);
        }
    }
    Ok(())
}

#[test]
fn a_dialect_that_was_chosen_is_not_changed() -> Result<()> {
    let (daemon, _) = desk(Config::default())?;
    let behind = daemon.address().expect("a TCP port");
    let uri = server_of_one_dialect(Dialect::V48, behind, reset);
    assert!(
        Proxy::builder()
            .dialect(Dialect::V502)
            .build(uri.clone())?
            .bind()
            .is_err()
    );
    Proxy::builder().dialect(Dialect::V48).build(uri)?.bind()
}

#[test]
fn a_proxy_follows_a_server_that_changes_its_dialect() -> Result<()> {
    // With a key, a daemon speaks Pyro4 only; a client with the key finds it, whatever it knew of this place.
    let (running, uri) = desk(Config::default())?;
    let port = running.address().expect("a TCP port").port();
    assert_eq!(Proxy::new(uri.clone())?.dialect()?, Dialect::V502);
    running.stop();
    let daemon = server::daemon().port(port).hmac_key("key").bind()?;
    daemon.register("desk", Desk::default())?;
    let _running = daemon.start();
    let proxy = Proxy::builder().hmac_key("key").build(uri)?;
    assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    assert_eq!(proxy.dialect()?, Dialect::V48);
    Ok(())
}
