//! A member store that is open for lookups.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{Login, Member, MemberId};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::backend::Found;
use super::error::Fault;
use super::notes::{Notes, Renewed};
use super::schema::{self, Log};
use super::stamp::{Inode, Stamp, side_file};
use crate::password::Hash;
use flashgate_core::name::Nick;

/// An open store. It is kept open while its file is missing, so that no other file gets the numbers of its
/// inodes and a comparison of them is reliable. (SQLite's own connection keeps them: closing another
/// descriptor of the same file would drop the locks of the whole process.)
pub(super) struct Open {
    pub(super) connection: Connection,
    /// The file as it was when last seen; `None` in memory.
    pub(super) stamp: Option<Stamp>,
    /// Where its write-ahead log is.
    pub(super) log: PathBuf,
    /// The write-ahead log as last seen beside that file; what was in it belonged to that file.
    pub(super) wal: Option<Stamp>,
    /// It has returned an error that opening it again may mend.
    pub(super) suspect: bool,
    /// When the first of the logins was noted that may still be in the log alone.
    pub(super) written: Option<Instant>,
    /// When the current query is interrupted.
    pub(super) ends: Ends,
}

/// The time limit of a query. A view may never end, and other lookups wait meanwhile.
#[derive(Clone)]
pub(super) struct Ends {
    longest: Duration,
    at: Arc<Mutex<Option<Instant>>>,
}

impl Ends {
    /// No query is interrupted.
    pub(super) fn never() -> Self {
        Self {
            longest: Duration::MAX,
            at: Arc::default(),
        }
    }

    /// Interrupts the queries of a connection that compute for longer than `longest`.
    fn of(connection: &mut Connection, longest: Duration) -> Result<Self, Fault> {
        let ends = Self {
            longest,
            ..Self::never()
        };
        let at = Arc::clone(&ends.at);
        let is_over = move || at.lock().is_some_and(|at| Instant::now() >= at);
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(ends)
    }

    /// Starts the time limit of a query.
    pub(super) fn begin(&self) {
        *self.at.lock() = Instant::now().checked_add(self.longest);
    }
}

/// Closes the connection to what was at `path`, where there is now the file of `stamp`.
pub(super) fn close(old: Open, path: &Path, stamp: Stamp) {
    let replaced = !old.is(stamp.inode);
    let wal = side_file(path, "-wal");
    // Looked at while the old one is still open, so that its inode cannot be another file's.
    let now = Stamp::of(&wal).ok().filter(|now| now.size > 0);
    let (ours, unchanged) = (
        now.is_some_and(|now| old.wal.is_some_and(|wal| wal.inode == now.inode)),
        now == old.wal,
    );
    drop(old);
    if !replaced || !ours {
        return;
    }
    let shown = wal.display();
    if !unchanged {
        // Another program has committed to the new file, and the log holds that, too.
        log::warn!("{shown} belongs to the file that replaced the old store, and is kept");
        return;
    }
    // This is the old file's log beside the new file: SQLite would play it into the new file. The `-shm` file
    // does no harm, because the first program to open the store makes it again.
    let stale = side_file(path, "-wal.stale");
    match fs::rename(&wal, &stale) {
        Ok(()) => log::warn!(
            "{shown} belonged to the store that was replaced, and was renamed to {}; you can remove it",
            stale.display()
        ),
        Err(error) => {
            log::warn!(
                "cannot rename {shown}, which belonged to the store that was replaced: {error}"
            )
        }
    }
}

impl Open {
    pub(super) fn new(path: &Path, busy: Duration, longest: Duration) -> Result<Self, Fault> {
        let before = Stamp::of(path).map_err(|_| Fault::Missing)?;
        let mut connection = schema::open_current(path, busy)?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        let ends = Ends::of(&mut connection, longest)?;
        let log = side_file(path, "-wal");
        let wal = Stamp::of(&log).ok();
        let after = Stamp::of(path).map_err(|_| Fault::Missing)?;
        Ok(Self {
            connection,
            stamp: Some(after),
            log,
            wal,
            // The file was replaced while it was opened: either of the two may be open.
            suspect: before != after,
            written: None,
            ends,
        })
    }

    pub(super) fn inode(&self) -> Option<Inode> {
        self.stamp.map(|stamp| stamp.inode)
    }

    pub(super) fn is(&self, inode: Inode) -> bool {
        self.inode() == Some(inode)
    }

    /// Whether it is still what is at the path, which has this stamp now.
    pub(super) fn is_current(&self, stamp: Stamp) -> bool {
        self.stamp == Some(stamp) && !self.suspect
    }

    /// Looks at what is at the path now, and remembers the log if this file is still in place.
    pub(super) fn look(&mut self, path: &Path) -> io::Result<Stamp> {
        // The log first: if the file is in place after that, the log was still its own.
        let wal = Stamp::of(&self.log).ok();
        let stamp = Stamp::of(path)?;
        if self.is(stamp.inode) {
            self.wal = wal;
        }
        Ok(stamp)
    }

