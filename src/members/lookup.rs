//! One connection for the lookups of a running server, and what happens to it when the file under
//! it is deleted, replaced or damaged.
//!
//! An open SQLite connection goes on answering from a deleted file, and its pages stay in the cache
//! when the file is overwritten in place. So the path is looked at before each lookup, and the
//! connection is opened anew when the file is another or has changed.
//!
//! In quiet moments there is no connection at all, and so no `-wal` or `-shm` file. An open
//! connection would share the two with whoever opens the file that takes the store's place, and
//! nobody could tell then whose pages are in the log.
//!
//! There is one connection for all threads of the pool, behind the pool's lock. A lookup takes
//! microseconds and a hash tens of milliseconds, so nobody waits long; and one connection per
//! thread would be wrong: as the first to meet a replaced file opens it, SQLite truncates the
//! `-shm` file that the others still have mapped (a SIGBUS), since the locks that forbid this do
//! not hold inside one process.
//!
//! Good logins are noted in the store some time later, many in one transaction, and new hashes of
//! passwords with them. Until that is committed the old hash is what is stored.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{Login, Member, MemberId};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::notes::{Notes, Renewed};
use super::schema::{self, Fault, StoreError};

/// Where lookups find their answers.
#[derive(Debug)]
pub(super) struct Lookups {
    place: Place,
    open: Option<Open>,
    notes: Notes,
    /// When a lookup last gave up waiting for a lock.
    locked: Option<Instant>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Memory,
}

