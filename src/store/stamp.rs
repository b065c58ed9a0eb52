//! The identity and state of files, read without opening them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What differs between two files, or between two states of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: Inode,
    pub(crate) size: u64,
    /// Seconds since 1970, and nanoseconds.
    pub(crate) changed: (i64, i64),
}

/// What a file keeps under every name, and no other file has meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    number: u64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self {
            inode: Inode::from(&file),
            size: file.size(),
            changed: (file.mtime(), file.mtime_nsec()),
        })
    }
}

impl Stamp {
    /// Nothing if there is no file, but something else or nothing at all.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        let is_file = fs::metadata(path).is_ok_and(|about| about.is_file());
        is_file.then(|| Self::of(path).ok()).flatten()
    }
}

impl From<&fs::Metadata> for Inode {
    fn from(file: &fs::Metadata) -> Self {
        Self {
            device: file.dev(),
            number: file.ino(),
        }
    }
}

/// SQLite's side files lie beside the file that a symbolic link leads to.
pub(crate) fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = real.into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_files_of_a_link_are_beside_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(folder.join("stores")).unwrap();
        fs::write(folder.join("stores/real.db"), "").unwrap();
        let link = folder.join("link.db");
        std::os::unix::fs::symlink("stores/real.db", &link).unwrap();
        assert_eq!(side_file(&link, "-wal"), folder.join("stores/real.db-wal"));
        // Where there is nothing, it would be beside the name.
        let none = folder.join("none.db");
        assert_eq!(side_file(&none, "-wal"), folder.join("none.db-wal"));
        assert!(Stamp::of_file(&folder.join("stores")).is_none());
        assert!(Stamp::of_file(&link).is_some());
    }
}
