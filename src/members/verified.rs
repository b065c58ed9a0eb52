//! Which passwords were right a short while ago, so that known members who come back all at once do
//! not cost a hash each: that would be minutes for ten thousand.
//!
//! What is kept is a fact about two texts alone: this password was verified against this stored hash.
//! It says nothing of a member. Who that is, whether active, and which hash is stored is read from the
//! store at each login all the same, so nothing here can be out of date: another password in the
//! store is another hash, and none of that is known here.
//!
//! Kept is a keyed hash of the two, under a key that lives in this process alone: never the password,
//! nor anything that outlives the process. Only right passwords are kept. A wrong one is hashed as
//! ever, and costs what it costs everybody else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{KeyInit, Mac};
use flashgate_core::{Login, Member, MemberId, Secret};

/// The passwords that were right lately, one for each member.
pub(super) struct Verified {
    /// Has taken the key in; none if the system gave no random numbers, and then nothing is kept.
    keyed: Option<Keyed>,
    entries: BTreeMap<MemberId, Entry>,
    /// Whose nick it was, for [`knows`](Self::knows) alone.
    nicks: BTreeMap<Arc<str>, MemberId>,
    /// The entries by age: the place of each, and whose it is.
    order: BTreeMap<u64, MemberId>,
    next_place: u64,
    most: usize,
}

struct Entry {
    nick: Arc<str>,
    proof: [u8; 32],
    since: Instant,
    /// Where it is in `order`.
    place: u64,
}

type Keyed = Blake2bMac<U32>;

impl Verified {
    /// Knows nobody yet.
    pub(super) fn new() -> Self {
        Self::of(MOST)
    }

    fn of(most: usize) -> Self {
        let mut key = [0; 32];
        let random = getrandom::fill(&mut key);
        Self {
            keyed: random
                .ok()
                .map(|()| Keyed::new_from_slice(&key).expect("a key may have 64 bytes")),
            entries: BTreeMap::new(),
            nicks: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
            most,
        }
    }

    /// Whether anything is known of whom a client says it is: if so, the row was read lately.
    pub(super) fn knows(&self, login: &Login) -> bool {
        match login {
            Login::Id(id) => self.entries.contains_key(id),
            Login::Nick(nick) => self.nicks.contains_key(nick),
        }
    }

    /// Whether this password was verified against this stored hash lately. Compares in constant time.
    pub(super) fn is_right(
        &self,
        id: MemberId,
        password: &Secret,
        stored: &str,
        now: Instant,
    ) -> bool {
        let (Some(entry), Some(keyed)) = (self.entries.get(&id), &self.keyed) else {
            return false;
        };
        let fresh = now.saturating_duration_since(entry.since) < LIVES;
        fresh
            && proof(keyed, password, stored)
                .verify_slice(&entry.proof)
                .is_ok()
    }

    /// Keeps that a password was verified against a stored hash just now.
    pub(super) fn keep(&mut self, member: &Member, password: &Secret, stored: &str, now: Instant) {
        let Some(keyed) = &self.keyed else { return };
        let proof = proof(keyed, password, stored).finalize().into_bytes();
        self.remove(member.id);
        let entry = Entry {
            nick: Arc::clone(&member.nick),
            proof: proof.into(),
            since: now,
            place: self.next_place,
        };
        self.next_place += 1;
        self.order.insert(entry.place, member.id);
        self.nicks.insert(Arc::clone(&member.nick), member.id);
        self.entries.insert(member.id, entry);
        self.forget(now);
    }

    /// Lets the oldest go: those too old to be of use, and those for whom there is no room.
    pub(super) fn forget(&mut self, now: Instant) {
        while let Some((_, &id)) = self.order.first_key_value() {
            let since = self.entries[&id].since;
            let old = now.saturating_duration_since(since) >= LIVES;
            if !old && self.entries.len() <= self.most {
                return;
            }
            self.remove(id);
        }
    }

    fn remove(&mut self, id: MemberId) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.order.remove(&entry.place);
        // Somebody else may have the nick by now.
        if self.nicks.get(&entry.nick) == Some(&id) {
            self.nicks.remove(&entry.nick);
        }
    }
}

