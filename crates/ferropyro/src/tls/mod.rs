//! TLS: who the other end of an encrypted connection is (Pyro's `SSL` settings, manual chapter "Tips & Tricks", secure communication).
//!
//! Encryption is switched on with the setting [`Config::ssl`](crate::Config#structfield.ssl), on both sides. A server shows its [`Certificate`] to every client;
//! a client shows its own when the server demands one (`SSL_REQUIRECLIENTCERT`). What the certificate says is there to be looked at on both sides:
//! [`Context::peer_certificate`](crate::Context::peer_certificate) and [`ProxyBuilder::validate_certificate`](crate::ProxyBuilder::validate_certificate).

mod acceptor;
mod certificate;
mod explain;
mod files;
mod keys;
mod shared;
mod verify;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ServerConfig};

pub(crate) use acceptor::Acceptor;
pub use certificate::{Certificate, Name};
pub(crate) use explain::explain;

use crate::config::Config;
use crate::{Error, ErrorKind, Location, Result};
use verify::{ClientVerifier, ServerVerifier, Trust};

/// What a server needs to accept encrypted connections; `None` when SSL is off.
///
/// # Errors
/// `Value` when a file cannot be read or does not have in it what belongs there, with Pyro's texts where it has some.
fn acceptor(config: &Config) -> Result<Option<Arc<ServerConfig>>> {
    if !config.ssl {
        return Ok(None);
    }
    let Some(path) = &config.ssl_servercert else {
        let text = "SSL is on, and a server needs a certificate then: set SSL_SERVERCERT to its file";
        return Err(Error::new(ErrorKind::Value, text));
    };
    let (chain, key) = identity(
        path,
        config.ssl_serverkey.as_deref(),
        config.ssl_serverkeypasswd.reveal(),
        "SERVER",
    )?;
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match config.ssl_requireclientcert {
        true => builder.with_client_cert_verifier(Arc::new(ClientVerifier::new(client_trust(config)?, &provider))),
        // Nobody is asked for a certificate then, and what SSL_CACERTS says does not matter.
        false => builder.with_no_client_auth(),
    };
    let made = builder.with_single_cert(chain, key);
    Ok(Some(Arc::new(made.map_err(|error| unfit("SERVER", path, error))?)))
}

/// What a client needs to make encrypted connections; `None` when SSL is off.
///
/// # Errors
/// As for [`acceptor`].
pub(crate) fn connector(config: &Config) -> Result<Option<Arc<ClientConfig>>> {
    match config.ssl {
        true => shared::or_make(config, || client_config(config)).map(Some),
        false => Ok(None),
    }
}

fn client_config(config: &Config) -> Result<ClientConfig> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(server_trust(config)?, &provider)));
    let Some(path) = &config.ssl_clientcert else {
        return Ok(builder.with_no_client_auth());
    };
    let key = config.ssl_clientkey.as_deref();
    let (chain, key) = identity(path, key, config.ssl_clientkeypasswd.reveal(), "CLIENT")?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| unfit("CLIENT", path, error))
}

/// The name that the server's certificate must be for: the host that the client connects to; `localhost` for a Unix domain socket, whose server is on
/// this machine.
///
/// # Errors
/// `Communication` when the host is no name that a certificate could be for.
pub(crate) fn server_name(location: &Location) -> Result<ServerName<'static>> {
    let host = match location {
        Location::Tcp { host, .. } => host.as_str(),
        Location::Unix(_) => "localhost",
    };
    // The zone of an IPv6 address is a matter of this machine.
    let name = host.split_once('%').map_or(host, |(address, _)| address);
    ServerName::try_from(name.to_owned()).map_err(|error| {
        let text = format!("no certificate can be for the host '{host}': {error}");
        Error::new(ErrorKind::Communication, text).caused_by(error)
    })
}

