//! Whom to trust: rustls's own checks, and what Python's `ssl` does besides, which Pyro's users rely on.
//!
//! rustls takes any certificate that it is given for that of an authority, for all time. Here it is given those that say so (CA:TRUE) and are valid now.
//!
//! A certificate that is itself in SSL_CACERTS is trusted, though it is one of an authority and signed by nobody else (rustls refuses that); it must
//! still be valid now, and for the host. And a certificate without alternative names of hosts is for the host of its common name. That the peer has the
//! private key of its certificate is checked by rustls alone, in every case.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::certificate::{Certificate, Purpose};

/// The authorities and the single certificates that are trusted.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    authorities: Vec<Arc<Authority>>,
    pinned: Vec<CertificateDer<'static>>,
}

/// One whose signatures are trusted, while it is valid.
#[derive(Debug)]
struct Authority {
    anchor: TrustAnchor<'static>,
    certificate: Certificate,
}

impl Authority {
    /// `None` for a certificate that gives its holder no right to sign for others.
    fn of(der: &CertificateDer<'_>) -> Option<Arc<Authority>> {
        let certificate = Certificate::from_der(der).ok().filter(Certificate::is_authority)?;
        // rustls reads of it only the name, the key and the constraints.
        let mut store = RootCertStore::empty();
        store.add(der.clone()).ok()?;
        let anchor = store.roots.pop()?;
        Some(Arc::new(Authority { anchor, certificate }))
    }

    fn check_time(&self, now: UnixTime) -> Result<(), Error> {
        check_time(&self.certificate, now)
    }

    fn is_constrained(&self) -> bool {
        self.anchor.name_constraints.is_some() || self.certificate.has_name_constraints()
    }
}

impl Trust {
    pub(super) fn nobody() -> Trust {
        Trust {
            authorities: Vec::new(),
            pinned: Vec::new(),
        }
    }

    /// What the operating system trusts. It is read once.
    pub(super) fn of_the_system() -> Trust {
        static TRUST: OnceLock<Trust> = OnceLock::new();
        // What cannot be read is nobody to trust.
        let read = || Trust::in_store(rustls_native_certs::load_native_certs().certs);
        TRUST.get_or_init(read).clone()
    }

    /// The authorities among these certificates, and those that are no authorities for themselves.
    fn in_store(certificates: Vec<CertificateDer<'static>>) -> Trust {
        let mut trust = Trust::nobody();
        for certificate in certificates {
            match Authority::of(&certificate) {
                Some(authority) => trust.authorities.push(authority),
                None => trust.pinned.push(certificate),
            }
        }
        trust
    }

    pub(super) fn add(&mut self, certificates: Vec<CertificateDer<'static>>) {
        // One that is not that of an authority may still be that of the peer itself.
        self.authorities.extend(certificates.iter().filter_map(Authority::of));
        self.pinned.extend(certificates);
    }

    /// The authorities that are valid now.
    fn roots(&self, now: UnixTime) -> RootCertStore {
        self.authorities
            .iter()
            .filter(|authority| authority.check_time(now).is_ok())
            .map(|authority| authority.anchor.clone())
            .collect()
    }

    /// Those of them that may sign for any name.
    fn unconstrained_roots(&self, now: UnixTime) -> RootCertStore {
        self.authorities
            .iter()
            .filter(|authority| authority.check_time(now).is_ok() && !authority.is_constrained())
            .map(|authority| authority.anchor.clone())
            .collect()
    }

    /// Checks that a chain leads to an authority that is valid now; `verify` does so for the authorities that it is given.
    fn check_chain(&self, now: UnixTime, verify: impl Fn(RootCertStore) -> Result<(), Error>) -> Result<(), Error> {
        match verify(self.roots(now)).map_err(unknown) {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Err(self.why_unknown(now, verify)),
            checked => checked,
        }
    }

    /// Why none of the authorities that are valid now has signed a chain: one that is not valid has.
    fn why_unknown(&self, now: UnixTime, verify: impl Fn(RootCertStore) -> Result<(), Error>) -> Error {
        let mut invalid = self
            .authorities
            .iter()
            .filter_map(|authority| Some((authority, authority.check_time(now).err()?)));
        let signer =
            invalid.find(|(authority, _)| verify(RootCertStore::from_iter([authority.anchor.clone()])).is_ok());
        match signer {
            Some((authority, error)) => CertificateError::Other(OtherError(Arc::new(InvalidAuthority {
                name: authority.certificate.subject().to_string(),
                is_expired: matches!(
                    error,
                    Error::InvalidCertificate(CertificateError::ExpiredContext { .. })
                ),
            })))
            .into(),
            None => CertificateError::UnknownIssuer.into(),
        }
    }

