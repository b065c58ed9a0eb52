//! The certificate of the servers, and clients that trust it.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::fault::Fault;
use crate::stream::Stream;

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    folder: PathBuf,
}

impl Pair {
    /// Creates an ECDSA certificate, which README recommends.
    pub(crate) fn create(folder: &Path) -> Result<Self, Fault> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]);
        let made = made.map_err(|error| Fault::new(error.to_string()))?;
        let pair = Self {
            folder: folder.to_owned(),
        };
        fs::write(pair.certificate(), made.cert.pem())?;
        fs::write(pair.key(), made.signing_key.serialize_pem())?;
        fs::set_permissions(pair.key(), Permissions::from_mode(0o600))?;
        Ok(pair)
    }

    /// The pair that another process has created in this folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// The options of a server, of the floor as well.
    pub(crate) fn options(&self) -> [String; 4] {
        let path = |path: PathBuf| path.display().to_string();
        [
            "--tls-cert".to_owned(),
            path(self.certificate()),
            "--tls-key".to_owned(),
            path(self.key()),
        ]
    }

    /// Clients that trust this certificate alone, and never resume a session.
    pub(crate) fn clients(&self) -> Result<Clients, Fault> {
        let certificate = CertificateDer::from_pem_file(self.certificate());
        let certificate = certificate.map_err(|error| Fault::new(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(tls_fault)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions();
        let mut config = config
            .map_err(tls_fault)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Clients(Arc::new(config)))
    }
}

/// What clients over TLS share.
#[derive(Clone, Debug)]
pub(crate) struct Clients(Arc<ClientConfig>);

impl Clients {
    /// Does the handshake on a socket that blocks.
    pub(crate) fn handshake(&self, mut socket: TcpStream) -> Result<Stream, Fault> {
        let name = ServerName::try_from(NAME).map_err(|error| Fault::new(error.to_string()))?;
        let tls = ClientConnection::new(Arc::clone(&self.0), name);
        let mut tls = tls.map_err(tls_fault)?;
        while tls.is_handshaking() || tls.wants_write() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Stream::new(socket, Some(tls.into())))
    }
}

fn tls_fault(error: rustls::Error) -> Fault {
    Fault::new(error.to_string())
}

const NAME: &str = "localhost";
