//! A file with the number of the server's process, for scripts that send it signals.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;

use rustix::fs::Mode;
use rustix::process::umask;

use crate::failure::{Exit, Failure};
use crate::files::OwnPath;

/// A PID file. It is emptied and removed when this is dropped, as far as the server's user may.
#[derive(Debug)]
pub(crate) struct PidFile {
    file: File,
    _path: OwnPath,
}

impl PidFile {
    /// Makes the file, or takes over the file of a server that has gone. The number comes later, with [`Self::write`].
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let cannot = |error: io::Error| {
            Exit::Config.because(format!(
                "--pid-file {}: cannot be made: {error}; its folder must exist, and be open to the user that starts the \
                 server",
                path.display()
            ))
        };
        // Other users ask for the number, too. The process has one thread so far.
        let before = umask(Mode::WGRP | Mode::WOTH);
        // No links: root may open this in a folder of the server's user, which could point one at any file.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(path);
        umask(before);
        let mut file = opened.map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = (&mut file as &mut dyn Read)
                    .take(20)
                    .read_to_string(&mut text);
                return Err(Exit::Failure.because(format!(
                    "--pid-file {}: another server holds it, the process {}; stop that one, or choose another file",
                    path.display(),
                    text.trim()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let _path = OwnPath::at(path).map_err(cannot)?;
        Ok(Self { file, _path })
    }

    /// Writes the number of this process, once it serves.
    pub(crate) fn write(mut self) -> Result<Self, Failure> {
        let written = self.file.set_len(0);
        let written = written.and_then(|()| writeln!(self.file, "{}", process::id()));
        written.map_err(|error| {
            Exit::Failure.because(format!("cannot write the file of --pid-file: {error}"))
        })?;
        Ok(self)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A server that has become another user cannot remove root's file. Empty, it says that nothing runs.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn one_server_has_it() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "99999999\n").unwrap();
        let first = PidFile::open(&path).unwrap().write().unwrap();
        let number = format!("{}\n", process::id());
        assert_eq!(fs::read_to_string(&path).unwrap(), number);
        let failure = PidFile::open(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::Failure);
        assert!(failure.message.contains(number.trim()), "{failure}");
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(folder.path().join("target"), "x").unwrap();
        symlink("target", &path).unwrap();
        assert_eq!(PidFile::open(&path).unwrap_err().exit, Exit::Config);
        assert_eq!(
            fs::read_to_string(folder.path().join("target")).unwrap(),
            "x"
        );
    }
}
