//! New files that hold what others on the machine may not read.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Makes a file that only its owner can read. Fails if there is one already.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true).mode(0o600).open(path)
}

/// Says why a file cannot be made or written; `cannot` is what was tried, as in `cannot write`.
pub(crate) fn failure(cannot: &str, path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Exit::Failure.because(match error.kind() == io::ErrorKind::AlreadyExists {
        true => format!("{path} exists, and is left as it is; choose another file"),
        false => format!("{cannot} {path}: {error}"),
    })
}
