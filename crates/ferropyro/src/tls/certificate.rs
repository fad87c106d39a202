//! What a certificate says.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use x509_cert::der::asn1::Any;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::{TbsCertificate, Version};

use crate::{Error, ErrorKind, Result};

/// A certificate: who the other end of an encrypted connection is, and who says so. What is in it was checked when the connection was made: it is
/// signed by somebody that is trusted, valid at that time, and a server's is for the host that the client connected to.
///
/// Its parts have the names and forms that Python's `ssl.SSLSocket.getpeercert()` gives them.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    subject: Name,
    issuer: Name,
    serial_number: String,
    not_before: Duration,
    not_after: Duration,
    alternative_names: Vec<(&'static str, String)>,
    /// `None` when it may be used for anything.
    purposes: Option<Vec<ObjectIdentifier>>,
    is_authority: bool,
    has_name_constraints: bool,
}

/// A distinguished name, such as that of the subject of a certificate: attributes in their order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Name(Vec<(String, String)>);

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Certificate {
    /// Reads a certificate in its binary form (DER). Nothing is checked about it.
    ///
    /// # Errors
    /// `Communication` when it is no certificate.
    pub fn from_der(der: &[u8]) -> Result<Certificate> {
        parse(der).map_err(|error| {
            Error::new(
                ErrorKind::Communication,
                format!("the certificate cannot be read: {error}"),
            )
            .caused_by(error)
        })
    }

    /// The certificate in its binary form, such as a fingerprint is made from.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose certificate this is.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Who has signed it.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// The number that the issuer has given it, in upper case hexadecimal digits: `63B5A2EE22E04C6F`.
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// The time from which it is valid.
    pub fn not_before(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.not_before
    }

    /// The time until which it is valid.
    pub fn not_after(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.not_after
    }

    /// Other names of the subject, each after what it is: `DNS`, `IP Address`, `email` or `URI`. A server's hosts are among them.
    pub fn subject_alt_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.alternative_names.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    pub(super) fn validity(&self) -> (UnixTime, UnixTime) {
        (
            UnixTime::since_unix_epoch(self.not_before),
            UnixTime::since_unix_epoch(self.not_after),
        )
    }

    /// Whether the issuer allows to show it for this.
    pub(super) fn is_for(&self, purpose: Purpose) -> bool {
        let wanted = match purpose {
            Purpose::Server => SERVER_AUTH,
            Purpose::Client => CLIENT_AUTH,
        };
        self.purposes.as_ref().is_none_or(|allowed| allowed.contains(&wanted))
    }

    /// Whether its holder may sign certificates of others. OpenSSL's rules: it says CA:TRUE, and if it says what its key is for, then also for that; of
    /// version 1, which cannot say so, are only those that are signed by themselves.
    pub(super) fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// Whether it is that of an authority that may only sign for some names.
    pub(super) fn has_name_constraints(&self) -> bool {
        self.has_name_constraints
    }

    /// Whether it is for this host by its common name, which counts only where there are no alternative names of hosts.
    pub(super) fn is_for_common_name(&self, host: &str) -> bool {
        let has_hosts = self.alternative_names.iter().any(|(kind, _)| *kind == DNS);
        let mut names = self.subject.0.iter().filter(|(attribute, _)| attribute == COMMON_NAME);
        !has_hosts && names.any(|(_, name)| matches(name, host))
    }
}

impl Name {
    /// The value of the first attribute of this name: `commonName`, `organizationName`, `organizationalUnitName`, `countryName`, `localityName`,
    /// `stateOrProvinceName`, `emailAddress` and so on.
    pub fn get(&self, attribute: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }

    /// All attributes with their values. One that has no name of its own here is called by its number.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// As in `countryName=NL, organizationName=Razorvine.net, commonName=localhost`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", value.escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial_number", &self.serial_number)
            .finish_non_exhaustive()
    }
}

const DNS: &str = "DNS";
const COMMON_NAME: &str = "commonName";

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

/// The long names that OpenSSL has for attributes.
const ATTRIBUTES: &[(ObjectIdentifier, &str)] = &[
    (ObjectIdentifier::new_unwrap("2.5.4.3"), COMMON_NAME),
    (ObjectIdentifier::new_unwrap("2.5.4.4"), "surname"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "countryName"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "localityName"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "stateOrProvinceName"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "streetAddress"),
    (ObjectIdentifier::new_unwrap("2.5.4.10"), "organizationName"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "organizationalUnitName"),
    (ObjectIdentifier::new_unwrap("2.5.4.12"), "title"),
    (ObjectIdentifier::new_unwrap("2.5.4.13"), "description"),
    (ObjectIdentifier::new_unwrap("2.5.4.17"), "postalCode"),
    (ObjectIdentifier::new_unwrap("2.5.4.41"), "name"),
    (ObjectIdentifier::new_unwrap("2.5.4.42"), "givenName"),
    (ObjectIdentifier::new_unwrap("2.5.4.43"), "initials"),
    (ObjectIdentifier::new_unwrap("2.5.4.44"), "generationQualifier"),
    (ObjectIdentifier::new_unwrap("2.5.4.46"), "dnQualifier"),
    (ObjectIdentifier::new_unwrap("2.5.4.65"), "pseudonym"),
    (ObjectIdentifier::new_unwrap("2.5.4.97"), "organizationIdentifier"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "userId"),
    (
        ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"),
        "domainComponent",
    ),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
];

