//! The certificates that a server shows, and the files that they come from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore};
use zeroize::Zeroizing;

/// Two files: a certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and those behind it that lead to a root.
    pub certificate: PathBuf,
    /// The key of the first certificate.
    pub key: PathBuf,
}

/// Of both files, if they are there: which file it is, how large, when it was written, and when it or its permissions
/// changed.
pub(super) type Stamp = [Option<[i64; 7]>; 2];

/// What is wrong with a pair. The text names the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pair {
    /// Reads both files, and looks whether they fit.
    pub fn read(&self) -> Result<CertifiedKey, Fault> {
        let chain = chain(&self.certificate)?;
        let key = key(&self.key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| self.unfit(error))
    }

    fn unfit(&self, error: Error) -> Fault {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        // Errors of rustls have more kinds than there is advice for.
        #[allow(clippy::wildcard_enum_match_arm)]
        Fault(match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                "the key in {key} does not fit the certificate in {certificate}; give the two files of one certificate, \
                 the server's own first if there are more in it"
            ),
            Error::InvalidCertificate(error) => {
                format!("the first certificate in {certificate} cannot be used: {error}")
            }
            error => format!(
                "the key in {key} cannot be used: {error}; make one of ECDSA P-256, P-384, Ed25519 or RSA of 2048 bits or more"
            ),
        })
    }

    /// Differs for files that take the place of these, and for these before they could be read.
    pub(super) fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let file = path.metadata().ok()?;
            let (device, inode, size) = (file.dev() as i64, file.ino() as i64, file.size() as i64);
            let (written, changed) = (
                [file.mtime(), file.mtime_nsec()],
                [file.ctime(), file.ctime_nsec()],
            );
            Some([
                device, inode, size, written[0], written[1], changed[0], changed[1],
            ])
        })
    }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let fault = |why: &dyn fmt::Display| Fault(format!("the certificate {} {why}", path.display()));
    let bytes = read(path, |_| Ok(())).map_err(|why| fault(&why))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| {
        fault(&format_args!(
            "is damaged: {error}; it must have blocks of PEM"
        ))
    })?;
    if chain.is_empty() {
        return Err(fault(
            &"has no certificate in PEM form, a block that begins with -----BEGIN CERTIFICATE-----; give the \
             server's certificate with its chain behind it",
        ));
    }
    Ok(chain)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let fault = |why: &dyn fmt::Display| Fault(format!("the key {} {why}", path.display()));
    let is_private = |mode| match mode & OTHERS {
        0 => Ok(()),
        _ => Err(format!(
            "can be read or written by all users of this machine; run chmod o-rw {}",
            path.display()
        )),
    };
    let bytes = read(path, is_private).map_err(|why| fault(&why))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(&bytes) => fault(&format_args!(
            "is encrypted, and the server has nobody to ask for the passphrase; decrypt it by openssl pkey -in {}",
            path.display()
        )),
        pem::Error::NoItemsFound => fault(
            &"has no key in PEM form, a block that begins with -----BEGIN PRIVATE KEY-----",
        ),
        // What is wrong with a key may be a part of it.
        pem::Error::MissingSectionEnd { .. }
        | pem::Error::IllegalSectionStart { .. }
        | pem::Error::Base64Decode(_)
        | pem::Error::Io(_)
        | pem::Error::SectionTooLarge
        | _ => fault(&"is damaged; it must have one block of PEM"),
    })
}

fn is_encrypted(pem: &[u8]) -> bool {
    let mark = b"ENCRYPTED PRIVATE KEY";
    pem.windows(mark.len()).any(|words| words == mark)
}

/// Reads a small file whose permissions are as they should be.
fn read(
    path: &Path,
    permissions: impl FnOnce(u32) -> Result<(), String>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    // Not by opening it: that waits for a writer where it is a pipe.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err("is no file".to_owned());
    }
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    permissions(metadata.permissions().mode())?;
    // As large as it needs to be: a vector that grows leaves a part of a key behind.
    let size = usize::try_from(metadata.len()).unwrap_or(MOST).min(MOST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 64));
    let most = MOST as u64 + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > MOST {
        return Err(format!("is larger than {MOST} bytes"));
    }
    Ok(bytes)
}

