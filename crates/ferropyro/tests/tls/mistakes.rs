//! Encryption on one side only, and clients that do what no client would.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::wire::{
    Deframer, Dialect, FrameBuilder, FrameSettings, Header, MessageKind, NO_ANNOTATIONS, SerializerId,
};
use ferropyro::{Config, Daemon, Result};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::lab::{Lab, call, desk, refusal, serving};

type TlsClient = StreamOwned<ClientConnection, TcpStream>;

/// A client that is none of ours.
fn connect(lab: &Lab, daemon: &Daemon) -> TlsClient {
    let mut roots = RootCertStore::empty();
    let authority = rustls::pki_types::CertificateDer::from_pem_file(lab.authority()).expect("a certificate");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let socket = TcpStream::connect(daemon.address().expect("a TCP port")).expect("the daemon listens");
    socket.set_nodelay(true).expect("a TCP socket");
    StreamOwned::new(connection, socket)
}

const HELLO: &[u8] = b"# serpent utf-8 python3.2\n{'handshake':'hello','object':'desk'}";

fn hello(dialect: Dialect) -> Vec<u8> {
    let header = Header::new(dialect, MessageKind::CONNECT, SerializerId(1));
    let mut out = Vec::new();
    let settings = FrameSettings::default();
    let mut frame = FrameBuilder::begin(&mut out, &header, NO_ANNOTATIONS, &settings).expect("a frame");
    frame.payload().extend_from_slice(HELLO);
    frame.finish().expect("a short message");
    out
}

/// The kind of the message that these bytes are.
fn kind(dialect: Dialect, bytes: &[u8]) -> Option<MessageKind> {
    let mut deframer = Deframer::for_dialect(dialect);
    deframer.expect(&[MessageKind::CONNECTOK, MessageKind::CONNECTFAIL]);
    deframer
        .next(bytes)
        .expect("a message")
        .map(|(_, message)| message.header.kind)
}

#[test]
fn a_client_in_the_clear_reads_that_encryption_is_wanted() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    let refusal = refusal(&uri, Config::default());
    assert!(
        refusal.ends_with("rejected: this server accepts encrypted connections only (TLS): switch SSL on"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn an_encrypting_client_learns_that_the_server_has_no_encryption() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(Config::default())?;
    let refusal = refusal(&uri, lab.client());
    assert!(
        refusal.contains("the other side does not speak TLS: it has SSL switched off"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn a_message_in_records_of_one_byte_is_understood() -> Result<()> {
    let lab = Lab::new();
    let (daemon, _uri) = desk(serving(&lab.server()))?;
    for dialect in [Dialect::V48, Dialect::V502] {
        let mut client = connect(&lab, &daemon);
        for byte in hello(dialect) {
            client.write_all(&[byte]).expect("the daemon reads");
            client.flush().expect("the daemon reads");
        }
        let (mut answer, mut room) = (Vec::new(), [0; 1024]);
        while kind(dialect, &answer).is_none() {
            let count = client.read(&mut room).expect("the daemon answers");
            assert_ne!(count, 0);
            answer.extend_from_slice(&room[..count]);
        }
        assert_eq!(kind(dialect, &answer), Some(MessageKind::CONNECTOK));
    }
    Ok(())
}

#[test]
fn the_server_ends_a_connection_with_a_word_of_tls() -> Result<()> {
    let lab = Lab::new();
    let (daemon, _uri) = desk(serving(&lab.server()))?;
    let mut client = connect(&lab, &daemon);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the daemon reads");
    let mut answer = Vec::new();
    // Without that word this is an error.
    client.read_to_end(&mut answer).expect("an orderly end");
    assert!(answer.starts_with(b"PYRO"), "{answer:?}");
    Ok(())
}

#[test]
fn no_start_of_a_greeting_hurts_the_server() -> Result<()> {
    let lab = Lab::new();
    let (daemon, uri) = desk(serving(&lab.server()))?;
    let address = daemon.address().expect("a TCP port");
    let mut greeting = Vec::new();
    let mut client = connect(&lab, &daemon);
    client.conn.write_tls(&mut greeting).expect("memory");
    for end in 0..greeting.len() {
        let mut socket = TcpStream::connect(address).expect("the daemon listens");
        socket.write_all(&greeting[..end]).expect("the daemon reads");
    }
    for (index, flip) in (0..greeting.len()).zip([0x01, 0x80, 0xFF].into_iter().cycle()) {
        let mut socket = TcpStream::connect(address).expect("the daemon listens");
        let mut bytes = greeting.clone();
        bytes[index] ^= flip;
        socket.write_all(&bytes).expect("the daemon reads");
    }
    assert_eq!(call(&uri, lab.client())?, 42);
    Ok(())
}

#[test]
fn silent_clients_hold_up_nobody_and_are_sent_away() -> Result<()> {
    let lab = Lab::new();
    let config = serving(&lab.server())
        .threadpool_size_min(1usize)
        .threadpool_size(1usize);
    let (daemon, uri) = desk(config.tls_handshake_timeout(Duration::from_millis(200)))?;
    let address = daemon.address().expect("a TCP port");
    let silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(address).expect("the daemon listens"))
        .collect();
    assert_eq!(call(&uri, lab.client())?, 42);
    for mut socket in silent {
        match socket.read(&mut [0; 64]) {
            Ok(count) => assert_eq!(count, 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
    Ok(())
}
