//! One connection for the lookups of a running server, and what happens to it when the file under
//! it is deleted, replaced or damaged.
//!
//! An open SQLite connection continues to answer from a deleted file, and its pages stay in the cache
//! when the file is overwritten in place. So the path is checked before each lookup, and the connection
//! is opened again when the file is another one or has changed.
//!
//! In quiet moments there is no connection at all, and so no `-wal` or `-shm` file. An open
//! connection would share the two with a program that opens the file that takes the store's place, and
//! the pages of both would be mixed in the log.
//!
//! There is one connection for all threads of the pool, which take turns. A lookup takes
//! microseconds and a hash tens of milliseconds, so nobody waits long; and one connection per
//! thread would be wrong: as the first to meet a replaced file opens it, SQLite truncates the
//! `-shm` file that the others still have mapped (a SIGBUS), since the locks that forbid this do
//! not hold inside one process. So where a thread is stuck with its connection, the store is read
//! without locks until that thread is back.
//!
//! Good logins are noted in the store some time later, many in one transaction, and new hashes of
//! passwords with them. Until that is committed the old hash is what is stored.

use std::io;
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::name::Nick;
use flashgate_core::{Login, MemberId};

use super::backend::{Found, Tell};
use super::error::{Fault, StoreError};
use super::members::Members;
use super::notes::{Notes, Renewed};
use super::opened::{BUSY_NOTE, Ends, Open, close, find, may_be_beside, read_unshared};
use super::rename::{self, Renaming};
use super::stamp::Stamp;
use super::watch::{LOOK, Watch, WatchHeir};
use crate::password::Hash;

/// Lookups in a store of our own, one after the other.
pub(crate) struct Lookups {
    place: Place,
    open: Option<Open>,
    /// How long a query may compute.
    longest: Duration,
    notes: Notes,
    /// When a lookup last gave up waiting for a lock.
    locked: Option<Instant>,
    /// Since when, and why, logins cannot be noted.
    unnoted: Option<(Instant, Fault)>,
    watch: Watch,
    looked: Instant,
    tidied: Instant,
    /// Another connection to the file may be open, which a stuck thread has.
    is_beside_stuck: bool,
    #[cfg(test)]
    pub(crate) touch: Touch,
}

/// Is called before the file is looked at, so that a test can make it hang.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct Touch(pub(crate) Arc<dyn Fn() + Send + Sync>);

/// Makes [`Lookups`] to replace those that are given up, without touching the file.
pub(crate) struct Heir {
    path: PathBuf,
    longest: Duration,
    watch: WatchHeir,
    #[cfg(test)]
    touch: Touch,
}

impl Heir {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn lookups(&self) -> Lookups {
        Lookups {
            longest: self.longest,
            watch: self.watch.watch(),
            #[cfg(test)]
            touch: self.touch.clone(),
            ..Lookups::of(Place::File(self.path.clone()), None)
        }
    }
}

enum Place {
    File(PathBuf),
    Memory,
}

impl Lookups {
    /// Over the file at `path`, which must be a store.
    /// A query that computes for longer than `longest` is interrupted.
    pub(crate) fn file(path: &Path, longest: Duration) -> Result<Self, StoreError> {
        let mut lookups = Self::of(Place::File(path.to_owned()), None);
        lookups.longest = longest;
        match lookups.ready(BUSY).map(drop) {
            Err(fault) if may_be_beside(&fault) => {
                read_unshared(path, longest, |_, _| Ok(())).or(Err(fault))
            }
            ready => ready,
        }
        .map_err(|fault| fault.at(path))?;
        Ok(lookups)
    }

    /// Over a store in memory.
    pub(crate) fn memory(members: Members) -> Self {
        let open = Open {
            connection: members.connection,
            stamp: None,
            log: PathBuf::new(),
            wal: None,
            suspect: false,
            written: None,
            ends: Ends::never(),
        };
        Self::of(Place::Memory, Some(open))
    }

    fn of(place: Place, open: Option<Open>) -> Self {
        Self {
            place,
            open,
            longest: Duration::MAX,
            notes: Notes::default(),
            locked: None,
            unnoted: None,
            watch: Watch::default(),
            looked: Instant::now(),
            tidied: Instant::now(),
            is_beside_stuck: false,
            #[cfg(test)]
            touch: Touch(Arc::new(|| ())),
        }
    }

    /// Makes lookups to replace these; `None` in memory.
    pub(crate) fn heir(&self) -> Option<Heir> {
        let Place::File(path) = &self.place else {
            return None;
        };
        Some(Heir {
            path: path.clone(),
            longest: self.longest,
            watch: self.watch.heir(),
            #[cfg(test)]
            touch: self.touch.clone(),
        })
    }

    /// Says whether another connection to the file may be open.
    pub(crate) fn set_beside_stuck(&mut self, is_beside_stuck: bool) {
        self.is_beside_stuck = is_beside_stuck;
    }

