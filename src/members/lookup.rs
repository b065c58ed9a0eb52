//! One connection for the lookups of a running server, and what happens to it when the file under
//! it is deleted, replaced or damaged.
//!
//! An open SQLite connection goes on answering from a deleted file, and its pages stay in the cache
//! when the file is overwritten in place. So the path is looked at before each lookup, and the
//! connection is opened anew when the file is another or has changed.
//!
//! There is one connection for all threads of the pool, behind the pool's lock. A lookup takes
//! microseconds and a hash tens of milliseconds, so nobody waits long; and one connection per
//! thread would be wrong: as the first to meet a replaced file opens it, SQLite truncates the
//! `-shm` file that the others still have mapped (a SIGBUS), since the locks that forbid this do
//! not hold inside one process.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flashgate_core::{Login, Member, MemberId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::schema::{self, Fault, StoreError};

/// Where lookups find their answers.
#[derive(Debug)]
pub(super) struct Lookups {
    place: Place,
    open: Option<Open>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Memory,
}

/// An open store. It is kept open while its file is missing: that keeps the numbers of its inodes
/// from being given to other files, so that comparing them tells the truth.
#[derive(Debug)]
struct Open {
    connection: Connection,
    /// The file as it was when last seen; `None` in memory.
    stamp: Option<Stamp>,
    /// The write-ahead log that belongs to that file.
    wal: Option<Inode>,
    /// An error came from it that opening it anew may mend.
    suspect: bool,
    /// Logins were noted since the last checkpoint.
    written: bool,
}

/// A member as a lookup needs it, with what the password is compared with.
pub(super) struct Found {
    pub(super) member: Member,
    pub(super) active: bool,
    /// Never shown: this type has no `Debug`.
    pub(super) password: String,
}

impl Lookups {
    /// Over the file at `path`, which must be a store.
    pub(super) fn file(path: &Path) -> Result<Self, StoreError> {
        let mut lookups = Self {
            place: Place::File(path.to_owned()),
            open: None,
        };
        lookups.ready().map_err(|fault| fault.at(path))?;
        Ok(lookups)
    }

    /// Over a store in memory.
    pub(super) fn memory(connection: Connection) -> Self {
        Self {
            place: Place::Memory,
            open: Some(Open {
                connection,
                stamp: None,
                wal: None,
                suspect: false,
                written: false,
            }),
        }
    }

    /// Finds the member whom a client says it is, active or not.
    pub(super) fn find(&mut self, login: &Login) -> Result<Option<Found>, StoreError> {
        let found = self.ready().and_then(|open| open.find(login));
        found.map_err(|fault| self.failed(fault))
    }

    /// Notes a good login. Waits for no lock longer than a moment: to know when somebody was here
    /// last is not worth anybody's waiting.
    pub(super) fn note_login(&mut self, id: MemberId) -> Result<(), StoreError> {
        let noted = self.ready().and_then(|open| open.note_login(id));
        noted.map_err(|fault| self.failed(fault))
    }

    /// Moves what was written from the write-ahead log into the file, and empties the log.
    ///
    /// To be called when there is nothing else to do. A log that lies beside a file it does not
    /// belong to damages that file; an empty one does not. So an operator who copies a backup into
    /// place while the server is quiet loses nothing, whatever else he forgets.
    pub(super) fn idle(&mut self) {
        let Place::File(path) = &self.place else {
            return;
        };
        let Some(open) = self.open.as_mut().filter(|open| open.written) else {
            return;
        };
        if Stamp::of(path).ok() != open.stamp {
            return;
        }
        // Readers or a writer elsewhere keep it from being done; the next quiet moment will do.
        let done = open
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        open.written = done != Ok(0);
        // That has changed the file. Whether somebody else has, too, is not to be told any more, so
        // the next lookup opens it anew.
        open.suspect = true;
    }

    fn failed(&mut self, fault: Fault) -> StoreError {
        if let Some(open) = &mut self.open {
            open.suspect |= fault != Fault::Locked;
        }
        match &self.place {
            Place::File(path) => fault.at(path),
            Place::Memory => fault.at(Path::new("in memory")),
        }
    }

