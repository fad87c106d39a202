//! Who can sign certificates of others: authorities, while they are valid, for the names that they may sign for.

use std::fs;
use std::path::{Path, PathBuf};

use ferropyro::{Config, Result};
use rcgen::{
    BasicConstraints, CertificateParams, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::lab::{Identity, Lab, call, client_params, desk, params, refusal, serving, trusting, with_identity};

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// One that may only sign for this domain.
fn constrained(domain: &str) -> CertificateParams {
    let mut params = authority("constrained");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    params
}

/// What a client that trusts this file gets from a server with this certificate; and a client with the certificate from a server that trusts the file.
fn both_ways(lab: &Lab, trusted: &Path, server: &Identity, client: &Identity) -> [Result<i64>; 2] {
    let (_daemon, uri) = desk(serving(server)).expect("a daemon");
    let as_server = call(&uri, trusting(trusted));
    let demanding: Config = serving(&lab.server())
        .ssl_requireclientcert(true)
        .ssl_cacerts(trusted.to_path_buf());
    let (_daemon, uri) = desk(demanding).expect("a daemon");
    [as_server, call(&uri, with_identity(lab.client(), client))]
}

fn texts(results: [Result<i64>; 2]) -> [String; 2] {
    results.map(|result| result.expect_err("no connection").to_string())
}

#[test]
fn the_holder_of_a_single_certificate_cannot_sign_for_others() {
    let lab = Lab::new();
    let plain = params("camera", &["camera.lab"]);
    let mut says_no = plain.clone();
    says_no.is_ca = IsCa::ExplicitNoCa;
    let mut for_signing = plain.clone();
    for_signing.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mut for_something_else = authority("half an authority");
    for_something_else.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    for signer in [plain, says_no, for_signing, for_something_else] {
        let trusted = lab.self_signed(&signer);
        let issuer = lab.issuer(signer.clone(), &trusted);
        let server = lab.issue_by(&issuer, &params("localhost", &["localhost"]));
        let client = lab.issue_by(&issuer, &client_params("root-operator"));
        let [as_server, as_client] = texts(both_ways(&lab, &trusted.certificate, &server, &client));
        assert!(
            as_server.contains("signed by nobody that is trusted here"),
            "{signer:?}: {as_server}"
        );
        assert!(
            as_client.contains("it does not trust the authority of our certificate"),
            "{signer:?}: {as_client}"
        );
    }
}

#[test]
fn an_authority_can_sign_for_others() -> Result<()> {
    let lab = Lab::new();
    let mut says_nothing_of_its_key = authority("short");
    says_nothing_of_its_key.key_usages = Vec::new();
    for signer in [authority("usual"), says_nothing_of_its_key] {
        let trusted = lab.self_signed(&signer);
        let issuer = lab.issuer(signer, &trusted);
        let server = lab.issue_by(&issuer, &params("localhost", &["localhost"]));
        let client = lab.issue_by(&issuer, &client_params("irmen"));
        for result in both_ways(&lab, &trusted.certificate, &server, &client) {
            assert_eq!(result?, 42);
        }
    }
    Ok(())
}

/// Version 1 has no place for CA:TRUE.
#[test]
fn an_authority_of_version_1_is_one_when_it_has_signed_itself() -> Result<()> {
    let lab = Lab::new();
    let file = |name: &str| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls")).join(name);
    for (certificate, is_authority) in [("v1-root.pem", true), ("v1-leaf.pem", false)] {
        let trusted = Identity {
            certificate: file(certificate),
            key: file("pkcs8.pem"),
        };
        let mut signer = CertificateParams::default();
        signer.distinguished_name = rcgen::DistinguishedName::new();
        signer.distinguished_name.push(rcgen::DnType::CommonName, "version one");
        let issuer = lab.issuer(signer, &trusted);
        let server = lab.issue_by(&issuer, &params("localhost", &["localhost"]));
        let client = lab.issue_by(&issuer, &client_params("irmen"));
        for result in both_ways(&lab, &trusted.certificate, &server, &client) {
            assert_eq!(result.is_ok(), is_authority, "{certificate}: {result:?}");
        }
    }
    Ok(())
}

#[test]
fn a_common_name_gets_nobody_around_name_constraints() -> Result<()> {
    let lab = Lab::new();
    let nameless = params("localhost", &[]);
    let named = params("somebody", &["localhost"]);
    for (domain, certificate, is_trusted) in [
        ("lab.example", &nameless, false),
        ("lab.example", &named, false),
        ("localhost", &named, true),
    ] {
        let signer = constrained(domain);
        // The authority itself, and one below an authority that may sign for anybody.
        let root = lab.self_signed(&signer);
        let below = lab.issue(&signer);
        for (middle, trusted) in [(&root, &root.certificate), (&below, &lab.authority())] {
            let server = lab.issue_by(&lab.issuer(signer.clone(), middle), certificate);
            let chain = [&server, middle].map(|identity| fs::read_to_string(&identity.certificate).expect("a file"));
            let server = Identity {
                certificate: lab.write("chain.pem", &chain.concat()),
                key: server.key,
            };
            let (_daemon, uri) = desk(serving(&server))?;
            let result = call(&uri, trusting(trusted));
            assert_eq!(result.is_ok(), is_trusted, "{domain}, {certificate:?}: {result:?}");
        }
    }
    Ok(())
}

#[test]
fn a_common_name_counts_where_nobody_is_constrained() -> Result<()> {
    let lab = Lab::new();
    let nameless = params("localhost", &[]);
    let middle = lab.issue(&authority("in the middle"));
    let server = lab.issue_by(&lab.issuer(authority("in the middle"), &middle), &nameless);
    let chain = [&server, &middle].map(|identity| fs::read_to_string(&identity.certificate).expect("a file"));
    let chained = Identity {
        certificate: lab.write("chain.pem", &chain.concat()),
        key: server.key,
    };
    let (_daemon, uri) = desk(serving(&chained))?;
    assert_eq!(call(&uri, lab.client())?, 42);
    // A certificate that is trusted itself needs no authority.
    let root = lab.self_signed(&constrained("lab.example"));
    let server = lab.issue_by(&lab.issuer(constrained("lab.example"), &root), &nameless);
    let (_daemon, uri) = desk(serving(&server))?;
    assert_eq!(call(&uri, trusting(&server.certificate))?, 42);
    assert!(refusal(&uri, trusting(&root.certificate)).contains("it is not for localhost"));
    Ok(())
}

#[test]
fn an_authority_is_trusted_only_while_it_is_valid() -> Result<()> {
    let lab = Lab::new();
    let mut expired = authority("of old");
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut future = authority("to come");
    (future.not_before, future.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    for (signer, expected) in [
        (expired, "commonName=of old) has expired"),
        (future, "commonName=to come) is not valid yet"),
    ] {
        let trusted = lab.self_signed(&signer);
        let issuer = lab.issuer(signer, &trusted);
        let server = lab.issue_by(&issuer, &params("localhost", &["localhost"]));
        let client = lab.issue_by(&issuer, &client_params("irmen"));
        let [as_server, as_client] = texts(both_ways(&lab, &trusted.certificate, &server, &client));
        assert!(
            as_server.contains("the certificate of its authority (countryName=NL, ") && as_server.contains(expected),
            "{as_server}"
        );
        assert!(as_client.contains("it does not accept our certificate"), "{as_client}");
    }
    Ok(())
}

#[test]
fn an_authority_that_has_a_new_certificate_for_its_key_is_trusted_next_to_the_expired_one() -> Result<()> {
    let lab = Lab::new();
    let renewed = authority("the same");
    let mut expired = renewed.clone();
    expired.not_after = date_time_ymd(2021, 1, 1);
    let old = lab.self_signed(&expired);
    let issuer = lab.issuer(renewed.clone(), &old);
    let new = renewed.self_signed(issuer.key()).expect("a certificate").pem();
    let both = fs::read_to_string(&old.certificate).expect("a file") + &new;
    let (_daemon, uri) = desk(serving(&lab.issue_by(&issuer, &params("localhost", &["localhost"]))))?;
    assert_eq!(call(&uri, trusting(&lab.write("both.pem", &both)))?, 42);
    Ok(())
}