    /// Moves the log into the file. Returns whether all of it is there: readers or a writer elsewhere can prevent
    /// that, and then the next quiet moment will do.
    pub(super) fn checkpoint(&mut self) -> bool {
        let done: rusqlite::Result<i64> = self.connection.busy_timeout(BUSY_NOTE).and_then(|()| {
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        });
        if done == Ok(0) {
            return true;
        }
        // The checkpoint has changed the file. Whether another program has changed it, too, can no longer be
        // seen, so the next lookup opens it again. That loses the time at which the log was begun, but not
        // the log.
        self.suspect = true;
        false
    }

    pub(super) fn find(&mut self, login: &Login, busy: Duration) -> Result<Option<Found>, Fault> {
        self.connection.busy_timeout(busy)?;
        self.ends.begin();
        find(&self.connection, login, self.inode())
    }

    /// Stores the hash of another password, if the row is as it was found.
    pub(super) fn set_password(&mut self, found: &Found, hash: &Hash) -> Result<bool, Fault> {
        self.ends.begin();
        self.connection.busy_timeout(BUSY_NOTE)?;
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE members SET password = ?3 WHERE id = ?1 AND password = ?2 AND nick = ?4",
            )?
            .execute(params![
                found.member.id.0,
                found.password,
                hash.as_str(),
                &*found.member.nick
            ])?;
        self.written.get_or_insert_with(Instant::now);
        Ok(changed == 1)
    }

    pub(super) fn write(&mut self, notes: &Notes) -> Result<(), Fault> {
        self.ends.begin();
        self.connection.busy_timeout(BUSY_NOTE)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut statement = transaction.prepare_cached(
                "UPDATE members SET last_login_at = ?3 WHERE id = ?1 AND nick = ?2",
            )?;
            let mut renew = transaction.prepare_cached(
                "UPDATE members SET password = ?3 WHERE id = ?1 AND password = ?2",
            )?;
            for (id, note) in &notes.waiting {
                if let Some(at) = note.at {
                    statement.execute(params![id.0, &*note.nick, at])?;
                }
                // A password that was set meanwhile is newer.
                if let Some(Renewed { was, is }) = &note.renewed {
                    renew.execute(params![id.0, was, is.as_str()])?;
                }
            }
        }
        transaction.commit()?;
        self.written.get_or_insert_with(Instant::now);
        Ok(())
    }
}

/// Reads a store beside which SQLite can make no files: the disk is full, has no inodes left or is read-only,
/// or something else has the names of those files. `read` gets a connection that needs none of them.
///
/// It takes no locks either, so what was read counts only if the files have stayed as they were.
pub(super) fn read_unshared<T>(
    path: &Path,
    longest: Duration,
    read: impl FnOnce(&Connection, Option<Inode>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let sight = || match Stamp::of(path) {
        Ok(file) => Ok((file, log_beside(path))),
        Err(error) => Err(Fault::CannotOpen(error.to_string())),
    };
    let before = sight()?;
    let mut connection = open_unshared(path)?;
    Ends::of(&mut connection, longest)?.begin();
    let value = read(&connection, Some(before.0.inode))?;
    if sight()? != before {
        return Err(Fault::Locked);
    }
    Ok(value)
}

/// Opens a store as [`read_unshared`] does.
pub(super) fn open_unshared(path: &Path) -> Result<Connection, Fault> {
    if is_half_done(&side_file(path, "-journal")) {
        let why = "a change to it was never finished, and cannot be undone";
        return Err(Fault::CannotOpen(why.to_owned()));
    }
    let log = match log_beside(path) {
        Some(_) => Log::Holds,
        None => Log::Empty,
    };
    schema::open_unshared(path, log)
}

/// The log that holds what the store does not; a folder of that name holds nothing.
fn log_beside(path: &Path) -> Option<Stamp> {
    Stamp::of_file(&side_file(path, "-wal")).filter(|log| log.size > 0)
}

/// Whether a fault may be of the files beside a store, and not of the store itself.
pub(super) fn may_be_beside(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Full | Fault::CannotOpen(_) | Fault::ReadOnly | Fault::Other(_)
    )
}

/// Whether a rollback journal has to be played back, which changes the store: its header is whole.
fn is_half_done(journal: &Path) -> bool {
    let mut header = [0; JOURNAL.len()];
    let read = fs::File::open(journal).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header == JOURNAL
}

/// Finds a member in an open store.
pub(super) fn find(
    connection: &Connection,
    login: &Login,
    file: Option<Inode>,
) -> Result<Option<Found>, Fault> {
    let found = |row: &Row<'_>| Ok(found(row, file));
    let found = match login {
        Login::Id(id) => connection
            .prepare_cached(
                "SELECT id, nick, name, active, password, (SELECT max(seq) FROM changes)
                 FROM members WHERE id = ?1",
            )?
            .query_row([id.0], found)
            .optional()?,
        Login::Nick(nick) => connection
            .prepare_cached(
                "SELECT id, nick, name, active, password, (SELECT max(seq) FROM changes)
                 FROM members WHERE nick = ?1",
            )?
            .query_row([nick.as_ref()], found)
            .optional()?,
    };
    found.transpose()
}