    /// The open store, once it is sure to be the file at the path.
    fn ready(&mut self) -> Result<&mut Open, Fault> {
        let Place::File(path) = &self.place else {
            return self.open.as_mut().ok_or(Fault::Missing);
        };
        let stamp = Stamp::of(path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Fault::Missing
            } else {
                Fault::CannotOpen(error.to_string())
            }
        })?;
        let current = |open: &Open| open.stamp == Some(stamp) && !open.suspect;
        if !self.open.as_ref().is_some_and(current) {
            if let Some(old) = self.open.take() {
                close(old, path, stamp);
            }
            self.open = Some(Open::new(path)?);
        }
        self.open.as_mut().ok_or(Fault::Missing)
    }
}

/// Closes the connection to what was at `path`, where there is now the file of `stamp`.
fn close(old: Open, path: &Path, stamp: Stamp) {
    let replaced = old.stamp.is_some_and(|old| old.inode != stamp.inode);
    // Looked at while the old one is still open, so that its inode cannot be another file's.
    let wal = side_file(path, "-wal");
    let stale = replaced && old.wal.is_some() && Inode::of(&wal) == old.wal;
    drop(old);
    if stale {
        // The old file's log beside the new file: SQLite would play it into the new one.
        for file in [wal, side_file(path, "-shm")] {
            log::warn!(
                "removing {}, left by the file that was replaced",
                file.display()
            );
            if let Err(error) = fs::remove_file(&file) {
                log::warn!("cannot remove {}: {error}", file.display());
            }
        }
    }
}

impl Open {
    fn new(path: &Path) -> Result<Self, Fault> {
        let before = Stamp::of(path).map_err(|_| Fault::Missing)?;
        let connection = schema::open_current(path, BUSY)?;
        let after = Stamp::of(path).map_err(|_| Fault::Missing)?;
        Ok(Self {
            connection,
            stamp: Some(after),
            wal: Inode::of(&side_file(path, "-wal")),
            // Opened while the file was being replaced: which of the two, nobody knows.
            suspect: before != after,
            written: false,
        })
    }

    fn find(&mut self, login: &Login) -> Result<Option<Found>, Fault> {
        let found = match login {
            Login::Id(id) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, password FROM members WHERE id = ?1",
                )?
                .query_row([id.0], found)
                .optional()?,
            Login::Nick(nick) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, password FROM members WHERE nick = ?1",
                )?
                .query_row([nick.as_ref()], found)
                .optional()?,
        };
        Ok(found)
    }

    fn note_login(&mut self, id: MemberId) -> Result<(), Fault> {
        self.connection.busy_timeout(BUSY_NOTE)?;
        let noted = self
            .connection
            .prepare_cached("UPDATE members SET last_login_at = unixepoch() WHERE id = ?1")
            .and_then(|mut statement| statement.execute(params![id.0]));
        self.connection.busy_timeout(BUSY)?;
        noted?;
        self.written = true;
        Ok(())
    }
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let (nick, name): (String, String) = (row.get(1)?, row.get(2)?);
    Ok(Found {
        member: Member {
            id: MemberId(row.get(0)?),
            nick: Arc::from(nick),
            name: Arc::from(name),
        },
        active: row.get(3)?,
        password: row.get(4)?,
    })
}

/// What tells a file from another, and from itself before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: Inode,
    size: u64,
    changed: (i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::metadata(path)?;
        Ok(Self {
            inode: Inode::from(&file),
            size: file.size(),
            changed: (file.mtime(), file.mtime_nsec()),
        })
    }
}

impl Inode {
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|file| Self::from(&file))
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
fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = real.into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// How long a lookup waits for a lock: well below the 10 s after which the core gives it up.
const BUSY: Duration = Duration::from_secs(2);

/// How long noting a login waits for a lock.
const BUSY_NOTE: Duration = Duration::from_millis(25);
