//! Whom to trust: rustls's own checks, and two things that Python's `ssl` does besides, which Pyro's users rely on.
//!
//! A certificate that is itself in SSL_CACERTS is trusted, though it is one of an authority and signed by nobody else (rustls refuses that); it must
//! still be valid now, and for the host. And a certificate without alternative names of hosts is for the host of its common name. That the peer has the
//! private key of its certificate is checked by rustls alone, in every case.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::certificate::{Certificate, Purpose};

/// The authorities and the single certificates that are trusted.
#[derive(Debug)]
pub(super) struct Trust {
    roots: RootCertStore,
    pinned: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(super) fn nobody() -> Trust {
        Trust {
            roots: RootCertStore::empty(),
            pinned: Vec::new(),
        }
    }

    /// The authorities of the operating system. They are read once.
    pub(super) fn of_the_system() -> Trust {
        static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
        let roots = ROOTS.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            // What cannot be read is nobody to trust.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        });
        Trust {
            roots: roots.clone(),
            pinned: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, certificates: Vec<CertificateDer<'static>>) {
        // One that cannot be an authority may still be that of the peer itself.
        self.roots.add_parsable_certificates(certificates.iter().cloned());
        self.pinned.extend(certificates);
    }

    /// Checks a certificate that is trusted by itself; `None` when it is not.
    fn check_pinned(&self, leaf: &CertificateDer<'_>, purpose: Purpose, now: UnixTime) -> Option<Result<(), Error>> {
        if !self.pinned.iter().any(|pinned| pinned == leaf) {
            return None;
        }
        let checked = read(leaf).and_then(|certificate| {
            check_time(&certificate, now)?;
            match certificate.is_for(purpose) {
                true => Ok(()),
                false => Err(CertificateError::InvalidPurpose.into()),
            }
        });
        Some(checked)
    }
}

/// An authority that has only the name of one that is trusted is not that one.
fn unknown(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => CertificateError::UnknownIssuer.into(),
        other => other,
    }
}

fn read(leaf: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding.into())
}

fn check_time(certificate: &Certificate, now: UnixTime) -> Result<(), Error> {
    let (from, until) = certificate.validity();
    if now < from {
        return Err(CertificateError::NotValidYetContext {
            time: now,
            not_before: from,
        }
        .into());
    }
    if now > until {
        return Err(CertificateError::ExpiredContext {
            time: now,
            not_after: until,
        }
        .into());
    }
    Ok(())
}

/// Judges servers.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerVerifier {
    pub(super) fn new(trust: Trust, provider: &CryptoProvider) -> ServerVerifier {
        ServerVerifier {
            trust,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        match self.trust.check_pinned(leaf, Purpose::Server, now) {
            Some(checked) => checked?,
            None => rustls::client::verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.trust.roots,
                intermediates,
                now,
                self.algorithms.all,
            )
            .map_err(unknown)?,
        }
        check_name(&parsed, leaf, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Checks whether a certificate is for a host: by its alternative names, or where these name no hosts, by its common name.
fn check_name(parsed: &ParsedCertificate<'_>, leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    let Err(error) = rustls::client::verify_server_name(parsed, name) else {
        return Ok(());
    };
    // An address must be among the alternative names.
    let ServerName::DnsName(host) = name else {
        return Err(error);
    };
    match read(leaf)?.is_for_common_name(host.as_ref()) {
        true => Ok(()),
        false => Err(error),
    }
}

/// Judges clients, every one of which must have a certificate.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    trust: Trust,
    /// `None` when there is no authority among those who are trusted.
    chains: Option<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientVerifier {
    pub(super) fn new(trust: Trust, provider: &Arc<CryptoProvider>) -> ClientVerifier {
        let roots = Arc::new(trust.roots.clone());
        let chains = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        ClientVerifier {
            trust,
            chains: chains.ok(),
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    /// None, as in Python: a client has one certificate, and shows that.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(checked) = self.trust.check_pinned(leaf, Purpose::Client, now) {
            return checked.map(|()| ClientCertVerified::assertion());
        }
        match &self.chains {
            Some(chains) => chains.verify_client_cert(leaf, intermediates, now).map_err(unknown),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
