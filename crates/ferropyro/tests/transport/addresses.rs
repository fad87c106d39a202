//! Where daemons listen, and how they are called.

use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ferropyro::{Config, Daemon, DaemonBuilder, ErrorKind, Location, Proxy, Result, RunningDaemon, Uri};

use crate::{Echo, server};

fn serve(builder: DaemonBuilder) -> Result<(RunningDaemon, Uri)> {
    let daemon = builder.bind()?;
    let uri = daemon.register("thing", Echo)?;
    Ok((daemon.start(), uri))
}

fn answers(location: Location) -> Result<()> {
    let proxy = Proxy::new(Uri::pyro("thing", location)?)?;
    assert_eq!(proxy.call::<i64>("echo", (42,))?, 42);
    Ok(())
}

/// A path that nobody else uses; the file is removed in the end.
struct Path(PathBuf);

impl Path {
    fn new(name: &str) -> Path {
        Path(std::env::temp_dir().join(format!("ferropyro-{name}-{}", std::process::id())))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

// Conformance: NAT-01, NAT-02
#[test]
fn clients_outside_are_told_the_external_address() -> Result<()> {
    let builder = server::daemon().nat_host("pyro.server.com").nat_port(5555);
    let (daemon, uri) = serve(builder)?;
    assert_eq!(uri.to_string(), "PYRO:thing@pyro.server.com:5555");
    let port = daemon.address().expect("a TCP port").port();
    let internal = format!("PYRO:thing@localhost:{port}");
    assert_eq!(daemon.uri_for("thing")?, uri);
    assert_eq!(daemon.internal_uri_for(&uri.object())?.to_string(), internal);
    assert_eq!(
        daemon.uri_for("nobody")?.to_string(),
        "PYRO:nobody@pyro.server.com:5555"
    );
    answers(daemon.location().clone())?;
    let thing = daemon.share(Echo)?;
    assert_eq!(thing.uri()?.host(), Some("pyro.server.com"));
    assert_eq!(thing.internal_uri()?.location(), Some(daemon.location()));
    thing.unregister();
    for gone in [thing.uri(), thing.internal_uri()] {
        let error = gone.expect_err("it is not registered any more");
        assert_eq!(error.kind(), ErrorKind::Daemon);
        assert_eq!(error.message(), "object isn't registered in this daemon");
    }
    Ok(())
}

// Conformance: NAT-01
#[test]
fn arguments_for_address_translation_that_make_no_sense_are_refused() {
    let refusal = |builder: DaemonBuilder| {
        let error = builder.bind().expect_err("it makes no sense");
        assert_eq!(error.kind(), ErrorKind::Value);
        error.message().to_owned()
    };
    for port in [0, 5555] {
        assert_eq!(
            refusal(Daemon::builder().nat_port(port)),
            "must provide natport with nathost"
        );
    }
    let unix = Daemon::builder().unix_socket("/tmp/x.sock");
    assert_eq!(
        refusal(unix.nat_host("ext")),
        "cannot use nathost together with unixsocket"
    );
    let unix = Daemon::builder().unix_socket("/tmp/x.sock");
    let config = Config::default().nathost("ext".to_owned());
    assert_eq!(
        refusal(unix.config(config)),
        "cannot use nathost together with unixsocket"
    );
}

// Conformance: NAT-01, NAT-05
#[test]
fn the_external_port_is_that_of_the_settings_or_the_one_that_is_bound() -> Result<()> {
    let port = |builder: DaemonBuilder| -> Result<_> {
        let daemon = builder.bind()?;
        let own = daemon.address().map(|address| address.port());
        Ok((daemon.uri_for("thing")?.port(), own))
    };
    let (external, own) = port(Daemon::builder().nat_host("ext").nat_port(0))?;
    assert_eq!(external, own);
    let (external, own) = port(Daemon::builder().nat_host("ext"))?;
    assert_eq!(external, own);
    let config = Config::default().nathost("ext".to_owned()).natport(5555_u16);
    assert_eq!(port(Daemon::builder().config(config.clone()))?.0, Some(5555));
    assert_eq!(port(Daemon::builder().config(config).nat_port(6666))?.0, Some(6666));
    // The port alone is nothing to complain about in a configuration.
    let config = Config::default().natport(5555_u16);
    let (external, own) = port(Daemon::builder().config(config))?;
    assert_eq!(external, own);
    if has_ipv6() {
        let (external, own) = port(Daemon::builder().host("::1").nat_host("ext").nat_port(0))?;
        assert_eq!(external, own);
    }
    Ok(())
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

// Conformance: IP6-01, IP6-02
#[test]
fn an_ipv6_address_stands_in_brackets_in_uris_and_without_them_elsewhere() -> Result<()> {
    if !has_ipv6() {
        return Ok(());
    }
    let (daemon, uri) = serve(server::daemon().host("::1"))?;
    let port = daemon.address().expect("a TCP port").port();
    assert_eq!(uri.to_string(), format!("PYRO:thing@[::1]:{port}"));
    assert_eq!(uri.host(), Some("::1"));
    answers(Location::tcp("::1", port))?;
    let taken = Daemon::builder()
        .host("::1")
        .port(port)
        .bind()
        .expect_err("it is taken");
    let text = format!("cannot listen on [::1]:{port}: ");
    assert!(taken.message().starts_with(&text), "{taken}");
    Ok(())
}

// Conformance: DNS-03
#[test]
fn all_interfaces_answer_and_the_operator_is_told_what_is_wrong_with_that() -> Result<()> {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&warnings);
    let builder = server::daemon().on_warning(move |text| {
        let text = text.to_owned();
        heard.lock().expect("no panic").push(text);
    });
    let (daemon, uri) = serve(builder.host("0.0.0.0"))?;
    let port = daemon.address().expect("a TCP port").port();
    assert_eq!(uri.to_string(), format!("PYRO:thing@0.0.0.0:{port}"));
    for host in ["127.0.0.1", "localhost"] {
        answers(Location::tcp(host, port))?;
    }
    if cfg!(target_os = "linux") {
        answers(Location::tcp("127.0.0.2", port))?;
    }
    let warnings = warnings.lock().expect("no panic");
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].contains("URIs contain 0.0.0.0") && warnings[0].contains("nathost"));
    assert!(warnings[1].contains("without TLS and without an HMAC key"));
    Ok(())
}

