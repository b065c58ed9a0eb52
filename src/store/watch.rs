//! Changes that other programs make while a server runs: a command of the operator, another server, SQL by
//! hand.
//!
//! Triggers write each change that logs a member out or gives it another nick to the table `changes` (see the
//! schema). A few times a second the times of the files are compared; if they differ, the new rows of that table
//! are read. Each row has a random mark. If the last row that was read is not in its place, the file is another one, an older
//! one or far ahead, and every member that has logged in is compared with the store. A row `added` leads to
//! the same comparison, because SQL's `REPLACE` removes rows without a trigger.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flashgate_core::name::{NameFault, Nick};
use flashgate_core::{Member, MemberEvent, MemberId};
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OptionalExtension};

use super::backend::Tell;
use super::members::lossy;
use super::stamp::{Inode, Stamp, side_file};

/// Watches a store for changes. Does nothing before it has a listener.
#[derive(Default)]
pub(super) struct Watch {
    known: Arc<Mutex<Known>>,
    /// The number of the lookups that this belongs to.
    generation: u64,
    /// The files when they were last read; `None` if they must be read in any case.
    seen: Option<Sight>,
    /// The file that was read last.
    inode: Option<Inode>,
    /// What a replacement file looked like at the last check. It is read once it looks the same twice, so that a
    /// copy in progress can finish.
    strange: Option<Sight>,
    heard: Option<Mark>,
    nicks: RandomState,
}

/// The state that outlives lookups that are given up. Its lock is never held while the store is read.
#[derive(Default)]
struct Known {
    tell: Option<Tell>,
    /// The number of the lookups in use. Others have been given up, and report nothing.
    generation: u64,
    /// Every member that has logged in and has not changed since, online or not: at most all members, at about
    /// 40 bytes each.
    let_in: HashMap<MemberId, LetIn>,
    comparisons: u64,
}

/// A look at the files, without opening them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    file: Stamp,
    /// An empty log counts as none, because opening the store makes one.
    log: Option<Stamp>,
    /// Where the log is. Beside what a symbolic link leads to, which takes many steps to find out.
    log_path: PathBuf,
}

/// A row of the table `changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    seq: i64,
    mark: i64,
}

impl Mark {
    /// No change has this mark: their numbers begin at 1.
    const NONE: Self = Self { seq: 0, mark: 0 };
}

struct LetIn {
    /// The hash of the nick, which shows that the member has another.
    nick: u64,
    /// The last change that had been made when the row was read.
    as_of: i64,
}

/// Makes a [`Watch`] to replace one that is given up.
pub(super) struct WatchHeir {
    known: Arc<Mutex<Known>>,
    nicks: RandomState,
}

impl WatchHeir {
    /// A watch that compares every member at its first look, because changes may have been missed.
    pub(super) fn watch(&self) -> Watch {
        let mut known = self.known.lock();
        known.generation += 1;
        Watch {
            known: Arc::clone(&self.known),
            generation: known.generation,
            heard: Some(Mark::NONE),
            nicks: self.nicks.clone(),
            ..Watch::default()
        }
    }
}

impl Watch {
    pub(super) fn heir(&self) -> WatchHeir {
        WatchHeir {
            known: Arc::clone(&self.known),
            nicks: self.nicks.clone(),
        }
    }

    /// Reports what happens from now on.
    pub(super) fn begin(&mut self, tell: Tell) {
        self.known().tell = Some(tell);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }

    /// The state of the files now, if they have changed since they were last read.
    pub(super) fn changed(&mut self, path: &Path) -> Option<Sight> {
        self.known().tell.as_ref()?;
        let file = Stamp::of(path).ok()?;
        let known = self.seen.as_ref().filter(|seen| seen.file == file);
        let log_path = known.map_or_else(|| side_file(path, "-wal"), |seen| seen.log_path.clone());
        let log = Stamp::of(&log_path).ok().filter(|log| log.size > 0);
        let sight = Sight {
            file,
            log,
            log_path,
        };
        if Some(&sight) == self.seen.as_ref() {
            return None;
        }
        // The replacement may be incomplete: its log may follow.
        if self.inode.is_some_and(|inode| inode != sight.file.inode)
            && self.strange.as_ref() != Some(&sight)
        {
            self.strange = Some(sight);
            return None;
        }
        Some(sight)
    }

