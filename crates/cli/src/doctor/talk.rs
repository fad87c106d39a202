//! The conversation at the end of the way: what it says about encryption, key, serializer and handshake.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ferropyro::tls::Certificate;
use ferropyro::{DAEMON_ID, Dialect, Error, ErrorKind, Location, Result, Serializer, Uri};

use super::cause::Cause;
use super::means::{Means, milliseconds, shown, within};
use super::report::{Check, Subject};
use super::road::Names;
use super::tls::{self, Validity};
use crate::probe::Finding;

/// A conversation with a server, whose object for everybody it is that answers.
#[derive(Debug)]
pub(super) struct Talk {
    outcome: Result<(Dialect, Duration)>,
    /// What the server has shown, if it came so far.
    certificate: Option<Certificate>,
}

impl Talk {
    pub(super) fn hold(means: &Means, location: &Location, serializer: Option<Serializer>) -> Talk {
        let shown = Arc::new(Mutex::new(None));
        let (means_, location, seen) = (means.clone(), location.clone(), Arc::clone(&shown));
        let answered = within(means.patience(), move || greet(&means_, location, serializer, &seen));
        let late = || Err(Error::new(ErrorKind::Timeout, "no answer in time to the greeting"));
        let certificate = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        Talk {
            outcome: answered.unwrap_or_else(late),
            certificate,
        }
    }
}

fn greet(
    means: &Means,
    location: Location,
    serializer: Option<Serializer>,
    seen: &Arc<Mutex<Option<Certificate>>>,
) -> Result<(Dialect, Duration)> {
    let mut builder = means.builder(serializer);
    if means.config.ssl {
        let seen = Arc::clone(seen);
        builder = builder.validate_certificate(move |certificate| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.clone());
            Ok(())
        });
    }
    let daemon = builder.build(Uri::pyro(DAEMON_ID, location)?)?;
    // The first call connects, the second one shows how long a call takes.
    daemon.call::<()>("ping", ())?;
    let start = Instant::now();
    daemon.call::<()>("ping", ())?;
    Ok((daemon.dialect()?, start.elapsed()))
}

/// What the conversation says about encryption, key, serializer and handshake.
pub(super) fn judge_talk(
    names: &Names,
    means: &Means,
    location: &Location,
    finding: &Finding,
    talk: Talk,
    serializer: &mut Option<Serializer>,
) -> Vec<Check> {
    let cause = talk.outcome.as_ref().err().map(|error| means.cause(error));
    let mut checks = Vec::new();
    checks.extend(judge_tls(names, means, finding, &talk, cause));
    if cause == Some(Cause::Tls) || (!means.config.ssl && finding.is_tls()) {
        checks.extend([names.key, names.serializer, names.handshake].map(|step| step.skipped(after(names.tls))));
        return checks;
    }
    checks.push(judge_key(names, means, &talk, cause));
    if cause == Some(Cause::Key) {
        checks.extend([names.serializer, names.handshake].map(|step| step.skipped(after(names.key))));
        return checks;
    }
    let configured = means.config.serializer;
    let others = Serialization::of(means, location, configured, &talk, cause);
    *serializer = others.usable(configured);
    checks.push(others.judge(names, means));
    checks.push(match (&talk.outcome, cause) {
        (Ok((dialect, time)), _) => names
            .handshake
            .ok(format!("{dialect}, a call takes {}", shown(*time)))
            .fact("protocol", dialect.version())
            .fact("round_trip_ms", milliseconds(*time)),
        (Err(_), Some(Cause::Serializer)) => names.handshake.skipped(after(names.serializer)),
        (Err(error), cause) => {
            let remedy = cause.unwrap_or(Cause::Other).remedy(&location.to_string());
            names.handshake.failed(error.to_string(), remedy)
        }
    });
    checks
}

fn after(step: Subject) -> String {
    format!("see {}", step.id())
}

/// `None` when neither side has anything to do with TLS.
fn judge_tls(names: &Names, means: &Means, finding: &Finding, talk: &Talk, cause: Option<Cause>) -> Option<Check> {
    let is_wanted = finding.is_tls() || cause == Some(Cause::Tls);
    if !means.config.ssl {
        return is_wanted.then(|| {
            names.tls.failed(
                "the server takes encrypted connections only, and SSL is off here",
                "Set PYRO_SSL=1, and PYRO_SSL_CACERTS to the certificate of the server's authority.",
            )
        });
    }
    Some(match (&talk.outcome, &talk.certificate) {
        (Err(error), _) if cause == Some(Cause::Tls) => {
            names.tls.failed(error.to_string(), tls_remedy(&error.to_string()))
        }
        (_, Some(certificate)) => judge_certificate(names, certificate),
        _ => names.tls.skipped(after(names.handshake)),
    })
}