    fn is_pinned(&self, leaf: &CertificateDer<'_>) -> bool {
        self.pinned.iter().any(|pinned| pinned == leaf)
    }

    /// Checks a certificate that is trusted by itself; `None` when it is not.
    fn check_pinned(&self, leaf: &CertificateDer<'_>, purpose: Purpose, now: UnixTime) -> Option<Result<(), Error>> {
        if !self.is_pinned(leaf) {
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

/// The certificate is signed by an authority that is trusted, but not now.
#[derive(Debug)]
struct InvalidAuthority {
    name: String,
    is_expired: bool,
}

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.is_expired {
            true => "has expired",
            false => "is not valid yet (are the clocks right?)",
        };
        write!(f, "the certificate of its authority ({}) {state}", self.name)
    }
}

impl std::error::Error for InvalidAuthority {}

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
            None => {
                let verify = |roots| self.verify_chain(&parsed, &roots, intermediates, now);
                self.trust.check_chain(now, verify)?;
            }
        }
        let Err(error) = rustls::client::verify_server_name(&parsed, name) else {
            return Ok(ServerCertVerified::assertion());
        };
        let is_for_name = is_for_common_name(leaf, name)?
            && (self.trust.is_pinned(leaf) || self.is_signed_without_constraints(&parsed, intermediates, now));
        match is_for_name {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(error),
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

impl ServerVerifier {
    fn verify_chain(
        &self,
        leaf: &ParsedCertificate<'_>,
        roots: &RootCertStore,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        rustls::client::verify_server_cert_signed_by_trust_anchor(leaf, roots, intermediates, now, self.algorithms.all)
    }

    /// Whether there is a chain in which nobody is restricted to some names. These restrictions (name constraints) are checked for alternative names
    /// only, so that a common name would get around them.
    fn is_signed_without_constraints(
        &self,
        leaf: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        let is_free = |der: &CertificateDer<'_>| read(der).is_ok_and(|authority| !authority.has_name_constraints());
        let intermediates: Vec<_> = intermediates.iter().filter(|der| is_free(der)).cloned().collect();
        let roots = self.trust.unconstrained_roots(now);
        self.verify_chain(leaf, &roots, &intermediates, now).is_ok()
    }
}

/// Whether a certificate without alternative names of hosts is for this one by its common name. An address must be among the alternative names.
fn is_for_common_name(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<bool, Error> {
    match name {
        ServerName::DnsName(host) => Ok(read(leaf)?.is_for_common_name(host.as_ref())),
        _ => Ok(false),
    }
}

/// Judges clients, every one of which must have a certificate.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientVerifier {
    pub(super) fn new(trust: Trust, provider: &Arc<CryptoProvider>) -> ClientVerifier {
        ClientVerifier {
            trust,
            provider: Arc::clone(provider),
            algorithms: provider.signature_verification_algorithms,
        }
    }

    fn verify_chain(
        &self,
        leaf: &CertificateDer<'_>,
        roots: RootCertStore,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let provider = Arc::clone(&self.provider);
        match WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() {
            Ok(verifier) => verifier.verify_client_cert(leaf, intermediates, now).map(drop),
            // It wants at least one authority.
            Err(_) => Err(CertificateError::UnknownIssuer.into()),
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
        let verify = |roots| self.verify_chain(leaf, roots, intermediates, now);
        self.trust.check_chain(now, verify)?;
        Ok(ClientCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::files;

    #[test]
    fn a_store_has_authorities_and_certificates_that_are_trusted_for_themselves() -> crate::Result<()> {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
        let [root, leaf] = ["v1-root.pem", "v1-leaf.pem"].map(|name| files::certificates(&data.join(name)));
        let (root, leaf) = (root?, leaf?);
        let trust = Trust::in_store([root, leaf.clone()].concat());
        assert_eq!(trust.authorities.len(), 1);
        assert_eq!(trust.pinned, leaf);
        Ok(())
    }
}
