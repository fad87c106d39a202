//! How clients reach a server: TCP, a Unix domain socket, or TLS.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ferropyro::{Location, Uri};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use socket2::{Domain, SockAddr, Socket, Type};

use super::channel::Channel;
use crate::Problem;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    Tls,
}

impl Transport {
    pub(crate) const ALL: [Transport; 3] = [Transport::Tcp, Transport::Unix, Transport::Tls];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Unix => "Unix",
            Transport::Tls => "TLS",
        }
    }
}

/// A folder for sockets and certificates, which goes when this is dropped.
pub(crate) struct Workshop {
    folder: PathBuf,
    sockets: usize,
    client: Arc<ClientConfig>,
}

impl Workshop {
    pub(crate) fn open() -> Result<Workshop, Problem> {
        let folder = std::env::temp_dir().join(format!("ferropyro-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        fs::write(folder.join("cert.pem"), made.cert.pem())?;
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Workshop {
            folder,
            sockets: 0,
            client: Arc::new(client),
        })
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The settings with which a server listens on this transport.
    pub(crate) fn settings(&mut self, transport: Transport) -> Vec<String> {
        match transport {
            Transport::Tcp => Vec::new(),
            Transport::Unix => {
                self.sockets += 1;
                let path = self.folder.join(format!("{}.sock", self.sockets));
                vec![format!("unixsocket={}", path.display())]
            }
            Transport::Tls => vec![
                "SSL=1".to_owned(),
                format!("SSL_SERVERCERT={}", self.folder.join("cert.pem").display()),
                format!("SSL_SERVERKEY={}", self.folder.join("key.pem").display()),
            ],
        }
    }

    /// Connects to where a URI leads.
    pub(crate) fn connect(&self, transport: Transport, uri: &Uri) -> Result<Channel, Problem> {
        let socket = match uri.location() {
            Some(Location::Tcp { host, port }) => {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                socket.connect(&SockAddr::from(std::net::SocketAddr::new(host.parse()?, *port)))?;
                socket.set_tcp_nodelay(true)?;
                socket
            }
            Some(Location::Unix(path)) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                socket.connect(&SockAddr::unix(path)?)?;
                socket
            }
            _ => return Err(format!("{uri} leads nowhere").into()),
        };
        let tls = match transport {
            Transport::Tls => {
                let mut tls = ClientConnection::new(Arc::clone(&self.client), ServerName::try_from("localhost")?)?;
                tls.complete_io(&mut &socket)?;
                Some(tls.into())
            }
            _ => None,
        };
        Ok(Channel::new(socket, tls))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a setting is set to.
pub(crate) fn setting<'a>(settings: &[&'a str], wanted: &str) -> Option<&'a str> {
    let mut pairs = settings.iter().filter_map(|setting| setting.split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// The server's side of TLS, if these settings ask for it.
pub(crate) fn server_config(settings: &[&str]) -> Result<Option<Arc<ServerConfig>>, Problem> {
    let (Some(certificate), Some(key)) = (setting(settings, "SSL_SERVERCERT"), setting(settings, "SSL_SERVERKEY"))
    else {
        return Ok(None);
    };
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
        vec![CertificateDer::from_pem_file(certificate)?],
        PrivateKeyDer::from_pem_file(key)?,
    )?;
    Ok(Some(Arc::new(config)))
}
