//! Certificates: those of this program's own settings, and the one that a server has shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferropyro::tls::Certificate;
use ferropyro::{Config, Location, Uri};

use super::means::Means;
use super::report::{Check, Subject};

const FILES: Subject = Subject::new("tls.files", "Certificates in the settings");

/// A certificate that ends sooner should be replaced now.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whether a certificate can be used now, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    Good { days: u64 },
    EndsSoon { days: u64 },
    Expired,
    NotYet,
}

impl Validity {
    pub(super) fn of(certificate: &Certificate) -> Validity {
        Validity::at(SystemTime::now(), certificate.not_before(), certificate.not_after())
    }

    fn at(now: SystemTime, from: SystemTime, until: SystemTime) -> Validity {
        if now < from {
            return Validity::NotYet;
        }
        match until.duration_since(now) {
            Err(_) => Validity::Expired,
            Ok(left) => {
                let days = left.as_secs() / (24 * 3600);
                match left < SOON {
                    true => Validity::EndsSoon { days },
                    false => Validity::Good { days },
                }
            }
        }
    }

    fn text(self) -> String {
        match self {
            Validity::Good { days } | Validity::EndsSoon { days } => format!("valid for another {days} days"),
            Validity::Expired => "expired".to_owned(),
            Validity::NotYet => "not valid yet: is the clock right?".to_owned(),
        }
    }
}

/// A certificate in a line.
pub(super) fn described(certificate: &Certificate) -> String {
    format!(
        "{}, until {}, {}",
        certificate.subject(),
        date(certificate.not_after()),
        Validity::of(certificate).text()
    )
}

fn date(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        // No certificate reaches so far.
        Err(_) => "a time out of range".to_owned(),
    }
}

/// Whether what the settings name can be used; `None` when there is nothing of TLS in them.
pub(super) fn files(means: &Means) -> Option<Check> {
    let config = &means.config;
    let named = named(config);
    if !config.ssl && named.is_empty() {
        return None;
    }
    if !config.ssl {
        let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
        return Some(FILES.warning(
            format!("{} set, but SSL is off", names.join(", ")),
            "Connections are in the clear: set PYRO_SSL=1 if they shall be encrypted.",
        ));
    }
    let mut found = Vec::new();
    for (name, path) in &named {
        match certificates(path) {
            Ok(certificates) => found.extend(certificates.into_iter().map(|certificate| (*name, certificate))),
            Err(reason) => {
                let text = format!("{name}: {}: {reason}", path.display());
                return Some(FILES.failed(
                    text,
                    "Set it to the file of a certificate (PEM); `ferropyro cert` makes some.",
                ));
            }
        }
    }
    // Making a proxy reads the client's files; it does not connect.
    let unusable = Uri::pyro("x", Location::tcp("localhost", 1))
        .ok()
        .and_then(|uri| means.proxy(uri, Some(ferropyro::Serializer::Serpent)).err());
    Some(match unusable {
        Some(error) => FILES.failed(
            error.to_string(),
            "Set the variable to the right file; `ferropyro cert` makes certificates with the settings for them.",
        ),
        None => judge(&found),
    })
}

fn judge(found: &[(&str, Certificate)]) -> Check {
    let line = |(name, certificate): &(&str, Certificate)| format!("{name}: {}", described(certificate));
    let with = |wanted: fn(Validity) -> bool| found.iter().find(|(_, certificate)| wanted(Validity::of(certificate)));
    let renew =
        "Make a new one (`ferropyro cert`), put it in the place of the old, and start the servers that use it again.";
    let check = if let Some(bad) = with(|validity| matches!(validity, Validity::Expired | Validity::NotYet)) {
        FILES.failed(line(bad), renew)
    } else if let Some(old) = with(|validity| matches!(validity, Validity::EndsSoon { .. })) {
        FILES.warning(line(old), renew)
    } else {
        FILES.ok(match found.len() {
            0 => "SSL is on; the authorities of the system are trusted".to_owned(),
            count => format!("SSL is on; certificates: {count}, all valid"),
        })
    };
    check.facts("certificate", found.iter().map(line))
}

/// The settings that name certificates, as far as they are set.
fn named(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let all = [
        ("SSL_SERVERCERT", &config.ssl_servercert),
        ("SSL_CLIENTCERT", &config.ssl_clientcert),
        ("SSL_CACERTS", &config.ssl_cacerts),
    ];
    all.into_iter()
        .filter_map(|(name, path)| Some((name, path.clone()?)))
        .collect()
}

/// The certificates in a file, or in the files of a folder.
fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    if !path.is_dir() {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let found = from_pem(&text)?;
        return match found.is_empty() {
            true => Err("there is no certificate in it".to_owned()),
            false => Ok(found),
        };
    }
    let entries = fs::read_dir(path).map_err(|error| error.to_string())?;
    // In a folder there may be other files beside them.
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    Ok(texts.flat_map(|text| from_pem(&text).unwrap_or_default()).collect())
}

fn from_pem(text: &str) -> Result<Vec<Certificate>, String> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let read = |block: &str| {
        let body: String = block
            .split("-----END")
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let der = STANDARD
            .decode(body)
            .map_err(|error| format!("the certificate cannot be read: {error}"))?;
        Certificate::from_der(&der).map_err(|error| error.to_string())
    };
    blocks.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_ends_within_thirty_days_is_warned_of() {
        let day = Duration::from_secs(24 * 3600);
        let from = SystemTime::UNIX_EPOCH;
        let until = from + day * 100;
        let at = |days: u32| Validity::at(from + day * days, from, until);
        assert_eq!(at(1), Validity::Good { days: 99 });
        assert_eq!(at(70), Validity::Good { days: 30 });
        assert_eq!(at(71), Validity::EndsSoon { days: 29 });
        assert_eq!(at(101), Validity::Expired);
        assert_eq!(Validity::at(from, from + day, until), Validity::NotYet);
    }

    #[test]
    fn what_is_no_certificate_is_an_error_and_no_panic() {
        assert_eq!(from_pem("").map(|found| found.len()), Ok(0));
        for text in [
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        ] {
            assert!(from_pem(text).is_err(), "{text}");
        }
    }
}
