//! Logins that are not yet saved in the store: a transaction for each would cost more than the rest of the
//! login. The new hash of a password in an old format is saved with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use flashgate_core::{Member, MemberId};

use super::stamp::Inode;
use crate::password::Hash;

/// Logins that wait to be written, the last of each member.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) waiting: BTreeMap<MemberId, Note>,
    /// The file that the row was read from; `None` in memory. The note is not written to another file.
    file: Option<Inode>,
    /// When the first of them came, or when writing them was last tried.
    since: Option<Instant>,
}

/// A login to be noted.
pub(crate) struct Note {
    /// The nick at the login. A file may have been overwritten in place, so the number may belong to another
    /// member.
    pub(crate) nick: Arc<str>,
    /// When the member logged in, in seconds since 1970 UTC; `None` if that is written already.
    pub(crate) at: Option<i64>,
    pub(crate) renewed: Option<Renewed>,
}

/// A hash to be stored instead of the one that a password was verified against.
pub(crate) struct Renewed {
    /// Unless another is stored by then.
    pub(crate) was: String,
    pub(crate) is: Hash,
}

impl Notes {
    /// Notes a login that was read from `file`.
    pub(crate) fn add(&mut self, member: &Member, file: Option<Inode>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let at = now.map_or(0, |since| since.as_secs() as i64);
        if let Some(note) = self.note(member, file) {
            note.at = Some(at);
        }
    }

    /// Notes the new hash of a member's password.
    pub(crate) fn renew(&mut self, member: &Member, renewed: Renewed, file: Option<Inode>) {
        if let Some(note) = self.note(member, file) {
            note.renewed = Some(renewed);
        }
    }

    /// A member has another nick.
    pub(crate) fn rename(&mut self, member: &Member) {
        if let Some(note) = self.waiting.get_mut(&member.id) {
            note.nick = Arc::clone(&member.nick);
        }
    }

    /// The notes about a member; `None` if no more members fit.
    fn note(&mut self, member: &Member, file: Option<Inode>) -> Option<&mut Note> {
        self.keep_to(file);
        if self.waiting.len() >= MOST && !self.waiting.contains_key(&member.id) {
            return None;
        }
        self.since.get_or_insert_with(Instant::now);
        let note = self.waiting.entry(member.id).or_insert_with(|| Note {
            nick: Arc::clone(&member.nick),
            at: None,
            renewed: None,
        });
        note.nick = Arc::clone(&member.nick);
        Some(note)
    }

    /// Drops the notes that belong to another file.
    pub(crate) fn keep_to(&mut self, file: Option<Inode>) {
        if self.file != file {
            self.done();
            self.file = file;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the notes have waited long enough.
    pub(crate) fn are_due(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= WAIT)
    }

    /// The notes could not be written, and wait again.
    pub(crate) fn put_off(&mut self) {
        self.since = Some(Instant::now());
    }

    /// The notes are written.
    pub(crate) fn done(&mut self) {
        self.waiting.clear();
        self.since = None;
    }
}

/// How long logins may stay unsaved. A killed server loses those. Longer would lose more, shorter would sync
/// the file more often.
const WAIT: Duration = Duration::from_secs(1);

/// The number of unsaved logins while the store cannot be written; further ones are dropped. Ten times the
/// logins of a second.
const MOST: usize = 65_536;

#[cfg(test)]
mod tests {
    use flashgate_core::Secret;

    use super::*;

    fn member(id: i64) -> Member {
        Member {
            id: MemberId(id),
            nick: Arc::from("nick"),
            name: Arc::from("Name"),
        }
    }

    fn renewed() -> Renewed {
        Renewed {
            was: "old".to_owned(),
            is: Hash::new(&Secret::new("x")).unwrap(),
        }
    }

    /// A member who logs in again at once is recognised without a hash, and no new hash is made.
    #[test]
    fn a_second_login_keeps_the_new_hash_of_the_first() {
        let mut notes = Notes::default();
        notes.renew(&member(1), renewed(), None);
        assert_eq!(notes.waiting[&MemberId(1)].at, None);
        notes.add(&member(1), None);
        assert!(notes.waiting[&MemberId(1)].at.is_some());
        assert_eq!(notes.waiting.len(), 1);
        assert!(notes.waiting[&MemberId(1)].renewed.is_some());
    }

    #[test]
    fn logins_that_cannot_be_written_are_bounded() {
        let mut notes = Notes::default();
        for id in 0..=MOST as i64 {
            notes.add(&member(id), None);
        }
        assert_eq!(notes.waiting.len(), MOST);
        // Those who wait already may come again.
        notes.renew(&member(1), renewed(), None);
        assert!(notes.waiting[&MemberId(1)].renewed.is_some());
        assert_eq!(notes.waiting.len(), MOST);
    }
}
