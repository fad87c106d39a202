//! What went wrong with TLS, in words that say what to do.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// The reason of an error of TLS behind an error of the stream; `None` when it is none.
pub(crate) fn explain(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Error>().map(reason)
}

fn reason(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented => "the other side has shown no certificate".to_owned(),
        Error::AlertReceived(alert) => from_the_peer(*alert),
        Error::InvalidMessage(_) => {
            "the other side does not speak TLS: it has SSL switched off, or is no Pyro server".to_owned()
        }
        other => other.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    let reason = match error {
        CertificateError::UnknownIssuer => {
            "it is signed by nobody that is trusted here: put the certificate of its authority, or this certificate itself, into SSL_CACERTS".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: are the clocks right?".to_owned()
        }
        CertificateError::NotValidForName => "it is for another host".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = match presented.is_empty() {
                true => "no other host either".to_owned(),
                false => presented.join(", "),
            };
            format!("it is not for {}, but for {presented}", expected.to_str())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it may not be used for this side of a connection (extended key usage)".to_owned()
        }
        CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "it is that of an authority (CA:TRUE): put this certificate itself into SSL_CACERTS to trust it".to_owned()
        }
        CertificateError::Other(other) => other.to_string(),
        other => other.to_string(),
    };
    format!("the certificate of the other side is refused: {reason}")
}

/// The other side has said why it goes.
fn from_the_peer(alert: AlertDescription) -> String {
    let reason = match alert {
        AlertDescription::CertificateRequired => "it demands a certificate: set SSL_CLIENTCERT".to_owned(),
        AlertDescription::UnknownCA => "it does not trust the authority of our certificate".to_owned(),
        AlertDescription::CertificateExpired => "our certificate has expired".to_owned(),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => "it does not accept our certificate".to_owned(),
        other => format!("{other:?}"),
    };
    format!("the other side refuses the connection: {reason}")
}