fn judge_certificate(names: &Names, certificate: &Certificate) -> Check {
    let found = tls::described(certificate);
    let check = match Validity::of(certificate) {
        Validity::Good { .. } => names.tls.ok(found),
        _ => names.tls.warning(
            found,
            "Make a new certificate for the server (`ferropyro cert server`), and start it again with that.",
        ),
    };
    check
        .fact("subject", certificate.subject().to_string())
        .fact("issuer", certificate.issuer().to_string())
        .facts("name", certificate.subject_alt_names().map(|(_, name)| name))
}

fn tls_remedy(text: &str) -> String {
    let remedies = [
        (
            "has expired",
            "Make a new certificate (`ferropyro cert`), and start the server again with it.",
        ),
        (
            "it is not for",
            "Use a host in the URI that the certificate is for, or make one for this host: `ferropyro cert server FOLDER HOST...`.",
        ),
        (
            "signed by nobody",
            "Set PYRO_SSL_CACERTS to the certificate of the server's authority (`ca.pem` of `ferropyro cert`).",
        ),
        (
            "does not speak TLS",
            "Switch SSL on at the server (PYRO_SSL=1, SSL_SERVERCERT), or off here.",
        ),
        (
            "it demands a certificate",
            "Set PYRO_SSL_CLIENTCERT and PYRO_SSL_CLIENTKEY: `ferropyro cert client` makes them.",
        ),
    ];
    let found = remedies.iter().find(|(part, _)| text.contains(part));
    found.map_or_else(|| Cause::Tls.remedy(""), |(_, remedy)| (*remedy).to_owned())
}

fn judge_key(names: &Names, means: &Means, talk: &Talk, cause: Option<Cause>) -> Check {
    match (&talk.outcome, means.hmac_key.is_some(), cause) {
        (Ok(_), true, _) => names.key.ok("the key in PYRO_HMAC_KEY is the right one"),
        (Ok(_), false, _) => names.key.ok("none is wanted"),
        (Err(error), true, Some(Cause::Key)) => names.key.failed(
            format!("the key in PYRO_HMAC_KEY does not fit: {error}"),
            "The server has another key, or none: give both sides the same, or unset PYRO_HMAC_KEY here. Pyro5 has no keys.",
        ),
        (Err(error), false, Some(Cause::Key)) => names.key.failed(
            format!("the server wants a key, and there is none here: {error}"),
            "Set PYRO_HMAC_KEY to the key of the server (its `-k` or PYRO_HMAC_KEY, `_pyroHmacKey` in Python).",
        ),
        // A serializer is looked at after the signature.
        (Err(_), _, Some(Cause::Serializer)) => names.key.ok("it is not what the server refuses"),
        (Err(_), true, _) => names.key.skipped("there was no conversation in which to try it"),
        (Err(_), false, _) => names.key.skipped("none is set, and there was no conversation"),
    }
}

/// Those that both generations have. A server is not asked whether it would take pickles, but for who is set to use them.
const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Json,
    Serializer::Marshal,
    Serializer::Msgpack,
];

/// Which serializers a server takes.
struct Serialization {
    accepted: Vec<Serializer>,
    refusal: Option<Error>,
    /// Whether anything was found out.
    is_known: bool,
}

impl Serialization {
    fn of(
        means: &Means,
        location: &Location,
        configured: Serializer,
        talk: &Talk,
        cause: Option<Cause>,
    ) -> Serialization {
        let refusal = talk
            .outcome
            .as_ref()
            .err()
            .filter(|_| cause == Some(Cause::Serializer))
            .cloned();
        let is_known = talk.outcome.is_ok() || refusal.is_some();
        let mut accepted = Vec::new();
        let pickle = Some(configured).filter(|serializer| serializer.is_pickle());
        for serializer in SERIALIZERS.into_iter().chain(pickle).filter(|_| is_known) {
            let works = match serializer == configured {
                true => talk.outcome.is_ok(),
                false => Talk::hold(means, location, Some(serializer)).outcome.is_ok(),
            };
            accepted.extend(works.then_some(serializer));
        }
        Serialization {
            accepted,
            refusal,
            is_known,
        }
    }

    /// The configured one, if it is accepted; else the first that is.
    fn usable(&self, configured: Serializer) -> Option<Serializer> {
        let own = Some(configured).filter(|serializer| self.accepted.contains(serializer));
        own.or_else(|| self.accepted.first().copied())
    }

