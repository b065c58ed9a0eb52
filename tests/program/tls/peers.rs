//! Certificates, and the clients that look at them.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use flashgate_testing::Retrying;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::guest::Chats;
use crate::outside::PATIENCE;

pub(crate) const V1_2: &SupportedProtocolVersion = &rustls::version::TLS12;
pub(crate) const V1_3: &SupportedProtocolVersion = &rustls::version::TLS13;

/// Signs the certificates of a test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// When a certificate ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Late,
    Early,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // Clients find a signer by its name.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Writes a certificate for these names to `NAME.pem`, and its key to `NAME.key`.
    pub(crate) fn issue(&self, folder: &Path, name: &str, names: &[&str]) {
        self.issue_until(folder, name, names, Ends::Late);
    }

    /// Writes a certificate that has expired.
    pub(crate) fn issue_expired(&self, folder: &Path, name: &str, names: &[&str]) {
        self.issue_until(folder, name, names, Ends::Early);
    }

    pub(super) fn issue_until(&self, folder: &Path, name: &str, names: &[&str], ends: Ends) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if ends == Ends::Early {
            params.not_before = date_time_ymd(2007, 7, 10);
            params.not_after = date_time_ymd(2008, 7, 10);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        write_pair(folder, name, &certificate.pem(), &key.serialize_pem());
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        roots
    }

    pub(crate) fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        Arc::new(config)
    }
}

pub(super) fn write_pair(folder: &Path, name: &str, certificate: &str, key: &str) {
    fs::write(folder.join(format!("{name}.pem")), certificate).unwrap();
    let path = folder.join(format!("{name}.key"));
    let _ = fs::remove_file(&path);
    fs::write(&path, key).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// A raw client, as XMLSocket is, through TLS.
pub(crate) struct Secure(pub(crate) StreamOwned<ClientConnection, Retrying<TcpStream>>);

impl Secure {
    pub(crate) fn connect(to: SocketAddr, authority: &Authority) -> Self {
        Self::with(to, &authority.config(&[V1_2, V1_3]), "localhost").unwrap()
    }

    pub(crate) fn with(
        to: SocketAddr,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> Result<Self, String> {
        Self::behind(to, b"", config, name)
    }

    /// These bytes come before the handshake.
    pub(crate) fn behind(
        to: SocketAddr,
        header: &[u8],
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> Result<Self, String> {
        let mut socket = TcpStream::connect(to).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(header).unwrap();
        let name = name.to_owned().try_into().unwrap();
        let mut connection = ClientConnection::new(Arc::clone(config), name).unwrap();
        let mut socket = Retrying(socket);
        while connection.is_handshaking() {
            let done = connection.complete_io(&mut socket);
            done.map_err(|error| error.to_string())?;
        }
        Ok(Self(StreamOwned::new(connection, socket)))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.sock.0.local_addr().unwrap()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    pub(crate) fn send(&mut self, command: &str) {
        self.write(format!("{command}\0").as_bytes());
    }

    pub(crate) fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut byte = [0];
        while self.0.read(&mut byte).unwrap() == 1 && byte != [0] {
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }

    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.answer()
    }

    /// Everything up to the server's own end; a connection that is cut is a failure.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }

    /// The same as bytes.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Sends bytes in two segments, the first of which ends within a record.
    pub(crate) fn write_cut(&mut self, bytes: &[u8]) {
        let mut wire = Vec::new();
        self.0.conn.writer().write_all(bytes).unwrap();
        self.0.conn.write_tls(&mut wire).unwrap();
        let (first, rest) = wire.split_at(wire.len() / 2);
        self.0.sock.write_all(first).unwrap();
        thread::sleep(Duration::from_millis(100));
        self.0.sock.write_all(rest).unwrap();
    }

    pub(super) fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }
}

impl Chats for Secure {
    fn say(&mut self, command: &str) {
        self.send(command);
    }

    fn hear(&mut self) -> String {
        self.answer()
    }
}