    /// Reports what has changed in the store. `sight` is what the files looked like before it was opened.
    pub(super) fn hear(&mut self, connection: &Connection, sight: Sight) -> rusqlite::Result<()> {
        self.seen = None;
        self.listen(connection)?;
        self.inode = Some(sight.file.inode);
        self.strange = None;
        // A second change may follow the first within one tick of the file system's clock. It would
        // leave the same times, and so these are remembered once they are old enough.
        self.seen = Some(sight).filter(Sight::has_settled);
        Ok(())
    }

    /// Notes a login, by a row that was read after the change `as_of`.
    ///
    /// The first of two logins counts. The second one may be refused as a duplicate, and then a change has to
    /// log out the first.
    pub(super) fn let_in(&mut self, member: &Member, as_of: i64) {
        let mut known = self.known();
        if known.tell.is_some() {
            let nick = self.nicks.hash_one(&*member.nick);
            known
                .let_in
                .entry(member.id)
                .or_insert(LetIn { nick, as_of });
        }
    }

    /// How often all members were compared. A comparison misses a login whose row was read before it and that is
    /// accepted after it.
    pub(super) fn comparisons(&self) -> u64 {
        self.known().comparisons
    }

    fn listen(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // Everything is read as of one moment.
        let moment = connection.unchecked_transaction()?;
        let last = last(&moment)?;
        let Some(heard) = self.heard else {
            // The server starts: no member is online, and earlier changes do not matter.
            self.heard = last;
            return Ok(());
        };
        if last == Some(heard) {
            return Ok(());
        }
        let mut events = Events::new();
        let is_whole = mark_of(&moment, heard.seq)? == Some(heard.mark);
        let compares =
            !is_whole || self.read(&moment, heard.seq, &mut events)? == Compare::Everybody;
        if compares {
            self.compare(&moment, &mut events)?;
        }
        let mut known = self.known.lock();
        if known.generation != self.generation {
            // The result is old by now, and the next lookups have read it again.
            return Ok(());
        }
        if compares {
            let now = last.map_or(0, |last| last.seq);
            known
                .let_in
                .values_mut()
                .for_each(|known| known.as_of = now);
            known.comparisons += 1;
        }
        self.heard = last;
        for (id, event) in events {
            known.hear(id, &event, last, &self.nicks);
            let event = match event {
                Changed::Out(event) => event,
                Changed::Named(member) => MemberEvent::Renamed(member),
                Changed::Unfit { nick, why } => {
                    log::warn!(
                        "member {id} has the nick {nick:?} in the store, which {why}; it is not used, and the \
                         member cannot log in; choose another with flashgate members rename {id} NICK"
                    );
                    continue;
                }
            };
            if let Some(tell) = &known.tell {
                tell(event);
            }
        }
        Ok(())
    }

    /// Reads the changes after `heard`.
    fn read(
        &self,
        moment: &Connection,
        heard: i64,
        events: &mut Events,
    ) -> rusqlite::Result<Compare> {
        let mut compare = Compare::Nobody;
        let mut changes = moment
            .prepare_cached("SELECT seq, what, member FROM changes WHERE seq > ?1 ORDER BY seq")?;
        let mut rows = changes.query([heard])?;
        while let Some(row) = rows.next()? {
            let (seq, what) = (row.get::<_, i64>(0)?, row.get_ref(1)?.as_str()?);
            if !matches!(what, "disabled" | "renamed" | "removed") {
                // The schema has two other kinds, and neither names a member.
                compare = Compare::Everybody;
                continue;
            }
            let id = MemberId(row.get(2)?);
            // A member who was disabled, enabled and then logged in for the first time stays online. A member
            // who is not known may be logging in right now, by an older row.
            let known = self.known();
            let is_past = known
                .let_in
                .get(&id)
                .is_some_and(|known| known.as_of >= seq);
            if is_past {
                continue;
            }
            let event = match what {
                "disabled" => Changed::Out(MemberEvent::Disabled(id)),
                "removed" => Changed::Out(MemberEvent::Removed(id)),
                _ => now(moment, id)?,
            };
            // A member that was logged out in between is logged out.
            let was_out = matches!(events.get(&id), Some(Changed::Out(_)));
            if !was_out || matches!(event, Changed::Out(_)) {
                events.insert(id, event);
            }
        }
        Ok(compare)
    }

