//! The log in a file, which is opened again when a program like logrotate has renamed it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Exit, Failure};

/// An output that appends to a file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    again: Reopen,
}

/// Asks a [`LogFile`] to open its path again.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicBool>);

impl Reopen {
    /// The next write or flush goes to the file that is at the path then.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl LogFile {
    /// Opens the file, or makes it for its owner and group.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = open(path).map_err(|error| {
            Exit::Config.because(format!(
                "--log-file {}: cannot be written: {error}; its folder must exist, and be open to the user that the server \
                 runs as",
                path.display()
            ))
        })?;
        Ok(Self {
            path: path.into(),
            file,
            again: Reopen::default(),
        })
    }

    /// How to make it open its path again.
    pub fn reopen(&self) -> Reopen {
        self.again.clone()
    }

    fn look(&mut self) {
        if !self.again.0.swap(false, Ordering::SeqCst) {
            return;
        }
        match open(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => log::warn!(
                "the log file {} cannot be opened again: {error}; the log stays in the file that was renamed",
                self.path.display()
            ),
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.look();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.look();
        self.file.flush()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn it_is_opened_again_when_asked() {
        let folder = tempdir().unwrap();
        let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
        fs::write(&path, "zero\n").unwrap();
        let mut log = LogFile::open(&path).unwrap();
        let again = log.reopen();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, &old).unwrap();
        log.write_all(b"two\n").unwrap();
        again.ask();
        // Even if nothing is written for long, the new file is there at once.
        log.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
        log.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "zero\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        // Where that fails, the log goes on.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        again.ask();
        log.write_all(b"four\n").unwrap();
    }
}
