//! Authorities, certificates, and a daemon that has one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ferropyro::{Config, Context, Proxy, Result, RunningDaemon, Uri, Value, expose};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use crate::server;

/// A folder with an authority, which is removed in the end.
pub(crate) struct Lab {
    folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// The files of a certificate and of its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ferropyro-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        let mut params = params("the lab", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let lab = Lab { folder, authority };
        lab.write("ca.pem", &lab.authority.pem());
        lab
    }

    /// The file of the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// A certificate that the authority has signed.
    pub(crate) fn issue(&self, params: &CertificateParams) -> Identity {
        self.issue_by(&self.authority, params)
    }

    /// A certificate that somebody else has signed.
    pub(crate) fn issue_by(&self, issuer: &Issuer<'_, KeyPair>, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, issuer).expect("a certificate");
        self.identity(&certificate.pem(), &key)
    }

    /// A certificate that nobody else has signed.
    pub(crate) fn self_signed(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.identity(&certificate.pem(), &key)
    }

    /// One who signs with the key of this certificate, whether it allows that or not.
    pub(crate) fn issuer(&self, params: CertificateParams, identity: &Identity) -> Issuer<'static, KeyPair> {
        let key = fs::read_to_string(&identity.key).expect("a file");
        Issuer::new(params, KeyPair::from_pem(&key).expect("a key"))
    }

    fn identity(&self, certificate: &str, key: &KeyPair) -> Identity {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Identity {
            certificate: self.write(&format!("{number}.pem"), certificate),
            key: self.write(&format!("{number}-key.pem"), &key.serialize_pem()),
        }
    }

    /// The usual certificate of a server.
    pub(crate) fn server(&self) -> Identity {
        self.issue(&params("localhost", &["localhost", "127.0.0.1"]))
    }

    /// The configuration of a client that trusts the authority.
    pub(crate) fn client(&self) -> Config {
        trusting(&self.authority())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a certificate says, for this common name and these hosts.
pub(crate) fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("host names");
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "NL");
    subject.push(DnType::OrganizationName, "Razorvine.net");
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params
}

/// One for a client.
pub(crate) fn client_params(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// The configuration of a client that trusts what is in this file or folder.
pub(crate) fn trusting(path: &Path) -> Config {
    Config::default().ssl(true).ssl_cacerts(path.to_path_buf())
}

/// The configuration of a server.
pub(crate) fn serving(identity: &Identity) -> Config {
    Config::default()
        .ssl(true)
        .ssl_servercert(identity.certificate.clone())
        .ssl_serverkey(identity.key.clone())
}

/// The configuration of a client that has a certificate of its own.
pub(crate) fn with_identity(config: Config, identity: &Identity) -> Config {
    config
        .ssl_clientcert(identity.certificate.clone())
        .ssl_clientkey(identity.key.clone())
}

/// Something to call.
pub(crate) struct Desk;

#[expose]
impl Desk {
    pub fn echo(&self, value: Value) -> Value {
        value
    }

    /// The same object, by a proxy of the server's.
    pub fn reflect(&self, proxy: Proxy) -> Proxy {
        proxy
    }

    /// Who the caller is: the common name and the number of its certificate.
    pub fn caller(&self, context: &Context) -> Option<Vec<String>> {
        let certificate = context.peer_certificate()?;
        let name = certificate.subject().get("commonName")?.to_owned();
        Some(vec![name, certificate.serial_number().to_owned()])
    }
}

/// A daemon with a [`Desk`], running.
pub(crate) fn desk(config: Config) -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon().config(config).bind()?;
    let uri = daemon.register("desk", Desk)?;
    Ok((daemon.start(), uri))
}

/// What a client with this configuration gets from the desk.
pub(crate) fn call(uri: &Uri, config: Config) -> Result<i64> {
    Proxy::builder().config(config).build(uri.clone())?.call("echo", (42,))
}

/// Why it gets nothing.
pub(crate) fn refusal(uri: &Uri, config: Config) -> String {
    call(uri, config).expect_err("no connection").to_string()
}
