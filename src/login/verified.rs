//! Passwords that were right a short while ago, so that members who reconnect all at once do not cost a hash
//! each: ten thousand hashes take minutes.
//!
//! An entry states one fact about two texts: this password was verified against this stored hash. The member,
//! its state and the stored hash are read from the store at each login, so an entry cannot be out of date: a
//! new password has a new hash, which has no entry.
//!
//! An entry is a keyed hash of the two texts. The key exists only in this process. Passwords are never kept,
//! and wrong passwords leave no entry and cost a full hash.
//!
//! An entry takes about 40 bytes, too little for a list by age. There are two tables instead, and the older
//! one is dropped as a whole.

use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{KeyInit, Mac};
use flashgate_core::{Login, Secret};
use zeroize::Zeroizing;

use crate::password::scrub::{BLOCK, apart};

/// The passwords that were right lately, one for each name used to log in.
pub(super) struct Verified {
    /// A hash that has the key; none if the system gave no random numbers, and then nothing is kept.
    keyed: Option<Keyed>,
    /// Entries since the tables were last exchanged.
    young: Proofs,
    /// Older entries that were not renewed since.
    old: Proofs,
    turned: Instant,
    /// Entries of a table.
    most: usize,
}

/// The name: half of a keyed hash, more than anybody can search while it lives.
type Proofs = HashMap<Name, [u8; 16]>;

/// The name used to log in: a member's number, or the keyed hash of a nick. A collision does no harm, because
/// the proof has to match, too.
type Name = u64;

type Keyed = Blake2bMac<U32>;

impl Verified {
    /// No entries.
    pub(super) fn new() -> Self {
        Self::of(MOST)
    }

    fn of(most: usize) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let random = getrandom::fill(&mut *key);
        Self {
            keyed: random
                .ok()
                .map(|()| Keyed::new_from_slice(&*key).expect("a key may have 64 bytes")),
            young: Proofs::new(),
            old: Proofs::new(),
            turned: Instant::now(),
            most,
        }
    }

    /// Whether there is an entry for this name: if so, its row was read lately.
    pub(super) fn knows(&self, login: &Login) -> bool {
        let known = |keyed| {
            let name = name(keyed, login);
            self.young.contains_key(&name) || self.old.contains_key(&name)
        };
        self.keyed.as_ref().is_some_and(known)
    }

    /// Whether this password was verified against this stored hash lately. Compares in constant time.
    pub(super) fn is_right(
        &mut self,
        login: &Login,
        password: &Secret,
        stored: &str,
        now: Instant,
    ) -> bool {
        self.forget(now);
        let Some(keyed) = &self.keyed else {
            return false;
        };
        let name = name(keyed, login);
        let fits = |name: Name| {
            let known = self.young.get(&name).or_else(|| self.old.get(&name));
            known.is_some_and(|known| {
                proof(keyed, password, stored)
                    .verify_truncated_left(known)
                    .is_ok()
            })
        };
        apart::<BLOCK, _>(|| fits(name) || fits(name ^ RENEWED))
    }

    /// Adds an entry: a password was verified against a stored hash just now.
    pub(super) fn keep(&mut self, login: &Login, password: &Secret, stored: &str, now: Instant) {
        self.keep_as(login, 0, password, stored, now);
    }

    /// Adds the same for the hash that will replace the stored one. The other entry stays, since the new hash may
    /// never be stored.
    pub(super) fn keep_renewed(
        &mut self,
        login: &Login,
        password: &Secret,
        stored: &str,
        now: Instant,
    ) {
        self.keep_as(login, RENEWED, password, stored, now);
    }

    fn keep_as(&mut self, login: &Login, bit: Name, password: &Secret, stored: &str, now: Instant) {
        self.forget(now);
        if self.young.len() >= self.most {
            self.turn(now);
        }
        let Some(keyed) = &self.keyed else { return };
        let proof =
            apart::<BLOCK, _>(|| first(&proof(keyed, password, stored).finalize().into_bytes()));
        let name = name(keyed, login) ^ bit;
        self.old.remove(&name);
        self.young.insert(name, proof);
    }

    /// Drops the older table when it is too old.
    pub(super) fn forget(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.turned);
        if since >= 2 * LIVES {
            self.young = Proofs::new();
            self.turn(now);
        } else if since >= LIVES {
            // Counted from when the turn was due, not from this call; otherwise rare calls would keep entries
            // alive.
            self.turn(self.turned + LIVES);
        }
    }

    fn turn(&mut self, at: Instant) {
        self.old = mem::take(&mut self.young);
        self.turned = at;
    }
}

fn name(keyed: &Keyed, login: &Login) -> Name {
    match login {
        Login::Id(id) => id.0 as u64,
        Login::Nick(nick) => {
            let hash = keyed.clone().chain_update(nick.as_bytes()).finalize();
            // No number has this bit.
            u64::from_le_bytes(first(&hash.into_bytes())) | 1 << 63
        }
    }
}

/// The length separates the two texts, so that no other pair gives the same bytes.
fn proof(keyed: &Keyed, password: &Secret, stored: &str) -> Keyed {
    keyed
        .clone()
        .chain_update((stored.len() as u64).to_le_bytes())
        .chain_update(stored)
        .chain_update(password.expose())
}

