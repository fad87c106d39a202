//! Servers that demand certificates of their clients.

use ferropyro::{Config, Proxy, Result, Uri};
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber, date_time_ymd};

use super::lab::{Lab, client_params, desk, params, serving, trusting, with_identity};

fn caller(uri: &Uri, config: Config) -> Result<Option<Vec<String>>> {
    Proxy::builder().config(config).build(uri.clone())?.call("caller", ())
}

#[test]
fn the_server_knows_who_calls() -> Result<()> {
    let lab = Lab::new();
    let config = serving(&lab.server())
        .ssl_requireclientcert(true)
        .ssl_cacerts(lab.authority());
    let (_daemon, uri) = desk(config)?;
    for (name, number) in [("irmen", vec![0x0A, 0xFF]), ("Zoë", vec![1])] {
        let mut params = client_params(name);
        params.serial_number = Some(SerialNumber::from_slice(&number));
        let digits: String = number.iter().map(|byte| format!("{byte:02X}")).collect();
        let config = with_identity(lab.client(), &lab.issue(&params));
        // Again, in which the client comes with the ticket of its last session.
        let proxy = Proxy::builder().config(config).build(uri.clone())?;
        for _ in 0..2 {
            assert_eq!(proxy.call::<Vec<String>>("caller", ())?, [name, &digits]);
            proxy.release();
        }
    }
    Ok(())
}

#[test]
fn clients_that_are_not_trusted_learn_why() -> Result<()> {
    let (lab, foreign) = (Lab::new(), Lab::new());
    let config = serving(&lab.server())
        .ssl_requireclientcert(true)
        .ssl_cacerts(lab.authority());
    let (_daemon, uri) = desk(config)?;
    let mut expired = client_params("irmen");
    expired.not_after = date_time_ymd(2021, 1, 1);
    let mut for_servers = params("irmen", &[]);
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for (identity, expected) in [
        (None, "it demands a certificate: set SSL_CLIENTCERT"),
        (
            Some(foreign.issue(&client_params("irmen"))),
            "it does not trust the authority of our certificate",
        ),
        (Some(lab.issue(&expired)), "our certificate has expired"),
        (Some(lab.issue(&for_servers)), "it does not accept our certificate"),
    ] {
        let config = match &identity {
            Some(identity) => with_identity(lab.client(), identity),
            None => lab.client(),
        };
        let refusal = caller(&uri, config).expect_err("not trusted").to_string();
        assert!(refusal.starts_with("cannot connect to ('localhost', "), "{refusal}");
        assert!(refusal.contains("the other side refuses the connection"), "{refusal}");
        assert!(refusal.contains(expected), "{refusal}");
    }
    Ok(())
}

#[test]
fn single_clients_can_be_trusted() -> Result<()> {
    let lab = Lab::new();
    let [known, stranger] = [0, 1].map(|_| lab.self_signed(&params("irmen", &[])));
    let config = serving(&lab.server())
        .ssl_requireclientcert(true)
        .ssl_cacerts(known.certificate.clone());
    let (_daemon, uri) = desk(config)?;
    let name = caller(&uri, with_identity(lab.client(), &known))?.map(|caller| caller[0].clone());
    assert_eq!(name.as_deref(), Some("irmen"));
    assert!(caller(&uri, with_identity(lab.client(), &stranger)).is_err());
    Ok(())
}

#[test]
fn a_server_that_demands_no_certificate_is_shown_none() -> Result<()> {
    let lab = Lab::new();
    let (_daemon, uri) = desk(serving(&lab.server()).ssl_cacerts(lab.authority()))?;
    let config = with_identity(trusting(&lab.authority()), &lab.issue(&client_params("irmen")));
    assert_eq!(caller(&uri, config)?, None);
    Ok(())
}