/// An open store. It is kept open while its file is missing: that keeps the numbers of its inodes
/// from being given to other files, so that comparing them tells the truth. (SQLite's own
/// connection keeps them: another descriptor of the same file would, as it is closed, drop the
/// locks of the whole process.)
#[derive(Debug)]
struct Open {
    connection: Connection,
    /// The file as it was when last seen; `None` in memory.
    stamp: Option<Stamp>,
    /// Where its write-ahead log is.
    log: PathBuf,
    /// The write-ahead log as last seen beside that file; what was in it belonged to that file.
    wal: Option<Stamp>,
    /// An error came from it that opening it anew may mend.
    suspect: bool,
    /// When the first of the logins was noted that may still be in the log alone.
    written: Option<Instant>,
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
            notes: Notes::default(),
            locked: None,
        };
        lookups.ready(BUSY).map_err(|fault| fault.at(path))?;
        Ok(lookups)
    }

    /// Over a store in memory.
    pub(super) fn memory(connection: Connection) -> Self {
        Self {
            place: Place::Memory,
            open: Some(Open {
                connection,
                stamp: None,
                log: PathBuf::new(),
                wal: None,
                suspect: false,
                written: None,
            }),
            notes: Notes::default(),
            locked: None,
        }
    }

    /// Finds the member whom a client says it is, active or not. The client asked at `since`.
    ///
    /// Lookups wait for a lock one after the other, behind the pool's lock. Whoever has waited here
    /// while another waited in vain has waited enough: else the last of many would be told of the
    /// lock long after the core has given it up.
    pub(super) fn find(
        &mut self,
        login: &Login,
        since: Instant,
    ) -> Result<Option<Found>, StoreError> {
        let busy = match self.locked {
            Some(locked) if since <= locked => Duration::ZERO,
            Some(_) | None => BUSY,
        };
        let found = self.ready(busy).and_then(|open| open.find(login, busy));
        match &found {
            Err(Fault::Locked) if !busy.is_zero() => self.locked = Some(Instant::now()),
            Err(_) => {}
            Ok(_) => self.locked = None,
        }
        found.map_err(|fault| self.failed(fault))
    }

    /// Finds somebody as [`find`](Self::find) does, but only if that needs neither a file to be
    /// opened nor a lock to be waited for.
    pub(super) fn find_at_once(&mut self, login: &Login) -> Option<Found> {
        let open = self.open.as_mut()?;
        if let Place::File(path) = &self.place {
            let stamp = open.look(path).ok()?;
            if !open.is_current(stamp) {
                return None;
            }
        }
        // Whoever opens and waits meets the same error, and tells of it.
        open.find(login, Duration::ZERO).ok()?
    }

    /// Notes a good login, to be written soon: by [`answered`](Self::answered) or
    /// [`idle`](Self::idle). The new hash of a password, if there is one, goes with it.
    pub(super) fn note_login(&mut self, member: &Member, renewed: Option<Renewed>) {
        let file = self.open.as_ref().and_then(Open::inode);
        self.notes.add(member, renewed, file);
    }

    /// To be called after every lookup: a server that is never idle notes its logins and puts its
    /// log away too, once in a while.
    pub(super) fn answered(&mut self) {
        let written = self.open.as_ref().and_then(|open| open.written);
        if self.notes.are_due() || written.is_some_and(|since| since.elapsed() >= LOG_LIVES) {
            self.idle();
        }
    }

    /// Writes down who has logged in. Waits for no lock longer than a moment: to know when somebody
    /// was here last is not worth anybody's waiting.
    pub(super) fn write_notes(&mut self) {
        // A file that has replaced theirs is not opened for them: its log may be yet to come.
        if let Place::File(path) = &self.place
            && let Ok(now) = Stamp::of(path)
        {
            self.notes.keep_to(Some(now.inode));
        }
        if self.notes.is_empty() {
            return;
        }
        self.notes.put_off();
        let written = match self.ready(BUSY_NOTE) {
            Ok(open) => {
                let file = open.inode();
                self.notes.keep_to(file);
                let open = self.open.as_mut().expect("it is ready");
                open.write(&self.notes)
            }
            Err(fault) => Err(fault),
        };
        if let (Place::File(path), Some(open)) = (&self.place, &mut self.open) {
            let _ = open.look(path);
        }
        match written {
            Ok(()) => self.notes.done(),
            Err(fault) => {
                let error = self.failed(fault);
                log::info!("logins are not noted yet: {error}");
            }
        }
    }

    /// Writes down who has logged in, moves that from the write-ahead log into the file, and closes
    /// the store, which removes the log.
    ///
    /// To be called when there is nothing else to do. A log that lies beside a file it does not
    /// belong to damages that file. So an operator who puts a backup into place while the server is
    /// quiet loses nothing, whatever else he forgets.
    pub(super) fn idle(&mut self) {
        self.write_notes();
        let Place::File(path) = &self.place else {
            return;
        };
        let Some(open) = &mut self.open else {
            return;
        };
        let in_place = Stamp::of(path).is_ok_and(|now| open.is(now.inode));
        // What waits to be noted keeps the file open: another could be given its inode.
        if !in_place || !self.notes.is_empty() || (open.written.is_some() && !open.checkpoint()) {
            return;
        }
        self.open = None;
    }

    fn failed(&mut self, fault: Fault) -> StoreError {
        if let Some(open) = &mut self.open {
            // The other faults are of the connection, or may be.
            open.suspect |= !matches!(fault, Fault::Locked | Fault::Unreadable { .. });
        }
        match &self.place {
            Place::File(path) => fault.at(path),
            Place::Memory => fault.at(Path::new("in memory")),
        }
    }

    /// The open store, once it is sure to be the file at the path.
    fn ready(&mut self, busy: Duration) -> Result<&mut Open, Fault> {
        let Place::File(path) = &self.place else {
            return self.open.as_mut().ok_or(Fault::Missing);
        };
        let stamp = match &mut self.open {
            Some(open) => open.look(path),
            None => Stamp::of(path),
        };
        let stamp = stamp.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Fault::Missing
            } else {
                Fault::CannotOpen(error.to_string())
            }
        })?;
        if !self
            .open
            .as_ref()
            .is_some_and(|open| open.is_current(stamp))
        {
            if let Some(old) = self.open.take() {
                close(old, path, stamp);
            }
            self.open = Some(Open::new(path, busy)?);
        }
        self.open.as_mut().ok_or(Fault::Missing)
    }
}

/// Closes the connection to what was at `path`, where there is now the file of `stamp`.
fn close(old: Open, path: &Path, stamp: Stamp) {
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
        // Somebody has committed to the new file, and the log holds that too.
        log::warn!("{shown} is in use for the file that replaced the old one, and is left alone");
        return;
    }
    // The old file's log beside the new file: SQLite would play it into the new one. The `-shm`
    // file does no harm: who opens a store first makes it anew.
    let stale = side_file(path, "-wal.stale");
    match fs::rename(&wal, &stale) {
        Ok(()) => log::warn!(
            "{shown} was left by the file that was replaced, and is now {}; it can be removed",
            stale.display()
        ),
        Err(error) => {
            log::warn!("cannot rename {shown}, left by a file that was replaced: {error}")
        }
    }
}