fn parse(der: &[u8]) -> x509_cert::der::Result<Certificate> {
    let parsed = x509_cert::Certificate::from_der(der)?;
    let content = parsed.tbs_certificate();
    let validity = content.validity();
    let alternatives = content.get_extension::<SubjectAltName>()?;
    let purposes = content.get_extension::<ExtendedKeyUsage>()?;
    Ok(Certificate {
        der: der.to_vec(),
        subject: name(content.subject()),
        issuer: name(content.issuer()),
        serial_number: hexadecimal(content.serial_number().as_bytes()),
        not_before: validity.not_before.to_unix_duration(),
        not_after: validity.not_after.to_unix_duration(),
        alternative_names: alternatives.map_or_else(Vec::new, |(_, names)| {
            names.0.iter().filter_map(alternative_name).collect()
        }),
        purposes: purposes.map(|(_, usage)| usage.0),
        // What cannot be read gives no right to sign; the certificate itself may still be good.
        is_authority: is_authority(content).unwrap_or(false),
        has_name_constraints: has_extension(content, NAME_CONSTRAINTS),
    })
}

fn is_authority(content: &TbsCertificate) -> x509_cert::der::Result<bool> {
    let usage = content.get_extension::<KeyUsage>()?;
    if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
        return Ok(false);
    }
    Ok(match content.get_extension::<BasicConstraints>()? {
        Some((_, constraints)) => constraints.ca,
        None => content.version() == Version::V1 && content.subject() == content.issuer(),
    })
}

fn has_extension(content: &TbsCertificate, id: ObjectIdentifier) -> bool {
    let extensions = content.extensions().into_iter().flatten();
    extensions.into_iter().any(|extension| extension.extn_id == id)
}

fn name(name: &x509_cert::name::Name) -> Name {
    let attribute = |oid: &ObjectIdentifier| match ATTRIBUTES.iter().find(|(known, _)| known == oid) {
        Some((_, name)) => (*name).to_owned(),
        None => oid.to_string(),
    };
    Name(
        name.iter()
            .map(|part| (attribute(&part.oid), text(&part.value)))
            .collect(),
    )
}

/// The text of an attribute, whichever of the kinds of text of ASN.1 it is.
fn text(value: &Any) -> String {
    let bytes = value.value();
    match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16_lossy(&units)
        }
        Tag::TeletexString => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn alternative_name(name: &GeneralName) -> Option<(&'static str, String)> {
    match name {
        GeneralName::DnsName(name) => Some((DNS, name.to_string())),
        GeneralName::Rfc822Name(name) => Some(("email", name.to_string())),
        GeneralName::UniformResourceIdentifier(name) => Some(("URI", name.to_string())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            Some(("IP Address", address.ok()?.to_string()))
        }
        _ => None,
    }
}

/// As Python shows a serial number.
fn hexadecimal(bytes: &[u8]) -> String {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let mut text = String::new();
    for byte in bytes.get(significant..).unwrap_or_default() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    match text.is_empty() {
        true => "00".to_owned(),
        false => text,
    }
}

/// Whether a name in a certificate is that of a host. Its first label may be `*`, which stands for one label; not for a whole domain such as `*.com`.
fn matches(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            let rest = host.split_once('.').filter(|(label, _)| !label.is_empty());
            domain.contains('.') && rest.is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain))
        }
        None => !pattern.is_empty() && pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_compared_as_openssl_does() {
        for (pattern, host, expected) in [
            ("localhost", "LocalHost", true),
            ("localhost", "localhost.", true),
            ("localhost", "otherhost", false),
            ("", "", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.com", "example.com", false),
            ("w*.example.com", "www.example.com", false),
            ("*", "localhost", false),
        ] {
            assert_eq!(matches(pattern, host), expected, "{pattern} for {host}");
        }
    }

    #[test]
    fn serial_numbers_are_written_as_in_python() {
        assert_eq!(hexadecimal(&[0, 0x0A, 0xFF]), "0AFF");
        assert_eq!(hexadecimal(&[0]), "00");
    }
}
