//! `ferropyro cert`: a small authority of one's own, for TLS in a lab.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Makes certificates for encrypted connections (TLS), signed by an authority of your own
///
/// All certificates and keys stand in one folder, in PEM files. What is printed are the settings (environment variables) of the program
/// that shall use them.
///
/// Examples:
///   ferropyro cert ca lab
///   ferropyro cert server lab telescope.example.com 192.0.2.7
///   ferropyro cert client lab irmen
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CertArgs {
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Debug, Subcommand)]
enum CertCommand {
    /// Makes the authority that signs the others; its key never leaves the folder
    Ca {
        /// The folder; it is made if it is not there
        folder: PathBuf,

        /// The name of the authority
        #[arg(long, value_name = "NAME", default_value = "ferropyro lab")]
        name: String,

        #[command(flatten)]
        making: Making<3650>,
    },
    /// Makes the certificate of a server
    Server {
        /// The folder of the authority
        folder: PathBuf,

        /// The host names and addresses that clients use for the server; the first one is the name of the files
        #[arg(value_name = "HOST", default_values = ["localhost", "127.0.0.1", "::1"])]
        hosts: Vec<String>,

        #[command(flatten)]
        making: Making<820>,
    },
    /// Makes the certificate of a client, for servers that demand one (SSL_REQUIRECLIENTCERT)
    Client {
        /// The folder of the authority
        folder: PathBuf,

        /// Who the client is; also the name of the files
        name: String,

        #[command(flatten)]
        making: Making<820>,
    },
}

#[derive(Debug, Args)]
struct Making<const DAYS: u32> {
    /// For how many days it is valid
    #[arg(long, value_name = "N", default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..=36500))]
    days: u32,

    /// Replace the files that are there
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(args: CertArgs) -> Outcome {
    match args.command {
        CertCommand::Ca { folder, name, making } => make_authority(&folder, &name, &making),
        CertCommand::Server { folder, hosts, making } => make_server(&folder, &hosts, &making),
        CertCommand::Client { folder, name, making } => make_client(&folder, &name, &making),
    }
}

fn make_authority(folder: &Path, name: &str, making: &Making<3650>) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| cannot("make the folder", folder, &error))?;
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = params(name, Vec::new(), making.days)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).map_err(failed)?;
    let files = Files::new(folder, AUTHORITY)?;
    files.write(&certificate.pem(), &key, making.force)?;
    output::note("The authority is made. Whoever shall trust it needs this setting; its key stays here:");
    output::line(setting("CACERTS", &files.certificate));
    Ok(Exit::Ok)
}

fn make_server(folder: &Path, hosts: &[String], making: &Making<820>) -> Outcome {
    let Some(first) = hosts.first() else {
        return Err(Failure::usage("a server has a host"));
    };
    for host in hosts {
        check_host(host)?;
    }
    let mut params = params(first, hosts.to_vec(), making.days)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let files = sign(folder, first, params, making.force)?;
    let authority = Files::new(folder, AUTHORITY)?;
    output::note("Settings of the server:");
    output::line("PYRO_SSL=1");
    output::line(setting("SERVERCERT", &files.certificate));
    output::line(setting("SERVERKEY", &files.key));
    output::note(format_args!(
        "Its clients need: PYRO_SSL=1 {}",
        setting("CACERTS", &authority.certificate)
    ));
    Ok(Exit::Ok)
}

fn make_client(folder: &Path, name: &str, making: &Making<820>) -> Outcome {
    let mut params = params(name, Vec::new(), making.days)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let files = sign(folder, name, params, making.force)?;
    let authority = Files::new(folder, AUTHORITY)?;
    output::note("Settings of the client:");
    output::line("PYRO_SSL=1");
    output::line(setting("CLIENTCERT", &files.certificate));
    output::line(setting("CLIENTKEY", &files.key));
    output::line(setting("CACERTS", &authority.certificate));
    output::note(format_args!(
        "Servers that demand certificates need besides their own: PYRO_SSL_REQUIRECLIENTCERT=1 {}",
        setting("CACERTS", &authority.certificate)
    ));
    Ok(Exit::Ok)
}