// Conformance: DNS-01
#[test]
fn a_name_that_nobody_knows_is_named() {
    let error = Daemon::builder()
        .host("no-such-host.invalid")
        .bind()
        .expect_err("nobody knows it");
    assert_eq!(error.kind(), ErrorKind::Communication);
    let text = "cannot listen on no-such-host.invalid:0: ";
    assert!(error.message().starts_with(text), "{error}");
    let proxy = Proxy::new("PYRO:thing@no-such-host.invalid:4711").expect("a proper URI");
    let error = proxy.bind().expect_err("nobody knows it");
    assert_eq!(error.kind(), ErrorKind::Communication);
    let text = "cannot connect to ('no-such-host.invalid', 4711): ";
    assert!(error.message().starts_with(text), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_needs_no_file() -> Result<()> {
    let name = format!("\0ferropyro-abstract-{}", std::process::id());
    let (daemon, uri) = serve(server::daemon().unix_socket(&name))?;
    assert_eq!(uri.to_string(), format!("PYRO:thing@./u:{name}"));
    answers(Location::unix(&name))?;
    let taken = Daemon::builder().unix_socket(&name).bind().expect_err("it is taken");
    assert_eq!(taken.kind(), ErrorKind::Communication);
    daemon.stop();
    // It is free at once.
    let (_daemon, _) = serve(server::daemon().unix_socket(&name))?;
    answers(Location::unix(&name))
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let path = Path::new("no-socket");
    std::fs::write(&path.0, "precious").expect("a file");
    let error = Daemon::builder()
        .unix_socket(path.text())
        .bind()
        .expect_err("a file is there");
    assert_eq!(error.kind(), ErrorKind::Communication);
    assert_eq!(std::fs::read(&path.0).expect("the file"), b"precious");
}

#[test]
fn the_socket_file_of_a_dead_server_is_replaced_and_that_of_a_live_one_is_not() -> Result<()> {
    let path = Path::new("dead");
    drop(UnixListener::bind(&path.0).expect("a socket"));
    let (_daemon, _) = serve(server::daemon().unix_socket(path.text()))?;
    assert!(Daemon::builder().unix_socket(path.text()).bind().is_err());
    answers(Location::unix(path.text()))
}

#[test]
fn a_path_that_is_too_long_is_told_the_limit() -> Result<()> {
    let path = format!("/tmp/{}", "x".repeat(200));
    let error = Daemon::builder().unix_socket(&path).bind().expect_err("too long");
    let text = "the path is too long: it has 205 bytes, and on this system a socket's path can have";
    assert!(error.message().contains(text), "{error}");
    let error = Proxy::new(Uri::pyro("thing", Location::unix(&path))?)?
        .bind()
        .expect_err("too long");
    assert!(error.message().contains(text), "{error}");
    Ok(())
}

#[test]
fn a_listening_socket_of_the_programs_own_stays_usable() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    for host in [None, Some("localhost")] {
        let own = listener.try_clone().expect("another handle");
        let builder = server::daemon().listener(own);
        let builder = match host {
            Some(host) => builder.host(host),
            None => builder,
        };
        let (daemon, uri) = serve(builder)?;
        assert_eq!(uri.host(), host.or(Some("127.0.0.1")));
        assert_eq!(uri.port(), Some(address.port()));
        answers(Location::tcp("127.0.0.1", address.port()))?;
        daemon.stop();
    }
    Ok(())
}

#[test]
fn a_listening_unix_socket_of_the_programs_own_keeps_its_file() -> Result<()> {
    let path = Path::new("own");
    let listener = UnixListener::bind(&path.0).expect("a socket");
    for _ in 0..2 {
        let own = listener.try_clone().expect("another handle");
        let (daemon, uri) = serve(server::daemon().listener(own))?;
        assert_eq!(uri.to_string(), format!("PYRO:thing@./u:{}", path.text()));
        answers(Location::unix(path.text()))?;
        daemon.stop();
        assert!(path.0.exists());
    }
    let refused = Daemon::builder().listener(listener).nat_host("ext").bind();
    let error = refused.expect_err("it makes no sense");
    assert_eq!(error.message(), "cannot use nathost together with unixsocket");
    Ok(())
}