/// The certificate of the other end.
///
/// # Errors
/// `Communication` when it cannot be read.
pub(crate) fn peer_certificate(chain: Option<&[CertificateDer<'static>]>) -> Result<Option<Arc<Certificate>>> {
    let leaf = chain.and_then(<[_]>::first);
    leaf.map(|leaf| Certificate::from_der(leaf).map(Arc::new)).transpose()
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The certificate of this program, with those that lead from it to an authority, and its key.
fn identity(
    path: &std::path::Path,
    key_path: Option<&std::path::Path>,
    password: &str,
    side: &str,
) -> Result<Identity> {
    let what = side.to_lowercase();
    let certificate = files::read(path, &format!("{what} cert"))?;
    let chain = certificate.certificates();
    if chain.is_empty() {
        let text = format!("there is no certificate in {} (a PEM file is wanted)", path.display());
        return Err(Error::new(ErrorKind::Value, text));
    }
    let key = match key_path {
        Some(path) => files::read(path, &format!("{what} key"))?,
        None => certificate,
    };
    let key = keys::private_key(&key, password, &format!("SSL_{side}KEY"))?;
    Ok((chain, key))
}

/// Whom a client trusts: SSL_CACERTS, and the authorities of the system, as in Python.
fn server_trust(config: &Config) -> Result<Trust> {
    let mut trust = Trust::of_the_system();
    if let Some(path) = &config.ssl_cacerts {
        trust.add(files::certificates(path)?);
    }
    Ok(trust)
}

/// Whom a server that demands certificates trusts: SSL_CACERTS only, as in Python.
fn client_trust(config: &Config) -> Result<Trust> {
    let Some(path) = &config.ssl_cacerts else {
        let text = "with SSL_REQUIRECLIENTCERT nobody could connect as long as SSL_CACERTS does not say whose certificates are trusted";
        return Err(Error::new(ErrorKind::Value, text));
    };
    let mut trust = Trust::nobody();
    trust.add(files::certificates(path)?);
    Ok(trust)
}

/// Ours, whatever the program has chosen for the rest of the process.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Value, format!("TLS cannot be used: {error}")).caused_by(error)
}

fn unfit(side: &str, path: &std::path::Path, error: rustls::Error) -> Error {
    let text = match &error {
        rustls::Error::InconsistentKeys(_) => "the private key is not that of the certificate".to_owned(),
        other => other.to_string(),
    };
    let text = format!("cannot use the certificate {} (SSL_{side}CERT): {text}", path.display());
    Error::new(ErrorKind::Value, text).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorities(name: &str) -> Config {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data/tls")
            .join(name);
        Config::default().ssl(true).ssl_cacerts(path)
    }

    #[test]
    fn clients_with_the_same_settings_share_what_they_need_as_long_as_one_of_them_is_there() -> Result<()> {
        let made = |config: &Config| connector(config).map(|made| made.expect("SSL is on"));
        let (one, other) = (authorities("rsa-cert.pem"), authorities("ec-cert.pem"));
        let first = made(&one)?;
        assert!(Arc::ptr_eq(&first, &made(&one)?));
        assert!(!Arc::ptr_eq(&first, &made(&other)?));
        let with_password = one.clone().ssl_clientkeypasswd("swordfish");
        assert!(!Arc::ptr_eq(&first, &made(&with_password)?));
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
        Ok(())
    }

    #[test]
    fn a_file_that_is_written_anew_in_a_folder_is_read_again() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
        let folder = std::env::temp_dir().join(format!("ferropyro-trusted-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("ca.pem");
        std::fs::write(&file, std::fs::read(data.join("rsa-cert.pem"))?)?;
        let config = Config::default().ssl(true).ssl_cacerts(folder.clone());
        let made = || connector(&config).map(|made| made.expect("SSL is on"));
        let first = made()?;
        assert!(Arc::ptr_eq(&first, &made()?));
        std::fs::write(&file, std::fs::read(data.join("ec-cert.pem"))?)?;
        let is_same = Arc::ptr_eq(&first, &made()?);
        std::fs::remove_dir_all(&folder)?;
        assert!(!is_same);
        Ok(())
    }

    #[test]
    fn a_certificate_is_for_the_host_alone() -> Result<()> {
        for (location, expected) in [
            (Location::tcp("localhost", 1), "localhost"),
            (Location::tcp("fe80::1%eth0", 1), "fe80::1"),
            (Location::unix("/run/desk.sock"), "localhost"),
        ] {
            assert_eq!(server_name(&location)?.to_str(), expected);
        }
        let error = server_name(&Location::tcp("not a host", 1)).expect_err("no name");
        assert!(
            error
                .message()
                .starts_with("no certificate can be for the host 'not a host'"),
            "{error}"
        );
        Ok(())
    }
}
