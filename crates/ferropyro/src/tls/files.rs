//! PEM files: certificates and keys between lines of dashes.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::pki_types::CertificateDer;

use crate::{Error, ErrorKind, Result};

/// What is in a PEM file. What stands around its sections is comment.
pub(super) struct PemFile {
    pub(super) name: String,
    pub(super) sections: Vec<Section>,
}

/// What stands between two lines of dashes.
pub(super) struct Section {
    /// Such as `CERTIFICATE`.
    pub(super) label: String,
    /// Whether it starts with the lines of the old way of encryption (RFC 1421).
    pub(super) is_encrypted: bool,
    /// `None` when it is no base-64 text.
    pub(super) der: Option<Vec<u8>>,
}

impl PemFile {
    /// The certificates in the file, in their order.
    pub(super) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        let labels = ["CERTIFICATE", "X509 CERTIFICATE"];
        let sections = self
            .sections
            .iter()
            .filter(|section| labels.contains(&section.label.as_str()));
        sections
            .filter_map(|section| section.der.clone())
            .map(CertificateDer::from)
            .collect()
    }
}

/// Reads a file; `what` is what belongs there, as in Pyro's texts.
pub(super) fn read(path: &Path, what: &str) -> Result<PemFile> {
    let name = path.display().to_string();
    if !path.is_file() {
        return Err(Error::new(ErrorKind::Value, format!("{what} file not found")).with("file", name));
    }
    let bytes = fs::read(path).map_err(|error| {
        Error::new(ErrorKind::Value, format!("cannot read the {what} file {name}: {error}")).caused_by(error)
    })?;
    Ok(parse(name, &String::from_utf8_lossy(&bytes)))
}

/// The certificates of SSL_CACERTS: of a file, or of all files in a directory.
///
/// OpenSSL looks in a directory for names made of a hash only (`c_rehash`); they are found here as well as any others.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = match path.is_dir() {
        true => in_directory(path)?,
        false => read(path, "CA certs")?.certificates(),
    };
    match found.is_empty() {
        true => {
            let text = format!(
                "there is no certificate in {} (SSL_CACERTS): PEM is wanted",
                path.display()
            );
            Err(Error::new(ErrorKind::Value, text))
        }
        false => Ok(found),
    }
}

fn in_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let cannot = |error: std::io::Error| {
        let text = format!("cannot read the directory {} (SSL_CACERTS): {error}", path.display());
        Error::new(ErrorKind::Value, text).caused_by(error)
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_file() {
            found.extend(read(&path, "CA certs")?.certificates());
        }
    }
    // The same file may be there under its name and under its hash.
    found.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.dedup();
    Ok(found)
}

fn parse(name: String, text: &str) -> PemFile {
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some((label, body, after)) = next_section(rest) {
        sections.push(section(label, body));
        rest = after;
    }
    PemFile { name, sections }
}

/// The label and the body of the next section, and what comes after it.
fn next_section(text: &str) -> Option<(&str, &str, &str)> {
    let (_, begun) = text.split_once("-----BEGIN ")?;
    let (label, begun) = begun.split_once("-----")?;
    let (body, after) = begun.split_once(&format!("-----END {label}-----"))?;
    Some((label, body, after))
}

fn section(label: &str, body: &str) -> Section {
    // Lines with a colon are headers, with which only the old encryption comes.
    let (headers, lines): (Vec<&str>, Vec<&str>) = body.lines().partition(|line| line.contains(':'));
    let text: String = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    Section {
        label: label.to_owned(),
        is_encrypted: headers.iter().any(|line| line.contains("ENCRYPTED")),
        der: BASE64_STANDARD.decode(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_between_comments() {
        let text = "subject=me\n-----BEGIN CERTIFICATE-----\r\nAQID\r\n BAUG \r\n-----END CERTIFICATE-----\nissuer=you\n\
                    -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nBwgJ\n-----END RSA PRIVATE KEY-----\n\
                    -----BEGIN CERTIFICATE-----\nCg==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nCg==\n";
        let file = parse("a file".to_owned(), text);
        let labels: Vec<&str> = file.sections.iter().map(|section| section.label.as_str()).collect();
        assert_eq!(labels, ["CERTIFICATE", "RSA PRIVATE KEY", "CERTIFICATE"]);
        assert_eq!(
            file.certificates(),
            [
                CertificateDer::from(vec![1, 2, 3, 4, 5, 6]),
                CertificateDer::from(vec![10])
            ]
        );
        let encrypted: Vec<bool> = file.sections.iter().map(|section| section.is_encrypted).collect();
        assert_eq!(encrypted, [false, true, false]);
    }

    #[test]
    fn no_prefix_of_a_file_is_a_problem() {
        let text = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        for end in 0..text.len() {
            let whole = end >= text.len() - 1;
            assert_eq!(
                parse(String::new(), &text[..end]).certificates().len(),
                usize::from(whole),
                "{end}"
            );
        }
    }
}
