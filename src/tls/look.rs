//! A look at the certificate that a server shows: the handshake is done first, and judged afterwards, so that each
//! fault can be named by itself.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme, StreamOwned,
};

use super::certificates::provider;
use super::client::{Roots, explain, read};

/// A session with a server whose identity is not checked. No secret may be sent through it.
pub type Unjudged<S> = StreamOwned<ClientConnection, S>;

/// What a server has shown in its handshake.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The server's own certificate first.
    chain: Vec<CertificateDer<'static>>,
    /// The version of TLS.
    pub version: &'static str,
}

/// Does the handshake with a server of this name or address, and judges nothing.
pub fn look<S: Read + Write>(mut socket: S, host: &str) -> Result<(Unjudged<S>, Shown), String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "a certificate cannot have this name".to_owned())?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider())))
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    while connection.is_handshaking() {
        connection
            .complete_io(&mut socket)
            .map_err(|error| explain(&error))?;
    }
    let chain = connection.peer_certificates().unwrap_or_default().to_vec();
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(_) | None => "TLS 1.3",
    };
    let shown = Shown { chain, version };
    Ok((StreamOwned::new(connection, socket), shown))
}

impl Shown {
    /// How many certificates there are.
    pub fn length(&self) -> usize {
        self.chain.len()
    }

    /// Whether the chain leads to a root, at a time at which its first certificate is valid.
    pub fn leads_to(&self, roots: &Roots) -> Result<(), String> {
        let roots = read(roots, "--tls-ca")?;
        // An expired certificate is another fault.
        let now = UnixTime::now().as_secs();
        let days = self.days_left().unwrap_or_default().min(0);
        let then = now.saturating_add_signed(days * DAY);
        match self.error_at(then, &roots) {
            None => Ok(()),
            Some(error) => {
                let error = Error::InvalidCertificate(error);
                Err(explain(&io::Error::new(io::ErrorKind::InvalidData, error)))
            }
        }
    }

    /// Whether the certificate is for this name or address.
    pub fn is_for(&self, host: &str) -> bool {
        let Ok(name) = ServerName::try_from(host) else {
            return false;
        };
        let first = self.chain.first().map(ParsedCertificate::try_from);
        matches!(first, Some(Ok(certificate)) if verify_server_name(&certificate, &name).is_ok())
    }

    /// Whole days until the certificate expires, negative if it has; `None` if it cannot be read, or its end is too far
    /// away.
    pub fn days_left(&self) -> Option<i64> {
        let now = UnixTime::now().as_secs();
        let holds = |days: i64| {
            let then = now.saturating_add_signed(days * DAY);
            let error = self.error_at(then, &RootCertStore::empty());
            !matches!(
                error,
                Some(CertificateError::Expired | CertificateError::ExpiredContext { .. })
            )
        };
        // A certificate that has expired stays so: a binary search finds the day.
        let (mut low, mut high) = (-FAR, FAR);
        if !holds(low) || holds(high) {
            return None;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if holds(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    /// What is wrong with the chain at a time. Its validity comes first.
    fn error_at(&self, seconds: u64, roots: &RootCertStore) -> Option<CertificateError> {
        let (first, others) = self.chain.split_first()?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let provider = provider();
        let algorithms = provider.signature_verification_algorithms.all;
        let verified = ParsedCertificate::try_from(first).and_then(|first| {
            verify_server_cert_signed_by_trust_anchor(&first, roots, others, at, algorithms)
        });
        match verified {
            Err(Error::InvalidCertificate(error)) => Some(error),
            Ok(()) => None,
            Err(_) => Some(CertificateError::BadEncoding),
        }
    }
}

/// Takes every certificate; the signatures of the handshake still have to be right.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

const DAY: i64 = 24 * 3600;

/// More days than any certificate of a web server is valid for.
const FAR: i64 = 36_500;