/// Whether a certificate holds at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Valid,
    /// It holds now, and expires within [`SOON`].
    Expires,
    /// It does not hold any more.
    Expired,
    /// It does not hold yet.
    NotYet,
}

/// Whether the server's certificate of a pair holds. Who has signed it is for clients to judge.
pub fn standing(pair: &CertifiedKey) -> Standing {
    let at = |time| {
        let certificate = ParsedCertificate::try_from(pair.end_entity_cert()?)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &RootCertStore::empty(),
            &[],
            time,
            &[],
        )
    };
    let error = |time| match at(time) {
        // The validity is looked at before anything else, as without a root nothing is right in the end.
        Err(Error::InvalidCertificate(error)) => Some(error),
        Ok(()) | Err(_) => None,
    };
    let now = UnixTime::now();
    let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + SOON);
    let is_expired = |error: Option<CertificateError>| {
        matches!(
            error,
            Some(CertificateError::Expired | CertificateError::ExpiredContext { .. })
        )
    };
    match error(now) {
        Some(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            Standing::NotYet
        }
        now if is_expired(now.clone()) => Standing::Expired,
        _ if is_expired(error(soon)) => Standing::Expires,
        _ => Standing::Valid,
    }
}

/// The certificates that hold, which can be replaced while the server runs.
#[derive(Debug)]
pub struct Certificates {
    pairs: RwLock<Arc<[Arc<CertifiedKey>]>>,
    automatic: Option<Automatic>,
}

/// Finds a certificate that the server gets by itself.
#[derive(Clone, Debug)]
pub struct Automatic(pub Arc<dyn ResolvesServerCert>);

impl Certificates {
    /// The first is for clients that name no host, or none that a certificate is for.
    pub fn new(pairs: Vec<Arc<CertifiedKey>>, automatic: Option<Automatic>) -> Self {
        Self {
            pairs: RwLock::new(pairs.into()),
            automatic,
        }
    }

    /// Shows these from now on. Connections that are open keep what they have.
    pub fn replace(&self, pairs: Vec<Arc<CertifiedKey>>) {
        *self.pairs.write() = pairs.into();
    }

    /// Whether an authority may check by a handshake that a name belongs to this server.
    pub(super) fn are_automatic(&self) -> bool {
        self.automatic.is_some()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pairs = Arc::clone(&self.pairs.read());
        let name = hello
            .server_name()
            .and_then(|name| ServerName::try_from(name).ok());
        let is_named = |pair: &CertifiedKey| name.as_ref().is_some_and(|name| is_for(pair, name));
        let fits =
            |pair: &CertifiedKey| pair.key.choose_scheme(hello.signature_schemes()).is_some();
        // One name may have a certificate of each kind of key.
        let named = pairs.iter().find(|pair| is_named(pair) && fits(pair));
        let default = || {
            let fitting = pairs.iter().find(|pair| fits(pair));
            fitting.or_else(|| pairs.first()).cloned()
        };
        let asks = hello
            .alpn()
            .is_some_and(|mut alpn| alpn.any(|name| name == CHALLENGE));
        let Some(Automatic(automatic)) = &self.automatic else {
            return named.cloned().or_else(default);
        };
        if let (Some(named), false) = (named, asks) {
            return Some(Arc::clone(named));
        }
        let first = default();
        let name = name.map(|name| name.to_owned());
        let found = automatic.resolve(hello);
        match (found, first) {
            (Some(found), Some(first)) if !asks => {
                let is_for_it = name.is_some_and(|name| is_for(&found, &name));
                Some(if is_for_it { found } else { first })
            }
            (None, first) if !asks => first,
            (found, _) => found,
        }
    }
}

fn is_for(pair: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = pair.end_entity_cert().and_then(ParsedCertificate::try_from);
    certificate.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

/// The algorithms, of ring.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// How long before its end an operator should hear of it: certbot renews 30 days before.
pub const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// The ALPN protocol of an authority's handshake (RFC 8737 section 6.2).
pub(super) const CHALLENGE: &[u8] = b"acme-tls/1";

/// A group may read a key: certificates of Debian are kept for one.
const OTHERS: u32 = 0o006;

/// A chain has some kilobytes.
const MOST: usize = 1024 * 1024;