fn found(row: &Row<'_>, file: Option<Inode>) -> Result<Found, Fault> {
    let id: i64 = row.get(0)?;
    let text = |at: usize, column| {
        let bytes = row.get_ref(at)?.as_bytes().map_err(rusqlite::Error::from)?;
        let text = std::str::from_utf8(bytes);
        text.map_err(|_| Fault::Unreadable { id, column })
    };
    let nick = text(1, "nick")?;
    // Written by another program, or by a flashgate with fewer rules. It may look like another member's nick.
    Nick::new(nick).map_err(|why| Fault::Misnamed { id, why })?;
    Ok(Found {
        member: Member {
            id: MemberId(id),
            nick: Arc::from(nick),
            name: Arc::from(text(2, "name")?),
        },
        active: row.get(3)?,
        password: text(4, "password")?.to_owned(),
        unusable: None,
        as_of: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
        comparisons: 0,
        file,
    })
}

impl Found {
    /// Whether the row has stayed as it was, but for what a login reads anew each time.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let is_same = self.member.nick == other.member.nick && self.password == other.password;
        is_same && self.active == other.active
    }
}

/// What a rollback journal begins with (SQLite's file format, section 3).
const JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// How long noting logins waits for a lock, and moving it from the log into the file.
pub(super) const BUSY_NOTE: Duration = Duration::from_millis(25);

/// SQLite's page cache; negative numbers are KiB. The system has the file in memory, too, and a page from
/// there costs a microsecond. SQLite's default of 2 MB is more than a thousand connections take.
const CACHE: i64 = -256;

/// Steps of SQLite's machine between two looks at the clock: some microseconds.
const STEPS: i32 = 1000;

#[cfg(test)]
mod tests {
    use super::super::members::Members;
    use super::*;

    /// Without locks, rows that were read during a write are not valid.
    #[test]
    fn what_changes_while_it_is_read_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        drop(Members::open_or_create(&path).unwrap());
        assert_eq!(read_unshared(&path, Duration::MAX, |_, _| Ok(7)), Ok(7));
        let write = || {
            let writer = Connection::open(&path).unwrap();
            writer
                .execute_batch("PRAGMA user_version = 3; PRAGMA wal_checkpoint")
                .unwrap();
            writer
        };
        let read = read_unshared(&path, Duration::MAX, |_, _| {
            drop(write());
            Ok(())
        });
        assert_eq!(read, Err(Fault::Locked));
        // The log counts, too.
        let writer = write();
        let read = read_unshared(&path, Duration::MAX, |_, _| {
            writer
                .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 3")
                .unwrap();
            Ok(())
        });
        assert_eq!(read, Err(Fault::Locked));
    }

    /// As of a store that is open in the usual way.
    #[test]
    fn a_query_without_an_end_is_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        drop(Members::open_or_create(&path).unwrap());
        let endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n)
            SELECT n FROM n WHERE n < 0";
        let read = read_unshared(&path, Duration::from_millis(20), |store, _| {
            Ok(store.query_row(endless, [], |row| row.get::<_, i64>(0))?)
        });
        assert!(matches!(read, Err(Fault::Slow(_))), "{read:?}");
    }

    /// Others may be about to write to it.
    #[test]
    fn a_log_that_was_read_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        drop(Members::open_or_create(&path).unwrap());
        let writer = Connection::open(&path).unwrap();
        let disable = "PRAGMA wal_autocheckpoint = 0;
            INSERT INTO members (id, nick, nick_key, name, password) VALUES (7, 'a', 'a', 'A', '')";
        writer.execute_batch(disable).unwrap();
        // The files as a killed server leaves them.
        let (copy, log) = (folder.path().join("c.db"), folder.path().join("c.db-wal"));
        fs::copy(&path, &copy).unwrap();
        fs::copy(side_file(&path, "-wal"), &log).unwrap();
        let files = || (fs::read(&copy).unwrap(), fs::read(&log).unwrap());
        let before = files();
        let found = read_unshared(&copy, Duration::MAX, |store, file| {
            find(store, &Login::Id(MemberId(7)), file)
        });
        assert_eq!(&*found.unwrap().unwrap().member.nick, "a");
        assert!(files() == before);
        assert!(!folder.path().join("c.db-shm").exists());
        // A file that is not a log cannot be moved into the store, and is kept.
        fs::write(&log, [0xa5; 5000]).unwrap();
        let before = files();
        let found = read_unshared(&copy, Duration::MAX, |store, file| {
            find(store, &Login::Id(MemberId(7)), file)
        });
        assert!(found.unwrap().is_none());
        assert!(files() == before);
    }
}
