//! Files that other users may not read, and files that are removed with the server.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::failure::{Exit, Failure};

/// Makes a file that only its owner can read. Fails if there is one already.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true).mode(0o600).open(path)
}

/// The path of a file of ours. The file is removed when this is dropped, unless another one has taken its place.
#[derive(Debug)]
pub(crate) struct OwnPath {
    pub(crate) path: PathBuf,
    identity: Identity,
}

/// Distinguishes a file from another one that takes its place. Some file systems give the number of a removed file to
/// the next one, and some do not know when a file was made.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    created: Option<SystemTime>,
}

impl OwnPath {
    /// The file that is there now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.into(),
            identity: Identity::of(path)?,
        })
    }
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::symlink_metadata(path)?;
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            created: file.created().ok(),
        })
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        if Identity::of(&self.path).is_ok_and(|now| now == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Says why a file cannot be made or written; `cannot` is what was tried, as in `cannot write`.
pub(crate) fn failure(cannot: &str, path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Exit::Failure.because(match error.kind() == io::ErrorKind::AlreadyExists {
        true => format!("{path} exists, and is left as it is; choose another file"),
        false => format!("{cannot} {path}: {error}"),
    })
}
