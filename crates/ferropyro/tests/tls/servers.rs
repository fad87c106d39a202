//! Which servers a client trusts.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferropyro::{Config, Error, ErrorKind, Proxy, Result};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};

use super::lab::{Identity, Lab, call, desk, params, refusal, serving, trusting};

fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

/// As `openssl req -x509` makes them, and as those that come with Pyro.
fn like_an_authority(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

#[test]
fn a_server_is_trusted_for_the_hosts_of_its_certificate_only() -> Result<()> {
    let lab = Lab::new();
    let good = params("somebody", &["localhost"]);
    let mut future = good.clone();
    (future.not_before, future.not_after) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    let mut for_clients = good.clone();
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (certificate, expected) in [
        (
            params("localhost", &["other.example.com"]),
            "it is not for localhost, but for",
        ),
        (params("localhost", &["127.0.0.1"]), ""),
        (params("localhost", &[]), ""),
        (params("otherhost", &[]), "it is not for localhost"),
        (expired(good.clone()), "it has expired"),
        (future, "it is not valid yet"),
        (for_clients, "may not be used for this side"),
        (
            like_an_authority(good.clone()),
            "put this certificate itself into SSL_CACERTS",
        ),
        (good, ""),
    ] {
        let (_daemon, uri) = desk(serving(&lab.issue(&certificate)))?;
        match expected {
            "" => assert_eq!(call(&uri, lab.client())?, 42, "{certificate:?}"),
            text => {
                let refusal = refusal(&uri, lab.client());
                assert!(refusal.starts_with("cannot connect to ('localhost', "), "{refusal}");
                assert!(refusal.contains(text), "{refusal}");
            }
        }
    }
    Ok(())
}

#[test]
fn an_address_must_be_among_the_alternative_names() -> Result<()> {
    let lab = Lab::new();
    for (certificate, is_trusted) in [
        (params("127.0.0.1", &[]), false),
        (params("127.0.0.1", &["localhost"]), false),
        (params("localhost", &["127.0.0.1"]), true),
    ] {
        let (daemon, uri) = desk(serving(&lab.issue(&certificate)).host("127.0.0.1"))?;
        assert_eq!(call(&uri, lab.client()).is_ok(), is_trusted, "{certificate:?}");
        daemon.stop();
    }
    Ok(())
}

#[test]
fn a_server_of_a_foreign_authority_is_refused() -> Result<()> {
    let (lab, foreign) = (Lab::new(), Lab::new());
    let (_daemon, uri) = desk(serving(&lab.server()))?;
    for config in [
        foreign.client(),
        Config::default().ssl(true).ssl_cacerts(foreign.server().certificate),
    ] {
        let refusal = refusal(&uri, config);
        assert!(refusal.contains("signed by nobody that is trusted here"), "{refusal}");
    }
    Ok(())
}

#[test]
fn a_certificate_in_ssl_cacerts_is_trusted_itself_as_long_as_it_is_valid() -> Result<()> {
    let lab = Lab::new();
    let own = like_an_authority(params("localhost", &["localhost"]));
    let nameless = like_an_authority(params("localhost", &[]));
    let mut for_clients = own.clone();
    for_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    for (identity, expected) in [
        (lab.self_signed(&own), ""),
        (lab.self_signed(&nameless), ""),
        (lab.issue(&own), ""),
        (lab.self_signed(&expired(own)), "it has expired"),
        (
            lab.self_signed(&params("localhost", &["example.com"])),
            "it is not for localhost",
        ),
        (lab.self_signed(&for_clients), "may not be used for this side"),
    ] {
        let (_daemon, uri) = desk(serving(&identity))?;
        match (expected, call(&uri, trusting(&identity.certificate))) {
            ("", result) => assert_eq!(result?, 42),
            (text, result) => {
                let refusal = result.expect_err("no connection").to_string();
                assert!(refusal.contains(text), "{refusal}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_trusted_certificate_is_of_no_use_without_its_key() -> Result<()> {
    let lab = Lab::new();
    let certificate = like_an_authority(params("localhost", &["localhost"]));
    let (trusted, twin) = (lab.self_signed(&certificate), lab.self_signed(&certificate));
    let (_daemon, uri) = desk(serving(&twin))?;
    let refusal = refusal(&uri, trusting(&trusted.certificate));
    assert!(
        refusal.contains("the certificate of the other side is refused"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn a_folder_of_certificates_can_be_trusted() -> Result<()> {
    let (lab, other) = (Lab::new(), Lab::new());
    let folder = lab.authority().with_file_name("trusted");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("README"), "nothing to see").expect("a file");
    for (name, lab) in [("one.pem", &lab), ("5ed36f99.0", &other)] {
        fs::copy(lab.authority(), folder.join(name)).expect("a copy");
    }
    for lab in [&lab, &other] {
        let (_daemon, uri) = desk(serving(&lab.server()))?;
        assert_eq!(call(&uri, trusting(&folder))?, 42);
    }
    Ok(())
}

#[test]
fn a_proxy_can_judge_the_certificate_before_anything_is_sent() -> Result<()> {
    let lab = Lab::new();
    let greeted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&greeted);
    let daemon = crate::server::daemon()
        .config(serving(&lab.server()))
        .validate_handshake(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok("welcome".into())
        })
        .bind()?;
    let uri = daemon.register("desk", super::lab::Desk)?;
    let _running = daemon.start();
    let proxy = |wanted: &'static str| {
        let judge = move |certificate: &ferropyro::tls::Certificate| {
            assert_eq!(certificate.issuer().get("commonName"), Some("the lab"));
            assert!(
                certificate
                    .subject_alt_names()
                    .any(|name| name == ("IP Address", "127.0.0.1"))
            );
            match certificate.subject().get("organizationName") == Some(wanted) {
                true => Ok(()),
                false => Err(Error::new(
                    ErrorKind::Security,
                    format!("not ours: {}", certificate.subject()),
                )),
            }
        };
        Proxy::builder()
            .config(lab.client())
            .validate_certificate(judge)
            .build(uri.clone())
    };
    let error = proxy("Somebody else")?.call::<i64>("echo", (1,)).expect_err("not ours");
    assert_eq!(error.kind(), ErrorKind::Security);
    assert_eq!(
        error.message(),
        "not ours: countryName=NL, organizationName=Razorvine.net, commonName=localhost"
    );
    assert_eq!(greeted.load(Ordering::Relaxed), 0);
    // Again, in which the session goes on, and the server shows its certificate no more.
    for count in 1..=3 {
        assert_eq!(proxy("Razorvine.net")?.call::<i64>("echo", (1,))?, 1);
        assert_eq!(greeted.load(Ordering::Relaxed), count);
    }
    assert!(proxy("Somebody else")?.call::<i64>("echo", (1,)).is_err());
    let error = Proxy::builder()
        .validate_certificate(|_| Ok(()))
        .build(uri)
        .expect_err("no SSL");
    assert!(error.message().contains("PYRO_SSL=1"), "{error}");
    Ok(())
}

#[test]
fn the_certificates_that_openssl_makes_can_be_used_on_both_sides() -> Result<()> {
    let file = |name: &str| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls")).join(name);
    for (certificate, key) in [("rsa-cert.pem", "pkcs8.pem"), ("ec-cert.pem", "sec1.pem")] {
        let identity = Identity {
            certificate: file(certificate),
            key: file(key),
        };
        let (_daemon, uri) = desk(serving(&identity))?;
        assert_eq!(call(&uri, trusting(&identity.certificate))?, 42, "{certificate}");
    }
    Ok(())
}

#[test]
fn a_new_certificate_is_taken_over_while_connections_go_on() -> Result<()> {
    let lab = Lab::new();
    let expired = lab.issue(&expired(params("localhost", &["localhost"])));
    let (daemon, uri) = desk(serving(&expired))?;
    assert!(refusal(&uri, lab.client()).contains("it has expired"));
    let good = lab.server();
    // The key is not that of the certificate yet.
    fs::copy(&good.certificate, &expired.certificate).expect("a file");
    let error = daemon.reload_certificates().expect_err("they do not fit");
    assert!(
        error
            .message()
            .contains("the private key is not that of the certificate"),
        "{error}"
    );
    assert!(refusal(&uri, lab.client()).contains("it has expired"));
    fs::copy(&good.key, &expired.key).expect("a file");
    daemon.reload_certificates()?;
    let proxy = Proxy::builder().config(lab.client()).build(uri.clone())?;
    assert_eq!(proxy.call::<i64>("echo", (1,))?, 1);
    daemon.reload_certificates()?;
    assert_eq!(proxy.call::<i64>("echo", (2,))?, 2);
    assert_eq!(call(&uri, lab.client())?, 42);
    Ok(())
}
