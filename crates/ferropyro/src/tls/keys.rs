//! Private keys, with a password or without.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::PrivateKeyDer;

use super::files::{PemFile, Section};
use crate::{Error, ErrorKind, Result};

/// The first private key in a file. `setting` is the setting of the key's file; that of the password has `PASSWD` at the end.
pub(super) fn private_key(file: &PemFile, password: &str, setting: &str) -> Result<PrivateKeyDer<'static>> {
    let refused = |text: String| Error::new(ErrorKind::Value, text);
    let Some(section) = file
        .sections
        .iter()
        .find(|section| section.label.ends_with("PRIVATE KEY"))
    else {
        return Err(refused(format!(
            "there is no private key in {} ({setting}): PEM is wanted",
            file.name
        )));
    };
    if section.is_encrypted {
        return Err(refused(too_old(file)));
    }
    let der = section.der.as_deref().ok_or_else(|| unreadable(file))?;
    if section.label == "ENCRYPTED PRIVATE KEY" {
        return match password {
            "" => Err(refused(format!(
                "the private key in {} has a password: set {setting}PASSWD",
                file.name
            ))),
            _ => decrypt(der, password, file, setting),
        };
    }
    plain(section, der).ok_or_else(|| unreadable(file))
}

/// PKCS#8, PKCS#1 or SEC1.
fn plain(section: &Section, der: &[u8]) -> Option<PrivateKeyDer<'static>> {
    let der = der.to_vec();
    Some(match section.label.as_str() {
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(der.into()),
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(der.into()),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(der.into()),
        _ => return None,
    })
}

fn decrypt(der: &[u8], password: &str, file: &PemFile, setting: &str) -> Result<PrivateKeyDer<'static>> {
    use pkcs8::pkcs5::Error as Reason;
    let key = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|error| Error::new(ErrorKind::Value, too_old(file)).caused_by(error))?;
    let decrypted = key.decrypt(password).map_err(|error| {
        let text = match &error {
            pkcs8::Error::EncryptedPrivateKey(Reason::NoPbes1CryptSupport | Reason::UnsupportedAlgorithm { .. }) => {
                too_old(file)
            }
            _ => format!(
                "the private key in {} has another password than {setting}PASSWD",
                file.name
            ),
        };
        Error::new(ErrorKind::Value, text).caused_by(error)
    })?;
    Ok(PrivateKeyDer::Pkcs8(decrypted.as_bytes().to_vec().into()))
}

fn unreadable(file: &PemFile) -> Error {
    let text = format!(
        "the private key in {} cannot be read: it must be PKCS#8, PKCS#1 or SEC1, in PEM",
        file.name
    );
    Error::new(ErrorKind::Value, text)
}

fn too_old(file: &PemFile) -> String {
    format!(
        "the private key in {name} is encrypted in an old way that is not safe any more, or in an unknown one. This makes a new file of it, with the same password: \
         openssl pkcs8 -topk8 -v2 aes256 -in {name} -out {name}.new",
        name = file.name
    )
}
