//! `--acme`: certificates that the server gets by itself (RFC 8555). An authority checks
//! that a name belongs to this server by a handshake with it (TLS-ALPN-01, RFC 8737).

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::server::ResolvesServerCert;
use rustls_acme::{AccountCache, AcmeConfig, AcmeState, CertCache, EventOk};
use sha1::{Digest, Sha1};
use smol::stream::StreamExt;
use tempfile::NamedTempFile;

use super::certificates::Fault;
use super::client::{self, Roots};

/// The names to get a certificate for, and the authority.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The names of the one certificate.
    pub names: &'a [String],
    /// The mail addresses that the authority may write to.
    pub contacts: &'a [String],
    /// The URL of the authority's directory.
    pub directory: &'a str,
    /// The roots to trust for the authority's own server.
    pub roots: &'a Roots,
    /// Where account and certificate are kept.
    pub cache: &'a Path,
}

/// Gets certificates, once it is [run](Self::run).
#[derive(Debug)]
pub struct Acme {
    state: AcmeState<io::Error>,
    cache: PathBuf,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Another certificate is shown from now on.
    Shown,
    /// Something has failed, and is tried again.
    Failed(String),
}

impl Acme {
    /// Nothing is sent or written yet.
    pub fn open(wanted: &Wanted<'_>) -> Result<Self, Fault> {
        let config = client::config(wanted.roots, "--acme-ca").map_err(Fault::new)?;
        let contacts = wanted.contacts.iter().map(|mail| format!("mailto:{mail}"));
        let config = AcmeConfig::new_with_client_config(wanted.names, Arc::new(config))
            .contact(contacts)
            .directory(wanted.directory)
            .cache(Cache(wanted.cache.to_owned()));
        Ok(Self {
            state: config.state(),
            cache: wanted.cache.to_owned(),
        })
    }

    /// Makes the folder for account and certificate, and checks that it can be written.
    pub fn prepare(&self) -> Result<(), Fault> {
        Cache(self.cache.clone()).prepare().map_err(|error| {
            let cache = self.cache.display();
            Fault::new(format!("--acme-cache {cache} cannot be written: {error}"))
        })
    }

    /// Finds the certificate for a handshake: the server's, or the one that the authority asks for.
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.state.resolver()
    }

    /// Gets a certificate, and gets the next one before it expires, for ever.
    pub fn run(mut self, mut tell: impl FnMut(News)) {
        let mut failures: u32 = 0;
        while let Some(event) = smol::block_on(self.state.next()) {
            match event {
                Ok(EventOk::DeployedCachedCert | EventOk::DeployedNewCert) => {
                    failures = 0;
                    tell(News::Shown);
                }
                Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {}
                Err(error) => {
                    failures += 1;
                    tell(News::Failed(error.to_string()));
                    // An authority counts failures, and takes only a few in an hour.
                    if failures > QUICK_TRIES {
                        std::thread::sleep(LATER);
                    }
                }
            }
        }
    }
}

/// A folder with the account's key, and a certificate with its key.
struct Cache(PathBuf);

impl Cache {
    fn prepare(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        // A trial, in the way a certificate is written.
        NamedTempFile::new_in(&self.0).map(|_| ())
    }

    /// The file for these words. Other words have another file.
    fn file(&self, kind: &str, words: &[String], directory: &str) -> PathBuf {
        let mut hash = Sha1::new();
        for word in words.iter().map(String::as_str).chain([directory]) {
            hash.update(word);
            hash.update([0]);
        }
        let hash: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.0.join(format!("{kind}-{hash}"))
    }

    fn load(path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(path, &error)),
        }
    }

    /// Replaces the file as a whole. Only its owner can read it.
    fn store(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let write = || {
            let mut file = NamedTempFile::new_in(&self.0)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            io::Result::Ok(())
        };
        write().map_err(|error| named(path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// It waits for the disk: nothing else is on its thread.
#[async_trait]
impl CertCache for Cache {
    type EC = io::Error;

    async fn load_cert(&self, names: &[String], directory: &str) -> io::Result<Option<Vec<u8>>> {
        Self::load(&self.file(CERTIFICATE, names, directory))
    }

    async fn store_cert(&self, names: &[String], directory: &str, pem: &[u8]) -> io::Result<()> {
        self.store(&self.file(CERTIFICATE, names, directory), pem)
    }
}

#[async_trait]
impl AccountCache for Cache {
    type EA = io::Error;

    async fn load_account(&self, mails: &[String], directory: &str) -> io::Result<Option<Vec<u8>>> {
        Self::load(&self.file(ACCOUNT, mails, directory))
    }

    async fn store_account(&self, mails: &[String], directory: &str, key: &[u8]) -> io::Result<()> {
        self.store(&self.file(ACCOUNT, mails, directory), key)
    }
}

const CERTIFICATE: &str = "certificate";
const ACCOUNT: &str = "account";

/// Failures after which there is a longer pause.
const QUICK_TRIES: u32 = 3;
const LATER: Duration = Duration::from_secs(15 * 60);