    /// Finds the member that a client names, active or not. The client asked at `since`.
    ///
    /// Lookups wait for a lock one after the other, behind the pool's lock. A lookup that waited here while
    /// another waited in vain fails at once. Otherwise the last in the queue would report the lock long after
    /// the core has given it up.
    pub(crate) fn find(
        &mut self,
        login: &Login,
        since: Instant,
    ) -> Result<Option<Found>, StoreError> {
        let busy = self.patience(since);
        let found = self.ready(busy).and_then(|open| open.find(login, busy));
        let found = match (found, &self.place) {
            // Logins still work. The warning is that last logins are not saved.
            (Err(fault), Place::File(path)) if may_be_beside(&fault) => {
                let found =
                    read_unshared(path, self.longest, |store, file| find(store, login, file));
                self.failed(fault.clone());
                found.map_err(|why| if is_of_a_member(&why) { why } else { fault })
            }
            (found, _) => found,
        };
        let comparisons = self.watch.comparisons();
        let found = found.map(|found| {
            found.map(|found| Found {
                comparisons,
                ..found
            })
        });
        match &found {
            Err(Fault::Locked) if !busy.is_zero() => self.locked = Some(Instant::now()),
            Err(_) => {}
            Ok(_) => self.locked = None,
        }
        found.map_err(|fault| self.failed(fault))
    }

    /// Like [`find`](Self::find), but only if no file has to be opened and no lock has to be waited for.
    pub(crate) fn find_at_once(&mut self, login: &Login) -> Option<Found> {
        let open = self.open.as_mut()?;
        if let Place::File(path) = &self.place {
            let stamp = open.look(path).ok()?;
            if !open.is_current(stamp) {
                return None;
            }
        }
        // The lookup that opens the file and waits meets the same error, and reports it.
        let found = open.find(login, Duration::ZERO).ok()??;
        let comparisons = self.watch.comparisons();
        Some(Found {
            comparisons,
            ..found
        })
    }

    /// Notes a good login, to be written soon by [`answered`](Self::answered) or [`idle`](Self::idle).
    ///
    /// False if the member has changed since it was found. The login has to fail then, because the change
    /// would not log it out.
    pub(crate) fn note_login(&mut self, found: &Found) -> bool {
        let mut as_of = found.as_of;
        if found.comparisons != self.watch.comparisons() {
            match self.find(&Login::Id(found.member.id), Instant::now()) {
                Ok(Some(now)) if now.is_as(found) => as_of = now.as_of,
                Ok(Some(_) | None) | Err(_) => return false,
            }
        }
        self.watch.let_in(&found.member, as_of);
        self.notes.add(&found.member, found.file);
        true
    }

    /// Gives a member another nick, unless that is taken. Waits for a lock as [`find`](Self::find) does.
    pub(crate) fn rename(
        &mut self,
        member: MemberId,
        nick: &Nick,
        since: Instant,
    ) -> Result<Renaming, StoreError> {
        let busy = self.patience(since);
        let renamed = self.ready(busy).and_then(|open| {
            open.ends.begin();
            let renamed = rename::rename(&mut open.connection, member, nick, busy)?;
            open.written.get_or_insert_with(Instant::now);
            Ok(renamed)
        });
        if let (Place::File(path), Some(open)) = (&self.place, &mut self.open) {
            let _ = open.look(path);
        }
        match &renamed {
            Err(Fault::Locked) if !busy.is_zero() => self.locked = Some(Instant::now()),
            Ok(Renaming::Done(member)) => self.notes.rename(member),
            Ok(Renaming::Taken | Renaming::NobodyThere) | Err(_) => {}
        }
        renamed.map_err(|fault| self.failed(fault))
    }

    /// How long a question that was asked at `since` may wait for a lock.
    fn patience(&self, since: Instant) -> Duration {
        match self.locked {
            Some(locked) if since <= locked => Duration::ZERO,
            Some(_) | None => BUSY,
        }
    }

    /// Stores the hash of another password. False if the row is no longer as it was found. Waits for a lock only for
    /// a moment, because nobody can log in meanwhile.
    pub(crate) fn set_password(&mut self, found: &Found, hash: &Hash) -> Result<bool, StoreError> {
        let set = self.ready(BUSY_NOTE).and_then(|open| {
            if open.inode() == found.file {
                open.set_password(found, hash)
            } else {
                Ok(false)
            }
        });
        if let (Place::File(path), Some(open)) = (&self.place, &mut self.open) {
            let _ = open.look(path);
        }
        set.map_err(|fault| self.failed(fault))
    }

    /// Notes the new hash of a password.
    pub(crate) fn note_renewed(&mut self, found: &Found, renewed: Renewed) {
        self.notes.renew(&found.member, renewed, found.file);
    }

    /// Reports changes by other programs, from now on.
    pub(crate) fn watch(&mut self, tell: Tell) {
        self.watch.begin(tell);
        self.look();
    }

    /// To be called every [`LOOK`] without a lookup.
    pub(crate) fn quiet(&mut self) {
        self.look();
        if self.tidied.elapsed() >= QUIET {
            self.idle();
        }
    }