fn first<const N: usize>(hash: &[u8]) -> [u8; N] {
    *hash.first_chunk().expect("a hash has 32 bytes")
}

/// This bit marks the entry of a hash that will be stored. No number that a site gives has it.
const RENEWED: Name = 1 << 62;

/// Entries of one table: with the other, sixteen times the connections that a server takes by default,
/// in 3 MB.
const MOST: usize = 32_768;

/// The time after which the older table is dropped: an entry lives for one to two of these. This is long
/// enough for a network outage or for several reloads of a page. It is not longer, because with the memory of
/// the process, key included, passwords could be tried far faster than on the stored hashes.
const LIVES: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;
    use flashgate_core::MemberId;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(id: i64) -> Login {
        Login::Id(MemberId(id))
    }

    #[test]
    fn only_what_was_verified_is_right() {
        let mut verified = Verified::new();
        let now = Instant::now();
        let right = |verified: &mut Verified, who, password: &str, stored: &str| {
            verified.is_right(&who, &Secret::new(password), stored, now)
        };
        assert!(!right(&mut verified, id(1), "secret", "$hash"));
        verified.keep(&id(1), &Secret::new("secret"), "$hash", now);
        assert!(right(&mut verified, id(1), "secret", "$hash"));
        for (who, password, stored) in [
            (id(2), "secret", "$hash"),
            (Login::parse("m1"), "secret", "$hash"),
            (id(1), "Secret", "$hash"),
            (id(1), "secret ", "$hash"),
            (id(1), "", "$hash"),
            (id(1), "secret", "$other"),
            // The same bytes one after the other.
            (id(1), "hsecret", "$has"),
            (id(1), "ecret", "$hashs"),
        ] {
            let case = format!("{who:?} {password} {stored}");
            assert!(!right(&mut verified, who, password, stored), "{case}");
        }
        let harmed = !right(&mut verified, id(1), "secret", "$hash");
        assert!(!harmed, "by what was tried");
        // One password for each: the last that was right.
        verified.keep(&id(1), &Secret::new("new"), "$new", now);
        assert!(right(&mut verified, id(1), "new", "$new"));
        assert!(!right(&mut verified, id(1), "secret", "$hash"));
        // Each process has a key of its own.
        let proofs = |verified: &Verified| verified.young.values().copied().collect::<Vec<_>>();
        let mut other = Verified::new();
        other.keep(&id(1), &Secret::new("new"), "$new", now);
        assert_ne!(proofs(&verified), proofs(&other));
    }

    #[test]
    fn nicks_are_known_by_themselves() {
        let mut verified = Verified::new();
        let now = Instant::now();
        let secret = Secret::new("secret");
        let [alice, bob] = ["alice", "bob"].map(Login::parse);
        verified.keep(&alice, &secret, "$", now);
        assert!(verified.knows(&alice) && verified.is_right(&alice, &secret, "$", now));
        assert!(!verified.knows(&bob) && !verified.is_right(&bob, &secret, "$", now));
    }

    #[test]
    fn a_renewed_hash_is_known_beside_the_old_one() {
        let mut verified = Verified::new();
        let now = Instant::now();
        let secret = Secret::new("secret");
        for who in [id(1), Login::parse("alice")] {
            verified.keep(&who, &secret, "$old", now);
            verified.keep_renewed(&who, &secret, "$new", now);
            for (stored, right) in [("$old", true), ("$new", true), ("$other", false)] {
                assert_eq!(verified.is_right(&who, &secret, stored, now), right);
            }
            let other = Secret::new("other");
            assert!(!verified.is_right(&who, &other, "$new", now));
        }
    }

    #[test]
    fn what_is_kept_grows_old() {
        let mut verified = Verified::new();
        let start = verified.turned;
        let secret = Secret::new("secret");
        let right = |verified: &mut Verified, who, now| {
            let right = verified.is_right(&id(who), &secret, "$", now);
            assert_eq!(verified.knows(&id(who)), right);
            right
        };
        verified.keep(&id(1), &secret, "$", start);
        verified.keep(&id(2), &secret, "$", start + LIVES - SECOND);
        // To be right once more does not make it younger.
        assert!(right(&mut verified, 1, start + 2 * LIVES - SECOND));
        verified.keep(&id(2), &secret, "$", start + LIVES);
        assert!(!right(&mut verified, 1, start + 2 * LIVES));
        assert!(right(&mut verified, 2, start + 2 * LIVES), "verified anew");
        assert!(!right(&mut verified, 2, start + 4 * LIVES));
        verified.keep(&id(3), &secret, "$", start + 4 * LIVES);
        assert!(
            !right(&mut verified, 3, start + 6 * LIVES),
            "nobody looked for so long"
        );
    }

    #[test]
    fn full_tables_let_the_oldest_go() {
        let mut verified = Verified::of(2);
        let now = Instant::now();
        let secret = Secret::new("secret");
        for who in [1, 2, 3, 1, 4, 5] {
            verified.keep(&id(who), &secret, "$", now);
        }
        let known: Vec<i64> = (1..=5).filter(|who| verified.knows(&id(*who))).collect();
        assert_eq!(known, [1, 3, 4, 5]);
        assert!(verified.young.len() <= 2 && verified.old.len() <= 2);
    }
}