/// The name of the authority's own files.
const AUTHORITY: &str = "ca";

/// Signs a certificate for a new key, and writes both.
fn sign(folder: &Path, name: &str, mut params: CertificateParams, force: bool) -> Result<Files, Failure> {
    check_name(name)?;
    let issuer = authority(folder)?;
    let files = Files::new(folder, name)?;
    let key = KeyPair::generate().map_err(failed)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    files.write(&certificate.pem(), &key, force)?;
    Ok(files)
}

/// Refuses the names of files that are those of something else. Not all file systems tell upper from lower case.
fn check_name(name: &str) -> Result<(), Failure> {
    let lower = name.to_lowercase();
    let owner = match lower.strip_suffix("-key") {
        Some(_) => "private keys",
        None if lower == AUTHORITY => "the authority",
        None => return Ok(()),
    };
    Err(Failure::usage(format_args!(
        "the files cannot be called '{name}', as that is the name of a file of {owner}: choose another name (for a server: put another host first)"
    )))
}

fn authority(folder: &Path) -> Result<Issuer<'static, KeyPair>, Failure> {
    let files = Files::new(folder, AUTHORITY)?;
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let text = format!(
                    "there is no authority in {0}: make one with `ferropyro cert ca {0}`",
                    folder.display()
                );
                Failure::new(Exit::NotFound, text)
            }
            _ => cannot("read", path, &error),
        })
    };
    let key = KeyPair::from_pem(&read(&files.key)?).map_err(failed)?;
    Issuer::from_ca_cert_pem(&read(&files.certificate)?, key).map_err(failed)
}

fn params(name: &str, hosts: Vec<String>, days: u32) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::new(hosts).map_err(failed)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    // The clocks of a lab differ a little.
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + DAY * days).into();
    Ok(params)
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn check_host(host: &str) -> Result<(), Failure> {
    let is_name = |host: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !host.is_empty() && host.chars().all(is_plain)
    };
    match host.parse::<IpAddr>().is_ok() || is_name(host.strip_prefix("*.").unwrap_or(host)) {
        true => Ok(()),
        false => Err(Failure::usage(format_args!(
            "'{host}' is no host name and no address (without port, and without brackets)"
        ))),
    }
}

/// Where a certificate and its key stand.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn new(folder: &Path, name: &str) -> Result<Files, Failure> {
        let folder = std::path::absolute(folder).map_err(|error| cannot("find", folder, &error))?;
        let is_safe = |c: char| c.is_alphanumeric() || "-_.@".contains(c);
        let stem: String = name.chars().map(|c| if is_safe(c) { c } else { '_' }).collect();
        if stem.trim_matches('.').is_empty() {
            return Err(Failure::usage(format_args!("'{name}' is no name for a file")));
        }
        Ok(Files {
            certificate: folder.join(format!("{stem}.pem")),
            key: folder.join(format!("{stem}-key.pem")),
        })
    }

    /// Writes both files, or none because one is there. Only the owner can read the key.
    fn write(&self, certificate: &str, key: &KeyPair, force: bool) -> Result<(), Failure> {
        for path in [&self.certificate, &self.key] {
            if !path.exists() {
                continue;
            }
            if !force {
                let text = format!("{} is there already (--force replaces it)", path.display());
                return Err(Failure::usage(text));
            }
            // Not written over: its permissions would stay.
            fs::remove_file(path).map_err(|error| cannot("replace", path, &error))?;
        }
        write(&self.key, &key.serialize_pem(), 0o600)?;
        write(&self.certificate, certificate, 0o644)
    }
}

fn write(path: &Path, text: &str, permissions: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, permissions);
    #[cfg(not(unix))]
    let _ = permissions;
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot("write", path, &error))
}

fn setting(name: &str, path: &Path) -> String {
    format!("PYRO_SSL_{name}={}", path.display())
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format_args!("cannot {what} {}: {error}", path.display()))
}

fn failed(error: rcgen::Error) -> Failure {
    Failure::new(Exit::Failed, format_args!("cannot make the certificate: {error}"))
}