impl Open {
    fn new(path: &Path, busy: Duration) -> Result<Self, Fault> {
        let before = Stamp::of(path).map_err(|_| Fault::Missing)?;
        let connection = schema::open_current(path, busy)?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        let log = side_file(path, "-wal");
        let wal = Stamp::of(&log).ok();
        let after = Stamp::of(path).map_err(|_| Fault::Missing)?;
        Ok(Self {
            connection,
            stamp: Some(after),
            log,
            wal,
            // Opened while the file was being replaced: which of the two, nobody knows.
            suspect: before != after,
            written: None,
        })
    }

    fn inode(&self) -> Option<Inode> {
        self.stamp.map(|stamp| stamp.inode)
    }

    fn is(&self, inode: Inode) -> bool {
        self.inode() == Some(inode)
    }

    /// Whether it is still what is at the path, which has this stamp now.
    fn is_current(&self, stamp: Stamp) -> bool {
        self.stamp == Some(stamp) && !self.suspect
    }

    /// Looks at what is at the path now, and remembers the log if this file is still in place.
    fn look(&mut self, path: &Path) -> io::Result<Stamp> {
        // The log first: if the file is in place after that, the log was still its own.
        let wal = Stamp::of(&self.log).ok();
        let stamp = Stamp::of(path)?;
        if self.is(stamp.inode) {
            self.wal = wal;
        }
        Ok(stamp)
    }

    /// Whether all of the log is in the file now. Readers or a writer elsewhere can prevent that;
    /// the next quiet moment will do.
    fn checkpoint(&mut self) -> bool {
        let done: rusqlite::Result<i64> = self.connection.busy_timeout(BUSY_NOTE).and_then(|()| {
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        });
        if done == Ok(0) {
            return true;
        }
        // What it has moved has changed the file. Whether somebody else has, too, is not to be
        // told any more, so the next lookup opens it anew. That loses the note of when the log
        // was begun, but not the log.
        self.suspect = true;
        false
    }

    fn find(&mut self, login: &Login, busy: Duration) -> Result<Option<Found>, Fault> {
        self.connection.busy_timeout(busy)?;
        let found = match login {
            Login::Id(id) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, password FROM members WHERE id = ?1",
                )?
                .query_row([id.0], |row| Ok(found(row)))
                .optional()?,
            Login::Nick(nick) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, password FROM members WHERE nick = ?1",
                )?
                .query_row([nick.as_ref()], |row| Ok(found(row)))
                .optional()?,
        };
        found.transpose()
    }

    fn write(&mut self, notes: &Notes) -> Result<(), Fault> {
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
                statement.execute(params![id.0, &*note.nick, note.at])?;
                // Whoever has set another password meanwhile has meant it.
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

fn found(row: &Row<'_>) -> Result<Found, Fault> {
    let id: i64 = row.get(0)?;
    let text = |at: usize, column| {
        let bytes = row.get_ref(at)?.as_bytes().map_err(rusqlite::Error::from)?;
        let text = std::str::from_utf8(bytes);
        text.map_err(|_| Fault::Unreadable { id, column })
    };
    Ok(Found {
        member: Member {
            id: MemberId(id),
            nick: Arc::from(text(1, "nick")?),
            name: Arc::from(text(2, "name")?),
        },
        active: row.get(3)?,
        password: text(4, "password")?.to_owned(),
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
pub(super) struct Inode {
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

/// How long noting logins waits for a lock, and moving it from the log into the file.
const BUSY_NOTE: Duration = Duration::from_millis(25);

/// How long noted logins may be in the log alone, if the log could not be put away at once.
const LOG_LIVES: Duration = Duration::from_secs(1);

/// What SQLite keeps of the file: so many KiB, as it takes them below 0. The system has the file in
/// memory too, and a page from there costs a microsecond; by itself SQLite would keep 2 MB of pages,
/// more than some thousand connections take.
const CACHE: i64 = -256;
