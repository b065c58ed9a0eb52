//! A client's side of TLS, for the terminal client: one thread reads while another writes.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, RootCertStore};

use super::certificates::provider;

/// Who may have signed a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those that this system trusts.
    System,
    /// The certificates in this file, and no others.
    File(PathBuf),
}

/// An established session. Reading waits for the server; writing does not wait for reading.
#[derive(Debug)]
pub struct Session {
    socket: TcpStream,
    connection: Mutex<ClientConnection>,
    /// Whoever sends holds this, so that records leave in the order of their numbers. It is taken before the
    /// connection, which nobody holds while the socket blocks.
    sending: Mutex<()>,
}

/// Does the handshake with a server of this name or address. An error says what failed, and what to do.
pub fn connect(socket: TcpStream, host: &str, roots: &Roots) -> Result<Session, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "a certificate cannot have this name".to_owned())?;
    let config = config(roots, "--tls-ca")?;
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let before = socket.read_timeout().unwrap_or(None);
    let set = |timeout| socket.set_read_timeout(timeout).map_err(|e| e.to_string());
    set(Some(PATIENCE))?;
    while connection.is_handshaking() {
        connection
            .complete_io(&mut &socket)
            .map_err(|error| explain(&error))?;
    }
    set(before)?;
    Ok(Session {
        socket,
        connection: Mutex::new(connection),
        sending: Mutex::new(()),
    })
}

/// The settings of a client. `option` is the one that names a file of roots.
pub(super) fn config(roots: &Roots, option: &str) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(read(roots, option)?)
        .with_no_client_auth();
    Ok(config)
}

pub(super) fn read(roots: &Roots, option: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            // Some systems have certificates that are too old to be read.
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(format!(
                    "this system has no certificates of authorities; install the package ca-certificates, or name a file with {option}"
                ));
            }
        }
        Roots::File(path) => {
            let fault = |why: String| format!("{option} {}: {why}", path.display());
            let bytes =
                fs::read(path).map_err(|error| fault(format!("cannot be read: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                let added = certificate.map_err(|error| error.to_string());
                let added = added.and_then(|c| store.add(c).map_err(|error| error.to_string()));
                added.map_err(|error| {
                    fault(format!("has a certificate that cannot be used: {error}"))
                })?;
            }
            if store.is_empty() {
                return Err(fault("has no certificate in PEM form".to_owned()));
            }
        }
    }
    Ok(store)
}

pub(super) fn explain(error: &io::Error) -> String {
    let tls = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<Error>());
    // Errors of rustls have more kinds than there is advice for.
    #[allow(clippy::wildcard_enum_match_arm)]
    match tls {
        // The second: by another authority of the same name.
        Some(Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => {
            "its certificate is signed by nobody whom this system trusts; if you know who has signed it, name that \
             certificate with --tls-ca FILE"
                .to_owned()
        }
        Some(Error::InvalidCertificate(error)) => format!("its certificate is refused: {error}"),
        Some(Error::InvalidMessage(_)) => {
            "it does not speak TLS; leave out --tls, or try another port".to_owned()
        }
        Some(error) => error.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it has closed the connection during the handshake; has it a certificate?".to_owned()
        }
        None => format!("the handshake was not finished: {error}"),
    }
}

impl Session {
    /// Sets how long [`read`](Self::read) waits.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    /// Reads what the server says, 0 bytes at its end. A connection that is cut is an error.
    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut wire = [0; 4096];
        loop {
            match self.connection.lock().reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let count = (&self.socket).read(&mut wire)?;
            self.take(&wire[..count])?;
        }
    }

    fn take(&self, mut wire: &[u8]) -> io::Result<()> {
        let mut connection = self.connection.lock();
        loop {
            connection.read_tls(&mut wire)?;
            let processed = connection.process_new_packets();
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if wire.is_empty() {
                break;
            }
        }
        let answers = connection.wants_write();
        drop(connection);
        // What has to be answered can wait for whoever sends now.
        if answers && let Some(_sending) = self.sending.try_lock() {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends bytes to the server.
    pub fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let _sending = self.sending.lock();
        for piece in bytes.chunks(PIECE) {
            self.connection.lock().writer().write_all(piece)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Sends the records that are ready; `sending` is held.
    fn flush(&self) -> io::Result<()> {
        let mut wire = Vec::new();
        let mut connection = self.connection.lock();
        while connection.wants_write() {
            connection.write_tls(&mut wire)?;
        }
        drop(connection);
        (&self.socket).write_all(&wire)
    }
}

/// A server answers a handshake at once, wherever it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Less than the 64 KiB that rustls keeps of what is to be sent.
const PIECE: usize = 16 * 1024;