    /// Reports the changes that other programs have made.
    fn look(&mut self) {
        self.looked = Instant::now();
        let Place::File(path) = &self.place else {
            return;
        };
        let Some(sight) = self.watch.changed(path) else {
            return;
        };
        let was_open = self.open.is_some();
        let ready = self.ready(BUSY_NOTE).map(drop);
        let heard = match (ready, &self.place) {
            (Ok(()), _) => {
                let open = self.open.as_ref().expect("it is ready");
                open.ends.begin();
                let connection = &open.connection;
                let busy = connection.busy_timeout(BUSY_NOTE);
                busy.and_then(|()| self.watch.hear(connection, sight))
                    .map_err(Fault::from)
            }
            // Where we cannot write, others may, as from outside a container.
            (Err(fault), Place::File(path)) if may_be_beside(&fault) => {
                read_unshared(path, self.longest, |store, _| {
                    Ok(self.watch.hear(store, sight)?)
                })
            }
            (Err(fault), _) => Err(fault),
        };
        if let Err(fault) = heard {
            let error = self.failed(fault);
            log::info!("cannot read changes in the member store yet: {error}");
        }
        if !was_open {
            self.idle();
        }
    }

    /// To be called after every lookup, so that a server that is never idle reads changes, saves logins and
    /// empties its log, too.
    pub(crate) fn answered(&mut self) {
        if self.looked.elapsed() >= LOOK {
            self.look();
        }
        let written = self.open.as_ref().and_then(|open| open.written);
        if self.notes.are_due() || written.is_some_and(|since| since.elapsed() >= LOG_LIVES) {
            self.idle();
        }
    }

    /// Saves last logins. Waits for a lock only for a moment: they are not worth a longer wait.
    pub(crate) fn write_notes(&mut self) {
        self.write_notes_when(|| {});
    }

    /// The same; `opens` is called before the store is opened.
    fn write_notes_when(&mut self, opens: impl FnOnce()) {
        if self.notes.is_empty() {
            return;
        }
        // A replacement of their file is not opened for them: its log may still be missing.
        if let Place::File(path) = &self.place
            && let Ok(now) = Stamp::of(path)
        {
            self.notes.keep_to(Some(now.inode));
        }
        if self.notes.is_empty() {
            return;
        }
        self.notes.put_off();
        opens();
        let written = match self.ready(BUSY_NOTE) {
            Ok(open) => {
                // The file may have been replaced since the check.
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
            Ok(()) => {
                self.notes.done();
                if self.unnoted.take().is_some() {
                    log::warn!("last logins are saved again");
                }
            }
            // Another program writes, and will finish.
            Err(Fault::Locked) => {
                let error = self.failed(Fault::Locked);
                log::info!("last logins are not saved yet: {error}");
            }
            Err(fault) => self.cannot_note(fault),
        }
    }

    /// Logs it once in a while, and not with every login.
    fn cannot_note(&mut self, fault: Fault) {
        let error = self.failed(fault);
        let known = self.unnoted.as_ref().is_some_and(|(since, fault)| {
            *fault == error.fault && since.elapsed() < COMPLAIN_AGAIN
        });
        if !known {
            log::warn!("last logins are not saved yet: {error}");
            self.unnoted = Some((Instant::now(), error.fault));
        }
    }

    /// Saves last logins, moves them from the write-ahead log into the file, and closes the store, which
    /// removes the log.
    ///
    /// To be called when there is nothing else to do. A log beside a file that it does not belong to damages
    /// that file. With the log gone, an operator can restore a backup while the server is quiet.
    pub(crate) fn idle(&mut self) {
        self.tidied = Instant::now();
        self.write_notes();
        let Place::File(path) = &self.place else {
            return;
        };
        let Some(open) = &mut self.open else {
            return;
        };
        let in_place = Stamp::of(path).is_ok_and(|now| open.is(now.inode));
        // Logins that wait to be noted keep the file open: another file could get its inode.
        if !in_place || !self.notes.is_empty() || (open.written.is_some() && !open.checkpoint()) {
            return;
        }
        self.open = None;
    }

    fn failed(&mut self, fault: Fault) -> StoreError {
        if let Some(open) = &mut self.open {
            // The other faults are faults of the connection, or may be.
            open.suspect |= !is_of_a_member(&fault) && fault != Fault::Locked;
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
        #[cfg(test)]
        (self.touch.0)();
        if self.is_beside_stuck {
            let why = "a thread is stuck with a connection to it";
            return Err(Fault::CannotOpen(why.to_owned()));
        }
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
            self.open = Some(Open::new(path, busy, self.longest)?);
        }
        self.open.as_mut().ok_or(Fault::Missing)
    }
}

/// The other members can still be looked up.
fn is_of_a_member(fault: &Fault) -> bool {
    matches!(fault, Fault::Unreadable { .. } | Fault::Misnamed { .. })
}

/// After about this time without a lookup, the store is tidied up.
const QUIET: Duration = Duration::from_secs(1);

/// How long a lookup waits for a lock: well below the 10 s after which the core gives it up.
pub(super) const BUSY: Duration = Duration::from_secs(2);

/// The same fault is logged again after this time.
pub(crate) const COMPLAIN_AGAIN: Duration = Duration::from_secs(30);

/// How long noted logins may be in the log alone, if the log could not be put away at once.
const LOG_LIVES: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