/// The length parts the two texts, so that no other two give the same.
fn proof(keyed: &Keyed, password: &Secret, stored: &str) -> Keyed {
    keyed
        .clone()
        .chain_update((stored.len() as u64).to_le_bytes())
        .chain_update(stored)
        .chain_update(password.expose())
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

/// Entries: sixteen times the connections that a server takes by default, in about 10 MB.
const MOST: usize = 65_536;

/// Long enough for a server's network to come back, or for a page to be loaded again and again. No
/// longer, since who can read the process's memory could try passwords on what is kept, key and
/// all, far faster than on the store's hashes.
const LIVES: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn member(id: i64) -> Member {
        named(id, &format!("m{id}"))
    }

    fn named(id: i64, nick: &str) -> Member {
        Member {
            id: MemberId(id),
            nick: Arc::from(nick),
            name: Arc::from("M"),
        }
    }

    #[test]
    fn only_what_was_verified_is_right() {
        let mut verified = Verified::new();
        let now = Instant::now();
        let right = |verified: &Verified, id, password: &str, stored: &str| {
            verified.is_right(MemberId(id), &Secret::new(password), stored, now)
        };
        assert!(!right(&verified, 1, "secret", "$hash"));
        verified.keep(&member(1), &Secret::new("secret"), "$hash", now);
        assert!(right(&verified, 1, "secret", "$hash"));
        for (id, password, stored) in [
            (2, "secret", "$hash"),
            (1, "Secret", "$hash"),
            (1, "secret ", "$hash"),
            (1, "", "$hash"),
            (1, "secret", "$other"),
            // The same bytes one after the other.
            (1, "hsecret", "$has"),
            (1, "ecret", "$hashs"),
        ] {
            assert!(
                !right(&verified, id, password, stored),
                "{id} {password} {stored}"
            );
        }
        assert!(right(&verified, 1, "secret", "$hash"), "none of it harms");
        // One password for each member: the last that was right.
        verified.keep(&member(1), &Secret::new("new"), "$new", now);
        assert!(right(&verified, 1, "new", "$new"));
        assert!(!right(&verified, 1, "secret", "$hash"));
        // Each process has a key of its own.
        assert_ne!(verified.entries[&MemberId(1)].proof, {
            let mut other = Verified::new();
            other.keep(&member(1), &Secret::new("new"), "$new", now);
            other.entries[&MemberId(1)].proof
        });
    }

    #[test]
    fn what_is_kept_grows_old() {
        let mut verified = Verified::new();
        let start = Instant::now();
        let secret = Secret::new("secret");
        let right =
            |verified: &Verified, id, now| verified.is_right(MemberId(id), &secret, "$", now);
        verified.keep(&member(1), &secret, "$", start);
        verified.keep(&member(2), &secret, "$", start + SECOND);
        // To be right once more does not make it younger.
        assert!(right(&verified, 1, start + LIVES - SECOND));
        assert!(!right(&verified, 1, start + LIVES));
        assert!(right(&verified, 2, start + LIVES));
        verified.forget(start + LIVES);
        assert!(
            !verified.knows(&Login::Id(MemberId(1))) && verified.knows(&Login::Id(MemberId(2)))
        );
        verified.keep(&member(2), &secret, "$", start + LIVES);
        verified.forget(start + LIVES + SECOND);
        assert!(verified.knows(&Login::Id(MemberId(2))), "verified anew");
    }

    #[test]
    fn a_full_table_lets_the_oldest_go() {
        let mut verified = Verified::of(3);
        let now = Instant::now();
        let secret = Secret::new("secret");
        for id in [1, 2, 3, 1, 4, 5] {
            verified.keep(&member(id), &secret, "$", now);
        }
        let known: Vec<i64> = (1..=5)
            .filter(|id| verified.knows(&Login::Id(MemberId(*id))))
            .collect();
        assert_eq!(known, [1, 4, 5]);
        assert_eq!(verified.order.len(), verified.entries.len());
        assert_eq!(verified.nicks.len(), verified.entries.len());
    }

    #[test]
    fn nicks_come_and_go_with_their_members() {
        let mut verified = Verified::of(2);
        let now = Instant::now();
        let secret = Secret::new("secret");
        let knows = |verified: &Verified, nick: &str| verified.knows(&Login::parse(nick));
        verified.keep(&named(1, "old"), &secret, "$", now);
        verified.keep(&named(1, "new"), &secret, "$", now);
        assert!(!knows(&verified, "old") && knows(&verified, "new"));
        // Removed, and somebody else has taken the nick since.
        verified.keep(&named(2, "new"), &secret, "$", now);
        verified.keep(&named(3, "third"), &secret, "$", now);
        assert!(knows(&verified, "new") && knows(&verified, "third"));
        verified.forget(now + LIVES);
        assert!(!knows(&verified, "new") && verified.nicks.is_empty());
    }
}