    fn judge(&self, names: &Names, means: &Means) -> Check {
        let own = means.config.serializer;
        if !self.is_known {
            return names.serializer.skipped(after(names.handshake));
        }
        let accepted: Vec<&str> = self.accepted.iter().map(|serializer| serializer.name()).collect();
        let list = accepted.join(", ");
        let check = match &self.refusal {
            None => names.serializer.ok(format!("{own} is accepted (SERIALIZER)")),
            Some(error) if own.is_pickle() => names.serializer.failed(
                format!("{own} (SERIALIZER) is refused, for it can execute code in Python programs: {error}"),
                format!("Set PYRO_SERIALIZER to one of those that the server accepts: {list}."),
            ),
            Some(error) => {
                let remedy = match accepted.first() {
                    Some(first) => format!(
                        "Set PYRO_SERIALIZER={first} here (accepted: {list}), or add {own} to PYRO_SERIALIZERS_ACCEPTED of the server."
                    ),
                    None => Cause::Serializer.remedy(""),
                };
                names
                    .serializer
                    .failed(format!("{own} (SERIALIZER) is refused: {error}"), remedy)
            }
        };
        check.fact("accepted", list)
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::super::road::SERVER;
    use super::*;

    fn means(key: Option<&str>) -> Means {
        Means::new(
            ferropyro::Config::default(),
            key.map(str::to_owned),
            Duration::from_secs(5),
        )
    }

    fn talk(outcome: Result<(Dialect, Duration)>) -> Talk {
        Talk {
            outcome,
            certificate: None,
        }
    }

    fn refused(text: &str) -> Talk {
        talk(Err(Error::new(ErrorKind::Communication, text)))
    }

    fn judged_key(key: Option<&str>, talk: &Talk) -> (Verdict, String) {
        let cause = talk.outcome.as_ref().err().map(Cause::of);
        let check = judge_key(&SERVER, &means(key), talk, cause);
        (check.verdict(), format!("{check:?}"))
    }

    // Conformance: LOC-15
    #[test]
    fn a_missing_key_and_a_wrong_one_are_told_apart() {
        let fine = talk(Ok((Dialect::V48, Duration::ZERO)));
        assert_eq!(judged_key(None, &fine).0, Verdict::Ok);
        assert_eq!(judged_key(Some("k"), &fine).0, Verdict::Ok);
        let mismatch = refused("cannot connect to ('box', 1): hmac key config not symmetric");
        let (verdict, text) = judged_key(None, &mismatch);
        assert!(
            verdict == Verdict::Failed && text.contains("the server wants a key"),
            "{text}"
        );
        let (verdict, text) = judged_key(Some("k"), &refused("message hmac mismatch"));
        assert!(verdict == Verdict::Failed && text.contains("does not fit"), "{text}");
        assert_eq!(judged_key(None, &refused("no free workers")).0, Verdict::Skipped);
    }

    // Conformance: LOC-15
    #[test]
    fn a_refused_serializer_comes_with_those_that_are_accepted() {
        let error = Error::new(
            ErrorKind::Communication,
            "message used serializer that is not accepted: 1",
        );
        let found = Serialization {
            accepted: vec![Serializer::Marshal, Serializer::Json],
            refusal: Some(error),
            is_known: true,
        };
        let check = found.judge(&SERVER, &means(None));
        let text = format!("{check:?}");
        assert_eq!(check.verdict(), Verdict::Failed);
        assert!(
            text.contains("PYRO_SERIALIZER=marshal") && text.contains("marshal, json"),
            "{text}"
        );
        assert_eq!(found.usable(Serializer::Serpent), Some(Serializer::Marshal));
        assert_eq!(found.usable(Serializer::Json), Some(Serializer::Json));
    }

    #[test]
    fn a_serializer_that_executes_code_is_not_recommended_to_the_server() {
        let mut means = means(None);
        means.config = means.config.serializer(Serializer::Pickle);
        let found = Serialization {
            accepted: vec![Serializer::Json],
            refusal: Some(Error::new(
                ErrorKind::Communication,
                "message used serializer that is not accepted: 4",
            )),
            is_known: true,
        };
        let text = format!("{:?}", found.judge(&SERVER, &means));
        assert!(
            text.contains("can execute code") && !text.contains("SERIALIZERS_ACCEPTED"),
            "{text}"
        );
    }

    #[test]
    fn every_reason_of_tls_has_a_remedy_of_its_own() {
        let texts = [
            "it has expired",
            "it is not for box, but for localhost",
            "it is signed by nobody that is trusted here",
            "the other side does not speak TLS",
            "it demands a certificate: set SSL_CLIENTCERT",
            "something else",
        ];
        let remedies: std::collections::BTreeSet<String> = texts.iter().map(|text| tls_remedy(text)).collect();
        assert_eq!(remedies.len(), texts.len());
    }
}