    /// Compares every member that has logged in.
    fn compare(&self, moment: &Connection, events: &mut Events) -> rusqlite::Result<()> {
        let nicks = |known: &Known| -> Vec<(MemberId, u64)> {
            let all = known.let_in.iter();
            all.map(|(id, known)| (*id, known.nick)).collect()
        };
        let let_in = nicks(&self.known());
        for (id, known) in let_in {
            let event = now(moment, id)?;
            let nick = event.nick().map(|nick| self.nicks.hash_one(nick));
            if nick != Some(known) {
                events.insert(id, event);
            }
        }
        Ok(())
    }
}

impl Known {
    /// As of the last change, a member is logged out, or stays under another nick.
    fn hear(&mut self, id: MemberId, event: &Changed, last: Option<Mark>, nicks: &RandomState) {
        let Some(nick) = event.nick() else {
            self.let_in.remove(&id);
            return;
        };
        if let Some(known) = self.let_in.get_mut(&id) {
            known.nick = nicks.hash_one(nick);
            known.as_of = last.map_or(0, |last| last.seq);
        }
    }
}

type Events = BTreeMap<MemberId, Changed>;

/// What has changed about a member.
enum Changed {
    /// It may not be online any more.
    Out(MemberEvent),
    /// It may have another nick. This is the member now.
    Named(Member),
    /// It has a nick that breaks a rule, and keeps the one by which it is online.
    Unfit { nick: String, why: NameFault },
}

impl Changed {
    /// The nick in the store, if the member may log in.
    fn nick(&self) -> Option<&str> {
        match self {
            Self::Out(_) => None,
            Self::Named(member) => Some(&member.nick),
            Self::Unfit { nick, .. } => Some(nick),
        }
    }
}

/// What a member is now.
fn now(moment: &Connection, id: MemberId) -> rusqlite::Result<Changed> {
    let row = moment
        .prepare_cached("SELECT active, nick, name FROM members WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((row.get(0)?, lossy(row, 1)?, lossy(row, 2)?))
        })
        .optional()?;
    let (nick, name) = match row {
        None => return Ok(Changed::Out(MemberEvent::Removed(id))),
        Some((false, ..)) => return Ok(Changed::Out(MemberEvent::Disabled(id))),
        Some((true, nick, name)) => (nick, name),
    };
    if let Err(why) = Nick::new(&nick) {
        return Ok(Changed::Unfit { nick, why });
    }
    Ok(Changed::Named(Member {
        id,
        nick: nick.into(),
        name: name.into(),
    }))
}

impl Sight {
    fn has_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs() as i64);
        let of = |stamp: &Stamp| now.abs_diff(stamp.changed.0) > SETTLED.as_secs();
        of(&self.file) && self.log.as_ref().is_none_or(of)
    }
}

/// Members that the changes do not name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Nobody,
    Everybody,
}

/// The last change.
fn last(moment: &Connection) -> rusqlite::Result<Option<Mark>> {
    moment
        .prepare_cached("SELECT seq, mark FROM changes ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Mark {
                seq: row.get(0)?,
                mark: row.get(1)?,
            })
        })
        .optional()
}

fn mark_of(moment: &Connection, seq: i64) -> rusqlite::Result<Option<i64>> {
    moment
        .prepare_cached("SELECT mark FROM changes WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()
}

/// How often the files are looked at, so that an operator's change takes effect within a second.
pub(crate) const LOOK: Duration = Duration::from_millis(600);

/// Some file systems count whole seconds, or two.
const SETTLED: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    /// A second change within one tick of the clock leaves the same times.
    #[test]
    fn files_that_have_just_changed_are_looked_at_again() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs() as i64;
        let store = tempfile::NamedTempFile::new().unwrap();
        let stamp = |age: i64| Stamp {
            changed: (now - age, 0),
            ..Stamp::of(store.path()).unwrap()
        };
        let settled = |file: i64, log: Option<i64>| {
            let sight = Sight {
                file: stamp(file),
                log: log.map(stamp),
                log_path: PathBuf::new(),
            };
            sight.has_settled()
        };
        assert!(settled(100, None) && settled(100, Some(100)));
        assert!(!settled(0, None) && !settled(100, Some(0)) && !settled(0, Some(100)));
        // A clock that is behind the file system's proves nothing.
        assert!(!settled(-1, None));
    }
}
