//! Settings that cannot work say so at once, and in words that help; and the forms that private keys come in.

use std::path::PathBuf;

use ferropyro::{Config, Daemon, Error, Proxy, Result};

use super::lab::{Identity, Lab, call, desk, serving, trusting, with_identity};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls")).join(name)
}

fn no_daemon(config: Config) -> Error {
    Daemon::builder().config(config).bind().expect_err("no daemon")
}

fn no_proxy(config: Config) -> Error {
    Proxy::builder()
        .config(config)
        .build("PYRO:desk@localhost:1")
        .expect_err("no proxy")
}

#[test]
fn a_server_with_files_that_do_not_fit_does_not_start() {
    let lab = Lab::new();
    let (one, other) = (lab.server(), lab.server());
    let missing = PathBuf::from("/there/is/no/such.pem");
    let no_pem = lab.write("no.pem", "nothing");
    let demanding = serving(&one).ssl_requireclientcert(true);
    for (config, expected) in [
        (Config::default().ssl(true), "set SSL_SERVERCERT"),
        (
            serving(&one).ssl_servercert(missing.clone()),
            "server cert file not found; file: /there",
        ),
        (
            serving(&one).ssl_serverkey(missing.clone()),
            "server key file not found",
        ),
        (
            serving(&one).ssl_serverkey(other.key),
            "the private key is not that of the certificate",
        ),
        (
            serving(&one).ssl_servercert(no_pem.clone()),
            "there is no certificate in",
        ),
        (
            serving(&one).ssl_serverkey(no_pem.clone()),
            "there is no private key in",
        ),
        (
            Config::default().ssl(true).ssl_servercert(one.certificate.clone()),
            "there is no private key in",
        ),
        (demanding.clone(), "as long as SSL_CACERTS does not say"),
        (demanding.clone().ssl_cacerts(missing), "CA certs file not found"),
        (demanding.ssl_cacerts(no_pem), "there is no certificate in"),
    ] {
        let error = no_daemon(config).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_client_with_files_that_do_not_fit_is_not_made() {
    let lab = Lab::new();
    let (one, other) = (lab.server(), lab.server());
    let missing = PathBuf::from("/there/is/no/such.pem");
    for (config, expected) in [
        (trusting(&missing), "CA certs file not found"),
        (
            with_identity(lab.client(), &one).ssl_clientcert(missing.clone()),
            "client cert file not found",
        ),
        (
            with_identity(lab.client(), &one).ssl_clientkey(missing),
            "client key file not found",
        ),
        (
            with_identity(lab.client(), &one).ssl_clientkey(other.key),
            "the private key is not that of the certificate",
        ),
    ] {
        let error = no_proxy(config).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn private_keys_are_read_in_every_form_that_is_safe() -> Result<()> {
    for (certificate, key, password) in [
        ("rsa-cert.pem", "pkcs1.pem", ""),
        ("rsa-cert.pem", "pkcs8.pem", ""),
        ("rsa-cert.pem", "pkcs8.pem", "not needed"),
        ("ec-cert.pem", "sec1.pem", ""),
        ("rsa-cert.pem", "pbes2-aes256.pem", "swordfish"),
        ("rsa-cert.pem", "pbes2-aes128-sha1.pem", "swordfish"),
        ("rsa-cert.pem", "pbes2-3des-sha1.pem", "swordfish"),
        ("rsa-cert.pem", "pbes2-scrypt.pem", "swordfish"),
    ] {
        let identity = Identity {
            certificate: file(certificate),
            key: file(key),
        };
        let (_daemon, uri) = desk(serving(&identity).ssl_serverkeypasswd(password))?;
        assert_eq!(call(&uri, trusting(&identity.certificate))?, 42, "{key}");
    }
    Ok(())
}

#[test]
fn the_key_may_stand_in_the_file_of_the_certificate() -> Result<()> {
    let lab = Lab::new();
    let texts = ["rsa-cert.pem", "pbes2-aes256.pem"].map(|name| std::fs::read_to_string(file(name)).expect("a file"));
    for (name, order) in [("certificate-first.pem", [0, 1]), ("key-first.pem", [1, 0])] {
        let both = lab.write(name, &order.map(|index| texts[index].as_str()).concat());
        let config = Config::default().ssl(true).ssl_servercert(both.clone());
        let (_daemon, uri) = desk(config.ssl_serverkeypasswd("swordfish"))?;
        assert_eq!(call(&uri, trusting(&both))?, 42, "{name}");
    }
    Ok(())
}

#[test]
fn keys_that_cannot_be_read_name_the_remedy() {
    for (key, password, expected) in [
        ("pbes2-aes256.pem", "", "has a password: set SSL_SERVERKEYPASSWD"),
        (
            "pbes2-aes256.pem",
            "shark",
            "has another password than SSL_SERVERKEYPASSWD",
        ),
        ("pbes1-3des.pem", "swordfish", "openssl pkcs8 -topk8 -v2 aes256 -in "),
        ("old-aes256.pem", "swordfish", "openssl pkcs8 -topk8 -v2 aes256 -in "),
    ] {
        let identity = Identity {
            certificate: file("rsa-cert.pem"),
            key: file(key),
        };
        let error = no_daemon(serving(&identity).ssl_serverkeypasswd(password)).to_string();
        assert!(error.contains(expected) && error.contains(key), "{error}");
        assert!(password.is_empty() || !error.contains(password), "{error}");
    }
}
